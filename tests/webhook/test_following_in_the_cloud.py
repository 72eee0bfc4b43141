"""An edit in IT Glue reaches Entra once, where a token request tells whose password is live."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.webhook.follow_world import NEW, World, open_world

from muster.following import Followed, FollowState
from muster.lab.graph import READ_PERMISSIONS, GraphLab
from muster.lab.lab import Lab
from muster.lab.mix import Mix
from muster.model.accounts import AccountRecord

PRIVILEGED_AUTHENTICATION = "7be44c8a-adaf-4e2a-84d6-ab2649e08a13"
OTHER = "Another-Choice-78-words"
LONG_AGO = "2020-01-01T00:00:00Z"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A customer in the cloud whose application may set passwords, and ask with them."""
    with Lab(customers=1, people=4, mix=Mix.parse("entra-itglue-connectwise")) as lab:
        graph, tenant = graph_of(lab), lab.tenant_ids["contoso"]
        permissions = {*READ_PERMISSIONS, "User-PasswordProfile.ReadWrite.All"}
        graph.consent(tenant, permissions, roles=[PRIVILEGED_AUTHENTICATION])
        for user in graph.users(tenant):
            graph.edit_user(tenant, user["id"], lastPasswordChangeDateTime=LONG_AGO)
        with open_world(lab, tmp_path) as opened:
            yield opened


def graph_of(lab: Lab) -> GraphLab:
    """Return the lab's Graph."""
    assert lab.graph is not None
    return lab.graph


def followed(world: World) -> tuple[AccountRecord, GraphLab]:
    """Follow a first edit, and return whose it was; the entry has Muster's own write then."""
    person = world.person()
    assert world.follow(world.edit(person)).state is FollowState.FOLLOWED
    assert world.live(person) == world.kept(person) == NEW
    return person, graph_of(world.lab)


def writes(world: World) -> int:
    """Count the passwords that Entra was sent."""
    return sum(seen.method == "PATCH" for seen in graph_of(world.lab).requests)


def test_an_echo_is_told_from_an_edit_by_asking_entra(world: World) -> None:
    """The password that is live starts nothing; another one beside it is followed in the end."""
    person, graph = followed(world)
    assert world.follow(world.edit(person)).state is FollowState.NOTHING_NEW
    assert writes(world) == 1
    again = world.edit(person, OTHER)
    assert world.follow(again).state is FollowState.UNDERWAY
    world.minutes = 16
    assert world.follow(again).state is FollowState.FOLLOWED
    assert world.live(person) == world.kept(person) == OTHER
    assert graph.wrong_attempts(person.identity.id) == 1
    assert world.actions().count("ProvePassword") > 2


def test_a_refusal_by_a_login_that_lags_starts_no_second_change(world: World) -> None:
    """Soon after Muster's own write it means `not yet`; the next look tells."""
    person, graph = followed(world)
    graph.knobs.stale_sign_in = True
    echo = world.edit(person)
    assert world.follow(echo).state is FollowState.UNDERWAY
    graph.knobs.stale_sign_in = False
    assert world.follow(echo).state is FollowState.NOTHING_NEW
    assert writes(world) == 1


def test_what_entra_leaves_open_counts_as_an_echo(world: World) -> None:
    """As with the date alone: beside Muster's own write nothing is set a second time."""
    person, graph = followed(world)
    graph.knobs.sign_in_block = 50053
    for password in (NEW, OTHER):
        found: Followed = world.follow(world.edit(person, password))
        assert found.state is FollowState.NOTHING_NEW
    assert writes(world) == 1
    lines = map(json.loads, (world.folder / "audit.jsonl").read_text().splitlines())
    told = [one for one in lines if "AADSTS50053" in json.dumps(one)]
    assert {(one["action"], one["result"]) for one in told} == {("ProvePassword", "Unknown")}
