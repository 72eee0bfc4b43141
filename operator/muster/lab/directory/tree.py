"""The store: entries by name, order and index, and the counters that move when one changes.

It knows nothing of users or groups; `domain` and `builtin` give it meaning. Callers hold
`lock` while they read more than one thing.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import count
from random import Random
from uuid import UUID

from muster.lab.directory.dn import DnKey, escape_value, fold, key, parse_part, split
from muster.lab.directory.entry import Entry, Normal
from muster.lab.directory.identifiers import generalized_time, guid_bytes
from muster.lab.directory.schema import INDEXED, LINKS, Schema, category_of, class_chain

Values = Mapping[str, Sequence[str | bytes]]
"""Attribute names and their values; text is stored as UTF-8."""

_MARK = len("B:32:") + 32


class Tree:
    """All naming contexts of one domain controller. Raises ValueError for impossible changes."""

    def __init__(self, *, seed: str, clock: Callable[[], datetime]) -> None:
        self.lock = threading.RLock()
        self.schema = Schema()
        self.schema_dn = ""
        self.netbios_name = ""
        self.usn = 12_000  # a fresh domain has used some thousands already
        self._clock = clock
        self._random = Random(seed)  # noqa: S311 - the same seed must make the same domain
        self._numbers = count(1)
        self._entries: dict[DnKey, Entry] = {}
        self._index: dict[str, defaultdict[Normal, dict[Entry, None]]] = {
            name: defaultdict(dict) for name in INDEXED
        }
        self._order: list[Entry] | None = None

    def now(self) -> datetime:
        """Return the domain controller's time."""
        return self._clock()

    @property
    def head(self) -> Entry:
        """The domain itself, which is the first entry ever added."""
        return next(iter(self._entries.values()))

    def new_guid(self) -> UUID:
        """Return the next GUID of this seed."""
        return UUID(int=self._random.getrandbits(128), version=4)

    def get(self, dn: str) -> Entry | None:
        """Return an entry by its name; raises InvalidName."""
        return self._entries.get(key(dn))

    def require(self, dn: str) -> Entry:
        """Return an entry by its name; raises KeyError."""
        entry = self.get(dn)
        if entry is None:
            raise KeyError(dn)
        return entry

    def lookup(self, name: str, value: Normal) -> Sequence[Entry]:
        """Return the entries that hold a value in an indexed attribute."""
        return tuple(self._index[name].get(value, ()))

    def with_sam(self, sam: str) -> Sequence[Entry]:
        """Return the entry, if any, with a sAMAccountName; case does not matter."""
        return self.lookup("samaccountname", fold(sam))

    def below(self, base: Entry) -> Sequence[Entry]:
        """Return an entry and everything below it in the same naming context, in tree order."""
        order = self._in_order()
        start = bisect_left(order, base.ancestry, key=_ancestry)
        after = (*base.ancestry[:-1], base.ancestry[-1] + 1)
        return order[start : bisect_left(order, after, key=_ancestry)]

    def add(
        self, part: str, parent: str, object_class: str, attributes: Values, *, head: bool = False
    ) -> Entry:
        """Add an entry; a `head` begins a naming context of its own."""
        above = None if head else self.require(parent)
        dn = f"{part},{above.dn if above else parent}".rstrip(",")
        if key(dn) in self._entries:
            raise ValueError(f"{dn} already exists")
        entry = Entry(self.schema, self.new_guid(), dn, above)
        entry.ancestry = (*(above.ancestry if above else ()), next(self._numbers))
        self._entries[entry_key(entry)] = entry
        self._order = None
        self._describe(entry, object_class)
        self._store(entry, attributes)
        self.touch(entry)
        entry.set_values("usncreated", entry.values("usnchanged"))
        return entry

    def set_attributes(self, entry: Entry, attributes: Values) -> None:
        """Replace the named attributes; an empty sequence removes one."""
        self._store(entry, attributes)
        self.touch(entry)

    def link(self, source: Entry, name: str, targets: Iterable[Entry]) -> None:
        """Add link values; only the source counts as changed (MS-ADTS 3.1.1.1.6)."""
        links = source.links.setdefault(name, {})
        for target in targets:
            links[target] = None
            target.back_links.setdefault(LINKS[name], {})[source] = None
        self.touch(source)

    def unlink(self, source: Entry, name: str, targets: Iterable[Entry]) -> None:
        """Remove link values; those absent are passed over."""
        for target in tuple(targets):
            source.links.get(name, {}).pop(target, None)
            target.back_links.get(LINKS[name], {}).pop(source, None)
        self.touch(source)

    def relocate(self, entry: Entry, part: str, parent: Entry) -> None:
        """Move and rename; the entries below get new names but do not count as changed."""
        dn = f"{part},{parent.dn}"
        if self.get(dn) not in {None, entry}:
            raise ValueError(f"{dn} already exists")
        if parent.ancestry[: len(entry.ancestry)] == entry.ancestry:
            raise ValueError(f"{dn} would lie inside itself")
        family = self.below(entry)
        pointers = self._pointers()
        for member in family:
            del self._entries[entry_key(member)]
        for member in family:
            above = parent if member is entry else member.parent
            first = part if member is entry else split(member.dn)[0]
            self._rename(member, first, above)
        self._order = None
        for name, places in pointers.items():
            values = (f"{mark}:{place.dn if place else dn}" for mark, dn, place in places)
            self.head.set_values(name, tuple(value.encode() for value in values))
        kind, name = parse_part(part)
        self.set_attributes(entry, {kind: [name], "name": [name]})

    def remove(self, entry: Entry) -> None:
        """Remove an entry and everything below it; the links to them vanish."""
        for member in self.below(entry):
            for name in tuple(member.links):
                self.unlink(member, name, member.links[name])
            for back, sources in member.back_links.items():
                forward = next(name for name, other in LINKS.items() if other == back)
                for source in tuple(sources):
                    source.links[forward].pop(member, None)
            for name in INDEXED:
                self._unindex(member, name)
            del self._entries[entry_key(member)]
        self._order = None
        self.usn += 1

    def touch(self, entry: Entry) -> None:
        """Count a change: uSNChanged and whenChanged move (MS-ADTS 3.1.1.1.9)."""
        self.usn += 1
        entry.set_values("usnchanged", (b"%d" % self.usn,))
        entry.set_values("whenchanged", (generalized_time(self.now()).encode(),))

    def _pointers(self) -> dict[str, list[tuple[str, str, Entry | None]]]:
        """Return what the domain's `B:32:GUID:DN` values point at; they follow a rename."""
        found: dict[str, list[tuple[str, str, Entry | None]]] = {}
        for name in ("wellknownobjects", "otherwellknownobjects"):
            texts = [value.decode() for value in self.head.values(name)]
            pairs = [(text[:_MARK], text[_MARK + 1 :]) for text in texts]
            found[name] = [(mark, dn, self.get(dn)) for mark, dn in pairs]
        return found

    def _describe(self, entry: Entry, object_class: str) -> None:
        kind, name = parse_part(split(entry.dn)[0])
        chain = class_chain(object_class)
        category = category_of(object_class) or object_class
        self._store(
            entry,
            {
                "objectClass": chain,
                "objectCategory": [f"CN={category},{self.schema_dn}"],
                "objectGUID": [guid_bytes(str(entry.guid))],
                "instanceType": ["4" if entry.parent else "5"],
                "whenCreated": [generalized_time(self.now())],
                kind: [name],
                "name": [name],
            },
        )

    def _store(self, entry: Entry, attributes: Values) -> None:
        for spelled, values in attributes.items():
            name = self.schema.define(spelled)
            raw = tuple(v.encode() if isinstance(v, str) else bytes(v) for v in values)
            if name in LINKS:
                self.unlink(entry, name, tuple(entry.links.get(name, ())))
                self.link(entry, name, [self.require(value.decode()) for value in raw])
                continue
            if name not in INDEXED:
                entry.set_values(name, raw)
                continue
            self._unindex(entry, name)
            entry.set_values(name, raw)
            for value in entry.comparable(name):
                self._index[name][value][entry] = None

    def _unindex(self, entry: Entry, name: str) -> None:
        for value in entry.comparable(name):
            self._index[name][value].pop(entry, None)

    def _rename(self, entry: Entry, part: str, parent: Entry | None) -> None:
        entry.parent = parent
        entry.dn = f"{part},{parent.dn}" if parent else entry.dn
        entry.ancestry = (*(parent.ancestry if parent else ()), entry.ancestry[-1])
        entry.forget("distinguishedname")
        self._entries[entry_key(entry)] = entry

    def _in_order(self) -> list[Entry]:
        if self._order is None:
            self._order = sorted(self._entries.values(), key=_ancestry)
        return self._order


def entry_key(entry: Entry) -> DnKey:
    """Return an entry's name in comparable form."""
    return key(entry.dn)


def part_of(kind: str, name: str) -> str:
    """Return a name's first part from an unescaped name."""
    return f"{kind}={escape_value(name)}"


def _ancestry(entry: Entry) -> tuple[int, ...]:
    return entry.ancestry
