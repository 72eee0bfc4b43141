"""Which attributes of an entry an answer carries, and how many of their values.

Source: MS-ADTS 3.1.1.3.1.3.3 (ranges), 3.1.1.4.5 (constructed attributes).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from muster.lab.directory.dn import parse_part, split
from muster.lab.directory.entry import Entry, encode_attribute
from muster.lab.directory.identifiers import ticks
from muster.lab.directory.passwords import policy_of, resultant_policy
from muster.lab.directory.protocol import Code, LdapFailure
from muster.lab.directory.schema import CONSTRUCTED
from muster.lab.directory.tree import Tree

_RANGE = re.compile(r"range=(\d+)-(\d+|\*)", re.IGNORECASE)
_TRUST_ACCOUNTS = 0x800 | 0x1000 | 0x2000
_PASSWORD_STAYS = 0x10000 | 0x40000
"""Bits of userAccountControl: password never expires, smart card required."""
_NEVER = 2**63 - 1
_ENDLESS = frozenset({0, -(2**63)})
"""Durations, which are negative, that never end."""
_NEVER_RETURNED = frozenset({"unicodepwd"})  # write only: MS-ADTS 3.1.1.3.1.5.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One attribute that the client named; `last` None stands for `*`."""

    name: str
    first: int = 0
    last: int | None = None
    ranged: bool = False


class Selection:
    """The attribute list of one search, ready to encode entries with."""

    def __init__(
        self,
        tree: Tree,
        asked: Iterable[str],
        *,
        types_only: bool,
        max_value_range: int,
        past_end_allowed: bool,
    ) -> None:
        names = tuple(asked) or ("*",)
        self._constructed = _Constructed(tree)
        self._types_only = types_only
        self._max_range = max_value_range
        self._past_end_allowed = past_end_allowed
        self._everything = "*" in names
        parsed = dict.fromkeys(_parse(name) for name in names if name not in {"*", "+", "1.1"})
        self._wanted = list(parsed)
        if "+" in names:  # Unconfirmed: Windows treats `+` as the constructed attributes.
            self._wanted += [Wanted(name=name) for name in sorted(CONSTRUCTED)]

    def encode(self, entry: Entry) -> bytes:
        """Return the chosen attributes; raises LdapFailure for a range past the end."""
        chosen = list(self._wanted)
        if self._everything:
            named = {wanted.name for wanted in self._wanted}
            chosen += [Wanted(name=name) for name in entry.names() if name not in named]
        return b"".join([self._attribute(entry, wanted) for wanted in chosen])

    def _attribute(self, entry: Entry, wanted: Wanted) -> bytes:
        name = wanted.name
        if name in _NEVER_RETURNED or entry.schema.syntax(name) is None:
            return b""
        if name in CONSTRUCTED:
            values = self._constructed.values(entry, name)
            return encode_attribute(entry.schema.spelling(name), values) if values else b""
        if not wanted.ranged and not self._types_only and name in entry.attributes:
            return entry.wire(name)  # by far the most frequent case
        values = entry.values(name)
        if not values:
            return b""
        if self._types_only:
            return encode_attribute(entry.schema.spelling(name), ())
        return self._ranged(entry, wanted, values)

    def _ranged(self, entry: Entry, wanted: Wanted, values: tuple[bytes, ...]) -> bytes:
        spelling = entry.schema.spelling(wanted.name)
        if not wanted.ranged and len(values) <= self._max_range:
            return entry.wire(wanted.name)
        if wanted.first >= len(values):
            if self._past_end_allowed:
                return b""
            raise LdapFailure(
                Code.OPERATIONS_ERROR,
                "00002121: SvcErr: DSID-03140396, problem 5012 (DIR_ERROR), data 0\n",
            )
        final = len(values) - 1
        last = min(final if wanted.last is None else wanted.last, final)
        last = min(last, wanted.first + self._max_range - 1)
        shown = "*" if last == final else str(last)
        description = f"{spelling};range={wanted.first}-{shown}"
        part = encode_attribute(description, values[wanted.first : last + 1])
        # Asked for plainly, the attribute itself comes too, without values.
        return part if wanted.ranged else encode_attribute(spelling, ()) + part


class _Constructed:
    """Values that a domain controller computes when it is asked for them by name."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._makers: dict[str, Callable[[Entry], str | None]] = {
            "canonicalname": _canonical_name,
            "primarygrouptoken": _primary_group_token,
            "msds-principalname": self._principal_name,
            "msds-user-account-control-computed": self._account_control,
            "msds-userpasswordexpirytimecomputed": self._password_expiry,
            "msds-resultantpso": self._resultant_policy,
        }

    def values(self, entry: Entry, name: str) -> tuple[bytes, ...]:
        text = self._makers[name](entry)
        return () if text is None else (text.encode(),)

    def _principal_name(self, entry: Entry) -> str | None:
        sam = entry.text("samaccountname")
        return f"{self._tree.netbios_name}\\{sam}" if sam else None

    def _resultant_policy(self, entry: Entry) -> str | None:
        if "useraccountcontrol" not in entry.attributes:
            return None
        policy = resultant_policy(self._tree, entry)
        return policy.dn if policy else None

    def _account_control(self, entry: Entry) -> str | None:
        """Return lock-out (16) and password expired (0x800000): MS-ADTS 3.1.1.4.5.17."""
        if "useraccountcontrol" not in entry.attributes:
            return None
        control = entry.number("useraccountcontrol")
        locked = 0x10 if self._locked(entry, control) else 0
        return str(locked | (0x800000 if self._password_expired(entry, control) else 0))

    def _locked(self, entry: Entry, control: int) -> bool:
        since = entry.number("lockouttime")
        if not since or control & _TRUST_ACCOUNTS:
            return False
        duration = policy_of(self._tree, entry).lockout_duration
        return duration in _ENDLESS or since - duration > ticks(self._tree.now())

    def _password_expired(self, entry: Entry, control: int) -> bool:
        return self._expiry(entry, control) < ticks(self._tree.now())

    def _password_expiry(self, entry: Entry) -> str | None:
        """Return when the password expires, 2^63-1 for never: MS-ADTS 3.1.1.4.5.36."""
        if "useraccountcontrol" not in entry.attributes:
            return None
        return str(self._expiry(entry, entry.number("useraccountcontrol")))

    def _expiry(self, entry: Entry, control: int) -> int:
        if control & (_TRUST_ACCOUNTS | _PASSWORD_STAYS):
            return _NEVER
        changed = entry.number("pwdlastset")
        if not changed:
            return 0
        max_age = policy_of(self._tree, entry).max_age
        return _NEVER if max_age in _ENDLESS else changed - max_age


def _canonical_name(entry: Entry) -> str:
    parts = [parse_part(part) for part in split(entry.dn)]
    domain = ".".join(value for kind, value in parts if kind.upper() == "DC")
    path = [value.replace("/", "\\/") for kind, value in parts if kind.upper() != "DC"]
    return "/".join([domain, *reversed(path)]) + ("" if path else "/")


def _primary_group_token(entry: Entry) -> str | None:
    if "grouptype" not in entry.attributes:
        return None
    return str(int.from_bytes(entry.values("objectsid")[0][-4:], "little"))


def _parse(spelled: str) -> Wanted:
    name, _, option = spelled.lower().partition(";")
    found = _RANGE.fullmatch(option)
    if not found:
        return Wanted(name=name)
    last = None if found[2] == "*" else int(found[2])
    return Wanted(name=name, first=int(found[1]), last=last, ranged=True)
