"""How the simulators behave as servers: TLS, connections, log, speed, end."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import trustme

from muster.lab.connectwise import ConnectWiseLab
from muster.lab.faults import Faults, Meanwhile, ServerError
from muster.lab.http import RequestLog
from muster.lab.itglue import ItGlueLab

OpenItGlue = Callable[..., tuple[ItGlueLab, httpx.Client]]
OpenConnectWise = Callable[..., tuple[ConnectWiseLab, httpx.Client]]
Connect = Callable[..., httpx.Client]


def test_connection_is_kept_alive(open_itglue: OpenItGlue) -> None:
    """Many requests of one client use one connection, also after errors and writes."""
    lab, client = open_itglue()
    org = lab.add_organization("Acme")
    client.get("/passwords")
    before = threading.active_count()
    client.get("/nothing")
    client.post("/passwords", json={"data": 1})
    client.delete(f"/passwords/{lab.add_password(org, 'one')}")
    assert client.get("/passwords").http_version == "HTTP/1.1"
    assert threading.active_count() <= before


def test_certificate_is_of_the_given_authority(connect: Connect, ca: trustme.CA) -> None:
    """A client that does not trust the authority cannot connect; others still can."""
    lab = ItGlueLab(ca=ca)
    client = connect(lab, headers={"x-api-key": lab.key})
    stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.raises(httpx.ConnectError), httpx.Client(verify=stranger) as other:
        other.get(lab.endpoint)
    assert client.get("/organizations").status_code == 200


def test_silent_client_stops_no_other(open_itglue: OpenItGlue) -> None:
    """A connection that never begins its handshake does not hold up the server, nor its end."""
    lab, client = open_itglue()
    port = httpx.URL(lab.endpoint).port
    assert port
    with socket.create_connection(("127.0.0.1", port)):
        assert client.get("/organizations").status_code == 200
        lab.stop()


def test_end_closes_idle_connections_and_threads(connect: Connect, ca: trustme.CA) -> None:
    """After stop no thread is left, although clients kept their connections."""
    before = set(threading.enumerate())
    lab = ItGlueLab(ca=ca)
    client = connect(lab, headers={"x-api-key": lab.key})
    client.get("/organizations")
    lab.stop()
    assert set(threading.enumerate()) <= before
    with pytest.raises(RuntimeError, match="not started"):
        _ = lab.endpoint


def test_simulator_can_start_again_with_its_state(connect: Connect, ca: trustme.CA) -> None:
    """An outage: the state survives a stop and a start."""
    lab = ItGlueLab(ca=ca)
    lab.add_organization("Acme")
    client = connect(lab, headers={"x-api-key": lab.key})
    lab.stop()
    with pytest.raises(httpx.ConnectError):
        client.get("/organizations")
    lab.start()
    assert len(client.get(lab.endpoint + "/organizations").json()["data"]) == 1


def test_log_names_keys_and_no_values(open_itglue: OpenItGlue) -> None:
    """The log has method, path, query keys and status; it can be reset."""
    lab, client = open_itglue()
    client.get("/passwords", params={"filter[name]": "s3cret", "sort": "id"})
    assert lab.requests == [
        RequestLog(method="GET", path="/passwords", query_keys=("filter[name]", "sort"), status=200)
    ]
    lab.reset_log()
    assert (lab.requests, lab.writes()) == ([], 0)


def test_parallel_writes_are_all_kept(open_connectwise: OpenConnectWise) -> None:
    """Requests of several threads do not lose or mix up each other's records."""
    lab, client = open_connectwise()

    def create(number: int) -> int:
        answer = client.post("/company/contacts", json={"firstName": f"c{number}"})
        return int(answer.json()["id"])

    with ThreadPoolExecutor(4) as pool:
        ids = set(pool.map(create, range(40)))
    assert (len(ids), len(lab.contacts(None)), lab.writes()) == (40, 40, 40)


def test_page_of_a_thousand_rows_is_quick(
    open_itglue: OpenItGlue, open_connectwise: OpenConnectWise
) -> None:
    """A full page of an organization among many is served in well under 100 ms."""
    vault, vault_client = open_itglue()
    psa, psa_client = open_connectwise()
    for customer in range(3):
        org, company = vault.add_organization(f"{customer}"), psa.add_company(f"{customer}")
        for number in range(1000):
            vault.add_password(org, f"entry {number}", category="AD", username=f"u{number}")
            psa.add_contact(company, f"c{number}", emails=[f"c{number}@x.example"])
    page = {"filter[organization_id]": org, "page[size]": "1000", "sort": "id"}
    query = {"conditions": f"company/id={company}", "pageSize": "1000"}
    assert _quickest(lambda: vault_client.get("/passwords", params=page)) < 0.1
    assert _quickest(lambda: psa_client.get("/company/contacts", params=query)) < 0.1


def _quickest(request: Callable[[], httpx.Response]) -> float:
    times = []
    for _ in range(3):
        began = time.perf_counter()
        assert request().status_code == 200
        times.append(time.perf_counter() - began)
    return min(times)


def test_same_calls_lead_to_the_same_state(ca: trustme.CA) -> None:
    """Ids come in order, so that two runs of one scenario are equal."""

    def build() -> list[str]:
        vault, psa = ItGlueLab(ca=ca), ConnectWiseLab(ca=ca)
        org, company = vault.add_organization("Acme"), psa.add_company("Acme")
        entry = vault.add_password(org, "one", category="AD")
        return [org, company, entry, psa.add_contact(company, "Zoë", emails=["z@x.example"])]

    assert build() == build()


def test_seed_calls_name_what_they_do_not_find(ca: trustme.CA) -> None:
    """A wrong id in a scenario is an error at once, not a silent nothing."""
    vault, psa = ItGlueLab(ca=ca), ConnectWiseLab(ca=ca)
    with pytest.raises(KeyError, match="no organization 9"):
        vault.add_password("9", "one")
    with pytest.raises(KeyError, match="no password 9"):
        vault.delete_password("9")
    with pytest.raises(KeyError, match="no company 9"):
        psa.add_contact("9", "Zoë")
    with pytest.raises(KeyError, match="no contact 9"):
        psa.delete_contact("9")


def test_one_script_serves_several_simulators(connect: Connect, ca: trustme.CA) -> None:
    """A script that is passed in is shared; each simulator takes what matches."""
    faults = Faults()
    faults.add(ServerError(), path="^/organizations")
    vault, psa = ItGlueLab(faults=faults, ca=ca), ConnectWiseLab(faults=faults, ca=ca)
    other, client = connect(psa), connect(vault, headers={"x-api-key": vault.key})
    assert other.get("/login/companyinfo/msp").status_code == 200
    assert client.get("/organizations").status_code == 500
    assert faults.pending == ()


def test_broken_simulator_fails_the_test(ca: trustme.CA, connect: Connect) -> None:
    """An error inside a simulator is a 500 on the wire and is raised again by stop."""

    class Broken(ItGlueLab):
        def answer(self, *_: object) -> httpx.Response:  # type: ignore[override]
            raise ZeroDivisionError

    lab = Broken(ca=ca)
    assert connect(lab).get("/organizations").status_code == 500
    with pytest.raises(RuntimeError, match="simulator broke"):
        lab.stop()


def test_meanwhile_may_call_the_simulator(open_itglue: OpenItGlue) -> None:
    """Someone else's edit runs outside the lock, so that it may use the seed calls."""
    lab, client = open_itglue()
    lab.faults.add(Meanwhile(action=lambda: lab.add_organization("Acme")))
    assert client.get("/organizations").json()["data"] == []
    assert len(client.get("/organizations").json()["data"]) == 1
