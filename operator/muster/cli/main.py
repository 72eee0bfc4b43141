"""`muster`: the options before a command, and the program itself. `commands` lists the commands."""

from __future__ import annotations

import logging
import sys
import threading
from io import TextIOWrapper
from typing import Annotated

import typer
from typer.exceptions import Exit

import muster
from muster.cli.commands import LateGroup
from muster.cli.shell import run, tell_of_thread

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
        _log_to_stderr()


def _log_to_stderr() -> None:
    from muster.kube.logs import TextLines

    handler = logging.StreamHandler()
    handler.setFormatter(TextLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.raiseExceptions = False  # or what cannot be written is printed with what it was given
    logging.getLogger("muster").setLevel(logging.DEBUG)


def main() -> None:
    """Run the command line and exit."""
    threading.excepthook = tell_of_thread
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal without Unicode shows `?` for a name; it must not end a run.
            stream.reconfigure(errors="replace")
    sys.exit(run(app, sys.argv[1:]))
