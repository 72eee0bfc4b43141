"""The small part of BER (X.690) that LDAP uses: definite lengths, one-byte tags.

Written by hand because the published request specifications cannot be used on the server's
side: ldap3's `rfc4511` module fails to decode a filter with `!` or a nested set, and encoding
10,000 entries with pyasn1 takes longer than everything else together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

BOOLEAN, INTEGER, OCTET_STRING, ENUMERATED, SEQUENCE, SET = 0x01, 0x02, 0x04, 0x0A, 0x30, 0x31


class MalformedBer(ValueError):
    """The bytes are not what LDAP allows (RFC 4511, section 5.1)."""


class Element(NamedTuple):
    """One tag and its content."""

    tag: int
    content: bytes

    def children(self) -> Iterator[Element]:
        """Yield the elements inside a constructed element."""
        offset = 0
        while offset < len(self.content):
            element, offset = read_element(self.content, offset)
            yield element

    def number(self) -> int:
        """Return an INTEGER, an ENUMERATED or a BOOLEAN as a number."""
        return int.from_bytes(self.content, "big", signed=True)

    def text(self) -> str:
        """Return the content as UTF-8 text; raises MalformedBer."""
        try:
            return self.content.decode()
        except UnicodeDecodeError as exc:
            raise MalformedBer("a name is not UTF-8") from exc


def read_element(data: bytes, offset: int = 0) -> tuple[Element, int]:
    """Return the element at `offset` and the offset behind it; raises MalformedBer."""
    end = element_end(data, offset)
    if end is None or end > len(data):
        raise MalformedBer("an element is longer than what holds it")
    start = offset + 2 + (data[offset + 1] & 0x7F if data[offset + 1] & 0x80 else 0)
    return Element(data[offset], data[start:end]), end


def element_end(data: bytes | bytearray, offset: int = 0) -> int | None:
    """Return where the element at `offset` ends, or None while its length is not all there."""
    if len(data) < offset + 2:
        return None
    first = data[offset + 1]
    if first < 0x80:
        return offset + 2 + first
    size = first & 0x7F
    if not 1 <= size <= 4:
        raise MalformedBer("only definite lengths of up to four bytes are allowed")
    if len(data) < offset + 2 + size:
        return None
    return offset + 2 + size + int.from_bytes(data[offset + 2 : offset + 2 + size], "big")


def tlv(tag: int, content: bytes) -> bytes:
    """Return an element as bytes."""
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = (length.bit_length() + 7) // 8
    return bytes((tag, 0x80 | size)) + length.to_bytes(size, "big") + content


def integer(value: int, tag: int = INTEGER) -> bytes:
    """Return a number in its shortest form."""
    size = (value + (value < 0)).bit_length() // 8 + 1
    return tlv(tag, value.to_bytes(size, "big", signed=True))


def octets(value: bytes | str, tag: int = OCTET_STRING) -> bytes:
    """Return bytes, or text as UTF-8."""
    return tlv(tag, value.encode() if isinstance(value, str) else value)
