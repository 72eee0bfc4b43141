"""Files are edited in place: bytes, mode and symbolic links stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from muster.errors import MusterError
from muster.model.names import CustomerName, RemoteId, System
from muster.resources import load_estate
from muster.resources.editing import Edit, write_edits
from muster.resources.writing import link_field

HEAD = "apiVersion: muster.dev/v1alpha1\nkind: Customer\nmetadata: {name: %s}\nspec:\n"
INTEGRATION = """\
apiVersion: muster.dev/v1alpha1
kind: Integration
metadata: {name: it-glue}
spec: {itGlue: {region: US, apiKeyRef: {name: it-glue, key: apiKey}}}
"""
LINE = 'vault: {integrationRef: {name: it-glue}, organizationId: "%s"}'


def edit(customer: str, record: str) -> Edit:
    """Return the link of a customer to an organization."""
    field = link_field(System.VAULT, "it-glue", RemoteId(record))
    return Edit(customer=CustomerName(customer), field=field)


def test_a_byte_order_mark_the_mode_and_a_symbolic_link_stay(tmp_path: Path) -> None:
    """The file behind the link is edited and keeps what is around its text."""
    (tmp_path / "integrations.yaml").write_text(INTEGRATION)
    target = tmp_path / ".real" / "customers.txt"
    target.parent.mkdir()
    before = b"\xef\xbb\xbf" + (HEAD % "contoso").encode() + b"  displayName: Contoso"
    target.write_bytes(before)
    target.chmod(0o640)
    (tmp_path / "contoso.yaml").symlink_to(target)
    loaded = load_estate([tmp_path])
    (done,) = write_edits(loaded, [edit("contoso", "1")])
    assert (done.problem, done.place) == ("", f"{tmp_path / 'contoso.yaml'}:4")
    assert target.read_bytes() == before + f"\n  {LINE % 1}".encode()
    assert target.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "contoso.yaml").is_symlink()
    assert [file.name for file in target.parent.iterdir()] == ["customers.txt"]
    assert load_estate([tmp_path]).problems == ()


def test_several_customers_of_one_file_are_edited_together(tmp_path: Path) -> None:
    """Documents and lists are found again although the lines above them have moved."""
    file = tmp_path / "all.yaml"
    one = HEAD % "a" + "  displayName: A\n"
    item = (
        "apiVersion: v1\nkind: List\nitems:\n  - " + (HEAD % "b").replace("\n", "\n    ").rstrip()
    )
    two = f"{item}\n      displayName: B\n"
    file.write_text(f"{INTEGRATION}---\n{one}---\n{two}")
    loaded = load_estate([file])
    assert loaded.problems == ()
    assert all(not one.problem for one in write_edits(loaded, [edit("a", "1"), edit("b", "2")]))
    expected = f"{INTEGRATION}---\n{one}  {LINE % 1}\n---\n{two}      {LINE % 2}\n"
    assert file.read_text() == expected


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    """What was edited by somebody else since it was read is not guessed."""
    file = tmp_path / "all.yaml"
    file.write_text(f"{INTEGRATION}---\n{HEAD % 'a'}  displayName: A\n")
    loaded = load_estate([file])
    file.write_text("# somebody was here\n" + file.read_text())
    before = file.read_bytes()
    assert write_edits(loaded, [edit("a", "1")])[0].problem
    assert file.read_bytes() == before
    file.unlink()
    with pytest.raises(MusterError, match="Cannot edit"):
        write_edits(loaded, [edit("a", "1")])
