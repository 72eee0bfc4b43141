"""Prints: tables that fit the terminal, JSON and YAML that are stable, colour only on a terminal.

Text for people goes to standard output, what is said about the run to standard error.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

import yaml
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.segment import Segments
from rich.table import Table
from rich.text import Text

UNPRINTABLE = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
"""What JSON may hold as it is, and a terminal may obey or a person not see."""

_WIDE = 10_000
"""The width of a table that goes to a file or a pipe, where nothing need be cut or wrapped."""


_GAP = 3
"""Spaces between two columns of a table."""

_BREAKABLE = 20
"""Letters of a word that a narrow column may break."""


class Format(StrEnum):
    """How a command prints."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"


class _SafeConsole(Console):
    """Obeys our markup only: names come from systems that anybody may write to."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Show control characters instead of sending them to the terminal."""
        return super().render_str(visible(text, keep="\n\t"), **options)


def visible(text: str, keep: str = "") -> str:
    """Return a text with everything that is not printable written out, such as `\\x1b`."""
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() or one in keep else one.encode("unicode_escape").decode()
        for one in text
    )


def plain(text: object) -> str:
    """Return foreign text as one line to put between markup; what it holds is only text."""
    return escape(visible(str(text)))


def out() -> Console:
    """Return standard output for people."""
    width = None if sys.stdout.isatty() else _WIDE
    return _SafeConsole(width=width, highlight=False, emoji=False, soft_wrap=True)


def err() -> Console:
    """Return standard error for what is said about the run."""
    return _SafeConsole(stderr=True, highlight=False, emoji=False, soft_wrap=True)


def print_data(value: Any, form: Format) -> None:
    """Print a value as JSON or YAML, keys in the order they were given."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    if form is Format.YAML:
        text = yaml.safe_dump(_without_enums(value), sort_keys=False, allow_unicode=unicode)
    else:
        text = json_text(value, unicode=unicode) + "\n"
    sys.stdout.write(text)


def json_text(value: Any, *, unicode: bool = True) -> str:
    """Return a value as JSON that a terminal may show; `unicode` keeps other letters readable."""
    text = json.dumps(value, indent=2, ensure_ascii=not unicode)
    return UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def print_text(text: str) -> None:
    """Print a text for machines as it is; letters that the terminal lacks are written out."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def _without_enums(value: Any) -> Any:
    """Return a value without enum classes, which YAML would name."""
    return json.loads(json.dumps(value))


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], console: Console | None = None
) -> None:
    """Print rows under headings as kubectl does: no frames, empty cells as a dash."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, _GAP, 0, 0))
    cells = [[visible(str(one)) if one not in (None, "") else "–" for one in row] for row in rows]
    console = console or out()
    widths = fit(list(zip(columns, *cells, strict=True)), console.width)
    for at, column in enumerate(columns):
        table.add_column(column, overflow="fold", width=widths[at] if widths else None)
    for row in cells:
        table.add_row(*map(escape, row))
    if console.is_terminal:
        options = console.options if widths else console.options.update(width=_WIDE)
        console.print(Segments(console.render(table, options)), soft_wrap=False, crop=False)
        return
    with console.capture() as captured:
        console.print(table, soft_wrap=False)
    for line in captured.get().splitlines():
        console.print(line.rstrip(), markup=False)


def fit(columns: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """Return how wide each column is shown, headings among its cells; None when room is too small.

    A name in the first column is never broken, to be copied whole; no other word of up to 20
    letters is. A table that is wider even so is left whole to the terminal, as kubectl does.
    """
    widths = [max(map(cell_len, column)) for column in columns]
    least = [
        width if at == 0 else min(width, _longest_word(column))
        for at, (width, column) in enumerate(zip(widths, columns, strict=True))
    ]
    room -= _GAP * (len(columns) - 1)
    if sum(least) > room:
        return None
    while sum(widths) > room:
        spare = [at for at, width in enumerate(widths) if width > least[at]]
        widths[max(spare, key=widths.__getitem__)] -= 1
    return widths


def _longest_word(cells: Sequence[str]) -> int:
    longest = max((cell_len(word) for cell in cells for word in cell.split()), default=0)
    return min(longest, _BREAKABLE)


def counted(count: int, word: str, plural: str = "") -> str:
    """Return a count with its word: 1 customer, 2 customers, 0 matches."""
    return f"{count} {word if count == 1 else plural or word + 's'}"


def say(text: str) -> None:
    """Say something about the run; square brackets in it are text, not markup."""
    err().print(escape(text))


def complain(text: str) -> None:
    """Say what went wrong."""
    err().print(f"[bold red]error:[/] {escape(text)}")
