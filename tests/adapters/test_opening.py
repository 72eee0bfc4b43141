"""From an integration's settings to an adapter that works: certificates, keys, budget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import trustme

from muster.adapters import DIRECTORIES, PASSWORDS, PSAS, VAULTS
from muster.adapters.connectwise import ConnectWisePsa
from muster.adapters.hudu import HuduVault
from muster.adapters.itglue import ItGlueVault
from muster.adapters.secrets import EnvironmentSecrets, variable_of
from muster.errors import AccessDenied, SpecError
from muster.lab.connectwise import ConnectWiseLab
from muster.lab.hudu import HuduLab
from muster.lab.hudu import KeyRights as HuduRights
from muster.lab.itglue import ItGlueLab
from muster.model.connections import (
    ActiveDirectory,
    ConnectWise,
    Hudu,
    Integration,
    ItGlue,
    SecretRef,
)

KEY = SecretRef(name="it-glue", key="apiKey")
PUBLIC, PRIVATE = SecretRef(name="cw", key="publicKey"), SecretRef(name="cw", key="privateKey")
CA = SecretRef(name="lab", key="ca.crt")


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """A private certificate authority."""
    return trustme.CA()


@pytest.fixture
def secrets(ca: trustme.CA) -> EnvironmentSecrets:
    """Return what both labs accept."""
    values = {
        KEY: ItGlueLab.key,
        PUBLIC: ConnectWiseLab.public_key,
        PRIVATE: ConnectWiseLab.private_key,
        CA: ca.cert_pem.bytes().decode(),
    }
    return EnvironmentSecrets({variable_of(ref): value for ref, value in values.items()})


@pytest.fixture
def it_glue(ca: trustme.CA) -> Iterator[ItGlueLab]:
    """A running IT Glue."""
    with ItGlueLab(ca=ca) as lab:
        yield lab


@pytest.fixture
def connect_wise(ca: trustme.CA) -> Iterator[ConnectWiseLab]:
    """A running ConnectWise."""
    with ConnectWiseLab(ca=ca) as lab:
        yield lab


def test_an_it_glue_integration_opens(it_glue: ItGlueLab, secrets: EnvironmentSecrets) -> None:
    """Endpoint, key and private CA arrive at the adapter."""
    it_glue.add_organization("Contoso")
    product = ItGlue(endpoint=it_glue.endpoint, api_key=KEY, ca=CA)
    vault = VAULTS[ItGlue](Integration(name="it-glue", product=product), secrets)
    assert isinstance(vault, ItGlueVault)
    assert [organization.name for organization in vault.list_organizations()] == ["Contoso"]
    assert vault.usage.requests == 1
    vault.close()


def test_a_hudu_integration_opens(ca: trustme.CA, secrets: EnvironmentSecrets) -> None:
    """Endpoint, key and private CA arrive at the adapter."""
    with HuduLab(ca=ca) as lab:
        lab.grant(ItGlueLab.key, HuduRights())
        lab.add_company("Contoso")
        product = Hudu(endpoint=lab.endpoint, api_key=KEY, ca=CA)
        vault = VAULTS[Hudu](Integration(name="hudu", product=product), secrets)
        assert isinstance(vault, HuduVault)
        assert [company.name for company in vault.list_organizations()] == ["Contoso"]
        assert vault.usage.requests == 1
        vault.close()


def test_a_connectwise_integration_opens(
    connect_wise: ConnectWiseLab, secrets: EnvironmentSecrets
) -> None:
    """Endpoint, keys, client id and private CA arrive at the adapter."""
    connect_wise.add_company("Contoso")
    product = ConnectWise(
        endpoint=connect_wise.endpoint,
        company_id=connect_wise.company_id,
        client_id=connect_wise.client_id,
        public_key=PUBLIC,
        private_key=PRIVATE,
        ca=CA,
    )
    psa = PSAS[ConnectWise](Integration(name="cw", product=product), secrets)
    assert isinstance(psa, ConnectWisePsa)
    assert [company.name for company in psa.list_companies()] == ["Contoso"]
    psa.close()


def test_without_the_private_ca_nothing_is_sent(
    it_glue: ItGlueLab, secrets: EnvironmentSecrets
) -> None:
    """The system's trust store is used when no CA is named, and the lab is not in it."""
    product = ItGlue(endpoint=it_glue.endpoint, api_key=KEY)
    vault = VAULTS[ItGlue](Integration(name="it-glue", product=product), secrets)
    assert isinstance(vault, ItGlueVault)
    with pytest.raises(AccessDenied, match="certificate"):
        vault.list_categories()
    assert it_glue.requests == []
    vault.close()


def test_a_missing_secret_is_a_spec_error(secrets: EnvironmentSecrets) -> None:
    """Opening names the secret that is missing, also the CA's."""
    missing = SecretRef(name="gone", key="key")
    product = ItGlue(endpoint="https://api.itglue.com", api_key=missing)
    integration = Integration(name="it-glue", product=product)
    with pytest.raises(SpecError, match="MUSTER_SECRET_GONE_KEY"):
        VAULTS[ItGlue](integration, secrets)
    other = replace(integration, product=replace(product, api_key=KEY, ca=missing))
    with pytest.raises(SpecError, match="MUSTER_SECRET_GONE_KEY"):
        VAULTS[ItGlue](other, secrets)


def test_an_integration_of_another_product_is_a_mistake_of_ours(
    secrets: EnvironmentSecrets,
) -> None:
    """The dictionaries are asked with the product's type; anything else is a bug."""
    product = ItGlue(endpoint="https://api.itglue.com", api_key=KEY)
    with pytest.raises(TypeError):
        PSAS[ConnectWise](Integration(name="it-glue", product=product), secrets)


def test_a_directory_opens_with_its_password(secrets: EnvironmentSecrets) -> None:
    """An Active Directory is opened without connecting; a missing password is named."""
    settings = ActiveDirectory(
        servers=("ldaps://dc1.contoso.example",), user_name="svc", password=KEY, ca=CA
    )
    assert DIRECTORIES[ActiveDirectory](settings, secrets)
    assert PASSWORDS[ActiveDirectory](settings, secrets)
    with pytest.raises(SpecError, match="MUSTER_SECRET_GONE_KEY"):
        DIRECTORIES[ActiveDirectory](
            replace(settings, password=SecretRef(name="gone", key="key")), secrets
        )
