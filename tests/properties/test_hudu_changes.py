"""Whatever happens in Hudu, what changed comes to what is there, but for what it cannot show."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contract.vault.hudu_world import HuduWorld

from muster.adapters.hudu import HuduVault
from muster.adapters.hudu.changes import FULL_AFTER
from muster.lab.hudu import HuduKnobs, HuduLab
from muster.model.names import RemoteId
from muster.model.records import VaultEntry

Happening = Literal[
    "create", "edit", "archive", "bring back", "delete", "move away", "move in", "read", "wait"
]
COUNT = itertools.count()
STEPS = st.lists(
    st.tuples(
        st.sampled_from(Happening.__args__),  # type: ignore[attr-defined]
        st.integers(0, 40),
    ),
    max_size=25,
)


@dataclass(slots=True)
class Story:
    """A company to which things happen, and what of it changes cannot show."""

    world: HuduWorld
    company: RemoteId
    elsewhere: RemoteId
    vault: HuduVault
    forgetful: HuduVault
    """Reads everything each time."""
    now: datetime = datetime(2026, 11, 21, 12, tzinfo=UTC)
    gone: dict[RemoteId, datetime] = field(default_factory=dict)
    """When an entry was deleted or moved away."""

    def happen(self, what: Happening, number: int) -> None:
        """Let one thing happen; some seconds pass as well."""
        self.now += timedelta(seconds=number % 3)
        lab, own, foreign = self.world.lab, self._ids(self.company), self._ids(self.elsewhere)
        chosen = own[number % len(own)] if own else None
        match what:
            case "create":
                self.world.add_entry(self.company, f"new {number}")
            case "edit" if chosen:
                lab.edit_password(chosen, username=f"user{number}")
            case "archive" | "bring back" if chosen:
                lab.edit_password(chosen, archived=what == "archive")
            case "delete" if chosen:
                lab.delete_password(chosen)
                self.gone[chosen] = self.now
            case "move away" if chosen:
                lab.move_password(chosen, self.elsewhere)
                self.gone[chosen] = self.now
            case "move in" if foreign:
                back = foreign[number % len(foreign)]
                lab.move_password(back, self.company)
                self.gone.pop(back, None)
            case "read":
                self.compare()
            case "wait":
                self.now += timedelta(minutes=number)

    def compare(self) -> None:
        """Insist that only what went away within the hour is shown beside what is there."""
        kept, there = self._read(self.vault), self._read(self.forgetful)
        for number in kept.keys() - there.keys():
            assert self.now - self.gone[number] < FULL_AFTER
            del kept[number]
        assert kept == there

    def _read(self, vault: HuduVault) -> dict[RemoteId, VaultEntry]:
        return {entry.id: entry for entry in vault.list_entries(self.company)}

    def _ids(self, company: RemoteId) -> list[RemoteId]:
        return sorted(RemoteId(row["id"]) for row in self.world.stored(company))


@pytest.fixture(scope="module")
def world() -> Iterator[HuduWorld]:
    """Return a Hudu whose pages hold 25 rows, so that short lists have several."""
    knobs = HuduKnobs(requests_per_window=None, max_page=25)
    with ExitStack() as stack:
        yield HuduWorld(stack.enter_context(HuduLab(knobs=knobs)), stack)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(size=st.integers(0, 40), steps=STEPS)
def test_changes_come_to_what_is_there(
    world: HuduWorld, size: int, steps: list[tuple[Happening, int]]
) -> None:
    """Edited, archived or new is right at once; deleted or moved away, after an hour."""
    count = next(COUNT)
    story = Story(
        world=world,
        company=world.add_organization(f"Customer {count}"),
        elsewhere=world.add_organization(f"Other customer {count}"),
        vault=world.open(world.lab.key),
        forgetful=world.open(world.lab.key, most_entries=0),
    )
    world.lab.clock = lambda: story.now
    for n in range(size):
        world.add_entry(story.company, f"old {n}")
    for what, number in (("read", 0), *steps, ("read", 0)):
        story.happen(what, number)
    story.now += FULL_AFTER
    story.gone.clear()
    story.compare()
