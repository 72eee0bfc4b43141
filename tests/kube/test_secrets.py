"""Secret values come from the Secrets of the namespace, anew each time."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from tests.kube.cluster import Cluster
from tests.kube.place import connect

from muster.errors import SpecError
from muster.kube.api import KubeApi
from muster.kube.resources import SECRET
from muster.kube.secrets import KubeSecrets
from muster.model.connections import SecretRef

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kube")]

REF = SecretRef(name="contoso-ad", key="password")


@pytest.fixture
def api(cluster: Cluster) -> Iterator[KubeApi]:
    """Give a connection as administrator."""
    connection = connect(cluster)
    yield connection
    connection.close()


def keep(api: KubeApi, namespace: str, **values: bytes) -> None:
    """Put values into the Secret, which is made when it is missing."""
    data = {key: base64.b64encode(value).decode() for key, value in values.items()}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": REF.name}, "data": data}
    api.apply(SECRET, namespace, body)


def test_a_value_is_read_as_it_is_now(api: KubeApi, namespace: str) -> None:
    """A changed Secret is seen at once; a line break that a file left behind is dropped."""
    secrets = KubeSecrets(api, namespace)
    keep(api, namespace, password=b"first\n")
    assert secrets.read(REF).reveal() == "first"
    keep(api, namespace, password=b" sec ond ")
    assert secrets.read(REF).reveal() == " sec ond "


def test_what_is_missing_is_named(api: KubeApi, namespace: str) -> None:
    """A missing Secret, a missing key and an empty value say what to add, and where."""
    secrets = KubeSecrets(api, namespace)
    with pytest.raises(SpecError, match=f'"contoso-ad" does not exist in {namespace}'):
        secrets.read(REF)
    keep(api, namespace, other=b"x")
    with pytest.raises(SpecError, match='has no key "password"'):
        secrets.read(REF)
    keep(api, namespace, password=b"")
    with pytest.raises(SpecError, match='has no key "password"'):
        secrets.read(REF)


def test_a_value_that_is_no_text_is_not_shown(api: KubeApi, namespace: str) -> None:
    """Bytes that are no UTF-8 are refused without a trace of them, not even in the cause."""
    keep(api, namespace, password=b"hunter2\xff")
    with pytest.raises(SpecError, match="no UTF-8 text") as caught:
        KubeSecrets(api, namespace).read(REF)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert "hunter2" not in str(caught.value)
