"""Reads the groups that policies name, with their direct members.

A group whose members the application may not see would look empty, so that is an error.

Source: https://learn.microsoft.com/graph/api/group-list-members
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from muster.adapters.entra.graph import (
    ADVANCED,
    PAGE_SIZE,
    Ask,
    Graph,
    Record,
    literal,
    record_in,
    records_in,
)
from muster.adapters.entra.users import id_of
from muster.adapters.json_values import text_or_none
from muster.errors import AccessDenied, Unavailable
from muster.model.entra import EntraGroup
from muster.model.names import AccountId

NEEDS = "GroupMember.Read.All"
HIDDEN_NEEDS = "Member.Read.Hidden"

_FIELDS = ("$select", "id,displayName,securityEnabled,mailEnabled,visibility")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def read_groups(
    graph: Graph, wanted: Sequence[str], *, nested: bool, permissions: frozenset[str] | None
) -> tuple[EntraGroup, ...]:
    """Return the groups of these ids and names, in the order of ids, each once.

    An id or name that nothing has is answered by no group. With `nested` the groups within
    are among them, all the way down.
    """
    records = _named(graph, wanted)
    users: dict[str, tuple[str, ...]] = {}
    groups: dict[str, tuple[str, ...]] = {}
    fresh = sorted(records)
    while fresh:
        _require_visible([records[one] for one in fresh], permissions)
        users |= _ids(members(graph, fresh, "user"))
        inner = members(graph, fresh, "group") if nested else {}
        groups |= _ids(inner)
        found = {id_of(record): record for rows in inner.values() for record in rows}
        fresh = sorted(found.keys() - records.keys())
        records |= {one: found[one] for one in fresh}
    return tuple(
        EntraGroup(
            id=AccountId(one),
            name=text_or_none(record.get("displayName")) or "",
            security=record.get("securityEnabled") is True,
            users=tuple(map(AccountId, users[one])),
            groups=tuple(map(AccountId, groups.get(one, ()))),
        )
        for one, record in sorted(records.items())
    )


def members(
    graph: Graph, groups: Sequence[str], kind: str, *, transitive: bool = False
) -> Mapping[str, tuple[Record, ...]]:
    """Return the members of one kind of each group, whole.

    Raises:
        Unavailable: a group was deleted while it was read.
    """
    fields = _FIELDS if kind == "group" else ("$select", "id")
    relation = "transitiveMembers" if transitive else "members"
    asks = [
        Ask(
            path=f"/groups/{group}/{relation}/microsoft.graph.{kind}",
            parameters=(fields, ("$count", "true"), ("$top", str(PAGE_SIZE))),
            headers=ADVANCED,
            needs=NEEDS,
        )
        for group in groups
    ]
    found = zip(groups, graph.read_many(asks), strict=True)
    return {group: _whole(graph, group, first) for group, first in found}


def _whole(graph: Graph, group: str, first: Any) -> tuple[Record, ...]:
    if first is None:
        raise Unavailable(
            f"Microsoft Graph: group {group} vanished while its members were read; nothing is"
            " concluded from it. Try again."
        )
    pages = graph.pages(first, ADVANCED)
    return tuple({id_of(row): row for page in pages for row in records_in(page)}.values())


def _named(graph: Graph, wanted: Sequence[str]) -> dict[str, Record]:
    """Return the groups that ids and names lead to; a name may lead to several."""
    bodies = graph.read_many([_ask(one) for one in wanted])
    records: dict[str, Record] = {}
    for one, body in zip(wanted, bodies, strict=True):
        if body is None:
            continue
        rows: Iterable[Record] = (body,)
        if not _GUID.fullmatch(one):
            rows = (row for page in graph.pages(body) for row in records_in(page))
        records |= {id_of(row): row for row in map(record_in, rows)}
    return records


def _ask(wanted: str) -> Ask:
    if _GUID.fullmatch(wanted):
        return Ask(path=f"/groups/{wanted}", parameters=(_FIELDS,), needs=NEEDS)
    by_name = ("$filter", f"displayName eq {literal(wanted)}")
    return Ask(path="/groups", parameters=(by_name, _FIELDS), needs=NEEDS)


def _require_visible(records: Sequence[Record], permissions: frozenset[str] | None) -> None:
    """Raise when Graph would show a group as empty because its members are hidden.

    Source: https://learn.microsoft.com/graph/api/group-list-members, hidden memberships.
    """
    hidden = [one for one in records if one.get("visibility") == "HiddenMembership"]
    if hidden and HIDDEN_NEEDS not in (permissions or ()):
        raise AccessDenied(
            f'Microsoft Graph hides the members of group "{hidden[0].get("displayName")}"; name'
            f" another group in the policy, or grant the application {HIDDEN_NEEDS}."
        )


def _ids(members_of: Mapping[str, Sequence[Record]]) -> dict[str, tuple[str, ...]]:
    return {group: tuple(sorted(map(id_of, rows))) for group, rows in members_of.items()}
