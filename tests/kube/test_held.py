"""What status says of whoever is not reconciled."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kube.estates import customer, override, policy, store_of

from muster.kube.held import failed_status, held_status, resource_conditions
from muster.kube.resources import OVERRIDE, POLICY, Kind

THEN = "2026-01-01T00:00:00Z"
OLD: dict[str, Any] = {
    "accounts": 12,
    "lastSync": THEN,
    "conditions": [
        {"type": "Ready", "status": "False", "reason": "PlanRefused", "lastTransitionTime": THEN},
        {"type": "Refused", "status": "True", "reason": "PlanRefused", "lastTransitionTime": THEN},
    ],
}


def by_type(status: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return conditions by their type."""
    return {one["type"]: one for one in status["conditions"]}


def test_a_held_customer_is_stalled_and_keeps_its_numbers() -> None:
    """A contradiction needs a person: Ready is False and Stalled True, for the same reason."""
    status = held_status(OLD, "Two policies cover a.")
    conditions = by_type(status)
    assert conditions.keys() == {"Ready", "Stalled"}
    assert conditions["Ready"]["status"] == "False"
    assert conditions["Stalled"]["status"] == "True"
    assert {one["reason"] for one in conditions.values()} == {"ResourceConflict"}
    assert all("Two policies cover a." in one["message"] for one in conditions.values())
    assert status["accounts"] == 12
    assert status["lastSync"] == THEN


def test_a_failed_run_is_not_stalled() -> None:
    """A run that did not reach its end is tried again, so only Ready is False."""
    conditions = by_type(failed_status(OLD, "The API server does not answer."))
    assert conditions.keys() == {"Ready"}
    assert conditions["Ready"]["reason"] == "RunFailed"


@pytest.mark.parametrize("tell", [held_status, failed_status])
def test_a_time_moves_only_with_its_condition(tell: Any) -> None:
    """`Ready` was False before and keeps its time; what is new has one of its own."""
    conditions = by_type(tell(OLD, "why"))
    assert conditions["Ready"]["lastTransitionTime"] == THEN
    assert all(one["lastTransitionTime"] >= THEN for one in conditions.values())
    assert by_type(tell({}, "why"))["Ready"]["lastTransitionTime"] > THEN


@pytest.mark.parametrize("tell", [held_status, failed_status])
def test_telling_the_same_again_changes_nothing(tell: Any) -> None:
    """The status of a state that lasts is equal each time."""
    once = tell(OLD, "why")
    assert tell(once, "why") == once


@pytest.mark.parametrize(
    ("kind", "name", "ready", "words"),
    [
        pytest.param(POLICY, "good", "True", "in agreement", id="good"),
        pytest.param(POLICY, "one", "False", "two", id="one-side"),
        pytest.param(POLICY, "two", "False", "one", id="the-other-side"),
        pytest.param(OVERRIDE, "bad", "False", "Unknown field", id="unreadable"),
        pytest.param(OVERRIDE, "early", "False", "No customer is named", id="nobodys"),
    ],
)
def test_a_resource_says_what_is_wrong_with_it(
    kind: Kind, name: str, ready: str, words: str
) -> None:
    """Policies and overrides are Ready, or Stalled with the whole problem."""
    view = store_of(
        *(customer("a"), customer("b")),
        policy("good", {"names": ["b"]}),
        policy("one", {"names": ["a"]}),
        policy("two", {"names": ["a"]}),
        override("bad", "a", "anna", mode="Sometimes"),
        override("early", "c", "anna"),
    ).view()
    conditions = by_type({"conditions": resource_conditions(view, kind, name)})
    assert conditions["Ready"]["status"] == ready
    assert words in conditions["Ready"]["message"]
    assert ("Stalled" in conditions) == (ready == "False")
