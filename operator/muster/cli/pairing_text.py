"""Says what `muster customers match` found and wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from muster.cli.output import complain, out, print_table, say

if TYPE_CHECKING:
    from muster.plan.tenants import CustomerPairing, TenantCandidate, UnpairedTenant
    from muster.resources.editing import Edited

_MOST_UNPAIRED = 50


def print_pairings(pairings: Iterable[CustomerPairing], unpaired: Sequence[UnpairedTenant]) -> None:
    """Print who was found for whom, and what stays without a customer."""
    print_table(("CUSTOMER", "SYSTEM", "STATE", "ID", "NAME", "IN", "WHY"), _pairing_rows(pairings))
    if not unpaired:
        return
    out().print()
    print_table(
        ("WITHOUT CUSTOMER", "ID", "NAME", "WHY"),
        (
            (one.integration, one.organization.id, one.organization.name, one.reason)
            for one in unpaired[:_MOST_UNPAIRED]
        ),
    )
    if len(unpaired) > _MOST_UNPAIRED:
        out().print(f"… and {len(unpaired) - _MOST_UNPAIRED} more: -o json shows all.")


def _pairing_rows(pairings: Iterable[CustomerPairing]) -> Iterator[tuple[object, ...]]:
    for pairing in pairings:
        head: tuple[object, ...] = (pairing.customer, pairing.system, pairing.pairing)
        if not pairing.candidates:
            yield (*head, None, None, None, pairing.reason)
        for one in pairing.candidates:
            yield (*head, one.organization.id, one.organization.name, one.integration, _why(one))
            head = (" ", " ", " ")


def _why(candidate: TenantCandidate) -> str:
    alike = f" {candidate.score} %" if candidate.score < 100 else ""
    told = f", {candidate.obstacle}" if candidate.obstacle else ""
    return f"{candidate.evidence}{alike}{told}"


def pairings_data(
    pairings: Iterable[CustomerPairing],
    unpaired: Iterable[UnpairedTenant],
    edited: Iterable[Edited],
) -> dict[str, Any]:
    """Return the same as data, and what became of each link."""
    return {
        "customers": [
            {
                "customer": one.customer,
                "system": one.system,
                "state": one.pairing,
                "reason": one.reason,
                "candidates": [_candidate(candidate) for candidate in one.candidates],
            }
            for one in pairings
        ],
        "unpaired": [
            {
                "integration": one.integration,
                "id": one.organization.id,
                "name": one.organization.name,
                "reason": one.reason,
            }
            for one in unpaired
        ],
        "links": [
            {
                "customer": one.edit.customer,
                "place": one.place,
                "line": one.edit.field.line,
                "written": not one.problem,
                "problem": one.problem,
            }
            for one in edited
        ],
    }


def _candidate(candidate: TenantCandidate) -> dict[str, Any]:
    return {
        "integration": candidate.integration,
        "id": candidate.organization.id,
        "name": candidate.organization.name,
        "evidence": candidate.evidence,
        "score": candidate.score,
        "obstacle": candidate.obstacle,
    }


def tell(
    pairings: Iterable[CustomerPairing],
    edited: Sequence[Edited],
    problems: Iterable[str],
    *,
    write: bool,
) -> None:
    """Say on standard error what was written, what a person must do, and what to do next."""
    for one in edited:
        if one.problem:
            complain(
                f"{one.place}: cannot be edited: {one.problem}. Add below spec yourself:\n"
                f"  {one.edit.field.line}"
            )
        else:
            say(f"{one.place}: {one.edit.field.line}")
    for problem in problems:
        complain(f"{problem} Nothing is known to be the only one of its name, so none is written.")
    count = Counter(one.pairing for one in pairings)
    states = ", ".join(f"{number} {state}" for state, number in sorted(count.items()))
    say(f"Without a link: {states or 'none'}.")
    if any(not one.problem for one in edited):
        say("Check with muster validate and git diff, and commit.")
    elif count and not write:
        say("Write the exact pairs with --write, and one of the others with --link CUSTOMER=ID.")
