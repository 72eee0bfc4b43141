"""How an account finds its password entry: by username, within the categories of its source.

The keys count alike: ranking them would hide a duplicate. An entry with another category is
no candidate; one without a category is held for a person unless the policy says otherwise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from muster.model.accounts import Candidate, Identity, Link
from muster.model.names import (
    CustomerName,
    DirectoryKind,
    LinkState,
    MatchKey,
    RemoteId,
    Uncategorized,
)
from muster.model.reasons import Reason
from muster.model.records import VaultCategory, VaultEntry
from muster.plan.evidence import Found, Hits, Nothing, SetAside, Subject, by_id
from muster.plan.keys import fold

ACTIVE_DIRECTORY_CATEGORIES = ("Active Directory",)
"""Categories accepted for accounts of Active Directory; the first that exists is written."""

ENTRA_CATEGORIES = ("Microsoft 365", "Office 365", "Azure AD", "Azure Active Directory")
"""Categories accepted for accounts of Entra; the first that exists is written."""

CATEGORIES = {
    DirectoryKind.ACTIVE_DIRECTORY: ACTIVE_DIRECTORY_CATEGORIES,
    DirectoryKind.ENTRA: ENTRA_CATEGORIES,
}

_MARK_RANK, _USERNAME_RANK = 0, 1
_SHOWN_MARK = 110
"""Letters; longer than any mark that Muster writes, and people write into notes what they like."""
_ACCEPTED = {source: frozenset(map(fold, names)) for source, names in CATEGORIES.items()}


def mark_of(customer: CustomerName, identity: Identity) -> str:
    """Return the ownership mark of an account's entry."""
    return f"{customer}/{identity.id}"


def usernames(identity: Identity, netbios_name: str) -> tuple[tuple[MatchKey, str], ...]:
    """Return the forms in which an entry may hold the account's name: three, in Entra the UPN.

    The domain's name is empty where Active Directory could not be read.
    """
    if identity.source is DirectoryKind.ENTRA:
        return ((MatchKey.USER_PRINCIPAL_NAME, identity.upn or ""),)
    upn = ((MatchKey.USER_PRINCIPAL_NAME, identity.upn),) if identity.upn else ()
    name = (MatchKey.SAM_ACCOUNT_NAME, identity.sam)
    if not netbios_name:
        return (name, *upn)
    return (name, *upn, (MatchKey.DOMAIN_ACCOUNT_NAME, f"{netbios_name}\\{identity.sam}"))


def username_to_write(identity: Identity) -> str:
    """Return the username that a new entry gets: the sAMAccountName, in Entra the UPN."""
    return identity.sam or identity.upn or ""


def in_accepted_category(entry: VaultEntry, source: DirectoryKind) -> bool:
    """Say whether the entry's category is one for accounts of this directory."""
    # Exactly the same is the usual case, and needs no folding.
    return entry.category in CATEGORIES[source] or fold(entry.category) in _ACCEPTED[source]


def category_to_write(
    categories: Iterable[VaultCategory], source: DirectoryKind
) -> VaultCategory | None:
    """Return the category that a new entry gets, or None when the vault has none."""
    by_name = {fold(category.name): category for category in categories}
    for name in CATEGORIES[source]:
        if fold(name) in by_name:
            return by_name[fold(name)]
    return None


class EntryMatcher:
    """Finds password entries of one organization."""

    def __init__(
        self, customer: CustomerName, netbios_name: str, entries: Iterable[VaultEntry]
    ) -> None:
        self._customer = customer
        self._netbios_name = netbios_name
        self.entries = {entry.id: entry for entry in entries}
        self._by_username: defaultdict[str, list[VaultEntry]] = defaultdict(list)
        self._by_mark: defaultdict[str, list[VaultEntry]] = defaultdict(list)
        for entry in self.entries.values():
            if entry.username:
                self._by_username[fold(entry.username)].append(entry)
            if entry.mark:
                self._by_mark[entry.mark].append(entry)

    def find(self, subject: Subject) -> Found:
        """Return the entries that Muster marked for the account, else those by username.

        An entry that is marked for another account is that one's, whatever its username says.
        """
        identity, forbidden = subject.identity, subject.forbidden
        source = identity.source
        mark = mark_of(self._customer, identity)
        marked = [one.id for one in self._by_mark.get(mark, ()) if one.id not in forbidden]
        usable = [record for record in marked if self.entries[record].usable]
        if usable:
            return Hits(_MARK_RANK, tuple((record, MatchKey.MARK) for record in usable))
        hits: dict[RemoteId, MatchKey] = {}
        foreign: dict[RemoteId, MatchKey] = {}
        for entry, key in self._hits(identity):
            if entry.id not in forbidden:
                (hits if entry.mark in (None, mark) else foreign)[entry.id] = key
        accepted = {i: key for i, key in hits.items() if self._accepts(i, source)}
        if accepted:
            return Hits(_USERNAME_RANK, tuple(accepted.items()))
        if marked:
            return self._unusable(dict.fromkeys(marked, MatchKey.MARK), source)
        foreign = {i: key for i, key in foreign.items() if self._might_be_meant(i, source)}
        if foreign:
            return self._anothers(foreign, source)
        rule = subject.options.vault.uncategorized
        return self._second_choice(hits, rule, source) if hits else Nothing()

    def _might_be_meant(self, record: RemoteId, source: DirectoryKind) -> bool:
        entry = self.entries[record]
        return entry.usable and (not entry.category or in_accepted_category(entry, source))

    def _anothers(self, hits: dict[RemoteId, MatchKey], source: DirectoryKind) -> SetAside:
        """Return that what matches is marked for another account, which a person must settle."""
        mark = min(self.entries[record].mark or "" for record in hits)[:_SHOWN_MARK]
        link = Link(
            state=LinkState.CONFLICT,
            reason=Reason.SHARED_MATCH,
            message=f"The username matches an entry that is marked for another account ({mark}). If"
            " it belongs to this one, pin it with an AccountOverride, or take the mark out of "
            "its notes.",
            candidates=self._candidates(hits, source),
        )
        return SetAside(link)

    def _unusable(self, hits: dict[RemoteId, MatchKey], source: DirectoryKind) -> SetAside:
        candidates = self._candidates(hits, source)
        return SetAside(
            Link(state=LinkState.UNUSABLE, reason=Reason.NOT_USABLE, candidates=candidates)
        )

    def _hits(self, identity: Identity) -> Iterator[tuple[VaultEntry, MatchKey]]:
        for key, username in reversed(usernames(identity, self._netbios_name)):
            for entry in self._by_username.get(fold(username), ()):
                yield entry, key

    def _accepts(self, record: RemoteId, source: DirectoryKind) -> bool:
        entry = self.entries[record]
        return entry.usable and in_accepted_category(entry, source)

    def _second_choice(
        self, hits: dict[RemoteId, MatchKey], rule: Uncategorized, source: DirectoryKind
    ) -> Found:
        """Decide about hits of which none is usable and in an accepted category."""
        unusable = {i: key for i, key in hits.items() if not self.entries[i].usable}
        bare = {
            i: key for i, key in hits.items() if i not in unusable and not self.entries[i].category
        }
        if bare and rule is Uncategorized.MATCH:
            return Hits(_USERNAME_RANK, tuple(bare.items()))
        if bare and rule is Uncategorized.HOLD:
            link = Link(
                state=LinkState.UNCATEGORIZED_CANDIDATE,
                reason=Reason.WITHOUT_CATEGORY,
                candidates=self._candidates({**bare, **unusable}, source),
            )
            return SetAside(link)
        if unusable:
            return self._unusable(unusable, source)
        return Nothing(self._candidates(hits, source))

    def _candidates(
        self, hits: dict[RemoteId, MatchKey], source: DirectoryKind
    ) -> tuple[Candidate, ...]:
        found = (self._candidate(record, key, source) for record, key in hits.items())
        return tuple(sorted(found, key=by_id))

    def name(self, record: RemoteId) -> str | None:
        """Return the entry's name, or None when it is not there."""
        entry = self.entries.get(record)
        return entry.name if entry else None

    def unusable(self, record: RemoteId) -> str:
        """Return host-proof, personal or embedded; empty for a usable entry."""
        return _why_unusable(self.entries[record])

    def candidate(self, record: RemoteId, evidence: str, subject: Subject, /) -> Candidate:
        """Describe an entry for a person: what matched, its category, when it changed."""
        return self._candidate(record, evidence, subject.identity.source)

    def _candidate(self, record: RemoteId, evidence: str, source: DirectoryKind) -> Candidate:
        entry = self.entries[record]
        trouble = _why_unusable(entry) or (
            "" if in_accepted_category(entry, source) else f"category {entry.category or 'missing'}"
        )
        return Candidate(
            id=entry.id,
            name=entry.name,
            evidence=f"{evidence}, {trouble}" if trouble else evidence,
            detail=f"{entry.username} · {entry.category or 'no category'}",
            updated_at=entry.updated_at,
        )


def _why_unusable(entry: VaultEntry) -> str:
    if entry.host_proof:
        return "host-proof"
    if entry.personal:
        return "personal"
    return "embedded" if entry.embedded else ""
