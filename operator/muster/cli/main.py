"""`muster`: the options before a command, and the program itself. `commands` lists the commands."""

from __future__ import annotations

import logging
import sys
from io import TextIOWrapper
from typing import Annotated

import typer
from typer.exceptions import Exit

import muster
from muster.cli.commands import LateGroup
from muster.cli.shell import run

app = typer.Typer(
    name="muster",
    cls=LateGroup,
    help="Keep customers' directories, password vaults and PSAs in agreement with git.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


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
