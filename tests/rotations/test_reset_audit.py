"""What the audit says of a reset: what is known of it, and no more."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.plan.world import NOW
from tests.rotations.test_planning import DUE, KNOWN

from muster.audit import FileSink, Trail
from muster.audit.reading import UNKNOWN, Wanted, read_effects
from muster.audit.verify import read_lines
from muster.errors import SpecError, StateError
from muster.model.names import DirectoryKind
from muster.model.passwords import JobKind
from muster.ports import PasswordDirectory, Ports
from muster.registry.sqlite import SqliteRegistry
from muster.resets import reset
from muster.rotations import PasswordOrder
from muster.sealing import KeyRing, new_key


@pytest.mark.parametrize(
    ("stop", "result"),
    [
        (SpecError(("It is missing.",)), "Failed"),
        (StateError("The disk is full."), UNKNOWN),
        (KeyboardInterrupt(), UNKNOWN),
    ],
    ids=["refused", "unwritable", "interrupted"],
)
def test_a_reset_that_was_cut_off_is_not_said_to_have_failed(
    tmp_path: Path, stop: BaseException, result: str
) -> None:
    """An interrupted reset may have set the password: its result is Unknown."""

    def broken() -> Mapping[DirectoryKind, PasswordDirectory]:
        raise stop

    path = tmp_path / "audit.jsonl"
    with SqliteRegistry.open(tmp_path / "state.sqlite") as registry:
        ports = Ports(
            registry=registry,
            clock=lambda: NOW,
            open_passwords=broken,
            open_sealer=lambda: KeyRing.parse(new_key(), "the test"),
            audit=Trail(FileSink(path), "olivia"),
        )
        with pytest.raises(type(stop)):
            reset(PasswordOrder(kind=JobKind.RESET), KNOWN, DUE.desired, ports)
    [effect] = read_effects(read_lines(path), Wanted())
    assert (effect["action"], effect["result"]) == ("ResetPassword", result)
