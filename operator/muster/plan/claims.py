"""Which record belongs to whom: the claims that accounts have on the records of one system.

A person's word is the strongest, then a link in force, then one from before.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

from muster.model.accounts import Link
from muster.model.names import LINKED_STATES, AccountId, RemoteId
from muster.plan.evidence import Subject


class Claims:
    """Which record belongs to whom."""

    def __init__(self, subjects: Mapping[AccountId, Subject]) -> None:
        self._subjects = subjects
        self.sticky: dict[RemoteId, AccountId] = {}
        self.disputed: set[RemoteId] = set()
        self.pins = Counter(
            subject.override.pin
            for subject in subjects.values()
            if subject.override and subject.override.pin
        )
        self.owner: dict[RemoteId, AccountId] = {}
        self.contested: set[RemoteId] = set()
        self._keep_earlier_links()

    def _keep_earlier_links(self) -> None:
        """Give each record to the account with the strongest earlier link, if there is one."""
        rivals: defaultdict[RemoteId, list[AccountId]] = defaultdict(list)
        for account, subject in self._subjects.items():
            record = subject.held
            if record is not None and self.sticky.setdefault(record, account) != account:
                rivals[record].append(account)
        for record, others in rivals.items():
            holders = (self.sticky.pop(record), *others)
            ranked = [(_weakness(self._subjects[one]), one) for one in holders]
            strongest = min(ranked)[0]
            first, *equals = [account for weakness, account in ranked if weakness == strongest]
            if equals:
                self.disputed.add(record)
            else:
                self.sticky[record] = first

    def taken(self, record: RemoteId, account: AccountId) -> bool:
        """Say whether an earlier link of somebody else stands against this account's own."""
        return record in self.disputed or self.sticky.get(record, account) != account

    def claim(self, account: AccountId, link: Link) -> None:
        """Note that a link of this run leads to a record."""
        if link.id and link.state in LINKED_STATES:
            self.owner[link.id] = account

    def holder(self, record: RemoteId) -> str:
        """Return the name of the account that has a record."""
        account = self.owner.get(record) or self.sticky.get(record)
        return self._subjects[account].identity.user if account else "another account"


def _weakness(subject: Subject) -> int:
    """Rank earlier links: a person's word, then a link in force, then one from before."""
    if subject.override and subject.override.pin:
        return 0
    in_force = subject.prior is None or subject.prior.state in LINKED_STATES
    return 1 if in_force and not subject.returning else 2
