"""What Muster says to Autotask, and what the simulated one answers, by the vendor's own document.

The document is of Swagger 2.0 and generated from classes. Two things about it are wrong
throughout, and are put right here before anything is judged:

- It names fields as the classes do (`FirstName`); every live answer has `firstName`, and names in
  requests count in any case (vendor's samples in REST_Basic_Query_Calls.htm; fixtures of
  KerkhoffTechnologies/django-autotask). Fields are compared in any case.
- It says that a query and a read answer a bare record. Live they answer `items` with
  `pageDetails`, and `item` (same sources). Each record in them is judged as the bare one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.vendor.exchanges import Exchange, record
from tests.vendor.openapi import Deviation, VendorApi, find_document, judge

from muster.adapters.autotask import ApiKeys, AutotaskPsa, ZoneDirectory
from muster.errors import AccessDenied, Rejected
from muster.lab.autotask import AutotaskLab
from muster.model.connections import Autotask, SecretRef
from muster.model.names import RemoteId
from muster.model.records import ContactChange, ContactDraft
from muster.model.secret import Secret
from muster.transport.options import HttpOptions

DEVIATIONS = (
    Deviation(
        r"POST \S+/query(/count)? request: body/Filter/\*(/items/\*)?/value is integer, not object",
        "the vendor's samples hold bare values (REST_Basic_Query_Calls.htm)",
    ),
    Deviation(
        r"GET /V1.0/ZoneInformation request: header \w+ is missing",
        "live: no client sends keys to it (KelvinTegelaar/AutotaskAPI, Add-AutotaskBaseURI.ps1)",
    ),
    Deviation(
        r"\w+ \S+ answer 200: body/\S+ is null, not (string|integer|boolean|array)",
        "live: unset fields are null (fixtures of django-autotask); Swagger 2.0 has no word for it",
    ),
    Deviation(
        r"(POST|PATCH) \S+/Contacts answer 200: body\S* is not documented",
        "live: writes answer itemId, not the record that is documented (fixtures of go-autotask)",
    ),
    Deviation(
        r"GET /V1.0/Contacts/entityInformation answer 200: body/Info/UserAccessFor\w+ is string,"
        r" not object",
        "the class has no fields; live a word (msoukhomlinov/n8n-nodes-autotask)",
    ),
    Deviation(
        r"GET \S+/fields answer 200: body/Fields/\*/IsSupportedWebhookField is boolean, not object",
        "the class has no fields. Unconfirmed: what is answered; nothing reads it",
    ),
    Deviation(
        r"(POST|PATCH) \S+ answer 500: the status is not documented",
        "live: refusals are 500 with errors (KelvinTegelaar/AutotaskAPI issue 25)",
    ),
)
"""What Autotask is known to do otherwise than its document says."""


def speak(lab: AutotaskLab) -> None:
    """Let the adapter do everything that it can do."""

    def connect(secret: str) -> AutotaskPsa:
        ref = SecretRef(name="autotask", key="secret")
        settings = Autotask(user_name=lab.user_name, secret=ref, integration_code=ref)
        directory = ZoneDirectory(
            endpoint=f"{lab.endpoint}/ATServicesRest", trusts=lambda url: url.scheme == "https"
        )
        options = HttpOptions(budget_share=100, ca_pem=lab.ca.cert_pem.bytes().decode())
        keys = ApiKeys(Secret(secret), Secret(lab.integration_code))
        return AutotaskPsa(settings, keys, options, directory)

    psa, company = connect(lab.secret), RemoteId(lab.add_company("Contoso"))
    lab.add_contact(company, "Joan", "Smith", emails=("joan@contoso.example",), active=False)
    draft = ContactDraft(given_name="Zoë", surname="O'Brien", email="zoe@contoso.example")
    psa.create_contact(company, draft)
    _, zoe = psa.list_contacts(company)
    psa.update_contact(
        company, zoe, ContactChange(given_name="Zoe", surname="B", email="z@c.example")
    )
    with pytest.raises(Rejected):
        psa.create_contact(RemoteId("987654"), draft)
    with pytest.raises(Rejected):
        psa.update_contact(RemoteId("0"), zoe, ContactChange(surname="Meyer"))
    assert list(psa.list_companies())
    assert psa.find_company(company)
    assert psa.find_company(RemoteId("987654")) is None
    assert all(check.ok for check in psa.check())
    psa.close()
    refused = connect("wrong")
    with pytest.raises(AccessDenied):
        list(refused.list_companies())
    refused.close()


@pytest.fixture(scope="module")
def exchanges() -> list[Exchange]:
    """Everything that adapter and simulator say to each other."""
    with AutotaskLab(ca=trustme.CA()) as lab:
        said = record(lab)
        speak(lab)
    return said


def test_requests_and_answers_are_what_autotask_documents(exchanges: list[Exchange]) -> None:
    """All of it is in the vendor's document, but for what reality is known to do otherwise."""
    document = find_document("autotask*.json")
    unwrapped = [one for exchange in exchanges for one in _records_of(exchange)]
    assert len(unwrapped) > len(exchanges) / 2
    judge(VendorApi(document), [_renamed(one, document) for one in unwrapped], DEVIATIONS)


def _records_of(exchange: Exchange) -> Iterator[Exchange]:
    """Yield one exchange for each record that an answer wraps, or the exchange as it is."""
    answer = exchange.answer
    if isinstance(answer, dict) and answer.keys() == {"items", "pageDetails"}:
        yield from (replace(exchange, answer=item) for item in answer["items"])
    elif isinstance(answer, dict) and answer.keys() == {"item"}:
        yield replace(exchange, answer=answer["item"] or {})
    else:
        yield exchange


def _renamed(exchange: Exchange, document: Path) -> Exchange:
    """Return the exchange with fields in the letters of the document."""
    names = _names(document)

    def named(value: Any) -> Any:
        if isinstance(value, list):
            return [named(one) for one in value]
        if isinstance(value, dict):
            return {names.get(key.lower(), key): named(one) for key, one in value.items()}
        return value

    return replace(exchange, body=named(exchange.body), answer=named(exchange.answer))


@cache
def _names(document: Path) -> dict[str, str]:
    """Return the names of all fields by their lower case; filters are in lower case already."""
    definitions = json.loads(document.read_text(encoding="utf-8"))["definitions"]
    names = {
        name.lower(): name
        for definition in definitions.values()
        for name in definition.get("properties", {})
    }
    own = definitions["Filter"]["properties"], definitions["ContactModel"]["properties"]
    return names | {name.lower(): name for properties in reversed(own) for name in properties}
