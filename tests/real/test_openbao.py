"""The native vault in a real key-value engine, and the simulated engine beside it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import trustme
from tests.contract.vault.native_suite import NativeContract, OpenStore, vault_of
from tests.real import openbao
from tests.real.openbao import OpenBao

from muster.adapters.native_vault.key_value import KeyValueStore
from muster.errors import AccessDenied, Unexpected
from muster.lab.key_value import KeyValueLab
from muster.model.connections import KeyValue2, SecretRef
from muster.model.secret import Secret
from muster.transport.options import HttpOptions

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("openbao")]

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "use-the-native-vault.md"


@pytest.fixture(scope="module")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    """Start a server once; skip where there is none, fail where real servers are required."""
    if reason := openbao.missing():
        if os.environ.get("MUSTER_REQUIRE_REAL") == "1":
            pytest.fail(f"OpenBao: {reason}", pytrace=False)
        pytest.skip(f"OpenBao: {reason}")
    with openbao.running(tmp_path_factory.mktemp("bao")) as server:
        yield server


@pytest.fixture(scope="module")
def token(bao: OpenBao) -> str:
    """Return a token with the policy that the guide shows."""
    (policy,) = re.findall(r"```hcl\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    return bao.token_with(policy)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Close at the end what a test opens."""
    with ExitStack() as opened:
        yield opened


def store_in(
    bao: OpenBao, stack: ExitStack, token: str, *, vault: str = "native", mount: str = "secret"
) -> KeyValueStore:
    """Open a store in the engine."""
    settings = KeyValue2(
        endpoint=bao.endpoint, token=SecretRef(name="bao", key="token"), mount=mount
    )
    options = HttpOptions(retry_budget_s=1, read_timeout_s=10)
    store = KeyValueStore(
        settings, vault=vault, token=Secret(token), ca_pem=bao.ca_pem, options=options
    )
    stack.callback(store.close)
    return store


class TestInARealEngine(NativeContract):
    """The contract, with no more rights than the guide asks for."""

    @pytest.fixture
    def open_store(
        self, bao: OpenBao, token: str, stack: ExitStack, request: pytest.FixtureRequest
    ) -> OpenStore:
        """Return what opens a store that is empty at first."""
        for organization in _names(bao, "muster/native"):
            for entry in _names(bao, f"muster/native/{organization}"):
                path = f"/v1/secret/metadata/muster/native/{organization}/{entry}"
                bao.ask("DELETE", path).raise_for_status()
        return lambda: store_in(bao, stack, token)


def _names(bao: OpenBao, folder: str) -> list[str]:
    answer = bao.ask("LIST", f"/v1/secret/metadata/{folder}")
    keys = answer.json().get("data", {}).get("keys", []) if answer.status_code == 200 else []
    return [str(key).rstrip("/") for key in keys]


def test_wrong_settings_are_named(bao: OpenBao, token: str, stack: ExitStack) -> None:
    """A token without rights, an unknown one, another vault's place and a wrong mount."""
    for wrong in (bao.token_with('path "secret/x" { capabilities = ["read"] }'), "s.unknown"):
        with pytest.raises(AccessDenied, match=r"secret/data/muster/native/\*"):
            list(vault_of(store_in(bao, stack, wrong)).list_organizations())
    with pytest.raises(AccessDenied):
        list(vault_of(store_in(bao, stack, token, vault="other")).list_organizations())
    with pytest.raises(Unexpected, match='does not know "nowhere"'):
        list(vault_of(store_in(bao, stack, bao.root_token, mount="nowhere")).list_organizations())


REQUESTS = (
    ("GET", "data/muster/a/b", None),
    ("GET", "metadata/muster?list=true", None),
    ("POST", "data/muster/a/b", {"data": {"n": 1}, "options": {"cas": 1}}),
    ("POST", "data/muster/a/b", {"data": {"n": 1}, "options": {"cas": 0}}),
    ("POST", "data/muster/a/b", {"data": {"n": 2}, "options": {"cas": 0}}),
    ("POST", "data/muster/a/b", {"data": {"n": 2}, "options": {"cas": 1}}),
    ("GET", "data/muster/a/b", None),
    ("GET", "metadata/muster?list=true", None),
    ("LIST", "metadata/muster/a", None),
    ("DELETE", "data/muster/a/b", None),
    ("GET", "data/muster/a/b", None),
    ("LIST", "metadata/muster/a", None),
    ("POST", "data/muster/a/b", {"data": {"n": 3}, "options": {"cas": 0}}),
    ("POST", "data/muster/a/b", {"data": {"n": 3}, "options": {"cas": 2}}),
    ("GET", "data/muster/a/b", None),
)


def test_the_simulated_engine_answers_as_the_real_one(bao: OpenBao) -> None:
    """The same requests in the same order get the same status, errors, names and versions."""
    bao.ask("POST", "/v1/sys/mounts/compared", {"type": "kv", "options": {"version": "2"}})
    _settled(bao)
    with KeyValueLab(mount="compared", ca=trustme.CA()) as lab:
        simulated = OpenBao(
            endpoint=lab.endpoint, root_token=lab.token, ca_pem=lab.ca.cert_pem.bytes().decode()
        )
        for method, path, body in REQUESTS:
            seen = [_shape(one, method, f"/v1/compared/{path}", body) for one in (bao, simulated)]
            assert seen[0] == seen[1], f"{method} {path}"
        for server, unknown in ((bao, "s.x"), (simulated, "s.x")):
            assert server.ask("GET", "/v1/compared/data/x", token=unknown).status_code == 403
        for server in (bao, simulated):
            answer = server.ask("GET", "/v1/nowhere/data/x")
            assert (answer.status_code, bool(answer.json()["errors"])) == (404, True)
            assert answer.headers["Content-Type"] == "application/json"


def _settled(bao: OpenBao) -> None:
    """Wait until a fresh engine has set itself up; until then it refuses everything."""
    while bao.ask("GET", "/v1/compared/config").status_code != httpx.codes.OK:
        pass


def _shape(server: OpenBao, method: str, path: str, body: object) -> object:
    """Return what of an answer means something to a client."""
    answer = server.ask(method, path, body)
    if answer.status_code == 204:
        return 204
    said = answer.json()
    data = said.get("data") or {}
    metadata = data.get("metadata") or {}
    shape = {
        "errors": said.get("errors"),
        "keys": data.get("keys"),
        "data": data.get("data"),
        "version": metadata.get("version", data.get("version")),
        "deleted": bool(metadata.get("deletion_time")),
        "fields": sorted(data),
        "metadata": sorted(metadata),
    }
    return answer.status_code, shape
