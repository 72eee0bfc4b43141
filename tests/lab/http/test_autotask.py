"""The simulated Autotask steps on careless clients, as the real one does."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import trustme

from muster.lab.autotask import AutotaskKnobs, AutotaskLab

ALL = {"op": "gte", "field": "id", "value": 0}
ROOT = "/ATServicesRest/V1.0"


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """A certificate authority of our own."""
    return trustme.CA()


@pytest.fixture
def lab(ca: trustme.CA) -> Iterator[AutotaskLab]:
    """An Autotask with one company, 174, of three people."""
    with AutotaskLab(ca=ca, knobs=AutotaskKnobs(lock_after=3)) as lab:
        company = lab.add_company("Contoso")
        lab.add_contact(company, "Joan", "Smith", emails=("joan@c.example", "js@c.example"))
        lab.add_contact(company, "Zoë", "O'Brien", emails=(None, "ZOE@c.example"))
        lab.add_contact(company, "Old", "Smith", active=False)
        yield lab


@pytest.fixture
def client(lab: AutotaskLab) -> Iterator[httpx.Client]:
    """A client that is signed in."""
    keys = {
        "username": lab.user_name,
        "SECRET": lab.secret,
        "ApiIntegrationCode": lab.integration_code,
    }
    context = ssl.create_default_context(cadata=lab.ca.cert_pem.bytes().decode())
    with httpx.Client(base_url=lab.endpoint + ROOT, headers=keys, verify=context) as client:
        yield client


def ask(client: httpx.Client, *conditions: Any, **more: Any) -> Any:
    """Query contacts; return the given names that are found, or the errors."""
    body = client.post("/Contacts/query", json={"filter": list(conditions), **more}).json()
    return [one["firstName"] for one in body["items"]] if "items" in body else body["errors"]


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ([{"op": "eq", "field": "LASTNAME", "value": "smith"}], ["Joan", "Old"]),
        ([{"op": "eq", "field": "isActive", "value": 1}], ["Joan", "Zoë"]),
        ([{"op": "eq", "field": "isActive", "value": "true"}], ["Joan", "Zoë"]),
        ([{"op": "in", "field": "emailAddress2", "value": ["zoe@c.example"]}], ["Zoë"]),
        ([{"op": "notExist", "field": "emailAddress"}], ["Zoë", "Old"]),
        ([{"op": "contains", "field": "lastName", "value": "mit"}], ["Joan", "Old"]),
        ([{"op": "or", "items": [ALL, ALL]}, ALL], ["Joan", "Zoë", "Old"]),
        # Misspelt, and everything is found.
        ([{"op": "noteExist", "field": "emailAddress"}], ["Joan", "Zoë", "Old"]),
    ],
)
def test_filters_find(client: httpx.Client, conditions: list[Any], found: list[str]) -> None:
    """Groups, operators and names in any case; an unknown operator finds everything."""
    assert ask(client, *conditions) == found


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "filter is required"),
        ({"filter": []}, "filter is required"),
        ({"filter": [{"op": "eq", "field": "companyID"}]}, "value is required"),
        ({"filter": [{"op": "eq", "field": "nope", "value": 1}]}, "Unable to find nope"),
        ({"filter": [{"op": "eq", "field": "surveyOptOut", "value": True}]}, "cannot be queried"),
        ({"filter": [ALL], "MaxRecords": 501}, "between 1 and 500"),
        ({"filter": [ALL], "IncludeFields": ["nope"]}, "Unable to find nope"),
        ({"filter": [{"op": "or", "items": [ALL] * 501}]}, "at most 500"),
    ],
)
def test_questions_are_refused_with_500(client: httpx.Client, body: Any, words: str) -> None:
    """Also a value of 0 that a client has dropped."""
    answer = client.post("/Contacts/query", json=body)
    assert answer.status_code == 500
    assert words in answer.json()["errors"][0]


def test_the_last_fifty_pages_are_remembered(client: httpx.Client) -> None:
    """An older link answers an error, not a page."""
    body = {"filter": [ALL], "MaxRecords": 1}
    links = [
        client.post("/Contacts/query", json=body).json()["pageDetails"]["nextPageUrl"]
        for _ in range(51)
    ]
    assert client.post(links[0], json=body).status_code == 500
    assert client.post(links[1], json=body).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/Contacts", {"firstName": "A", "lastName": "B", "isActive": 1}, 404),
        ("PATCH", "/Contacts/29690001", {"firstName": "A"}, 405),
        ("POST", "/Companies/174/Contacts", {"firstName": "A", "isActive": 1}, 500),
        ("POST", "/Companies/174/Contacts", {"firstName": "A", "lastName": "B"}, 500),
        (
            "POST",
            "/Companies/174/Contacts",
            {"firstName": "A" * 21, "lastName": "B", "isActive": 1},
            500,
        ),
        ("PATCH", "/Companies/174/Contacts", {"firstName": "A"}, 500),
        ("PATCH", "/Companies/0/Contacts", {"id": 29690001, "firstName": "A"}, 500),
        ("PATCH", "/Companies/174/Contacts", {"id": 29690001, "companyID": 0}, 500),
        ("PATCH", "/Companies/174/Contacts", {"id": 29690001, "lastName": None}, 500),
        ("DELETE", "/Companies/174/Contacts/1", None, 500),
    ],
)
def test_careless_writes_are_refused(
    lab: AutotaskLab, client: httpx.Client, method: str, path: str, body: Any, status: int
) -> None:
    """Nothing has changed after any of them."""
    before = lab.contacts("174")
    assert client.request(method, path, json=body).status_code == status
    assert lab.contacts("174") == before
    assert lab.writes() == 0


def test_put_empties_what_it_does_not_name(lab: AutotaskLab, client: httpx.Client) -> None:
    """That is why nobody should fall back to it."""
    body = {"id": 29690001, "firstName": "J", "lastName": "S", "isActive": 1}
    assert client.put("/Companies/174/Contacts", json=body).json() == {"itemId": 29690001}
    assert lab.contacts("174")[0]["emailAddress"] is None


def test_the_primary_contact_is_one_and_stays(lab: AutotaskLab, client: httpx.Client) -> None:
    """The flag moves, and whoever has it, or is on a ticket, cannot be deleted."""
    for number in (29690001, 29690002):
        client.patch("/Companies/174/Contacts", json={"id": number, "primaryContact": True})
    assert [one["primaryContact"] for one in lab.contacts("174")] == [False, True, False]
    lab.refer_to("29690003")
    deleted = [
        client.delete(f"/Companies/174/Contacts/{number}").status_code
        for number in (29690002, 29690003, 29690001)
    ]
    assert deleted == [500, 500, 200]


def test_a_user_is_locked_after_failures(lab: AutotaskLab, client: httpx.Client) -> None:
    """Then the right keys are refused too, in the same words."""
    for _ in range(3):
        assert client.get("/ThresholdInformation", headers={"Secret": "x"}).status_code == 401
    assert client.get("/ThresholdInformation").status_code == 401
    lab.unlock()
    assert client.get("/ThresholdInformation").json()["currentTimeframeRequestCount"] == 5
