"""`muster audit`: who did what, and whether the record is whole."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from muster.cli import options
from muster.cli.exit_codes import ExitCode
from muster.cli.output import Format, counted, print_data, print_table, say, visible
from muster.errors import SpecError

app = typer.Typer(
    help="Who did what to whose account: show the record, and prove that it is whole.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

STDIN = Path("-")

FileArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="[FILE]",
        help="An audit file, or - for lines on standard input, such as a pod's logs; "
        "audit.jsonl beside the registry when left out.",
        show_default=False,
    ),
]
Since = Annotated[
    str,
    typer.Option(
        metavar="TIME",
        help="Only what is younger: a time such as 2026-11-01, or an age such as 36h or 7d.",
        show_default=False,
    ),
]
Actions = Annotated[
    list[str] | None,
    typer.Option(
        "--action", help="Only this action, such as SetPassword; repeatable.", show_default=False
    ),
]

_AGE = re.compile(r"(\d{1,6})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_COLUMNS = ("AT", "WHO", "CUSTOMER", "ACTION", "SYSTEM", "SUBJECT", "RESULT", "WHY")


@app.callback()
def audit() -> None:
    """Who did what to whose account."""


@app.command()
def show(
    file: FileArgument = None,
    only: options.Only = None,
    since: Since = "",
    action: Actions = None,
    output: options.Output = Format.TEXT,
    estate: options.Estate = options.HERE,
    state: options.State = None,
) -> int:
    """Show what was done: who asked, what, when, and what came of it. Never a secret.

    An effect without a known result shows as Unknown: it is under way, or a crash cut it off.

    \b
    muster audit show -c contoso --since 7d
    kubectl logs -n muster deploy/muster | muster audit show - -o json
    """
    from muster.audit.reading import Wanted, read_effects

    wanted = Wanted(
        customers=frozenset(only or ()),
        actions=frozenset(action or ()),
        since=_moment(since) if since else None,
    )
    _, lines = _open(file, estate, state)
    effects = list(read_effects(lines, wanted))
    if output is Format.TEXT:
        print_table(_COLUMNS, map(_row, effects))
    else:
        print_data(effects, output)
    return ExitCode.OK


@app.command()
def verify(
    file: FileArgument = None,
    estate: options.Estate = options.HERE,
    state: options.State = None,
) -> int:
    """Check that no line was changed, removed or put in; the exit code is 1 when one was.

    Keep the hash that it prints elsewhere: it shows later whether lines were cut off at the end.

    \b
    muster audit verify
    kubectl logs -n muster deploy/muster | muster audit verify -
    """
    from muster.audit.verify import verify_lines

    name, lines = _open(file, estate, state)
    found = verify_lines(lines, f"The audit file was altered: {name}")
    torn = f", {counted(found.torn, 'line')} cut short by a crash" if found.torn else ""
    chains = f" in {counted(found.chains, 'chain')}" if found.chains != 1 else ""
    events = counted(found.events, "event") + chains
    sys.stdout.write(visible(f"{name}: {events}{torn}; the last line is {found.head}") + "\n")
    if found.late:
        say(f"The first lines of {counted(found.late, 'chain')} are not there, as in rotated logs.")
    return ExitCode.OK


def _open(file: Path | None, estate: Path, state: Path | None) -> tuple[str, Iterator[bytes]]:
    """Return what the record is called, and its lines."""
    from muster.audit.verify import read_lines
    from muster.cli.session import place

    if file == STDIN:
        return "standard input", (line.rstrip(b"\r\n") for line in sys.stdin.buffer)
    path = file or place([estate], state).audit_file
    return str(path), read_lines(path)


def _moment(text: str) -> datetime:
    """Return the moment that `--since` names; raises SpecError."""
    if age := _AGE.fullmatch(text):
        return datetime.now(UTC) - timedelta(**{_UNITS[age[2]]: int(age[1])})
    with suppress(ValueError):
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.astimezone()
    raise SpecError((f"--since: {text} is neither a time, as 2026-11-01, nor an age, as 36h.",))


def _row(effect: dict[str, object]) -> tuple[object, ...]:
    names = (str(effect[one]) for one in ("actor", "requested_by") if effect.get(one))
    who = " for ".join(dict.fromkeys(names))
    told = ("reason", "revision", "cause", "detail")
    why = "; ".join(str(effect[one]) for one in told if effect.get(one))
    named = (effect.get(one, "") for one in ("customer", "action", "system", "subject", "result"))
    return (effect.get("at", ""), who, *named, why)
