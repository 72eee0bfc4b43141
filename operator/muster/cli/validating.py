"""`muster validate`: every problem in one run, for people and for CI systems."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from muster.cli import options
from muster.cli.exit_codes import ExitCode
from muster.cli.output import counted, out, visible
from muster.cli.problem_formats import WRITERS, ProblemFormat, is_valid
from muster.errors import MusterError

if TYPE_CHECKING:
    from muster.resources.load import LoadedEstate
    from muster.resources.problems import Problem

Target = tuple[ProblemFormat, Path | None]

_FORMATS = ", ".join(ProblemFormat)

_HARMLESS = re.compile("(integration|customer|account)Ref")
"""References that never are to a secret; the others' lines are not shown."""


def validate(
    paths: options.Paths = None,
    also: options.Also = None,
    output: Annotated[
        list[str] | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FORMAT[=PATH]",
            help=f"How to print, or what to write where; repeat it for several. One of {_FORMATS}.",
            show_default="text",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail on warnings, too; notes never fail.")
    ] = False,
    guardrails: Annotated[
        list[Path] | None,
        typer.Option(
            "--guardrails",
            "-g",
            help="Files or directories with ValidatingAdmissionPolicies to ask as well; those "
            "among the resources are always asked.",
            show_default=False,
        ),
    ] = None,
    fix: Annotated[
        bool,
        typer.Option("--fix", help="Mend in the files what has one right answer, then check."),
    ] = False,
) -> int:
    """Check resources against schemas, rules and each other; touch no system.

    \b
    muster validate estate/
    muster validate policies/staff.yaml customers/contoso.yaml -o json
    muster validate . -o github -o sarif=muster.sarif -o junit=muster.xml
    kustomize build . | muster validate -
    """
    from muster.cli.session import place
    from muster.resources import load_estate

    targets = [_target(text) for text in output or (str(ProblemFormat.TEXT),)]
    if sum(path is None for _, path in targets) > 1:
        raise typer.BadParameter("Only one --output may go to the screen; give the others a =PATH.")
    where = place([*(paths or ()), *(also or ())]).paths
    if fix:
        _fix(where)
    loaded = load_estate(where)
    problems = (
        *loaded.problems,
        *loaded.lints(datetime.now(UTC)),
        *_guarded(loaded, guardrails or ()),
    )
    for kind, path in targets:
        _write(kind, path, problems, loaded)
    failed = not is_valid(problems) or (strict and _warned(problems))
    return ExitCode.ERROR if failed else ExitCode.OK


def _target(text: str) -> Target:
    """Read `FORMAT` or `FORMAT=PATH`."""
    name, _, path = text.partition("=")
    try:
        return ProblemFormat(name), Path(path) if path else None
    except ValueError:
        raise typer.BadParameter(f'There is no format "{name}". Write one of {_FORMATS}.') from None


def _guarded(loaded: LoadedEstate, paths: Sequence[Path]) -> tuple[Problem, ...]:
    """Ask the guardrails of the tree, and those of the paths that were named for them."""
    from muster.resources import load_estate
    from muster.resources.guarding import find_guardrails, guard

    trees = [loaded]
    if paths:
        named = load_estate(paths)
        named.checked()
        trees.append(named)
    return guard(loaded, find_guardrails(trees))


def _warned(problems: Sequence[Problem]) -> bool:
    from muster.resources.codes import Severity

    return any(one.code.severity is Severity.WARNING for one in problems)


def _fix(paths: Sequence[Path]) -> None:
    from muster.resources.fixes import fix_files

    for fixed in fix_files(paths):
        out().print(f"Fixed {fixed.file}:{fixed.line}: {fixed.what}", markup=False, soft_wrap=True)


def _write(
    kind: ProblemFormat, path: Path | None, problems: Sequence[Problem], loaded: LoadedEstate
) -> None:
    if kind is ProblemFormat.TEXT:
        text = "\n".join([*_lines(problems), _summary(problems, loaded)])
    else:
        text = WRITERS[kind](problems)
    if path is None:
        out().print(text, markup=False, soft_wrap=True, highlight=False)
        return
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise MusterError(f"{path} cannot be written: {error.strerror}.") from None


def _lines(problems: Sequence[Problem]) -> list[str]:
    """Return the problems for people, each with its line of the file and a caret below it."""
    lines: list[str] = []
    texts: dict[str, list[str]] = {}
    for one in problems:
        place = f"{one.file}:{one.line}:{one.column}"
        lines.append(f"{place}: {one.code.severity}: {visible(one.text)} [{one.code}]")
        lines.extend(_excerpt(one, texts))
    return lines


def _excerpt(one: Problem, texts: dict[str, list[str]]) -> list[str]:
    """Return the line with a caret; nothing where a secret may stand in it."""
    from muster.resources.codes import Code

    if one.file not in texts:
        texts[one.file] = _file_lines(Path(one.file))
    lines = texts[one.file]
    if one.line > len(lines) or one.code is Code.SECRET_IN_TREE:
        return []
    line = lines[one.line - 1]
    if "Ref" in _HARMLESS.sub("", line) or not line.strip():
        return []
    number = f"{one.line:>5} | "
    caret = " " * (len(number) + one.column - 1) + "^"
    return [number + visible(line.expandtabs(1)), caret]


def _file_lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _summary(problems: Sequence[Problem], loaded: LoadedEstate) -> str:
    from muster.resources.codes import Severity

    count = dict.fromkeys(Severity, 0)
    for one in problems:
        count[one.code.severity] += 1
    found = [counted(count[Severity.ERROR], "problem")]
    found += [counted(count[s], str(s)) for s in (Severity.WARNING, Severity.NOTE) if count[s]]
    estate = loaded.estate
    parts = [
        counted(len(estate.customers), "customer"),
        counted(len(estate.policies), "policy", "policies"),
        counted(len(estate.integrations), "integration"),
        counted(len(estate.overrides), "override"),
    ]
    if estate.ignored_resources:
        parts.append(f"{estate.ignored_resources} of other API groups, ignored")
    sound = "Sound so far" if count[Severity.ERROR] else "Sound"
    return f"{', '.join(found)}. {sound}: {', '.join(parts)}."
