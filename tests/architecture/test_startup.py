"""A command imports what it needs itself, and the list of commands says what the commands say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.architecture.source import ROOT

from muster.cli.commands import COMMANDS, load

SOUND = ROOT / "tests" / "corpus" / "good" / "entra.yaml"
_SHELL = {"muster.cli", "muster.cli.main", "muster.cli.commands", "muster.cli.shell"}
_PROGRAM = """
import sys
sys.argv = ["muster", *sys.argv[1:]]
try:
    from muster.cli.main import main
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""
_HEAVY = {
    "cryptography",
    "deepdiff",
    "httpx",
    "hvac",
    "jinja2",
    "jsonschema",
    "kopf",
    "kubernetes",
    "ldap3",
    "limits",
    "msal",
    "rapidfuzz",
    "sqlite3",
    "stamina",
    "werkzeug",
    "muster.adapters",
    "muster.assembly",
    "muster.lab",
    "muster.registry",
    "muster.transport",
}


def _imported(*arguments: str | Path, **environment: str) -> tuple[set[str], str]:
    """Run a command in a process of its own; return the modules it imported, and its output."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.splitlines()[-1].split()), done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_the_command_says(name: str) -> None:
    """Each line of the list loads, and is the first paragraph of the command's own help."""
    command = load(name)
    assert command.name == name
    assert " ".join(command.help.partition("\n\n")[0].split()) == COMMANDS[name].line


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--help"], {}),
        (["--version"], {}),
        ([], {"_MUSTER_COMPLETE": "complete_bash", "COMP_WORDS": "muster ", "COMP_CWORD": "1"}),
    ],
    ids=["help", "version", "completion"],
)
def test_what_is_about_the_program_imports_no_command(
    arguments: list[str], environment: dict[str, str]
) -> None:
    """Help, version and the completion of a command's name stay fast, and name every command."""
    found, output = _imported(*arguments, **environment)
    ours = {name for name in found if name.startswith("muster.")}
    assert ours <= _SHELL | {"muster.cli.exit_codes", "muster.errors"}
    assert "rich" not in found
    if arguments != ["--version"]:
        assert [name for name in COMMANDS if name not in output] == []


def test_an_option_is_completed_from_its_command() -> None:
    """The completion of an option asks the command itself, and imports no other one."""
    words = {"COMP_WORDS": "muster validate --str", "COMP_CWORD": "2"}
    found, output = _imported(_MUSTER_COMPLETE="complete_bash", **words)
    assert output.split() == ["--strict"]
    assert {"muster.cli.validating", "muster.cli.running"} & found == {"muster.cli.validating"}


def test_validate_imports_nothing_that_speaks_to_a_system() -> None:
    """Checking sound files needs no client, no registry, no template and no slow validator."""
    found, output = _imported("validate", SOUND)
    assert "0 problems" in output
    assert found & _HEAVY == set()
