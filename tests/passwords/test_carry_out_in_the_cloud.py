"""Passwords of customers who have Entra alone, over real sockets, by either proof."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.engine.doubles import Fate
from tests.passwords.crash_child import CONTOSO, SLOT, entra_from, hands_with, request, vault_from
from tests.passwords.dying import MOST_DEATHS, die_at_every_effect

from muster.adapters.entra import EntraAdapter
from muster.adapters.itglue import ItGlueVault
from muster.lab.faults import Disconnect, FaultKind, LostReply, ServerError
from muster.lab.graph import READ_PERMISSIONS, GraphLab
from muster.lab.itglue import ItGlueLab
from muster.model.names import DirectoryKind
from muster.model.passwords import JobState, PasswordJob, Proof, left_open_of
from muster.model.secret import Secret
from muster.passwords.carry_out import Hands, carry_out, reveal, start
from muster.passwords.patience import MAX_PROOFS
from muster.registry.sqlite import SqliteRegistry
from muster.report.password_jobs import success_text, whereabouts
from muster.sealing import new_key

OLD = "The-0ld-one-of-them"
LONG_AGO = "2020-01-01T00:00:00Z"
BOTH = pytest.mark.parametrize("proof", [Proof.TOKEN_REQUEST, Proof.CHANGE_DATE])


@dataclass(slots=True)
class Estate:
    """A tenant, a vault, and where they are."""

    graph: GraphLab
    vault: ItGlueLab
    told: dict[str, Any]
    made: int = 0

    def add_account(self, new: str) -> dict[str, str]:
        """Add a user with an entry that holds the password."""
        self.made += 1
        tenant, name = self.told["tenant"], f"u{self.made}"
        user = self.graph.add_user(tenant, f"{name}@contoso.example")
        self.graph.edit_user(tenant, user, lastPasswordChangeDateTime=LONG_AGO)
        self.graph.set_password(tenant, user, OLD)
        self.graph.edit_user(tenant, user, lastPasswordChangeDateTime=LONG_AGO)
        entry = self.vault.add_password(self.told["organization"], name, password=OLD)
        return {"id": user, "entry": entry, "password": new}

    def entry(self, one: dict[str, str]) -> str:
        """Return the password that an entry holds."""
        rows = self.vault.passwords(self.told["organization"])
        return str(next(row["password"] for row in rows if row["id"] == one["entry"]))

    def live(self, one: dict[str, str]) -> str | None:
        """Return the password that signs in."""
        return self.graph.password(self.told["tenant"], one["id"])


@pytest.fixture(scope="module")
def estate() -> Iterator[Estate]:
    """One tenant and one vault for the module."""
    with GraphLab() as graph, ItGlueLab(ca=graph.ca) as vault:
        graph.knobs.password_needs_role = False
        tenant = graph.add_tenant("Contoso", ("contoso.example",))
        graph.consent(tenant, {*READ_PERMISSIONS, "User-PasswordProfile.ReadWrite.All"})
        authority = graph.ca.cert_pem.bytes().decode()
        told = {
            "tenant": tenant,
            "client_id": graph.client_id,
            "client_secret": graph.client_secret,
            "graph": graph.endpoint,
            "graph_ca": authority,
            "vault": vault.endpoint,
            "vault_ca": authority,
            "vault_key": vault.key,
            "ring": new_key().reveal(),
            "organization": vault.add_organization("Contoso"),
        }
        yield Estate(graph, vault, told)


@BOTH
def test_a_process_killed_at_any_effect_ends_with_the_live_password_in_the_entry(
    estate: Estate, tmp_path: Path, proof: Proof
) -> None:
    """Wherever it dies the next run finishes with the same password, and says by what proof."""
    accounts = [estate.add_account(f"Br4nd-New-number-{n}") for n in range(MOST_DEATHS)]
    told = {**estate.told, "accounts": accounts, "proof": proof}
    deaths = die_at_every_effect(told, tmp_path)
    assert deaths > (25 if proof is Proof.TOKEN_REQUEST else 20)
    for number, one in enumerate(accounts[: deaths + 1]):
        assert estate.live(one) == one["password"] == estate.entry(one), number
        assert estate.graph.wrong_attempts(one["id"]) == 0, number
        with SqliteRegistry.open_for_reading(tmp_path / f"{number}.sqlite") as registry:
            known = registry.load(CONTOSO)
        assert known.jobs == ()
        assert [(end.state, end.slot, end.proof) for end in known.job_ends] == [
            (JobState.CONFIRMED, SLOT, proof)
        ]
        assert one["password"] not in (tmp_path / f"{number}.sqlite").read_text(errors="replace")


@dataclass(slots=True)
class Desk:
    """One job of one account, with a clock that tests turn forward."""

    estate: Estate
    told: dict[str, Any]
    registry: SqliteRegistry
    vault: ItGlueVault
    entra: EntraAdapter
    one: dict[str, str]
    minutes: int = 0

    @property
    def hands(self) -> Hands:
        """What the job is carried out with now."""
        fate, minutes = Fate(), self.minutes
        return hands_with(self.told, self.registry, self.vault, fate, minutes, self.entra)

    def start(self) -> None:
        """Open the job."""
        asked = request(self.one["id"], self.one["entry"], DirectoryKind.ENTRA)
        start(asked, Secret(self.one["password"]), self.hands)
        self.estate.graph.reset_log()

    def go_on(self, minutes: int = 0) -> PasswordJob:
        """Carry the open job out, so many minutes later."""
        self.minutes += minutes
        (job,) = self.registry.load(CONTOSO).jobs
        return carry_out(job, self.hands)

    def writes(self) -> int:
        """Count the passwords that were sent."""
        return sum(seen.method == "PATCH" for seen in self.estate.graph.requests)

    def assert_confirmed(self, job: PasswordJob, proof: Proof) -> None:
        """Check that the live password is in the entry, and how that is known."""
        assert (job.state, job.sealed) == (JobState.CONFIRMED, ""), job.problem
        assert self.estate.live(self.one) == self.one["password"] == self.estate.entry(self.one)
        (end,) = self.registry.load(CONTOSO).job_ends
        assert end.proof is proof


@pytest.fixture
def proof() -> Proof:
    """Unless a test says otherwise, a token request proves."""
    return Proof.TOKEN_REQUEST


@pytest.fixture
def desk(estate: Estate, tmp_path: Path, proof: Proof) -> Iterator[Desk]:
    """One account, and nothing that goes wrong yet."""
    knobs = estate.graph.knobs
    knobs.after_password = knobs.sign_in_block = 0
    knobs.stale_dates = knobs.stale_sign_in = False
    estate.graph.faults.clear()
    estate.vault.faults.clear()
    told = {**estate.told, "proof": proof}
    vault, entra = vault_from(told), entra_from(told)
    one = estate.add_account(f"Fr3sh-{estate.made}-one")
    with SqliteRegistry.open(tmp_path / "state.sqlite") as registry:
        yield Desk(estate, told, registry, vault, entra, one)
    vault.close()
    entra.close()


@BOTH
def test_all_goes_well(desk: Desk, proof: Proof, caplog: pytest.LogCaptureFixture) -> None:
    """In one go: set, proved, in the entry, over; and no log holds the password."""
    caplog.set_level(logging.DEBUG)
    desk.start()
    desk.assert_confirmed(desk.go_on(), proof)
    assert desk.writes() == 1
    assert desk.one["password"] not in caplog.text


def test_after_a_lost_reply_the_token_request_decides_and_nothing_is_sent_again(
    desk: Desk,
) -> None:
    """The write took effect and nobody said so: one sign-in tells, without a second write."""
    desk.estate.graph.faults.add(LostReply(), method="PATCH")
    desk.start()
    where = whereabouts(desk.go_on())
    assert where
    assert where.perhaps_live == (DirectoryKind.ENTRA,)
    assert desk.estate.entry(desk.one) == OLD
    desk.assert_confirmed(desk.go_on(minutes=2), Proof.TOKEN_REQUEST)
    assert desk.writes() == 1


@pytest.mark.parametrize("proof", [Proof.CHANGE_DATE])
def test_after_a_lost_reply_the_date_alone_does_not_decide(desk: Desk) -> None:
    """Without a proof, the same password is sent again until Entra says yes."""
    desk.estate.graph.faults.add(LostReply(), method="PATCH")
    desk.start()
    desk.go_on()
    desk.assert_confirmed(desk.go_on(minutes=2), Proof.CHANGE_DATE)
    assert desk.writes() == 2


@BOTH
@pytest.mark.parametrize("fault", [Disconnect(), ServerError(status=503)], ids=str)
def test_a_write_that_did_not_arrive_is_sent_again(
    desk: Desk, proof: Proof, fault: FaultKind
) -> None:
    """The date did not move, so the same password follows; no wrong one was tried meanwhile."""
    desk.estate.graph.faults.add(fault, method="PATCH")
    desk.start()
    desk.go_on()
    assert desk.estate.live(desk.one) == OLD
    desk.assert_confirmed(desk.go_on(minutes=2), proof)
    assert desk.estate.graph.wrong_attempts(desk.one["id"]) == 0


@pytest.mark.parametrize("code", [50076, 53003])
def test_a_second_factor_is_no_wrong_password(desk: Desk, code: int) -> None:
    """Entra gives no token, and has said all the same that the password is right."""
    desk.estate.graph.knobs.after_password = code
    desk.start()
    desk.assert_confirmed(desk.go_on(), Proof.TOKEN_REQUEST)


@pytest.mark.parametrize("code", [50053, 65001, 7000218])
def test_where_entra_leaves_it_open_the_date_decides_and_the_job_says_so(
    desk: Desk, code: int
) -> None:
    """It is asked once, and never again in this job."""
    desk.estate.graph.knobs.sign_in_block = code
    desk.start()
    job = desk.go_on()
    desk.assert_confirmed(job, Proof.CHANGE_DATE)
    assert sum(seen.status == 400 for seen in desk.estate.graph.requests) == 1
    assert f"AADSTS{code}" in success_text(left_open_of(job))
    (end,) = desk.registry.load(CONTOSO).job_ends
    assert end.left_open == left_open_of(job)


def test_a_lost_reply_that_no_token_settles_is_sent_again(desk: Desk) -> None:
    """With the proof left open, it goes on as where nothing proves."""
    desk.estate.graph.faults.add(LostReply(), method="PATCH")
    desk.estate.graph.knobs.sign_in_block = 50053
    desk.start()
    desk.go_on()
    desk.assert_confirmed(desk.go_on(minutes=2), Proof.CHANGE_DATE)
    assert desk.writes() == 2


@pytest.mark.parametrize(
    ("fault", "path"), [(LostReply(), "oauth2/v2.0/token"), (ServerError(), "userrealm")], ids=str
)
def test_a_login_that_is_down_is_asked_so_often_and_no_more(
    desk: Desk, fault: FaultKind, path: str
) -> None:
    """An attempt without an answer counts as a wrong one; soon the date decides."""
    desk.start()
    desk.entra.passwords.read_policy(desk.one["id"])  # type: ignore[arg-type]
    desk.estate.graph.reset_log()
    desk.estate.graph.faults.add(fault, path=path, times=-1)
    job = desk.go_on()
    for minutes in (2, 3, 5, 9):
        job = job if job.ended_at else desk.go_on(minutes)
    desk.assert_confirmed(job, Proof.CHANGE_DATE)
    asked = [seen for seen in desk.estate.graph.requests if path in seen.path]
    assert len(asked) == MAX_PROOFS + (path == "userrealm")


def test_nobody_signs_in_before_the_date_shows_the_change(desk: Desk) -> None:
    """Where Entra shows it late, the sign-in may lag as well, and a wrong one would be counted."""
    knobs = desk.estate.graph.knobs
    knobs.stale_dates = knobs.stale_sign_in = True
    desk.start()
    assert desk.go_on().state is JobState.OPEN
    knobs.stale_dates = knobs.stale_sign_in = False
    desk.assert_confirmed(desk.go_on(minutes=1), Proof.TOKEN_REQUEST)
    assert desk.writes() == 1
    assert not any(seen.status == 400 for seen in desk.estate.graph.requests)


def test_a_refusal_by_a_login_that_lags_is_not_the_last_word(desk: Desk) -> None:
    """Within a quarter of an hour of Graph's yes it means `not yet`, and the entry waits."""
    desk.estate.graph.knobs.stale_sign_in = True
    desk.start()
    job = desk.go_on()
    assert (job.state, job.targets[0].wrong_proofs) == (JobState.OPEN, 1)
    assert desk.estate.entry(desk.one) == OLD
    desk.estate.graph.knobs.stale_sign_in = False
    desk.assert_confirmed(desk.go_on(minutes=16), Proof.TOKEN_REQUEST)
    assert desk.writes() == 1


def test_after_a_refusal_a_date_is_no_proof(desk: Desk) -> None:
    """Refused first and left open then: a person decides, and the password stays sealed."""
    desk.estate.graph.knobs.stale_sign_in = True
    desk.start()
    desk.go_on()
    desk.estate.graph.knobs.sign_in_block = 50053
    job = desk.go_on(minutes=16)
    for _ in range(4):
        if job.state is JobState.OPEN:
            job = desk.go_on(minutes=90)
    assert job.state is JobState.NEEDS_PERSON
    assert desk.estate.entry(desk.one) == OLD
    assert reveal(job, desk.hands.sealer).same_as(Secret(desk.one["password"]))
    assert sum(seen.status == 400 for seen in desk.estate.graph.requests) == MAX_PROOFS


def test_somebody_else_was_later(desk: Desk) -> None:
    """Another's password is neither overwritten nor written to the entry, and locks nobody out."""
    desk.estate.graph.faults.add(LostReply(), method="PATCH")
    desk.start()
    desk.go_on()
    desk.estate.graph.set_password(desk.told["tenant"], desk.one["id"], "Some-0ther-person")
    job = desk.go_on(minutes=2)
    for _ in range(4):
        job = job if job.ended_at else desk.go_on(minutes=35)
    assert job.state is JobState.SUPERSEDED, job.problem
    assert desk.estate.live(desk.one) == "Some-0ther-person"
    assert desk.estate.entry(desk.one) == OLD
    assert desk.estate.graph.wrong_attempts(desk.one["id"]) == 1


@BOTH
def test_the_vault_in_trouble(desk: Desk, proof: Proof) -> None:
    """The finding says that only the sealed copy has the live password, until the entry has."""
    desk.estate.vault.faults.add(ServerError(status=503), method="PATCH", times=-1)
    desk.start()
    job = desk.go_on()
    where = whereabouts(job)
    assert where
    assert where.only_sealed
    assert where.live == (DirectoryKind.ENTRA,)
    assert reveal(job, desk.hands.sealer).same_as(Secret(desk.one["password"]))
    desk.estate.vault.faults.clear()
    job = desk.go_on(minutes=2)
    desk.assert_confirmed(job if job.ended_at else desk.go_on(minutes=4), proof)


@BOTH
def test_a_refused_password_changes_nothing(desk: Desk, proof: Proof) -> None:
    """The job ends with Graph's code, nothing was written, and no proof was tried."""
    desk.one["password"] = "alllowercaseletters"
    desk.start()
    job = desk.go_on()
    assert (job.state, job.targets[0].proof) == (JobState.REFUSED, None)
    assert job.targets[0].proves_by is proof
    assert "Request_BadRequest" in job.problem
    assert desk.estate.live(desk.one) == OLD == desk.estate.entry(desk.one)
    assert desk.estate.graph.wrong_attempts(desk.one["id"]) == 0
