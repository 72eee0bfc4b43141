"""Writes: where a new user goes, who is a duplicate, and which fields are touched."""

from __future__ import annotations

from typing import Any

import pytest
from tests.adapters.halopsa.conftest import OpenHalo, World

from muster.errors import AccessDenied, Rejected, SpecError, Unexpected
from muster.lab.faults import ServerError
from muster.lab.halopsa import HaloPsaKnobs, WriteShape
from muster.model.names import RemoteId
from muster.model.records import ContactChange, ContactDraft, PsaContact

DRAFT = ContactDraft(given_name="Ann", surname="Smith", email="ann@contoso.example")


def create(world: World, client: str) -> str:
    """Create the drafted contact."""
    return world.psa.create_contact(RemoteId(client), DRAFT)


@pytest.mark.parametrize("shape", WriteShape)
def test_a_new_user_is_put_at_the_main_site(open_halo: OpenHalo, shape: WriteShape) -> None:
    """Halo shows sites as 95.0 and refuses them so; the id is found in each shape of answer."""
    world = open_halo(HaloPsaKnobs(write_shape=shape))
    client = world.lab.add_client("Contoso")
    created = create(world, client)
    (user,) = world.lab.users(client)
    assert (str(user["id"]), user["site_name"], user["name"]) == (created, "Main", "Ann Smith")


def test_the_main_site_is_asked_for_once(halo: World) -> None:
    """A first import costs no request per contact for it."""
    client = halo.lab.add_client("Contoso")
    create(halo, client)
    other = ContactDraft(given_name="Bo", surname="Lee", email="bo@contoso.example")
    halo.psa.create_contact(RemoteId(client), other)
    assert halo.asked(f"/api/Client/{client}") == 1


def test_after_a_refusal_the_main_site_is_asked_for_again(halo: World) -> None:
    """It may have been another one since, and a daemon would be refused for ever."""
    client = halo.lab.add_client("Contoso")
    halo.lab.faults.add(ServerError(status=400), method="POST", path="/Users")
    with pytest.raises(Rejected):
        create(halo, client)
    create(halo, client)
    assert halo.asked(f"/api/Client/{client}") == 2


def test_a_shared_address_costs_no_more_than_ten_close_looks(halo: World) -> None:
    """A search that finds half of the client reads nobody's details beyond the first ten."""
    client = halo.lab.add_client("Contoso")
    for n in range(12):
        halo.lab.add_user(client, f"Person {n}", login="ann@contoso.example", emails=[f"{n}@b.c"])
    before = len(halo.lab.requests)
    create(halo, client)
    details = [one for one in halo.lab.requests[before:] if one.path.startswith("/api/Users/")]
    assert len(details) == 10


def test_without_a_main_site_nothing_is_guessed(open_halo: OpenHalo) -> None:
    """Which site a person belongs to is for a person to say."""
    world = open_halo(HaloPsaKnobs(main_sites=False))
    with pytest.raises(Rejected, match="no main site"):
        create(world, world.lab.add_client("Contoso"))
    assert world.lab.writes() == 0


@pytest.mark.parametrize(
    ("emails", "more", "twin"),
    [
        (["ann@contoso.example"], {}, True),
        (["Ann@Contoso.Example"], {}, True),
        (["a.smith@contoso.example", "ann@contoso.example"], {}, True),
        (["ann@contoso.example"], {"isserviceaccount": True}, True),
        (["joann@contoso.example"], {}, False),
        (["ann@contoso.example"], {"inactive": True}, False),
    ],
)
def test_an_address_is_looked_for_before_a_create(
    halo: World, emails: list[str], more: dict[str, Any], twin: bool
) -> None:
    """Also a second address, which lists do not show; a part of another address is none."""
    client = halo.lab.add_client("Contoso")
    halo.lab.add_user(client, "A", login="ann@contoso.example", emails=emails, **more)
    if twin:
        with pytest.raises(Rejected, match="has this address already"):
            create(halo, client)
    else:
        create(halo, client)
    assert halo.lab.writes() == int(not twin)


def test_the_same_address_at_another_client_is_no_duplicate(halo: World) -> None:
    """A person may be known to two customers."""
    halo.lab.add_user(halo.lab.add_client("Fabrikam"), "Ann", emails=["ann@contoso.example"])
    create(halo, halo.lab.add_client("Contoso"))
    assert halo.lab.writes() == 1


def test_a_refused_duplicate_is_in_no_doubt(open_halo: OpenHalo) -> None:
    """Where a tenant wants addresses unique, its refusal is told and nothing was written."""
    world = open_halo(HaloPsaKnobs(unique_emails=True))
    world.lab.add_user(world.lab.add_client("Fabrikam"), "Ann", emails=["ann@contoso.example"])
    with pytest.raises(Rejected, match="in use already") as caught:
        create(world, world.lab.add_client("Contoso"))
    assert not caught.value.maybe_applied


def test_a_narrow_role_is_denied_at_the_write(open_halo: OpenHalo) -> None:
    """The role of the application's agent counts, too; the error says what to look at."""
    world = open_halo(HaloPsaKnobs(read_only=True))
    with pytest.raises(AccessDenied, match="an agent who may"):
        create(world, world.lab.add_client("Contoso"))


def test_a_contact_without_any_name_is_not_sent(halo: World) -> None:
    """What HaloPSA insists on is missed here, with advice."""
    client = RemoteId(halo.lab.add_client("Contoso"))
    with pytest.raises(Rejected, match="needs a name"):
        halo.psa.create_contact(client, ContactDraft(given_name=" ", surname="", email="a@b.c"))
    assert halo.lab.writes() == 0


@pytest.mark.parametrize(
    ("given", "surname", "name", "change", "then"),
    [
        ("Ann", "Smith", "Ann Smith", ContactChange(surname="Lee"), ("Ann", "Lee", "Ann Lee")),
        ("Ann", "Smith", "ann  smith", ContactChange(surname="Lee"), ("Ann", "Lee", "ann  smith")),
        ("Ann", "Smith", "Desk 1", ContactChange(surname="Lee"), ("Ann", "Lee", "Desk 1")),
        ("Ann", "Smith", "Ann Smith", ContactChange(email="n@b.c"), ("Ann", "Smith", "Ann Smith")),
        (
            "",
            "",
            "Ann Smith",
            ContactChange(given_name="Ann", surname="Smith"),
            ("Ann", "Smith", "Ann Smith"),
        ),
    ],
)
def test_the_display_name_follows_only_where_it_is_made_of_the_names(
    halo: World, given: str, surname: str, name: str, change: ContactChange, then: tuple[str, ...]
) -> None:
    """A display name that somebody chose stays, and all other fields as well."""
    client = halo.lab.add_client("Contoso")
    halo.lab.add_user(client, given, surname, name=name, emails=["a@b.c", "c@b.c"], title="CEO")
    (before,) = halo.lab.users(client)
    (contact,) = halo.contacts(client)
    halo.psa.update_contact(RemoteId(client), contact, change)
    (after,) = halo.lab.users(client)
    assert (after["firstname"], after["surname"], after["name"]) == then
    touched = {field for field in before if before[field] != after[field]} - {"ulastupdate"}
    assert touched <= {"firstname", "surname", "name", "emailaddress"}
    assert after["emailaddress"] == (change.email or "a@b.c")


def test_a_user_that_moved_to_another_client_is_not_changed(halo: World) -> None:
    """It was this client's when it was listed; now it is not ours to change."""
    client, other = halo.lab.add_client("Contoso"), halo.lab.add_client("Fabrikam")
    user = halo.lab.add_user(client, "Ann", "Smith")
    (contact,) = halo.contacts(client)
    halo.lab.edit_user(user, client_id=other)
    with pytest.raises(Unexpected, match="belongs to"):
        halo.psa.update_contact(RemoteId(client), contact, ContactChange(surname="Lee"))
    assert halo.lab.writes() == 0


def test_only_safe_verbs_are_used(halo: World) -> None:
    """DELETE loses data: it is never sent."""
    client = halo.lab.add_client("Contoso")
    create(halo, client)
    (contact,) = halo.contacts(client)
    halo.psa.update_contact(RemoteId(client), contact, ContactChange(surname="Lee"))
    assert {seen.method for seen in halo.lab.requests} == {"GET", "POST"}


@pytest.mark.parametrize("number", ["", "1&client_id=2", "1/../2", "abc"])
def test_an_id_that_is_no_number_is_never_sent(halo: World, number: str) -> None:
    """It would change the meaning of a path or a filter: such ids are the resources' fault."""
    company, contact = RemoteId(number), PsaContact(id=RemoteId(number))
    with pytest.raises(SpecError):
        halo.contacts(number)
    with pytest.raises(SpecError):
        halo.psa.find_company(company)
    with pytest.raises(SpecError):
        halo.psa.create_contact(company, DRAFT)
    with pytest.raises(SpecError):
        halo.psa.update_contact(RemoteId("1"), contact, ContactChange(surname="Lee"))
    assert halo.lab.requests == []
