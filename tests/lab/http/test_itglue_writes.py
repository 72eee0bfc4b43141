"""What a write to the simulated IT Glue changes, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import httpx
import pytest

from muster.lab.itglue import ItGlueLab

OpenItGlue = Callable[..., tuple[ItGlueLab, httpx.Client]]


class Clock(Protocol):
    """The part of the clock that the tests move."""

    def forward(self, seconds: float) -> None:
        """Move on."""
        ...


def body(**attributes: Any) -> dict[str, Any]:
    """Return a document with the attributes as they are spelled."""
    return {"data": {"type": "passwords", "attributes": attributes}}


def error(answer: httpx.Response) -> dict[str, Any]:
    """Return the only error of an answer."""
    (found,) = answer.json()["errors"]
    assert found["status"] == answer.status_code
    kept: dict[str, Any] = found
    return kept


@pytest.mark.parametrize("separator", ["_", "-"])
def test_create_understands_snake_and_kebab(open_itglue: OpenItGlue, separator: str) -> None:
    """Both spellings are read; the answer is always kebab-case."""
    lab, client = open_itglue()
    org, category = lab.add_organization("Acme"), lab.add_category("Active Directory")
    sent = {
        f"organization{separator}id": int(org),
        f"password{separator}category{separator}id": category,
        "name": "AD - Joan",
        "username": "joan",
        "password": "s3cret",
    }
    answer = client.post("/passwords", json=body(**sent))
    assert answer.status_code == 201
    created = answer.json()["data"]["attributes"]
    assert created["password-category-name"] == "Active Directory"
    assert "password" not in created
    (stored,) = lab.passwords(org)
    assert (stored["username"], stored["password"]) == ("joan", "s3cret")


def test_create_on_the_nested_route_and_show_the_secret(open_itglue: OpenItGlue) -> None:
    """The organization comes from the path; show_password=true shows what was stored."""
    lab, client = open_itglue()
    org = lab.add_organization("Acme")
    path = f"/organizations/{org}/relationships/passwords?show_password=true"
    answer = client.post(path, json=body(name="one", password="s3cret"))
    assert answer.json()["data"]["attributes"]["password"] == "s3cret"
    assert answer.json()["data"]["attributes"]["organization-id"] == int(org)


@pytest.mark.parametrize("attributes", [{"name": "one"}, {"name": "one", "organization_id": 99}])
def test_create_needs_an_organization(open_itglue: OpenItGlue, attributes: dict[str, Any]) -> None:
    """A missing or unknown organization is 422 without detail, in the bare pointer style."""
    lab, client = open_itglue()
    answer = client.post("/passwords", json=body(**attributes))
    assert error(answer) == {
        "status": 422,
        "title": "Valid organization_id is required",
        "source": {"pointer": "data/attributes/organization_id"},
    }
    assert lab.writes() == 0


@pytest.mark.parametrize(
    ("attributes", "pointer"),
    [
        ({"password": "x"}, "/data/attributes/name"),
        ({"name": "one", "password_category_id": 77}, "/data/attributes/password-category"),
    ],
)
def test_create_validates_name_and_category(
    open_itglue: OpenItGlue, attributes: dict[str, Any], pointer: str
) -> None:
    """A missing name and an unknown category are 422 with a detail and a slashed pointer."""
    lab, client = open_itglue()
    path = f"/organizations/{lab.add_organization('Acme')}/relationships/passwords"
    found = error(client.post(path, json=body(**attributes)))
    assert (found["status"], found["source"]["pointer"]) == (422, pointer)
    assert found["detail"]


def test_password_can_be_required(open_itglue: OpenItGlue) -> None:
    """The knob refuses an entry without a password; the default takes it."""
    for required, status in ((False, 201), (True, 422)):
        lab, client = open_itglue(password_required=required)
        org = lab.add_organization("Acme")
        answer = client.post("/passwords", json=body(organization_id=org, name="one"))
        assert answer.status_code == status


def test_duplicates_are_allowed(open_itglue: OpenItGlue) -> None:
    """Nothing in the vault prevents two entries for one account."""
    lab, client = open_itglue()
    org = lab.add_organization("Acme")
    for _ in range(2):
        sent = body(organization_id=org, name="one", username="joan")
        assert client.post("/passwords", json=sent).status_code == 201
    assert len(lab.passwords(org)) == 2


def test_patch_leaves_unsent_attributes_alone(open_itglue: OpenItGlue, clock: Clock) -> None:
    """A change of the name moves updated-at, and neither the secret nor its date."""
    lab, client = open_itglue()
    org = lab.add_organization("Acme")
    entry = lab.add_password(org, "one", username="joan", password="s3cret", category="AD")
    (before,) = lab.passwords(org)
    clock.forward(60)
    assert client.patch(f"/passwords/{entry}", json=body(name="two")).status_code == 200
    (after,) = lab.passwords(org)
    changed = {key for key in after if after[key] != before[key]}
    assert changed == {"name", "updated-at"}


def test_name_cannot_be_emptied(open_itglue: OpenItGlue) -> None:
    """A PATCH with an empty name is 422 and changes nothing."""
    lab, client = open_itglue()
    org = lab.add_organization("Acme")
    entry = lab.add_password(org, "one")
    assert client.patch(f"/passwords/{entry}", json=body(name="")).status_code == 422
    assert (lab.passwords(org)[0]["name"], lab.writes()) == ("one", 0)


@pytest.mark.parametrize(
    ("only_when_different", "secret", "moves"),
    [(False, "same", True), (True, "same", False), (True, "other", True)],
)
def test_password_updated_at_moves_with_the_secret(
    open_itglue: OpenItGlue, clock: Clock, only_when_different: bool, secret: str, moves: bool
) -> None:
    """Sending the secret moves its date; a knob asks for a different secret."""
    lab, client = open_itglue(secret_moves_only_when_different=only_when_different)
    org = lab.add_organization("Acme")
    entry = lab.add_password(org, "one", password="same")
    (before,) = lab.passwords(org)
    clock.forward(60)
    answer = client.patch(f"/passwords/{entry}", json=body(password=secret))
    assert "password" not in answer.json()["data"]["attributes"]
    (after,) = lab.passwords(org)
    assert (after["password-updated-at"] != before["password-updated-at"]) is moves
    assert after["updated-at"] != before["updated-at"]
    assert after["password"] == secret


def test_bulk_patch_takes_the_ids_from_the_attributes(open_itglue: OpenItGlue) -> None:
    """The collection's PATCH changes each named entry."""
    lab, client = open_itglue()
    org = lab.add_organization("Acme")
    ids = [lab.add_password(org, name) for name in ("one", "two")]
    data = [
        {"type": "passwords", "attributes": {"id": int(ids[0]), "archived": True}},
        {"type": "passwords", "attributes": {"id": ids[1], "name": "deux"}},
    ]
    answer = client.patch("/passwords", json={"data": data})
    assert [row["id"] for row in answer.json()["data"]] == ids
    assert [(row["name"], row["archived"]) for row in lab.passwords(org)] == [
        ("one", True),
        ("deux", False),
    ]


@pytest.mark.parametrize("status", [422, 403])
def test_secret_of_a_host_proof_entry_cannot_be_set(open_itglue: OpenItGlue, status: int) -> None:
    """A PATCH of a host-proof entry's password is refused; the knob says how."""
    lab, client = open_itglue(vault_patch_status=status)
    org = lab.add_organization("Acme")
    entry = lab.add_password(org, "one", vault_id=61, password="s3cret")
    assert client.patch(f"/passwords/{entry}", json=body(password="new")).status_code == status
    assert lab.passwords(org)[0]["password"] == "s3cret"
    assert lab.writes() == 0


def test_resource_type_reads_differently_from_what_was_written(open_itglue: OpenItGlue) -> None:
    """The write vocabulary is normalised on read."""
    lab, client = open_itglue()
    sent = body(
        organization_id=lab.add_organization("Acme"),
        name="one",
        resource_id=5,
        resource_type="Flexible Asset",
    )
    created = client.post("/passwords", json=sent).json()["data"]["attributes"]
    assert (created["resource-id"], created["resource-type"]) == (5, "flexible-asset-traits")


@pytest.mark.parametrize(("answers_resource", "status"), [(True, 200), (False, 204)])
def test_delete_answers_the_resource_or_nothing(
    open_itglue: OpenItGlue, answers_resource: bool, status: int
) -> None:
    """DELETE is 200 with the resource, or 204 under the knob; the entry is gone."""
    lab, client = open_itglue(delete_answers_resource=answers_resource)
    org = lab.add_organization("Acme")
    entry = lab.add_password(org, "one")
    assert client.delete(f"/passwords/{entry}").status_code == status
    assert lab.passwords(org) == []
    assert client.get(f"/passwords/{entry}").status_code == 404


def test_bulk_delete_takes_what_the_body_names(open_itglue: OpenItGlue) -> None:
    """The collection's DELETE removes the named entries and no others."""
    lab, client = open_itglue()
    org = lab.add_organization("Acme")
    gone, _ = lab.add_password(org, "one"), lab.add_password(org, "two")
    data = {"data": [{"type": "passwords", "attributes": {"id": gone}}]}
    assert client.request("DELETE", "/passwords", json=data).status_code == 200
    assert [row["name"] for row in lab.passwords(org)] == ["two"]


@pytest.mark.parametrize(("strict", "status"), [(True, 415), (False, 201)])
def test_media_type_is_checked_when_strict(
    open_itglue: OpenItGlue, strict: bool, status: int
) -> None:
    """Plain JSON is refused with 415 unless the knob is off."""
    lab, client = open_itglue(strict_media_type=strict)
    sent = body(organization_id=lab.add_organization("Acme"), name="one")
    headers = {"Content-Type": "application/json"}
    assert client.post("/passwords", json=sent, headers=headers).status_code == status


@pytest.mark.parametrize("content", ["{", "[]", '{"data": 1}', '{"data": {"attributes": 1}}'])
def test_malformed_body_is_400(open_itglue: OpenItGlue, content: str) -> None:
    """A body that is not a JSON:API document is refused."""
    _, client = open_itglue()
    assert client.post("/passwords", content=content).status_code == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/passwords/1"), ("DELETE", "/password_categories/1"), ("POST", "/organizations")],
)
def test_verbs_that_do_not_exist(open_itglue: OpenItGlue, method: str, path: str) -> None:
    """There is no PUT, no DELETE of a category, and organizations are read only here."""
    _, client = open_itglue()
    assert client.request(method, path).status_code in {404, 405}


def test_category_can_be_created(open_itglue: OpenItGlue) -> None:
    """POST of a category answers its id, and a nameless one is refused."""
    lab, client = open_itglue()
    sent = {"data": {"type": "password-categories", "attributes": {"name": "Local Account"}}}
    created = client.post("/password_categories", json=sent)
    assert lab.categories() == {"Local Account": created.json()["data"]["id"]}
    sent["data"]["attributes"] = {}
    assert client.post("/password_categories", json=sent).status_code == 422
