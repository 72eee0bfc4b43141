"""The lab's domain controller keeps the password contract, and breaks as real ones do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.contract.directory import content
from tests.contract.directory.lab_house import open_house, small_domain
from tests.contract.passwords.lab_house import WRITER, LabPasswords
from tests.contract.passwords.suite import BORN, NEW, NEWER, PasswordContract

from muster.adapters.active_directory import ActiveDirectoryPasswords
from muster.adapters.entra_connect import EntraConnectTrigger
from muster.adapters.entra_connect.wish import EntraConnectWish, NotingPasswords
from muster.errors import (
    AccessDenied,
    NotFound,
    PasswordRefused,
    Rejected,
    RemoteError,
    Unavailable,
    Unexpected,
)
from muster.lab.directory.faults import LdapFaults
from muster.model.connections import EntraConnect, SecretRef
from muster.model.names import AccountId, DirectoryKind
from muster.model.passwords import PasswordPolicy, PasswordState, Proof, Target
from muster.model.secret import Secret
from muster.passwords.patience import proofs_left

CONNECT = EntraConnect(
    host="sync1",
    user_name="sync",
    password=SecretRef(name="sync", key="password"),
    configuration_name="Muster.ADSync",
)


@pytest.fixture(scope="module")
def house() -> Iterator[LabPasswords]:
    """One domain for the module."""
    with open_house(small_domain()) as lab:
        yield LabPasswords(lab)


@pytest.fixture
def user(house: LabPasswords, request: pytest.FixtureRequest) -> AccountId:
    """A user of the test's own, and no faults left over."""
    house.house.faults.clear()
    return house.add_user(f"u{abs(hash(request.node.name)) % 10**9}", BORN)


class TestLabPasswords(PasswordContract):
    """Every test of the contract, in the lab."""


@pytest.mark.parametrize("applied", [True, False])
def test_a_lost_answer_leaves_the_outcome_open(
    house: LabPasswords, user: AccountId, applied: bool
) -> None:
    """When the connection ends after the write was sent, nobody claims to know."""
    house.house.faults.drop_modifies(applied=applied)
    with pytest.raises(Unavailable) as caught:
        house.passwords().set_password(user, NEW, must_change=False, unlock=False)
    assert caught.value.maybe_applied
    assert house.live(user) == (NEW.reveal() if applied else BORN)


@pytest.mark.parametrize(
    ("break_off", "wished"),
    [
        (lambda faults: faults.drop_modifies(applied=True), True),
        (lambda faults: faults.fail_modifies(1, 19, "0000052D: AtrErr\n"), False),
    ],
    ids=["not answered", "refused"],
)
def test_a_cycle_is_wished_for_whatever_may_have_been_set(
    house: LabPasswords, user: AccountId, break_off: Callable[[LdapFaults], None], wished: bool
) -> None:
    """Entra Connect is to carry on a password whose answer was lost, and not a refused one."""
    wish = EntraConnectWish(lambda: EntraConnectTrigger(CONNECT, NEW))
    break_off(house.house.faults)
    with pytest.raises(RemoteError):
        NotingPasswords(house.passwords(), wish).set_password(
            user, NEW, must_change=False, unlock=False
        )
    assert (wish.take(datetime.now(UTC)) is not None) is wished


@pytest.mark.parametrize(
    ("code", "message", "kind", "maybe"),
    [
        (19, "0000052D: AtrErr: DSID-03190FC2, #1:\n", PasswordRefused, False),
        (53, "0000052D: SvcErr: DSID-031A12D2, problem 5003\n\0", PasswordRefused, False),
        (53, "0000001F: SvcErr: DSID-031A12D2, problem 5003\n\0", AccessDenied, False),
        (13, "", AccessDenied, False),
        (50, "00002098: SecErr: DSID-031514A0, problem 4003\n\0", AccessDenied, False),
        (53, "00002035: setup_io: no hashes\n", Rejected, False),
        (32, "0000208D: NameErr: DSID-03100245, problem 2001\n\0", NotFound, False),
        (10, "0000202B: RefErr: DSID-03100781\n\0", Rejected, False),
        (51, "", Unavailable, False),
        (52, "", Unavailable, False),
        (1, "000004DC: LdapErr: DSID-0C090A5C\0", Unexpected, True),
        (3, "", Unexpected, True),
        (80, "", Unexpected, True),
    ],
)
def test_what_a_refusal_means(
    house: LabPasswords,
    user: AccountId,
    code: int,
    message: str,
    kind: type[RemoteError],
    maybe: bool,
) -> None:
    """Both result codes of a refused password are one error; only an unclear one may have acted."""
    house.house.faults.fail_modifies(1, code, message or "x")
    with pytest.raises(RemoteError) as caught:
        house.passwords().set_password(user, NEW, must_change=False, unlock=False)
    assert type(caught.value) is kind
    assert caught.value.maybe_applied is maybe
    assert NEW.reveal() not in repr(caught.value)
    assert house.live(user) == BORN


def test_a_protected_account_needs_more_than_a_delegated_right(
    house: LabPasswords, user: AccountId
) -> None:
    """The error names AdminSDHolder, where such rights belong."""
    house.house.domain.set_attributes(house.dn(user), {"adminCount": ["1"]})
    with pytest.raises(AccessDenied, match="AdminSDHolder"):
        house.passwords().set_password(user, NEW, must_change=False, unlock=False)


@pytest.mark.parametrize("code", ["530", "531", "532", "533", "701", "773"])
def test_these_refusals_are_told_to_who_has_the_password(
    house: LabPasswords, user: AccountId, code: str
) -> None:
    """They prove the password, although nobody may sign in."""
    message = f"80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data {code}"
    house.house.faults.fail_second_bind(49, message)
    assert house.passwords().prove(user, Secret(BORN))


def test_nothing_is_no_password(house: LabPasswords, user: AccountId) -> None:
    """To sign in without one is anonymous, and a yes to that proves nothing (RFC 4513, 5.1.2)."""
    before = house.house.server.requests["bind"]
    assert house.passwords().prove(user, Secret("")) is False
    assert house.house.server.requests["bind"] == before


def test_a_hidden_lockout_threshold_is_not_taken_for_none(
    house: LabPasswords, user: AccountId
) -> None:
    """Without it nobody knows how many proofs are safe."""
    domain = house.house.domain
    domain.set_attributes(domain.dn, {"lockoutThreshold": []})
    try:
        assert house.passwords().read_policy(user).resultant_unreadable
    finally:
        house.set_threshold(0)


@pytest.mark.parametrize(("code", "counted"), [("775", False), ("52f", True), ("569", True)])
def test_these_refusals_tell_nothing(
    house: LabPasswords, user: AccountId, code: str, counted: bool
) -> None:
    """A locked account is told to everybody; what is not known is no proof either way."""
    message = f"80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data {code}"
    house.house.faults.fail_second_bind(49, message)
    with pytest.raises(Unavailable) as caught:
        house.passwords().prove(user, Secret(BORN))
    assert caught.value.maybe_applied is counted


def test_a_server_that_took_the_write_is_asked_first() -> None:
    """A replica that lags is not asked while the one that knows can be."""
    with open_house(small_domain()) as first, open_house(small_domain()) as second:
        house = LabPasswords(first)
        user = house.add_user("roamer2", BORN)
        pems = (one.login().ca_pem or "" for one in (first, second))
        writer = f"{WRITER}@{content.DNS_NAME}"
        servers = (second.ldaps, first.ldaps)
        login = replace(first.login(), servers=servers, ca_pem="".join(pems), user_name=writer)
        directory = ActiveDirectoryPasswords(login)
        second.server.stop()
        directory.set_password(user, NEWER, must_change=False, unlock=False)
        second.server.start()
        assert directory.prove(user, NEWER)
        assert second.server.requests["bind"] == 0


@pytest.mark.parametrize(
    ("threshold", "failed", "ours", "locked", "unreadable", "left"),
    [
        (0, 0, 0, False, False, 3),
        (0, 9, 2, False, False, 1),
        (10, 0, 0, False, False, 3),
        (5, 0, 0, False, False, 3),
        (5, 2, 0, False, False, 1),
        (5, 1, 2, False, False, 1),
        (3, 0, 0, False, False, 1),
        (3, 1, 0, False, False, 0),
        (2, 0, 0, False, False, 0),
        (1, 0, 0, False, False, 0),
        (0, 0, 0, True, False, 0),
        (0, 0, 0, False, True, 1),
        (0, 0, 1, False, True, 0),
        (0, 1, 0, False, True, 0),
        (2, 0, 0, False, True, 0),
    ],
)
def test_how_many_proofs_are_left(
    threshold: int, failed: int, ours: int, locked: bool, unreadable: bool, left: int
) -> None:
    """Two wrong attempts are left to the owner; where not all rules can be read, one is tried."""
    target = Target(
        system=DirectoryKind.ACTIVE_DIRECTORY,
        account=AccountId("a"),
        proves_by=Proof.BIND,
        wrong_proofs=ours,
    )
    state = PasswordState(failed_attempts=failed, locked=locked)
    policy = PasswordPolicy(lockout_threshold=threshold, resultant_unreadable=unreadable)
    assert proofs_left(target, state, policy) == left
