"""People at the simulated token endpoint: who gets a token, what a refusal says, what is kept."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import trustme
from tests.lab.http.conftest import Clock

from muster.lab.graph import GraphLab

Connect = Callable[..., httpx.Client]
TENANT = "6f1c0000-0000-4000-8000-000000000000"
JOAN = "joan@contoso.example"
RIGHT, WRONG = "Canary-Pass-77-änd", "Canary-Wrong-88"


@pytest.fixture
def lab(ca: trustme.CA, clock: Clock) -> GraphLab:
    """A tenant in which Joan has a password."""
    lab = GraphLab(ca=ca, clock=clock)
    lab.add_tenant("Contoso", ("contoso.example",), id=TENANT)
    lab.set_password(TENANT, lab.add_user(TENANT, JOAN), RIGHT)
    return lab


@pytest.fixture
def client(connect: Connect, lab: GraphLab) -> httpx.Client:
    """A client of the lab."""
    return connect(lab)


def ask(client: httpx.Client, lab: GraphLab, password: str, **more: str) -> Any:
    """Ask for a token as Joan; return the answer's body."""
    form = {
        "client_id": lab.client_id,
        "client_secret": lab.client_secret,
        "grant_type": "password",
        "scope": "openid profile",
        "username": JOAN,
        "password": password,
    }
    return client.post(f"/{TENANT}/oauth2/v2.0/token", data=form | more).json()


def number(body: Any) -> int:
    """Return the number of a refusal; 0 for a token."""
    return 0 if "access_token" in body else int(body["error_codes"][0])


def test_a_person_gets_a_token_that_is_no_applications(client: httpx.Client, lab: GraphLab) -> None:
    """It names the person, opens nothing here, and a refresh token comes only when asked for."""
    body = ask(client, lab, RIGHT)
    assert number(body) == 0
    assert "refresh_token" not in body
    assert "refresh_token" in ask(client, lab, RIGHT, scope="openid offline_access")
    assert lab.refresh_tokens == 1
    client.headers["Authorization"] = f"Bearer {body['access_token']}"
    assert client.get("/v1.0/users").status_code == 401


@pytest.mark.parametrize("knob", ["after_password", "sign_in_block"])
def test_a_second_factor_is_told_to_who_has_the_first_only(
    client: httpx.Client, lab: GraphLab, knob: str
) -> None:
    """What comes after the password says that it was right; what comes before says nothing."""
    setattr(lab.knobs, knob, 50076)
    assert number(ask(client, lab, RIGHT)) == 50076
    assert number(ask(client, lab, WRONG)) == (50126 if knob == "after_password" else 50076)


def test_smart_lockout_counts_different_passwords(
    client: httpx.Client, lab: GraphLab, clock: Clock
) -> None:
    """The same wrong one counts once; at the threshold the right one is refused for a minute."""
    (user,) = (one["id"] for one in lab.users(TENANT))
    lab.knobs.lockout_threshold = 3
    assert [number(ask(client, lab, WRONG)) for _ in range(5)] == [50126] * 5
    assert lab.wrong_attempts(user) == 1
    assert [number(ask(client, lab, f"{WRONG}{n}")) for n in range(2)] == [50126] * 2
    assert number(ask(client, lab, RIGHT)) == 50053
    clock.forward(120)
    assert number(ask(client, lab, RIGHT)) == 0
    assert lab.wrong_attempts(user) == 0


@pytest.mark.parametrize(
    ("state", "expected"),
    [({"accountEnabled": False}, 50057), ({"userPrincipalName": "jo@contoso.example"}, 50034)],
)
def test_an_account_that_cannot_sign_in(
    client: httpx.Client, lab: GraphLab, state: dict[str, Any], expected: int
) -> None:
    """A disabled one and a name that nobody has any more are told without a look at passwords."""
    (user,) = (one["id"] for one in lab.users(TENANT))
    lab.edit_user(TENANT, user, **state)
    assert number(ask(client, lab, WRONG)) == expected


def test_the_lab_keeps_no_password_that_was_tried(
    client: httpx.Client, lab: GraphLab, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither its log of requests, nor what it prints, nor a refusal holds one."""
    caplog.set_level(logging.DEBUG)
    answers = [ask(client, lab, RIGHT), ask(client, lab, WRONG)]
    seen = f"{lab.requests}{lab._state.tenants}{lab._people._attempts}{answers}{caplog.text}"
    assert "/oauth2/v2.0/token" in seen
    assert RIGHT not in seen
    assert WRONG not in seen
