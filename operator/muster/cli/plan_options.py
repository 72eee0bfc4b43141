"""The options of `muster plan`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class PlanFormat(StrEnum):
    """How `muster plan` prints."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"
    MARKDOWN = "markdown"


Output = Annotated[
    PlanFormat,
    typer.Option(
        "--output", "-o", help="How to print; markdown is for a comment on a pull request."
    ),
]
Base = Annotated[
    str | None,
    typer.Option(
        "--base",
        metavar="REV",
        help="Say only what the files change compared with this revision of git.",
        show_default=False,
    ),
]
Record = Annotated[
    Path | None,
    typer.Option(
        "--record",
        metavar="FILE",
        help="Write down what was observed and known; .gz compresses it. It holds names and "
        "addresses of people, and no secret.",
        show_default=False,
    ),
]
Pseudonymize = Annotated[
    bool,
    typer.Option("--pseudonymize", help="With --record: give people other names in the file."),
]
From = Annotated[
    Path | None,
    typer.Option(
        "--from",
        metavar="FILE",
        help="Plan from what --record wrote; needs no system, no secret and no state file.",
        show_default=False,
    ),
]
Anonymous = Annotated[
    bool,
    typer.Option(
        "--anonymous", help="Count people and do not name them; with --base or -o markdown."
    ),
]
DetailedExitcode = Annotated[
    bool,
    typer.Option(
        "--detailed-exitcode",
        help="Exit with 0 for nothing to do, 1 for an error, 2 for changes, 3 when matches wait "
        "for a person. With --base, only what the files change counts.",
    ),
]
