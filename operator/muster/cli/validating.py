"""`muster validate`: every problem in one run, for people and for CI systems."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from muster.cli import options
from muster.cli.exit_codes import ExitCode
from muster.cli.output import Format, counted, out, print_data, print_text, say, visible
from muster.cli.problem_formats import WRITERS, ProblemFormat, as_data, is_valid
from muster.cli.targets import read_targets, save
from muster.garbage import collect_rarely

if TYPE_CHECKING:
    from muster.resources.load import LoadedEstate
    from muster.resources.problems import Problem

_FORMATS = ", ".join(ProblemFormat)


_Outputs = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FORMAT[=PATH]",
        help=f"How to print, or what to write where; repeat it for several. One of {_FORMATS}.",
        show_default="text",
    ),
]
_Strict = Annotated[bool, typer.Option("--strict", help="Fail on warnings, too; notes never fail.")]
_Guardrails = Annotated[
    list[Path] | None,
    typer.Option(
        "--guardrails",
        "-g",
        help="Files or directories with ValidatingAdmissionPolicies to ask as well; those among "
        "the resources are always asked.",
        show_default=False,
    ),
]
_Fix = Annotated[
    bool, typer.Option("--fix", help="Mend in the files what has one right answer, then check.")
]


def validate(
    paths: options.Paths = None,
    also: options.Also = None,
    output: _Outputs = None,
    strict: _Strict = False,
    guardrails: _Guardrails = None,
    fix: _Fix = False,
) -> int:
    """Check resources against schemas, rules and each other; touch no system.

    \b
    muster validate estate/
    muster validate policies/staff.yaml customers/contoso.yaml -o json
    muster validate . -o github -o sarif=muster.sarif -o junit=muster.xml
    kustomize build . | muster validate -
    """
    from muster.resources import load_estate

    collect_rarely()
    targets = read_targets(ProblemFormat, output or (ProblemFormat.TEXT,))
    where = (*(paths or ()), *(also or ())) or (options.HERE,)
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


def _guarded(loaded: LoadedEstate, paths: Sequence[Path]) -> tuple[Problem, ...]:
    """Ask the guardrails of the tree, and those of the paths that were named for them."""
    from muster.resources import load_estate
    from muster.resources.guarding import find_guardrails, guard, guards_nothing

    named = {path: load_estate([path]) for path in paths}
    found = find_guardrails([loaded, *named.values()])
    told = [*found.problems, *guard(loaded, found.guardrails)]
    for path, tree in named.items():
        told = [*tree.problems, *guards_nothing(path, tree), *told]
    # A file may be named twice; what was said about it is not said again.
    return tuple(one for one in dict.fromkeys(told) if one not in loaded.problems)


def _warned(problems: Sequence[Problem]) -> bool:
    from muster.resources.codes import Severity

    return any(one.code.severity is Severity.WARNING for one in problems)


def _fix(paths: Sequence[Path]) -> None:
    from muster.resources.fixes import fix_files

    for fixed in fix_files(paths):
        say(f"Fixed {visible(fixed.file)}:{fixed.line}: {fixed.what}")


def _write(
    kind: ProblemFormat, path: Path | None, problems: Sequence[Problem], loaded: LoadedEstate
) -> None:
    if path is None:
        _show(kind, problems, loaded)
        return
    text = _text(problems, loaded) if kind is ProblemFormat.TEXT else WRITERS[kind](problems)
    save(path, text)


def _show(kind: ProblemFormat, problems: Sequence[Problem], loaded: LoadedEstate) -> None:
    """Print in a form; text for people is kept apart, because a terminal may colour and fold it."""
    match kind:
        case ProblemFormat.TEXT:
            out().print(_text(problems, loaded), markup=False, soft_wrap=True, highlight=False)
        case ProblemFormat.JSON | ProblemFormat.YAML:
            print_data(as_data(problems), Format(kind))
        case _:
            print_text(WRITERS[kind](problems))


def _text(problems: Sequence[Problem], loaded: LoadedEstate) -> str:
    """Return the problems for people, each with its line of the file and a caret below it."""
    from muster.cli.excerpts import Excerpts

    excerpts = Excerpts(loaded.typed)
    lines: list[str] = []
    for one in problems:
        place = f"{visible(one.file)}:{one.line}:{one.column}"
        lines.append(f"{place}: {one.code.severity}: {visible(one.text)} [{one.code}]")
        lines.extend(excerpts.of(one))
    return "\n".join([*lines, _summary(problems, loaded)])


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
