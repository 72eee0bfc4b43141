"""A PasswordReset whose job meets a failing API server, which is where a cluster's journal lies."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any, cast

from tests.rotations.test_lab import NAME, Clock, make_house

from muster.adapters.secrets import FileSecrets
from muster.assembly import Assembly
from muster.errors import StateError
from muster.kube.api import KubeApi
from muster.kube.events import EventRecorder
from muster.kube.password_resets import ResetCarrier
from muster.kube.resources import PASSWORD_RESET
from muster.kube.status_writer import StatusWriter
from muster.kube.store import Store
from muster.lab.lab import Lab
from muster.model.passwords import PasswordJob, TargetState
from muster.registry.sqlite import SqliteRegistry


class Api:
    """An API server that takes everything."""

    def patch_status(self, *told: Any) -> object:
        """Take a status."""
        return told

    def create(self, *told: Any) -> object:
        """Take an event."""
        return told


class Failing(SqliteRegistry):
    """A journal that is not written once: right after the directory said yes."""

    failed = False

    def save_job(self, job: PasswordJob) -> None:
        """Write it, but for that once."""
        if job.targets[0].state is TargetState.ACCEPTED and not self.failed:
            self.failed = True
            raise StateError("The journal of passwords cannot be kept.")
        super().save_job(job)


def test_a_journal_that_fails_in_the_middle_does_not_end_the_reset(tmp_path: Path) -> None:
    """The password is live: that is not `Failed`, after which nobody looks again."""
    clock = Clock()
    with Lab(customers=1, people=4, clock=clock) as lab:
        house = make_house(lab, tmp_path, clock)
        house.run()
        record = next(one for one in house.known().records if one.vault.id and one.live)
        raw = {
            "apiVersion": "muster.dev/v1alpha1",
            "kind": PASSWORD_RESET.kind,
            "metadata": {"name": "t-1", "uid": "1"},
            "spec": {"accountRef": {"name": record.name}, "reason": "T-1"},
        }
        store, api = Store(), cast(KubeApi, Api())
        store.put(raw)
        writer, events = StatusWriter(api, NAME, store), EventRecorder(api, NAME, "test")
        with Failing.open(tmp_path / "state.sqlite") as registry:
            secrets = FileSecrets(tmp_path / "estate" / "secrets")
            with closing(Assembly(secrets, registry, lambda: clock.now)) as assembly:
                carrier = ResetCarrier(store=store, writer=writer, events=events, assembly=assembly)
                assert carrier.carry_out("t-1", house.desired)
        status = writer.current(PASSWORD_RESET, "t-1")
        assert registry.failed
        assert status["phase"] == "Done", status
        assert "startedAt" in status
