"""Arguments and options that several commands share, described once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from muster.cli.output import Format

Paths = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[PATH]...",
        help="Files or directories with resources; the current directory when left out.",
        show_default=False,
    ),
]
Also = Annotated[
    list[Path] | None,
    typer.Option("--estate", "-f", help="The same as PATH.", show_default=False),
]
Estate = Annotated[
    Path,
    typer.Option(
        "--estate", "-f", help="The directory with the resources.", envvar="MUSTER_ESTATE"
    ),
]
State = Annotated[
    Path | None,
    typer.Option(
        help="The registry's file; .muster/state.sqlite in the first directory with resources when "
        "left out.",
        envvar="MUSTER_STATE",
        show_default=False,
    ),
]
SecretsFrom = Annotated[
    Path | None,
    typer.Option(
        "--secrets",
        help="Directory of secrets as files, NAME/KEY; secrets/ in the first directory with "
        "resources when it is there. MUSTER_SECRET_<NAME>_<KEY> in the environment works beside "
        "it.",
        envvar="MUSTER_SECRETS",
        show_default=False,
    ),
]
Patience = Annotated[
    float,
    typer.Option(
        "--patience",
        min=0,
        metavar="SECONDS",
        help="How long one request is tried again while its system fails or throttles.",
        envvar="MUSTER_PATIENCE",
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--customer", "-c", help="Only this customer; repeat it for several.", show_default=False
    ),
]
Output = Annotated[Format, typer.Option("--output", "-o", help="How to print.")]
CustomerArgument = Annotated[str, typer.Argument(help="The customer's name.", metavar="CUSTOMER")]
AccountArgument = Annotated[
    str,
    typer.Argument(
        help="sAMAccountName, UPN, object id, display name, or the Account's name.",
        metavar="ACCOUNT",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
HERE = Path()
"""The current directory."""

PATIENCE_S = 60.0
"""Seconds; long enough for a vendor's short outage, short enough for a person to wait."""
