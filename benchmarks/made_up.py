"""One made-up customer as the planner gets it: observed, desired and known, without a socket.

The people are those of the lab's generator, so every oddity that the lab shows occurs in its
realistic share: about one account in twenty has no entry, one in thirty two of them, and so on.
"""

from __future__ import annotations

import re
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from muster.lab.generate.estate import MAIL, Whereabouts, write_estate
from muster.lab.generate.msp import generate_msp
from muster.lab.generate.seeds import PlannedAccount, PlannedCustomer, PlannedGroup
from muster.model.accounts import Known
from muster.model.directory import (
    DirectoryGroup,
    DirectorySnapshot,
    DirectoryUser,
    Domain,
    HiddenContainer,
)
from muster.model.names import AccountId, Action, RemoteId, Source
from muster.model.observed import Observed, SourceRead
from muster.model.plans import Change, ChangeResult, CustomerPlan
from muster.model.records import (
    ContactDraft,
    ContactEmail,
    EntryDraft,
    Organization,
    PsaContact,
    VaultCategory,
    VaultEntry,
)
from muster.model.settings import Desired
from muster.plan.settle import settle
from muster.resources import load_estate

_SID = "S-1-5-21-1004336348-1177238915-682003330"
_SPECIAL = re.compile(r'([\\,+"<>;=#])')

_HERE = "https://localhost:1"
_KEY = {"name": "key", "key": "value"}
_INTEGRATIONS: dict[str, dict[str, Any]] = {
    "it-glue": {"itGlue": {"endpoint": _HERE, "apiKeyRef": _KEY}},
    "connectwise": {
        "connectWise": {
            "endpoint": _HERE,
            "companyId": "msp",
            "clientId": "client",
            "publicKeyRef": _KEY,
            "privateKeyRef": _KEY,
        }
    },
    MAIL: {"smtp": {"host": "localhost", "from": "muster@example.com"}},
}
"""What the estate says about the MSP's systems; nobody connects to them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What one plan is made from."""

    desired: Desired
    observed: Observed
    known: Known


def first_run(people: int) -> Situation:
    """Return a customer of about so many accounts that Muster sees for the first time."""
    plan = generate_msp(7, 1, people)
    customer = plan.customers[0]
    there = Organization(id=RemoteId("1"), name=customer.facts.display_name)
    snapshot = _snapshot(customer)
    entries = tuple(_entries(customer))
    contacts = tuple(_contacts(customer))
    sizes = {
        Source.DIRECTORY: len(snapshot.users),
        Source.VAULT: len(entries),
        Source.PSA: len(contacts),
    }
    observed = Observed(
        directory=snapshot,
        entries=entries,
        categories=tuple(
            VaultCategory(id=RemoteId(str(number)), name=name)
            for number, name in enumerate(plan.categories, start=1)
        ),
        organization=there,
        contacts=contacts,
        company=there,
        reads=tuple(SourceRead(source=source, size=size) for source, size in sizes.items()),
    )
    return Situation(desired=_desired(customer), observed=observed, known=Known())


def after(plan: CustomerPlan, before: Situation) -> Situation:
    """Return the situation once everything in the plan was done and nothing else happened."""
    creates = [change for change in plan.changes if change.action is Action.CREATE]
    ids = {change: RemoteId(str(10**7 + number)) for number, change in enumerate(creates)}
    results: dict[AccountId, list[ChangeResult]] = {}
    for change, record in ids.items():
        result = ChangeResult(change=change, done=True, remote_id=record)
        results.setdefault(change.account, []).append(result)
    observed = replace(
        before.observed,
        entries=before.observed.entries + tuple(_new_entries(ids)),
        contacts=before.observed.contacts + tuple(_new_contacts(ids)),
    )
    records = (settle(one, results.get(one.identity.id, ())) for one in plan.records)
    known = Known(records=tuple(records), sizes=plan.sizes)
    return Situation(desired=before.desired, observed=observed, known=known)


def _new_entries(ids: dict[Change, RemoteId]) -> Iterator[VaultEntry]:
    for change, record in ids.items():
        if isinstance(draft := change.draft, EntryDraft):
            yield VaultEntry(
                id=record,
                name=draft.name,
                username=draft.username,
                category=draft.category.name,
                mark=draft.mark,
            )


def _new_contacts(ids: dict[Change, RemoteId]) -> Iterator[PsaContact]:
    for change, record in ids.items():
        if isinstance(draft := change.draft, ContactDraft):
            email = ContactEmail(id=RemoteId(f"9{record}"), address=draft.email, default=True)
            yield PsaContact(
                id=record, given_name=draft.given_name, surname=draft.surname, emails=(email,)
            )


def _desired(customer: PlannedCustomer) -> Desired:
    """Return what the lab's own estate says about the customer."""
    whereabouts = Whereabouts(
        facts=customer.facts,
        directory="ldaps://localhost:1",
        vault=("it-glue", "1"),
        psa=("connectwise", "1"),
    )
    with tempfile.TemporaryDirectory() as directory:
        write_estate(Path(directory), _INTEGRATIONS.items(), [whereabouts])
        loaded = load_estate([Path(directory)])
    loaded.checked()
    return loaded.estate.desired[0]


def _snapshot(customer: PlannedCustomer) -> DirectorySnapshot:
    domain_dn = customer.facts.dn
    users = tuple(
        _user(account, number, domain_dn) for number, account in enumerate(customer.accounts, 1001)
    )
    dns = {user.sam: user.dn for user in users}
    groups = []
    for number, planned in enumerate(customer.groups, start=600):
        group = _group(planned, number, dns, domain_dn)
        dns[group.sam] = group.dn
        groups.append(group)
    domain = Domain(
        dn=domain_dn,
        dns_name=customer.facts.dns_name,
        netbios_name=customer.facts.netbios_name,
        sid=_SID,
        hidden=tuple(
            HiddenContainer(dn=f"CN={name},{domain_dn}", name=name) for name in ("Users", "Builtin")
        ),
    )
    places = tuple(f"{unit},{domain_dn}" for unit in customer.organizational_units)
    return DirectorySnapshot(
        domain=domain, users=users, groups=tuple(groups), organizational_units=places
    )


def _user(account: PlannedAccount, number: int, domain_dn: str) -> DirectoryUser:
    name = _SPECIAL.sub(r"\\\1", account.name)
    return DirectoryUser(
        id=_id(account.sam),
        dn=f"CN={name},{account.parent},{domain_dn}",
        sid=f"{_SID}-{number}",
        sam=account.sam,
        upn=account.upn,
        display_name=account.display_name,
        given_name=account.given_name,
        surname=account.surname,
        mail=account.mail,
        primary_smtp=account.primary_smtp,
        primary_group_rid=account.primary_group_rid,
        enabled=account.enabled,
        expires=account.expires,
    )


def _group(
    planned: PlannedGroup, number: int, dns: dict[str, str], domain_dn: str
) -> DirectoryGroup:
    rid = 512 if planned.parent is None else number
    return DirectoryGroup(
        id=_id(planned.sam),
        dn=f"CN={planned.sam},{planned.parent or 'CN=Users'},{domain_dn}",
        sid=f"{_SID}-{rid}",
        sam=planned.sam,
        name=planned.sam,
        members=tuple(dns[member] for member in planned.members),
    )


def _id(name: str) -> AccountId:
    return AccountId(str(uuid.uuid5(uuid.NAMESPACE_URL, name)))


def _entries(customer: PlannedCustomer) -> Iterator[VaultEntry]:
    for number, entry in enumerate(customer.entries, start=1):
        if not entry.archived:
            yield VaultEntry(
                id=RemoteId(str(number)),
                name=entry.name,
                username=entry.username,
                category=entry.category,
                host_proof=entry.vault_id is not None,
                personal=entry.personal,
                embedded=entry.resource_id is not None,
            )


def _contacts(customer: PlannedCustomer) -> Iterator[PsaContact]:
    for number, contact in enumerate(customer.contacts, start=1):
        emails = tuple(
            ContactEmail(id=RemoteId(f"{number}{place}"), address=address, default=place == 0)
            for place, address in enumerate(contact.emails)
        )
        yield PsaContact(
            id=RemoteId(str(number)),
            given_name=contact.given_name,
            surname=contact.surname,
            emails=emails,
            active=contact.active,
        )
