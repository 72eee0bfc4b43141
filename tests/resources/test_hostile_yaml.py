"""YAML that is made to hurt: it never crashes or hangs the loader, and is never taken silently."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muster.resources import LoadedEstate, load_estate
from muster.resources.codes import Code

CORPUS = Path(__file__).parents[1] / "corpus"
FILES = sorted(CORPUS.rglob("*.yaml"))
HEAD = b"apiVersion: muster.dev/v1alpha1\nkind: Customer\nmetadata: {name: contoso}\nspec:\n"
FEW = settings(max_examples=60, deadline=None)
KEY = b"eyJ" + b"a" * 20 + b"."
"""Half an access token: two of them are one."""
LAUGHS = b"".join(
    b"  l%d: &l%d [%s]\n" % (i, i, b", ".join([b"*l%d" % (i - 1)] * 9 if i else [b"ha"] * 9))
    for i in range(12)
)


def _load(data: bytes) -> LoadedEstate:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "file.yaml")
        file.write_bytes(data)
        return load_estate([file])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (LAUGHS, Code.NOT_YAML),
        (b"  x: " + b"[" * 5_000, Code.NOT_YAML),
        (b"  x: " + b"{a: " * 5_000, Code.NOT_YAML),
        (b"  x:\n" + b"".join(b" " * i + b"- \n" for i in range(3, 300)), Code.NOT_YAML),
        (b"  x: &a [*a]\n", Code.NOT_YAML),
        (b"  <<: &a {<<: *a}\n", Code.NOT_YAML),
        (b"  displayName: *gone\n", Code.NOT_YAML),
        (b"  displayName: a\x00b\n", Code.UNREADABLE),
        (b"  displayName: \xff\xfe\n", Code.UNREADABLE),
        (b"  displayName: \xed\xa0\x80\n", Code.UNREADABLE),
        (b"  displayName: a\n  displayName: b\n", Code.DUPLICATE_FIELD),
        (b"  displayName: a\n  'displayName': b\n", Code.DUPLICATE_FIELD),
        (b'  displayName: a\n  "display\\x4eame": b\n', Code.DUPLICATE_FIELD),
        (b"  displayName: !!int 1\n", Code.TAG_REFUSED),
        (b"  displayName: !<tag:yaml.org,2002:set> {a}\n", Code.TAG_REFUSED),
        (b"  displayName: %s\n" % (b"9" * 100_000), Code.WRONG_TYPE),
        (b"  displayName: 1e99999\n", Code.WRONG_TYPE),
        (b"  displayName: 12e4\n", Code.WRONG_TYPE),
        (b"  displayName: 0o17\n", Code.WRONG_TYPE),
        (b"  displayName: 0x%s\n" % (b"f" * 10_000), Code.WRONG_TYPE),
        (b"\tdisplayName: a\n", Code.NOT_YAML),
        (b"  ? [a]\n  : b\n", Code.NOT_YAML),
        (b"  displayName: a\n" + b"# " + b"x" * 5_000_000, Code.UNREADABLE),
        (b"# " + KEY * 20_000, Code.SECRET_IN_TREE),
    ],
    ids=lambda value: value.decode("latin-1")[:30].strip() if isinstance(value, bytes) else "",
)
def test_a_trap_is_named(body: bytes, code: Code) -> None:
    """Each known trap ends with its code, within a second."""
    begin = time.process_time()
    codes = {problem.code for problem in _load(HEAD + body).problems}
    assert code in codes
    assert time.process_time() - begin < 1


def test_each_of_many_keys_has_its_place() -> None:
    """Keys in one line and in later lines are told where they stand."""
    both = KEY * 2
    text = b"# %s %s\r\n\n#\t%s\xc2\x85# %s\n" % (both, both, both, both)
    found = [(one.line, one.column) for one in _load(text).problems]
    assert found == [(1, 3), (1, 52), (3, 3), (4, 3)]


@pytest.mark.parametrize("change", ["CRLF", "byte order mark", "both"])
def test_line_ends_and_marks_change_no_verdict(change: str) -> None:
    """The whole corpus has the same problems at the same places after an editor of Windows."""
    for file in FILES:
        data = file.read_bytes()
        changed = data if change == "byte order mark" else data.replace(b"\n", b"\r\n")
        changed = changed if change == "CRLF" else b"\xef\xbb\xbf" + changed
        before, after = _load(data).problems, _load(changed).problems
        assert [(p.code, p.line, p.column) for p in before] == [
            (p.code, p.line, p.column) for p in after
        ], file


NAMES = st.sampled_from(["displayName", "suspend", "x", "<<", "1", "on", "~"])
SCALARS = st.sampled_from(
    ["a", "1", "0o7", "1_0", "1:2", ".nan", "yes", "~", "''", "2026-01-01", "&v b", "*v", "!t c",
     "!!str 1", '"\\x1b\\ud83d"', "|\n      text", "[*v, *v]", "{<<: *v}", "&w {a: 1}", "{<<: *w}"]
)  # fmt: skip


@FEW
@given(fields=st.lists(st.tuples(NAMES, SCALARS), min_size=1, max_size=8))
def test_any_fields_are_loaded_or_named(fields: list[tuple[str, str]]) -> None:
    """Anchors, merges, tags and odd numbers in any order end with a customer or a problem.

    A name that stands twice, and a tag, are never taken silently.
    """
    body = "".join(f"  {name}: {value}\n" for name, value in fields)
    loaded = _load(HEAD + body.encode())
    names = [name for name, _ in fields]
    odd = len(set(names)) < len(names) or any(value == "!t c" for _, value in fields)
    assert loaded.problems or loaded.estate.customers
    assert not odd or loaded.problems


GOOD = (CORPUS / "good" / "estate.yaml").read_bytes()


@FEW
@given(at=st.integers(0, len(GOOD)), odd=st.sampled_from([b"\x00", b"\x1b", b"\xff", b"\xc0\x80"]))
def test_a_byte_that_is_no_text_is_never_taken(at: int, odd: bytes) -> None:
    """Wherever a NUL, an escape or invalid UTF-8 stands, the file is refused at that place."""
    # Within a letter of several bytes, it is that letter which is broken.
    start = at
    while start > 0 and GOOD[start : start + 1] and GOOD[start] & 0xC0 == 0x80:
        start -= 1
    (problem,) = (one for one in _load(GOOD[:at] + odd + GOOD[at:]).problems if one.line)
    assert problem.code is Code.UNREADABLE
    assert problem.line == GOOD[:start].count(b"\n") + 1


@FEW
@given(depth=st.integers(1, 120), width=st.integers(1, 12), flow=st.booleans())
def test_depth_and_growth_are_bounded(depth: int, width: int, flow: bool) -> None:
    """However aliases multiply and whatever is nested, it ends at once, and is never accepted."""
    begin = time.process_time()
    grown = "".join(f"  l{i}: &l{i} [{', '.join([f'*l{i - 1}' if i else 'x'] * width)}]\n"
                    for i in range(depth))  # fmt: skip
    nested = "[" * depth + "]" * depth if flow else "".join(
        f"\n{' ' * (level + 3)}-" for level in range(depth))  # fmt: skip
    for body in (grown, f"  x: {nested}\n"):
        assert _load(HEAD + b"  displayName: a\n" + body.encode()).problems
    assert time.process_time() - begin < 2
