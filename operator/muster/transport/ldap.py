"""One LDAP session: searches and writes that either end in success or raise.

Decides nothing about what is read or written. Opening a session is left to `ldap_connect`, the
meaning of attributes to the adapter. ldap3 is seen by this module and `ldap_connect` only
(ADR 0003).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from ldap3 import BASE, DEREF_NEVER, MODIFY_REPLACE, SUBTREE, Connection
from ldap3.core.exceptions import LDAPCommunicationError, LDAPException
from ldap3.utils.conv import escape_filter_chars

from muster.errors import Unavailable, Unexpected
from muster.transport.ldap_failures import WriteRefused, dropped, malformed, search_failed

PAGE_SIZE = 1_000
"""MaxPageSize of Active Directory: it answers larger pages with this many entries. Source:
learn.microsoft.com, `View and set LDAP policy in Active Directory by using Ntdsutil.exe`."""

PAGED_RESULTS = "1.2.840.113556.1.4.319"
RANGE_RETRIEVAL_NOERR = "1.2.840.113556.1.4.1948"
"""Makes a range past the end an empty answer, not an error. Source: MS-ADTS,
LDAP_SERVER_RANGE_RETRIEVAL_NOERR_OID."""

SD_FLAGS = "1.2.840.113556.1.4.801"
"""Asks for parts of a security descriptor. Source: MS-ADTS, LDAP_SERVER_SD_FLAGS_OID."""

BeforeWrite = Callable[[], None]
"""Called right before each write leaves; raises when this process may no longer write."""

MAX_EMPTY_PAGES = 100
"""Pages without entries are legal (RFC 2696), but not without end."""


_DACL_ONLY = bytes((0x30, 3, 2, 1, 4))
"""A sequence of one number, DACL_SECURITY_INFORMATION (MS-ADTS 3.1.1.3.4.1.11)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One object as it was answered: undecoded values under lower-case attribute names."""

    dn: str
    values: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)

    def all(self, attribute: str) -> tuple[bytes, ...]:
        """Return the values of an attribute; none when it is absent."""
        return self.values.get(attribute.lower(), ())

    def first(self, attribute: str) -> bytes | None:
        """Return the first value of an attribute, or None when it is absent."""
        return next(iter(self.all(attribute)), None)


@dataclass(frozen=True, slots=True)
class _Answer:
    entries: tuple[Entry, ...]
    cookie: bytes | None
    """None: the server left the paging control out."""


class LdapSession:
    """A bound connection; use it as a context manager, in one thread."""

    def __init__(
        self, connection: Connection, *, server: str, before_write: BeforeWrite | None = None
    ) -> None:
        self._connection = connection
        self._before_write = before_write
        self.server = server

    def __enter__(self) -> LdapSession:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Say goodbye and close the socket, whatever state it is in."""
        close_connection(self._connection)

    def read(
        self,
        dn: str,
        attributes: Sequence[str],
        *,
        controls: tuple[str, ...] = (),
        access_list: bool = False,
    ) -> Entry | None:
        """Return one object by its DN, or None when it is not visible.

        With `access_list`, nTSecurityDescriptor comes without what only auditors may read.
        """
        answer = self._search(
            base=dn,
            search_filter="(objectClass=*)",
            search_scope=BASE,
            attributes=list(attributes),
            controls=[(control, False, None) for control in controls]
            + ([(SD_FLAGS, False, _DACL_ONLY)] if access_list else []),
        )
        return next(iter(answer.entries), None)

    def replace(self, dn: str, values: Mapping[str, bytes]) -> None:
        """Replace attributes of one object by one value each, all of them or none; sent once.

        Raises:
            WriteRefused: the server said no; it took no effect.
            Unavailable: no answer came (`maybe_applied`).
        """
        if self._before_write:
            self._before_write()
        changes = {name: [(MODIFY_REPLACE, [value])] for name, value in values.items()}
        silent = f"Active Directory did not answer a write at {self.server}"
        try:
            self._connection.modify(dn, changes)  # type: ignore[no-untyped-call]
            result = self._connection.result
        except (LDAPCommunicationError, OSError) as exc:
            text = f"{silent}: {exc}. Whether it took effect is unknown."
            raise Unavailable(text, maybe_applied=True) from exc
        except (LDAPException, ValueError, LookupError, TypeError) as exc:
            # The error's text may hold what was sent.
            text = f"{silent} in a form that can be read. Whether it took effect is unknown."
            raise Unexpected(text, maybe_applied=True) from exc
        if result["result"] != 0:
            raise WriteRefused(dn, self.server, result)

    def search(self, base: str, search_filter: str, attributes: Sequence[str]) -> Iterator[Entry]:
        """Yield every object below a base, page by page; references are left out.

        Raises an error of `muster.errors` when the last page is not reached: an end without
        an error is the end of the answer.
        """
        cookie: bytes | None = b""
        empty_pages = 0
        while True:
            answer = self._search(
                base=base,
                search_filter=search_filter,
                search_scope=SUBTREE,
                attributes=list(attributes),
                paged_size=PAGE_SIZE,
                # Critical: a server that cannot page must say so, not cut the answer.
                paged_criticality=True,
                paged_cookie=cookie,
            )
            yield from answer.entries
            cookie = answer.cookie
            if cookie == b"":
                return
            empty_pages = 0 if answer.entries else empty_pages + 1
            if cookie is None or empty_pages > MAX_EMPTY_PAGES:
                raise malformed(self.server, "a paged search came back without its last page")

    def _search(self, *, base: str, **request: Any) -> _Answer:
        try:
            self._connection.search(base, dereference_aliases=DEREF_NEVER, **request)
            result = self._connection.result
            # The return value of `search` says whether entries came, not whether it worked.
            if result["result"] != 0:
                raise search_failed(self.server, base, result)
            return _Answer(_entries(self._connection.response or ()), _cookie(result))
        except (LDAPCommunicationError, OSError) as exc:
            raise dropped(self.server, exc) from exc
        except (LDAPException, ValueError, LookupError, TypeError) as exc:
            # ldap3's decoder lets Python's own errors through when bytes are not LDAP.
            raise malformed(self.server, exc) from exc


def _entries(response: Sequence[Mapping[str, Any]]) -> tuple[Entry, ...]:
    # searchResRef: references to other partitions, which come with every subtree search.
    return tuple(_entry(item) for item in response if item["type"] == "searchResEntry")


def _entry(item: Mapping[str, Any]) -> Entry:
    raw = item["raw_attributes"]
    return Entry(
        dn=bytes(item["raw_dn"]).decode(),
        # ldap3 gives None for an attribute that is there without values.
        values={name.lower(): tuple(values or ()) for name, values in raw.items()},
    )


def _cookie(result: Mapping[str, Any]) -> bytes | None:
    control = result.get("controls", {}).get(PAGED_RESULTS)
    return None if control is None else bytes(control["value"]["cookie"])


def filter_value(text: str) -> str:
    """Return text, a DN for example, escaped for use in a filter (RFC 4515)."""
    return str(escape_filter_chars(text))


def close_connection(connection: Connection) -> None:
    """Unbind and close; a peer that is already gone is no error here."""
    try:
        connection.unbind()
    except (LDAPException, OSError):
        connection.strategy.close()
    # ldap3 forgets the socket of an attempt that failed half-way.
    if connection.socket is not None:
        connection.socket.close()
        connection.socket = None
