"""A small estate with one policy, and tests for it as people would write them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from muster.testing.load import LoadedTests, load_tests
from muster.testing.run import TestResult, Trees, run_tests

POLICY = """\
apiVersion: muster.dev/v1alpha1
kind: AutomaticImportPolicy
metadata: {name: staff}
spec:
  accountType: EndUser
  mode: Enforce
  customers: {selector: {matchLabels: {tier: gold}}}
  select:
    activeDirectory:
      groups:
        - Muster Staff
        - Muster Board
      excludePrivileged: true
  exclude:
    accounts:
      - svc-scan
  options:
    vault:
      createWhenMissing: true
    psa:
      nameFallback: UnlessEmailDiffers
  limits:
    create: {percent: 0, floor: 2}
  onLeave: {action: Retain}
"""
HEAD = "apiVersion: test.muster.dev/v1alpha1\nkind: PolicyTest\n"
GOLD = "exampleCustomer: {labels: {tier: gold}}\n"


class Tree:
    """A directory with the policy, in which tests are written and run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "staff.yaml").write_text(POLICY, encoding="utf-8")

    def write(self, *texts: str) -> Path:
        """Write tests into one file; the head and a name are added."""
        file = self.folder / "staff.muster-test"
        documents = (f"{HEAD}name: test {index}\n{text}" for index, text in enumerate(texts))
        file.write_text("---\n".join(documents), encoding="utf-8")
        return file

    def load(self, *texts: str) -> LoadedTests:
        """Load tests."""
        return load_tests([self.write(*texts)])

    def run(self, *texts: str) -> tuple[Sequence[TestResult], Trees]:
        """Run tests that can be loaded."""
        loaded = self.load(*texts)
        assert [str(one) for one in loaded.problems] == []
        trees = Trees()
        return run_tests(loaded.tests, trees), trees

    def differences(self, text: str) -> list[tuple[str, str, str, str]]:
        """Return account, field, expected and actual of what differs in one test."""
        ((result,), _) = self.run(text)
        assert result.error == ""
        return [(d.account, d.field, d.expected, d.actual) for d in result.differences]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A directory with the policy."""
    return Tree(tmp_path)
