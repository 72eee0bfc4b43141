"""How rotation is read from a policy: whether, when, and what the new passwords look like."""

from __future__ import annotations

from datetime import time, timedelta

from muster.model.rotation import Generator, GeneratorKind, PhraseWords, RotationSettings, Window
from muster.resources.durations import parse_duration
from muster.resources.tables import Json, Table, read

WINDOW: Table = {
    "start": ("start", time.fromisoformat),
    "duration": ("duration", parse_duration),
    "timeZone": ("time_zone", str),
}
GENERATOR: Table = {
    "kind": ("kind", GeneratorKind),
    "length": ("length", int),
    "words": ("words", PhraseWords),
}


def parse_generator(body: Json) -> Generator:
    """Read how new passwords are made."""
    return Generator(**read(GENERATOR, body))


ROTATION: Table = {
    "every": ("every", lambda text: timedelta(days=int(text.removesuffix("d")))),
    "window": ("window", lambda body: Window(**read(WINDOW, body))),
    "generator": ("generator", parse_generator),
    "dependents": ("without_dependents", lambda word: word == "None"),
}


def parse_rotation(body: Json) -> RotationSettings:
    """Read when and how passwords are rotated."""
    return RotationSettings(**read(ROTATION, body))
