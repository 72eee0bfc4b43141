"""What Muster says to Hudu, and what the simulated Hudu answers, by the vendor's own document."""

from __future__ import annotations

import pytest
import trustme
from tests.vendor.exchanges import Exchange, record
from tests.vendor.openapi import Deviation, VendorApi, find_document, judge

from muster.adapters.hudu import HuduVault
from muster.errors import Rejected
from muster.lab.hudu import HuduLab
from muster.model.connections import Hudu, SecretRef
from muster.model.names import RemoteId
from muster.model.records import EntryChange, EntryDraft, VaultCategory
from muster.model.secret import Secret
from muster.transport.options import HttpOptions

_PASSWORD = r"\w+ /asset_passwords\S* answer 200: body/\S+"

DEVIATIONS = (
    Deviation(
        r"POST /asset_passwords answer 200: the status is not documented",
        "live: 200 in place of 201 (msoukhomlinov/node-hudu, .run/live/envelope-sweep.md)",
    ),
    Deviation(
        r"GET /asset_passwords/\{id\} answer 200: body is null, not object",
        "live: a missing id is 200 with null (msoukhomlinov/node-hudu, vendor issue 10)",
    ),
    Deviation(
        _PASSWORD + "/archived is not documented",
        "live: it is in every answer (msoukhomlinov/node-hudu, capability-inventory.md)",
    ),
    Deviation(
        _PASSWORD + "/(passwordable_id|password_type|password_folder_id|password_folder_name"
        "|login_url) is null, not (string|integer)",
        "the document itself: its descriptions say 'Can be null.'; Swagger 2.0 has no word for it",
    ),
    Deviation(
        _PASSWORD + "/(passwordable_type|username|description|otp_secret) is null, not string",
        "Unconfirmed: the document wants texts; an entry that has none is likeliest to say null",
    ),
    Deviation(
        r"GET /companies\S* answer 200: body/\S+ is null, not (string|integer)",
        "the document itself: the descriptions of these fields say 'Can be null.'",
    ),
)
"""What Hudu is known to do otherwise than its document of version 2.44 says; requests nowhere."""


def speak(lab: HuduLab) -> None:
    """Let the adapter do everything that it can do."""
    settings = Hudu(endpoint=lab.endpoint, api_key=SecretRef(name="hudu", key="apiKey"))
    options = HttpOptions(budget_share=100, ca_pem=lab.ca.cert_pem.bytes().decode())
    vault = HuduVault(settings, Secret(lab.key), options)
    company = RemoteId(lab.add_company("Contoso"))
    category = VaultCategory(id=RemoteId("Active Directory"), name="Active Directory")
    lab.add_password(company, "bare", password="Wm7-example")
    lab.add_password(company, "embedded", passwordable_id=7, passwordable_type="Asset")
    draft = EntryDraft(name="Joan", username="jsmith", category=category, mark="contoso/1")
    entry = vault.create_entry(company, draft)
    vault.update_entry(company, entry, EntryChange(name="J", username="j", category=category))
    vault.write_password(company, entry, Secret("Wm7-example"))
    vault.read_password(company, entry)
    with pytest.raises(Rejected):
        vault.read_password(company, RemoteId("987654"))
    assert list(vault.list_organizations())
    assert vault.find_organization(company)
    assert vault.find_organization(RemoteId("987654")) is None
    whole, changes = list(vault.list_entries(company)), list(vault.list_entries(company))
    assert sorted(one.id for one in whole) == sorted(one.id for one in changes)
    assert all(check.ok for check in vault.check())
    vault.close()


@pytest.fixture(scope="module")
def exchanges() -> list[Exchange]:
    """Everything that adapter and simulator say to each other."""
    with HuduLab(ca=trustme.CA()) as lab:
        said = record(lab)
        speak(lab)
    return said


def test_requests_and_answers_are_what_hudu_documents(exchanges: list[Exchange]) -> None:
    """All of it is in the vendor's document, but for what reality is known to do otherwise."""
    assert any("updated_at" in said.query and "company_id" in said.query for said in exchanges)
    judge(VendorApi(find_document("hudu*.json")), exchanges, DEVIATIONS)
