"""A customer's status: what people read is enough, and stays still when nothing changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.plan.world import (
    CUSTOMER,
    EVERYTHING,
    NOW,
    World,
    entry,
    link,
    person,
    record,
    settings,
)

from muster.model.accounts import Known
from muster.model.limits import Limit, Limits
from muster.model.names import Source
from muster.model.plans import ChangeResult, Outcome
from muster.model.reasons import Reason
from muster.report.account_resource import render_account
from muster.report.status import MOST_FINDINGS, report

JOHN = person("John", "Smith")
WORLD = World(users=(JOHN,), policies=(settings(options=EVERYTHING),))
REFUSED = replace(
    WORLD,
    policies=(settings(options=EVERYTHING, limits=Limits(create=Limit(percent=0, floor=0))),),
)


def status(world: World, outcome: Outcome | None = None, old: dict[str, Any] | None = None) -> Any:
    """Return the status after a run in which all went well, or as the outcome says."""
    known = Known(records=world.records, status=old or {})
    return report(world.verdict(), outcome or Outcome(), world.desired, known, world.now)


def conditions(found: Any) -> dict[str, tuple[str, str]]:
    """Return value and reason by type."""
    return {one["type"]: (one["status"], one["reason"]) for one in found["conditions"]}


GOOD = ("True", "InAgreement")


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        (WORLD, {"Ready": GOOD, "Synced": GOOD}),
        (
            replace(WORLD, entries=(entry(1, "jsmith"), entry(2, "CORP\\jsmith"))),
            {"Ready": GOOD, "Synced": GOOD, "AmbiguousMatches": ("True", "CandidatesWait")},
        ),
        (
            replace(WORLD, entries=(entry(1, "old"),), records=(record(JOHN, vault=link(1)),)),
            {"Ready": GOOD, "Synced": GOOD, "DriftDetected": ("True", "RecordsDiffer")},
        ),
        (
            replace(WORLD, customer=replace(CUSTOMER, suspend=True)),
            {"Ready": GOOD, "Synced": GOOD, "Suspended": ("True", "Suspended")},
        ),
        (
            replace(WORLD, policies=(settings(suspend=True),)),
            {"Ready": GOOD, "Synced": GOOD, "Suspended": ("True", "Suspended")},
        ),
        (
            replace(WORLD, unread=(Source.VAULT,)),
            {
                "Ready": ("False", "SourceIncomplete"),
                "Synced": ("False", "SourceIncomplete"),
            },
        ),
        (
            REFUSED,
            {
                "Ready": ("False", "PlanRefused"),
                "Synced": ("False", "PlanRefused"),
                "Refused": ("True", "PlanRefused"),
            },
        ),
        (
            replace(WORLD, policies=()),
            {"Ready": ("True", "NothingImported"), "Synced": ("True", "NothingImported")},
        ),
    ],
    ids=["good", "ambiguous", "drift", "suspended", "policy", "unread", "refused", "no policy"],
)
def test_conditions(world: World, expected: dict[str, tuple[str, str]]) -> None:
    """One row per state of a customer."""
    assert conditions(status(world)) == expected


def test_a_failed_change_is_named() -> None:
    """What failed stands in the status with the system's own words."""
    change = WORLD.plan().changes[-1]
    failed = Outcome(results=(ChangeResult(change=change, done=False, problem="Too long."),))
    found = status(WORLD, failed)
    assert conditions(found)["Ready"] == ("False", "ChangesFailed")
    assert found["failures"] == [
        {
            "account": change.user,
            "system": change.system,
            "action": change.action,
            "problem": "Too long.",
        }
    ]


def test_a_refusal_says_how_to_approve_the_plan() -> None:
    """The digest is in the status, and only of a plan that needs a person."""
    found = status(REFUSED)
    assert found["plan"] == REFUSED.plan().digest
    assert found["plan"] in found["refusals"][0]["message"]
    assert "plan" not in status(WORLD)


def test_a_run_that_changes_nothing_leaves_the_status_alone() -> None:
    """The old status is returned itself until a tenth of the interval has passed."""
    first = status(WORLD)
    assert (first["lastSync"], first["nextSync"]) == (
        "2026-03-01T09:00:00Z",
        "2026-03-01T12:00:00Z",
    )
    assert status(replace(WORLD, now=NOW + timedelta(minutes=17)), old=first) is first
    later = status(replace(WORLD, now=NOW + timedelta(minutes=18)), old=first)
    assert later["lastSync"] == "2026-03-01T09:18:00Z"
    assert later["conditions"] == first["conditions"]


def test_a_change_is_reported_at_once() -> None:
    """Whatever else changed moves the status, and a condition's time only with its value."""
    first = status(WORLD)
    drifted = replace(WORLD, unread=(Source.PSA,), now=NOW + timedelta(minutes=1))
    second = status(drifted, old=first)
    assert second["lastSync"] == "2026-03-01T09:01:00Z"
    ready = second["conditions"][0]
    assert (ready["status"], ready["lastTransitionTime"]) == ("False", "2026-03-01T09:01:00Z")
    third = status(replace(drifted, now=NOW + timedelta(minutes=2)), old=second)
    assert third is second


def test_findings_are_bounded() -> None:
    """Fifty findings are shown, and it is said that there are more."""
    crowd = tuple(person("John", f"Smith{number}", mail=None) for number in range(60))
    found = status(replace(WORLD, users=crowd))
    assert (len(found["findings"]), found["truncated"]) == (MOST_FINDINGS, True)
    assert status(WORLD)["truncated"] is False


def test_an_account_resource_says_how_it_stands() -> None:
    """An account shows identity, decision, links with candidates, and what waits for a person."""
    world = replace(WORLD, entries=(entry(1, "jsmith"), entry(2, "CORP\\jsmith")))
    shown = render_account(world.record_of(JOHN))
    assert shown["spec"]["identity"]["objectId"] == JOHN.id
    assert shown["status"]["decision"]["reason"] == Reason.IN_ORGANIZATIONAL_UNIT
    assert [one["id"] for one in shown["status"]["vault"]["candidates"]] == ["1", "2"]
    assert [one["type"] for one in shown["status"]["conditions"]] == ["Ready", "AmbiguousMatches"]
