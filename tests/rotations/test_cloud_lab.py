"""Rotations and resets of cloud users against the lab, over sockets, by either proof.

A customer with Entra alone, and a pair of which Entra's half fails at first. As in test_lab.py: at
every end of a run the live password is in the vault's entry, or sealed where it can be opened.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.rotations.test_lab import NAME, Clock, House, make_house

from muster.lab.faults import LostReply, ServerError
from muster.lab.graph import READ_PERMISSIONS, GraphLab
from muster.lab.lab import Lab
from muster.lab.mix import Mix
from muster.model.accounts import AccountRecord
from muster.model.names import PasswordAuthority
from muster.model.passwords import JobKind, JobState, PasswordJob, Proof
from muster.passwords.carry_out import carry_out
from muster.report.account_resource import render_account
from muster.resets import reset
from muster.rotations import PasswordOrder, hands_of

PRIVILEGED_AUTHENTICATION = "7be44c8a-adaf-4e2a-84d6-ab2649e08a13"
ROTATE = {*READ_PERMISSIONS, "User-PasswordProfile.ReadWrite.All"}


class CloudHouse(House):
    """One customer with Entra alone."""

    def live(self, record: AccountRecord) -> str:
        """Return the password that lets an account sign in."""
        return str(graph_of(self.lab).password(self.lab.tenant_ids[NAME], record.identity.id))


def graph_of(lab: Lab) -> GraphLab:
    """Return the lab's Graph."""
    assert lab.graph is not None
    return lab.graph


def allow(lab: Lab) -> None:
    """Let the application set passwords, of administrators too."""
    graph_of(lab).consent(lab.tenant_ids[NAME], ROTATE, roles=[PRIVILEGED_AUTHENTICATION])


def proved_by(house: House, proof: Proof) -> House:
    """Return the house with a customer who lets passwords be proved like that."""
    customer = house.desired.customer
    assert customer.entra is not None
    entra = replace(customer.entra, password_proof=proof)
    house.desired = replace(house.desired, customer=replace(customer, entra=entra))
    return house


def ask(house: House, record: AccountRecord, *, must_change: bool = False) -> PasswordJob:
    """Reset one account's password."""
    order = PasswordOrder(
        kind=JobKind.RESET, reason="T-1", requested_by="test", must_change=must_change
    )
    house.clock.now += timedelta(hours=1)
    with house.ports() as ports:
        return reset(order, record, house.desired, ports)


def shown_proof(record: AccountRecord) -> object:
    """Return what the Account says of the proof."""
    return render_account(record)["status"]["rotation"]["proof"]


Break = Callable[[GraphLab], None]
BREAKS: dict[str, Break] = {
    "nothing": lambda graph: None,
    "Graph: reply lost": lambda graph: graph.faults.add(LostReply(), method="PATCH", times=-1),
    "Graph: down": lambda graph: graph.faults.add(ServerError(), method="PATCH", times=-1),
    "proof: no names": lambda graph: graph.faults.add(ServerError(), path="userrealm", times=-1),
    "proof: a second factor": lambda graph: setattr(graph.knobs, "after_password", 50076),
    "proof: left open": lambda graph: setattr(graph.knobs, "sign_in_block", 50053),
}


def mend(lab: Lab) -> None:
    """Let nothing be wrong any more."""
    lab.faults.clear()
    knobs = graph_of(lab).knobs
    knobs.after_password = knobs.sign_in_block = 0


@pytest.mark.parametrize(
    ("proof", "breaks"),
    [(Proof.TOKEN_REQUEST, tuple(BREAKS)), (Proof.CHANGE_DATE, ("nothing", "Graph: reply lost"))],
)
def test_no_fault_loses_a_password_of_the_cloud_and_nothing_tells_one(
    proof: Proof, breaks: tuple[str, ...], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Every kind of fault in turn; each rotation ends, and the Account says by what proof."""
    caplog.set_level(logging.DEBUG)
    mix, clock = Mix.parse("entra-native-halopsa"), Clock()
    with Lab(customers=1, people=4, mix=mix, clock=clock) as lab:
        allow(lab)
        made = make_house(lab, tmp_path, clock)
        house = proved_by(CloudHouse(lab, tmp_path, made.desired, clock), proof)
        house.run()
        for name in breaks:
            BREAKS[name](graph_of(lab))
            broken = house.run(timedelta(days=2))
            assert any(c.action == "Rotate" for c in broken.proposal.plan.changes), name
            mend(lab)
            assert house.check_nothing_is_lost() > 0, name
            for _ in range(6):
                if house.known().jobs:
                    house.run(timedelta(minutes=70))
            assert house.known().jobs == (), name
            house.check_nothing_is_lost()
            left_open = name == "proof: left open"
            expected = Proof.CHANGE_DATE if left_open else proof
            assert {shown_proof(one) for one in house.administrators()} == {expected}, name
        assert all(one.rotation.failures == 0 for one in house.administrators())
        for one in house.administrators():
            assert graph_of(lab).wrong_attempts(one.identity.id) == 0
        house.check_nobody_told(caplog.text)


@pytest.mark.parametrize(
    ("proof", "must_change"), [(Proof.CHANGE_DATE, False), (Proof.TOKEN_REQUEST, True)]
)
def test_a_reset_of_a_cloud_user_ends_at_once(
    proof: Proof, must_change: bool, tmp_path: Path
) -> None:
    """Set, proved and kept in one go, also where it must be changed at the next sign-in."""
    mix, clock = Mix.parse("entra-native-halopsa"), Clock()
    with Lab(customers=1, people=4, mix=mix, clock=clock) as lab:
        allow(lab)
        made = make_house(lab, tmp_path, clock)
        house = proved_by(CloudHouse(lab, tmp_path, made.desired, clock), proof)
        house.run()
        record = next(one for one in house.known().records if one.vault.id and one.live)
        job = ask(house, record, must_change=must_change)
        assert (job.state, job.targets[0].proof) == (JobState.CONFIRMED, proof), job.problem
        with house.ports() as ports:
            assert house.kept(record, ports) == house.live(record)


def test_the_half_of_a_pair_that_failed_later_proves_the_same_password(tmp_path: Path) -> None:
    """Entra is down: PartiallyApplied. Later it gets what Active Directory has; a token tells."""
    mix, clock = Mix.parse("hybrid-native-halopsa"), Clock()
    with Lab(customers=1, people=4, mix=mix, clock=clock) as lab:
        made = make_house(lab, tmp_path, clock, password_authority=PasswordAuthority.MUSTER)
        house = proved_by(made, Proof.TOKEN_REQUEST)
        graph, tenant = graph_of(lab), lab.tenant_ids[NAME]
        graph.unsynchronize(tenant)
        allow(lab)
        house.run()
        record = next(
            one for one in house.known().records if one.pair.id and one.vault.id and one.live
        )
        graph.faults.add(ServerError(), method="PATCH", times=-1)
        job = ask(house, record)
        assert job.state is JobState.PARTIALLY_APPLIED, job.problem
        graph.faults.clear()
        job = _ended(house, job)
        proofs = [target.proof for target in job.targets]
        assert job.state is JobState.CONFIRMED, job.problem
        assert proofs == [Proof.BIND, Proof.TOKEN_REQUEST]
        assert graph.password(tenant, str(record.pair.id)) == house.live(record)


def _ended(house: House, job: PasswordJob) -> PasswordJob:
    """Carry a job on, a little later each time, until it is over; return it as it ended."""
    for _ in range(4):
        if job.ended_at is None:
            house.clock.now += timedelta(minutes=20)
            with house.ports() as ports:
                job = carry_out(job, hands_of(house.desired, ports, strict=True))
    return job


def test_a_synchronized_user_of_a_pair_is_proved_in_active_directory_only(tmp_path: Path) -> None:
    """With `passwordAuthority: EntraConnect` nobody signs in to Entra, whatever it is asked for."""
    mix, clock = Mix.parse("hybrid-native-halopsa"), Clock()
    with Lab(customers=1, people=4, mix=mix, clock=clock) as lab:
        house = proved_by(make_house(lab, tmp_path, clock), Proof.TOKEN_REQUEST)
        house.run()
        record = next(one for one in house.known().records if one.vault.id and one.live)
        graph_of(lab).reset_log()
        job = ask(house, record)
        assert [(one.system, one.proof) for one in job.targets] == [("ActiveDirectory", Proof.BIND)]
        assert not any("userrealm" in seen.path for seen in graph_of(lab).requests)
