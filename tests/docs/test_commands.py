"""What the documents show can be typed, and prints what they show."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.docs.conftest import Terminal
from tests.docs.pages import GUIDES, README, ROOT, Block, Command, blocks, commands, unseen

_DEMO = ("make", "demo")
_RUN = [page for page in GUIDES if any(True for one in blocks(page) if one.language == "console")]


def _is_ours(block: Block) -> bool:
    return block.language == "console" and not block.not_run


@pytest.mark.parametrize("page", _RUN, ids=lambda page: page.stem)
def test_the_commands_of_a_page_end_and_print_as_it_says(page: Path, terminal: Terminal) -> None:
    """Every `$ muster` command of a page, run in order in a lab's estate, does what is shown."""
    for block in blocks(page):
        if block.title:
            (terminal.estate / block.title).write_text(block.text, encoding="utf-8")
        shown = list(commands(block)) if _is_ours(block) else []
        if shown and shown[0].words != _DEMO:
            for command in shown:
                if command.words[0] == "muster":
                    _try(command, terminal)


def _try(command: Command, terminal: Terminal) -> None:
    code, printed = terminal(command.words[1:])
    where = f"{command.place}: {' '.join(command.words)}"
    assert code == command.code, f"{where}\n{printed}"
    missing = unseen(command.shown, printed)
    assert missing is None, f"{where}\nis said to print:\n{missing}\nand prints:\n{printed}"


def test_only_muster_is_left_unrun_without_a_reason() -> None:
    """A block with other commands than `muster` says why it is not run."""
    odd = [
        command.place
        for page in GUIDES
        if page != README
        for block in blocks(page)
        if _is_ours(block)
        for command in commands(block)
        if command.words[0] != "muster"
    ]
    assert odd == []


def test_the_demo_prints_what_the_readme_shows() -> None:
    """The README's picture of the demo is made of lines that the demo prints, in order."""
    (shown,) = [
        tuple(block.text.splitlines()[1:])
        for block in blocks(README)
        if block.text.startswith(f"$ {' '.join(_DEMO)}\n")
    ]
    printed = _demo()
    assert unseen(shown, printed) is None, printed


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("estate", "systems"),
    [
        ("hybrid-hudu-autotask", "Hudu and Autotask"),
        ("entra-native-halopsa", "Native vault and HaloPSA"),
    ],
)
def test_the_demo_shows_the_estate_that_was_chosen(estate: str, systems: str) -> None:
    """It goes to its end with other systems too: a second run writes nothing, nobody is lost."""
    printed = _demo("--estate", estate)
    assert f"Writes to {systems}: 0" in printed
    assert "Nobody was released." in printed


def _demo(*options: str) -> str:
    """Return what a terminal shows: both outputs in the order in which they were written."""
    process = subprocess.run(
        [sys.executable, "-c", "from muster.cli.main import main; main()", "demo", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1"},
        cwd=ROOT,
        timeout=120,
        check=True,
    )
    return process.stdout
