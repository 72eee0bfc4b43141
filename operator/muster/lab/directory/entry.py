"""One object of the directory, its values, and the forms of them that are worth keeping.

The tree changes entries; everything else reads them. A value is kept as bytes, encoded once
for the wire and normalised once for comparison, until it changes.
"""

from __future__ import annotations

from uuid import UUID

from muster.lab.directory import ber
from muster.lab.directory.dn import DnKey, InvalidName, fold, key
from muster.lab.directory.schema import BACK_LINKS, LINKS, Schema, Syntax

Normal = str | int | bytes | DnKey
"""A value in comparable form."""


class Entry:
    """An object with its attributes by lower-case name; links hold entries, not names."""

    __slots__ = (
        "ancestry",
        "attributes",
        "back_links",
        "dn",
        "encoded",
        "former_password",
        "guid",
        "links",
        "normal",
        "old_passwords",
        "parent",
        "password",
        "schema",
    )

    def __init__(self, schema: Schema, guid: UUID, dn: str, parent: Entry | None) -> None:
        self.schema = schema
        self.guid = guid
        self.dn = dn
        self.parent = parent
        self.ancestry: tuple[int, ...] = ()
        self.attributes: dict[str, tuple[bytes, ...]] = {}
        self.links: dict[str, dict[Entry, None]] = {}
        self.back_links: dict[str, dict[Entry, None]] = {}
        self.password: str | None = None
        self.former_password: str | None = None
        self.old_passwords: tuple[str, ...] = ()
        self.encoded: dict[str, bytes] = {}
        self.normal: dict[str, tuple[Normal, ...]] = {}

    def names(self) -> list[str]:
        """Return the lower-case names of all attributes that have a value."""
        forward = [name for name, targets in self.links.items() if targets]
        back = [name for name, sources in self.back_links.items() if sources]
        return [*self.attributes, "distinguishedname", *forward, *back]

    def values(self, name: str) -> tuple[bytes, ...]:
        """Return the values of an attribute by its lower-case name; empty when absent."""
        if name == "distinguishedname":
            return (self.dn.encode(),)
        linked = self.linked(name)
        if linked is not None:
            return tuple(entry.dn.encode() for entry in linked)
        return self.attributes.get(name, ())

    def linked(self, name: str) -> dict[Entry, None] | None:
        """Return the entries behind a link or a back link; None when it is neither."""
        if name in LINKS:
            return self.links.get(name, {})
        if name in BACK_LINKS:
            return self.back_links.get(name, {})
        return None

    def text(self, name: str) -> str:
        """Return the first value as text, or an empty string."""
        values = self.values(name)
        return values[0].decode() if values else ""

    def number(self, name: str) -> int:
        """Return the first value as a number, or 0."""
        return int(self.text(name) or 0)

    def set_values(self, name: str, values: tuple[bytes, ...]) -> None:
        """Replace the values of an attribute that is no link."""
        if values:
            self.attributes[name] = values
        else:
            self.attributes.pop(name, None)
        self.forget(name)

    def forget(self, name: str) -> None:
        """Drop what was kept about one attribute."""
        self.encoded.pop(name, None)
        self.normal.pop(name, None)

    def wire(self, name: str) -> bytes:
        """Return the attribute as a PartialAttribute (RFC 4511, section 4.1.7)."""
        kept = self.encoded.get(name)
        if kept is None:
            kept = encode_attribute(self.schema.spelling(name), self.values(name))
            if self.linked(name) is None:  # the names behind links change without us
                self.encoded[name] = kept
        return kept

    def comparable(self, name: str) -> tuple[Normal, ...]:
        """Return the values of an attribute in comparable form."""
        kept = self.normal.get(name)
        if kept is None:
            syntax = self.schema.syntax(name) or Syntax.TEXT
            found = (normalise(syntax, value) for value in self.values(name))
            kept = tuple(value for value in found if value is not None)
            if self.linked(name) is None:
                self.normal[name] = kept
        return kept


def encode_attribute(description: str, values: tuple[bytes, ...]) -> bytes:
    """Return a description and values as a PartialAttribute."""
    content = b"".join(map(ber.octets, values))
    return ber.tlv(ber.SEQUENCE, ber.octets(description) + ber.tlv(ber.SET, content))


def normalise(syntax: Syntax, value: bytes) -> Normal | None:
    """Return a value in comparable form, or None when it does not fit the syntax."""
    if syntax in {Syntax.OCTETS, Syntax.SID}:
        return value
    try:
        text = value.decode()
        if syntax is Syntax.INTEGER:
            return int(text)
        if syntax is Syntax.DN:
            return key(text)
    except (UnicodeDecodeError, ValueError, InvalidName):
        return None
    if syntax is Syntax.BOOLEAN:
        return text if text in {"TRUE", "FALSE"} else None  # RFC 4517, section 3.3.3
    return text if syntax is Syntax.TIME else fold(text)
