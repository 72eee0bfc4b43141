"""What an object shows to whoever looks: a log, a debugger, a comparison, a serializer."""

from __future__ import annotations

import copy
import gc
import json
import logging
import pickle
import pprint
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import asdict, astuple, dataclass, replace
from io import StringIO
from typing import Any

import pytest
import rich
import yaml
from deepdiff import DeepDiff, DeepHash
from rich.console import Console
from rich.traceback import Traceback
from tests.leaks.conftest import MakeJourney
from tests.leaks.forms import find

from muster.cli.session import open_session, place
from muster.model.secret import Secret
from muster.reconcile import propose

PLANTED = "planted-Secret-77"
MIXES = ("ad-itglue-connectwise", "hybrid-hudu-autotask", "ad-native-halopsa")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Has a secret, as many settings have."""

    name: str = "svc"
    password: Secret


def inspected(one: object) -> str:
    """Return everything that rich shows of an object."""
    screen = StringIO()
    rich.inspect(one, console=Console(file=screen, width=200), all=True, help=False)
    return screen.getvalue()


def with_locals(secret: object) -> str:
    """Return a traceback as rich shows it, with every variable."""
    screen = StringIO()
    holders = {"held": secret}
    try:
        holders["missing"]
    except KeyError:
        Console(file=screen, width=200).print(Traceback(show_locals=True))
    return screen.getvalue()


def logged(one: object) -> str:
    """Return what a logger writes of it."""
    screen = StringIO()
    logger = logging.Logger("library")
    logger.addHandler(logging.StreamHandler(screen))
    logger.warning("sent %s, %r and %s", one, [one], {"password": one})
    return screen.getvalue()


WAYS: dict[str, Callable[[Any], object]] = {
    "repr": repr,
    "str": str,
    "f-string": lambda one: f"{one} {one!r} {one!a}",
    "%": lambda one: "%s %r %a" % (one, one, one),  # noqa: UP031 - the old way counts too
    "pprint": pprint.pformat,
    "logging": logged,
    "state": lambda one: one.__getstate__(),
    "slots": lambda one: [getattr(one, name) for name in one.__slots__],
    "vars": vars,
    "json": json.dumps,
    "json with str": lambda one: json.dumps(one, default=str),
    "yaml": yaml.dump,
    "pickle": pickle.dumps,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "asdict": asdict,
    "astuple": astuple,
    "replace": replace,
    "deepdiff": lambda one: DeepDiff(one, Secret("another")),
    "deepdiff in a tree": lambda one: DeepDiff([one], [Secret("another")], view="tree"),
    "deephash": lambda one: dict(DeepHash(one)),
    "inspector": inspected,
    "traceback with variables": with_locals,
    "iteration": list,
    "bytes": bytes,
}
"""Each returns what it makes of an object, or refuses by an exception."""


@pytest.mark.parametrize("way", WAYS)
def test_a_secret_does_not_show(way: str) -> None:
    """Whatever is done with it, or with what holds it, its value comes out by `reveal` alone."""
    seen = ""
    secret = Secret(PLANTED)
    for one in (secret, Holder(password=secret), [secret], {"password": secret}):
        try:
            seen += repr(WAYS[way](one))
        except Exception as refusal:  # noqa: BLE001 - its text is what is looked at
            seen += repr(refusal)
    assert seen
    assert find({way: seen.encode()}, {"secret": PLANTED}) == []
    assert secret.reveal() == PLANTED


@pytest.mark.parametrize("mix", MIXES)
def test_no_object_of_ours_shows_a_secret(mix: str, make_journey: MakeJourney) -> None:
    """While everything is open and was used, every object's own text is free of secrets."""
    journey = make_journey(mix)
    journey.ok("apply")
    assert journey("rotate", "--all", "--reason", "ticket 20312").code in (0, 6)
    with open_session(place([journey.estate]), write=False) as session:
        (desired,) = session.estate.desired
        with closing(session.assembly):
            ports = session.assembly.ports(desired)
            propose(desired, ports)
            assert ports.open_sealer is not None
            ports.open_sealer()
            ours = [one for one in gc.get_objects() if _is_ours(one)]
            shown = "\n".join(map(_text, ours))
    assert len({type(one) for one in ours}) > 40
    journey.known.look()
    assert find({"objects": shown.encode(errors="backslashreplace")}, journey.known.values) == []


def _is_ours(one: object) -> bool:
    module = str(getattr(type(one), "__module__", ""))
    return module.startswith("muster.") and not module.startswith("muster.lab.")


def _text(one: object) -> str:
    with suppress(Exception):
        return f"{one!r} {one}"
    return ""
