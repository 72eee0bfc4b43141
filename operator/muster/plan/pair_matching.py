"""How an end user of Active Directory finds its Entra user.

The keys are tried from the strongest to the weakest, as far as the policy allows them. A guest is
never the other half of a pair, nor is a user that says it was synchronized from somebody else, nor
one that is imported from Entra itself. What the policy does not allow is shown as a suggestion.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from muster.model.accounts import Candidate, Identity
from muster.model.directory import DirectoryUser
from muster.model.entra import EntraUser
from muster.model.names import AccountId, MatchKey, RemoteId
from muster.plan.evidence import Found, Hits, Nothing, Subject, by_id
from muster.plan.keys import fold

STRENGTH = (
    MatchKey.IMMUTABLE_ID,
    MatchKey.SID,
    MatchKey.USER_PRINCIPAL_NAME,
    MatchKey.MAIL,
    MatchKey.DISPLAY_NAME,
)
"""Entra Connect's own order: the anchor, then what it matches softly, then nothing certain.

Source: MicrosoftDocs/entra-docs, docs/identity/hybrid/connect/how-to-connect-install-existing-
tenant.md (hard match and soft match).
"""

_CERTAIN = frozenset({MatchKey.IMMUTABLE_ID, MatchKey.SID})
_MOST_HINTS = 5


class PairMatcher:
    """Finds users of one tenant."""

    def __init__(
        self,
        users: Mapping[AccountId, EntraUser],
        people: Mapping[AccountId, DirectoryUser],
        own: Collection[AccountId] = (),
    ) -> None:
        self._users = users
        self._people = people
        self._own = frozenset(own)
        """Entra users that are imported as accounts of their own."""
        self._anchored = _anchors(people)
        self._found: defaultdict[tuple[MatchKey, str], list[EntraUser]] = defaultdict(list)
        for user in users.values():
            for key in _keys_of(user):
                self._found[key].append(user)

    def find(self, subject: Subject) -> Found:
        """Return the users that the strongest of the allowed keys finds; others are hints."""
        hints: dict[RemoteId, MatchKey] = {}
        for rank, key in enumerate(STRENGTH):
            users = [user for user in self._by(key, subject) if _id(user) not in subject.forbidden]
            fit = [user for user in users if not self._trouble(user, key, subject)]
            if fit and key in subject.options.pairing:
                return Hits(rank, tuple((_id(user), key) for user in fit))
            for user in users:
                hints.setdefault(_id(user), key)
        found = sorted(
            (self.candidate(record, key, subject) for record, key in hints.items()), key=by_id
        )
        return Nothing(tuple(found[:_MOST_HINTS]))

    def _by(self, key: MatchKey, subject: Subject) -> tuple[EntraUser, ...]:
        """Return the users with one of the account's values of a key, each once."""
        person = self._people.get(subject.identity.id)
        for values in _values(key, subject.identity, person):
            users = {u.id: u for value in values for u in self._found.get((key, value), ())}
            if users:
                return tuple(users[one] for one in sorted(users))
        return ()

    def _trouble(self, user: EntraUser, key: MatchKey, subject: Subject) -> str:
        """Return why a user that a key found is not the other half; empty when it may be."""
        if trouble := self.unusable(_id(user)):
            return trouble
        return "" if key in _CERTAIN else self._anothers(user, subject.identity)

    def _anothers(self, user: EntraUser, identity: Identity) -> str:
        """Return that a user belongs to another account of Active Directory, if it says so."""
        sid = user.on_premises_sid
        owner = self._anchored.get(_decoded(user.immutable_id))
        if (user.synced and sid and sid != identity.sid) or owner not in (None, identity.id):
            return "of another account of Active Directory"
        return ""

    def name(self, record: RemoteId) -> str | None:
        """Return the user's display name or UPN, or None when the user is not there."""
        user = self._users.get(AccountId(record))
        return (user.display_name or user.upn) if user else None

    def unusable(self, record: RemoteId) -> str:
        """Return why a user can be nobody's other half; empty when it can."""
        if self._users[AccountId(record)].guest:
            return "a guest"
        return "imported as an account of its own" if AccountId(record) in self._own else ""

    def candidate(self, record: RemoteId, evidence: str, subject: Subject, /) -> Candidate:
        """Describe a user for a person: its name, whether it is synchronized or disabled."""
        user = self._users[AccountId(record)]
        trouble = self._trouble(user, MatchKey(evidence), subject)
        facts = ("synchronized" if user.synced else "cloud", "" if user.enabled else "disabled")
        return Candidate(
            id=record,
            name=user.display_name or user.upn,
            evidence=f"{evidence}, {trouble}" if trouble else evidence,
            detail=" · ".join(part for part in (user.upn, *facts) if part),
        )


def _id(user: EntraUser) -> RemoteId:
    return RemoteId(user.id)


def _keys_of(user: EntraUser) -> Iterator[tuple[MatchKey, str]]:
    """Yield the values by which a user can be found, each once."""
    yield MatchKey.USER_PRINCIPAL_NAME, fold(user.upn)
    if anchor := _decoded(user.immutable_id):
        yield MatchKey.IMMUTABLE_ID, anchor
    if user.on_premises_sid:
        yield MatchKey.SID, user.on_premises_sid
    for address in _folded(user.mail, user.primary_smtp, *user.aliases):
        yield MatchKey.MAIL, address
    if user.display_name:
        yield MatchKey.DISPLAY_NAME, fold(user.display_name)


def _values(
    key: MatchKey, identity: Identity, person: DirectoryUser | None
) -> Iterator[tuple[str, ...]]:
    """Yield an account's values of a key: those that count alike together, better ones first."""
    match key:
        case MatchKey.IMMUTABLE_ID:
            for guid in _guids(identity.id, person):
                yield (guid,)
        case MatchKey.SID:
            yield (identity.sid,)
        case MatchKey.USER_PRINCIPAL_NAME:
            yield _folded(identity.upn)
        case MatchKey.MAIL if person:
            yield _folded(person.mail, person.primary_smtp)
        case MatchKey.DISPLAY_NAME:
            yield _folded(identity.display_name)


def _guids(account: AccountId, person: DirectoryUser | None) -> Iterator[str]:
    """Yield what Entra Connect may take as the anchor, mS-DS-ConsistencyGuid first."""
    if person and person.consistency_guid:
        yield person.consistency_guid
    yield account


def _anchors(people: Mapping[AccountId, DirectoryUser]) -> dict[str, AccountId]:
    """Return whose anchor each GUID is; one that two accounts have is the first's by id."""
    owners: dict[str, AccountId] = {}
    for account in sorted(people):
        anchor = people[account].consistency_guid
        if anchor:
            owners.setdefault(anchor, account)
    for account in people:
        owners.setdefault(account, account)
    return owners


def _decoded(immutable_id: str | None) -> str:
    """Return the GUID behind an immutable id; empty for one that is something else.

    The sixteen bytes are in the order in which Active Directory keeps a GUID.
    Source: learn.microsoft.com, Microsoft Entra Connect: design concepts, sourceAnchor.
    """
    try:
        return str(uuid.UUID(bytes_le=base64.b64decode(immutable_id or "", validate=True)))
    except (ValueError, binascii.Error):
        return ""


def _folded(*texts: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(folded for text in texts if (folded := fold(text))))
