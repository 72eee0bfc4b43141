"""`muster customers`: the group of commands about customers as records of a vault or a PSA."""

from __future__ import annotations

import typer

from muster.cli import importing, pairing

app = typer.Typer(
    help="Make customers of organizations, and link customers to organizations.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command("import")(importing.import_customers)
app.command("match")(pairing.match_customers)
