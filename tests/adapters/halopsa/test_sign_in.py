"""Tokens: who gets the client secret, how often, and what a token is good for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from tests.adapters.halopsa.conftest import OpenHalo, World

from muster.adapters import PSAS
from muster.adapters.halopsa import HaloPsaAdapter
from muster.adapters.halopsa.endpoint import authorization_root, rest_root, trusted_authorization
from muster.adapters.halopsa.tokens import Tokens
from muster.adapters.secrets import EnvironmentSecrets, variable_of
from muster.errors import AccessDenied, SpecError
from muster.lab.faults import FaultKind, ServerError, Throttle
from muster.lab.halopsa import HaloPsaKnobs
from muster.model.connections import HaloPsa, Integration, SecretRef
from muster.model.names import RemoteId
from muster.model.records import ContactDraft
from muster.model.secret import Secret
from muster.resources.parse_connections import INTEGRATION
from muster.resources.tables import read

TOKEN, INFO, CLIENTS = "/auth/token", "/api/authinfo", "/api/Client"
DRAFT = ContactDraft(given_name="Zoë", surname="O'Brien", email="zoe@contoso.example")


@pytest.mark.parametrize(
    ("endpoint", "root"),
    [
        ("https://msp.halopsa.com", "https://msp.halopsa.com/api"),
        ("https://msp.halopsa.com/api/", "https://msp.halopsa.com/api"),
        ("https://halo.msp.example:8443/halo", "https://halo.msp.example:8443/halo/api"),
    ],
)
def test_the_api_root_follows_from_the_address(endpoint: str, root: str) -> None:
    """People write the address with or without `/api`."""
    assert rest_root(endpoint) == root


def test_an_address_without_tls_is_refused() -> None:
    """The secret never travels in the clear, wherever the address comes from."""
    for check in (rest_root, authorization_root):
        with pytest.raises(SpecError):
            check("http://msp.halopsa.com")


@pytest.mark.parametrize(
    ("found", "trusted"),
    [
        ("https://halo.msp.example/auth", True),
        ("https://halo.msp.example:443/auth/", True),
        ("https://auth.halopsa.com/", True),
        ("https://msp.haloitsm.com/auth", True),
        ("http://halo.msp.example/auth", False),
        ("https://halo.msp.example:8443/auth", False),
        ("https://auth.msp.example/", False),
        ("https://halo.msp.example.evil.example/auth", False),
        ("https://evilhalopsa.com/auth", False),
        ("https://halopsa.com.evil.example/auth", False),
        ("https://halopsa.com@evil.example/auth", False),
        ("https://auth.halopsa.com:8443/", False),
        ("//evil.example/auth", False),
        ("", False),
    ],
)
def test_only_known_servers_may_see_the_secret(found: str, trusted: bool) -> None:
    """The endpoint's own host and those that Halo runs; all others need a person's word."""
    if trusted:
        assert trusted_authorization(found, "https://halo.msp.example").startswith("https://")
        return
    with pytest.raises(AccessDenied, match="authorizationEndpoint"):
        trusted_authorization(found, "https://halo.msp.example")


def test_an_integration_opens_from_its_yaml(halo: World) -> None:
    """Endpoint, client id, secret and private CA arrive at the adapter."""
    block = {
        "endpoint": halo.lab.endpoint,
        "clientId": halo.lab.client_id,
        "clientSecretRef": {"name": "halopsa", "key": "clientSecret"},
        "caRef": {"name": "lab", "key": "ca.crt"},
    }
    integration = Integration(name="halopsa", **read(INTEGRATION, {"haloPsa": block}))
    values = {
        SecretRef(name="halopsa", key="clientSecret"): halo.lab.client_secret,
        SecretRef(name="lab", key="ca.crt"): halo.options.ca_pem or "",
    }
    secrets = EnvironmentSecrets({variable_of(ref): value for ref, value in values.items()})
    psa = PSAS[HaloPsa](integration, secrets)
    assert isinstance(psa, HaloPsaAdapter)
    assert list(psa.list_companies()) == []
    psa.close()


def test_a_foreign_authorization_server_gets_nothing(open_halo: OpenHalo) -> None:
    """What a tenant names is not followed to another place, even on the same machine."""
    other = open_halo()
    world = open_halo(HaloPsaKnobs(auth_url=f"{other.lab.endpoint}/auth"))
    with pytest.raises(AccessDenied, match="not sent there"):
        list(world.psa.list_companies())
    assert other.lab.requests == []
    assert [check.ok for check in world.psa.check()] == [False]


def test_one_token_serves_many_requests(halo: World) -> None:
    """The server is found once and one token is asked for, however much is read."""
    for _ in range(3):
        list(halo.psa.list_companies())
    assert (halo.asked(INFO), halo.asked(TOKEN)) == (1, 1)


@pytest.mark.parametrize("written", ["{}/auth", "{}/auth/", "{}/auth/token"])
def test_a_set_authorization_server_is_used(open_halo: OpenHalo, written: str) -> None:
    """Then the tenant is not asked for one."""
    world = open_halo(authorization_endpoint=written)
    list(world.psa.list_companies())
    assert (world.asked(INFO), world.asked(TOKEN)) == (0, 1)


@pytest.mark.parametrize(
    "settings", [{}, {"tenant": "msp"}, {"tenant": "msp", "authorization_endpoint": "{}/auth"}]
)
def test_the_tenant_is_named(open_halo: OpenHalo, settings: dict[str, str]) -> None:
    """As it is set, or else as the server says, in the query."""
    world = open_halo(HaloPsaKnobs(tenant="msp"), **settings)
    list(world.psa.list_companies())
    assert [seen.query_keys for seen in world.lab.requests if seen.path == TOKEN] == [("tenant",)]


def test_a_wrong_tenant_is_denied(open_halo: OpenHalo) -> None:
    """A refused sign-in is a matter of access, with the server's words and advice."""
    world = open_halo(HaloPsaKnobs(tenant="msp"), tenant="other")
    with pytest.raises(AccessDenied, match=r"tenant does not exist.*API application"):
        list(world.psa.list_companies())


@pytest.mark.parametrize(
    ("life_s", "still_good_s", "renewed_s"), [(3600, 3509, 3511), (60, 29, 31)]
)
def test_a_token_is_renewed_before_it_ends(
    open_halo: OpenHalo, life_s: int, still_good_s: int, renewed_s: int
) -> None:
    """Ninety seconds before, or at half of a short life."""
    world = open_halo(HaloPsaKnobs(token_life_s=life_s))
    now = 0.0
    secret = Secret(world.lab.client_secret)
    tokens = Tokens(world.settings, secret, world.options, clock=lambda: now)
    first = tokens.token(False).reveal()
    now = still_good_s
    assert tokens.token(False).reveal() == first
    now = renewed_s
    assert tokens.token(False).reveal() != first
    tokens.close()


def test_threads_share_one_token(halo: World) -> None:
    """At the start, and when a token is refused under all of them, one request gets a new one."""
    start = Barrier(4)

    def read(_: int) -> int:
        start.wait()
        return len(list(halo.psa.list_companies()))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(read, range(4)))
        assert halo.asked(TOKEN) == 1
        halo.lab.revoke_tokens()
        list(pool.map(read, range(4)))
    assert halo.asked(TOKEN) == 2


def test_a_refused_token_is_replaced_once(open_halo: OpenHalo) -> None:
    """A token that is refused again is access denied, not a loop."""
    world = open_halo(HaloPsaKnobs(granted=(), says_scope=False))
    with pytest.raises(AccessDenied):
        list(world.psa.list_companies())
    assert (world.asked(TOKEN), world.asked(CLIENTS)) == (2, 2)


@pytest.mark.parametrize("fault", [Throttle(), Throttle(retry_after=0), ServerError()], ids=str)
def test_a_sign_in_survives_one_failure(halo: World, fault: FaultKind) -> None:
    """The authorization server limits and fails like any other."""
    halo.lab.faults.add(fault, path=TOKEN)
    list(halo.psa.list_companies())
    assert halo.asked(TOKEN) == 2


def test_a_scope_that_was_left_out_is_named(open_halo: OpenHalo) -> None:
    """HaloPSA leaves it out without a word; nothing is read without it."""
    world = open_halo(HaloPsaKnobs(granted=("read:tickets",)))
    with pytest.raises(AccessDenied, match="did not grant read:customers"):
        list(world.psa.list_companies())
    assert world.asked(CLIENTS) == 0


def test_nothing_is_written_without_the_scope_for_it(open_halo: OpenHalo) -> None:
    """The missing right is said before anything is sent."""
    world = open_halo(HaloPsaKnobs(granted=("read:customers",)))
    client = RemoteId(world.lab.add_client("Contoso"))
    world.lab.reset_log()
    with pytest.raises(AccessDenied, match="did not grant edit:customers"):
        world.psa.create_contact(client, DRAFT)
    assert {seen.path for seen in world.lab.requests} == {INFO, TOKEN}


SCOPES, CLIENTS_LINE, USERS_LINE, EDIT_LINE = (
    f"HaloPSA {name}" for name in ("scopes", "clients", "users", "edit right")
)


@pytest.mark.parametrize(
    ("knobs", "wrong", "line", "words"),
    [
        (HaloPsaKnobs(), [], SCOPES, "no more than needed"),
        (HaloPsaKnobs(granted=("read:customers",)), [EDIT_LINE], EDIT_LINE, "only policies that"),
        (
            HaloPsaKnobs(granted=("edit:customers",)),
            [SCOPES, CLIENTS_LINE, USERS_LINE],
            SCOPES,
            "read:customers was not granted",
        ),
        (HaloPsaKnobs(granted=("all",), grants_unasked=True), [], SCOPES, "more than needed: all"),
        (
            HaloPsaKnobs(
                granted=("read:customers", "edit:customers", "admin"), grants_unasked=True
            ),
            [],
            SCOPES,
            "more than needed: admin",
        ),
        (HaloPsaKnobs(says_scope=False), [], EDIT_LINE, "not known"),
        (HaloPsaKnobs(lists_client=False), [USERS_LINE], USERS_LINE, "0 of 2 users"),
        (HaloPsaKnobs(read_only=True), [], EDIT_LINE, "the agent's role is not tried"),
    ],
)
def test_the_check_names_each_right(
    open_halo: OpenHalo, knobs: HaloPsaKnobs, wrong: list[str], line: str, words: str
) -> None:
    """What is missing, what is too much, and what cannot be known without writing."""
    world = open_halo(knobs)
    world.lab.add_user(world.lab.add_client("Contoso"), "Joan")
    checks = {check.name: check for check in world.psa.check()}
    assert [name for name, check in checks.items() if not check.ok] == wrong
    assert words in checks[line].detail
    assert world.lab.writes() == 0


def test_neither_secret_nor_token_is_shown(halo: World) -> None:
    """No representation holds them."""
    token = halo.psa._tokens.token(False).reveal()
    shown = f"{halo.psa._tokens.grant()!r} {vars(halo.psa)!r} {vars(halo.psa._tokens)!r}"
    assert token not in shown
    assert halo.lab.client_secret not in shown
