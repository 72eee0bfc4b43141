"""Mends in files what has exactly one right answer, and leaves every other character alone.

That is a number in quotes where text is wanted, and upper and lower case of names and words.
What would be a guess, such as a misspelt field, stays a problem for a person. So does all that
stands behind a link which leads out of the directory we run in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from muster.errors import MusterError
from muster.resources.files import STDIN, leads_away, split_lines
from muster.resources.load import load_estate
from muster.resources.problems import Problem
from muster.resources.replacing import replace_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """One place that was mended."""

    file: str
    line: int
    what: str


def fix_files(paths: Sequence[Path]) -> Iterator[Fixed]:
    """Mend the files, each whole or not at all; yield what was done. Standard input is left alone.

    Raises:
        MusterError: a file cannot be written; files before it were.
    """
    by_file: defaultdict[str, list[Problem]] = defaultdict(list)
    for problem in load_estate([path for path in paths if path != STDIN]).problems:
        if problem.fix:
            by_file[problem.file].append(problem)
    for name, problems in by_file.items():
        if not leads_away(Path(name)):
            yield from _fix_file(Path(name), problems)


def _fix_file(file: Path, problems: Sequence[Problem]) -> Iterator[Fixed]:
    lines = split_lines(file.read_bytes().decode("utf-8"))
    mark = "\ufeff" if lines[0].startswith("\ufeff") else ""
    lines[0] = lines[0].removeprefix(mark)
    done = []
    # From the end, so that what is mended moves nothing that is still to be mended.
    for problem in sorted(problems, key=lambda one: (one.line, one.column), reverse=True):
        old, new = problem.fix or ("", "")
        line, start = lines[problem.line - 1], problem.column - 1
        if line.startswith(old, start):
            lines[problem.line - 1] = line[:start] + new + line[start + len(old) :]
            what = f"{old} is now {new}"
            done.append(Fixed(file=str(file), line=problem.line, what=what))
    try:
        replace_file(file, (mark + "".join(lines)).encode("utf-8"))
    except OSError as error:
        raise MusterError(f"{file} cannot be mended: {error.strerror}.") from None
    yield from reversed(done)
