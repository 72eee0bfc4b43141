"""A tenant's adapter is opened once for many runs, and anew when its secret changes."""

from __future__ import annotations

import gc
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from tests.adapters.entra.world import NOBODY, NOTHING, EntraWorld

from muster.adapters.entra import EntraAdapter
from muster.adapters.entra.passwords import PERMISSION
from muster.adapters.secrets import EnvironmentSecrets, variable_of
from muster.assembly import Assembly
from muster.cli.exit_codes import ExitCode
from muster.cli.main import app
from muster.cli.shell import run
from muster.lab.graph import READ_PERMISSIONS
from muster.model.connections import SecretRef
from muster.model.names import CustomerName, Source
from muster.model.settings import Customer, Desired
from muster.registry.sqlite import SqliteRegistry

SECRET = SecretRef(name="contoso-entra", key="clientSecret")
CA = SecretRef(name="lab", key="ca.crt")


@pytest.fixture
def environment(world: EntraWorld) -> dict[str, str]:
    """The secrets, which a test may change."""
    values = {SECRET: world.lab.client_secret, CA: world.lab.ca.cert_pem.bytes().decode()}
    return {variable_of(ref): value for ref, value in values.items()}


@pytest.fixture
def assembly(environment: dict[str, str], tmp_path: Path) -> Iterator[Assembly]:
    """An assembly whose secrets come from the environment above."""
    with SqliteRegistry.open(tmp_path / "state.sqlite") as registry:
        assembly = Assembly(EnvironmentSecrets(environment), registry)
        yield assembly
        assembly.close()


@pytest.fixture
def desired(world: EntraWorld) -> Desired:
    """A customer with a tenant and nothing else."""
    entra = replace(world.settings, client_secret=SECRET, ca=CA)
    customer = Customer(name=CustomerName("contoso"), display_name="Contoso", entra=entra)
    return Desired(customer=customer)


def test_a_tenant_is_kept_with_its_token(
    world: EntraWorld, assembly: Assembly, desired: Desired
) -> None:
    """Two runs share an adapter, which signs in once; a customer without a tenant has none."""
    for _ in range(2):
        ports = assembly.ports(desired)
        assert ports.entra is not None
        assert ports.entra.read(NOTHING, NOBODY).tenant.name == "Contoso"
    assert world.sign_ins() == 1
    ((name, usage),) = assembly.usage()
    assert (name, usage.requests) == ("entra tenants", 4)
    nobody = Desired(customer=replace(desired.customer, entra=None))
    assert assembly.ports(nobody).entra is None


def test_a_new_secret_opens_the_tenant_anew(
    world: EntraWorld, assembly: Assembly, desired: Desired, environment: dict[str, str]
) -> None:
    """A tenant is forgotten with the secrets that it needs, and what it used still counts."""
    assert assembly.secret_names(desired) == {"contoso-entra", "lab"}
    first = assembly.entra(desired)
    assert isinstance(first, EntraAdapter)
    first.read(NOTHING, NOBODY)
    assembly.forget_connections(["something-else"])
    assert assembly.entra(desired) is first
    world.lab.change_secret("another-secret")
    environment[variable_of(SECRET)] = "another-secret"
    assembly.forget_connections(["contoso-entra"])
    # A run may still be using it, so that forgetting does not close it.
    first.close()
    second = assembly.entra(desired)
    assert second is not None
    second.read(NOTHING, NOBODY)
    ((_, usage),) = assembly.usage()
    assert usage.requests == 4


def test_a_missing_secret_is_a_problem_of_the_tenant(
    assembly: Assembly, desired: Desired, environment: dict[str, str]
) -> None:
    """The other systems of the customer are opened all the same."""
    environment.clear()
    ports = assembly.ports(desired)
    assert ports.entra is None
    ((source, problem),) = ports.problems
    assert source is Source.ENTRA
    assert "MUSTER_SECRET" in problem


def test_the_command_shows_a_customers_tenant(
    world: EntraWorld,
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`muster doctor` has the lines of the tenant, and fails when one that git needs does."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    entra = {
        "tenantId": world.tenant,
        "clientId": world.lab.client_id,
        "clientSecretRef": {"name": SECRET.name, "key": SECRET.key},
        "caRef": {"name": CA.name, "key": CA.key},
        "loginEndpoint": world.lab.login_endpoint,
        "graphEndpoint": world.lab.graph_endpoint,
    }
    customer = {
        "apiVersion": "muster.dev/v1alpha1",
        "kind": "Customer",
        "metadata": {"name": "contoso"},
        "spec": {"displayName": "Contoso", "directories": {"entra": entra}},
    }
    estate = tmp_path / "estate"
    estate.mkdir()
    (estate / "contoso.yaml").write_text(yaml.safe_dump(customer))
    assert run(app, ["doctor", "-f", str(estate)]) == ExitCode.OK
    assert "Entra GroupMember.Read.All" in capsys.readouterr().out
    rotation = {"every": "30d", "window": {"start": "02:00", "timeZone": "UTC"}}
    policy = {
        "apiVersion": "muster.dev/v1alpha1",
        "kind": "AutomaticImportPolicy",
        "metadata": {"name": "administrators"},
        "spec": {
            "accountType": "Administrator",
            "customers": {"names": ["contoso"]},
            "select": {"entra": {"roles": ["Global Administrator"]}},
            "options": {"vault": {"match": True}, "rotation": rotation},
        },
    }
    (estate / "policy.yaml").write_text(yaml.safe_dump(policy))
    assert run(app, ["doctor", "-f", str(estate)]) == ExitCode.ERROR
    assert "missing; passwords are set here" in capsys.readouterr().out
    world.lab.consent(world.tenant, {*READ_PERMISSIONS, PERMISSION})
    assert run(app, ["doctor", "-f", str(estate)]) == ExitCode.OK
    assert "Entra role of the application" in capsys.readouterr().out
    world.lab.expire_secret()
    assert run(app, ["doctor", "-f", str(estate)]) == ExitCode.ERROR
    assert "AADSTS7000222" in capsys.readouterr().out


def test_a_tenant_that_was_read_keeps_no_connection(world: EntraWorld) -> None:
    """Hundreds of tenants are kept, and a process may have a thousand files open."""
    adapter, before = world.open(), open_sockets()
    for _ in range(2):
        adapter.read(NOTHING, NOBODY)
        assert open_sockets() == before
    adapter.check()
    assert open_sockets() == before


def open_sockets() -> int:
    """Return how many connections this process has begun; those that the lab took are not ours."""
    sockets = (one for one in gc.get_objects() if isinstance(one, ssl.SSLSocket))
    return sum(not one.server_side and one.fileno() >= 0 for one in sockets)
