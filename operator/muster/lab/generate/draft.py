"""One customer while it is being drawn: unique names, and the rows so far.

It decides how a customer spells logon names and addresses. What is drawn, and how often, is
decided by `msp` and `staff`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from muster.lab.generate.names import draw_names, spell
from muster.lab.generate.seeds import (
    CustomerFacts,
    EndUsersBy,
    Oddity,
    PlannedAccount,
    PlannedContact,
    PlannedEntry,
)

SAM_LIMIT = 20
"""The length of a user's sAMAccountName; source: MS-SAMR 2.2.1.6, SAM account name limits."""


class Draft:
    """The rows of one customer, and the names that are taken."""

    def __init__(self, facts: CustomerFacts, seed: int) -> None:
        # A text seeds the same on every machine, and keeps customers apart from each other.
        self.rng = random.Random(f"{seed}/{facts.name}")  # noqa: S311 - made-up people, no secret
        self.facts = facts
        self.accounts: list[PlannedAccount] = []
        self.entries: list[PlannedEntry] = []
        self.contacts: list[PlannedContact] = []
        self.direct: list[str] = []
        self.nested: list[str] = []
        self.operators: list[str] = []
        self.administrators: list[str] = []
        self.german = facts.end_users_by is EndUsersBy.OWN_IMPORTS
        self._names = draw_names(self.rng, german=self.german)
        self._sams: set[str] = set()
        self._addresses: set[str] = set()
        self._common_names: set[str] = set()

    def draw_name(self) -> tuple[str, str]:
        """Return a given name and a surname that nobody else of the customer has."""
        return next(self._names)

    def person(self, parent: str, name: tuple[str, str] | None = None) -> PlannedAccount:
        """Return a plain account for a new person, not yet kept."""
        given, surname = name or self.draw_name()
        display = f"{surname}, {given}" if self.german else f"{given} {surname}"
        sam = self.free_sam(self._logon_name(given, surname))
        local = _take(self._addresses, f"{spell(given)}.{spell(surname)}")
        return PlannedAccount(
            sam=sam,
            name=self.free_name(display),
            parent=parent,
            domain=self.facts.netbios_name,
            upn=f"{sam}@{self.facts.upn_suffix}",
            given_name=given,
            surname=surname,
            display_name=display,
            mail=f"{local}@{self.facts.mail_domain}",
        )

    def function(self, sam: str, name: str, parent: str, oddity: Oddity) -> PlannedAccount:
        """Return an account that belongs to no person, not yet kept."""
        sam = self.free_sam(sam)
        return PlannedAccount(
            sam=sam,
            name=self.free_name(name),
            parent=parent,
            domain=self.facts.netbios_name,
            upn=f"{sam}@{self.facts.upn_suffix}",
            display_name=name,
            oddity=oddity,
        )

    def keep(
        self,
        account: PlannedAccount,
        entries: Iterable[PlannedEntry] = (),
        contacts: Iterable[PlannedContact] = (),
    ) -> None:
        """Add an account with what the vault and the PSA hold of it."""
        self.accounts.append(account)
        self.entries.extend(entries)
        self.contacts.extend(contacts)

    def free_name(self, name: str) -> str:
        """Return a CN that is free, numbered where it must be."""
        return _take(self._common_names, name, form=" ({})")

    def free_sam(self, text: str) -> str:
        """Return a sAMAccountName that is free, cut to what a user may have."""
        return _take(self._sams, text, limit=SAM_LIMIT)

    def _logon_name(self, given: str, surname: str) -> str:
        match self.facts.end_users_by:
            case EndUsersBy.ORGANIZATIONAL_UNIT:
                return spell(given)[:1] + spell(surname)
            case EndUsersBy.GROUP:
                return f"{spell(given)}.{spell(surname)}"
            case EndUsersBy.OWN_IMPORTS:
                return spell(surname) + spell(given)[:1]


def _take(taken: set[str], text: str, *, limit: int = 64, form: str = "{}") -> str:
    """Return the text, numbered where it is taken already, and mark it as taken."""
    free, number = text[:limit], 1
    while free.casefold() in taken:
        number += 1
        ending = form.format(number)
        free = text[: limit - len(ending)] + ending
    taken.add(free.casefold())
    return free
