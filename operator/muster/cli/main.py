"""`muster`: registers the commands."""

from __future__ import annotations

import logging
import sys
from io import TextIOWrapper
from typing import Annotated

import typer
from typer.exceptions import Exit

import muster
from muster.cli import (
    auditing,
    customers,
    describing,
    digesting,
    lab,
    operating,
    passwords,
    planning,
    reading,
    resetting,
    resolving,
    running,
    schemas,
    systems,
    testing,
    validating,
    vault,
    welcoming,
)
from muster.cli.demo import demo
from muster.cli.shell import run

app = typer.Typer(
    name="muster",
    help="Keep customers' directories, password vaults and PSAs in agreement with git.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for command in (
    demo,
    validating.validate,
    planning.plan,
    planning.apply,
    running.run,
    reading.get,
    describing.describe,
    describing.explain,
    reading.matches,
    resolving.resolve,
    resetting.reset,
    resetting.rotate,
    systems.directory,
    systems.doctor,
    digesting.digest,
    operating.operator,
    operating.reconcile,
    schemas.schemas,
):
    app.command()(command)
app.command("test")(testing.policy_tests)
app.add_typer(customers.app, name="customers")
app.add_typer(passwords.app, name="passwords")
app.add_typer(vault.app, name="vault")
app.add_typer(auditing.app, name="audit")
app.add_typer(lab.app, name="lab")
app.add_typer(welcoming.app, name="welcome")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"muster {muster.__version__}")
        raise Exit


@app.callback()
def options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Log every request to standard error.")
    ] = False,
) -> None:
    """Keep customers' directories, password vaults and PSAs in agreement with git."""
    if verbose:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
        logging.getLogger("muster").setLevel(logging.DEBUG)


def main() -> None:
    """Run the command line and exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal without Unicode shows `?` for a name; it must not end a run.
            stream.reconfigure(errors="replace")
    sys.exit(run(app, sys.argv[1:]))
