"""How an account finds its contact: by e-mail, and only if nobody has it, by name.

Inactive contacts are shown and never linked. Two contacts with the e-mail are a question
for a person, and then names are not tried.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from muster.model.accounts import Candidate, Link
from muster.model.names import LinkState, MatchKey, NameFallback, RemoteId
from muster.model.reasons import Reason
from muster.model.records import PsaContact
from muster.plan.evidence import Found, Hits, Nothing, SetAside, Subject, by_id
from muster.plan.keys import NAME_LIMIT, fold, fold_name

_EMAIL_RANK, _NAME_RANK = 1, 2


class ContactMatcher:
    """Finds contacts of one company, whose PSA cuts names at `name_limit` characters."""

    def __init__(self, contacts: Iterable[PsaContact], name_limit: int = NAME_LIMIT) -> None:
        self._name_limit = name_limit
        self.contacts = {contact.id: contact for contact in contacts}
        self._by_email: defaultdict[str, list[PsaContact]] = defaultdict(list)
        self._by_name: defaultdict[tuple[str, str], list[PsaContact]] = defaultdict(list)
        for contact in self.contacts.values():
            for address in {fold(email.address) for email in contact.emails}:
                self._by_email[address].append(contact)
            name = self._key(contact.given_name, contact.surname)
            if all(name):
                self._by_name[name].append(contact)

    def find(self, subject: Subject) -> Found:
        """Return the contacts with the account's e-mail, else those with its name."""
        identity = subject.identity
        address = fold(identity.email.address) if identity.email else ""
        same_email = _allowed(self._by_email.get(address, ()) if address else (), subject)
        if same_email:
            return self._by(MatchKey.EMAIL, _EMAIL_RANK, same_email)
        fallback = subject.options.psa.name_fallback
        if fallback is NameFallback.NEVER:
            return Nothing()
        return self._by_names(subject, fallback)

    def _key(self, given_name: str | None, surname: str | None) -> tuple[str, str]:
        return fold_name(given_name, self._name_limit), fold_name(surname, self._name_limit)

    def _by(self, key: MatchKey, rank: int, contacts: Iterable[PsaContact]) -> Found:
        active = [contact for contact in contacts if contact.active]
        if active:
            return Hits(rank, tuple((contact.id, key) for contact in active))
        return SetAside(
            Link(
                state=LinkState.UNUSABLE,
                reason=Reason.NOT_USABLE,
                message="The only contacts with this e-mail address are inactive. "
                "Reactivate one, or pin another with an AccountOverride.",
                candidates=self._candidates(contacts, key),
            )
        )

    def _by_names(self, subject: Subject, fallback: NameFallback) -> Found:
        identity = subject.identity
        name = self._key(identity.given_name, identity.surname)
        same_name = _allowed(self._by_name.get(name, ()) if all(name) else (), subject)
        active = [contact for contact in same_name if contact.active]
        if not active:
            return Nothing(self._candidates(same_name, MatchKey.NAME))
        differs = identity.email and active[0].emails
        if len(active) == 1 and differs and fallback is NameFallback.UNLESS_EMAIL_DIFFERS:
            return SetAside(
                Link(
                    state=LinkState.AMBIGUOUS,
                    reason=Reason.EMAIL_DIFFERS,
                    message="The only contact with this name has another e-mail address.",
                    candidates=self._candidates(active, MatchKey.NAME),
                )
            )
        return Hits(_NAME_RANK, tuple((contact.id, MatchKey.NAME) for contact in active))

    def _candidates(
        self, contacts: Iterable[PsaContact], evidence: MatchKey
    ) -> tuple[Candidate, ...]:
        found = (self._candidate(contact.id, evidence) for contact in contacts)
        return tuple(sorted(found, key=by_id))

    def name(self, record: RemoteId) -> str | None:
        """Return the contact's name, or None when it is not there."""
        contact = self.contacts.get(record)
        return contact.name if contact else None

    def unusable(self, record: RemoteId) -> str:
        """Return inactive; empty for an active contact."""
        return "" if self.contacts[record].active else "inactive"

    def candidate(self, record: RemoteId, evidence: str, _: Subject, /) -> Candidate:
        """Describe a contact for a person: its addresses, and whether it is inactive."""
        return self._candidate(record, evidence)

    def _candidate(self, record: RemoteId, evidence: str) -> Candidate:
        contact = self.contacts[record]
        return Candidate(
            id=contact.id,
            name=contact.name,
            evidence=evidence if contact.active else f"{evidence}, inactive",
            detail=", ".join(email.address for email in contact.emails) or "no e-mail address",
            updated_at=contact.updated_at,
        )


def _allowed(contacts: Iterable[PsaContact], subject: Subject) -> list[PsaContact]:
    """Return the contacts that no person has said are somebody else's."""
    return [contact for contact in contacts if contact.id not in subject.forbidden]
