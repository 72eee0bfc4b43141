"""What follows an import in a policy test: rotation, welcome e-mails, self-serve."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.policy_tests.conftest import GOLD, POLICY, Tree

from muster.testing.mutate import mutate

MAIL = """\
---
apiVersion: muster.dev/v1alpha1
kind: Integration
metadata: {name: mail}
spec:
  smtp:
    host: smtp.example.test
    userName: muster@example.test
    passwordRef: {name: mail, key: password}
    from: muster@example.test
"""
WELCOME = (
    "  options:\n    welcomeEmail: {enabled: true, integrationRef: {name: mail}, maxPerRun: 1}\n"
)
ADMINS = """\
---
apiVersion: muster.dev/v1alpha1
kind: AutomaticImportPolicy
metadata: {name: admins}
spec:
  accountType: Administrator
  mode: Enforce
  customers: {selector: {matchLabels: {tier: gold}}}
  select: {activeDirectory: {groups: [Admins]}}
  options:
    rotation: {every: 30d, window: {start: "02:00", timeZone: UTC}, dependents: None}
"""
WORLD = (
    GOLD
    + """\
directory:
  users:
    - {name: ann, groups: [Muster Staff], mail: ann@example.test}
    - {name: bob, groups: [Muster Staff], mail: bob@example.test}
    - {name: cyd, groups: [Muster Staff]}
    - {name: adm, groups: [Admins]}
vault:
  entries: [{id: "1", username: adm}]
"""
)
EXPECT = """\
expect:
  exact: false
  accounts:
    ann: {welcomeEmail: Sent, changes: [Create vault, Import registry, Send mail]}
    bob: {welcomeEmail: Pending}
    cyd: {welcomeEmail: Skipped}
    adm: {welcomeEmail: NotWanted, rotation: RotationScheduled}
  totals: {mailed: 1, rotated: 0}
"""


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A directory with policies that mail and rotate."""
    tree = Tree(tmp_path)
    text = POLICY.replace("  options:\n", WELCOME).replace("floor: 2", "floor: 9")
    (tmp_path / "staff.yaml").write_text(text + MAIL + ADMINS, encoding="utf-8")
    return tree


@pytest.mark.parametrize("customer", [GOLD, "exampleCustomer: {policies: [staff, admins]}\n"])
def test_rotation_and_mail_are_expected(tree: Tree, customer: str) -> None:
    """A test says what becomes of the e-mail and of the password, and how many there are."""
    assert tree.differences(WORLD.replace(GOLD, customer) + EXPECT) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Pending", "Sent", ("bob", "welcomeEmail", "Sent", "Pending")),
        (
            "RotationScheduled",
            "RotationDue",
            ("adm", "rotation", "RotationDue", "RotationScheduled"),
        ),
        ("mailed: 1", "mailed: 2", ("", "totals.mailed", "2", "1")),
    ],
)
def test_what_differs_is_told(tree: Tree, old: str, new: str, said: tuple[str, ...]) -> None:
    """Each of them is compared."""
    assert said in tree.differences(WORLD + EXPECT.replace(old, new))


def test_a_word_that_is_no_reason_is_refused(tree: Tree) -> None:
    """A misspelt reason of a rotation is a mistake of the test."""
    loaded = tree.load(WORLD + EXPECT.replace("RotationScheduled", "RotationScheduledd"))
    assert ["RotationScheduled`?" in str(one) for one in loaded.problems] == [True]


def test_lines_about_them_are_exercised(tree: Tree) -> None:
    """Coverage and mutants know the lines of rotation and mail, but not who sends them."""
    results, trees = tree.run(WORLD + EXPECT)
    found = mutate(results, trees).judged
    exercised = {one.line.text for one in found if one.exercised_by}
    assert "options.rotation.every: 30d" in exercised
    assert "options.rotation.window.start: 02:00" in exercised
    assert "options.welcomeEmail.maxPerRun: 1" in exercised
    noticed = {one.line.text for one in found if one.noticed_by}
    assert {"options.welcomeEmail.enabled: true", "options.welcomeEmail.maxPerRun: 1"} <= noticed
    assert not [one for one in found if "integrationRef" in one.line.text]


@pytest.mark.parametrize(
    ("before", "expected", "finding"),
    [
        ("{last: 2026-02-20T02:10:00Z}", "RotationScheduled, changes: []", ""),
        ("{last: 2026-01-01T02:10:00Z}", "RotationScheduled, changes: [Rotate directory]", ""),
        ("{underway: true}", "PasswordUnderway, changes: []", ""),
        ("{last: 2026-02-20T02:10:00Z, stale: true}", "RotationScheduled", "PasswordStale"),
        (
            "{last: 2026-01-01T02:10:00Z, failures: 1, failedAt: 2026-03-01T02:20:00Z}",
            "RotationFailed, changes: []",
            "RotationFailed",
        ),
    ],
)
def test_how_it_stood_with_a_password_is_said(
    tree: Tree, before: str, expected: str, finding: str
) -> None:
    """A test says when a password was set last, that one is being set, and what went wrong."""
    world = WORLD.replace("username: adm", "username: adm, markedFor: adm")
    registry = (
        "registry:\n  accounts:\n  - {account: adm, type: Administrator, vault: {id: '1'}, "
        f"rotation: {before}}}\n"
    )
    expect = f"  accounts: {{adm: {{rotation: {expected}}}}}\n"
    expect = f"now: 2026-03-01T02:40:00Z\nexpect:\n  exact: false\n{expect}"
    expect += f"  findings: [{finding}]\n"
    assert tree.differences(world + registry + expect) == []
