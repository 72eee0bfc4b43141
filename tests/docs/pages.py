"""What the tests read from Markdown: fenced blocks, commands with their output, links, anchors."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
GUIDES = (
    README,
    *sorted((DOCS / "tutorials").glob("*.md")),
    *sorted((DOCS / "how-to").glob("*.md")),
)
"""The pages whose commands are run."""
PAGES = (
    README,
    ROOT / "CHANGELOG.md",
    *sorted(DOCS.rglob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
)

_FENCE = re.compile(
    r"^( *)```(\w*)(?: title=\"([^\"]+)\")?\n(.*?)^\1```$", re.MULTILINE | re.DOTALL
)
_LAB = re.compile(r"^<!-- lab: (\S+) -->$", re.MULTILINE)
_NOT_RUN = re.compile(r"<!-- not run: (.+?) -->\s*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block of a page."""

    page: Path
    line: int
    language: str
    title: str
    """The file whose content it is, or empty."""
    text: str
    not_run: str
    """Why its commands are not run; empty for a block that is run."""

    @property
    def place(self) -> str:
        """Where it stands, for a message."""
        return f"{'/'.join(self.page.parts[-2:])}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command of a console block, what the page shows below it, and how it should end."""

    place: str
    words: tuple[str, ...]
    shown: tuple[str, ...]
    code: int


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        before = text[: match.start()]
        reason = _NOT_RUN.search(before)
        indent, language, title, body = match.groups()
        yield Block(
            page=page,
            line=before.count("\n") + 1,
            language=language,
            title=title or "",
            text=re.sub(f"^{indent}", "", body, flags=re.MULTILINE),
            not_run=reason.group(1) if reason else "",
        )


def lab_of(page: Path) -> str | None:
    """Return the mix of products that a page's commands are run with; None: the usual one."""
    found = _LAB.search(page.read_text(encoding="utf-8"))
    return found.group(1) if found else None


def commands(block: Block) -> Iterator[Command]:
    """Yield the commands after `$ `; `$ echo $?` and the number below say how the last ended."""
    found: list[tuple[tuple[str, ...], list[str]]] = []
    for line in block.text.replace("\\\n", " ").splitlines():
        if line.startswith("$ "):
            found.append((tuple(shlex.split(line[2:], comments=True)), []))
        elif found:
            found[-1][1].append(line)
    for position, (words, shown) in enumerate(found):
        if words != ("echo", "$?"):
            code = _code(found[position + 1 : position + 2])
            yield Command(place=block.place, words=words, shown=tuple(shown), code=code)


def _code(following: list[tuple[tuple[str, ...], list[str]]]) -> int:
    if following and following[0][0] == ("echo", "$?"):
        return int(following[0][1][0])
    return 0


def links(page: Path) -> Iterator[tuple[str, str]]:
    """Yield path and anchor of each link that leads into the project."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in target and not target.startswith("mailto:"):
            path, _, anchor = target.partition("#")
            yield path, anchor


def anchors(page: Path) -> frozenset[str]:
    """Return the anchors of a page's headings, made as GitHub makes them."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ +(.+)$", text, re.MULTILINE)
    plain = (re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return frozenset(
        re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in plain
    )


def unseen(shown: tuple[str, ...], printed: str) -> str | None:
    """Return the first line that was not printed, in order; None when all were.

    A line of nothing but … stands for lines that are left out, and … at a line's end for the
    rest of it. Spaces between columns do not count, nor do numbers that change from run to run.
    """
    lines = iter([_steady(line) for line in printed.splitlines()])
    for wanted in shown:
        line = _steady(wanted)
        start = line.removesuffix("…").rstrip()
        if not start:
            continue
        if not any(start == one or (line != start and one.startswith(start)) for one in lines):
            return wanted
    return None


def _steady(line: str) -> str:
    for pattern, word in (
        (r"sha256:[0-9a-f…]+", "DIGEST"),
        (r"\d{4}-\d\d-\d\d(T[\d:]+Z)?", "TIME"),
        (r"(localhost|127\.0\.0\.1):\d+", "HOST"),
        (r"\b\d+[smhd]( ago)?(?=[ ,]|$)", "AGE"),
        (r"\bby \d+ s\b", "AGE"),
    ):
        line = re.sub(pattern, word, line)
    return " ".join(line.split())
