"""The native vault in the cluster is a native vault: one Secret for each entry, owned by nobody."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from tests.contract.vault.native_suite import (
    CONTOSO,
    DRAFT,
    PLANTED,
    NativeContract,
    OpenStore,
    vault_of,
)
from tests.kube.cluster import Cluster
from tests.kube.place import connect

from muster.errors import Unexpected
from muster.kube.api import KubeApi
from muster.kube.entry_store import KubeEntryStore
from muster.kube.resources import SECRET
from muster.model.secret import Secret

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kube")]


@pytest.fixture
def api(cluster: Cluster) -> Iterator[KubeApi]:
    """Give a connection as administrator."""
    connection = connect(cluster)
    yield connection
    connection.close()


class TestInTheCluster(NativeContract):
    """The contract, on a real API server."""

    @pytest.fixture
    def open_store(self, api: KubeApi, namespace: str) -> OpenStore:
        """Return what opens the store."""
        return lambda: KubeEntryStore(api, namespace, "native")


def test_an_entry_is_one_secret_that_shows_no_password(api: KubeApi, namespace: str) -> None:
    """It is labelled, nothing owns it, and another vault does not see it."""
    vault = vault_of(KubeEntryStore(api, namespace, "native"))
    entry = vault.create_entry(CONTOSO, DRAFT)
    vault.write_password(CONTOSO, entry, Secret(PLANTED))
    (item,) = api.list(SECRET, namespace)
    assert item["metadata"]["labels"] == {
        "muster.dev/vault": "native",
        "muster.dev/organization": "contoso",
    }
    assert "ownerReferences" not in item["metadata"]
    shown = json.dumps(item) + "".join(
        base64.b64decode(one).decode() for one in item["data"].values()
    )
    assert DRAFT.mark in shown
    assert PLANTED not in shown
    assert KubeEntryStore(api, namespace, "other").find_entry(CONTOSO, entry) is None


def test_a_spoilt_secret_is_an_error(api: KubeApi, namespace: str) -> None:
    """A Secret that somebody edited is named, and is not taken for a missing entry."""
    store = KubeEntryStore(api, namespace, "native")
    vault_of(store).create_entry(CONTOSO, DRAFT)
    (item,) = api.list(SECRET, namespace)
    api.merge(SECRET, namespace, item["metadata"]["name"], {"data": {"entry.json": "AAAA"}})
    with pytest.raises(Unexpected, match=item["metadata"]["name"]):
        store.list_entries(CONTOSO)
