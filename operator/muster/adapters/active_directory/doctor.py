"""Try what a read needs, one server at a time, and say what is missing.

Decides the lines of `muster doctor` for a directory; raises nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice

from muster.adapters.active_directory import decode, sweep
from muster.errors import RemoteError
from muster.ports import Check
from muster.transport.ldap import PAGE_SIZE, Entry, LdapSession, close_connection
from muster.transport.ldap_connect import Endpoint, LdapLogin, connect, open_session

MAX_SKEW = timedelta(minutes=5)
"""Kerberos refuses a larger difference by default (learn.microsoft.com, `Maximum tolerance
for computer clock synchronization`); Muster only reports it."""


def check_server(
    login: LdapLogin, server: Endpoint, clock: Callable[[], datetime]
) -> Iterator[Check]:
    """Yield the checks of one server, up to the first that makes the others pointless."""
    try:
        close_connection(connect(login, server))
    except RemoteError as exc:
        yield _bad(server, "connection and certificate", exc)
        return
    yield _good(server, "connection and certificate", f"trusted by {login.ca_name}")
    try:
        session = open_session(login, server)
    except RemoteError as exc:
        yield _bad(server, "sign-in", exc)
        return
    with session:
        yield _good(server, "sign-in", login.user_name)
        yield from _check_rights(session, server, clock)


def _check_rights(
    session: LdapSession, server: Endpoint, clock: Callable[[], datetime]
) -> Iterator[Check]:
    try:
        root = sweep.read_root(session)
        domain_dn = sweep.root_text(root, "defaultNamingContext", session)
        yield _good(server, "domain", domain_dn)
        yield _clock_check(server, root, clock())
        users = session.search(domain_dn, sweep.USERS, decode.USER_ATTRIBUTES)
        # Decoding raises where a user's state may not be read.
        yield _readable(server, "users", map(decode.user, users))
        groups = session.search(domain_dn, sweep.GROUPS, ("objectGUID",))
        yield _readable(server, "groups", groups)
        names = sweep.partitions(session, root, domain_dn)
        yield _readable(server, "configuration partition", names)
    except RemoteError as exc:
        yield _bad(server, "rights", exc)


def _readable(server: Endpoint, what: str, found: Iterable[object]) -> Check:
    count = sum(1 for _ in islice(found, PAGE_SIZE))
    if count:
        more = " or more" if count == PAGE_SIZE else ""
        return _good(server, what, f"{count}{more} can be read")
    advice = "Grant the account read access to the domain and its configuration partition."
    return Check(name=f"{server.url}: {what}", ok=False, detail="none can be read", advice=advice)


def _clock_check(server: Endpoint, root: Entry, now: datetime) -> Check:
    name = f"{server.url}: clock"
    raw = decode.text(root, "currentTime")
    if raw is None:
        return Check(name=name, ok=True, detail="the server does not tell its time")
    skew = abs(now - decode.generalized_time(raw))
    detail = f"differs from this machine's by {skew.total_seconds():.0f} s"
    if skew <= MAX_SKEW:
        return Check(name=name, ok=True, detail=detail)
    advice = "Set both clocks by NTP: expiry dates and leases are judged by this machine's."
    return Check(name=name, ok=False, detail=detail, advice=advice)


def _good(server: Endpoint, what: str, detail: str) -> Check:
    return Check(name=f"{server.url}: {what}", ok=True, detail=detail)


def _bad(server: Endpoint, what: str, error: RemoteError) -> Check:
    return Check(name=f"{server.url}: {what}", ok=False, detail=str(error))
