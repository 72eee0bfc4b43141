"""A PasswordReset in a real cluster: once, whatever dies, and never with the password in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.kube.cluster import Cluster
from tests.kube.world import World, eventually, operator, resource

from muster.lab.lab import Lab

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kube")]

NAME = "ticket-20312"


@pytest.fixture
def world(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[World]:
    """Give a world of one customer."""
    with Lab(customers=1, people=10) as lab:
        yield World(cluster, namespace, lab, tmp_path)


def linked(world: World) -> Any:
    """Return an account whose entry is linked."""
    items = json.loads(world.kubectl("get", "accounts", "-o", "json"))["items"]
    return next(
        one
        for one in items
        if one["spec"]["accountType"] == "EndUser"
        and one["status"]["vault"]["state"] in ("Linked", "Created")
    )


def phase(world: World) -> str:
    """Return how the reset stands, once it is over."""
    status = world.get("passwordreset", NAME).get("status", {})
    return str(status.get("phase")) if status.get("phase") in ("Done", "Refused", "Failed") else ""


def test_a_reset_sets_the_password_once_and_tells_where_it_is(world: World) -> None:
    """With the shipped rights; it never changes, and a restart of the operator repeats nothing."""
    world.install()
    lab = world.lab
    with operator(world):
        world.wait_told()
        person = linked(world)
        domain = lab.domains["contoso"]
        dn = domain.find(person["status"]["samAccountName"])
        before = domain.password(dn)
        spec = {"accountRef": {"name": person["metadata"]["name"]}, "reason": "ticket 20312"}
        world.put(resource("PasswordReset", NAME, spec))
        assert eventually(lambda: phase(world), "the reset is over") == "Done"
    password = domain.password(dn)
    assert password is not None
    assert password != before
    entries = lab.itglue.passwords(lab.organization_ids["contoso"])
    entry = next(one for one in entries if one["id"] == person["status"]["vault"]["id"])
    assert entry["password"] == password
    shown = world.get("passwordreset", NAME)
    assert shown["status"]["proof"] == "Bind"
    named = world.get("account", person["metadata"]["name"])["status"]["rotation"]["revision"]
    assert shown["status"]["revision"] == named
    assert shown["status"]["account"] == person["status"]["userPrincipalName"]
    everything = world.kubectl("get", "passwordresets,accounts,customers,events", "-o", "json")
    assert password not in everything
    assert not [one for one in world.requests() if one.code == 403]
    refused = world.kubectl(
        "patch",
        "passwordreset",
        NAME,
        "--type=merge",
        '--patch={"spec":{"unlock":true}}',
        check=False,
    )
    assert "a reset never changes" in refused
    with operator(world):
        world.wait_told()
    assert domain.password(dn) == password


def test_a_reset_of_nobody_waits_and_one_that_cannot_be_kept_is_refused(world: World) -> None:
    """Without an entry nothing is set, and status says what to do."""
    world.install()
    with operator(world):
        world.wait_told()
        person = linked(world)
        user = person["status"]["samAccountName"]
        world.put_override("contoso", user, vault={"ignore": True})
        eventually(
            lambda: (
                world.get("account", person["metadata"]["name"])["status"]["vault"]["state"]
                not in ("Linked", "Created")
            ),
            "the link is gone",
        )
        domain = world.lab.domains["contoso"]
        before = domain.password(domain.find(user))
        spec = {"accountRef": {"name": person["metadata"]["name"]}, "reason": "ticket 20312"}
        world.put(resource("PasswordReset", NAME, spec))
        assert eventually(lambda: phase(world), "the reset is over") == "Refused"
    status = world.get("passwordreset", NAME)["status"]
    assert "cannot be kept" in status["message"]
    assert status["cause"] == "NoEntryForPassword"
    assert domain.password(domain.find(user)) == before
