"""What every test may use, and which tests take so long that only the whole run has them."""

from __future__ import annotations

import pytest

THOROUGH = (
    "tests/cli/test_daemon.py",
    "tests/cli/test_output.py::test_a_terminal_without_unicode_ends_no_run",
    "tests/cli/test_plan_base.py",
    "tests/deploy/test_chart.py",
    "tests/deploy/test_kustomize.py",
    "tests/docs/test_commands.py",
    "tests/engine/test_crash.py",
    "tests/engine/test_mix_faults.py",
    "tests/kube/test_lease_processes.py",
    "tests/kube/test_leases.py",
    "tests/leaks/test_demo.py",
    "tests/leaks/test_exceptions.py::test_a_bug_anywhere_shows_no_secret[plan",
    "tests/leaks/test_exceptions.py::test_a_bug_anywhere_shows_no_secret[rotate",
    "tests/leaks/test_holders.py::test_no_object_of_ours_shows_a_secret[ad-native",
    "tests/leaks/test_holders.py::test_no_object_of_ours_shows_a_secret[hybrid",
    "tests/leaks/test_journeys.py::test_a_journey_leaves_no_secret[ad-native",
    "tests/leaks/test_journeys.py::test_a_journey_leaves_no_secret[entra",
    "tests/leaks/test_journeys.py::test_a_journey_leaves_no_secret[hybrid",
    "tests/leaks/test_spans.py",
    "tests/passwords/test_carry_out.py::test_a_process_killed",
    "tests/passwords/test_protocol_model.py",
    "tests/policy_tests/test_recording.py",
    "tests/properties/",
    "tests/registry/test_crash.py",
    "tests/rotations/test_lab.py",
    "tests/validation/test_ready_made.py",
)
"""The beginnings of their ids. `make test` leaves them out, `make coverage` and CI do not."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what takes long."""
    for item in items:
        if item.nodeid.startswith(THOROUGH):
            item.add_marker(pytest.mark.thorough)
