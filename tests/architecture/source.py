"""Where the project's files are, and what the architecture tests read from them."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "operator" / "muster"
REASONS = PACKAGE / "model" / "reasons.py"
CAUSES = PACKAGE / "model" / "causes.py"
REASONS_PAGE = ROOT / "docs" / "reference" / "reasons.md"

_PAGE_HEAD = """\
# Reason codes

Every decision that Muster reports carries one of these words. The same word stands in the
plan, in status, in metrics and here. They are written once, in
`operator/muster/model/reasons.py`, and the causes at the end in `causes.py` beside it; this page
is made from them (`MUSTER_UPDATE=1 make check` writes it again).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonText:
    """One reason code as the source documents it."""

    section: str
    word: str
    text: str


@cache
def modules() -> tuple[Path, ...]:
    """Return every Python file of the package."""
    return tuple(sorted(PACKAGE.rglob("*.py")))


@cache
def tracked_files() -> tuple[Path, ...]:
    """Return every file that git keeps; none where there is no git."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return ()
    return tuple(ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file())


def reasons(path: Path = REASONS) -> Iterator[ReasonText]:
    """Yield the words of a source in its order; `text` is empty where it is missing."""
    source = path.read_text()
    headings = {
        number: line.strip().removeprefix("# ")
        for number, line in enumerate(source.splitlines(), 1)
        if line.startswith("    # ")
    }
    (kind,) = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    followers = [*kind.body[1:], None]
    for node, follower in zip(kind.body, followers, strict=True):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            section = max((line for line in headings if line < node.lineno), default=0)
            yield ReasonText(
                section=headings.get(section, ""),
                word=str(node.value.value),
                text=_text(follower),
            )


def reasons_page() -> str:
    """Return the page that documents the reason codes, and the causes."""
    lines = [_PAGE_HEAD]
    section = ""
    for reason in (*reasons(), *reasons(CAUSES)):
        if reason.section != section:
            section = reason.section
            lines.append(f"## {section}\n\n| code | what it means |\n| --- | --- |")
        text = re.sub(r"\s+", " ", reason.text).replace("|", "\\|")
        lines.append(f"| `{reason.word}` | {text} |")
    return "\n".join(lines).replace("\n## ", "\n\n## ").replace("\n\n\n", "\n\n") + "\n"


def _text(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return str(node.value.value).strip()
    return ""
