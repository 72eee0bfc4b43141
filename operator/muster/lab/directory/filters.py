"""Search filters: read from the wire, turned into a predicate over entries.

A predicate answers True, False or None for Undefined, and Undefined stays Undefined under
`!`; only True selects an entry. Approximately equal means equal, and there is no matching
rule but those below. Source: RFC 4511, section 4.5.1.7; MS-ADTS 3.1.1.3.1.3.1 and 3.1.1.3.4.4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from muster.lab.directory.ber import Element, MalformedBer
from muster.lab.directory.dn import InvalidName, fold
from muster.lab.directory.entry import Entry, Normal, normalise
from muster.lab.directory.identifiers import sid_bytes
from muster.lab.directory.protocol import Code, LdapFailure
from muster.lab.directory.schema import CONSTRUCTED, INDEXED, LINKS, Syntax, category_of
from muster.lab.directory.tree import Tree

Predicate = Callable[[Entry], bool | None]

_AND, _OR, _NOT, _EQUAL, _SUBSTRINGS, _AT_LEAST, _AT_MOST, _PRESENT, _APPROXIMATE, _RULE = (
    0xA0,
    0xA1,
    0xA2,
    0xA3,
    0xA4,
    0xA5,
    0xA6,
    0x87,
    0xA8,
    0xA9,
)
_ALL_BITS = "1.2.840.113556.1.4.803"
_ANY_BIT = "1.2.840.113556.1.4.804"
_IN_CHAIN = "1.2.840.113556.1.4.1941"
_INT64 = 0xFFFFFFFFFFFFFFFF


class Filters:
    """Compiles the filters of one directory."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def compile(self, item: Element) -> Predicate:
        """Turn a filter into a predicate; raises MalformedBer.

        Raises LdapFailure with result 18 for a constructed attribute (MS-ADTS 3.1.1.3.1.3.1).
        """
        if item.tag in {_AND, _OR}:
            parts = tuple(self.compile(part) for part in item.children())
            return _every(parts) if item.tag == _AND else _some(parts)
        if item.tag == _NOT:
            (part,) = item.children()
            return _negate(self.compile(part))
        if item.tag == _PRESENT:
            return self._present(item.text())
        if item.tag == _RULE:
            return self._rule(item)
        name, operand = item.children()
        return self._compare(item.tag, name.text().lower(), operand)

    def candidates(self, item: Element) -> Sequence[Entry] | None:
        """Return entries among which all matches are, or None when no index helps."""
        if item.tag == _AND:
            found = (self.candidates(part) for part in item.children())
            return next((entries for entries in found if entries is not None), None)
        if item.tag != _EQUAL:
            return None
        name, operand = item.children()
        attribute = name.text().lower()
        if attribute in INDEXED:
            value = self._operand(attribute, operand.content)
            return () if value is None else self._tree.lookup(attribute, value)
        return self._linked(attribute, operand.content)

    def _compare(self, tag: int, name: str, operand: Element) -> Predicate:
        if tag not in {_EQUAL, _APPROXIMATE, _SUBSTRINGS, _AT_LEAST, _AT_MOST}:
            raise MalformedBer(f"there is no filter item with tag {tag:#x}")
        if not self._comparable(name):
            return _undefined
        if tag == _SUBSTRINGS:
            return self._substrings(name, operand)
        if tag in {_EQUAL, _APPROXIMATE}:
            return self._equal(name, operand.content)
        return self._ordered(name, operand.content, at_least=tag == _AT_LEAST)

    def _comparable(self, name: str) -> bool:
        if name in CONSTRUCTED:
            raise LdapFailure(
                Code.INAPPROPRIATE_MATCHING,
                "0000216B: SvcErr: DSID-03140E0C, problem 5003 (WILL_NOT_PERFORM), data 0\n",
            )
        return self._tree.schema.syntax(name) is not None

    def _present(self, spelled: str) -> Predicate:
        name = spelled.lower()
        if not self._comparable(name):
            return _undefined
        return lambda entry: bool(entry.values(name))

    def _equal(self, name: str, raw: bytes) -> Predicate:
        linked = self._linked(name, raw)
        if linked is not None:
            return set(linked).__contains__
        value = self._operand(name, raw)
        if value is None:
            return _undefined
        return lambda entry: value in entry.comparable(name)

    def _linked(self, name: str, raw: bytes) -> Sequence[Entry] | None:
        """Return who has a link, or a back link, to the entry that `raw` names."""
        opposite = _OPPOSITE.get(name)
        if opposite is None:
            return None
        target = self._target(raw)
        return tuple(target.linked(opposite) or ()) if target else ()

    def _target(self, raw: bytes) -> Entry | None:
        try:
            return self._tree.get(raw.decode())
        except (UnicodeDecodeError, InvalidName):
            return None

    def _ordered(self, name: str, raw: bytes, *, at_least: bool) -> Predicate:
        value = self._operand(name, raw)
        if value is None or isinstance(value, tuple):
            return _undefined

        def compare(entry: Entry) -> bool:
            values = entry.comparable(name)
            if at_least:
                return any(one >= value for one in values)  # type: ignore[operator]
            return any(one <= value for one in values)  # type: ignore[operator]

        return compare

    def _substrings(self, name: str, pieces: Element) -> Predicate:
        syntax = self._tree.schema.syntax(name)
        if syntax not in {Syntax.TEXT, Syntax.OCTETS, Syntax.SID}:
            return _undefined  # names and numbers have no substring rule in Active Directory
        try:
            parts = [(piece.tag, _piece(syntax, piece)) for piece in pieces.children()]
        except UnicodeDecodeError:
            return _undefined
        return lambda entry: any(_contains(value, parts) for value in entry.comparable(name))

    def _rule(self, item: Element) -> Predicate:
        parts = {part.tag: part for part in item.children()}
        name = parts[0x82].text().lower() if 0x82 in parts else ""
        if not self._comparable(name):
            return _undefined
        rule = parts[0x81].text() if 0x81 in parts else ""
        if 0x83 not in parts:
            raise MalformedBer("a matching rule needs a value")
        raw = parts[0x83].content
        if rule == _IN_CHAIN:
            return self._in_chain(name, raw)
        if rule in {_ALL_BITS, _ANY_BIT}:
            return self._bits(name, raw, every=rule == _ALL_BITS)
        return _undefined if rule else self._equal(name, raw)

    def _bits(self, name: str, raw: bytes, *, every: bool) -> Predicate:
        value = normalise(Syntax.INTEGER, raw)
        if not isinstance(value, int) or self._tree.schema.syntax(name) is not Syntax.INTEGER:
            return _undefined
        mask = value & _INT64

        def test(entry: Entry) -> bool:
            found = [int(one) & mask for one in entry.comparable(name)]  # type: ignore[arg-type]
            return any(bits == mask if every else bits for bits in found)

        return test

    def _in_chain(self, name: str, raw: bytes) -> Predicate:
        """Match along a chain of links; primary groups are no links (MS-ADTS 3.1.1.3.4.4.3)."""
        opposite, target = _OPPOSITE.get(name), self._target(raw)
        if opposite is None:
            return _undefined
        reached: set[Entry] = set()
        waiting = [target] if target else []
        while waiting:
            fresh = set(waiting.pop().linked(opposite) or ()) - reached
            reached |= fresh
            waiting.extend(fresh)
        return reached.__contains__

    def _operand(self, name: str, raw: bytes) -> Normal | None:
        syntax = self._tree.schema.syntax(name)
        if syntax is None:
            return None
        if name == "objectcategory":
            # A class name stands for the category of its class (MS-ADTS 3.1.1.3.1.3.5).
            category = category_of(raw.decode(errors="replace"))
            if category:
                raw = f"CN={category},{self._tree.schema_dn}".encode()
        if syntax is Syntax.SID and raw[:2] in {b"S-", b"s-"}:
            try:
                raw = sid_bytes(raw.decode())
            except ValueError:
                return None
        return normalise(syntax, raw)


_OPPOSITE = {**LINKS, **{back: forward for forward, back in LINKS.items()}}


def _undefined(_: Entry) -> None:
    return None


def _every(parts: tuple[Predicate, ...]) -> Predicate:
    def all_of(entry: Entry) -> bool | None:
        answer: bool | None = True
        for part in parts:
            one = part(entry)
            if one is False:
                return False
            if one is None:
                answer = None
        return answer

    return all_of


def _some(parts: tuple[Predicate, ...]) -> Predicate:
    def any_of(entry: Entry) -> bool | None:
        answer: bool | None = False
        for part in parts:
            one = part(entry)
            if one:
                return True
            if one is None:
                answer = None
        return answer

    return any_of


def _negate(part: Predicate) -> Predicate:
    def opposite(entry: Entry) -> bool | None:
        answer = part(entry)
        return None if answer is None else not answer

    return opposite


def _piece(syntax: Syntax, piece: Element) -> str | bytes:
    return fold(piece.content.decode()) if syntax is Syntax.TEXT else piece.content


def _contains(value: Normal, parts: list[tuple[int, str | bytes]]) -> bool:
    rest: str | bytes = value  # type: ignore[assignment]
    for tag, piece in parts:
        if tag == 0x80:
            if not rest.startswith(piece):  # type: ignore[arg-type]
                return False
            rest = rest[len(piece) :]
        elif tag == 0x82:
            return rest.endswith(piece)  # type: ignore[arg-type]
        else:
            _, found, rest = rest.partition(piece)  # type: ignore[arg-type]
            if not found:
                return False
    return True
