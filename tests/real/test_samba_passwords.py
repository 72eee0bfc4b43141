"""Samba, a real domain controller, keeps the password contract."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from ldap3 import MODIFY_REPLACE
from tests.contract.directory import content
from tests.contract.passwords.suite import BORN, NEW, PasswordContract
from tests.engine.doubles import Fate
from tests.passwords.crash_child import CONTOSO, hands_with, request, vault_from
from tests.passwords.dying import MOST_DEATHS, die_at_every_effect
from tests.real import samba
from tests.real.conftest import SambaHouse

from muster.adapters.active_directory import ActiveDirectoryPasswords, decode
from muster.errors import Unavailable
from muster.lab.itglue import ItGlueLab
from muster.model.causes import Cause
from muster.model.names import AccountId, DirectoryKind
from muster.model.passwords import JobState, Proof, TargetState
from muster.model.secret import Secret
from muster.passwords.carry_out import carry_out, start
from muster.registry.sqlite import SqliteRegistry
from muster.sealing import new_key
from muster.transport.ldap_connect import LdapLogin

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("samba")]

CONTAINER = f"CN=Password Settings Container,CN=System,{content.DOMAIN_DN}"


class LossyWire:
    """A wire to the domain controller that is cut at the next write, before or behind it."""

    def __init__(self, address: str, *, arrives: bool) -> None:
        self._address = address
        self._arrives = arrives
        self._armed = threading.Event()
        self._listener = socket.create_server((address, 0))
        self.url = f"ldaps://{address}:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self) -> None:
        """Let the next request be the last; a `before_write` that refuses nothing."""
        self._armed.set()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection((self._address, 636))
            for source, sink, asks in ((client, server, True), (server, client, False)):
                pipe = (source, sink, asks)
                threading.Thread(target=self._pass_on, args=pipe, daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, asks: bool) -> None:
        with source, sink, suppress(OSError):
            while data := _received(source):
                if self._armed.is_set() and (not asks or not self._arrives):
                    return
                sink.sendall(data)


def _received(source: socket.socket) -> bytes:
    try:
        return source.recv(65536)
    except OSError:
        return b""


@dataclass(slots=True)
class SambaPasswords:
    """The session's domain controller, written to as its administrator."""

    house: SambaHouse

    def login(self) -> LdapLogin:
        """Return what the administrator signs in with."""
        return replace(
            self.house.login(),
            user_name=f"administrator@{content.DNS_NAME}",
            password=Secret(samba.ADMIN_PASSWORD),
        )

    def passwords(self, before_write: Callable[[], None] | None = None) -> ActiveDirectoryPasswords:
        """Return the adapter with rights."""
        return ActiveDirectoryPasswords(replace(self.login(), before_write=before_write))

    def lossy_login(self, wire: LossyWire) -> LdapLogin:
        """Return a login over a wire that is cut at the next write; its client waits shortly."""
        login = replace(self.login(), servers=(wire.url,), before_write=wire.cut)
        return replace(login, receive_timeout_s=2)

    def powerless(self) -> ActiveDirectoryPasswords:
        """Return the adapter without rights."""
        return ActiveDirectoryPasswords(self.house.login())

    def add_user(self, sam: str, password: str) -> AccountId:
        """Add a user; its date of change is in the past, as after some days."""
        dn = f"CN={sam},{content.STAFF}"
        attributes = {
            "sAMAccountName": sam,
            "userAccountControl": "512",
            "unicodePwd": f'"{password}"'.encode("utf-16-le"),
        }
        with samba.admin(self.house.domain) as connection:
            assert connection.add(dn, "user", attributes), connection.result
            connection.search(dn, "(objectClass=user)", attributes=["objectGUID"])
            return decode.guid(connection.response[0]["raw_attributes"]["objectGUID"][0])

    def disable(self, account: AccountId) -> None:
        """Disable a user."""
        self._set(account, "userAccountControl", "514")

    def expire(self, account: AccountId) -> None:
        """Let a user's account expire."""
        self._set(account, "accountExpires", "132223104000000000")

    def deny_own_change(self, account: AccountId) -> None:
        """Set the denial that the console sets."""
        denial = "(OD;;CR;ab721a53-1e2f-11d0-9819-00aa0040529b;;PS)"
        self._tool("dsacl", "set", f"--objectdn={self._dn(account)}", f"--sddl={denial}")

    def set_threshold(self, threshold: int) -> None:
        """Set the domain's lockout threshold."""
        with samba.admin(self.house.domain) as connection:
            change = {"lockoutThreshold": [(MODIFY_REPLACE, [str(threshold)])]}
            assert connection.modify(content.DOMAIN_DN, change), connection.result

    def add_fine_policy(self, account: AccountId, name: str, min_length: int) -> None:
        """Add a fine-grained policy for one user."""
        attributes = {
            "msDS-PasswordSettingsPrecedence": "10",
            "msDS-PasswordReversibleEncryptionEnabled": "FALSE",
            "msDS-PasswordHistoryLength": "12",
            "msDS-PasswordComplexityEnabled": "TRUE",
            "msDS-MinimumPasswordLength": str(min_length),
            "msDS-MinimumPasswordAge": "0",
            "msDS-MaximumPasswordAge": str(-(2**63)),
            "msDS-LockoutThreshold": "4",
            "msDS-LockoutObservationWindow": "-18000000000",
            "msDS-LockoutDuration": "-18000000000",
            "msDS-PSOAppliesTo": self._dn(account),
        }
        with samba.admin(self.house.domain) as connection:
            dn = f"CN={name},{CONTAINER}"
            assert connection.add(dn, "msDS-PasswordSettings", attributes), connection.result

    def _set(self, account: AccountId, name: str, value: str) -> None:
        with samba.admin(self.house.domain) as connection:
            change = {name: [(MODIFY_REPLACE, [value])]}
            assert connection.modify(self._dn(account), change), connection.result

    def _dn(self, account: AccountId) -> str:
        with samba.admin(self.house.domain) as connection:
            connection.search(content.DOMAIN_DN, decode.guid_filter(account))
            return next(str(one["dn"]) for one in connection.response if "dn" in one)

    def _tool(self, *words: str) -> None:
        database = self.house.domain.folder / "private/sam.ldb"
        command = ["samba-tool", *words, f"--configfile={self.house.domain.conf}", f"-H{database}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def house(samba_house: SambaHouse) -> SambaPasswords:
    """The session's domain controller."""
    return SambaPasswords(samba_house)


class TestSambaPasswords(PasswordContract):
    """Every test of the contract, against a real domain controller."""


@pytest.fixture
def wire(house: SambaPasswords, request: pytest.FixtureRequest) -> Iterator[LossyWire]:
    """A wire that loses the answer, or the request."""
    lossy = LossyWire(house.house.domain.address, arrives=request.param)
    yield lossy
    lossy.close()


@pytest.mark.parametrize("wire", [True, False], indirect=True, ids=["answer", "request"])
def test_a_lost_answer_leaves_the_outcome_open(
    house: SambaPasswords, wire: LossyWire, tmp_path: Path
) -> None:
    """Nobody claims to know; the date and a proof tell, and to set it again does no harm."""
    user = house.add_user(f"lossy{wire.url.rpartition(':')[2]}", BORN)
    directory, before = house.passwords(), house.passwords().read_password_state(user)
    login = house.lossy_login(wire)
    with pytest.raises(Unavailable) as caught:
        ActiveDirectoryPasswords(login).set_password(user, NEW, must_change=False, unlock=False)
    assert caught.value.maybe_applied
    moved = directory.read_password_state(user).changed_at != before.changed_at
    assert directory.prove(user, NEW) is moved
    directory.set_password(user, NEW, must_change=False, unlock=False)
    assert directory.prove(user, NEW)


@pytest.fixture
def told(house: SambaPasswords) -> Iterator[dict[str, Any]]:
    """A simulated vault beside the real directory, and how to reach both."""
    login = house.login()
    with ItGlueLab() as vault:
        yield {
            "ldaps": login.servers[0],
            "ldap_ca": login.ca_pem,
            "user_name": login.user_name,
            "user_password": samba.ADMIN_PASSWORD,
            "vault": vault.endpoint,
            "vault_ca": vault.ca.cert_pem.bytes().decode(),
            "vault_key": vault.key,
            "ring": new_key().reveal(),
            "organization": vault.add_organization("Contoso"),
            "lab": vault,
        }


@pytest.mark.parametrize("wire", [True, False], indirect=True, ids=["answer", "request"])
@pytest.mark.parametrize("must_change", [False, True], ids=["stays", "must change"])
def test_a_job_survives_a_lost_answer(
    house: SambaPasswords,
    wire: LossyWire,
    told: dict[str, Any],
    must_change: bool,
    tmp_path: Path,
) -> None:
    """The next run finds out what happened, proves by a bind, and the entry has the live one."""
    user = house.add_user(f"job{wire.url.rpartition(':')[2]}", BORN)
    entry = told["lab"].add_password(told["organization"], "user", password=BORN)
    asked = replace(request(user, entry), must_change=must_change, unlock=True)
    vault = vault_from(told)
    with SqliteRegistry.open(tmp_path / "state.sqlite") as registry:
        first = hands_with(told, registry, vault, Fate(), 0)
        lossy = ActiveDirectoryPasswords(house.lossy_login(wire))
        broken = replace(first, directories={DirectoryKind.ACTIVE_DIRECTORY: lossy})
        job = carry_out(start(asked, NEW, broken), broken)
        assert job.targets[0].state is TargetState.SENT
        later = hands_with(told, registry, vault, Fate(), 2)
        job = carry_out(job, later)
        assert (job.state, job.targets[0].proof) == (JobState.CONFIRMED, Proof.BIND)
    vault.close()
    (row,) = told["lab"].passwords(told["organization"])
    assert house.passwords().prove(user, Secret(row["password"]))
    assert NEW.same_as(Secret(row["password"]))
    assert house.passwords().read_password_state(user).must_change is must_change


def test_a_process_killed_at_any_effect_ends_with_the_live_password_in_the_entry(
    house: SambaPasswords, told: dict[str, Any], tmp_path: Path
) -> None:
    """Wherever it dies, the next run finishes with the same password, here as in the lab."""
    lab, organization = told.pop("lab"), told["organization"]
    accounts = [
        {
            "id": house.add_user(f"dies{number}", BORN),
            "entry": lab.add_password(organization, f"dies{number}", password=BORN),
            "password": f"Br4nd-New-number-{number}",
        }
        for number in range(MOST_DEATHS)
    ]
    deaths = die_at_every_effect({**told, "accounts": accounts}, tmp_path)
    assert deaths > 25
    kept = {row["id"]: row["password"] for row in lab.passwords(organization)}
    for number, one in enumerate(accounts[: deaths + 1]):
        assert kept[one["entry"]] == one["password"], number
        assert house.passwords().prove(one["id"], Secret(one["password"])), number
        with SqliteRegistry.open_for_reading(tmp_path / f"{number}.sqlite") as registry:
            known = registry.load(CONTOSO)
        assert known.jobs == ()
        assert [end.state for end in known.job_ends] == [JobState.CONFIRMED]


def test_a_job_that_a_fine_grained_policy_refuses_changes_nothing(
    house: SambaPasswords, told: dict[str, Any], tmp_path: Path
) -> None:
    """1.28 no. 21, with the rules of one user's own policy."""
    user = house.add_user("finejob", BORN)
    house.add_fine_policy(user, "Long ones", min_length=30)
    entry = told["lab"].add_password(told["organization"], "user", password=BORN)
    vault = vault_from(told)
    with SqliteRegistry.open(tmp_path / "state.sqlite") as registry:
        hands = hands_with(told, registry, vault, Fate(), 0)
        job = carry_out(start(request(user, entry), NEW, hands), hands)
    vault.close()
    assert (job.state, job.targets[0].code) == (JobState.REFUSED, "0000052D")
    assert job.cause is Cause.PASSWORD_REFUSED
    assert '"Long ones" asks for at least 30 characters' in job.problem
    assert house.passwords().prove(user, Secret(BORN))
    assert [row["password"] for row in told["lab"].passwords(told["organization"])] == [BORN]
