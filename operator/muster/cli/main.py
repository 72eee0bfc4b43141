"""`muster`: registers the commands and maps errors to exit codes, in one place."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.exceptions import Abort, Exit, TyperException

import muster
from muster.cli import describing, lab, planning, reading, resolving, running, systems
from muster.cli.demo import demo
from muster.cli.exit_codes import ExitCode
from muster.cli.output import complain, say
from muster.errors import MusterError, SpecError, StateBusy

app = typer.Typer(
    name="muster",
    help="Keep customers' directories, password vaults and PSAs in agreement with git.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for command in (
    demo,
    planning.validate,
    planning.plan,
    planning.apply,
    running.run,
    reading.get,
    describing.describe,
    describing.explain,
    reading.matches,
    resolving.resolve,
    systems.directory,
    systems.doctor,
):
    app.command()(command)
app.add_typer(lab.app, name="lab")


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
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    try:
        code = int(app(list(arguments), prog_name="muster", standalone_mode=False) or 0)
    except Exit as end:
        code = end.exit_code
    except TyperException as error:
        code = _usage(error)
    except (KeyboardInterrupt, Abort):
        complain("Interrupted. What was done is recorded; the next run goes on from there.")
        code = ExitCode.INTERRUPTED
    except MusterError as error:
        code = _failed(error)
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does; nothing is wrong with us.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ExitCode.OK
    except Exception as bug:  # noqa: BLE001 - the shell's last resort, so that no bug is silent
        code = _bug(bug)
    return code


def _failed(error: MusterError) -> ExitCode:
    for problem in error.problems if isinstance(error, SpecError) else (str(error),):
        complain(problem)
    return ExitCode.BUSY if isinstance(error, StateBusy) else ExitCode.ERROR


def _usage(error: Any) -> ExitCode:
    show = getattr(error, "show", None)
    if show:
        show()
    else:
        complain(str(error))
    return ExitCode.USAGE


def _bug(bug: Exception) -> ExitCode:
    """Print where a bug struck, without the values of any variable."""
    complain(f"This is a bug in Muster ({type(bug).__name__}). Please report these lines:")
    for line in traceback.format_tb(bug.__traceback__):
        say(line.rstrip())
    return ExitCode.ERROR
