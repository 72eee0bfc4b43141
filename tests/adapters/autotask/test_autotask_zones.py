"""Where Autotask's credentials go, and how often they are tried."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from tests.adapters.autotask.conftest import OpenPsa, StartLab

from muster.adapters import PSAS
from muster.adapters.autotask import AutotaskPsa
from muster.adapters.autotask.zones import is_zone, root_of
from muster.adapters.secrets import EnvironmentSecrets, variable_of
from muster.errors import AccessDenied, SpecError, Unexpected
from muster.lab.autotask import AutotaskLab
from muster.lab.autotask.populate import populate_autotask
from muster.lab.faults import ServerError, Slow
from muster.lab.generate.msp import generate_msp
from muster.model.connections import Autotask, Integration, SecretRef
from muster.model.names import RemoteId


@pytest.mark.parametrize(
    ("address", "root"),
    [
        ("https://webservices5.autotask.net", "https://webservices5.autotask.net/ATServicesRest"),
        (
            "https://webservices5.autotask.net//ATServicesRest/",
            "https://webservices5.autotask.net/ATServicesRest",
        ),
        (
            "https://webservices5.autotask.net/atservicesrest/v1.0/",
            "https://webservices5.autotask.net/atservicesrest",
        ),
    ],
)
def test_the_root_follows_from_any_spelling(address: str, root: str) -> None:
    """Path, version and doubled slashes may be there or not."""
    assert root_of(address) == root


def test_an_endpoint_without_tls_is_refused() -> None:
    """Keys never travel in the clear."""
    with pytest.raises(SpecError):
        root_of("http://webservices5.autotask.net/ATServicesRest")


@pytest.mark.parametrize(
    ("address", "trusted"),
    [
        ("https://webservices5.autotask.net/ATServicesRest/", True),
        ("https://WEBSERVICES24.Autotask.NET:443/", True),
        ("http://webservices5.autotask.net/", False),
        ("https://autotask.net.example/", False),
        ("https://evilautotask.net/", False),
        ("https://webservices5.autotask.net@evil.example/", False),
        ("https://evil.example/webservices5.autotask.net", False),
        ("https://webservices5.autotask.net:8443/", False),
    ],
)
def test_only_the_vendors_own_hosts_are_zones(address: str, trusted: bool) -> None:
    """Anything else that a lookup may name is not trusted."""
    assert is_zone(httpx.URL(address)) is trusted


@pytest.mark.parametrize("double_slash", [False, True])
def test_the_zone_is_looked_up_once_and_without_keys(
    start: StartLab, connect: OpenPsa, double_slash: bool
) -> None:
    """The first request asks for the zone; later ones know it."""
    lab = start(double_slash=double_slash)
    psa = connect(lab, looks_up=True)
    assert len(list(psa.list_companies())) == 1
    list(psa.list_companies())
    asked = [seen.path for seen in lab.requests]
    assert [path.endswith("ZoneInformation") for path in asked] == [True] + [False] * 4
    assert psa.usage.requests == 5


def test_a_named_zone_is_not_looked_up(lab: AutotaskLab, connect: OpenPsa) -> None:
    """Who names the endpoint is believed."""
    list(connect(lab).list_companies())
    assert not any(seen.path.endswith("ZoneInformation") for seen in lab.requests)


@pytest.mark.parametrize(
    "address", ["https://evil.example/ATServicesRest/", "http://x.autotask.net"]
)
def test_a_lookup_that_names_another_place_gets_no_keys(
    lab: AutotaskLab, connect: OpenPsa, address: str
) -> None:
    """A forged answer ends the matter before anything is sent to it."""
    lab.zone_url = address
    with pytest.raises(Unexpected, match="gets no credentials"):
        list(connect(lab, looks_up=True, trusts=is_zone).list_companies())
    assert len(lab.requests) == 1


@pytest.mark.parametrize("unknown_user_is_200", [False, True])
def test_a_user_without_zone_is_access_denied(
    start: StartLab, connect: OpenPsa, unknown_user_is_200: bool
) -> None:
    """The user name is wrong, which no retry mends: it is asked once."""
    lab = start(unknown_user_is_200=unknown_user_is_200)
    psa = connect(lab, looks_up=True, user_name="nobody@msp.example")
    with pytest.raises(AccessDenied, match="userName"):
        list(psa.list_companies())
    assert len(lab.requests) == 1


def test_a_database_that_moved_is_followed(start: StartLab, connect: OpenPsa) -> None:
    """After a 401 the zone is asked again, and a new one is used from then on."""
    old, new = start(), start()
    psa = connect(old, looks_up=True)
    list(psa.list_companies())
    old.move_to(new.endpoint)
    company = new.add_company("Contoso")
    found = psa.find_company(RemoteId(company))
    assert found is not None
    assert found.name == "Contoso"
    list(psa.list_contacts(RemoteId(company)))
    assert old.failed_sign_ins == 1


@pytest.mark.parametrize("looks_up", [False, True])
def test_wrong_keys_are_tried_once(lab: AutotaskLab, connect: OpenPsa, looks_up: bool) -> None:
    """However many customers ask: repeated failures would lock the API user."""
    psa = connect(lab, looks_up=looks_up, secret="wrong")
    for number in range(5):
        with pytest.raises(AccessDenied):
            psa.find_company(RemoteId(str(number)))
    assert lab.failed_sign_ins == 1
    assert "wrong" not in repr(vars(psa))


def test_a_lookup_that_fails_after_a_401_counts_as_not_moved(
    lab: AutotaskLab, connect: OpenPsa
) -> None:
    """The 401 is what is told, and it is not repeated."""
    psa = connect(lab, looks_up=True, secret="wrong")
    lab.faults.add(ServerError(), path="ZoneInformation", after=1, times=-1)
    for _ in range(2):
        with pytest.raises(AccessDenied, match="integration code"):
            list(psa.list_companies())
    assert lab.failed_sign_ins == 1


def test_few_requests_are_under_way_at_once(start: StartLab, connect: OpenPsa) -> None:
    """However many customers run side by side, the thread limit is not met."""
    lab = start(threads=2)
    psa = connect(lab)
    lab.faults.add(Slow(delay_s=0.02), times=-1)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: psa.find_company(RemoteId("0")), range(8)))
    assert all(found)
    assert {seen.status for seen in lab.requests} == {200}


def test_a_crowded_endpoint_is_survived(start: StartLab, connect: OpenPsa) -> None:
    """Another process of ours takes the last thread: 429 is waited out."""
    lab = start(threads=1)
    psa = connect(lab)
    lab.faults.add(Slow(delay_s=0.05), times=2)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: psa.find_company(RemoteId("0")), range(2)))
    assert all(found)
    assert {seen.status for seen in lab.requests} == {200, 429}


def test_an_integration_opens_with_its_secrets(lab: AutotaskLab) -> None:
    """Endpoint, user name, secret, integration code and private CA arrive at the adapter."""
    keys = SecretRef(name="at", key="secret"), SecretRef(name="at", key="code")
    authority = SecretRef(name="at", key="ca.crt")
    texts = (lab.secret, lab.integration_code, lab.ca.cert_pem.bytes().decode())
    refs = zip((*keys, authority), texts, strict=True)
    secrets = EnvironmentSecrets({variable_of(ref): text for ref, text in refs})
    product = Autotask(
        user_name=lab.user_name,
        secret=keys[0],
        integration_code=keys[1],
        endpoint=lab.endpoint,
        ca=authority,
    )
    psa = PSAS[Autotask](Integration(name="at", product=product), secrets)
    assert [company.name for company in psa.list_companies()] == ["Lab MSP"]
    assert isinstance(psa, AutotaskPsa)
    psa.close()
    with pytest.raises(SpecError, match="MUSTER_SECRET_AT_CODE"):
        PSAS[Autotask](
            Integration(name="at", product=product), EnvironmentSecrets({variable_of(keys[0]): "x"})
        )


def test_a_populated_lab_holds_the_planned_contacts(lab: AutotaskLab, psa: AutotaskPsa) -> None:
    """Every planned contact is there, with its names as far as they fit."""
    customer = generate_msp(7, 3, 40).customers[0]
    company = populate_autotask(lab, customer)
    found = list(psa.list_contacts(RemoteId(company)))
    assert [contact.active for contact in found] == [one.active for one in customer.contacts]
    assert [contact.surname for contact in found] == [one.surname[:20] for one in customer.contacts]
