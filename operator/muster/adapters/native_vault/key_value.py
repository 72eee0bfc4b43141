"""Entries in a KV secrets engine, version 2, of OpenBao or HashiCorp Vault.

An entry is one secret below `<mount>/data/muster/<vault>/<organization>/`; its version is the
engine's own, so that a change made beside Muster is noticed too. The passwords in it are sealed
as everywhere: who may read the engine still needs the key ring.

Source: https://openbao.org/api-docs/secret/kv/kv-v2/
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import hvac
import requests
import stamina
from hvac import exceptions
from requests.adapters import HTTPAdapter

from muster.errors import (
    AccessDenied,
    Rejected,
    RemoteError,
    Unavailable,
    Unexpected,
)
from muster.model.connections import KeyValue2
from muster.model.names import RemoteId
from muster.model.secret import Secret
from muster.ports import EntryStale, StoredEntry
from muster.transport.options import HttpOptions, base_url, tls_context
from muster.transport.redaction import Redactor, header_value, quiet_libraries

_WHO = "The key-value engine"

_STALE = "check-and-set parameter did not match"
"""How the engine words a write whose `cas` is not the current version, with status 400.

Source: openbao/openbao, builtin/logical/kv/path_data.go; seen on OpenBao 2.7.
"""

_AWAY = (
    exceptions.RateLimitExceeded,
    exceptions.InternalServerError,
    exceptions.VaultNotInitialized,
    exceptions.BadGateway,
    exceptions.VaultDown,  # sealed, or in maintenance
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
)
"""What passes by itself. A sealed engine answers 503 until somebody unseals it."""

_NOT_DONE = (
    exceptions.RateLimitExceeded,
    requests.exceptions.SSLError,
    requests.ConnectTimeout,
)
"""After these a write has certainly not happened."""


class KeyValueStore:
    """Implements `EntryStore` for one native vault; safe to use from many threads."""

    def __init__(
        self,
        settings: KeyValue2,
        *,
        vault: str,
        token: Secret,
        ca_pem: str | None,
        options: HttpOptions,
    ) -> None:
        quiet_libraries()
        self._url = str(base_url(settings.endpoint, _WHO))
        self._mount = settings.mount
        self._root = f"muster/{vault}"
        self._token = header_value(token, f"{_WHO}: the token")
        self._options = options
        self._tls = tls_context(ca_pem, _WHO)
        self._redactor = Redactor((token,))
        self._turn = threading.Lock()
        self._idle: list[hvac.Client] = []

    def close(self) -> None:
        """Close every connection."""
        with self._turn:
            while self._idle:
                self._idle.pop().adapter.close()

    @property
    def idle(self) -> int:
        """How many connections are open and not in use."""
        with self._turn:
            return len(self._idle)

    def list_organizations(self) -> tuple[RemoteId, ...]:
        """Return every organization that has an entry, in the order of names."""
        names = self._list(self._root)
        return tuple(sorted(RemoteId(one[:-1]) for one in names if one.endswith("/")))

    def list_entries(self, organization: RemoteId) -> tuple[StoredEntry, ...]:
        """Return every entry of the organization: one list, and one read for each entry."""
        names = [one for one in self._list(self._folder(organization)) if not one.endswith("/")]
        found = (self.find_entry(organization, RemoteId(name)) for name in sorted(names))
        return tuple(one for one in found if one is not None)

    def find_entry(self, organization: RemoteId, entry: RemoteId) -> StoredEntry | None:
        """Return one entry; None when there is none, or its newest version was deleted."""

        def read(client: hvac.Client) -> Any:
            return client.secrets.kv.v2.read_secret_version(
                path=self._path(organization, entry),
                mount_point=self._mount,
                raise_on_deleted_version=True,
            )

        answer = self._read(read)
        if answer is None:
            return None
        try:
            data = answer["data"]
            version, document = int(data["metadata"]["version"]), data["data"]
        except (KeyError, TypeError, ValueError):
            raise Unexpected(f"{_WHO} answers a read without data and version.") from None
        return StoredEntry(
            organization=organization, id=entry, version=version, document=dict(document)
        )

    def put_entry(self, entry: StoredEntry) -> None:
        """Write an entry, in one request that the engine checks and sets.

        Raises:
            EntryStale: another version is stored, or none.
            Unavailable: no answer; with `maybe_applied` the write may have taken effect.
        """

        def write(client: hvac.Client) -> Any:
            return client.secrets.kv.v2.create_or_update_secret(
                path=self._path(entry.organization, entry.id),
                secret=entry.document,
                cas=entry.version - 1,
                mount_point=self._mount,
            )

        try:
            with self._client() as client:
                self._answer(write(client))
        except (exceptions.VaultError, requests.RequestException) as error:
            raise self._explained(error, write=True) from None

    def _folder(self, organization: RemoteId) -> str:
        return f"{self._root}/{organization}"

    def _path(self, organization: RemoteId, entry: RemoteId) -> str:
        return f"{self._folder(organization)}/{entry}"

    def _list(self, folder: str) -> list[str]:
        """Return the names in a folder, folders with a slash at their end."""

        def read(client: hvac.Client) -> Any:
            return client.secrets.kv.v2.list_secrets(path=folder, mount_point=self._mount)

        answer = self._read(read)
        try:
            return [] if answer is None else [str(name) for name in answer["data"]["keys"]]
        except (KeyError, TypeError):
            raise Unexpected(f"{_WHO} answers a list without keys.") from None

    def _read(self, read: Callable[[hvac.Client], Any]) -> Any:
        """Read, and read again while the engine is away; None for what is not there."""
        options = self._options
        try:
            for attempt in stamina.retry_context(
                on=_may_pass,
                attempts=None,
                timeout=options.retry_budget_s,
                wait_initial=options.first_delay_s,
                wait_max=20.0,
                wait_jitter=options.first_delay_s,
            ):
                with attempt, self._client() as client:
                    answer = read(client)
        except exceptions.InvalidPath as error:
            self._require_engine(error)
            return None
        except (exceptions.VaultError, requests.RequestException) as error:
            raise self._explained(error, write=False) from None
        return self._answer(answer)

    def _require_engine(self, error: exceptions.VaultError) -> None:
        """Raise when a 404 is about the path of the engine, not about an entry in it.

        A missing entry comes with no errors, a missing mount with `no handler for route`.
        Source: openbao/openbao, vault/router.go
        """
        if not isinstance(error.json, dict) or error.json.get("errors"):
            words = self._words(error)
            raise Unexpected(
                f'{_WHO} does not know "{self._mount}" ({words}). Set keyValue2.mount to the path '
                "of a KV engine of version 2."
            ) from None

    def _answer(self, answer: Any) -> Any:
        if not isinstance(answer, dict):
            status = getattr(answer, "status_code", "?")
            raise Unexpected(
                f"{_WHO} at {self._url} answers {status} without JSON; a redirect is not followed, "
                "because the token would go along. Name the address of the active server."
            )
        return answer

    @contextmanager
    def _client(self) -> Iterator[hvac.Client]:
        """Lend a connection that nobody else uses; at most one is kept for each thread at work."""
        with self._turn:
            client = self._idle.pop() if self._idle else None
        client = client or self._connect()
        try:
            yield client
        finally:
            with self._turn:
                self._idle.append(client)

    def _connect(self) -> hvac.Client:
        session = requests.Session()
        session.trust_env = False
        session.mount("https://", _Trusting(self._tls))
        options = self._options
        return hvac.Client(
            url=self._url,
            token=self._token.reveal(),
            session=session,
            timeout=(options.connect_timeout_s, options.read_timeout_s),
            allow_redirects=False,
            strict_http=True,  # LIST is a verb that proxies may not know
        )

    def _explained(self, error: Exception, *, write: bool) -> RemoteError:
        """Return an error in our words: never the request, whose body holds what is sealed."""
        words = self._words(error)
        if isinstance(error, exceptions.InvalidRequest) and _STALE in words:
            return EntryStale(f"{_WHO}: the entry was changed meanwhile.")
        if isinstance(error, exceptions.Forbidden | exceptions.Unauthorized):
            return AccessDenied(
                f"{_WHO} refuses the token ({words}). Give it a policy with create, read, update "
                f"and list on {self._mount}/data/{self._root}/* and "
                f"{self._mount}/metadata/{self._root}/*."
            )
        if isinstance(error, _AWAY):
            unsent = isinstance(error, _NOT_DONE)
            text = f"{_WHO} at {self._url} does not answer ({words})."
            return Unavailable(text, maybe_applied=write and not unsent)
        if isinstance(error, exceptions.InvalidRequest | exceptions.InvalidPath):
            return Rejected(f"{_WHO} refuses the request ({words}).")
        return Unexpected(f"{_WHO} answers what we do not understand ({words}).")

    def _words(self, error: Exception) -> str:
        said = getattr(error, "errors", None)
        if isinstance(said, list) and said:
            return self._redactor.clean("; ".join(map(str, said)))
        return type(error).__name__


def _may_pass(error: Exception) -> bool:
    # A certificate that is not trusted is a connection error to requests, and stays one.
    return isinstance(error, _AWAY) and not isinstance(error, requests.exceptions.SSLError)


class _Trusting(HTTPAdapter):
    """Trusts what one TLS context trusts; requests itself knows only files of certificates."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Give every connection the context."""
        super().init_poolmanager(*args, ssl_context=self._context, **options)

    def cert_verify(self, conn: Any, *_: Any) -> None:
        """Leave the trust to the context, and the check of name and chain switched on."""
        conn.cert_reqs = "CERT_REQUIRED"
