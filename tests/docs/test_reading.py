"""The tests of the documents can fail: what they read from a page is what stands there."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.docs.pages import anchors, blocks, commands, links, unseen

_PAGE = """\
# A page: its `parts`

See [there](#a-page-its-parts) and [elsewhere](other.md#x), not [outside](https://msp.example).

<!-- not run: it never ends -->
```console
$ muster run
```

```console
$ muster apply   # once
refused
$ echo $?
4
```

```yaml title="policies/staff.yaml"
kind: [not a link](nowhere.md)
```
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A page with one of everything."""
    path = tmp_path / "page.md"
    path.write_text(_PAGE, encoding="utf-8")
    return path


def test_blocks_tell_their_file_and_why_they_are_not_run(page: Path) -> None:
    """A comment is about the block right below it and about no other."""
    never, apply, policy = blocks(page)
    assert (never.not_run, apply.not_run, policy.not_run) == ("it never ends", "", "")
    assert (policy.language, policy.title) == ("yaml", "policies/staff.yaml")


def test_a_command_ends_as_the_page_says(page: Path) -> None:
    """The number below `echo $?` is the exit code that the command above must have."""
    _, block, _ = blocks(page)
    (command,) = commands(block)
    assert (command.words, command.shown, command.code) == (("muster", "apply"), ("refused",), 4)


def test_links_and_anchors_are_those_of_the_text(page: Path) -> None:
    """Links in code and links to other sites do not count."""
    assert list(links(page)) == [("", "a-page-its-parts"), ("other.md", "x")]
    assert anchors(page) == {"a-page-its-parts"}


@pytest.mark.parametrize(
    ("shown", "first_missing"),
    [
        (("one", "three"), None),
        (("one", "…", "three"), None),
        (("tw…",), None),
        (("took   TIME",), "took   TIME"),
        (("synced 9s ago",), None),
        (("three", "one"), "one"),
        (("tw",), "tw"),
        (("four",), "four"),
    ],
)
def test_shown_lines_must_be_printed_in_order(
    shown: tuple[str, ...], first_missing: str | None
) -> None:
    """Left out lines, cut ends and ages are forgiven; wrong, invented and misplaced lines not."""
    assert unseen(shown, "one\ntwo\nthree\nsynced   5s ago\n") == first_missing
