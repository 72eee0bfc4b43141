"""What matching speaks of: accounts that want a record, and what speaks for one.

A matcher knows the records of one system (`vault_matching`, `psa_matching`, `pair_matching`);
`matching` decides, and knows none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from muster.model.accounts import Candidate, Identity, Link
from muster.model.names import MatchKey, RemoteId
from muster.model.settings import LinkOverride, Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One account that wants a record in one system."""

    identity: Identity
    options: Options
    override: LinkOverride | None = None
    override_name: str = ""
    place: str = ""
    """Where a record that matches is, as in `Link.place`."""
    prior: Link | None = None
    """The link of an earlier run, of a released account too."""
    created: RemoteId | None = None
    """What the journal says Muster created for this account, when no link holds it yet."""
    creating: bool = False
    """Whether the journal holds an open create for this account."""
    returning: bool = False
    """Whether the link is that of an account released before, which others may hold by now."""
    pinned_in: str = ""
    """Another vault, PSA or tenant in which the pinned id was linked: here it is another record."""
    frozen: bool = False
    """Whether the account's directory is unread. Its link stays as it is; it takes part so that
    nobody gets a record that is, or might be, the account's."""

    @property
    def forbidden(self) -> tuple[RemoteId, ...]:
        """The records that a person has said are not the account's."""
        return self.override.forbid if self.override else ()

    @property
    def held(self) -> RemoteId | None:
        """The record of an earlier run, unless a person has taken it away since."""
        record = self.prior.id if self.prior and self.prior.id else self.created
        if self.override is None or record is None or self.frozen:
            return record
        return None if self.detached(record) else record

    def detached(self, record: RemoteId) -> bool:
        """Say whether a person has taken this record away from the account."""
        override = self.override
        if override is None:
            return False
        return (
            override.ignore
            or record in override.forbid
            or (override.pin is not None and override.pin != record)
        )


@dataclass(frozen=True, slots=True)
class Hits:
    """Usable records that match. The lower the rank, the stronger the evidence."""

    rank: int
    found: tuple[tuple[RemoteId, MatchKey], ...]


@dataclass(frozen=True, slots=True)
class SetAside:
    """Records that match but must not be linked; nothing is created beside them."""

    link: Link


@dataclass(frozen=True, slots=True)
class Nothing:
    """No record matches. The hints are shown to people and never linked."""

    hints: tuple[Candidate, ...] = ()


Found = Hits | SetAside | Nothing


class Matcher(Protocol):
    """What matching needs to know about the records of one system."""

    def find(self, subject: Subject) -> Found:
        """Return what matches and is not forbidden, without looking at who else matches it."""
        ...

    def name(self, record: RemoteId) -> str | None:
        """Return a record's name, or None when the record is not there."""
        ...

    def unusable(self, record: RemoteId) -> str:
        """Return why a record must not be linked; empty when it may."""
        ...

    def candidate(self, record: RemoteId, evidence: str, subject: Subject, /) -> Candidate:
        """Describe a record for a person."""
        ...


def by_id(candidate: Candidate) -> tuple[int, str]:
    """Sort candidates by id, as numbers where they are numbers."""
    return (len(candidate.id), candidate.id)
