"""The daily digest in a real cluster: once a day, whoever holds the shard."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.kube.cluster import Cluster
from tests.kube.place import connect
from tests.kube.world import World, eventually, operator

from muster.kube.api import Conflict
from muster.kube.digests import MARKS, SecretMarks
from muster.lab.lab import Lab

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kube")]


@pytest.fixture
def world(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[World]:
    """Give a world of two customers."""
    with Lab(customers=2, people=6) as lab:
        yield World(cluster, namespace, lab, tmp_path)


def _looks(world: World) -> int:
    """Return how often the operator has read the marks."""
    return sum(one.verb == "get" and one.name == MARKS for one in world.requests())


def test_a_digest_is_sent_once_whoever_holds_the_shard(world: World) -> None:
    """It tells of every customer, with the shipped rights; another replica sends no second one."""
    world.install()
    with operator(world):
        world.wait_told()
        assert world.lab.mail.received == []
        slot = f"{datetime.now(UTC) - timedelta(minutes=2):%H:%M}"
        world.change("integration", "mail", digest={"to": ["noc@msp.example"], "at": slot})
        eventually(lambda: world.lab.mail.received, "the digest")
    (mail,) = world.lab.mail.mails
    text = world.lab.mail.contents[0].decode()
    assert mail["To"] == "noc@msp.example"
    assert "2 customers" in text
    assert [name for name in world.names if name not in text] == []
    looks = _looks(world)
    with operator(world, identity="two", shards=3):
        eventually(lambda: _looks(world) > looks, "the other replica has looked")
    assert len(world.lab.mail.received) == 1
    assert not [one for one in world.requests() if one.code == 403]
    kept = json.loads(world.kubectl("get", "secret", MARKS, "-o", "json"))["data"]
    assert base64.b64decode(kept["digest.mail"]).decode()[11:16] == slot


def test_of_two_that_read_the_same_mark_one_writes(cluster: Cluster, namespace: str) -> None:
    """The first mark and a later one: the second writer is told, and writes nothing."""
    with closing(connect(cluster)) as api:
        for value in ("monday", "tuesday"):
            one, two = (SecretMarks(api, namespace) for _ in range(2))
            assert one.read_mark("digest/mail") == two.read_mark("digest/mail")
            one.write_mark("digest/mail", value)
            with pytest.raises(Conflict):
                two.write_mark("digest/mail", "never")
            assert two.read_mark("digest/mail") == value
            one.write_mark("digest/mail", value)
