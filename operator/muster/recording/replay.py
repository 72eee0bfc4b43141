"""Observes a recording as if it were the systems: the same question gets the same answer.

What the recording does not hold is a source that could not be read, never one that is empty.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from muster.adapters.entra.privileged import PRIVILEGED
from muster.errors import AccessDenied, Unavailable
from muster.model.directory import DirectorySnapshot
from muster.model.entra import EntraGroup, EntraQuestion, EntraRole, EntraSnapshot
from muster.model.names import AccountId, RemoteId, Source
from muster.model.plans import Verdict
from muster.model.records import Organization, PsaContact, VaultCategory, VaultEntry
from muster.model.settings import Desired
from muster.observe import observe
from muster.reconcile import judge
from muster.recording.connections import connection
from muster.recording.model import NotRecorded, RecordedCustomer, RecordedRead

T = TypeVar("T")


def plan_recorded(desired: Desired, recorded: RecordedCustomer) -> Verdict:
    """Plan one customer as it was at the moment of the recording; touches no system."""
    known = recorded.known
    observed = observe(desired, known, RecordedSystems.of(desired, recorded))
    return judge(desired, observed, known, recorded.at)


class _Recorded:
    """One source of one customer."""

    def __init__(self, read: RecordedRead) -> None:
        self._read = read

    def _sound(self) -> RecordedRead:
        if not self._read.complete:
            raise (AccessDenied if self._read.access_denied else Unavailable)(self._read.problem)
        return self._read


class RecordedDirectory(_Recorded):
    """A recorded Active Directory."""

    def read(self, _known: frozenset[AccountId], *, states: bool = False) -> DirectorySnapshot:  # noqa: ARG002
        """Return the domain as it was."""
        return _held(self._sound().directory, Source.DIRECTORY)


class RecordedEntra(_Recorded):
    """A recorded Entra tenant."""

    def read(self, question: EntraQuestion, _known: frozenset[AccountId]) -> EntraSnapshot:
        """Return the tenant as it would have answered this question.

        Raises:
            NotRecorded: something is asked that was not asked then.
        """
        read = self._sound()
        asked = read.question or EntraQuestion()
        new = sorted({*question.groups, *question.roles} - {*asked.groups, *asked.roles})
        if new or (question.privileged and not asked.privileged):
            raise NotRecorded(
                "The recording does not hold what the policies ask of the Entra tenant: "
                f"{', '.join(new) or 'who is privileged'}. "
                "Plan live, or record with these policies."
            )
        return narrowed(_held(read.entra, Source.ENTRA), question)


class RecordedVault(_Recorded):
    """A recorded vault, as far as one customer's organization goes."""

    def find_organization(self, _organization: RemoteId) -> Organization | None:
        """Return the organization, or None where it did not exist."""
        return self._sound().organization

    def list_categories(self) -> tuple[VaultCategory, ...]:
        """Return every category."""
        return self._read.categories

    def list_entries(self, _organization: RemoteId) -> tuple[VaultEntry, ...]:
        """Return every entry of the organization."""
        return self._read.entries


class RecordedPsa(_Recorded):
    """A recorded PSA, as far as one customer's company goes."""

    def find_company(self, _company: RemoteId) -> Organization | None:
        """Return the company, or None where there was no live one."""
        return self._sound().company

    def list_contacts(self, _company: RemoteId) -> tuple[PsaContact, ...]:
        """Return every contact of the company."""
        return self._read.contacts


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSystems:
    """The systems that one side's settings lead to, as the recording holds them."""

    directory: RecordedDirectory | None = None
    entra: RecordedEntra | None = None
    vault: RecordedVault | None = None
    psa: RecordedPsa | None = None
    problems: tuple[tuple[Source, str], ...] = ()

    @classmethod
    def of(cls, desired: Desired, recorded: RecordedCustomer) -> RecordedSystems:
        """Return what the settings lead to; a connection that was not recorded is a problem."""
        held = {(one.source, one.connection): one for one in recorded.reads}
        problems: list[tuple[Source, str]] = []

        def open_it(source: Source, kind: Callable[[RecordedRead], T]) -> T | None:
            key = connection(source, desired)
            found = held.get((source, key))
            if key and found is None:
                problems.append((source, _elsewhere(source, recorded)))
            return kind(found) if found else None

        systems = cls(
            directory=open_it(Source.DIRECTORY, RecordedDirectory),
            entra=open_it(Source.ENTRA, RecordedEntra),
            vault=open_it(Source.VAULT, RecordedVault),
            psa=open_it(Source.PSA, RecordedPsa),
        )
        return replace(systems, problems=tuple(problems))


def _elsewhere(source: Source, recorded: RecordedCustomer) -> str:
    return (
        f"The recording does not hold the {source} of {recorded.name} through this connection: "
        "it was made with other settings. Plan live, or record with these settings."
    )


def _held(snapshot: T | None, source: Source) -> T:
    if snapshot is None:
        raise NotRecorded(f"The recording is damaged: it lacks the {source}. Record again.")
    return snapshot


def narrowed(snapshot: EntraSnapshot, question: EntraQuestion) -> EntraSnapshot:
    """Return what a tenant answers to a narrower question than the one it was asked.

    A role that only another policy selects by would count as privileged here.
    """
    roles = {one.casefold() for one in question.roles}
    return replace(
        snapshot,
        groups=_asked_for(snapshot.groups, question),
        roles=tuple(one for one in snapshot.roles if _is_wanted(one, roles, question)),
    )


def _is_wanted(role: EntraRole, asked: set[str], question: EntraQuestion) -> bool:
    if question.privileged and role.template_id in PRIVILEGED:
        return True
    return role.template_id in asked or role.name.casefold() in asked


def _asked_for(groups: tuple[EntraGroup, ...], question: EntraQuestion) -> tuple[EntraGroup, ...]:
    """Return the groups of these ids and names, with all that are within them."""
    names = {one.casefold() for one in question.groups}
    by_id = {one.id: one for one in groups}
    waiting = [one for one in groups if one.id in names or one.name.casefold() in names]
    found = {one.id for one in waiting}
    while waiting:
        inner = [one for one in waiting.pop().groups if one in by_id and one not in found]
        found.update(inner)
        waiting += [by_id[one] for one in inner]
    return tuple(one for one in groups if one.id in found)
