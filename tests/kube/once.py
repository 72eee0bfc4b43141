"""A customer with much to create, and the proof that all of it was created exactly once."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from tests.kube.world import World, eventually, load_yaml

from muster.lab.faults import Slow
from muster.lab.generate.seeds import Oddity, PlannedAccount
from muster.model.names import LINKED_STATES, LinkState

MOST_MISSING = 8
"""At most so many ordinary people lose both their entry and their contact beforehand."""

_MOST_CREATES = 100

_ENDED = {str(one) for one in LINKED_STATES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What the first run of one customer has to create, and what is there before."""

    world: World
    customer: str
    people: tuple[PlannedAccount, ...]
    """Who has neither an entry nor a contact any more."""
    entries: int
    contacts: int

    def wait_for_create(self, writes: int) -> None:
        """Wait until so many records were created and the request for another is on its way.

        What did not leave yet when a process dies is held for a while instead, which is right and
        takes longer than a test may.
        """
        lab = self.world.lab

        def is_on_its_way() -> bool:
            arrived = _MOST_CREATES - len(lab.faults.pending)
            requests = (*lab.itglue.requests, *lab.connectwise.requests)
            answered = sum(one.method == "POST" for one in requests)
            return answered >= writes and arrived > answered

        eventually(is_on_its_way, "a create on its way", every_s=0.02)

    def is_done(self) -> bool:
        """Say whether the customer is Ready and nothing waits to be looked up."""
        return self.world.is_ready(self.customer) and not open_intents(self.world, self.customer)

    def check_once(self) -> None:
        """Fail unless each missing record was created once, and each account has its own."""
        planned = _expected(self.world, self.customer)
        assert len(self._entries()) == self.entries + planned["vault"] + len(self.people)
        assert len(self._contacts()) == self.contacts + planned["psa"] + len(self.people)
        marks = Counter(mark for one in self._entries() for mark in _marks(one.get("notes")))
        assert sum(marks.values()) == planned["vault"] + len(self.people)
        assert max(marks.values()) == 1
        accounts = self.world.accounts(self.customer)
        for system in ("vault", "psa"):
            ids = [one["status"][system].get("id") for one in accounts]
            linked = [one for one in ids if one]
            assert len(linked) == len(set(linked))
        shown = {one["status"]["samAccountName"]: one["status"] for one in accounts}
        for person in self.people:
            assert shown[person.sam]["vault"]["state"] in _ENDED
            assert shown[person.sam]["psa"]["state"] in _ENDED

    def _records(self) -> int:
        return len(self._entries()) + len(self._contacts()) - self.entries - self.contacts

    def _entries(self) -> list[dict[str, str]]:
        lab = self.world.lab
        return lab.itglue.passwords(lab.organization_ids[self.customer])

    def _contacts(self) -> list[dict[str, str]]:
        lab = self.world.lab
        return lab.connectwise.contacts(lab.company_ids[self.customer])


def prepare(world: World, customer: str = "contoso", slow_s: float = 0.3) -> Work:
    """Let records of a customer be missing, allow a run to create them all, and make that slow."""
    lab = world.lab
    organization, company = lab.organization_ids[customer], lab.company_ids[customer]
    people = tuple(islice(_forget(world, customer), MOST_MISSING))
    for path in sorted((world.estate / "policies").iterdir()):
        policy = load_yaml(path)
        policy["spec"]["limits"] = {"create": {"percent": 100}}
        path.write_text(json.dumps(policy), encoding="utf-8")  # JSON is YAML
    for number in range(_MOST_CREATES):  # one each, so that those still pending can be counted
        lab.faults.add(Slow(delay_s=slow_s), method="POST", after=number)
    return Work(
        world=world,
        customer=customer,
        people=people,
        entries=len(lab.itglue.passwords(organization)),
        contacts=len(lab.connectwise.contacts(company)),
    )


def open_intents(world: World, customer: str) -> list[str]:
    """Return the intents that a customer's journal holds and that have not ended."""
    path = f"/api/v1/namespaces/{world.namespace}/secrets/muster-journal-{customer}"
    data = world.cluster.api("GET", path).json().get("data") or {}
    texts = [base64.b64decode(data[key]).decode() for key in data if key.startswith("intent.")]
    return [text for text in texts if '"Open"' in text]


def _forget(world: World, customer: str) -> Iterator[PlannedAccount]:
    """Delete the only entry and the only contact of one ordinary person after another."""
    lab = world.lab
    organization, company = lab.organization_ids[customer], lab.company_ids[customer]
    for person in lab.plan.customer(customer).showing(Oddity.ORDINARY):
        names = {person.sam, person.upn}
        entries = [one for one in lab.itglue.passwords(organization) if one["username"] in names]
        contacts = [
            one
            for one in lab.connectwise.contacts(company)
            if f'"{person.mail}"' in json.dumps(one)
        ]
        if (len(entries), len(contacts)) == (1, 1):
            lab.itglue.delete_password(entries[0]["id"])
            lab.connectwise.delete_contact(str(contacts[0]["id"]))
            yield person


def _expected(world: World, customer: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for person in world.lab.plan.customer(customer).accounts:
        found["vault"] += person.expected.vault is LinkState.CREATED
        found["psa"] += person.expected.psa is LinkState.CREATED
    return found


def _marks(notes: str | None) -> Iterator[str]:
    """Yield the marks by which Muster knows its own entries."""
    return (line for line in (notes or "").splitlines() if line.startswith("[muster:"))
