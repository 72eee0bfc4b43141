"""The API server, as far as Muster needs it: list, read, apply, patch status, create, delete.

Credentials come from kopf's own login functions (a service account, else a kubeconfig), so that
watching and writing are the same identity. The token is read anew when it is refused, because
projected tokens rotate.
"""

from __future__ import annotations

import base64
import json
import logging
import re
import ssl
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import kopf
import stamina

from muster.errors import AccessDenied, Rejected, RemoteError, Unavailable
from muster.kube.resources import Kind

FIELD_MANAGER = "muster"
PAGE = 500

Object = dict[str, Any]

_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"


class Conflict(RemoteError):
    """The object was changed by somebody else, or exists already."""


class KubeApi:
    """One connection to the API server; thread-safe.

    Raises:
        Unavailable: no answer, 429 or 5xx after `patience_s` seconds of retries.
        AccessDenied: 403, where the message names verb and path, for the RBAC rule; or 401
            after `patience_s` seconds of new log-ins.
        Conflict: 409.
        Rejected: any other refusal, with the server's words.
    """

    def __init__(
        self,
        login: kopf.ConnectionInfo | None = None,
        patience_s: float = 30.0,
        timeout_s: float = 30.0,
    ) -> None:
        self._patience_s = patience_s
        self._timeout_s = timeout_s
        self._turn = threading.Lock()
        self._given = login
        login = login or find_login()
        self._client = _client(login, self._timeout_s)
        self._token = _authorization(login)

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def list(self, kind: Kind, namespace: str, label_selector: str = "") -> Iterator[Object]:
        """Yield every object of a kind, 500 a page."""
        query = {"limit": str(PAGE)} | ({"labelSelector": label_selector} if label_selector else {})
        while True:
            page = self._json("GET", kind.path(namespace), params=query)
            yield from page["items"]
            following = page["metadata"].get("continue")
            if not following:
                return
            query["continue"] = following

    def read(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Return an object, or None when there is none."""
        answer = self._send("GET", kind.path(namespace, name))
        return None if answer.status_code == 404 else _parsed(answer)

    def apply(self, kind: Kind, namespace: str, body: Object, subresource: str = "") -> Object:
        """Apply an object or its status by server-side apply, as the owner of what it names."""
        path = kind.path(namespace, body["metadata"]["name"], subresource)
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return self._json("PATCH", path, params=query, content=_dump(body), media=_APPLY)

    def patch_status(self, kind: Kind, namespace: str, name: str, status: Object) -> Object | None:
        """Merge into the status of an object; None when the object is gone."""
        path = kind.path(namespace, name, "status")
        answer = self._send(
            "PATCH",
            path,
            params={"fieldManager": FIELD_MANAGER},
            content=_dump({"status": status}),
            media=_MERGE,
        )
        return None if answer.status_code == 404 else _parsed(answer)

    def merge(self, kind: Kind, namespace: str, name: str, change: Object) -> Object | None:
        """Merge a change into an object; None when the object is not there."""
        answer = self._send(
            "PATCH",
            kind.path(namespace, name),
            params={"fieldManager": FIELD_MANAGER},
            content=_dump(change),
            media=_MERGE,
        )
        return None if answer.status_code == 404 else _parsed(answer)

    def create(self, kind: Kind, namespace: str, body: Object) -> Object:
        """Create an object; raises Conflict when it exists."""
        query = {"fieldManager": FIELD_MANAGER}
        return self._json("POST", kind.path(namespace), params=query, content=_dump(body))

    def replace(self, kind: Kind, namespace: str, body: Object) -> Object:
        """Replace an object as it was read; raises Conflict when it has changed since."""
        path = kind.path(namespace, body["metadata"]["name"])
        query = {"fieldManager": FIELD_MANAGER}
        return self._json("PUT", path, params=query, content=_dump(body))

    def _json(self, method: str, path: str, **request: Any) -> Object:
        return _parsed(self._send(method, path, **request))

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        content: str | None = None,
        media: str = "application/json",
    ) -> httpx.Response:
        """Send, and send again while the API server is away or busy."""
        headers = {"Content-Type": media} if content is not None else {}
        for attempt in stamina.retry_context(
            on=(_Away, _NotKnown),
            attempts=None,
            timeout=self._patience_s,
            wait_initial=0.2,
            wait_max=5.0,
        ):
            with attempt:
                answer = self._once(method, path, params, content, headers)
        return answer

    def _once(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        content: str | None,
        headers: Mapping[str, str],
    ) -> httpx.Response:
        token = self._token
        try:
            answer = self._client.request(
                method, path, params=params, content=content, headers={**headers, **token}
            )
        except httpx.TransportError as error:
            raise _Away(f"The API server does not answer: {type(error).__name__}.") from error
        if answer.status_code == 401:
            self._log_in_again(token)
            raise _NotKnown(f"The API server does not accept our credentials: {method} {path}.")
        if answer.status_code == 429 or answer.status_code >= 500:
            raise _Away(f"The API server answers {answer.status_code}.")
        _refuse(answer, method, path)
        return answer

    def _log_in_again(self, refused: Mapping[str, str]) -> None:
        """Read the token anew, unless another thread has done so since."""
        with self._turn:
            if self._token is refused:
                self._token = _authorization(self._given or find_login())


class _Away(Unavailable):
    """The API server is not there, or has no time: try again."""


class _NotKnown(AccessDenied):
    """The API server does not know our token: it may have been replaced, so try again."""


def find_login() -> kopf.ConnectionInfo:
    """Return the credentials of the pod, else of the kubeconfig; raises AccessDenied for none."""
    settings = kopf.OperatorSettings()
    logger = logging.getLogger("muster.kube")
    login = kopf.login_with_service_account(settings=settings, logger=logger)
    try:
        login = login or kopf.login_with_kubeconfig(settings=settings, logger=logger)
    except (OSError, kopf.LoginError) as error:
        raise AccessDenied(f"The kubeconfig cannot be used: {error}") from error
    if login is None:
        raise AccessDenied("There is no cluster to speak to: no service account, no kubeconfig.")
    return login


def _authorization(login: kopf.ConnectionInfo) -> dict[str, str]:
    return {"Authorization": f"Bearer {login.token}"} if login.token else {}


def _client(login: kopf.ConnectionInfo, timeout_s: float) -> httpx.Client:
    return httpx.Client(
        base_url=login.server,
        headers={"Accept": "application/json", "User-Agent": "muster"},
        verify=_tls(login),
        timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, 5.0)),
        trust_env=False,
    )


def _tls(login: kopf.ConnectionInfo) -> ssl.SSLContext:
    data = _decoded(login.ca_data)
    context = ssl.create_default_context(
        cafile=str(login.ca_path) if login.ca_path else None, cadata=data
    )
    if login.certificate_path and login.private_key_path:
        context.load_cert_chain(str(login.certificate_path), str(login.private_key_path))
    elif login.certificate_data and login.private_key_data:
        _load_pair(context, login)
    return context


def _load_pair(context: ssl.SSLContext, login: kopf.ConnectionInfo) -> None:
    """Load a client certificate that a kubeconfig holds inline; Python takes files only."""
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = Path(folder) / "certificate", Path(folder) / "key"
        certificate.write_text(_decoded(login.certificate_data) or "", encoding="ascii")
        key.touch(mode=0o600)
        key.write_text(_decoded(login.private_key_data) or "", encoding="ascii")
        context.load_cert_chain(certificate, key)


def _decoded(data: str | bytes | None) -> str | None:
    return base64.b64decode(data).decode("ascii") if data else None


def _refuse(answer: httpx.Response, method: str, path: str) -> None:
    """Raise what a refusal means; 404 is left to the caller."""
    status = answer.status_code
    if status < 400 or status == 404:
        return
    words = _words(answer)
    if status == 403:
        raise AccessDenied(f"The API server forbids {method} {path}: {words}")
    if status == 409:
        raise Conflict(words)
    raise Rejected(f"The API server refuses {method} {path}: {words}")


def _words(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("message", ""))[:1000]
    except (json.JSONDecodeError, AttributeError):
        return f"status {answer.status_code}"


def _parsed(answer: httpx.Response) -> Object:
    if answer.status_code == 404:
        raise Rejected(f"The API server knows no {answer.request.url.path}. Are the CRDs there?")
    parsed: Object = answer.json()
    return parsed


_NOT_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_HALVES = re.compile("[\ud800-\udfff]")


def _dump(body: Object) -> str:
    """Return JSON that is YAML too, as which the API server reads what is applied.

    YAML knows no pairs of escapes for the letters beyond 16 bits, so these stand as they are,
    and what it does not print is escaped.
    Source: YAML 1.2.2, 5.1 and 5.7.
    """
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    text = _HALVES.sub("\N{REPLACEMENT CHARACTER}", text)
    return _NOT_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
