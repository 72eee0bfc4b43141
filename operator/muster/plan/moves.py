"""A customer whose records are somewhere else now: how many links are found again there.

Changing the vault, the PSA or the tenant in YAML is a re-match of every account. Its size is
shown before anything follows, and the guard's limit on re-links counts each of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from muster.model.names import AccountId, System
from muster.model.plans import Finding
from muster.model.reasons import Reason
from muster.plan.context import Context, Kept, place_of
from muster.plan.counting import COLUMN
from muster.plan.linking import Linking, is_linked

_CALLED = {System.VAULT: "vault", System.PSA: "PSA", System.ENTRA: "tenant"}


def move_findings(
    kept: Mapping[AccountId, Kept], linking: Linking, context: Context
) -> Iterator[Finding]:
    """Yield, for each place that links come from, what becomes of them in the new one."""
    system = linking.system
    here = place_of(system, context.desired.customer)
    if not linking.usable or all(one.before is None for one in kept.values()):
        return
    moved: dict[str, Counter[str]] = {}
    for account, one in kept.items():
        prior = one.before.link(system) if one.before else None
        if prior and prior.place and prior.place != here and prior.id and not one.frozen:
            link = linking.links[account]
            found = "found" if is_linked(link) else COLUMN[link.state]
            if link.place != prior.place:
                moved.setdefault(prior.place, Counter())[found] += 1
    for place in sorted(moved):
        yield Finding(
            reason=Reason.PLACE_CHANGED,
            system=system,
            message=f"{_CALLED[system]} changes from {place} to {here}: {_summary(moved[place])}.",
        )


def _summary(counts: Counter[str]) -> str:
    said = f"{counts['found']} of {counts.total()} links found again"
    others = (
        ("ambiguous", "ambiguous"),
        ("created", "to be created"),
        ("unmatched", "unmatched"),
        ("skipped", "held"),
    )
    return ", ".join([said, *(f"{counts[one]} {word}" for one, word in others if counts[one])])
