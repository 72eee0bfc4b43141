"""What is peculiar about Autotask's records, lists and refusals."""

from __future__ import annotations

import ssl
from contextlib import nullcontext
from typing import Any

import httpx
import pytest
from tests.adapters.autotask.conftest import OpenPsa, StartLab

from muster.adapters.autotask import AutotaskPsa
from muster.adapters.autotask.contacts import NameLengths, changed_fields, clip
from muster.adapters.autotask.verdicts import SignInRefused, verdict
from muster.errors import (
    AccessDenied,
    RateLimited,
    Rejected,
    RemoteError,
    SpecError,
    Unavailable,
    Unexpected,
)
from muster.lab.autotask import AutotaskLab
from muster.lab.faults import CutBody, DropRows, FaultKind, ForeignNextLink, Meanwhile, ServerError
from muster.model.names import RemoteId
from muster.model.records import ContactChange, ContactDraft, PsaContact

DRAFT = ContactDraft(given_name="Zoë", surname="O'Brien", email="zoe@contoso.example")


def contacts(psa: AutotaskPsa, company: str) -> list[PsaContact]:
    """Read a company to its end."""
    return list(psa.list_contacts(RemoteId(company)))


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        (401, None, SignInRefused),
        (500, {"errors": ["Value does not exist for the required field lastName."]}, Rejected),
        (500, {"errors": ["Picklist value [3] does not exist for priority"]}, Rejected),
        (500, {"errors": ["No matching records found."]}, Rejected),
        (500, {"errors": ["… does not have the adequate permissions to …"]}, AccessDenied),
        (500, {"errors": ["Unable to find foo in the Contact Entity"]}, Unexpected),
        (500, {"errors": ["MaxRecords must be between 1 and 500"]}, Unexpected),
        (500, {"errors": ["You have exceeded the request threshold."]}, RateLimited),
        (500, {"errors": ["An unexpected error has occurred. … Error ID: 1166"]}, None),
        (500, {"errors": []}, None),
        (500, {"Message": "An error has occurred."}, None),
        (500, None, None),
        (503, {"errors": ["The permission service is away."]}, None),
        (404, {"errors": ["The resource does not exist."]}, None),
    ],
)
def test_the_words_tell_a_refusal_from_an_outage(
    status: int, body: Any, meaning: type[RemoteError] | None
) -> None:
    """500 is how Autotask refuses; only some of them may pass by themselves."""
    assert verdict(status, body) is meaning


def test_a_refusal_is_not_sent_again(lab: AutotaskLab, psa: AutotaskPsa) -> None:
    """A 500 with reasons is raised at once, with the reasons, and in no doubt."""
    with pytest.raises(Rejected, match="does not exist") as caught:
        psa.create_contact(RemoteId("999999999"), DRAFT)
    assert not caught.value.maybe_applied
    assert [seen.status for seen in lab.requests if seen.method == "POST"] == [500]


def test_a_generic_500_to_a_create_is_in_doubt(lab: AutotaskLab, psa: AutotaskPsa) -> None:
    """An outage may have come after the record."""
    lab.faults.add(ServerError(), method="POST")
    with pytest.raises(Unavailable) as caught:
        psa.create_contact(RemoteId(lab.add_company("Contoso")), DRAFT)
    assert caught.value.maybe_applied


def test_the_msp_itself_is_a_company_like_any_other(lab: AutotaskLab, psa: AutotaskPsa) -> None:
    """Company 0 is found, and its filter shows its contacts and no others."""
    own = lab.add_contact("0", "Joan", "Smith")
    lab.add_contact(lab.add_company("Contoso"), "Zoë", "O'Brien")
    found = psa.find_company(RemoteId("0"))
    assert found is not None
    assert [contact.id for contact in contacts(psa, "0")] == [own]


def test_pages_are_asked_for_by_id(lab: AutotaskLab, psa: AutotaskPsa) -> None:
    """The links between pages, which may point anywhere, are never followed."""
    company = lab.add_company("Contoso")
    ids = [lab.add_contact(company, f"Person {n}") for n in range(1000)]
    lab.faults.add(ForeignNextLink(), times=-1)
    assert [contact.id for contact in contacts(psa, company)] == ids
    paths = [seen.path.rpartition("V1.0")[2] for seen in lab.requests]
    assert paths == ["/Contacts/query"] * 3 + ["/Contacts/query/count"]


@pytest.mark.parametrize("fault", [CutBody(), DropRows(), ServerError()], ids=str)
def test_trouble_on_a_later_page_loses_nothing(
    lab: AutotaskLab, psa: AutotaskPsa, fault: FaultKind
) -> None:
    """It is survived once, and an error when it lasts."""
    company = lab.add_company("Contoso")
    ids = [lab.add_contact(company, f"Person {n}") for n in range(501)]
    lab.faults.add(fault, path=r"Contacts/query\?", after=1)
    assert [contact.id for contact in contacts(psa, company)] == ids
    lab.faults.add(fault, path=r"Contacts/query\?", times=-1)
    with pytest.raises(Unavailable):
        contacts(psa, company)


def test_an_empty_page_with_a_next_one_is_not_asked_for_again(
    lab: AutotaskLab, psa: AutotaskPsa
) -> None:
    """Pages are asked for by the last id, and such a page has none: there would be no end."""
    company = lab.add_company("Contoso")
    for n in range(501):
        lab.add_contact(company, f"Person {n}")
    lab.faults.add(DropRows(count=500), path=r"Contacts/query\?")
    with pytest.raises(Unexpected, match="has a next page but showed nothing"):
        contacts(psa, company)


def test_an_edit_between_two_pages_is_read_again(lab: AutotaskLab, psa: AutotaskPsa) -> None:
    """A contact that vanishes meanwhile costs a second walk, and no other contact."""
    company = lab.add_company("Contoso")
    ids = [lab.add_contact(company, f"Person {n}") for n in range(501)]
    lab.faults.add(Meanwhile(action=lambda: lab.delete_contact(ids[0])), path=r"Contacts/query\?")
    assert [contact.id for contact in contacts(psa, company)] == ids[1:]


def test_each_address_is_known_by_its_slot(lab: AutotaskLab, psa: AutotaskPsa) -> None:
    """A person may be reached by the second or third address only; none of them is the default."""
    company = lab.add_company("Contoso")
    lab.add_contact(company, "Joan", "Smith", emails=(None, "two@c.example", "three@c.example"))
    (joan,) = contacts(psa, company)
    assert [(e.id, e.address, e.default) for e in joan.emails] == [
        ("emailAddress2", "two@c.example", False),
        ("emailAddress3", "three@c.example", False),
    ]
    psa.update_contact(RemoteId(company), joan, ContactChange(email="one@c.example"))
    (stored,) = lab.contacts(company)
    assert [stored[f"emailAddress{n}"] for n in ("", 2, 3)] == [
        "one@c.example",
        "two@c.example",
        "three@c.example",
    ]


def test_only_the_named_fields_are_written(lab: AutotaskLab, psa: AutotaskPsa) -> None:
    """One PATCH, with the id in its body; what it does not name stays."""
    company = lab.add_company("Contoso")
    lab.edit_contact(lab.add_contact(company, "Joan", "Smith"), phone="+49", primary=True)
    (before,) = lab.contacts(company)
    (joan,) = contacts(psa, company)
    psa.update_contact(RemoteId(company), joan, ContactChange(surname="Meyer"))
    (after,) = lab.contacts(company)
    differing = {name for name in before if before[name] != after[name]}
    assert differing == {"lastName", "lastModifiedDate"}
    assert lab.writes() == 1


def test_only_safe_verbs_and_paths_are_written_to(lab: AutotaskLab, psa: AutotaskPsa) -> None:
    """PUT empties what it does not name, DELETE loses data, `/Contacts` takes no writes."""
    company = RemoteId(lab.add_company("Contoso"))
    psa.create_contact(company, DRAFT)
    (contact,) = psa.list_contacts(company)
    psa.update_contact(company, contact, ContactChange(given_name="Zoe"))
    written = [
        (seen.method, seen.path.rpartition("V1.0")[2])
        for seen in lab.requests
        if seen.method != "GET" and "/query" not in seen.path
    ]
    path = f"/Companies/{company}/Contacts"
    assert written == [("POST", path), ("PATCH", path)]


def test_a_zone_without_patch_is_said_so(start: StartLab, connect: OpenPsa) -> None:
    """There is no way around it that would be safe."""
    lab = start(no_patch=True)
    company = RemoteId(lab.add_company("Contoso"))
    lab.add_contact(company, "Joan", "Smith")
    psa = connect(lab)
    (joan,) = psa.list_contacts(company)
    with pytest.raises(Unexpected, match="PATCH"):
        psa.update_contact(company, joan, ContactChange(surname="Meyer"))
    assert lab.writes() == 0


def test_a_change_that_does_not_stick_is_noticed(start: StartLab, connect: OpenPsa) -> None:
    """200 is not enough: the record is read back."""
    lab = start(forgets_patches=True)
    company = RemoteId(lab.add_company("Contoso"))
    lab.add_contact(company, "Joan", "Smith")
    psa = connect(lab)
    (joan,) = psa.list_contacts(company)
    with pytest.raises(Unexpected, match="kept lastName") as caught:
        psa.update_contact(company, joan, ContactChange(given_name="Joan", surname="Meyer"))
    assert caught.value.maybe_applied


@pytest.mark.parametrize(
    ("name", "length", "cut"),
    [
        ("Zoë", 20, "Zoë"),
        ("Wolfeschlegelsteinhausen", 20, "Wolfeschlegelsteinha"),
        ("Nineteen letters an d", 20, "Nineteen letters an"),
        ("𠮷𠮷𠮷", 5, "𠮷𠮷"),
        (" x ", 20, "x"),
    ],
)
def test_a_name_is_cut_to_what_fits(name: str, length: int, cut: str) -> None:
    """Letters beyond the first plane take two units, and are never halved."""
    assert clip(name, length) == cut


@pytest.mark.parametrize("length", [20, 12])
def test_the_tenants_own_lengths_are_used(start: StartLab, connect: OpenPsa, length: int) -> None:
    """They are asked for once, before the first write."""
    lab = start(name_length=length)
    psa, company = connect(lab), RemoteId(lab.add_company("Contoso"))
    long = "Wolfeschlegelsteinhausen"
    psa.create_contact(company, ContactDraft(given_name=long, surname=long, email="w@c.example"))
    (contact,) = psa.list_contacts(company)
    psa.update_contact(company, contact, ContactChange(given_name="X" * 30))
    (contact,) = psa.list_contacts(company)
    assert (contact.given_name, contact.surname) == ("X" * length, long[:length])
    assert sum(seen.path.endswith("/fields") for seen in lab.requests) == 1


@pytest.mark.parametrize(
    ("draft", "words"),
    [
        (ContactDraft(given_name=" ", surname="Smith", email="s@c.example"), "given name"),
        (ContactDraft(given_name="Reception", surname="", email="r@c.example"), "surname"),
        (ContactDraft(given_name="A", surname="B", email="x" * 250 + "@c.example"), "254"),
    ],
)
def test_what_autotask_would_refuse_is_not_sent(
    lab: AutotaskLab, psa: AutotaskPsa, draft: ContactDraft, words: str
) -> None:
    """The error says what to fill in; an address is never cut."""
    with pytest.raises(Rejected, match=words):
        psa.create_contact(RemoteId(lab.add_company("Contoso")), draft)
    assert lab.writes() == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (ContactChange(given_name=" "), "both names"),
        (ContactChange(surname=""), "both names"),
        (ContactChange(email="x" * 244 + "@c.example"), None),
        (ContactChange(email="x" * 245 + "@c.example"), "254"),
    ],
)
def test_a_change_is_held_to_the_same(change: ContactChange, words: str | None) -> None:
    """A name is not emptied, and an address of 254 characters is the longest."""
    with pytest.raises(Rejected, match=words) if words else nullcontext():
        changed_fields(change, NameLengths())


def test_a_contact_of_another_company_is_not_changed(lab: AutotaskLab, psa: AutotaskPsa) -> None:
    """The path names the company, so a contact that has moved is refused."""
    ours, theirs = lab.add_company("Contoso"), lab.add_company("Fabrikam")
    moved = PsaContact(id=RemoteId(lab.add_contact(theirs, "Joan", "Smith")), given_name="Joan")
    with pytest.raises(Rejected, match="No matching records"):
        psa.update_contact(RemoteId(ours), moved, ContactChange(surname="Meyer"))
    assert lab.writes() == 0


@pytest.mark.parametrize("number", ["", "1 or 1=1", "1/../2", "abc", "-1"])
def test_an_id_that_is_no_number_is_never_sent(
    lab: AutotaskLab, psa: AutotaskPsa, number: str
) -> None:
    """It would change a path's meaning: such ids are the resources' fault."""
    for call in (psa.find_company, lambda one: list(psa.list_contacts(one))):
        with pytest.raises(SpecError):
            call(RemoteId(number))
    assert lab.requests == []


@pytest.mark.parametrize(
    ("knobs", "failing"),
    [
        ({}, []),
        ({"hides_contacts": True}, ["Autotask contacts"]),
        ({"read_only": True}, ["Autotask contact writing"]),
        ({"also_required": ("title",)}, ["Autotask contact fields"]),
        ({"requests_per_hour": 400}, ["Autotask requests"]),
    ],
    ids=str,
)
def test_the_check_names_what_is_missing(
    start: StartLab, connect: OpenPsa, knobs: dict[str, Any], failing: list[str]
) -> None:
    """Each right and each limit has a line of its own, with advice where it fails."""
    lab = start(**knobs)
    lab.use_up(310)
    checks = connect(lab).check()
    assert [check.name for check in checks if not check.ok] == failing
    assert all(bool(check.advice) is not check.ok for check in checks)
    assert checks[-1].detail.startswith("31")


def test_a_level_that_may_not_write_is_access_denied(start: StartLab, connect: OpenPsa) -> None:
    """The permission text of a 500 leads to the security level, not to a retry."""
    lab = start(read_only=True)
    with pytest.raises(AccessDenied, match="security level"):
        connect(lab).create_contact(RemoteId(lab.add_company("Contoso")), DRAFT)
    assert lab.failed_sign_ins == 0


def test_a_spent_hour_is_rate_limited(start: StartLab, connect: OpenPsa) -> None:
    """Other integrations have used everything up: the caller learns to wait."""
    lab = start(requests_per_hour=100)
    lab.use_up(100)
    with pytest.raises(RateLimited) as caught:
        list(connect(lab).list_companies())
    assert caught.value.delay_s == 60


def test_the_lab_catches_a_client_that_follows_pages_by_get(lab: AutotaskLab) -> None:
    """After a POST the next page wants a POST with the same body (WYRE-AI/autotask-mcp 170)."""
    for n in range(3):
        lab.add_contact("0", f"Person {n}")
    keys = {"UserName": lab.user_name, "Secret": lab.secret, "ApiIntegrationCode": "LABCODE123"}
    body = {"MaxRecords": 2, "filter": [{"op": "noteExist", "field": "id"}]}
    with httpx.Client(verify=lab_context(lab), headers=keys) as client:
        first = client.post(f"{lab.endpoint}/atservicesrest/v1.0/contacts/query", json=body).json()
        link = first["pageDetails"]["nextPageUrl"]
        assert client.get(link).status_code == 405
        assert client.post(link, json={}).status_code == 500
        assert len(client.post(link, json=body).json()["items"]) == 1


def lab_context(lab: AutotaskLab) -> Any:
    """Return a TLS context that trusts the lab."""
    return ssl.create_default_context(cadata=lab.ca.cert_pem.bytes().decode())
