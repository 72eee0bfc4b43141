"""What was recorded stays as it was, or is seen not to."""

from __future__ import annotations

import base64
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from muster.audit import FIRST, FileSink, current_actor, record, verify
from muster.errors import StateError


def lines(path: Path) -> list[bytes]:
    """Return the lines of an audit file."""
    return path.read_bytes().splitlines()


@pytest.fixture
def audit(tmp_path: Path) -> Path:
    """Return a file with three events."""
    path = tmp_path / "new" / "audit.jsonl"
    for number in range(3):
        record(FileSink(path), "ShowPassword", "contoso", subject=f"e{number}", reason="x" * 3000)
    return path


def test_an_event_says_who_what_whose_and_why(audit: Path) -> None:
    """Every field stands in the line, and only the owner may read the file."""
    event = json.loads(lines(audit)[0])
    assert event["actor"]
    assert event["at"].endswith("Z")
    assert (event["action"], event["customer"]) == ("ShowPassword", "contoso")
    assert (event["subject"], event["reason"]) == ("e0", "x" * 3000)
    assert event["previous"] == FIRST
    assert audit.stat().st_mode & 0o077 == 0


def test_a_whole_chain_verifies(audit: Path) -> None:
    """The head is another one after each event, so that who keeps it notices a cut."""
    before = verify(audit)
    assert (before.events, before.torn) == (3, 0)
    record(FileSink(audit), "ShowPassword", "contoso")
    assert verify(audit).events == 4
    assert verify(audit).head != before.head


@pytest.mark.parametrize(
    "change",
    [
        lambda kept: [kept[0].replace(b"contoso", b"fabrika"), *kept[1:]],
        lambda kept: [kept[0], kept[2]],
        lambda kept: [kept[1], kept[0], kept[2]],
        lambda kept: kept[1:],
        lambda kept: [kept[0], kept[0], *kept[1:]],
    ],
    ids=["changed", "removed", "swapped", "first removed", "inserted"],
)
def test_an_altered_file_is_found_out(audit: Path, change: object) -> None:
    """A changed, removed, swapped or inserted line is an error that names where."""
    assert callable(change)
    audit.write_bytes(b"\n".join(change(lines(audit))) + b"\n")
    with pytest.raises(StateError, match=r"line [12]"):
        verify(audit)


def test_a_line_that_a_crash_cut_short_stops_nobody(audit: Path) -> None:
    """The chain goes on through the rest of the line, which is counted."""
    os.truncate(audit, audit.stat().st_size - 10)
    record(FileSink(audit), "ShowPassword", "contoso")
    found = verify(audit)
    assert (found.events, found.torn) == (3, 1)


def test_several_may_write_at_once(tmp_path: Path) -> None:
    """Writers that share nothing but the file, as processes do, make one chain."""
    path = tmp_path / "audit.jsonl"

    def write_some(_: int) -> None:
        for _ in range(10):
            record(FileSink(path), "ShowPassword", "contoso")

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(write_some, range(3)))
    assert verify(path).events == 30


def test_what_cannot_be_recorded_is_an_error(tmp_path: Path) -> None:
    """Nobody goes on in the belief that it was recorded."""
    (tmp_path / "audit.jsonl").mkdir()
    with pytest.raises(StateError, match="cannot be written"):
        record(FileSink(tmp_path / "audit.jsonl"), "ShowPassword", "contoso")


def test_in_a_cluster_the_actor_is_the_service_account(tmp_path: Path) -> None:
    """The token says who it is; what is no token is passed over, and no part of it is shown."""
    token = tmp_path / "token"
    claims = base64.urlsafe_b64encode(b'{"sub": "system:serviceaccount:msp:muster"}').rstrip(b"=")
    token.write_bytes(b"head." + claims + b".planted-signature")
    assert current_actor(token) == "system:serviceaccount:msp:muster"
    for spoilt in (b"planted", b"a.b.c", b"a.\xff.c"):
        token.write_bytes(spoilt)
        assert current_actor(token) == current_actor(tmp_path / "none")
