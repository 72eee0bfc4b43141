"""Bad days of the other systems: a lost reply makes no second record, an unread system no harm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from tests.engine.test_mixes import NOW, run

from muster.lab.autotask.lab import AutotaskLab
from muster.lab.faults import HtmlError, LostReply, ServerError
from muster.lab.halopsa.lab import HaloPsaLab
from muster.lab.hudu.lab import HuduLab
from muster.lab.lab import Lab
from muster.lab.mix import Mix
from muster.model.names import Action, CustomerName, Source, System
from muster.model.plans import Approved
from muster.registry.sqlite import SqliteRegistry


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """A system, how its creates look on the wire, and how to count its records."""

    mix: str
    system: System
    path: str
    count: Callable[[Lab], int]


def _hudu(lab: Lab) -> int:
    assert isinstance(lab.vault.simulator, HuduLab)
    return len(lab.vault.simulator.passwords(lab.organization_ids["contoso"]))


def _autotask(lab: Lab) -> int:
    assert isinstance(lab.psa.simulator, AutotaskLab)
    return len(lab.psa.simulator.contacts(lab.company_ids["contoso"]))


def _halo(lab: Lab) -> int:
    assert isinstance(lab.psa.simulator, HaloPsaLab)
    return len(lab.psa.simulator.users(lab.company_ids["contoso"]))


VICTIMS = (
    Victim(mix="entra-hudu-autotask", system=System.VAULT, path="asset_passwords", count=_hudu),
    Victim(mix="hybrid-hudu-autotask", system=System.PSA, path="/Contacts", count=_autotask),
    Victim(mix="entra-itglue-halopsa", system=System.PSA, path="/Users", count=_halo),
)


@pytest.mark.parametrize("victim", VICTIMS, ids=lambda one: one.mix + "-" + one.system)
def test_a_lost_reply_makes_no_second_record(victim: Victim, tmp_path: Path) -> None:
    """A create that took place unheard is found by the next run, and made only once."""
    with Lab(customers=1, people=8, mix=Mix.parse(victim.mix)) as lab:
        lab.write_estate(tmp_path / "estate")
        before = victim.count(lab)
        lab.faults.add(LostReply(), method="POST", path=victim.path)
        first = run(tmp_path, NOW)
        wanted = [
            one
            for one in first.proposal.plan.changes
            if (one.action, one.system) == (Action.CREATE, victim.system)
        ]
        assert wanted
        run(tmp_path, NOW + timedelta(minutes=10))
        assert lab.faults.pending == ()
        assert victim.count(lab) == before + len(wanted)
        last = run(tmp_path, NOW + timedelta(hours=4))
        assert last.proposal.plan.changes == ()


UNREAD = (
    ("hybrid-hudu-autotask", "asset_passwords"),
    ("hybrid-hudu-autotask", "/Contacts"),
    ("hybrid-itglue-halopsa", "/Users"),
    ("hybrid-itglue-halopsa", "/v1.0/users"),
)


@pytest.mark.parametrize(("mix", "path"), UNREAD, ids=lambda value: value.strip("/"))
def test_an_unread_system_loses_nothing(mix: str, path: str, tmp_path: Path) -> None:
    """Where one system cannot be read, its links stay, nobody leaves, and the rest goes on."""
    with Lab(customers=1, people=8, mix=Mix.parse(mix)) as lab:
        lab.write_estate(tmp_path / "estate")
        settled = run(tmp_path, NOW)
        assert isinstance(settled.proposal.verdict, Approved)
        run(tmp_path, NOW + timedelta(hours=4))
        lab.faults.add(ServerError(), path=path, times=-1)
        blind = run(tmp_path, NOW + timedelta(hours=8))
        plan = blind.proposal.plan
        assert not plan.complete
        assert plan.changes == ()
        assert plan.records == () or all(record.live for record in plan.records)
        lab.faults.clear()
        healed = run(tmp_path, NOW + timedelta(hours=12))
        assert healed.proposal.plan.complete
        assert healed.proposal.plan.changes == ()


def test_an_unanswered_create_is_of_the_vault_that_it_was_sent_to(tmp_path: Path) -> None:
    """What was begun in one vault is not continued in the next, under whose ids all is another."""
    with Lab(customers=1, people=8, mix=Mix.parse("entra-hudu-autotask")) as lab:
        lab.write_estate(tmp_path / "estate")
        lab.faults.add(HtmlError(), method="POST", path="asset_passwords", times=-1)
        run(tmp_path, NOW)
        with SqliteRegistry.open_for_reading(tmp_path / "state.sqlite") as registry:
            begun = registry.load(CustomerName("contoso")).intents
        assert begun
        assert {one.place for one in begun} == {f"hudu/{lab.organization_ids['contoso']}"}


def test_an_archived_company_breaks_its_link_only(tmp_path: Path) -> None:
    """In an archived company nothing is created, no link is lost, and it heals by itself."""
    with Lab(customers=1, people=8, mix=Mix.parse("entra-hudu-autotask")) as lab:
        lab.write_estate(tmp_path / "estate")
        hudu, company = lab.vault.simulator, lab.organization_ids["contoso"]
        assert isinstance(hudu, HuduLab)
        hudu.archive_company(company)
        plan = run(tmp_path, NOW).proposal.plan
        assert Source.VAULT in {one.source for one in plan.reads if one.link_broken}
        assert {one.system for one in plan.changes if one.action is Action.CREATE} == {System.PSA}
        hudu.archive_company(company, archived=False)
        healed = run(tmp_path, NOW + timedelta(hours=4)).proposal.plan
        assert System.VAULT in {one.system for one in healed.changes}
