"""The digest of a plan: equal changes give equal digests, whenever and wherever they are made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from muster.model.names import CustomerName, Source
from muster.model.plans import Change, CustomerPlan


def digest_changes(customer: CustomerName, changes: Iterable[Change]) -> str:
    """Return `sha256:…` over what would be done for one customer, drafts included."""
    return _digest([customer, [_payload(change) for change in changes]])


Shrunken = tuple[Source, int, int]
"""A source that shrank, how many records it showed, and how many it shows now."""


def digest_shrunken(plan: CustomerPlan, shrunken: Iterable[Shrunken]) -> str:
    """Return `sha256:…` over a plan and the sources whose loss it would accept."""
    return _digest([plan.digest, sorted(shrunken)])


def digest_plans(plans: Iterable[CustomerPlan]) -> str:
    """Return `sha256:…` over the plans of a whole run, in the order of customers."""
    return _digest(sorted(f"{plan.customer} {plan.digest}" for plan in plans))


def _payload(change: Change) -> list[Any]:
    draft = asdict(change.draft) if change.draft else None
    return [
        change.system,
        change.action,
        change.account,
        change.target,
        change.reason,
        change.because,
        draft,
    ]


def _digest(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
