"""Signing in: clouds, credentials, and what each refusal tells a person to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from tests.adapters.entra.world import NOBODY, NOTHING, EntraWorld, ids

from muster.adapters.entra import SignInRefused, open_entra
from muster.adapters.entra.clouds import CLOUDS, addresses_of
from muster.adapters.entra.credentials import certificate_of
from muster.adapters.secrets import EnvironmentSecrets, variable_of
from muster.errors import AccessDenied, RateLimited, RemoteError, SpecError, Unavailable
from muster.lab.faults import Disconnect, HtmlError, ServerError, Throttle
from muster.model.connections import Cloud, Entra, SecretRef
from muster.model.secret import Secret

TENANT = "6f1c0000-0000-4000-8000-000000000000"
TOKEN_PATH = "oauth2/v2.0/token"


@pytest.fixture(scope="module")
def pem(ca: trustme.CA) -> str:
    """A private key and a certificate in one text."""
    made = ca.issue_cert("muster.example", key_type=trustme.KeyType.RSA)
    return made.private_key_pem.bytes().decode() + made.cert_chain_pems[0].bytes().decode()


@pytest.mark.parametrize(
    ("cloud", "login", "graph"),
    [
        (Cloud.GLOBAL, "https://login.microsoftonline.com", "https://graph.microsoft.com"),
        (Cloud.US_GOVERNMENT, "https://login.microsoftonline.us", "https://graph.microsoft.us"),
        (
            Cloud.CHINA,
            "https://login.partner.microsoftonline.cn",
            "https://microsoftgraph.chinacloudapi.cn",
        ),
    ],
)
def test_each_cloud_has_its_own_addresses(cloud: Cloud, login: str, graph: str) -> None:
    """A cloud decides login, Graph and what the token is asked for."""
    found = addresses_of(Entra(tenant_id=TENANT, client_id=TENANT, cloud=cloud))
    assert (found.login, found.graph, found.scope) == (login, graph, f"{graph}/.default")


def test_every_cloud_is_in_the_table() -> None:
    """No cloud of the settings is without addresses, and an address of the settings wins."""
    assert set(CLOUDS) == set(Cloud)
    dod = Entra(
        tenant_id=TENANT,
        client_id=TENANT,
        cloud=Cloud.US_GOVERNMENT,
        graph_endpoint="https://dod-graph.microsoft.us/",
    )
    assert addresses_of(dod).scope == "https://dod-graph.microsoft.us/.default"
    assert addresses_of(dod).login == CLOUDS[Cloud.US_GOVERNMENT].login


def test_one_token_serves_many_reads(world: EntraWorld) -> None:
    """Signing in happens once, and nothing is sent before the first read."""
    adapter = world.open()
    assert world.lab.requests == []
    for _ in range(3):
        adapter.read(NOTHING, NOBODY)
    assert world.sign_ins() == 1


def test_a_refused_token_is_replaced(world: EntraWorld) -> None:
    """A token that Graph does not accept any more costs one sign-in and no read."""
    adapter = world.open()
    adapter.read(NOTHING, NOBODY)
    world.lab.drop_tokens()
    adapter.read(NOTHING, NOBODY)
    assert world.sign_ins() == 2


def test_a_certificate_signs_in(world: EntraWorld, pem: str) -> None:
    """A key that belongs to a registered certificate is enough; the secret is not used."""
    world.lab.register_certificate(pem[pem.index("-----BEGIN CERTIFICATE") :])
    user = world.add_user("joan")
    adapter = world.open(certificate_of(Secret(pem)))
    assert ids(adapter.read(NOTHING, NOBODY)) == [user]
    names = [check.name for check in adapter.check()]
    assert names[0] == "Entra certificate"


def test_a_certificate_that_is_not_registered_is_refused(world: EntraWorld, pem: str) -> None:
    """The refusal names certificate and clock."""
    with pytest.raises(SignInRefused, match="clock") as caught:
        world.open(certificate_of(Secret(pem))).read(NOTHING, NOBODY)
    assert caught.value.code == 700027


def test_a_bad_pem_is_the_resources_fault(pem: str, ca: trustme.CA) -> None:
    """What is no pair of an RSA key and its certificate is refused, unseen, and never sent."""
    key, certificate = pem[: pem.index("-----BEGIN CERT")], pem[pem.index("-----BEGIN CERT") :]
    other = ca.issue_cert("muster.example")
    curve, its_own = other.private_key_pem.bytes().decode(), other.cert_chain_pems[0].bytes()
    cut = key.replace("M", "!", 5) + certificate
    for text in (key, certificate, "", cut, curve + its_own.decode(), key + its_own.decode()):
        with pytest.raises(SpecError, match="certificateRef") as caught:
            certificate_of(Secret(text))
        assert key.splitlines()[1] not in repr(caught.value.__cause__) + str(caught.value)


def test_a_key_in_the_newer_form_is_read(pem: str) -> None:
    """PKCS #8 is as good as what openssl wrote before."""
    key = load_pem_private_key(pem[: pem.index("-----BEGIN CERT")].encode(), None)
    newer = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert certificate_of(Secret(newer + pem)).expires is not None


def test_a_tenant_opens_from_its_settings(world: EntraWorld) -> None:
    """Secret, private CA and addresses arrive; without a credential there is no adapter."""
    ref, ca = SecretRef(name="contoso-entra", key="secret"), SecretRef(name="lab", key="ca.crt")
    values = {ref: world.lab.client_secret, ca: world.lab.ca.cert_pem.bytes().decode()}
    secrets = EnvironmentSecrets({variable_of(one): value for one, value in values.items()})
    settings = Entra(
        tenant_id=world.tenant,
        client_id=world.lab.client_id,
        client_secret=ref,
        ca=ca,
        login_endpoint=world.lab.login_endpoint,
        graph_endpoint=world.lab.graph_endpoint,
    )
    adapter = open_entra(settings, secrets)
    assert adapter.read(NOTHING, NOBODY).tenant.name == "Contoso"
    adapter.close()
    with pytest.raises(SpecError, match="clientSecretRef"):
        open_entra(Entra(tenant_id=TENANT, client_id=TENANT), secrets)


def _unknown_tenant(world: EntraWorld) -> Entra:
    return world.elsewhere(tenant_id=TENANT)


def _unconsented(world: EntraWorld) -> Entra:
    world.lab.withdraw_consent(world.tenant)
    return world.settings


def _wrong_secret(world: EntraWorld) -> Entra:
    world.lab.change_secret("another")
    return world.settings


def _expired_secret(world: EntraWorld) -> Entra:
    world.lab.expire_secret()
    return world.settings


def _disabled(world: EntraWorld) -> Entra:
    world.lab.consent(world.tenant, enabled=False)
    return world.settings


def _wrong_cloud(world: EntraWorld) -> Entra:
    return world.elsewhere(graph_endpoint="https://graph.microsoft.us")


@pytest.mark.parametrize(
    ("prepare", "code", "advice"),
    [
        (_unknown_tenant, 90002, "Correct tenantId"),
        (_unconsented, 700016, "Consent link: https://"),
        (_wrong_secret, 7000215, "Make a new client secret"),
        (_expired_secret, 7000222, "Make a new client secret"),
        (_disabled, 7000112, "Enable it there"),
        (_wrong_cloud, 500011, "same cloud"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_each_refusal_says_what_to_do(
    world: EntraWorld, prepare: object, code: int, advice: str
) -> None:
    """A person reads the number, what it means and what to do; the secret is in none of it."""
    assert callable(prepare)
    secret = world.secret()
    adapter = world.open(secret, settings=prepare(world))
    with pytest.raises(SignInRefused, match=advice) as caught:
        adapter.read(NOTHING, NOBODY)
    assert caught.value.code == code
    assert f"AADSTS{code}" in str(caught.value)
    (check,) = adapter.check()
    assert (check.name, check.ok) == ("Entra sign-in", False)
    assert advice in check.detail
    assert secret.secrets[0].reveal() not in str(caught.value) + repr(adapter) + check.detail


def test_a_refusal_is_not_replayed(world: EntraWorld) -> None:
    """After consent the next read works at once, although msal keeps refusals for a minute."""
    adapter = world.open()
    world.lab.withdraw_consent(world.tenant)
    with pytest.raises(SignInRefused):
        adapter.read(NOTHING, NOBODY)
    world.lab.consent(world.tenant)
    adapter.read(NOTHING, NOBODY)


@pytest.mark.parametrize(
    "fault", [ServerError(status=503), Disconnect(), HtmlError(status=502), Throttle()], ids=str
)
def test_an_outage_of_the_login_is_survived(world: EntraWorld, fault: object) -> None:
    """A short one is; a long one is an error that says to come back, not one about credentials."""
    world.faults.add(fault, path=TOKEN_PATH)  # type: ignore[arg-type]
    world.open().read(NOTHING, NOBODY)
    world.faults.add(fault, path=TOKEN_PATH, times=-1)  # type: ignore[arg-type]
    with pytest.raises((Unavailable, RateLimited)):
        world.open(patience_s=0.1).read(NOTHING, NOBODY)


def test_a_login_that_is_none_is_an_error(world: EntraWorld) -> None:
    """A proxy's page instead of the discovery document raises one of our errors."""
    world.faults.add(HtmlError(status=200), path="openid-configuration", times=-1)
    with pytest.raises(RemoteError):
        world.open(patience_s=0.1).read(NOTHING, NOBODY)


def test_a_login_that_nobody_vouches_for_gets_nothing(world: EntraWorld) -> None:
    """Without the lab's CA the certificate is refused, and the credential is not sent."""
    ref = SecretRef(name="contoso-entra", key="secret")
    secrets = EnvironmentSecrets({variable_of(ref): "a-secret"})
    adapter = open_entra(replace(world.settings, client_secret=ref), secrets)
    with pytest.raises(AccessDenied, match="not trusted"):
        adapter.read(NOTHING, NOBODY)
    assert world.lab.requests == []
    adapter.close()


def test_an_old_certificate_is_reported(world: EntraWorld, pem: str) -> None:
    """Doctor says when a certificate has expired, whatever Entra says."""
    later = datetime.now(UTC) + timedelta(days=365 * 1000)
    adapter = world.open(certificate_of(Secret(pem)), clock=lambda: later)
    check = adapter.check()[0]
    assert (check.name, check.ok) == ("Entra certificate", False)
