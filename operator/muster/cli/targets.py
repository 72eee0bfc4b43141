"""`--output FORMAT[=PATH]`: which forms are asked for, and where each goes."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import typer

from muster.errors import MusterError

_Form = TypeVar("_Form", bound=StrEnum)


def read_targets(forms: type[_Form], texts: Sequence[str]) -> list[tuple[_Form, Path | None]]:
    """Read each `FORMAT` or `FORMAT=PATH`; without a path, or with `-`, it goes to the screen.

    Raises:
        BadParameter: there is no such format, no path behind the `=`, or more than one form for
            the screen.
    """
    targets = [_read(forms, text) for text in texts]
    if sum(path is None for _, path in targets) > 1:
        raise typer.BadParameter("Only one --output may go to the screen; give the others a =PATH.")
    return targets


def _read(forms: type[_Form], text: str) -> tuple[_Form, Path | None]:
    name, named, path = text.partition("=")
    if named and not path:
        raise typer.BadParameter(f'"{text}" names no file. Write {name}=PATH, or {name} alone.')
    try:
        return forms(name), Path(path) if path not in {"", "-"} else None
    except ValueError:
        known = ", ".join(forms)
        raise typer.BadParameter(f'There is no format "{name}". Write one of {known}.') from None


def save(path: Path, text: str) -> None:
    """Write what was asked for into a file.

    Raises:
        MusterError: it cannot be written.
    """
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}. Name a file in a directory that is"
        raise MusterError(f"{message} there and yours to write.") from None
