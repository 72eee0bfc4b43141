"""Edits in a cluster: only the replica that works for the customer takes them, and wakes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from tests.kube.estates import Raw, customer, it_glue, store_of

from muster.kube.edits import EditOptions, Edits
from muster.kube.work_queue import WorkQueue
from muster.model.secret import Secret
from muster.webhook.notices import Notices

TOKEN = "planted-token-of-the-webhook"


def listening_it_glue() -> Raw:
    """Return an integration that listens."""
    raw = it_glue()
    raw["spec"]["itGlue"]["webhook"] = {"tokenRef": {"name": "it-glue", "key": "token"}}
    return raw


@contextmanager
def listening(*, holds: bool) -> Iterator[tuple[WorkQueue, str]]:
    """Listen as a replica that works for everybody or for nobody."""
    queue = WorkQueue()
    store = store_of(listening_it_glue(), customer("contoso", vault=("it-glue", "4711")))
    edits = Edits(store, queue, lambda _: holds, Notices())
    port = edits.listen(EditOptions(port=0, certificates=None), lambda _: Secret(TOKEN))
    try:
        yield queue, f"http://127.0.0.1:{port}/webhooks/it-glue/it-glue?token={TOKEN}"
    finally:
        edits.stop()
        queue.close()


def post(address: str, organization: str) -> httpx.Response:
    """Tell that an entry was edited."""
    with httpx.Client(trust_env=False) as client:
        return client.post(address, json={"organization_id": organization, "resource_id": 88})


def test_a_call_wakes_the_customer() -> None:
    """Its run comes at once; another organization is not here."""
    with listening(holds=True) as (queue, address):
        assert post(address, "4712").status_code == 404
        assert post(address, "4711").status_code == 202
        assert queue.get() == "contoso"


def test_a_replica_that_may_not_write_says_so() -> None:
    """It takes nothing; the sender is told to try again."""
    with listening(holds=False) as (queue, address):
        said = post(address, "4711")
        assert (said.status_code, said.headers["Retry-After"]) == (503, "1")
        assert not queue.list_running()
