"""Searches: where they begin, what they find, and in how many pages they answer.

Entries come in the order of the tree. A page goes on behind the last entry of the one before
it, wherever entries have moved since: what moves forwards is seen twice, what moves backwards
not at all, as in any walk over a live index.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

from muster.lab.directory import ber
from muster.lab.directory.dn import InvalidName, key, split
from muster.lab.directory.domain import LabDomain
from muster.lab.directory.entry import Entry
from muster.lab.directory.faults import LdapFaults, PageFault
from muster.lab.directory.filters import Filters
from muster.lab.directory.identifiers import guid_bytes, sid_bytes
from muster.lab.directory.limits import LdapLimits
from muster.lab.directory.protocol import (
    Code,
    Control,
    LdapFailure,
    Scope,
    SearchRequest,
    entry_message,
    reference_message,
)
from muster.lab.directory.rootdse import (
    DOMAIN_SCOPE,
    PAGED_RESULTS,
    RANGE_NO_ERROR,
    SUPPORTED_CONTROLS,
)
from muster.lab.directory.selection import Selection

_SPECIAL_BASE = re.compile(r"<(GUID|SID|WKGUID)=([^,>]+)(?:,([^>]*))?>", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """All that goes back for one search, but for the result itself."""

    parts: Sequence[bytes]
    failure: LdapFailure | None = None
    controls: Sequence[tuple[str, bytes]] = ()
    cut: bool = False
    """Whether the connection breaks inside the last part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bookmark:
    request: SearchRequest
    page: int
    behind: tuple[int, ...]


class Searches:
    """The searches of one connection; cookies of other connections mean nothing to it."""

    def __init__(self, domain: LabDomain, limits: LdapLimits, faults: LdapFaults) -> None:
        self._domain = domain
        self._tree = domain.tree
        self._limits = limits
        self._faults = faults
        self._filters = Filters(domain.tree)
        self._bookmarks: dict[bytes, _Bookmark] = {}
        self._cookies = count(1)

    def answer(self, number: int, request: SearchRequest, controls: Sequence[Control]) -> Answer:
        """Search once, or for one page; raises LdapFailure when nothing is to be sent."""
        refuse_unknown(controls)
        given = {control.oid: control.value for control in controls}
        request = replace(request, past_end_allowed=RANGE_NO_ERROR in given)
        with self._tree.lock:
            if PAGED_RESULTS in given:
                answer = self._page(number, request, *_parse_paging(given[PAGED_RESULTS]))
            else:
                answer = self._whole(number, request)
        if DOMAIN_SCOPE in given or answer.failure or answer.cut or _goes_on(answer):
            return answer
        references = self._references(number, request)
        return Answer(parts=[*answer.parts, *references], controls=answer.controls)

    def _whole(self, number: int, request: SearchRequest) -> Answer:
        limit = min(request.size_limit or self._limits.max_page_size, self._limits.max_page_size)
        found, more = _take(self._matches(request, ()), limit)
        return Answer(
            parts=self._encode(number, request, found), failure=_size_limit() if more else None
        )

    def _page(self, number: int, request: SearchRequest, size: int, cookie: bytes) -> Answer:
        mark = self._bookmark(request, cookie)
        if size == 0 and cookie:  # the client gives up: RFC 2696, section 3
            return Answer(parts=(), controls=_paging(b""))
        fault = self._faults.next_page(mark.page)
        if fault.failure:
            raise fault.failure
        cap = self._limits.max_page_size
        limit = min(size or cap, request.size_limit or cap, cap)
        found, more = _take(self._matches(request, mark.behind), 0 if fault.empty else limit)
        if more and request.size_limit and limit == request.size_limit:
            parts = self._encode(number, request, found)
            return Answer(parts=parts, failure=_size_limit(), controls=_paging(b""))
        next_cookie = b""
        if more:
            next_cookie = b"page-%d" % next(self._cookies)
            behind = found[-1].ancestry if found else mark.behind
            self._bookmarks[next_cookie] = _Bookmark(
                request=request, page=mark.page + 1, behind=behind
            )
        return self._finish_page(number, request, found, fault, next_cookie)

    def _finish_page(
        self,
        number: int,
        request: SearchRequest,
        found: list[Entry],
        fault: PageFault,
        cookie: bytes,
    ) -> Answer:
        if fault.cut_after_entries is not None:
            cut = self._encode(number, request, found[: fault.cut_after_entries + 1])
            return Answer(parts=cut, cut=True)
        return Answer(parts=self._encode(number, request, found), controls=_paging(cookie))

    def _bookmark(self, request: SearchRequest, cookie: bytes) -> _Bookmark:
        if not cookie:
            return _Bookmark(request=request, page=1, behind=())
        mark = self._bookmarks.pop(cookie, None)
        if mark is None or mark.request != request:
            raise LdapFailure(
                Code.UNWILLING_TO_PERFORM,
                "00002040: SvcErr: DSID-031401E7, problem 5010 (UNAVAIL_EXTENSION), data 0\n",
            )
        return mark

    def _matches(self, request: SearchRequest, behind: tuple[int, ...]) -> Iterator[Entry]:
        base = self._base(request.base)
        matches = self._filters.compile(request.filter)
        narrowed = self._filters.candidates(request.filter)
        for entry in self._reach(base, request.scope, narrowed):
            if entry.ancestry > behind and matches(entry):
                yield entry

    def _reach(
        self, base: Entry, scope: Scope, narrowed: Sequence[Entry] | None
    ) -> Sequence[Entry]:
        if scope is Scope.BASE:
            return (base,)
        depth = len(base.ancestry)
        if narrowed is None:
            inside = self._tree.below(base)
        else:
            inside = sorted(
                (entry for entry in narrowed if entry.ancestry[:depth] == base.ancestry),
                key=lambda entry: entry.ancestry,
            )
        if scope is Scope.ONE_LEVEL:
            return [entry for entry in inside if entry.parent is base]
        return inside

    def _base(self, text: str) -> Entry:
        try:
            found = self._special(text) or self._tree.get(text)
        except (InvalidName, ValueError) as exc:
            message = "0000208F: NameErr: DSID-031001FD, problem 2006 (BAD_NAME), data 8350\n"
            raise LdapFailure(Code.INVALID_DN_SYNTAX, message) from exc
        if found is None:
            raise self._no_base(text)
        return found

    def _special(self, text: str) -> Entry | None:
        """Find the entry behind `<GUID=>`, `<SID=>` or `<WKGUID=>` (MS-ADTS 3.1.1.3.1.2.4)."""
        parts = _SPECIAL_BASE.fullmatch(text)
        if parts is None:
            return None
        kind, value, dn = parts[1].upper(), parts[2], parts[3] or ""
        if kind == "GUID":
            raw = guid_bytes(value) if "-" in value else bytes.fromhex(value)
            return next(iter(self._tree.lookup("objectguid", raw)), None)
        if kind == "SID":
            raw = sid_bytes(value) if value[:2].upper() == "S-" else bytes.fromhex(value)
            return next(iter(self._tree.lookup("objectsid", raw)), None)
        return self._well_known(value.upper(), dn)

    def _well_known(self, guid: str, dn: str) -> Entry | None:
        head = self._tree.get(dn)
        if head is None:
            return None
        for pointer in head.values("wellknownobjects") + head.values("otherwellknownobjects"):
            _, _, wanted, place = pointer.decode().split(":", 3)
            if wanted.upper() == guid:
                return self._tree.get(place)
        return None

    def _no_base(self, text: str) -> LdapFailure:
        """Return what Windows says: a name of another domain is referred there."""
        matched = "" if text.startswith("<") else self._best_match(text)
        labels = [part[3:] for part in split(text) if part[:3].upper() == "DC="]
        elsewhere = ".".join(labels)
        if matched or not labels or not self._limits.refer_elsewhere:
            best = matched or self._domain.dn
            problem = "problem 2001 (NO_OBJECT), data 0, best match of:"
            message = f"0000208D: NameErr: DSID-0310028B, {problem}\n\t'{best}'\n"
            return LdapFailure(Code.NO_SUCH_OBJECT, message, matched_dn=matched)
        message = (
            f"0000202B: RefErr: DSID-0310084A, data 0, 1 access points\n\tref 1: '{elsewhere}'\n"
        )
        return LdapFailure(Code.REFERRAL, message, referral=f"ldap://{elsewhere}/{text}")

    def _best_match(self, text: str) -> str:
        wanted, head = key(text), key(self._domain.dn)
        if wanted[-len(head) :] != head:
            return ""
        parts = split(text)
        for start in range(1, len(parts)):
            found = self._tree.get(",".join(parts[start:]))
            if found:
                return found.dn
        return ""

    def _encode(self, number: int, request: SearchRequest, found: list[Entry]) -> list[bytes]:
        chosen = Selection(
            self._tree,
            request.attributes,
            types_only=request.types_only,
            max_value_range=self._limits.max_value_range,
            past_end_allowed=request.past_end_allowed,
        )
        return [entry_message(number, entry.dn, chosen.encode(entry)) for entry in found]

    def _references(self, number: int, request: SearchRequest) -> list[bytes]:
        """Return references to the partitions below the domain (MS-ADTS 3.1.1.4.7)."""
        head = self._tree.head
        if not self._limits.search_references or request.scope is not Scope.SUBTREE:
            return []
        if self._base(request.base) is not head:
            return []
        dns_name, dn = self._domain.dns_name, head.dn
        urls = [f"ldap://{zone}.{dns_name}/DC={zone},{dn}" for zone in _ZONES]
        urls.append(f"ldap://{dns_name}/CN=Configuration,{dn}")
        return [reference_message(number, url) for url in urls]


_ZONES = ("ForestDnsZones", "DomainDnsZones")


def refuse_unknown(controls: Sequence[Control]) -> None:
    """Raise LdapFailure for a critical control that the lab does not have (result 12)."""
    for control in controls:
        if control.critical and control.oid not in SUPPORTED_CONTROLS:
            raise LdapFailure(
                Code.UNAVAILABLE_CRITICAL_EXTENSION,
                "00000057: LdapErr: DSID-0C090A0E, comment: Error processing control, data 0\0",
            )


def _parse_paging(value: bytes) -> tuple[int, bytes]:
    size, cookie = ber.read_element(value)[0].children()
    return size.number(), cookie.content


def _paging(cookie: bytes) -> Sequence[tuple[str, bytes]]:
    # The estimate of the total is 0: the server does not know it (RFC 2696, section 2).
    value = ber.tlv(ber.SEQUENCE, ber.integer(0) + ber.octets(cookie))
    return ((PAGED_RESULTS, value),)


def _goes_on(answer: Answer) -> bool:
    return bool(answer.controls) and answer.controls != _paging(b"")


def _take(entries: Iterator[Entry], limit: int) -> tuple[list[Entry], bool]:
    """Return up to `limit` entries, and whether there are more."""
    found: list[Entry] = []
    for entry in entries:
        if len(found) == limit:
            return found, True
        found.append(entry)
    return found, False


def _size_limit() -> LdapFailure:
    return LdapFailure(Code.SIZE_LIMIT_EXCEEDED, "")
