"""The line of a problem with a caret: in the right column, and never with a secret in it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from rich.cells import cell_len

from muster.cli.excerpts import MAX_WIDTH, Excerpts
from muster.resources import load_estate

HEAD = "apiVersion: muster.dev/v1alpha1\nkind: Customer\nmetadata: {name: contoso}\nspec:\n"
HEAD += "  displayName: x\n"
SECRET = "hunter2"


def _shown(folder: Path, data: bytes) -> list[list[str]]:
    file = folder / "a.yaml"
    file.write_bytes(data)
    excerpts = Excerpts()
    return [excerpts.of(one) for one in load_estate([file]).problems]


@pytest.mark.parametrize(
    ("end", "mark"),
    [("\n", ""), ("\r\n", "\ufeff"), ("\r", ""), ("\x85", ""), ("\u2028", "\ufeff")],
    ids=["LF", "CRLF with a byte order mark", "CR", "NEL", "LS with a byte order mark"],
)
@pytest.mark.parametrize(
    ("line", "before"),
    [
        ("  displayname: x", "  "),
        ("  suspend: false  # ok\n  mode:\tx", "  "),
        ("  vault: {integrationRef: {name: a}, wrong: 1}", "  vault: {integrationRef: {name: a}, "),
        ('  "日本語": x', "  "),
        ('  vault: {"é日本\u0301": a, wrong: 1}', '  vault: {"é日本\u0301": a, '),
        ("  suspend:\t[日, 本]", "  "),
    ],
)  # fmt: skip
def test_the_caret_stands_below_the_place(
    line: str, before: str, end: str, mark: str, tmp_path: Path
) -> None:
    """Whatever ends the lines, and however wide the letters are, the caret is below its place."""
    text = f"{HEAD}{line}\n".replace("\n", end)
    *_, (shown, caret) = _shown(tmp_path, (mark + text).encode())
    wanted = line.splitlines()[-1].replace("\t", " ")
    assert shown.partition(" | ")[2] == wanted
    assert len(caret) - 1 - len("    6 | ") == cell_len(before)


def test_a_long_line_is_cut_around_the_place(tmp_path: Path) -> None:
    """A line of megabytes does not fill the screen, and its place is still shown."""
    line = "  " + "vault: {" + ", ".join(f"x{i}: 1" for i in range(2_000)) + "}"
    drawn = _shown(tmp_path, f"{HEAD}{line}\n".encode())
    assert len(drawn) >= 2_000
    for shown, caret in drawn[2:]:
        assert len(shown) <= MAX_WIDTH + 20
        assert shown[len(caret) - 1] == "x"


def test_what_a_terminal_would_obey_is_written_out(tmp_path: Path) -> None:
    """A letter that turns the line around is shown as its number."""
    ((shown, _),) = _shown(tmp_path, f"{HEAD}  dsplay: '\u202e'\n".encode())
    assert "\\u202e" in shown


@pytest.mark.parametrize(
    "body",
    [
        f"  password: {SECRET}",
        f"  apiKey: {SECRET}",
        f"  clientSecret: {SECRET}",
        f"  token: {SECRET}\n",
        f"  wrong: 1 # password {SECRET}",
        f"  vault: {{password: {SECRET}, wrong: 1}}",
        f"  vault: {{apiKeyRef: {SECRET}}}",
        f"  directories:\n    activeDirectory:\n      passwordRef:\n        {SECRET}",
        f"  directories:\n    activeDirectory:\n      passwordRef:\n        name: '{SECRET} x'",
        f"  directories:\n    activeDirectory:\n      passwordRef:\n        - {SECRET}",
        f"  directories:\n    activeDirectory:\n      passwordRef:\n        name: '{SECRET}",
        f"  secret:\n\n    # why\n    deeper: [{SECRET}\n",
        f"  secret:\n# why\n    deeper: [{SECRET}\n",
        "  secret:\n    more: |\n" + "      x\n" * 2_000 + f"    deeper: [{SECRET}\n",
        f"  passwords:\n  - '{SECRET}",
        f"  passwords:\n  - a\n  - {SECRET}: x: y",
        f"  wrong: hvs.{SECRET}aaaaaaaaaaaaaaaaaaaaaaaaaaa",
        f"---\napiVersion: v1\nkind: Secret\nstringData:\n  x: '{SECRET}",
        f"---\napiVersion: v1\nkind: Secret\ndata:\n  x: &a {SECRET}\n  y: *b",
    ],
)
def test_no_secret_is_shown(body: str, tmp_path: Path) -> None:
    """A line that may hold a secret is not repeated where a CI keeps its log."""
    shown = _shown(tmp_path, f"{HEAD}{body}\n".encode())
    assert shown
    assert SECRET not in repr(shown)


@pytest.mark.parametrize(
    "body",
    [
        "  passwordAuthority: Wrong",
        "  directories: {activeDirectory: {wrong: 1}}",
        "  vault: {integrationRef: {name: it-glue}, organizationId: 1}",
    ],
)
def test_fields_that_only_sound_secret_are_shown(body: str, tmp_path: Path) -> None:
    """The names of our own fields and of harmless references hide no line."""
    assert all(_shown(tmp_path, f"{HEAD}{body}\n".encode()))


@pytest.mark.parametrize("line", ["x" * 200_000, "eyJ-" * 50_000, "aRef" * 50_000])
def test_a_long_line_takes_no_long_time(line: str, tmp_path: Path) -> None:
    """Nobody can stop CI with one long line: reading it takes linear time."""
    start = time.process_time()
    _shown(tmp_path, f"# {line}\tx: [".encode())
    _shown(tmp_path, f"{HEAD}  {line}: 1\n".encode())
    assert time.process_time() - start < 5


def test_many_problems_take_no_long_time(tmp_path: Path) -> None:
    """A file with thousands of problems is told about at once: no line is searched twice."""
    file = tmp_path / "a.yaml"
    file.write_text(HEAD + "".join(f"  x{number}: 1\n" for number in range(10_000)))
    problems, excerpts = load_estate([file]).problems, Excerpts()
    start = time.process_time()
    assert all(excerpts.of(one) for one in problems)
    assert time.process_time() - start < 1


def test_deep_lines_take_no_long_time(tmp_path: Path) -> None:
    """Nor can many lines below a staircase: what a line stands below is found without a walk."""
    file = tmp_path / "a.yaml"
    stairs = "".join(f"{' ' * depth}a:\n" for depth in range(1_500))
    file.write_text(f"x: [\n{stairs}" + "# x\n" * 60_000)
    problems, excerpts = load_estate([file]).problems, Excerpts()
    start = time.process_time()
    assert all(excerpts.of(one) for one in problems)
    assert time.process_time() - start < 1


def test_a_link_that_leads_away_shows_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pull request may hold a link to any file of the runner; its log shows no line of it."""
    outside, tree = tmp_path / "outside", tmp_path / "tree"
    outside.write_text(SECRET, encoding="utf-8")
    tree.mkdir()
    (tree / "away.yaml").symlink_to(outside)
    (tree / "real.yaml").write_text(SECRET, encoding="utf-8")
    (tree / "within.yaml").symlink_to(tree / "real.yaml")
    monkeypatch.chdir(tree)
    names = ("away.yaml", "real.yaml", "within.yaml")
    shown = [Excerpts().of(load_estate([Path(name)]).problems[0]) for name in names]
    assert [*map(bool, shown)] == [False, True, True]
