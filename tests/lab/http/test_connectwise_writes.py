"""What a write to the simulated ConnectWise changes, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import httpx
import pytest

from muster.lab.connectwise import ConnectWiseLab

OpenConnectWise = Callable[..., tuple[ConnectWiseLab, httpx.Client]]
CONTACTS = "/company/contacts"


class Clock(Protocol):
    """The part of the clock that the tests move."""

    def forward(self, seconds: float) -> None:
        """Move on."""
        ...


def operation(op: str, path: str, value: Any = None) -> dict[str, Any]:
    """Return one operation of a patch."""
    return {"op": op, "path": path, "value": value}


def values(record: dict[str, Any]) -> list[tuple[str, bool]]:
    """Return address and default flag of each communication item."""
    items = record.get("communicationItems", [])
    return [(item["value"], item["defaultFlag"]) for item in items]


def test_create_answers_201_with_the_record(open_connectwise: OpenConnectWise) -> None:
    """Only firstName is required; the stored contact has company, site and items."""
    lab, client = open_connectwise()
    company = lab.add_company("Acme")
    sent = {
        "firstName": "Zoë",
        "lastName": "O'Brien",
        "company": {"id": int(company)},
        "site": {"id": 1000},
        "communicationItems": [
            {"type": {"id": "1"}, "value": "z@x.example", "communicationType": "Email"},
            {"type": {"name": "Direct"}, "value": "+4930123"},
        ],
    }
    answer = client.post(CONTACTS, json=sent)
    assert answer.status_code == 201
    (stored,) = lab.contacts(company)
    assert answer.json() == stored
    assert values(stored) == [("z@x.example", True), ("+4930123", True)]
    assert stored["communicationItems"][0]["domain"] == "@x.example"
    assert client.post(CONTACTS, json={"firstName": "Alone"}).json()["company"] is None


def test_first_name_is_required(open_connectwise: OpenConnectWise) -> None:
    """The refusal has the recorded envelope, word for word."""
    lab, client = open_connectwise()
    answer = client.post(CONTACTS, json={"lastName": "Ray"})
    assert answer.status_code == 400
    assert answer.json() == {
        "code": "InvalidObject",
        "message": "contact object is invalid",
        "errors": [
            {
                "code": "MissingRequiredField",
                "message": "The firstName field is required.",
                "resource": "contact",
                "field": "firstName",
            }
        ],
    }
    assert lab.writes() == 0


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"firstName": "x" * 31}, "firstName"),
        ({"lastName": "x" * 31}, "lastName"),
        ({"title": "x" * 101}, "title"),
        ({"company": {"id": 99999}}, "company"),
        ({"communicationItems": [{"type": {"id": 1}, "value": "x" * 251}]}, "value"),
        ({"communicationItems": [{"type": {"id": 77}, "value": "x"}]}, "type"),
        ({"communicationItems": [{"type": {"id": 1}}]}, "value"),
        (
            {"communicationItems": [{"type": {"id": 1}, "value": "x", "extension": "1" * 16}]},
            "extension",
        ),
        ({"communicationItems": "z@x.example"}, "communicationItems"),
        ({"site": "Main"}, "site"),
    ],
)
def test_invalid_objects_are_refused(
    open_connectwise: OpenConnectWise, changed: dict[str, Any], field: str
) -> None:
    """Texts over their limit and unknown references are 400 InvalidObject."""
    _, client = open_connectwise()
    answer = client.post(CONTACTS, json={"firstName": "Zoë", **changed})
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidObject")
    assert answer.json()["errors"][0]["field"] == field


def test_limits_themselves_are_allowed(open_connectwise: OpenConnectWise) -> None:
    """A text of exactly the limit is stored."""
    _, client = open_connectwise()
    item = {"type": {"id": 1}, "value": "x" * 250}
    sent = {"firstName": "x" * 30, "title": "x" * 100, "communicationItems": [item]}
    assert client.post(CONTACTS, json=sent).status_code == 201


def test_duplicates_are_accepted(open_connectwise: OpenConnectWise) -> None:
    """A repeated POST makes a second contact."""
    lab, client = open_connectwise()
    for _ in range(2):
        assert client.post(CONTACTS, json={"firstName": "Zoë"}).status_code == 201
    assert len(lab.contacts(None)) == 2


@pytest.mark.parametrize("path", ["title", "/title"])
def test_patch_takes_both_path_styles(
    open_connectwise: OpenConnectWise, clock: Clock, path: str
) -> None:
    """A leading slash is optional; the answer is the record, with a new lastUpdated."""
    lab, client = open_connectwise()
    contact = lab.add_contact(None, "Zoë")
    clock.forward(60)
    answer = client.patch(f"{CONTACTS}/{contact}", json=[operation("replace", path, "Head")])
    assert (answer.status_code, answer.json()["title"]) == (200, "Head")
    assert answer.json()["_info"]["lastUpdated"] == "2026-03-01T12:01:00Z"
    assert lab.contacts(None) == [answer.json()]


@pytest.mark.parametrize(
    "sent",
    [
        {"op": "replace", "path": "title", "value": "x"},
        [{"op": "test", "path": "title"}],
        [{"op": "replace", "value": "x"}],
        [operation("replace", "Title", "x")],
        [operation("replace", "types", [])],
        [operation("replace", "title", ["x"])],
        [operation("replace", "inactiveFlag", "yes")],
        [operation("replace", "customFields", "x")],
        [operation("replace", "communicationItems", ["a@x.example"])],
        [operation("replace", "communicationItems/0/domain", "@x.example")],
        [operation("replace", "communicationItems", "a@x.example")],
        [operation("replace", "communicationItems/5/value", "a@x.example")],
        [operation("add", "communicationItems/5", {"type": {"id": 1}, "value": "a"})],
    ],
)
def test_unfit_patches_are_refused(open_connectwise: OpenConnectWise, sent: Any) -> None:
    """An object instead of an array, wrong types, names and places are InvalidPatch."""
    lab, client = open_connectwise()
    contact = lab.add_contact(None, "Zoë", emails=["z@x.example"])
    before = lab.contacts(None)
    answer = client.patch(f"{CONTACTS}/{contact}", json=sent)
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidPatch")
    assert (lab.contacts(None), lab.writes()) == (before, 0)


def test_patch_is_all_or_nothing_and_validated(open_connectwise: OpenConnectWise) -> None:
    """One bad operation keeps the others from taking effect."""
    lab, client = open_connectwise()
    contact = lab.add_contact(None, "Zoë")
    sent = [operation("replace", "title", "Head"), operation("replace", "firstName", "")]
    answer = client.patch(f"{CONTACTS}/{contact}", json=sent)
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidObject")
    assert lab.contacts(None)[0]["title"] is None


def test_path_into_a_reference_changes_nothing(open_connectwise: OpenConnectWise) -> None:
    """`company/id` answers 200 without effect; replacing the whole reference works."""
    lab, client = open_connectwise()
    company, other = lab.add_company("Acme"), lab.add_company("Other")
    contact = lab.add_contact(company, "Zoë")
    url = f"{CONTACTS}/{contact}"
    answer = client.patch(url, json=[operation("replace", "company/id", int(other))])
    assert (answer.status_code, answer.json()["company"]["id"]) == (200, int(company))
    client.patch(url, json=[operation("replace", "company", {"id": int(other)})])
    assert [row["firstName"] for row in lab.contacts(other)] == ["Zoë"]
    assert lab.contacts(company) == []


def test_custom_fields_may_be_demanded(open_connectwise: OpenConnectWise) -> None:
    """Under the knob a PATCH needs an operation on customFields."""
    lab, client = open_connectwise(demands_custom_fields=True)
    contact = lab.add_contact(None, "Zoë")
    sent = [operation("replace", "title", "Head")]
    assert client.patch(f"{CONTACTS}/{contact}", json=sent).status_code == 400
    sent.append(operation("replace", "customFields", []))
    assert client.patch(f"{CONTACTS}/{contact}", json=sent).status_code == 200


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (
            [operation("replace", "communicationItems/1/value", "n@x.example")],
            [("a@x.example", True), ("n@x.example", False), ("+1", True)],
        ),
        (
            [operation("replace", "communicationItems/1/defaultFlag", True)],
            [("a@x.example", False), ("b@x.example", True), ("+1", True)],
        ),
        (
            [
                operation(
                    "add",
                    "/communicationItems/3",
                    {"type": {"id": 1}, "value": "n@x.example", "defaultFlag": True},
                )
            ],
            [("a@x.example", False), ("b@x.example", False), ("+1", True), ("n@x.example", True)],
        ),
        (
            [
                operation(
                    "add",
                    "communicationItems/0",
                    {"type": {"id": 1}, "value": "n@x.example", "defaultFlag": True},
                )
            ],
            [("a@x.example", True), ("b@x.example", False), ("+1", True), ("n@x.example", False)],
        ),
        (
            [operation("remove", "communicationItems/0")],
            [("b@x.example", True), ("+1", True)],
        ),
        (
            [
                operation(
                    "replace", "communicationItems", [{"type": {"id": 1}, "value": "n@x.example"}]
                )
            ],
            [("n@x.example", True)],
        ),
        ([operation("remove", "communicationItems")], []),
    ],
)
def test_items_in_a_patch(
    open_connectwise: OpenConnectWise, sent: Any, expected: list[tuple[str, bool]]
) -> None:
    """Items change by index; a new default takes the flag from its channel's old one."""
    lab, client = open_connectwise()
    contact = lab.add_contact(None, "Zoë", emails=["a@x.example", "b@x.example"])
    lab.add_phone(contact, "+1")
    answer = client.patch(f"{CONTACTS}/{contact}", json=sent)
    assert answer.status_code == 200, answer.text
    assert values(answer.json()) == expected
    assert ("communicationItems" in answer.json()) is bool(expected)


def test_communications_of_a_contact(open_connectwise: OpenConnectWise) -> None:
    """Single communications are listed, added, changed and deleted by id."""
    lab, client = open_connectwise()
    contact = lab.add_contact(None, "Zoë", emails=["a@x.example"])
    url = f"{CONTACTS}/{contact}/communications"
    (first,) = client.get(url).json()
    added = client.post(url, json={"type": {"id": 1}, "value": "b@y.example", "defaultFlag": True})
    assert (added.status_code, added.json()["domain"]) == (201, "@y.example")
    assert values(lab.contacts(None)[0]) == [("a@x.example", False), ("b@y.example", True)]
    patched = client.patch(
        f"{url}/{first['id']}", json=[operation("replace", "value", "n@z.example")]
    )
    assert patched.json()["domain"] == "@z.example"
    assert client.get(f"{url}/{first['id']}").json() == patched.json()
    assert client.delete(f"{url}/{added.json()['id']}").status_code == 204
    assert values(lab.contacts(None)[0]) == [("n@z.example", True)]
    assert client.delete(f"{url}/{added.json()['id']}").status_code == 404


def test_patch_of_a_communication_is_an_array(open_connectwise: OpenConnectWise) -> None:
    """An object instead of an array is InvalidPatch here too."""
    lab, client = open_connectwise()
    contact = lab.add_contact(None, "Zoë", emails=["a@x.example"])
    item = lab.contacts(None)[0]["communicationItems"][0]["id"]
    url = f"{CONTACTS}/{contact}/communications/{item}"
    answer = client.patch(url, json=operation("replace", "value", "b@x.example"))
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidPatch")


def test_extension_is_absent_when_empty(open_connectwise: OpenConnectWise) -> None:
    """An extension that is sent comes back; an empty one leaves no key."""
    _, client = open_connectwise()
    kind = {"name": "Direct"}
    items = [
        {"type": kind, "value": "+1", "extension": "23"},
        {"type": kind, "value": "+2", "extension": ""},
    ]
    sent = {"firstName": "Zoë", "communicationItems": items}
    first, second = client.post(CONTACTS, json=sent).json()["communicationItems"]
    assert first["extension"] == "23"
    assert "extension" not in second


@pytest.mark.parametrize("sent", [{"type": {"id": 1}}, {"value": "a@x.example"}])
def test_communication_needs_type_and_value(
    open_connectwise: OpenConnectWise, sent: dict[str, Any]
) -> None:
    """A new communication without type or value is 400."""
    lab, client = open_connectwise()
    contact = lab.add_contact(None, "Zoë")
    assert client.post(f"{CONTACTS}/{contact}/communications", json=sent).status_code == 400


def test_delete_needs_a_contact_to_transfer_to(open_connectwise: OpenConnectWise) -> None:
    """DELETE without transferContactId is 400; with one the contact goes."""
    lab, client = open_connectwise()
    gone, kept = lab.add_contact(None, "Zoë"), lab.add_contact(None, "Ann")
    assert client.delete(f"{CONTACTS}/{gone}").status_code == 400
    answer = client.delete(f"{CONTACTS}/{gone}", params={"transferContactId": kept})
    assert answer.status_code == 204
    assert [row["firstName"] for row in lab.contacts(None)] == ["Ann"]


def test_media_type_and_json_are_checked(open_connectwise: OpenConnectWise) -> None:
    """A body that is not JSON is 415 or 400."""
    _, client = open_connectwise()
    assert client.post(CONTACTS, content="x").status_code == 415
    headers = {"Content-Type": "application/json"}
    assert client.post(CONTACTS, content="{", headers=headers).status_code == 400
    assert client.post(CONTACTS, content="[]", headers=headers).status_code == 400


def test_edits_of_a_technician(open_connectwise: OpenConnectWise) -> None:
    """The lab's own edits change what is named and keep the phones."""
    lab, _ = open_connectwise()
    company = lab.add_company("Acme")
    contact = lab.add_contact(None, "Zoë", emails=["a@x.example"])
    lab.add_phone(contact, "+1")
    lab.edit_contact(contact, given_name="Zoe", surname="Ray", emails=["b@x.example"])
    lab.edit_contact(contact, title="Head", active=False, company_id=company)
    (row,) = lab.contacts(company)
    assert (row["firstName"], row["lastName"], row["title"]) == ("Zoe", "Ray", "Head")
    assert (row["inactiveFlag"], lab.contacts(None)) == (True, [])
    assert values(row) == [("b@x.example", True), ("+1", True)]
