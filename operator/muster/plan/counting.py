"""Counts that add up: every selected account stands in exactly one column per system."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from muster.model.names import AccountId, LinkState
from muster.model.plans import LinkCounts
from muster.plan.linking import Linking

COLUMN = {
    LinkState.LINKED: "linked",
    LinkState.LINKED_BY_OVERRIDE: "linked",
    LinkState.CREATED: "created",
    LinkState.AMBIGUOUS: "ambiguous",
    LinkState.CONFLICT: "ambiguous",
    LinkState.UNCATEGORIZED_CANDIDATE: "ambiguous",
    LinkState.UNMATCHED: "unmatched",
    LinkState.UNUSABLE: "unmatched",
    LinkState.MATCH_LOST: "unmatched",
    LinkState.HELD: "skipped",
    LinkState.SKIPPED: "skipped",
    LinkState.UNKNOWN: "failed",
}
"""In which column each state is counted."""


def count_links(linking: Linking, selected: Iterable[AccountId]) -> LinkCounts:
    """Count the selected accounts by how they stand to one system."""
    counted = Counter(COLUMN[linking.links[account].state] for account in selected)
    return LinkCounts(**counted)
