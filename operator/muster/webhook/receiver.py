"""Decides what a request is answered: who may tell, how often, and about whom.

Who does not have the token, and who asks for what is not there, gets the same answer. Who has it
learns no more than whether an organization is a customer's.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from muster.errors import MusterError
from muster.following import Edited
from muster.model.connections import Integration, ItGlue, SecretRef
from muster.model.names import RemoteId
from muster.model.secret import Secret
from muster.model.settings import Estate
from muster.webhook.notice import Unreadable, read_notice

logger = logging.getLogger("muster.webhook")

PATH = "/webhooks/it-glue/"
"""Before the name of the integration."""

_PER_MINUTE = 60
_REMEMBER_S = 60.0
"""For how long a token is kept in memory, so that a flood reads no secrets."""

_SHORTEST_TOKEN = 20
_LONGEST_QUERY = 4096


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said to the caller."""

    status: int
    text: str
    retry_after_s: int = 0


NOT_HERE = Answer(404, "not here")
TAKEN = Answer(202, "taken")


@dataclass(slots=True)
class _Bucket:
    """So many requests a minute, and as many at once."""

    left: float = _PER_MINUTE
    at: float = field(default_factory=time.monotonic)

    def take(self, now: float) -> bool:
        self.left = min(_PER_MINUTE, self.left + (now - self.at) * _PER_MINUTE / 60)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What the receiver asks."""

    estate: Callable[[], Estate]
    read_secret: Callable[[SecretRef], Secret]
    hand_on: Callable[[Edited], Answer]
    """Takes a notice of a known organization, and returns what is answered."""


class Receiver:
    """Thread-safe."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._turn = threading.Lock()
        self._tokens: dict[str, tuple[float, SecretRef, bytes]] = {}
        self._buckets: dict[str, _Bucket] = {}

    def answer(self, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer a POST to a path; headers by their lower-case names."""
        try:
            parts = urlsplit(target)
        except ValueError:  # such as half of an IPv6 address
            return NOT_HERE
        name = unquote(parts.path.removeprefix(PATH))
        found = self._integration(name) if parts.path.startswith(PATH) else None
        if not self._proves(found, _token(headers, parts.query)) or found is None:
            return NOT_HERE
        with self._turn:
            if not self._buckets.setdefault(name, _Bucket()).take(time.monotonic()):
                return Answer(429, "too many", retry_after_s=60)
        try:
            organization, entry = read_notice(body)
        except Unreadable as error:
            return Answer(400, str(error))
        if not self._is_customers(found, organization):
            return NOT_HERE
        edited = Edited(integration=found.name, organization=organization, entry=entry)
        return self._sources.hand_on(edited)

    def _integration(self, name: str) -> Integration | None:
        for one in self._sources.estate().integrations:
            product = one.product
            listens = isinstance(product, ItGlue) and product.webhook_token is not None
            if one.name == name and listens and not one.suspend:
                return one
        return None

    def _is_customers(self, integration: Integration, organization: RemoteId) -> bool:
        return any(
            one.vault is not None
            and (one.vault.integration, one.vault.organization_id)
            == (integration.name, organization)
            for one in self._sources.estate().customers
        )

    def _proves(self, integration: Integration | None, token: str) -> bool:
        """Compare digests in constant time, also where there is nothing to compare with."""
        expected = self._expected(integration)
        return hmac.compare_digest(_digest(token), expected or _digest("")) and bool(expected)

    def _expected(self, integration: Integration | None) -> bytes | None:
        product = integration.product if integration else None
        ref = product.webhook_token if isinstance(product, ItGlue) else None
        if integration is None or ref is None:
            return None
        now = time.monotonic()
        with self._turn:
            until, known, digest = self._tokens.get(integration.name, (0.0, ref, b""))
        if until > now and known == ref:
            return digest or None
        digest = self._read(integration.name, ref)
        with self._turn:
            self._tokens[integration.name] = (now + _REMEMBER_S, ref, digest)
        return digest or None

    def _read(self, name: str, ref: SecretRef) -> bytes:
        try:
            token = self._sources.read_secret(ref).reveal()
        except MusterError as error:
            logger.warning("The webhook of %s is deaf: %s", name, error)
            return b""
        if len(token) < _SHORTEST_TOKEN:
            logger.warning(
                "The webhook of %s is deaf: its token is shorter than %d characters.",
                name,
                _SHORTEST_TOKEN,
            )
            return b""
        return _digest(token)


def _token(headers: Mapping[str, str], query: str) -> str:
    """Return what the caller proves itself with: a header, or `token` of the address."""
    bearer = headers.get("authorization", "")
    if bearer.lower().startswith("bearer "):
        return bearer[len("bearer ") :].strip()
    if "x-muster-token" in headers:
        return headers["x-muster-token"]
    try:
        return parse_qs(query[:_LONGEST_QUERY], max_num_fields=20).get("token", [""])[0]
    except ValueError:  # more fields than that
        return ""


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogateescape")).digest()
