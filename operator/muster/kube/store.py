"""The resources of the namespace in memory, as the watch and the listings show them."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from muster.kube.view import Key, Parsed, Raw, View, look, parse


class Store:
    """Thread-safe. A view is made when it is asked for after a change, and then kept."""

    def __init__(self) -> None:
        self._turn = threading.RLock()
        self._parsed: dict[Key, Parsed] = {}
        self._told: dict[Key, int] = {}
        self._count = 0
        self._view: View | None = None

    def put(self, raw: Raw) -> bool:
        """Take up a resource as it is now; return whether more than its status is new."""
        key = (str(raw["kind"]), str(raw["metadata"]["name"]))
        with self._turn:
            self._tell(key)
            known = self._parsed.get(key)
            if known and _same_spec(known.raw, raw):
                self._parsed[key] = Parsed(raw, known.resource, known.problems)
                return False
            self._parsed[key] = parse(raw)
            self._view = None
            return True

    def remove(self, kind: str, name: str) -> bool:
        """Forget a resource; return whether it was there."""
        with self._turn:
            self._tell((kind, name))
            self._view = None
            return self._parsed.pop((kind, name), None) is not None

    @property
    def moment(self) -> int:
        """What to hand to `replace_all`: take it before the listing is asked for."""
        with self._turn:
            return self._count

    def replace_all(self, kind: str, raws: Iterable[Raw], moment: int | None = None) -> int:
        """Take up a whole listing of one kind; return how many differences it brought.

        A watch that has died silently shows as differences here. What the watch told after
        `moment` may be newer than the listing, and stays.
        """
        listed = {str(raw["metadata"]["name"]): {**raw, "kind": kind} for raw in raws}
        with self._turn:
            since = self._count if moment is None else moment
            newer = {key for key, told in self._told.items() if told > since}
            gone = {name for known, name in self._parsed if known == kind} - listed.keys()
            changed = [self.put(one) for name, one in listed.items() if (kind, name) not in newer]
            removed = [self.remove(kind, name) for name in gone if (kind, name) not in newer]
        return sum(changed) + sum(removed)

    def _tell(self, key: Key) -> None:
        self._count += 1
        self._told[key] = self._count

    def list_keys(self) -> tuple[Key, ...]:
        """Return kind and name of every resource."""
        with self._turn:
            return tuple(self._parsed)

    def parsed(self) -> dict[Key, Parsed]:
        """Return every resource as it was read."""
        with self._turn:
            return dict(self._parsed)

    def raw(self, kind: str, name: str) -> Raw | None:
        """Return a resource as the cluster holds it."""
        with self._turn:
            found = self._parsed.get((kind, name))
            return found.raw if found else None

    def view(self) -> View:
        """Return what all resources mean together."""
        with self._turn:
            if self._view is None:
                self._view = look(self._parsed)
            return self._view


def _same_spec(old: Raw, new: Raw) -> bool:
    """Say whether only status, or metadata that means nothing to us, has changed."""
    return old.get("spec") == new.get("spec") and _meaning(old) == _meaning(new)


def _meaning(raw: Raw) -> tuple[object, ...]:
    metadata = raw["metadata"]
    return metadata.get("labels"), metadata.get("annotations"), metadata.get("uid")
