"""Lists: the page that holds less than was asked for, counts that lie, users who are nobody."""

from __future__ import annotations

from typing import Any

import pytest
from tests.adapters.halopsa.conftest import OpenHalo, World

from muster.adapters.halopsa.rest import (
    USERS,
    Listing,
    read_all,
    whole_number,
    written_record,
)
from muster.adapters.halopsa.users import contact_of, is_person
from muster.errors import AccessDenied, Unavailable, Unexpected
from muster.lab.faults import DropRows, Meanwhile, ServerError
from muster.lab.halopsa import Count, HaloPsaKnobs
from muster.model.names import RemoteId

PATH = "/api/Users"


@pytest.mark.parametrize(
    "knobs",
    [
        HaloPsaKnobs(),
        HaloPsaKnobs(page_cap=50),
        HaloPsaKnobs(page_cap=1000),
        HaloPsaKnobs(repeats_last_page=True),
        HaloPsaKnobs(count=Count.MISSING),
        HaloPsaKnobs(count=Count.CAPPED, page_cap=50),
        HaloPsaKnobs(count=Count.MISSING, repeats_last_page=True, page_cap=50),
    ],
)
@pytest.mark.parametrize("size", [0, 100, 230])
def test_every_user_is_listed_once(open_halo: OpenHalo, knobs: HaloPsaKnobs, size: int) -> None:
    """Whatever a page holds, whatever the count says, and at the edge of a page."""
    world = open_halo(knobs)
    client = world.lab.add_client("Contoso")
    ids = [world.lab.add_user(client, f"Person {n}") for n in range(size)]
    assert [contact.id for contact in world.contacts(client)] == ids


@pytest.mark.parametrize(("withheld", "shown"), [(2, 1), (3, 0)])
def test_rows_that_are_withheld_are_noticed_by_the_count(
    halo: World, withheld: int, shown: int
) -> None:
    """The error names what was seen and what was counted; nothing at all is no empty client."""
    client = halo.lab.add_client("Contoso")
    for n in range(3):
        halo.lab.add_user(client, f"Person {n}")
    halo.lab.faults.add(DropRows(count=withheld), path=PATH, times=-1)
    with pytest.raises(Unavailable, match=f"showed {shown} records but counts 3"):
        halo.contacts(client)


def test_an_edit_between_two_pages_is_read_again(halo: World) -> None:
    """A user that vanishes meanwhile moves others to a page that was read; none of them is lost."""
    client = halo.lab.add_client("Contoso")
    ids = [halo.lab.add_user(client, f"Person {n}") for n in range(150)]
    gone = Meanwhile(action=lambda: halo.lab.delete_user(ids[0]))
    halo.lab.faults.add(gone, path=f"{PATH}.*page_no=1&")
    assert [contact.id for contact in halo.contacts(client)] == ids[1:]


def test_newcomers_do_not_make_up_for_a_user_that_was_missed(halo: World) -> None:
    """There are as many rows as are counted in the end, but the counts differ: it is read again."""
    client = halo.lab.add_client("Contoso")
    ids = [halo.lab.add_user(client, f"Person {n}") for n in range(150)]

    def edit() -> None:
        halo.lab.delete_user(ids[0])
        ids.extend(halo.lab.add_user(client, f"Newcomer {n}") for n in range(2))

    halo.lab.faults.add(Meanwhile(action=edit), path=f"{PATH}.*page_no=1&")
    assert [contact.id for contact in halo.contacts(client)] == ids[1:]


def test_a_list_that_never_holds_still_is_an_error(halo: World) -> None:
    """Then nothing is concluded from it."""
    client = halo.lab.add_client("Contoso")
    ids = [halo.lab.add_user(client, f"Person {n}") for n in range(150)]
    gone = Meanwhile(action=lambda: halo.lab.delete_user(ids.pop()))
    halo.lab.faults.add(gone, path=f"{PATH}.*page_no=1&", times=-1)
    with pytest.raises(Unavailable, match="it is being edited"):
        halo.contacts(client)


@pytest.mark.parametrize(
    ("fields", "person"),
    [
        ({"name": "Joan Smith"}, True),
        ({"name": "General User"}, False),
        ({"name": " general user "}, False),
        ({"name": "Scanner", "isserviceaccount": True}, False),
        ({"name": "Joan Smith", "linked_agent_id": 4}, True),
    ],
)
def test_nobody_is_no_contact(halo: World, fields: dict[str, Any], person: bool) -> None:
    """General users and service accounts never match a person, wherever they come from."""
    client = halo.lab.add_client("Contoso")
    halo.lab.add_user(client, "x", **fields)
    assert len(halo.contacts(client)) == int(person)
    assert is_person(fields) is person


def test_users_without_their_client_are_not_believed(open_halo: OpenHalo) -> None:
    """When a row does not say whose it is, it may be anybody's."""
    world = open_halo(HaloPsaKnobs(lists_client=False))
    client = world.lab.add_client("Contoso")
    world.lab.add_user(client, "Joan")
    with pytest.raises(AccessDenied, match="without its client"):
        world.contacts(client)


@pytest.mark.parametrize(
    ("record", "name"),
    [
        ({"firstname": "Joan", "surname": "Smith", "name": "J. S."}, ("Joan", "Smith")),
        ({"firstname": "", "surname": "", "name": "Joan Smith"}, ("Joan Smith", "")),
        ({"firstname": None, "surname": None, "name": "Smith, Joan"}, ("Smith, Joan", "")),
        ({"firstname": "", "surname": "Smith", "name": "Joan Smith"}, ("", "Smith")),
        ({}, ("", "")),
    ],
)
def test_a_display_name_is_never_taken_apart(record: dict[str, Any], name: tuple[str, str]) -> None:
    """Nobody knows which part of it is the surname."""
    contact = contact_of({"id": 7, **record})
    assert (contact.given_name, contact.surname) == name


@pytest.mark.parametrize(
    ("stamp", "known"),
    [("2026-11-21T10:00:00.12", True), ("1900-01-01T00:00:00", False), (None, False)],
)
def test_1900_is_no_date(stamp: str | None, known: bool) -> None:
    """It is how HaloPSA writes that there is none."""
    assert (contact_of({"id": 7, "ulastupdate": stamp}).updated_at is not None) is known


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (95, 95),
        (95.0, 95),
        ("95", 95),
        (95.5, None),
        (True, None),
        ("9 5", None),
        ("٩", None),
        (float("inf"), None),
        (None, None),
        ([95], None),
    ],
)
def test_ids_come_in_several_types(value: Any, number: int | None) -> None:
    """A whole number is one in any clothes; nothing else is."""
    assert whole_number(value) == number


@pytest.mark.parametrize(
    ("body", "number"),
    [
        ({"id": 7}, 7),
        ([{"id": 7}], 7),
        ({"users": [{"id": 7}]}, 7),
        ([{"id": 7}, {"id": 8}], None),
        ([], None),
        ("created", None),
        (None, None),
    ],
)
def test_a_write_answers_in_three_shapes(body: Any, number: int | None) -> None:
    """In none other, and never with two records for one."""
    assert written_record(body, USERS).get("id") == number


def test_an_answer_that_is_no_list_is_unexpected(halo: World) -> None:
    """A body of another shape is no empty list."""
    client = halo.lab.add_client("Contoso")
    route = halo.psa._transport
    with pytest.raises(Unexpected, match="no list of records"):
        read_all(route, Listing(path="/Users", key="people"), (("client_id", client),))


def test_the_list_has_the_last_word_on_a_missing_client(halo: World) -> None:
    """A client that is not shown by its id, but is in the list, is there."""
    client = halo.lab.add_client("Contoso")
    halo.lab.faults.add(ServerError(status=404), path=f"/Client/{client}")
    found = halo.psa.find_company(RemoteId(client))
    assert found is not None
    assert found.name == "Contoso"
