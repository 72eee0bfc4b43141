"""Markdown for comments on pull requests: escaping, tables, folded parts, and where it is cut.

A name may hold anything. Shown as code it is only text: no link, no mention of a person, no
HTML. What is cut is cut from the end, so that the same plan always gives the same comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from muster.cli.output import visible

MARKDOWN_LIMIT = 65_000
"""Characters; GitHub refuses comments above 65,536. Unconfirmed: that number is from its error
message, no document states it."""

MARK = "<!-- muster plan -->"
"""The first line, by which a job finds its own comment to write it anew."""

MOST_ROWS = 50
"""Rows of one list within a customer."""
_MOST_CUSTOMERS = 200
"""Rows of the table at the top."""
_MOST_IN_DETAILS = 16_000
"""Characters of one customer, so that a large one leaves room for the next ones."""
_LONGEST_CELL = 200
_ROOM = 200


def code(text: object) -> str:
    """Return foreign text as code that fits a table's cell."""
    shown = visible(str(text))
    shown = shown if len(shown) <= _LONGEST_CELL else f"{shown[:_LONGEST_CELL]}…"
    return fenced(shown) if shown.strip() else "–"


def fenced(text: str) -> str:
    """Return printable text as code in a cell, whatever it holds (CommonMark, section 6.1)."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if longest else ""
    return f"{fence}{pad}{text}{pad}{fence}".replace("|", "\\|")


def row(cells: Iterable[str]) -> str:
    """Return one row of a table; the cells are Markdown already."""
    return f"| {' | '.join(cells)} |"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], what: str) -> list[str]:
    """Return a table's lines, with a line below it for rows that are left out."""
    if not rows:
        return []
    lines = [row(columns), row("---" for _ in columns), *map(row, rows[:MOST_ROWS])]
    return ["", *lines, *rest(len(rows), MOST_ROWS, what)]


def rest(count: int, shown: int, what: str) -> list[str]:
    """Return what says that some are left out; nothing where all are shown."""
    return ["", f"… and {count - shown} more {what}."] if count > shown else []


def details(summary: str, lines: Iterable[str]) -> str:
    """Return a folded part; a long one ends early and says so."""
    head, foot = f"<details><summary>{summary}</summary>", "</details>"
    kept, size = [head, ""], 0
    lines = list(lines)
    for number, line in enumerate(lines):
        size += len(line) + 1
        if size > _MOST_IN_DETAILS:
            kept += ["", f"… and {len(lines) - number} more lines; `-o json` has all of them."]
            break
        kept.append(line)
    return "\n".join([*kept, "", foot])


def document(
    head: Sequence[str],
    customers: tuple[Sequence[str], Sequence[Sequence[str]]],
    parts: Sequence[str],
) -> str:
    """Join a comment: its head, the table of customers (columns and rows), a part for each.

    Parts that do not fit are counted instead, from the first one on that does not.
    """
    columns, rows = customers
    lines = [MARK, *head]
    if rows:
        shown = [row(one) for one in rows[:_MOST_CUSTOMERS]]
        lines += ["", row(columns), row("---" for _ in columns), *shown]
        lines += rest(len(rows), _MOST_CUSTOMERS, "customers")
    text = "\n".join(lines)[: MARKDOWN_LIMIT - _ROOM]
    for number, part in enumerate(parts):
        if len(text) + len(part) + 2 > MARKDOWN_LIMIT - _ROOM:
            return f"{text}\n\n… and {len(parts) - number} more customers; `-o json` has them all."
        text = f"{text}\n\n{part}"
    return text
