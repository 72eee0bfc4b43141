"""A password over real sockets: a process dies, answers are lost, and the entry has it at last."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.contract.directory import content
from tests.contract.directory.lab_house import open_house, small_domain
from tests.contract.passwords.lab_house import WRITER, LabPasswords
from tests.engine.doubles import Fate
from tests.passwords.crash_child import CONTOSO, SLOT, hands_with, request, vault_from
from tests.passwords.dying import MOST_DEATHS, die_at_every_effect

from muster.adapters.itglue import ItGlueVault
from muster.errors import SpecError, StateError
from muster.lab.faults import FaultKind, LostReply, ServerError
from muster.lab.itglue import ItGlueLab
from muster.model.causes import Cause
from muster.model.names import DirectoryKind, RemoteId
from muster.model.passwords import JobState, PasswordJob, Proof, cause_of
from muster.model.secret import Secret
from muster.passwords.carry_out import Hands, carry_out, reveal, start
from muster.passwords.protocol import Settlement, settle
from muster.registry.sqlite import SqliteRegistry
from muster.report.password_jobs import whereabouts
from muster.sealing import new_key

OLD = "The-0ld-one-of-them"


@dataclass(slots=True)
class Estate:
    """A domain, a vault, and where they are."""

    passwords: LabPasswords
    vault: ItGlueLab
    told: dict[str, Any]
    made: int = 0

    def add_account(self, new: str) -> dict[str, str]:
        """Add a user with an entry that holds its password."""
        self.made += 1
        account = self.passwords.add_user(f"user{self.made}", OLD)
        organization = self.told["organization"]
        entry = self.vault.add_password(organization, f"user{self.made}", password=OLD)
        return {"id": account, "entry": entry, "password": new}

    def entry(self, one: dict[str, str]) -> str:
        """Return the password that an entry holds."""
        rows = self.vault.passwords(self.told["organization"])
        return str(next(row["password"] for row in rows if row["id"] == one["entry"]))

    def live(self, one: dict[str, str]) -> str | None:
        """Return the password that signs in."""
        return self.passwords.live(one["id"])  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def estate() -> Iterator[Estate]:
    """One domain and one vault for the module."""
    with open_house(small_domain()) as lab, ItGlueLab() as vault:
        organization = vault.add_organization("Contoso")
        told = {
            "ldaps": lab.ldaps,
            "ldap_ca": lab.login().ca_pem,
            "user_name": f"{WRITER}@{content.DNS_NAME}",
            "user_password": content.PASSWORD,
            "vault": vault.endpoint,
            "vault_ca": vault.ca.cert_pem.bytes().decode(),
            "vault_key": vault.key,
            "ring": new_key().reveal(),
            "organization": organization,
        }
        yield Estate(LabPasswords(lab), vault, told)


def test_a_process_killed_at_any_effect_ends_with_the_live_password_in_the_entry(
    estate: Estate, tmp_path: Path
) -> None:
    """Wherever it dies, the next run finishes with the same password; nothing prints it."""
    accounts = [estate.add_account(f"Br4nd-New-number-{n}") for n in range(MOST_DEATHS)]
    deaths = die_at_every_effect({**estate.told, "accounts": accounts}, tmp_path)
    assert deaths > 25
    for number, one in enumerate(accounts[: deaths + 1]):
        assert estate.live(one) == one["password"] == estate.entry(one), number
        with SqliteRegistry.open_for_reading(tmp_path / f"{number}.sqlite") as registry:
            known = registry.load(CONTOSO)
        assert known.jobs == ()
        assert [(end.state, end.slot, end.proof) for end in known.job_ends] == [
            (JobState.CONFIRMED, SLOT, Proof.BIND)
        ]
        assert one["password"] not in (tmp_path / f"{number}.sqlite").read_text(errors="replace")


@dataclass(slots=True)
class Desk:
    """One job of one account, with a clock that tests turn forward."""

    estate: Estate
    registry: SqliteRegistry
    one: dict[str, str]
    vault: ItGlueVault
    minutes: int = 0

    @property
    def hands(self) -> Hands:
        """What the job is carried out with now."""
        told = self.estate.told
        return hands_with(told, self.registry, self.vault, Fate(), self.minutes)

    def start(self) -> PasswordJob:
        """Open the job."""
        asked = request(self.one["id"], self.one["entry"])
        return start(asked, Secret(self.one["password"]), self.hands)

    def go_on(self, minutes: int = 0) -> PasswordJob:
        """Carry the open job out, so many minutes later."""
        self.minutes += minutes
        (job,) = self.registry.load(CONTOSO).jobs
        return carry_out(job, self.hands)

    def assert_confirmed(self, job: PasswordJob) -> None:
        """Check that the live password is in the entry, and the job is over and says where."""
        assert (job.state, job.sealed) == (JobState.CONFIRMED, "")
        (end,) = self.registry.load(CONTOSO).job_ends
        assert end.revision == job.vault.revision
        assert self.estate.live(self.one) == self.one["password"] == self.estate.entry(self.one)
        assert self.registry.load(CONTOSO).jobs == ()


@pytest.fixture
def desk(estate: Estate, tmp_path: Path) -> Iterator[Desk]:
    """One account, and nothing that goes wrong yet."""
    estate.passwords.house.faults.clear()
    estate.vault.faults.clear()
    vault = vault_from(estate.told)
    with SqliteRegistry.open(tmp_path / "state.sqlite") as registry:
        yield Desk(estate, registry, estate.add_account(f"Fr3sh-{tmp_path.name}-one"), vault)
    vault.close()


def test_all_goes_well(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """In one go: set, proved by a bind, in the entry, over; and no log holds the password."""
    with caplog.at_level(logging.DEBUG):
        desk.start()
        job = desk.go_on()
        desk.assert_confirmed(job)
    assert job.vault.revision
    assert desk.one["password"] not in caplog.text


@pytest.mark.parametrize("applied", [True, False])
def test_a_lost_answer_of_the_directory_is_settled(desk: Desk, applied: bool) -> None:
    """Whether the write took effect or not, the next run finds out or sets the same again."""
    desk.estate.passwords.house.faults.drop_modifies(applied=applied)
    desk.start()
    job = desk.go_on()
    where = whereabouts(job)
    assert where
    assert where.perhaps_live == (DirectoryKind.ACTIVE_DIRECTORY,)
    assert "sealed in password job" in where.sentence
    assert desk.estate.entry(desk.one) == OLD
    desk.assert_confirmed(desk.go_on(minutes=2))


@pytest.mark.parametrize("fault", [LostReply(), ServerError(status=503)], ids=["lost", "down"])
def test_the_vault_in_trouble(desk: Desk, fault: FaultKind) -> None:
    """The finding says that only the sealed copy has the live password, until the entry has."""
    desk.estate.vault.faults.add(fault, method="PATCH", times=-1)
    desk.start()
    job = desk.go_on()
    where = whereabouts(job)
    assert where
    assert where.only_sealed
    assert where.live == (DirectoryKind.ACTIVE_DIRECTORY,)
    assert reveal(job, desk.hands.sealer).same_as(Secret(desk.one["password"]))
    desk.estate.vault.faults.clear()
    job = desk.go_on(minutes=2)
    desk.assert_confirmed(job if job.ended_at else desk.go_on(minutes=4))


def test_a_refused_password_changes_nothing(desk: Desk) -> None:
    """1.28 no. 21: the job ends with the reason, and nothing was written anywhere."""
    desk.one["password"] = "short"
    desk.start()
    job = desk.go_on()
    assert (job.state, job.targets[0].code) == (JobState.REFUSED, "0000052D")
    assert "password policy" in job.problem
    assert desk.estate.live(desk.one) == OLD == desk.estate.entry(desk.one)
    (end,) = desk.registry.load(CONTOSO).job_ends
    assert not end.was_set
    assert end.cause is Cause.PASSWORD_REFUSED
    assert "It has 5 characters, and the policy asks for 7." in end.problem


def test_a_filter_that_nobody_can_read_is_told(desk: Desk) -> None:
    """A password that keeps every rule that was read was refused by something else."""
    desk.estate.passwords.house.faults.fail_modifies(1, 19, "0000052D: AtrErr")
    desk.start()
    job = desk.go_on()
    assert (job.state, job.cause) == (JobState.REFUSED, Cause.PASSWORD_REFUSED)
    assert "a password filter on the domain controllers refused it" in job.problem
    assert desk.one["password"] not in job.problem


@pytest.mark.parametrize(
    ("code", "message", "cause"),
    [
        (50, "00002098: SecErr", Cause.DIRECTORY_DENIED),
        (53, "00002035: setup_io", Cause.DIRECTORY_REFUSED),
        (32, "0000208D: NameErr", Cause.ACCOUNT_GONE),
        (51, "", Cause.DIRECTORY_UNREACHABLE),
    ],
)
def test_a_directory_that_does_not_set_it_is_told_in_a_word(
    desk: Desk, code: int, message: str, cause: Cause
) -> None:
    """Nothing was changed, and the job says why for programs too."""
    desk.estate.passwords.house.faults.fail_modifies(1, code, message or "x")
    desk.start()
    assert cause_of(desk.go_on()) is cause
    assert desk.estate.live(desk.one) == OLD
    desk.estate.passwords.house.faults.clear()


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (ServerError(status=503), Cause.VAULT_UNREACHABLE),
        (ServerError(status=403), Cause.VAULT_DENIED),
        (ServerError(status=422), Cause.VAULT_REFUSED),
    ],
)
def test_a_vault_that_does_not_take_it_is_told_in_a_word(
    desk: Desk, fault: ServerError, cause: Cause
) -> None:
    """The open job says why the entry does not have the live password, until it has."""
    desk.estate.vault.faults.add(fault, method="PATCH", times=-1)
    desk.start()
    where = whereabouts(desk.go_on())
    assert where
    assert where.cause is cause
    desk.estate.vault.faults.clear()
    job = desk.go_on(minutes=2)
    job = job if job.ended_at else desk.go_on(minutes=4)
    assert (job.state, cause_of(job)) == (JobState.CONFIRMED, None)


def test_a_deleted_entry_keeps_the_password_sealed(desk: Desk) -> None:
    """The job stays open with a finding, until a person gives it up after three days of trying."""
    desk.estate.vault.delete_password(desk.one["entry"])
    desk.start()
    job = desk.go_on()
    assert job.state is JobState.OPEN
    where = whereabouts(job)
    assert where
    assert where.only_sealed
    assert where.cause is Cause.ENTRY_GONE
    job = desk.go_on(minutes=3 * 24 * 60 + 1)
    assert (job.state, job.cause) == (JobState.NEEDS_PERSON, Cause.ENTRY_GONE)
    assert reveal(job, desk.hands.sealer).same_as(Secret(desk.one["password"]))
    assert desk.go_on(minutes=9).state is JobState.NEEDS_PERSON
    over = settle(job, Settlement.ABANDON, datetime.now(UTC))
    desk.registry.close_job(over)
    with pytest.raises(ValueError, match="holds no password"):
        reveal(over, desk.hands.sealer)


def test_somebody_else_was_later(desk: Desk) -> None:
    """A password that another person set after ours is not overwritten, and the entry not either.

    It takes an hour to be sure: so long the former password may still sign in.
    """
    desk.estate.passwords.house.faults.drop_modifies(applied=True)
    desk.start()
    desk.go_on()
    domain = desk.estate.passwords.house.domain
    dn = desk.estate.passwords.dn(desk.one["id"])  # type: ignore[arg-type]
    domain.set_password(dn, "Some-0ther-person")
    for _ in range(4):
        if desk.registry.load(CONTOSO).jobs:
            job = desk.go_on(minutes=70)
    assert job.state is JobState.SUPERSEDED
    assert desk.estate.live(desk.one) == "Some-0ther-person"
    assert desk.estate.entry(desk.one) == OLD


def test_the_vault_is_another_one_now(desk: Desk) -> None:
    """An entry of another tenant may have the same id: it is never written."""
    desk.start()
    moved = replace(desk.hands, place="it-glue/2", organization=RemoteId("2"))
    (job,) = desk.registry.load(CONTOSO).jobs
    job = carry_out(job, moved)
    assert "it-glue/2" in job.vault.problem
    assert desk.estate.entry(desk.one) == OLD


def test_a_key_that_is_gone_stops_before_anything_is_sent(desk: Desk) -> None:
    """What does not open is not set; with the key back, the job goes on."""
    desk.start()
    ring = desk.estate.told["ring"]
    desk.estate.told["ring"] = new_key().reveal()
    job = desk.go_on()
    assert "does not open" in job.targets[0].problem
    assert desk.estate.live(desk.one) == OLD
    desk.estate.told["ring"] = ring
    desk.assert_confirmed(desk.go_on(minutes=2))


def test_a_journal_that_cannot_be_written_stops_before_anything_is_sent(desk: Desk) -> None:
    """The journal knows first: without it, no password is set."""
    job = desk.start()
    with SqliteRegistry.open_for_reading(desk.registry._path) as frozen:
        stopped = replace(desk.hands, registry=frozen)
        with pytest.raises(StateError, match="reading only"):
            carry_out(job, stopped)
    assert desk.estate.live(desk.one) == OLD


def test_what_cannot_begin(desk: Desk) -> None:
    """Without its directory no job is opened, and beside an open one neither."""
    with pytest.raises(SpecError, match="ActiveDirectory is not connected"):
        start(
            request(desk.one["id"], desk.one["entry"]),
            Secret("x"),
            replace(desk.hands, directories={}),
        )
    desk.start()
    again = replace(request(desk.one["id"], desk.one["entry"]), id="another")
    with pytest.raises(ValueError, match="still open"):
        start(again, Secret("x"), desk.hands)


def test_the_sealed_password_opens_for_its_own_job_only(desk: Desk) -> None:
    """Ciphertext that was moved to another job does not open."""
    job = desk.start()
    stolen = replace(job, id="another")
    with pytest.raises(Exception, match=r"does not open|damaged"):
        reveal(stolen, desk.hands.sealer)
    assert job.deadline - job.opened_at == timedelta(days=3)
