"""Signed-in requests to the zone of an Autotask database.

Decides how many requests are under way at once, what follows a 401 and when nothing is sent
any more. What the requests say is left to `reading` and `psa`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import httpx

from muster.adapters.autotask.verdicts import ADVICE, SignInRefused, explain, verdict
from muster.adapters.autotask.zones import ZoneDirectory, ZoneLookup, root_of
from muster.errors import RemoteError, Unexpected
from muster.model.connections import Autotask
from muster.model.secret import Secret
from muster.transport.answers import Answer
from muster.transport.budget import RequestLimit, Usage
from muster.transport.http import Transport
from muster.transport.options import Connection, HttpOptions, Vendor
from muster.transport.redaction import header_value

_AT_ONCE = 2
"""An integration may have three calls at once per object endpoint; one is left to others.

Source: https://ww1.autotask.net/help/DeveloperHelp/Content/APIs/General/ThreadLimiting.htm
Unconfirmed: whether a child path counts as its parent's endpoint, so all are counted as one.
"""

_SILENT_S = 1800.0
"""How long nothing is sent after a 401: every customer's run would fail to sign in again, and
repeated failures lock the API user; after how many is a setting of the tenant's.

Source: the vendor's help, API_User_Add_Edit.htm, "Locked".
"""

_MAYBE_404 = frozenset({404, 405})

_VENDOR = Vendor(
    name="Autotask",
    # For all integrations of a database together (REST_Thresholds_Limits.htm of the vendor's help;
    # https://docs.mspintegrations.com/documentation/integrations/autotask/api-threshold).
    limit=RequestLimit(requests=10_000, window_s=3600),
    explain=explain,
    access_advice=ADVICE,
    verdict=verdict,
)

_T = TypeVar("_T")


class ApiKeys:
    """The secret of the API user and the integration's code, checked to be sendable."""

    def __init__(self, secret: Secret, integration_code: Secret) -> None:
        self.secret = header_value(secret, "Autotask: the secret")
        self.integration_code = header_value(integration_code, "Autotask: the integration code")


class _SignIn(httpx.Auth):
    """The three headers of every request."""

    def __init__(self, user_name: str, keys: ApiKeys) -> None:
        self._user_name = header_value(Secret(user_name), "Autotask: the user name").reveal()
        self._keys = keys

    def auth_flow(self, request: httpx.Request) -> Any:
        """Add the headers; one request, no dialogue."""
        request.headers["UserName"] = self._user_name
        request.headers["Secret"] = self._keys.secret.reveal()
        request.headers["ApiIntegrationCode"] = self._keys.integration_code.reveal()
        yield request


class Session:
    """Requests to one Autotask database; safe to use from many threads.

    Every method raises the `RemoteError` family, and `Unexpected` for a path that is not there.
    """

    def __init__(
        self, settings: Autotask, keys: ApiKeys, options: HttpOptions, directory: ZoneDirectory
    ) -> None:
        self._root = root_of(settings.endpoint) if settings.endpoint else ""
        self._lookup = None if self._root else ZoneLookup(settings.user_name, options, directory)
        self._connection = Connection(
            endpoint=self._root,
            vendor=_VENDOR,
            auth=_SignIn(settings.user_name, keys),
            secrets=(keys.secret, keys.integration_code),
            options=options,
        )
        self._opened = [Transport(self._connection)] if self._root else []
        self._lock = threading.Lock()
        self._gate = threading.BoundedSemaphore(_AT_ONCE)
        self._refused = ""
        self._silent_until = 0.0

    def get(self, path: str) -> Any:
        """Return the body of a path that exists in every zone."""
        return _found(self._get(path)).body

    def get_item(self, path: str) -> Any:
        """Return the body of a record's path, or None when its 404 is about the record."""
        answer = self._get(path)
        if answer.status == 404 and explain(answer.body):
            return None
        return _found(answer).body

    def query(self, path: str, body: Any) -> Any:
        """Return the body of the answer to a question."""
        return _found(self._send(lambda to: to.query(path, body, read_anyway=_MAYBE_404))).body

    def post(self, path: str, body: Any) -> Any:
        """Create a record; never repeated when its outcome is unknown."""
        return _found(self._send(lambda to: to.post(path, body, read_anyway=_MAYBE_404))).body

    def patch(self, path: str, body: Any) -> Any:
        """Change the named fields of a record. PUT is no way out: it empties all the others."""
        return _found(self._send(lambda to: to.patch(path, body, read_anyway=_MAYBE_404))).body

    @property
    def zone(self) -> str:
        """The host that was spoken to last; empty before the first request."""
        return httpx.URL(self._root).host if self._root else ""

    @property
    def usage(self) -> Usage:
        """Requests, retries and waiting time until now, the lookup's among them."""
        parts = [one.usage for one in (*self._opened, self._lookup) if one]
        return Usage(
            requests=sum(part.requests for part in parts),
            retries=sum(part.retries for part in parts),
            throttled_s=sum(part.throttled_s for part in parts),
        )

    def close(self) -> None:
        """Close the connections."""
        for one in (*self._opened, self._lookup):
            if one:
                one.close()

    def _get(self, path: str) -> Answer:
        return self._send(lambda to: to.get(path, read_anyway=_MAYBE_404))

    def _send(self, request: Callable[[Transport], _T]) -> _T:
        """Send; after a 401 once more, but only if the database has moved to another zone."""
        with self._gate:
            transport = self._connected()
            try:
                return request(transport)
            except SignInRefused as refused:
                moved = self._moved_from(transport)
                if moved is None:
                    self._fall_silent(refused)
                    raise
            try:
                return request(moved)
            except SignInRefused as refused:
                self._fall_silent(refused)
                raise

    def _connected(self) -> Transport:
        with self._lock:
            if time.monotonic() < self._silent_until:
                raise SignInRefused(
                    f"{self._refused} Nothing more is sent for up to half an hour, because repeated"
                    " failures lock the API user."
                )
            if not self._opened and self._lookup:
                self._open(self._lookup.find())
            return self._opened[-1]

    def _moved_from(self, old: Transport) -> Transport | None:
        """Return a connection to the database's new zone; None: it has not moved."""
        with self._lock:
            if self._opened[-1] is not old:  # another thread has looked meanwhile
                return self._opened[-1]
            root = self._ask_again()
            if root == self._root:
                return None
            self._open(root)
            return self._opened[-1]

    def _ask_again(self) -> str:
        try:
            return self._lookup.find() if self._lookup else self._root
        except RemoteError:  # the 401 is the better story
            return self._root

    def _open(self, root: str) -> None:
        self._root = root
        self._opened.append(Transport(replace(self._connection, endpoint=root)))

    def _fall_silent(self, refused: SignInRefused) -> None:
        with self._lock:
            self._refused = str(refused)
            self._silent_until = time.monotonic() + _SILENT_S


def _found(answer: Answer) -> Answer:
    if answer.status not in _MAYBE_404:
        return answer
    raise Unexpected(
        f"Autotask answered {answer.status} for a call that its API documents; check the endpoint."
        " One zone is said not to offer PATCH, and then contacts cannot be changed."
    )
