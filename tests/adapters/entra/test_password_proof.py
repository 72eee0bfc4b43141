"""Proving a cloud user's password by a token request: what each answer of Entra tells."""

from __future__ import annotations

import gc
import logging
from dataclasses import replace

import msal
import pytest
from tests.adapters.entra.test_passwords import NOBODY_THERE, ROTATE, USER_ADMINISTRATOR
from tests.adapters.entra.world import EntraWorld

from muster.adapters.entra.password_directory import EntraPasswords
from muster.adapters.entra.proof_codes import RIGHT
from muster.errors import NotFound, RateLimited, RemoteError, Unavailable, Untold
from muster.lab.faults import Disconnect, FaultKind, HtmlError, LostReply, ServerError, Throttle
from muster.model.connections import Cloud
from muster.model.names import AccountId
from muster.model.passwords import Proof
from muster.model.secret import Secret

LIVE, OTHER = Secret("Canary-Pass-77-änd"), Secret("Canary-0ther-88")
TOKEN = "oauth2/v2.0/token"

LEFT_OPEN = {
    50053: "locked out",
    50131: "risk",
    65001: "nobody consented",
    7000218: "credential",
    50196: "too many equal requests",
    90072: "does not know its reason",
}


@pytest.fixture
def proving(world: EntraWorld) -> EntraWorld:
    """A tenant in which the application may set passwords."""
    world.lab.consent(world.tenant, ROTATE, roles=[USER_ADMINISTRATOR])
    return world


@pytest.fixture
def joan(proving: EntraWorld) -> AccountId:
    """A user whose live password is LIVE."""
    user = proving.add_user("joan")
    proving.lab.set_password(proving.tenant, user, LIVE.reveal())
    return user


def passwords(world: EntraWorld, patience_s: float = 2.0) -> EntraPasswords:
    """Return the port of a customer who lets Muster ask for tokens."""
    settings = replace(world.settings, password_proof=Proof.TOKEN_REQUEST)
    return world.open(settings=settings, patience_s=patience_s).passwords


def test_a_token_says_yes_and_a_refused_password_no(proving: EntraWorld, joan: AccountId) -> None:
    """What was set through Graph is proved at once; what it replaced is the live one no more."""
    port = passwords(proving)
    assert port.proves_by is Proof.TOKEN_REQUEST
    assert port.prove(joan, LIVE)
    port.set_password(joan, OTHER, must_change=False, unlock=False)
    assert not port.prove(joan, LIVE)
    assert port.prove(joan, OTHER)


@pytest.mark.parametrize("code", sorted(RIGHT))
def test_what_comes_after_the_password_says_that_it_is_right(
    proving: EntraWorld, joan: AccountId, code: int
) -> None:
    """A second factor or Conditional Access is a yes; with a wrong password it is still a no."""
    proving.lab.knobs.after_password = code
    port = passwords(proving)
    assert port.prove(joan, LIVE)
    assert not port.prove(joan, OTHER)


def test_a_demand_to_change_the_password_is_a_yes(proving: EntraWorld, joan: AccountId) -> None:
    """Who must change it at the next sign-in gets 50055, and no token."""
    port = passwords(proving)
    port.set_password(joan, OTHER, must_change=True, unlock=False)
    assert port.prove(joan, OTHER)
    assert not port.prove(joan, LIVE)


@pytest.mark.parametrize("code", sorted(LEFT_OPEN))
@pytest.mark.parametrize("password", [LIVE, OTHER], ids=["right", "wrong"])
def test_what_tells_nothing_is_neither_yes_nor_no(
    proving: EntraWorld, joan: AccountId, code: int, password: Secret
) -> None:
    """The number and its meaning are named, and Muster does not guess."""
    proving.lab.knobs.sign_in_block = code
    with pytest.raises(Untold, match=f"{LEFT_OPEN[code]}.*AADSTS{code}") as caught:
        passwords(proving).prove(joan, password)
    assert not caught.value.maybe_applied
    assert password.reveal() not in str(caught.value)


def test_a_lock_out_is_not_taken_for_a_wrong_password(proving: EntraWorld, joan: AccountId) -> None:
    """While smart lockout holds, the right password is neither proved nor disproved."""
    proving.lab.knobs.lockout_threshold = 1
    port = passwords(proving)
    assert not port.prove(joan, OTHER)
    with pytest.raises(Untold, match="AADSTS50053"):
        port.prove(joan, LIVE)


@pytest.mark.parametrize("harm", ["disabled", "without a password"])
def test_an_account_that_cannot_sign_in_leaves_it_open(proving: EntraWorld, harm: str) -> None:
    """Entra refuses both before it looks at a password."""
    user = proving.add_user("jim", enabled=harm != "disabled")
    with pytest.raises(Untold, match=r"AADSTS5005[67]"):
        passwords(proving).prove(user, LIVE)


def test_a_password_never_goes_to_another_login(proving: EntraWorld, joan: AccountId) -> None:
    """Of a federated domain no token is asked for at all."""
    proving.lab.knobs.federated_domains = {"contoso.example"}
    port = passwords(proving)
    port.read_password_state(joan)
    proving.lab.reset_log()
    with pytest.raises(Untold, match="federated"):
        port.prove(joan, LIVE)
    assert proving.sign_ins() == 0


@pytest.mark.parametrize("text", [" Blank-in-front-1", "Blank-at-the-end-1 "])
def test_what_the_flow_cannot_ask_is_not_asked(
    proving: EntraWorld, joan: AccountId, text: str
) -> None:
    """A blank at an end is not supported, and a refusal would be taken for a wrong password."""
    proving.lab.set_password(proving.tenant, joan, text)
    with pytest.raises(Untold, match="blank"):
        passwords(proving).prove(joan, Secret(text))
    assert proving.lab.wrong_attempts(joan) == 0


def test_a_guest_is_not_asked_about(proving: EntraWorld) -> None:
    """Their password is another tenant's."""
    guest = proving.add_user("auditor_partner.example#EXT#", guest=True)
    with pytest.raises(Untold, match="guests"):
        passwords(proving).prove(guest, LIVE)


def test_a_renamed_user_signs_in_by_the_present_name(proving: EntraWorld, joan: AccountId) -> None:
    """The name is read right before; one who is gone is said to be gone."""
    proving.lab.edit_user(proving.tenant, joan, userPrincipalName="j.brown@contoso.example")
    assert passwords(proving).prove(joan, LIVE)
    with pytest.raises(NotFound):
        passwords(proving).prove(NOBODY_THERE, LIVE)


@pytest.mark.parametrize("fault", [LostReply(), Disconnect(), ServerError(status=503)], ids=str)
def test_an_attempt_without_an_answer_may_have_counted_and_is_not_repeated(
    proving: EntraWorld, joan: AccountId, fault: FaultKind
) -> None:
    """The protocol counts it as wrong, and decides by itself whether to ask again."""
    port = passwords(proving)
    port.read_password_state(joan)
    proving.lab.reset_log()
    proving.faults.add(fault, path=TOKEN, times=-1)
    with pytest.raises(Unavailable) as caught:
        port.prove(joan, LIVE)
    assert caught.value.maybe_applied
    assert LIVE.reveal() not in repr(caught.value) + repr(caught.value.__cause__)
    assert proving.sign_ins() == 1


@pytest.mark.parametrize(
    ("fault", "path"),
    [
        (Throttle(retry_after=7), TOKEN),
        (ServerError(status=503), "openid-configuration"),
        (ServerError(status=503), "userrealm"),
        (HtmlError(status=200), "userrealm"),
        (HtmlError(status=404), "openid-configuration"),
    ],
    ids=str,
)
def test_trouble_before_the_password_is_sent_counts_nothing(
    proving: EntraWorld, joan: AccountId, fault: FaultKind, path: str
) -> None:
    """Nobody said yes or no, and no attempt was made."""
    port = passwords(proving)
    port.read_password_state(joan)
    proving.faults.add(fault, path=path, times=-1)
    with pytest.raises(RemoteError) as caught:
        port.prove(joan, OTHER)
    assert not caught.value.maybe_applied
    assert isinstance(caught.value, RateLimited) == (path == TOKEN)
    assert proving.lab.wrong_attempts(joan) == 0


def test_nothing_of_the_person_is_kept(
    proving: EntraWorld, joan: AccountId, caplog: pytest.LogCaptureFixture
) -> None:
    """No password in any log, no refresh token, and no client of msal that knows the person."""
    caplog.set_level(logging.DEBUG)
    port = passwords(proving)
    assert port.prove(joan, LIVE)
    assert not port.prove(joan, OTHER)
    assert "msal" in {record.name.partition(".")[0] for record in caplog.records}
    for password in (LIVE, OTHER):
        assert password.reveal() not in caplog.text + repr(port) + repr(vars(port))
    assert proving.lab.refresh_tokens == 0
    gc.collect()
    apps = [one for one in gc.get_objects() if isinstance(one, msal.ClientApplication)]
    assert apps
    for app in apps:
        assert app.get_accounts() == []


def test_without_leave_no_token_is_asked_for(proving: EntraWorld, joan: AccountId) -> None:
    """By default the date proves, and a proof that is asked for all the same tells nothing."""
    port = proving.open().passwords
    assert port.proves_by is Proof.CHANGE_DATE
    with pytest.raises(Untold, match="passwordProof"):
        port.prove(joan, LIVE)
    assert proving.lab.requests == []


@pytest.mark.parametrize(
    ("cloud", "threshold"), [(Cloud.GLOBAL, 10), (Cloud.US_GOVERNMENT, 3), (Cloud.CHINA, 10)]
)
def test_each_cloud_locks_out_after_its_own_number(
    proving: EntraWorld, joan: AccountId, cloud: Cloud, threshold: int
) -> None:
    """The protocol leaves attempts to the owner by this number."""
    settings = replace(proving.settings, cloud=cloud)
    port = proving.open(settings=settings).passwords
    assert port.read_policy(joan).lockout_threshold == threshold


def test_doctor_says_how_passwords_are_proved(proving: EntraWorld) -> None:
    """Where a token request proves, a line says what it needs; by default there is none."""
    settings = replace(proving.settings, password_proof=Proof.TOKEN_REQUEST)
    (check,) = (
        one for one in proving.open(settings=settings).check() if one.name == "Entra password proof"
    )
    assert check.ok
    assert "openid" in check.advice
    assert "Entra password proof" not in {one.name for one in proving.open().check()}
