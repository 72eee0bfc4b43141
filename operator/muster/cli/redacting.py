"""`muster test --record`: reads one customer like `plan` does, and writes it as a policy test."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from muster.cli.exit_codes import ExitCode
from muster.cli.output import counted, say
from muster.errors import MusterError

if TYPE_CHECKING:
    from muster.cli.session import Place, Session
    from muster.model.settings import Desired
    from muster.testing.renaming import Original

_MOST_SHOWN = 10


def record_customer(name: str, where: Place, to: Path | None) -> int:
    """Write a customer as a policy test; say what was kept, and whether it plans alike."""
    from muster.cli.session import find_customer, open_session
    from muster.testing.recorded import finish, relative
    from muster.testing.redact import redact

    folder = to.parent if to else Path()
    with open_session(where, write=False) as session:
        desired = find_customer(session.estate, name)
        original = _read(session, desired)
        redacted = redact(original, relative(where.paths, folder), secrets.token_bytes(16))
        recording = finish(original, redacted, session.estate, folder)
    if to is None:
        sys.stdout.write(recording.text)
    else:
        _save(to, recording.text)
    say(f"Recorded {counted(recording.accounts, 'account')} that the policies reach.")
    if recording.kept:
        say(f"Kept, because policies use them: {', '.join(recording.kept)}.")
    for line in recording.differences[:_MOST_SHOWN]:
        say(f"Not planned like the original: {line}")
    return ExitCode.ERROR if recording.differences else ExitCode.OK


def _read(session: Session, desired: Desired) -> Original:
    """Read the customer's systems, the registry, and its own imports as they are written.

    Raises:
        MusterError: a system could not be read whole; half a customer is no test.
    """
    from muster.reconcile import propose
    from muster.testing.renaming import Original

    proposal = propose(desired, session.assembly.ports(desired))
    for read in proposal.scene.observed.reads:
        if read.connected and not read.usable:
            raise MusterError(f"The {read.source} could not be read whole: {read.problem}")
    placed = session.loaded.places[("Customer", desired.customer.name)]
    return Original(
        desired=desired,
        observed=proposal.scene.observed,
        known=proposal.scene.known,
        now=proposal.at,
        imports=placed.value["spec"].get("imports", ()),
    )


def _save(to: Path, text: str) -> None:
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(text, encoding="utf-8")
    except OSError as error:
        raise MusterError(f"{to} cannot be written: {error.strerror}.") from None
