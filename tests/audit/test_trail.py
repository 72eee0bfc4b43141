"""An effect has a line before it and one after it, in files and in streams, whatever crashes."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from muster.audit import Effect, FileSink, StreamSink, Trail, verify
from muster.audit.reading import Wanted, read_effects
from muster.audit.verify import read_lines, verify_lines
from muster.errors import StateError

EFFECT = Effect(
    customer="contoso", action="Create", subject="jsmith", system="vault", reason="policy"
)


def stream_of(*identities: str, each: int = 2) -> list[str]:
    """Return the lines of processes that write to one log, mixed with something else."""
    outs = []
    for identity in identities:
        stream = io.StringIO()
        trail = Trail(StreamSink(stream, identity), identity, "c0ffee")
        for _ in range(each):
            trail.end(trail.begin(EFFECT), EFFECT, "Done")
        outs.append(stream.getvalue().splitlines())
    return ["INFO starting", *(line for pair in zip(*outs, strict=True) for line in pair)]


def checked(lines: list[str]) -> object:
    """Return what is found of a log."""
    return verify_lines((line.encode() for line in lines), "The audit file was altered: log")


def test_an_effect_is_on_disk_before_it_begins(tmp_path: Path) -> None:
    """Before `begin` returns the line is there; without a second line its result is Unknown."""
    path = tmp_path / "audit.jsonl"
    trail = Trail(FileSink(path), "olivia", "c0ffee")
    begun = trail.begin(EFFECT)
    [before] = read_effects(read_lines(path), Wanted())
    assert (before["result"], before["revision"], before["actor"]) == (
        "Unknown",
        "c0ffee",
        "olivia",
    )
    trail.end(begun, EFFECT, "Failed", "IT Glue answered 422.")
    [after] = read_effects(read_lines(path), Wanted())
    assert (after["result"], after["detail"]) == ("Failed", "IT Glue answered 422.")
    assert after["reason"] == "policy"
    assert verify(path).events == 2


@pytest.mark.parametrize("at", ["soon", "2999-01-01", None, 7, ["2999-01-01T00:00:00Z"]])
def test_an_altered_line_is_shown_and_ends_nothing(tmp_path: Path, at: object) -> None:
    """Whose time cannot be read is shown whatever time is asked for; `verify` tells the rest."""
    path = tmp_path / "audit.jsonl"
    Trail(FileSink(path), "olivia").begin(EFFECT)
    fields = json.loads(path.read_text())
    path.write_text(json.dumps({**fields, "at": at, "customer": ["contoso"]}) + "\n")
    since = datetime(2026, 1, 1, tzinfo=UTC)
    assert len(list(read_effects(read_lines(path), Wanted(since=since)))) == 1
    named = Wanted(since=since, customers=frozenset({"contoso"}))
    assert list(read_effects(read_lines(path), named)) == []


def test_threads_share_flushes_and_one_chain(tmp_path: Path) -> None:
    """Many threads at once, and another process beside them, leave no gap in the chain."""
    path = tmp_path / "audit.jsonl"
    trail = Trail(FileSink(path), "olivia")

    def work(_: int) -> None:
        for _ in range(25):
            trail.end(trail.begin(EFFECT), EFFECT, "Done")

    program = (
        "import sys; from pathlib import Path; from muster.audit import FileSink, Trail, Effect\n"
        "t = Trail(FileSink(Path(sys.argv[1])), 'other')\n"
        "e = Effect(customer='c', action='a', subject='s')\n"
        "for _ in range(50): t.end(t.begin(e), e, 'Done')\n"
    )
    other = subprocess.Popen([sys.executable, "-c", program, str(path)])
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert other.wait(30) == 0
    assert verify(path).events == 4 * 25 * 2 + 50 * 2
    assert all(one["result"] == "Done" for one in read_effects(read_lines(path), Wanted()))


def test_a_power_cut_at_any_byte_is_gone_on_from(tmp_path: Path) -> None:
    """Wherever the last line is cut, the next one follows it, and both are told apart."""
    path = tmp_path / "audit.jsonl"
    trail = Trail(FileSink(path), "olivia")
    trail.begin(EFFECT)
    trail.begin(EFFECT)
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in sorted(random.Random(1).sample(range(first, len(whole)), 12)):
        path.write_bytes(whole[:cut])
        Trail(FileSink(path), "olivia").begin(EFFECT)
        found = verify(path)
        lost_newline_only = cut == len(whole) - 1
        assert found.events == (3 if lost_newline_only else 2)
        assert found.torn == (0 if lost_newline_only or cut == first else 1)


def test_a_changed_line_of_a_long_lived_process_is_found(tmp_path: Path) -> None:
    """What a process remembers of its last line does not hide what was done to the file."""
    path = tmp_path / "audit.jsonl"
    trail = Trail(FileSink(path), "olivia")
    trail.begin(EFFECT)
    path.write_bytes(path.read_bytes().replace(b"jsmith", b"mallor"))
    trail.begin(EFFECT)
    with pytest.raises(StateError, match="line 2"):
        verify(path)


def test_a_moved_file_is_begun_anew(tmp_path: Path) -> None:
    """A program that rotates logs may move the file; the next line begins a new chain."""
    path = tmp_path / "audit.jsonl"
    trail = Trail(FileSink(path), "olivia")
    trail.begin(EFFECT)
    path.rename(tmp_path / "audit.1")
    trail.begin(EFFECT)
    assert verify(path).events == verify(tmp_path / "audit.1").events == 1


def test_a_log_of_several_processes_verifies() -> None:
    """Each process is a chain; other lines, prefixes and the order of fields do not matter."""
    lines = stream_of("pod-a", "pod-b")
    lines[2] = f"2026-11-22T00:00:00Z pod-a {lines[2]}"
    lines[3] = json.dumps(dict(reversed(json.loads(lines[3]).items())), indent=None)
    found = checked(lines)
    assert (found.events, found.chains, found.late) == (8, 2, 0)  # type: ignore[attr-defined]
    rotated = checked(lines[3:])
    assert rotated.late == 2  # type: ignore[attr-defined]


@pytest.mark.parametrize("line", [1, 2, 3, 4])
def test_a_log_that_was_altered_is_found_out(line: int) -> None:
    """A line that is changed or left out breaks its chain, and no other."""
    lines = stream_of("pod-a", "pod-b")
    changed = [*lines]
    changed[line] = changed[line].replace("jsmith", "mallory")
    for altered in (changed, lines[:line] + lines[line + 1 :] if line > 2 else changed):
        with pytest.raises(StateError, match=f"pod-{'ba'[line % 2]}"):
            checked(altered)


def test_a_closed_stream_stops_the_effect() -> None:
    """What cannot be recorded is not begun."""
    stream = io.StringIO()
    stream.close()
    with pytest.raises(StateError, match="cannot be written"):
        Trail(StreamSink(stream), "olivia").begin(EFFECT)
