"""Hudu shows every password in every answer. None of them gets any further."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import trustme
from tests.contract.vault.any_vault import draft
from tests.contract.vault.hudu_world import HuduWorld
from tests.vendor.exchanges import record
from werkzeug.wrappers import Request

from muster.adapters.hudu import HuduVault
from muster.errors import MusterError
from muster.lab.http_server import Delivery, LoopbackServer, Reply
from muster.lab.hudu import HuduKnobs, HuduLab
from muster.model.connections import Hudu, SecretRef
from muster.model.names import RemoteId
from muster.model.records import EntryChange
from muster.model.secret import Secret
from muster.transport.options import HttpOptions

PLANTED = "planted-Secret-77"
OTP = "PLANTEDOTPSECRET2345"
FRESH = "fresh-Secret-88"
NOTES = "the safe opens with 4711"
OURS = ("muster", "httpx", "httpcore", "h11", "limits")


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """One authority for all labs of this file."""
    return trustme.CA()


@pytest.fixture
def world(ca: trustme.CA) -> Iterator[HuduWorld]:
    """Return a Hudu."""
    with ExitStack() as stack:
        yield HuduWorld(stack.enter_context(HuduLab(ca=ca, knobs=HuduKnobs())), stack)


def reachable(thing: Any, seen: set[int]) -> Iterator[str]:
    """Yield every text that an object keeps, through attributes, slots and collections."""
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, str | bytes | bytearray):
        yield thing if isinstance(thing, str) else bytes(thing).decode("latin-1")
        return
    if isinstance(thing, dict):
        parts: list[Any] = [*thing.keys(), *thing.values()]
    elif isinstance(thing, list | tuple | set | frozenset):
        parts = list(thing)
    elif type(thing).__module__.partition(".")[0] in OURS:
        slots = [slot for kind in type(thing).__mro__ for slot in getattr(kind, "__slots__", ())]
        named = [getattr(thing, slot, None) for slot in slots]
        parts = [*getattr(thing, "__dict__", {}).values(), *named]
    else:
        return
    for part in parts:
        yield from reachable(part, seen)


def test_no_secret_is_kept_logged_or_returned(
    world: HuduWorld, caplog: pytest.LogCaptureFixture
) -> None:
    """After everything that Muster does, neither results nor logs nor the adapter hold one."""
    caplog.set_level(logging.DEBUG)
    said = record(world.lab)
    company = world.add_organization("Contoso")
    entry = world.add_entry(
        company, "Joan", username="j", password=PLANTED, otp_secret=OTP, description=NOTES
    )
    vault = world.vault
    vault.update_entry(company, entry, EntryChange(username="jsmith"))
    results: list[Any] = [
        list(vault.list_organizations()),
        list(vault.list_entries(company)),
        vault.create_entry(company, draft(world.add_category("Active Directory"))),
        vault.check(),
        vault.list_categories(),
    ]
    wrapped = [
        vault.read_password(company, entry),
        vault.write_password(company, entry, Secret(FRESH)),
    ]
    results += [list(vault.list_entries(company)) for _ in range(2)]
    assert "updated_at" in said[-1].query  # so the adapter remembers the list
    answers = repr([one.answer for one in said])
    assert PLANTED in answers
    assert OTP in answers  # so there was something to leak
    key = world.lab.key
    kept = list(reachable(vault, set()))
    assert key in kept  # so the search does go deep
    found = "\n".join((repr(wrapped), caplog.text, *kept, *reachable(results, set())))
    assert [secret for secret in (PLANTED, OTP, FRESH, NOTES) if secret in found] == []


def test_answers_hold_no_secret_once_they_are_parsed(world: HuduWorld) -> None:
    """Below the adapter already: nobody behind the transport can keep or print what is not there.

    This looks inside, because an adapter that only forgets to use a secret would look the same.
    """
    company = world.add_organization("Contoso")
    entry = world.add_entry(company, "Joan", password=PLANTED, otp_secret=OTP)
    transport = world.vault._transport
    change = {"asset_password": {"name": "Joan", "password": Secret(FRESH)}}
    answers = [
        transport.get("/asset_passwords"),
        transport.get(f"/asset_passwords/{entry}"),
        transport.get(f"/asset_passwords/{entry}", read_anyway=frozenset({200})),
        transport.put(f"/asset_passwords/{entry}", change),
    ]
    texts = [text for answer in answers for text in reachable(answer.body, set())]
    assert "Joan" in texts
    assert {"password", "otp_secret", PLANTED, OTP, FRESH}.isdisjoint(texts)


def test_the_password_that_is_asked_for_is_the_only_one_shown(world: HuduWorld) -> None:
    """It comes wrapped; the one-time secret beside it does not come at all."""
    company = world.add_organization("Contoso")
    entry = world.add_entry(company, "Joan", password=PLANTED, otp_secret=OTP)
    password = world.vault.read_password(company, entry)
    assert repr(password) == "***"
    assert password is not None
    assert password.reveal() == PLANTED


def test_a_blank_password_is_none(world: HuduWorld) -> None:
    """Old entries may hold an empty text, which is no password."""
    company = world.add_organization("Contoso")
    assert world.vault.read_password(company, world.add_entry(company, "old", password="")) is None


def _row(**values: Any) -> str:
    more = "".join(f', "{key}": {value}' for key, value in values.items())
    return f'{{"password": "{PLANTED}", "otp_secret": "{OTP}"{more}}}'


GOOD_ROW = _row(id=7, company_id=41)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=f'{{"asset_passwords": [{_row()}]}}'.encode()),
        Reply(body=f'{{"asset_passwords": {_row(id=7)}}}'.encode()),
        Reply(body=f'{{"asset_passwords": [{_row(id=7, company_id=9)}]}}'.encode()),
        Reply(body=f'{{"asset_password": [{_row(id=7)}]}}'.encode()),
        Reply(body=f'{{"asset_passwords": [{GOOD_ROW[:-1]}'.encode()),
        Reply(body=PLANTED.encode() * 2, content_type="text/html"),
        Reply(status=401, body=_row(error='"Bad credentials"').encode()),
        Reply(status=422, body=f'{{"errors": "Password {FRESH} is too short"}}'.encode()),
        Reply(status=422, body=f'{{"errors": {{"password": ["{FRESH} is weak"]}}}}'.encode()),
        Reply(status=500, body=GOOD_ROW.encode()),
        Reply(status=429, body=PLANTED.encode(), content_type="text/plain"),
    ],
    ids=lambda reply: f"{reply.status} {reply.body[:24]!r}".replace(PLANTED, "***"),
)
def test_no_error_holds_a_secret(
    ca: trustme.CA, reply: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither its text nor the errors that led to it, whatever the answer was."""
    caplog.set_level(logging.DEBUG)
    acts: tuple[Callable[[HuduVault], Any], ...] = (
        lambda vault: list(vault.list_entries(RemoteId("41"))),
        lambda vault: vault.write_password(RemoteId("41"), RemoteId("7"), Secret(FRESH)),
        lambda vault: vault.read_password(RemoteId("41"), RemoteId("8")),
    )
    with opened(ca, reply) as vault:
        for number, act in enumerate(acts):
            with pytest.raises(MusterError) as caught:
                act(vault)
            chain = list(_chain(caught.value))
            text = "".join(traceback.format_exception(caught.value))
            text += repr([(one.args, vars(one)) for one in chain]) + caplog.text
            text += repr([getattr(one, "doc", "") for one in chain])
            # Only the write knows the fresh one, and so what to take out of Hudu's words.
            hidden = (PLANTED, OTP, FRESH) if number == 1 else (PLANTED, OTP)
            assert [secret for secret in hidden if secret in text] == []
            caplog.clear()


@contextmanager
def opened(ca: trustme.CA, reply: Reply) -> Iterator[HuduVault]:
    """Yield an adapter on a server that finds entry 7, and answers all else with one reply."""

    def respond(request: Request) -> Delivery:
        if request.method == "GET" and request.path.endswith("/asset_passwords/7"):
            return Delivery(reply=Reply(body=GOOD_ROW.encode()))
        return Delivery(reply=reply)

    server = LoopbackServer(respond, ca)
    server.start()
    settings = Hudu(
        endpoint=f"https://localhost:{server.port}", api_key=SecretRef(name="hudu", key="key")
    )
    options = HttpOptions(
        ca_pem=ca.cert_pem.bytes().decode(), retry_budget_s=0.05, first_delay_s=0.01
    )
    vault = HuduVault(settings, Secret("key"), options)
    try:
        yield vault
    finally:
        vault.close()
        server.stop()


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
