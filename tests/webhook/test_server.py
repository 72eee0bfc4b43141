"""The webhook over real sockets: who is let in, how much, how slowly and how often."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import trustme

from muster.errors import SpecError
from muster.following import Edited
from muster.model.connections import Integration, ItGlue, SecretRef
from muster.model.names import CustomerName, RemoteId
from muster.model.secret import Secret
from muster.model.settings import Customer, Estate, VaultRef
from muster.webhook.receiver import TAKEN, Answer, Receiver, Sources
from muster.webhook.server import MOST_BYTES, MOST_CONNECTIONS, WebhookServer

TOKEN = "planted-token-of-the-webhook"
NOTICE = {"organization_id": 4711, "resource_id": 88}
PATH = "/webhooks/it-glue/it-glue"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


def integration(name: str, *, key: str | None = "token", suspend: bool = False) -> Integration:
    """Return an IT Glue that listens with the token of a key, or not at all."""
    ref = SecretRef(name=name, key=key) if key else None
    product = ItGlue(
        endpoint="https://x.example", api_key=SecretRef(name=name, key="k"), webhook_token=ref
    )
    return Integration(name=name, product=product, suspend=suspend)


ESTATE = Estate(
    integrations=(
        integration("it-glue"),
        integration("deaf", key=None),
        integration("resting", suspend=True),
        integration("keyless", key="missing"),
        integration("weak", key="short"),
    ),
    customers=(
        Customer(
            name=CustomerName("contoso"),
            display_name="Contoso",
            vault=VaultRef(integration="it-glue", organization_id=RemoteId("4711")),
        ),
    ),
)


@dataclass(slots=True)
class Hook:
    """A running webhook, and what it handed on."""

    port: int
    ca: trustme.CA
    taken: list[Edited] = field(default_factory=list)
    secrets_read: int = 0
    context: ssl.SSLContext = field(init=False)

    def __post_init__(self) -> None:
        """Trust the webhook's certificate, and no other."""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.ca.configure_trust(self.context)

    def post(self, path: str = PATH, **more: object) -> httpx.Response:
        """Post as IT Glue would, over TLS that is checked."""
        sent: dict[str, object] = {"json": NOTICE, "headers": AUTHORIZED, **more}
        address = f"https://localhost:{self.port}"
        with httpx.Client(
            verify=self.context, base_url=address, timeout=2, trust_env=False
        ) as client:
            return client.post(path, **sent)  # type: ignore[arg-type]

    def connect(self) -> ssl.SSLSocket:
        """Return a bare connection."""
        raw = socket.create_connection(("localhost", self.port), timeout=10)
        return self.context.wrap_socket(raw, server_hostname="localhost")


@contextmanager
def running(folder: Path, within_s: float = 5.0) -> Iterator[Hook]:
    """Run a webhook on a free port, with a certificate of its own."""
    ca = trustme.CA()
    certificate = ca.issue_cert("localhost")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / "tls.crt"))
    certificate.private_key_pem.write_to_path(str(folder / "tls.key"))

    def read_secret(ref: SecretRef) -> Secret:
        it.secrets_read += 1
        if ref.key == "missing":
            raise SpecError(("it is missing",))
        return Secret("short" if ref.key == "short" else TOKEN)

    def hand_on(edited: Edited) -> Answer:
        it.taken.append(edited)
        return TAKEN

    sources = Sources(estate=lambda: ESTATE, read_secret=read_secret, hand_on=hand_on)
    server = WebhookServer(Receiver(sources), 0, folder, host="127.0.0.1", within_s=within_s)
    it = Hook(server.port, ca)
    server.start()
    try:
        yield it
    finally:
        server.stop()


@pytest.fixture
def hook(tmp_path: Path) -> Iterator[Hook]:
    """A webhook with enough patience for tests."""
    with running(tmp_path) as one:
        yield one


def test_who_has_the_token_is_heard(hook: Hook) -> None:
    """In a header of either name, or in the address, which is all that some senders can set."""
    said = (
        hook.post(),
        hook.post(headers={"X-Muster-Token": TOKEN}),
        hook.post(f"{PATH}?token={TOKEN}", headers={}),
    )
    assert [one.status_code for one in said] == [202] * 3
    [first, *_] = hook.taken
    assert first == Edited(
        integration="it-glue", organization=RemoteId("4711"), entry=RemoteId("88")
    )
    assert hook.secrets_read == 1


@pytest.mark.parametrize(
    ("path", "more"),
    [
        (PATH, {"headers": {}}),
        (PATH, {"headers": {"Authorization": f"Bearer {TOKEN[:-1]}"}}),
        (PATH, {"headers": {"Authorization": "Bearer"}}),
        (PATH, {"headers": {"Authorization": f"Basic {TOKEN}"}}),
        (f"{PATH}?{'a=1&' * 30}", {"headers": {}}),
        (PATH, {"json": {"organization_id": 4712, "resource_id": 88}}),
        ("/webhooks/it-glue/other", {}),
        ("/webhooks/it-glue/deaf", {}),
        ("/webhooks/it-glue/resting", {}),
        ("/webhooks/it-glue/keyless", {"headers": {"Authorization": "Bearer"}}),
        ("/webhooks/it-glue/weak", {"headers": {"Authorization": "Bearer short"}}),
        ("/webhooks/it-glue/../../x", {}),
        ("/", {}),
    ],
)
def test_everybody_else_hears_the_same(hook: Hook, path: str, more: dict[str, object]) -> None:
    """A wrong token, an unknown integration and an unknown organization are not told apart."""
    said = hook.post(path, **more)
    assert (said.status_code, said.text) == (404, "not here")
    assert hook.taken == []


def test_an_address_that_is_none_is_answered_too(hook: Hook) -> None:
    """Half of an IPv6 address in the request line gets the answer that everybody gets."""
    with hook.connect() as caller:
        caller.sendall(b"POST http://[x/ HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
        said = b"".join(iter(lambda: caller.recv(4096), b""))
    assert said.startswith(b"HTTP/1.0 404 ")
    assert said.endswith(b"not here")


def test_what_cannot_be_read_is_refused(hook: Hook) -> None:
    """No length, too long, no JSON, and no entry in it; never a crash."""
    assert hook.post(content=b"not json", json=None).status_code == 400
    assert hook.post(json={"a": 1}).status_code == 400
    assert hook.post(content=b"x" * (MOST_BYTES + 1), json=None).status_code == 413
    assert hook.post(content=iter([b"{}"]), json=None).status_code == 411
    assert hook.taken == []


def test_a_flood_is_bounded(hook: Hook) -> None:
    """Beyond so many a minute the caller is told to wait, and no secret is read for it."""
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: hook.post().status_code, range(90)))
    assert codes.count(202) <= 70
    assert codes.count(429) >= 20
    wrong = [hook.post(headers={}).status_code for _ in range(20)]
    assert wrong == [404] * 20
    assert hook.secrets_read <= 8


def test_a_slow_caller_is_let_go(tmp_path: Path) -> None:
    """A byte at a time does not hold a place for longer than one request may take."""
    with running(tmp_path, within_s=0.5) as hook, hook.connect() as slow:
        started = time.monotonic()
        slow.sendall(f"POST {PATH} HTTP/1.1\r\nContent-Length: 900\r\n\r\n".encode())
        slow.settimeout(0.05)
        while time.monotonic() < started + 5:
            try:
                slow.send(b" ")
                if slow.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        assert time.monotonic() - started < 3


def test_silent_callers_take_no_places_for_long(tmp_path: Path) -> None:
    """More callers than there are places, who say nothing: afterwards others are heard again."""
    with running(tmp_path, within_s=0.5) as hook:
        silent = [
            socket.create_connection(("127.0.0.1", hook.port)) for _ in range(MOST_CONNECTIONS + 8)
        ]
        deadline = time.monotonic() + 10
        heard = 0
        while heard != 202 and time.monotonic() < deadline:
            try:
                heard = hook.post().status_code
            except httpx.HTTPError:
                time.sleep(0.1)
        for one in silent:
            one.close()
    assert heard == 202


def test_certificates_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    """Nothing listens without the certificate that was asked for."""
    receiver = Receiver(
        Sources(estate=lambda: ESTATE, read_secret=lambda _: Secret(TOKEN), hand_on=lambda _: TAKEN)
    )
    with pytest.raises(SpecError, match="certificate cannot be read"):
        WebhookServer(receiver, 0, tmp_path)


def test_a_body_is_json_whatever_it_says_it_is(hook: Hook) -> None:
    """Senders differ in what they call the body."""
    said = hook.post(
        content=json.dumps(NOTICE).encode(),
        json=None,
        headers=AUTHORIZED | {"Content-Type": "text/plain"},
    )
    assert said.status_code == 202
