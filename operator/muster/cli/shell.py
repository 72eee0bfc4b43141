"""Runs one command and maps what it raises to an exit code, in one place."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from typer.exceptions import Abort, Exit, TyperException

from muster.cli.exit_codes import ExitCode
from muster.errors import MusterError, SpecError, StateBusy

Program = Callable[..., Any]
"""A command line application, or its root command."""

T = TypeVar("T")

_TAKERS = {"--estate": "the directory with the resources", "--customer": "a customer"}
"""What people write as an argument where a command takes it as an option."""


class Bug(MusterError):
    """A fault of Muster's own. The text says where it struck, without any variable's value."""


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
    except Exception as fault:  # noqa: BLE001 - the shell's last resort: no bug is silent
        code = _failed(bug(fault))
    if code == ExitCode.INTERRUPTED:  # typer turns Ctrl-C into this code by itself
        _complain("Interrupted. What was done is recorded; the next run goes on from there.")
    return code


def contain(work: Callable[[], T], where: str) -> T | MusterError:
    """Return what the work returns or why it failed, so that one customer stops nobody else."""
    try:
        return work()
    except MusterError as error:
        return error
    except Exception as fault:  # noqa: BLE001 - a bug at one customer must not stop the others
        return bug(fault, where)


def tell_of_thread(fault: threading.ExceptHookArgs) -> None:
    """Say what ended a thread, in place of Python's own words, which would show its text."""
    if isinstance(fault.exc_value, Exception):
        _complain(str(bug(fault.exc_value, fault.thread.name if fault.thread else "")))


def bug(fault: Exception, where: str = "") -> Bug:
    """Return a fault with the lines to report; what it says itself may hold anything."""
    lines = "".join(traceback.format_tb(fault.__traceback__)).rstrip()
    at = f" at {where}" if where else ""
    return Bug(
        f"This is a bug in Muster ({type(fault).__name__}){at}. Please report these lines:\n{lines}"
    )


def _failed(error: MusterError) -> ExitCode:
    for problem in error.problems if isinstance(error, SpecError) else (str(error),):
        _complain(problem)
    return ExitCode.BUSY if isinstance(error, StateBusy) else ExitCode.ERROR


def _usage(error: Any) -> ExitCode:
    error.message = error.message.removeprefix("Value error, ") + _where_it_goes(error)
    show = getattr(error, "show", None)
    if show:
        show()
    else:
        _complain(str(error))
    return ExitCode.USAGE


def _where_it_goes(error: Any) -> str:
    """Say which option takes what stands in the place of an argument."""
    command = getattr(getattr(error, "ctx", None), "command", None)
    if command is None or "unexpected extra argument" not in error.message:
        return ""
    known = {option for parameter in command.params for option in parameter.opts}
    takes = [f"{what} after {option}" for option, what in _TAKERS.items() if option in known]
    return f". It takes {' and '.join(takes)}." if takes else ""


def _complain(text: str) -> None:
    from muster.cli.output import complain

    complain(text)
