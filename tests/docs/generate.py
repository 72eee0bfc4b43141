"""Makes reference pages from what the program itself says: its commands and its exit codes.

Decides the form of these pages; the words are those of help texts and docstrings.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from enum import Enum, EnumType
from pathlib import Path
from typing import Any

import typer.main

from muster.cli import exit_codes
from muster.cli.commands import LateGroup, load
from muster.cli.main import app

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"

_COMMANDS_HEAD = """\
# Command line

Every command, argument and option. This page is made from the program
(`MUSTER_UPDATE=1 pytest tests/docs` writes it again); `muster COMMAND --help` says the same.

Results go to standard output, what is said about the run to standard error. Where an option has
a variable, the variable works in its place, and the option wins.
[What a command exits with](exit-codes.md) is the same for all of them.
"""

_EXIT_CODES_HEAD = """\
# Exit codes

One meaning per number, for every command. This page is made from
`operator/muster/cli/exit_codes.py` (`MUSTER_UPDATE=1 pytest tests/docs` writes it again).

| code | name | what it means |
| --- | --- | --- |
"""

_EXIT_CODES_TAIL = """\

When several would fit, `muster plan` and `muster apply` take the first of: an error (1), a refused
plan (4), and then, only with `--detailed-exitcode`, changes (2), matches that wait (3). So with a
`2` matches may wait as well: read the plan's last line, or `-o json`.

With `--base` the code is about what the files change, and what is so without it does not count: 4
only where the guard refuses because of it, 2 where it does anything at all, 3 where it only brings
matches that wait for a person. A customer that could not be read whole on either side is an error
(1).

Matches that wait are no failure. Without `--detailed-exitcode`, a run that leaves some of them
exits with 0.
"""


def exit_codes_page() -> str:
    """Return docs/reference/exit-codes.md, from the docstring under each member."""
    rows = [f"| {code} | `{name}` | {text} |" for code, name, text in _exit_codes()]
    return _EXIT_CODES_HEAD + "\n".join(rows) + "\n" + _EXIT_CODES_TAIL


def _exit_codes() -> Iterator[tuple[int, str, str]]:
    source = ast.parse(inspect.getsource(exit_codes.ExitCode))
    (kind,) = [node for node in source.body if isinstance(node, ast.ClassDef)]
    for node, follower in zip(kind.body, kind.body[1:], strict=False):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            assert isinstance(follower, ast.Expr)
            assert isinstance(follower.value, ast.Constant)
            name = node.targets[0].id
            yield exit_codes.ExitCode[name], name, cell(str(follower.value.value))


def commands_page() -> str:
    """Return docs/reference/cli.md, from the typer application."""
    root: Any = typer.main.get_command(app)
    found = list(commands(root))
    words = [f"[`{name}`](#{name.replace(' ', '-')})" for name, _ in found]
    parts = [
        _COMMANDS_HEAD,
        "Commands: " + " ·\n".join(words) + ".\n",
        "## Options before the command\n\n" + _options(root),
    ]
    return "\n".join([*parts, *(_command(name, command) for name, command in found)])


def commands(command: Any, name: str = "muster") -> Iterator[tuple[str, Any]]:
    """Yield every command that does something, with its whole name, groups entered."""
    for word, listed in getattr(command, "commands", {}).items():
        child = load(word) if isinstance(command, LateGroup) else listed
        whole = f"{name} {word}"
        if hasattr(child, "commands"):
            yield from commands(child, whole)
        else:
            yield whole, child


def parameters(command: Any) -> list[Any]:
    """Return a command's arguments and options without `--help`."""
    return [one for one in command.params if one.name != "help" and not one.hidden]


def _command(name: str, command: Any) -> str:
    text, _, example = inspect.cleandoc(command.help or "").partition("\b\n")
    arguments = [_metavar(one) for one in parameters(command) if _is_argument(one)]
    usage = " ".join([name, *arguments, "[OPTIONS]"])
    parts = [f"## {name}\n", " ".join(text.split()) + "\n", f"```\n{usage}\n```\n"]
    if example.strip():
        parts.append(f"For example:\n\n```\n{inspect.cleandoc(example)}\n```\n")
    table = _options(command)
    return "\n".join([*parts, table] if table else parts)


def _options(command: Any) -> str:
    rows = [_row(one) for one in parameters(command)]
    if not rows:
        return ""
    head = "| argument or option | default | variable | what it does |\n| --- | --- | --- | --- |\n"
    return head + "\n".join(rows) + "\n"


def _row(one: Any) -> str:
    default = "" if one.default is None or one.default == "" else _default(one.default)
    variable = f"`{one.envvar}`" if one.envvar else ""
    said = cell(one.help or "")
    choices = _choices(one)
    if choices:
        said += " One of " + ", ".join(f"`{choice}`" for choice in choices) + "."
    return f"| {_names(one)} | {default} | {variable} | {said} |"


def _names(one: Any) -> str:
    if _is_argument(one):
        return f"`{_metavar(one)}`"
    value = "" if one.is_flag else f" {_metavar(one)}"
    names = [*one.opts, *one.secondary_opts]
    return ", ".join(f"`{name}{value if name.startswith('--') else ''}`" for name in names)


def _metavar(one: Any) -> str:
    if one.metavar:
        return str(one.metavar)
    if _is_argument(one):
        return one.name.upper() if one.required else f"[{one.name.upper()}]"
    if _choices(one):
        return "FORMAT"
    names = {int: "NUMBER", float: "NUMBER", Path: "PATH"}
    return names.get(one.type_descriptor.annotation, "TEXT")


def _choices(one: Any) -> list[str]:
    kind = one.type_descriptor.annotation
    if not isinstance(kind, EnumType):
        return []
    members: list[Enum] = list(kind)
    return [str(member.value) for member in members]


def _is_argument(one: Any) -> bool:
    return str(one.param_type_name) == "argument"


def _default(value: Any) -> str:
    if value is False:
        return ""
    if value is True:
        return "`on`"
    if isinstance(value, float):
        value = f"{value:g}"
    return f"`{_word(value)}`"


def _word(value: Any) -> str:
    return str(getattr(value, "value", value))


def cell(text: str) -> str:
    """Return text as it can stand in one cell of a table."""
    return re.sub(r"\s+", " ", text).strip().replace("|", "\\|").replace("<", "\\<")
