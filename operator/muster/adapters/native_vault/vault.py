"""The native vault as a vault: entries, and the passwords that they have had.

It decides when a password becomes a new revision, and what happens when two write at once. How
a password is sealed is decided in `muster.sealing`, where entries lie by their store.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from muster.adapters.native_vault.document import (
    EntryDocument,
    Revision,
    entry_id,
    read_document,
    write_document,
)
from muster.errors import MusterError, NotFound, Rejected, Unavailable, Unexpected
from muster.model.names import RemoteId
from muster.model.records import EntryChange, EntryDraft, Organization, VaultCategory, VaultEntry
from muster.model.secret import Secret
from muster.ports import Check, Clock, EntryStale, EntryStore, StoredEntry
from muster.sealing import BrokenSeal, KeyRing, UnknownKey, context_of

CATEGORIES = tuple(
    VaultCategory(id=RemoteId(name.lower().replace(" ", "-")), name=name)
    for name in ("Active Directory", "Microsoft 365", "Local Account")
)
"""One for each source of accounts."""

KEPT_REVISIONS = 25

_ATTEMPTS = 5
_CHECKED_ORGANIZATIONS = 3
"""How many the check reads: enough to find a missing key, without reading a whole fleet."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")

_Alter = Callable[[EntryDocument], EntryDocument]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealed:
    """What became of one entry when all were resealed."""

    organization: RemoteId
    entry: RemoteId
    revisions: int
    """How many were wrapped anew; 0: none needed it, or none could be."""
    problem: str = ""
    """Why some could not be; they are as they were."""


class NativeVaultAdapter:
    """One native vault; safe to use from many threads and many processes."""

    def __init__(
        self,
        store: EntryStore,
        keys: KeyRing,
        clock: Clock,
        *,
        author: str = "muster",
        before_write: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._author = author
        self._before_write = before_write

    def close(self) -> None:
        """Close the store's connections where it has some."""
        close = getattr(self._store, "close", None)
        if close:
            close()

    def list_organizations(self) -> Iterator[Organization]:
        """Yield every organization that has an entry."""
        for one in self._store.list_organizations():
            yield Organization(id=one, name="")

    def find_organization(self, organization: RemoteId) -> Organization | None:
        """Return the organization; every name is one, with or without entries."""
        return Organization(id=organization, name="")

    def list_categories(self) -> tuple[VaultCategory, ...]:
        """Return the categories, which are fixed."""
        return CATEGORIES

    def list_entries(self, organization: RemoteId) -> Iterator[VaultEntry]:
        """Yield every entry of the organization. No key is needed, and nothing is opened."""
        for stored in self._store.list_entries(organization):
            yield read_document(stored).to_port()

    def create_entry(self, organization: RemoteId, draft: EntryDraft) -> RemoteId:
        """Create an entry, or return the one that an earlier try with the same draft made."""
        category = _known(draft.category)
        now = self._clock()
        for attempt in range(_ATTEMPTS):
            entry = EntryDocument(
                organization=organization,
                id=entry_id(organization, draft, attempt),
                name=draft.name,
                username=draft.username,
                category=category.name,
                mark=draft.mark,
                created_at=now,
                updated_at=now,
            )
            if self._is_made(entry):
                return entry.id
        raise Unavailable(
            f"The native vault has no free id for {draft.name!r:.60} in {organization}: entries "
            "were deleted in the store, which keeps their ids. Destroy what is left of them there."
        )

    def update_entry(self, organization: RemoteId, entry: RemoteId, change: EntryChange) -> None:
        """Change the named fields of an entry and no others."""
        category = None if change.category is None else _known(change.category)

        def alter(before: EntryDocument) -> EntryDocument:
            return replace(
                before,
                name=before.name if change.name is None else change.name,
                username=before.username if change.username is None else change.username,
                category=before.category if category is None else category.name,
            )

        if change != EntryChange():
            self._alter(organization, entry, alter)

    def write_password(
        self, organization: RemoteId, entry: RemoteId, password: Secret
    ) -> str | None:
        """Make the password the newest revision and return its id.

        The password that is the newest already adds none, so that a repeated write is safe.
        """

        def alter(before: EntryDocument) -> EntryDocument:
            newest = before.revisions[0] if before.revisions else None
            if newest and self._holds(before, newest, password):
                return before
            number = str(int(newest.id) + 1 if newest else 1)
            sealed = self._keys.seal(password, _context(before, number))
            added = Revision(id=number, sealed=sealed, at=self._clock(), by=self._author)
            return replace(before, revisions=(added, *before.revisions)[:KEPT_REVISIONS])

        return self._alter(organization, entry, alter).revisions[0].id

    def read_password(self, organization: RemoteId, entry: RemoteId) -> Secret | None:
        """Return the newest password, or None for an entry that never had one.

        Raises:
            UnknownKey, BrokenSeal: it cannot be opened.
            Rejected: there is no such entry.
        """
        found = self.find_entry(organization, entry)
        return self.open_revision(found, found.revisions[0]) if found.revisions else None

    def find_entry(self, organization: RemoteId, entry: RemoteId) -> EntryDocument:
        """Return an entry with its sealed revisions; raises Rejected when there is none."""
        return read_document(self._find(organization, entry))

    def open_revision(self, entry: EntryDocument, revision: Revision) -> Secret:
        """Return the password of a revision; raises UnknownKey or BrokenSeal."""
        return self._keys.open(revision.sealed, _context(entry, revision.id))

    def reseal(self) -> Iterator[Resealed]:
        """Wrap every revision with the newest key, entry by entry; what is done stays done.

        A revision that cannot be opened keeps its seal, and nobody else waits for it.
        """
        for organization in self._store.list_organizations():
            for stored in self._store.list_entries(organization):
                yield self._reseal_entry(stored)

    def check(self) -> tuple[Check, ...]:
        """Try the store, and whether the ring has the keys of what lies in it; raises nothing."""
        ids = self._keys.key_ids
        ring = Check(name="keys", ok=True, detail=f"{len(ids)} in the ring; {ids[0]} seals")
        try:
            organizations = self._store.list_organizations()
            looked_at = organizations[:_CHECKED_ORGANIZATIONS]
            entries = [one for each in looked_at for one in self._store.list_entries(each)]
            unknown = sum(not self._is_openable(read_document(one)) for one in entries)
        except MusterError as error:
            advice = "Mend the store's connection, credentials or contents as the detail says."
            return (ring, Check(name="entries", ok=False, detail=str(error), advice=advice))
        return (ring, _entries_check(len(organizations), len(entries), unknown))

    def _is_made(self, entry: EntryDocument) -> bool:
        """Put a new entry; say whether it is there now, made by us or by an earlier try."""
        self._before_write()
        try:
            self._store.put_entry(_stored(entry, 1))
        except EntryStale:
            there = self._store.find_entry(entry.organization, entry.id)
            return there is not None and read_document(there).mark == entry.mark
        return True

    def _alter(
        self, organization: RemoteId, entry: RemoteId, alter: _Alter, *, touch: bool = True
    ) -> EntryDocument:
        """Change an entry as it is now, and again when somebody else changed it meanwhile."""
        for _ in range(_ATTEMPTS):
            stored = self._find(organization, entry)
            before = read_document(stored)
            after = alter(before)
            if after == before:
                return before
            after = replace(after, updated_at=self._clock()) if touch else after
            self._before_write()
            try:
                self._store.put_entry(_stored(after, stored.version + 1))
            except EntryStale:
                continue
            return after
        raise Unavailable(
            f"The native vault's entry {entry} of {organization} is being changed by others all "
            "the time; nothing was written. Try again."
        )

    def _find(self, organization: RemoteId, entry: RemoteId) -> StoredEntry:
        # An id may come from a person: it must not lead out of the store's own place.
        found = self._store.find_entry(organization, entry) if _ID.fullmatch(entry) else None
        if found is None:
            raise NotFound(f"The native vault has no entry {entry!r:.60} in {organization}.")
        return found

    def _holds(self, entry: EntryDocument, revision: Revision, password: Secret) -> bool:
        try:
            return self.open_revision(entry, revision).same_as(password)
        except (UnknownKey, BrokenSeal):
            # What cannot be opened must not keep the password that works from being stored.
            return False

    def _reseal_entry(self, stored: StoredEntry) -> Resealed:
        renewed: list[str] = []
        problems: list[str] = []

        def alter(before: EntryDocument) -> EntryDocument:
            renewed.clear()
            problems.clear()
            revisions = tuple(
                self._renew(before, one, renewed, problems) for one in before.revisions
            )
            return replace(before, revisions=revisions)

        try:
            entry = read_document(stored)
            if alter(entry) != entry:
                self._alter(stored.organization, stored.id, alter, touch=False)
        except Unexpected as error:
            problems.append(str(error))
        return Resealed(
            organization=stored.organization,
            entry=stored.id,
            revisions=len(renewed),
            problem=" ".join(problems),
        )

    def _renew(
        self, entry: EntryDocument, one: Revision, renewed: list[str], problems: list[str]
    ) -> Revision:
        """Return a revision under the newest key, or as it is where it does not open."""
        try:
            if not self._keys.needs_resealing(one.sealed):
                return one
            sealed = self._keys.reseal(one.sealed, _context(entry, one.id))
        except (UnknownKey, BrokenSeal) as error:
            problems.append(f"Revision {one.id}: {error}")
            return one
        renewed.append(one.id)
        return replace(one, sealed=sealed)

    def _is_openable(self, entry: EntryDocument) -> bool:
        return all(self._keys.knows_key_of(one.sealed) for one in entry.revisions)


def _stored(entry: EntryDocument, version: int) -> StoredEntry:
    return StoredEntry(
        organization=entry.organization,
        id=entry.id,
        version=version,
        document=write_document(entry),
    )


def _context(entry: EntryDocument, revision: str) -> str:
    return context_of("vault-password", entry.organization, entry.id, revision)


def _known(category: VaultCategory) -> VaultCategory:
    if category not in CATEGORIES:
        names = ", ".join(one.name for one in CATEGORIES)
        raise Rejected(f"The native vault has no category {category.name!r:.60}. It has {names}.")
    return category


def _entries_check(organizations: int, entries: int, unknown: int) -> Check:
    detail = f"{organizations} organizations; {entries} entries looked at"
    if not unknown:
        return Check(name="entries", ok=True, detail=detail)
    return Check(
        name="entries",
        ok=False,
        detail=f"{detail}; {unknown} have passwords that no key of the ring opens",
        advice="Put the key that sealed them back into the secret, below the newest.",
    )
