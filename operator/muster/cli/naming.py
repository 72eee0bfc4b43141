"""Which account a person means: one way of naming it in every command."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from muster.errors import SpecError
from muster.plan.keys import fold
from muster.resources.problems import nearest

if TYPE_CHECKING:
    from muster.model.accounts import AccountRecord


def find_record(records: Sequence[AccountRecord], name: str, customer: str) -> AccountRecord:
    """Return the one account that a name fits; raises SpecError with those that it fits."""
    found = accounts_called(name, records)
    if len(found) == 1:
        return found[0]
    if found:
        raise SpecError((f'"{name}" fits several accounts of {customer}: {listed(found)}.',))
    users = {one for record in records for one in (record.identity.sam, record.identity.user)}
    near = nearest(fold(name), sorted(filter(None, users)))
    hint = f"Did you mean {near}?" if near else f"List them: muster get accounts -c {customer}"
    raise SpecError((f'The registry knows no account "{name}" of {customer}. {hint}',))


def accounts_called(name: str, records: Iterable[AccountRecord]) -> list[AccountRecord]:
    """Return the accounts that a name fits: those that bear it, else those it is short for."""
    records, wanted = tuple(records), fold(name)
    bearing = [one for one in records if wanted in map(fold, _names(one))]
    return bearing or [one for one in records if wanted == fold(one.identity.short_name)]


def listed(records: Iterable[AccountRecord]) -> str:
    """Return accounts that a name fits, each with the name that fits it alone."""
    shown = ", ".join(f"{record.identity.user} ({record.name})" for record in records)
    return f"{shown}. Name one"


def _names(record: AccountRecord) -> tuple[str | None, ...]:
    own = record.identity
    return (record.name, own.id, own.sam, own.upn, own.display_name)
