"""From a reference in a plan back to the line that somebody wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from muster.resources import load_estate

TEXT = """\
apiVersion: muster.dev/v1alpha1
kind: AutomaticImportPolicy
metadata:
  name: staff
  labels: {muster.dev/ring: "1"}
spec:
  accountType: EndUser
  customers:
    names:
      - contoso
  select:
    activeDirectory:
      groups: [Staff, Board]
  options:
    vault:
      match: true
---
apiVersion: v1
kind: List
items:
  - apiVersion: muster.dev/v1alpha1
    kind: Customer
    metadata: {name: contoso}
    spec:
      displayName: Contoso
      imports:
        - accountType: Administrator
          select: {activeDirectory: {groups: [Admins]}}
"""


@pytest.mark.parametrize(
    ("reference", "line"),
    [
        ("AutomaticImportPolicy/staff", 1),
        ("AutomaticImportPolicy/staff#/spec", 6),
        ("AutomaticImportPolicy/staff#/spec/options/vault/match", 16),
        ("AutomaticImportPolicy/staff#/spec/options/vault/createWhenMissing", 15),
        ("AutomaticImportPolicy/staff#/spec/options/psa/match", 14),
        ("AutomaticImportPolicy/staff#/spec/limits/create/percent", 6),
        ("AutomaticImportPolicy/staff#/spec/customers/names/0", 10),
        ("AutomaticImportPolicy/staff#/spec/customers/names/7", 9),
        ("AutomaticImportPolicy/staff#/spec/select/activeDirectory/groups/1", 13),
        ("AutomaticImportPolicy/staff#/metadata/labels/muster.dev~1ring", 5),
        ("Customer/contoso#/spec/imports/0", 27),
        ("Customer/contoso#/spec/imports/0/options/vault/match", 27),
        ("Customer/contoso#/spec/vault/organizationId", 24),
    ],
)
def test_a_reference_leads_to_its_line(tmp_path: Path, reference: str, line: int) -> None:
    """A field is located where it stands, and a default at its nearest ancestor."""
    file = tmp_path / "estate.yaml"
    file.write_text(TEXT, encoding="utf-8")
    loaded = load_estate([file])
    assert loaded.problems == ()
    assert loaded.locate(reference) == f"{file}:{line}"


def test_a_reference_to_nothing_leads_nowhere(tmp_path: Path) -> None:
    """What was not loaded has no place."""
    file = tmp_path / "estate.yaml"
    file.write_text(TEXT, encoding="utf-8")
    assert load_estate([file]).locate("Customer/fabrikam#/spec") is None
