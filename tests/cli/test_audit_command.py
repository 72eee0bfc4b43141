"""`muster audit`: every effect of an apply is on the record, and the record proves itself."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path

import pytest
from tests.cli.conftest import Shell, writes

from muster.lab.lab import Lab


def enforce(estate: Path) -> None:
    """Let the estate's policies write."""
    for path in estate.rglob("*.yaml"):
        text = path.read_text()
        if "mode: Observe" in text:
            path.write_text(text.replace("mode: Observe", "mode: Enforce"))


def commit(estate: Path) -> str:
    """Put the estate under git, and return the commit."""
    ident = ("-c", "user.name=olivia", "-c", "user.email=olivia@msp.example")
    for arguments in (("init", "-q"), ("add", "."), (*ident, "commit", "-qm", "estate")):
        subprocess.run(["git", *arguments], cwd=estate, check=True)
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=estate, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_an_apply_is_on_the_record(muster: Shell, estate: Path, lab: Lab) -> None:
    """Each write outside is one effect that is done, by this commit; imports are noted once."""
    enforce(estate)
    head = commit(estate)
    muster("apply")
    done = muster.ok("audit", "show", "-o", "json").data
    outside = [one for one in done if one["system"] in ("vault", "psa")]
    assert len(outside) == writes(lab) > 0
    assert {one["result"] for one in outside} == {"Done"}
    assert {one["revision"] for one in done} == {head}
    assert all("Policy/" in one["reason"] or "Customer/" in one["reason"] for one in outside)
    imports = [one["subject"] for one in done if one["action"] == "Import"]
    assert imports
    assert len(set(imports)) == len(imports)
    muster("apply")
    assert len(muster.ok("audit", "show", "-o", "json").data) == len(done)
    (estate / "new.yaml").write_text("# a file that nobody committed\n")
    assert muster.ok("audit", "verify").out.startswith(str(Path(".muster/audit.jsonl")))


def test_what_is_asked_for_is_shown(
    muster: Shell, estate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Customer, action and age leave out the rest; standard input is read like a file."""
    muster("apply")
    everything = muster.ok("audit", "show", "-o", "json").data
    one = everything[0]["customer"]
    shown = muster.ok("audit", "show", "-c", one, "--action", "Import", "-o", "json").data
    assert 0 < len(shown) < len(everything)
    assert {line["customer"] for line in shown} == {one}
    assert muster.ok("audit", "show", "--since", "1h", "-o", "json").data == everything
    assert muster.ok("audit", "show", "--since", "2999-01-01", "-o", "json").data == []
    assert "neither a time" in muster("audit", "show", "--since", "soon").err
    content = (estate / ".muster" / "audit.jsonl").read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert "standard input" in muster.ok("audit", "verify", "-").out
    assert "Import" in muster.ok("audit", "show").out


def test_the_record_is_checked(muster: Shell, estate: Path) -> None:
    """A missing one and an altered one are errors; the message says at which line."""
    assert "cannot be read" in muster("audit", "verify").err
    muster("apply")
    path = estate / ".muster" / "audit.jsonl"
    lines = path.read_text().splitlines()
    first = json.loads(lines[0])
    lines[0] = lines[0].replace(first["subject"], "somebody else")
    path.write_text("\n".join(lines) + "\n")
    altered = muster("audit", "verify")
    assert (altered.code, "line 2" in altered.err) == (1, True)
