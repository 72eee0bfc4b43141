"""What a customer has besides its people: administrators, service accounts, computers.

And what a vault and a PSA hold that has nothing to do with any account.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from muster.lab.generate import records
from muster.lab.generate.draft import Draft
from muster.lab.generate.recipes import USERS
from muster.lab.generate.seeds import (
    Expected,
    ObjectKind,
    Oddity,
    PlannedContact,
    PlannedEntry,
    PlannedObject,
)
from muster.model.names import AccountType, LinkState
from muster.model.reasons import Reason

SERVICE_ACCOUNTS = "OU=Service Accounts"
SHARED_MAILBOXES = "OU=Shared Mailboxes"
READER = "svc-muster"
"""The account that Muster signs in with at every customer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What the customer's own groups are called."""

    agency: str
    everyone: str
    operations: str
    tier_zero: str


LANGUAGES = {
    False: Words(
        agency="Agency Staff",
        everyone="All Company",
        operations="IT Operations",
        tier_zero="Tier 0 Operators",
    ),
    True: Words(
        agency="Leiharbeiter",
        everyone="Alle Mitarbeiter",
        operations="IT-Betrieb",
        tier_zero="Stufe 0 Betreuer",
    ),
}
"""The customer's own groups, by whether its directory speaks German."""

LOCALIZED_GROUPS = (
    ("Domain Users", "Domänen-Benutzer"),
    ("Domain Admins", "Domänen-Admins"),
    ("Enterprise Admins", "Organisations-Admins"),
    ("Schema Admins", "Schema-Admins"),
    ("Administrators", "Administratoren"),
)
"""What a German Windows Server calls the groups of every domain."""

_ADMINISTRATORS = (
    Oddity.ADMINISTRATOR,
    Oddity.ADMINISTRATOR_TWO_GROUPS_DEEP,
    Oddity.ADMINISTRATOR_ENTRY_MISSING,
    Oddity.ADMINISTRATOR_DISABLED,
)


def add_administrators(draft: Draft, people: int) -> None:
    """Draw administrators: one of each kind, and another for every hundred people."""
    for oddity in _ADMINISTRATORS + (Oddity.ADMINISTRATOR,) * (people // 100):
        _add_administrator(draft, oddity)


def _add_administrator(draft: Draft, oddity: Oddity) -> None:
    given, surname = draft.draw_name()
    initials = f"{given[0]}{surname[0]}".casefold()
    plain = draft.function(
        f"adm-{initials if initials.isascii() else 'xx'}",
        f"{given} {surname} (Admin)",
        draft.facts.admins_place,
        oddity,
    )
    account = replace(
        plain,
        given_name=given,
        surname=surname,
        enabled=oddity is not Oddity.ADMINISTRATOR_DISABLED,
        expected=_expected_of_administrator(oddity),
    )
    missing = oddity is Oddity.ADMINISTRATOR_ENTRY_MISSING
    draft.keep(account, () if missing else records.one_entry(account))
    deep = oddity is Oddity.ADMINISTRATOR_TWO_GROUPS_DEEP
    (draft.operators if deep else draft.administrators).append(account.sam)


def _expected_of_administrator(oddity: Oddity) -> Expected:
    if oddity is Oddity.ADMINISTRATOR_DISABLED:
        return Expected(reason=Reason.EXCLUDED_DISABLED)
    missing = oddity is Oddity.ADMINISTRATOR_ENTRY_MISSING
    return Expected(
        reason=Reason.IN_ORGANIZATIONAL_UNIT,
        account_type=AccountType.ADMINISTRATOR,
        vault=LinkState.CREATED if missing else LinkState.LINKED,
        psa=LinkState.SKIPPED,
    )


def add_system_accounts(draft: Draft) -> None:
    """Add the accounts that belong to no person, with the vault entries that some have."""
    for sam, name in ((READER, "Muster"), ("svc-backup", "Backup"), ("svc-scan", "Scanner")):
        account = draft.function(sam, name, SERVICE_ACCOUNTS, Oddity.SERVICE_ACCOUNT)
        draft.keep(account, (records.entry(account, account.sam),))
    for box in ("info", "rechnung" if draft.german else "billing"):
        account = draft.function(f"{box}-box", f"{box}@", SHARED_MAILBOXES, Oddity.SHARED_MAILBOX)
        mail = f"{box}@{draft.facts.mail_domain}"
        contact = PlannedContact(given_name=box.title(), emails=(mail,))
        draft.keep(replace(account, mail=mail, enabled=False), (), (contact,))
    number = f"{draft.rng.getrandbits(48):012x}"
    draft.keep(draft.function(f"MSOL_{number}", f"MSOL_{number}", USERS, Oddity.SYNC_ACCOUNT))
    _add_health_mailbox(draft, number[:7])


def _add_health_mailbox(draft: Draft, number: str) -> None:
    """Add a mailbox that Exchange made, and that somebody moved to where the staff are."""
    name = f"HealthMailbox{number}"
    account = draft.function(name, name, draft.facts.staff_place, Oddity.HEALTH_MAILBOX)
    draft.keep(replace(account, expected=Expected(reason=Reason.EXCLUDED_WELL_KNOWN)))
    draft.direct.append(account.sam)


def draw_objects(draft: Draft, people: int) -> tuple[PlannedObject, ...]:
    """Return computers, a contact and managed service accounts; some lie among the staff."""
    place = "OU=Workstations"
    prefix = draft.facts.netbios_name[:6]
    computers = [
        PlannedObject(kind=ObjectKind.COMPUTER, name=f"{prefix}-PC{number:03}", parent=place)
        for number in range(1, 3 + min(people // 20, 20))
    ]
    staff = draft.facts.staff_place
    return (
        *computers,
        PlannedObject(kind=ObjectKind.COMPUTER, name=f"{prefix}-KIOSK", parent=staff),
        PlannedObject(kind=ObjectKind.CONTACT, name="Tax adviser", parent=staff),
        PlannedObject(
            kind=ObjectKind.MANAGED_SERVICE_ACCOUNT,
            name="gmsa-sql",
            parent="CN=Managed Service Accounts",
        ),
        PlannedObject(kind=ObjectKind.MANAGED_SERVICE_ACCOUNT, name="gmsa-web", parent=staff),
    )


def add_unrelated_records(draft: Draft, people: int) -> None:
    """Add what vaults and PSAs hold besides: devices, suppliers, people without an account."""
    draft.entries += [
        PlannedEntry(name="Firewall", username="admin", category="Network Device"),
        PlannedEntry(name="Guest Wi-Fi", category="Wi-Fi", notes="Printed in the lobby"),
        PlannedEntry(name="Break glass", username="administrator", vault_id=62),
        PlannedEntry(name="Local admin", username=".\\mspadmin", category="Local Account"),
        PlannedEntry(name="NAS", username="root", archived=True),
    ]
    for number in range(2 + people // 50):
        given, surname = draft.draw_name()
        emails = (f"{given[0]}{number}@supplier.example".lower(),) if number % 3 else ()
        draft.contacts.append(
            PlannedContact(given_name=given, surname=surname, emails=emails, active=number % 4 != 0)
        )
