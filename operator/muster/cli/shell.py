"""Runs one command and maps what it raises to an exit code, in one place."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from typer.exceptions import Abort, Exit, TyperException

from muster.cli.exit_codes import ExitCode
from muster.cli.output import complain, say
from muster.errors import MusterError, SpecError, StateBusy

Program = Callable[..., Any]
"""A command line application, or its root command."""


def run(program: Program, arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    try:
        code = int(program(list(arguments), prog_name="muster", standalone_mode=False) or 0)
    except Exit as end:
        code = end.exit_code
    except TyperException as error:
        code = _usage(error)
    except (KeyboardInterrupt, Abort):
        code = ExitCode.INTERRUPTED
    except MusterError as error:
        code = _failed(error)
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does; nothing is wrong with us.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ExitCode.OK
    except Exception as bug:  # noqa: BLE001 - the shell's last resort, so that no bug is silent
        code = _bug(bug)
    if code == ExitCode.INTERRUPTED:  # typer turns Ctrl-C into this code by itself
        complain("Interrupted. What was done is recorded; the next run goes on from there.")
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
