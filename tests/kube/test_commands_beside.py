"""What an engineer does about passwords beside the operator, with a kubeconfig and the command."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from tests.contract.registry.suite import make_job
from tests.kube.cluster import ADMIN, Cluster
from tests.kube.test_password_resets import linked
from tests.kube.world import World, eventually, operator

from muster.adapters.clock import utc_now
from muster.audit import verify
from muster.cli.main import app
from muster.cli.shell import run
from muster.kube.api import KubeApi
from muster.kube.journal import Journals
from muster.lab.lab import Lab
from muster.model.names import AccountId, CustomerName
from muster.model.passwords import JobState

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kube")]

NAME = CustomerName("contoso")
Muster = Callable[..., tuple[int, str]]


@pytest.fixture
def world(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[World]:
    """Give a world of one customer, whose administrators are rotated."""
    with Lab(customers=1, people=10) as lab:
        made = World(cluster, namespace, lab, tmp_path)
        file = made.estate / "policies" / "administrators.yaml"
        policy = yaml.safe_load(file.read_text())
        policy["spec"]["options"]["rotation"] = {
            "every": "30d",
            "window": {"start": "02:00", "timeZone": "America/Toronto"},
        }
        file.write_text(yaml.safe_dump(policy))
        yield made


@pytest.fixture
def muster(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Muster:
    """Run a command as an engineer with a kubeconfig; give its exit code and output, or error."""
    monkeypatch.setenv("KUBECONFIG", str(world.cluster.kubeconfig(ADMIN)))
    monkeypatch.chdir(world.folder)

    def call(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        code = run(app, [*words, "--namespace", world.namespace])
        printed = capsys.readouterr()
        return code, printed.out or printed.err

    return call


def phases(world: World) -> list[str]:
    """Return how the resets stand, once all are over."""
    found = json.loads(world.kubectl("get", "passwordresets", "-o", "json"))["items"]
    told = [one.get("status", {}).get("phase", "") for one in found]
    return told if told and all(one in ("Done", "Refused", "Failed") for one in told) else []


def test_a_reset_and_a_rotation_are_resources_that_the_operator_carries_out(
    world: World, muster: Muster
) -> None:
    """What the command prints, kubectl creates; until then nothing is set."""
    world.install()
    domain = world.lab.domains[NAME]
    with operator(world):
        world.wait_told()
        user = linked(world)["status"]["samAccountName"]
        before = domain.password(domain.find(user))
        why = ("--reason", "ticket 20312")
        code, text = muster("reset", NAME, user, "--passphrase", "--unlock", *why)
        assert (code, domain.password(domain.find(user))) == (0, before)
        world.kubectl("create", "-f", "-", stdin=text)
        assert eventually(lambda: phases(world), "the reset is over") == ["Done"]
        assert "-" in str(domain.password(domain.find(user)))
        code, text = muster("rotate", NAME, "--all", *why)
        wanted = [one["spec"]["accountRef"]["name"] for one in yaml.safe_load_all(text)]
        admins = {
            one["metadata"]["name"]: one["status"]["rotation"]["reason"]
            for one in world.accounts(NAME)
            if one["spec"]["accountType"] == "Administrator"
        }
        assert wanted == sorted(n for n, why in admins.items() if why == "RotationScheduled")
        assert code == (0 if len(wanted) == len(admins) else 1)
        world.kubectl("create", "-f", "-", stdin=text)
        many = ["Done"] * (1 + len(wanted))
        assert eventually(lambda: phases(world) == many, "all are over")
    code, text = muster("digest")
    assert (code, "Customers: 1." in text) == (0, True)
    assert muster("reset", NAME, user, "--show", *why)[0] == 1
    code, text = muster("reset", "contosso", user, *why)
    assert (code, "Did you mean contoso?" in text) == (1, True)
    assert muster("digest", "--send")[0] == 1


def test_a_job_that_needs_a_person_is_settled_beside_the_operator(
    world: World, muster: Muster
) -> None:
    """Only such a one; the decision is on the record, and what was given up is over."""
    world.install()
    account = AccountId("00000000-0000-0000-0000-000000000001")
    job = replace(make_job(), state=JobState.NEEDS_PERSON, deadline=utc_now() + timedelta(days=1))
    with closing(KubeApi()) as api:
        journals = Journals(api, world.namespace)
        journals.settle(job)
        words = ("passwords", "settle", NAME, account)
        assert muster(*words, "LookAgain", "--reason", "T-1")[0] == 0
        (after,) = journals.read(NAME).jobs.values()
        assert (after.state, after.sealed) == (JobState.OPEN, job.sealed)
        assert muster(*words, "Abandon", "--reason", "T-1")[0] == 1
        journals.settle(job)
        assert muster(*words, "Abandon", "--reason", "T-1")[0] == 0
        journal = journals.read(NAME)
    assert not journal.jobs
    assert [end.state for end in journal.job_ends.values()] == [JobState.ABANDONED]
    assert verify(world.folder / ".muster" / "audit.jsonl").events == 2
