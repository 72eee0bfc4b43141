"""The one HTTP transport: every request of every product leaves here.

Decides what kinds of requests there are, and that none goes to another host. What is sent again
is `muster.transport.sending`'s, what an answer means `muster.transport.answers`'.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from muster.errors import Unexpected
from muster.transport.answers import Answer
from muster.transport.budget import Usage
from muster.transport.options import Connection, base_url
from muster.transport.redaction import Redactor, quiet_libraries
from muster.transport.sending import Request, Sender

Parameters = tuple[tuple[str, str], ...]


class Transport:
    """Sends requests to one product at one endpoint; safe to use from many threads.

    Every method raises the `RemoteError` family: `Unavailable` when the retry budget is
    spent (`maybe_applied` on a write whose outcome is unknown), `RateLimited` when the
    vendor asks for more patience than the budget has, `AccessDenied` for 401, 403 and a
    certificate that is not trusted, `NotFound` for 404 and 410, `Rejected` for any other 4xx,
    `Unexpected` otherwise.

    A `Secret` in a body is sent as its text, and taken out of whatever the vendor says about it.
    """

    def __init__(self, connection: Connection) -> None:
        quiet_libraries()
        self._name = connection.vendor.name
        self._base = base_url(connection.endpoint, self._name)
        self._redactor = Redactor(connection.secrets)
        self._sender = Sender(connection, self._redactor)

    def get(
        self,
        path: str,
        parameters: Parameters = (),
        *,
        headers: Mapping[str, str] | None = None,
        read_anyway: frozenset[int] = frozenset(),
        with_secrets: bool = False,
    ) -> Answer:
        """Read. Answers with a status of `read_anyway` are returned instead of raised.

        Without `with_secrets` the vendor's secret keys are missing from the answer.
        """
        return self._sender.send(
            Request(
                method="GET",
                url=self._url(path, parameters),
                headers=headers or {},
                read_anyway=read_anyway,
                with_secrets=with_secrets,
            )
        )

    def follow(
        self,
        link: str,
        *,
        headers: Mapping[str, str] | None = None,
        read_anyway: frozenset[int] = frozenset(),
    ) -> Answer:
        """Read the page that an answer links to.

        Raises:
            Unexpected: the link leaves the endpoint's scheme, host or port; it is not requested.
        """
        url = self.own_url(link)
        return self._sender.send(
            Request(method="GET", url=url, headers=headers or {}, read_anyway=read_anyway)
        )

    def post(
        self,
        path: str,
        body: Any,
        parameters: Parameters = (),
        *,
        read_anyway: frozenset[int] = frozenset(),
    ) -> Answer:
        """Create. Sent again only after 429 and when no connection came about."""
        url = self._url(path, parameters)
        return self._sender.send(
            Request(method="POST", url=url, body=body, read_anyway=read_anyway)
        )

    def post_change(self, path: str, body: Any, parameters: Parameters = ()) -> Answer:
        """Set fields of a record that the body names by its id; sent again like a read."""
        url = self._url(path, parameters)
        return self._sender.send(Request(method="POST", url=url, body=body, by_id=True))

    def query(
        self,
        path: str,
        body: Any,
        *,
        headers: Mapping[str, str] | None = None,
        read_anyway: frozenset[int] = frozenset(),
    ) -> Answer:
        """Read by POST, as some APIs want it; sent again like any read."""
        return self._sender.send(
            Request(
                method="POST",
                url=self._url(path, ()),
                body=body,
                headers=headers or {},
                read_anyway=read_anyway,
                reads=True,
            )
        )

    def submit(
        self,
        link: str,
        form: Mapping[str, str],
        *,
        read_anyway: frozenset[int] = frozenset(),
        with_secrets: bool = False,
    ) -> Answer:
        """Ask by a form, as OAuth's token endpoints want it; sent again like any read.

        Raises:
            Unexpected: the link leaves the endpoint's scheme, host or port; it is not requested.
        """
        return self._sender.send(
            Request(
                method="POST",
                url=self.own_url(link),
                form=form,
                read_anyway=read_anyway,
                reads=True,
                with_secrets=with_secrets,
            )
        )

    def put(
        self,
        path: str,
        body: Any,
        parameters: Parameters = (),
        *,
        read_anyway: frozenset[int] = frozenset(),
    ) -> Answer:
        """Set fields of a record by its id; sent again like a read."""
        url = self._url(path, parameters)
        return self._sender.send(Request(method="PUT", url=url, body=body, read_anyway=read_anyway))

    def patch(
        self,
        path: str,
        body: Any,
        parameters: Parameters = (),
        *,
        read_anyway: frozenset[int] = frozenset(),
    ) -> Answer:
        """Change a record by its id; sent again like a read, because that changes no more."""
        url = self._url(path, parameters)
        return self._sender.send(
            Request(method="PATCH", url=url, body=body, read_anyway=read_anyway)
        )

    def patch_once(
        self, path: str, body: Any, *, read_anyway: frozenset[int] = frozenset()
    ) -> Answer:
        """Change a record by its id; sent again like a create, so only if nothing happened."""
        url = self._url(path, ())
        return self._sender.send(
            Request(method="PATCH", url=url, body=body, read_anyway=read_anyway, once=True)
        )

    def own_url(self, link: str) -> httpx.URL:
        """Return a link's absolute URL; raises Unexpected when it leaves the endpoint."""
        try:
            url = self._base.join(link)
        except httpx.InvalidURL:
            url = httpx.URL()
        if _origin(url) == _origin(self._base) and not url.userinfo:
            return url
        raise Unexpected(
            f"{self._name} linked its next page to another place"
            f' ("{self._redactor.clean(f"{url.scheme}://{url.host}")}"), which gets no credentials;'
            " check that the endpoint is the API's own address."
        )

    def pause(self, delay_s: float) -> None:
        """Let no request leave for a while: the vendor asked for it within an answer."""
        self._sender.pause(delay_s)

    @property
    def usage(self) -> Usage:
        """Requests, retries and waiting time until now."""
        return self._sender.usage

    def rest(self) -> None:
        """Close idle connections; the next request connects anew."""
        self._sender.rest()

    def close(self) -> None:
        """Close the connections."""
        self._sender.close()

    def _url(self, path: str, parameters: Parameters) -> httpx.URL:
        url = self._base.copy_with(raw_path=(self._base.path.rstrip("/") + path).encode())
        return url.copy_with(params=parameters) if parameters else url


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or 443
