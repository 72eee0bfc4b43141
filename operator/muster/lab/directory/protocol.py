"""LDAPv3 messages (RFC 4511): requests from bytes, answers to bytes.

What a request means is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from muster.lab.directory import ber
from muster.lab.directory.ber import Element, MalformedBer, octets, tlv

START_TLS = "1.3.6.1.4.1.1466.20037"
WHO_AM_I = "1.3.6.1.4.1.4203.1.11.3"


class Operation(IntEnum):
    """The tags of the requests (RFC 4511, appendix B)."""

    BIND = 0x60
    UNBIND = 0x42
    SEARCH = 0x63
    MODIFY = 0x66
    ADD = 0x68
    DELETE = 0x4A
    RENAME = 0x6C
    COMPARE = 0x6E
    ABANDON = 0x50
    EXTENDED = 0x77


RESPONSE_TO = {
    Operation.BIND: 0x61,
    Operation.SEARCH: 0x65,
    Operation.MODIFY: 0x67,
    Operation.ADD: 0x69,
    Operation.DELETE: 0x6B,
    Operation.RENAME: 0x6D,
    Operation.COMPARE: 0x6F,
    Operation.EXTENDED: 0x78,
}
"""The tag of the answer to each request that has one."""


class Code(IntEnum):
    """The result codes that the lab sends (RFC 4511, appendix A)."""

    SUCCESS = 0
    OPERATIONS_ERROR = 1
    PROTOCOL_ERROR = 2
    SIZE_LIMIT_EXCEEDED = 4
    AUTH_METHOD_NOT_SUPPORTED = 7
    STRONGER_AUTH_REQUIRED = 8
    REFERRAL = 10
    UNAVAILABLE_CRITICAL_EXTENSION = 12
    INAPPROPRIATE_MATCHING = 18
    NO_SUCH_OBJECT = 32
    INVALID_DN_SYNTAX = 34
    CONSTRAINT_VIOLATION = 19
    INVALID_CREDENTIALS = 49
    INSUFFICIENT_ACCESS = 50
    BUSY = 51
    UNAVAILABLE = 52
    UNWILLING_TO_PERFORM = 53


class Scope(IntEnum):
    """How far a search reaches."""

    BASE = 0
    ONE_LEVEL = 1
    SUBTREE = 2


class LdapFailure(Exception):
    """A request that ends with another result than success.

    The messages have the form of Windows' and begin with its Win32 code in hex (MS-ERREF 2.2).
    Unconfirmed: what follows the code; DSID numbers differ between builds.
    """

    def __init__(
        self, code: int, message: str, *, matched_dn: str = "", referral: str = ""
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.matched_dn = matched_dn
        self.referral = referral


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A control of a request (RFC 4511, section 4.1.11)."""

    oid: str
    critical: bool
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One request, not yet looked into."""

    number: int
    tag: int
    request: Element
    controls: tuple[Control, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BindRequest:
    """A bind; `password` is None for SASL and any other method but a simple bind."""

    version: int
    name: str
    password: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """A search; the filter is kept as it came."""

    base: str
    scope: Scope
    size_limit: int
    types_only: bool
    filter: Element
    attributes: tuple[str, ...]
    past_end_allowed: bool = False
    """Whether a range behind the last value is no error: a control says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Modification:
    """One change of a modify request (RFC 4511, section 4.6); 0 adds, 1 deletes, 2 replaces."""

    operation: int
    attribute: str
    values: tuple[bytes, ...]


def parse_message(data: bytes) -> Message:
    """Read one whole message; raises MalformedBer."""
    envelope, _ = ber.read_element(data)
    number, request, *rest = envelope.children()
    if envelope.tag != ber.SEQUENCE or number.tag != ber.INTEGER:
        raise MalformedBer("this is no LDAP message")
    controls = tuple(_control(item) for item in rest[0].children()) if rest else ()
    return Message(number=number.number(), tag=request.tag, request=request, controls=controls)


def parse_bind(request: Element) -> BindRequest:
    """Read a bind request; raises MalformedBer."""
    version, name, authentication = request.children()
    simple = authentication.tag == 0x80
    return BindRequest(
        version=version.number(),
        name=name.text(),
        password=authentication.content if simple else None,
    )


def parse_search(request: Element) -> SearchRequest:
    """Read a search request; raises MalformedBer."""
    base, scope, _, size, _, types_only, asked, attributes = request.children()
    return SearchRequest(
        base=base.text(),
        scope=Scope(scope.number()),
        size_limit=size.number(),
        types_only=bool(types_only.number()),
        filter=asked,
        attributes=tuple(item.text() for item in attributes.children()),
    )


def parse_modify(request: Element) -> tuple[str, tuple[Modification, ...]]:
    """Read a modify request: the object's name, and the changes; raises MalformedBer."""
    name, changes = request.children()
    return name.text(), tuple(map(_modification, changes.children()))


def _modification(item: Element) -> Modification:
    operation, attribute = item.children()
    description, values = attribute.children()
    return Modification(
        operation=operation.number(),
        attribute=description.text(),
        values=tuple(value.content for value in values.children()),
    )


def parse_extended(request: Element) -> str:
    """Return the name of an extended request; raises MalformedBer."""
    name, *_ = request.children()
    return name.text()


def entry_message(number: int, dn: str, attributes: bytes) -> bytes:
    """Return a search result entry with attributes that are already encoded."""
    return _message(number, tlv(0x64, octets(dn) + tlv(ber.SEQUENCE, attributes)))


def reference_message(number: int, url: str) -> bytes:
    """Return a search result reference."""
    return _message(number, tlv(0x73, octets(url)))


def result_message(
    number: int,
    tag: int,
    failure: LdapFailure | None = None,
    *,
    controls: Sequence[tuple[str, bytes]] = (),
    extra: bytes = b"",
) -> bytes:
    """Return the result that ends a request; no failure means success."""
    body = ber.integer(failure.code if failure else 0, ber.ENUMERATED)
    body += octets(failure.matched_dn if failure else "")
    body += octets(failure.message if failure else "")
    if failure and failure.referral:
        body += tlv(0xA3, octets(failure.referral))
    sent = b"".join(
        tlv(ber.SEQUENCE, octets(oid) + (octets(value) if value else b""))
        for oid, value in controls
    )
    return _message(number, tlv(tag, body + extra) + (tlv(0xA0, sent) if sent else b""))


def extended_answer(name: str = "", value: bytes | None = None) -> bytes:
    """Return what an extended response adds to a result."""
    return (octets(name, 0x8A) if name else b"") + (b"" if value is None else octets(value, 0x8B))


def notice_of_disconnection(message: str) -> bytes:
    """Return the unsolicited notice that a server sends before it hangs up (section 4.4.1)."""
    failure = LdapFailure(Code.PROTOCOL_ERROR, message)
    return result_message(0, 0x78, failure, extra=extended_answer("1.3.6.1.4.1.1466.20036"))


def _message(number: int, content: bytes) -> bytes:
    return tlv(ber.SEQUENCE, ber.integer(number) + content)


def _control(item: Element) -> Control:
    oid, *rest = item.children()
    critical = any(part.tag == ber.BOOLEAN and part.number() for part in rest)
    value = next((part.content for part in rest if part.tag == ber.OCTET_STRING), b"")
    return Control(oid=oid.text(), critical=critical, value=value)
