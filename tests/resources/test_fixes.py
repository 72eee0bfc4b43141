"""`--fix` mends what has one right answer and changes no other character."""

from __future__ import annotations

from pathlib import Path

import pytest

from muster.resources import load_estate
from muster.resources.codes import Code
from muster.resources.fixes import fix_files

WRONG = """\
# A comment stays.
apiVersion: muster.dev/v1alpha1
kind: Customer
metadata: {name: contoso}   # and this one
spec:
  displayname:   Contoso
  passwordAuthority: separate
  vault: {integrationRef: {name: it-glue}, organizationId: 4711}
---
apiVersion: muster.dev/v1alpha1
kind: Integration
metadata: {name: it-glue}
spec: {itGlue: {region: us, apiKeyRef: {name: a, key: b}}}
"""
POLICY = """\
apiVersion: muster.dev/v1alpha1
kind: AutomaticImportPolicy
metadata: {name: staff}
spec:
  accountType: EndUser
  customers: {default: true}
  select: {activeDirectory: {groups: [Staff]}}
  interval: 1
"""
RIGHT = (
    WRONG.replace("displayname:", "displayName:")
    .replace("separate", "Separate")
    .replace(" 4711", ' "4711"')
    .replace("region: us", "region: US")
)


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte order mark"])
def test_only_what_is_wrong_changes(end: str, mark: str, tmp_path: Path) -> None:
    """Comments, order, spaces, line ends and byte order mark stay as they are."""
    file = tmp_path / "estate.yaml"
    file.write_bytes((mark + WRONG).replace("\n", end).encode())
    assert [one.line for one in fix_files([tmp_path])] == [6, 7, 8, 13]
    assert file.read_bytes() == (mark + RIGHT).replace("\n", end).encode()
    assert load_estate([tmp_path]).problems == ()


@pytest.mark.parametrize(
    "line",
    [
        "  displayNam: Contoso",
        "  displayName: [Contoso]",
        "  suspend: 'yes'",
        "  displayName: a\n  displayname: b",
        "  DisplayName: a\n  displayname: b",
    ],
    ids=["guess", "list", "quoted", "there already", "two of them"],
)
def test_a_guess_is_left_to_a_person(line: str, tmp_path: Path) -> None:
    """What has more than one answer is reported and not changed."""
    file = tmp_path / "customer.yaml"
    head = "apiVersion: muster.dev/v1alpha1\nkind: Customer\nmetadata: {name: contoso}\nspec:\n"
    file.write_text(f"{head}{line}\n", encoding="utf-8")
    assert list(fix_files([tmp_path])) == []
    assert file.read_text(encoding="utf-8") == f"{head}{line}\n"
    assert load_estate([tmp_path]).problems


def test_a_number_is_quoted_only_where_that_is_right(tmp_path: Path) -> None:
    """An interval without its unit is not mended by quotes: nobody knows what was meant."""
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY, encoding="utf-8")
    assert list(fix_files([tmp_path])) == []
    assert file.read_text(encoding="utf-8") == POLICY
    (problem,) = load_estate([tmp_path]).problems
    assert (problem.line, problem.column, problem.code) == (8, 13, Code.WRONG_TYPE)
    assert "3h" in problem.text
    assert "quotes" not in problem.text


def test_a_reference_to_a_secret_is_never_touched(tmp_path: Path) -> None:
    """A number where a reference stands might be a secret, and is not quoted into place."""
    file = tmp_path / "integration.yaml"
    text = (
        "apiVersion: muster.dev/v1alpha1\nkind: Integration\nmetadata: {name: it-glue}\n"
        "spec: {itGlue: {region: US, apiKeyRef: {name: 12345678, key: apiKey}}}\n"
    )
    file.write_text(text, encoding="utf-8")
    assert list(fix_files([tmp_path])) == []
    assert file.read_text(encoding="utf-8") == text


def test_a_link_that_leads_away_is_not_written_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pull request may hold a link to any file of the machine; only files of the tree change."""
    outside, tree = tmp_path / "outside.yaml", tmp_path / "tree"
    outside.write_text(WRONG, encoding="utf-8")
    tree.mkdir()
    (tree / "away.yaml").symlink_to(outside)
    monkeypatch.chdir(tree)
    assert list(fix_files([Path()])) == []
    assert outside.read_text(encoding="utf-8") == WRONG

    (tree / "away.yaml").unlink()
    (tree / "real.txt").write_text(WRONG, encoding="utf-8")
    (tree / "within.yaml").symlink_to("real.txt")
    assert len(list(fix_files([Path()]))) == 4
    assert (tree / "real.txt").read_text(encoding="utf-8") == RIGHT
    assert (tree / "within.yaml").is_symlink()


def test_a_file_is_mended_whole_or_not_at_all(tmp_path: Path) -> None:
    """Where the new content has no room, the old one stays, and nothing lies beside it."""
    file = tmp_path / "estate.yaml"
    file.write_text(WRONG, encoding="utf-8")
    before = file.stat().st_ino
    assert list(fix_files([tmp_path]))
    assert file.stat().st_ino != before
    assert [one.name for one in tmp_path.iterdir()] == ["estate.yaml"]
