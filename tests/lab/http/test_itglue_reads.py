"""What the simulated IT Glue shows: pages, filters, secrets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from muster.lab.itglue import ItGlueLab, VaultShow

OpenItGlue = Callable[..., tuple[ItGlueLab, httpx.Client]]


def names(answer: httpx.Response) -> list[str]:
    """Return the names of the rows of a list."""
    assert answer.status_code == 200, answer.text
    return [row["attributes"]["name"] for row in answer.json()["data"]]


def attributes(answer: httpx.Response) -> dict[str, Any]:
    """Return the attributes of a single resource."""
    assert answer.status_code in {200, 201}, answer.text
    found: dict[str, Any] = answer.json()["data"]["attributes"]
    return found


def test_default_page_holds_fifty_rows_and_says_how_many_there_are(open_itglue: OpenItGlue) -> None:
    """A client that forgets paging sees fifty rows only."""
    lab, client = open_itglue()
    org = lab.add_organization("Acme")
    for number in range(120):
        lab.add_password(org, f"entry {number}")
    body = client.get("/passwords").json()
    assert len(body["data"]) == 50
    assert body["meta"] == {
        "current-page": 1,
        "next-page": 2,
        "prev-page": None,
        "total-pages": 3,
        "total-count": 120,
        "filters": {},
    }
    assert set(body["links"]) == {"self", "first", "prev", "next", "last"}


def test_next_links_lead_through_all_rows_and_keep_the_filter(open_itglue: OpenItGlue) -> None:
    """Following the absolute next links visits every row of the filter once."""
    lab, client = open_itglue()
    org, other = lab.add_organization("Acme"), lab.add_organization("Other")
    wanted = [lab.add_password(org, f"entry {number}") for number in range(5)]
    lab.add_password(other, "not this one")
    query = {"filter[organization_id]": org, "page[size]": "2", "sort": "id"}
    link: str | None = str(client.build_request("GET", "/passwords", params=query).url)
    seen = []
    while link:
        body = client.get(link).json()
        seen += [row["id"] for row in body["data"]]
        link = body["links"]["next"]
    assert seen == wanted


def test_page_size_is_cut_to_a_thousand(open_itglue: OpenItGlue) -> None:
    """Asking for more than 1000 rows yields 1000."""
    lab, client = open_itglue()
    org = lab.add_organization("Acme")
    for number in range(1001):
        lab.add_password(org, f"entry {number}")
    assert len(client.get("/passwords", params={"page[size]": "5000"}).json()["data"]) == 1000


def test_page_size_over_the_cap_can_be_refused(open_itglue: OpenItGlue) -> None:
    """The knob answers 400 where the cap is unconfirmed."""
    _, client = open_itglue(oversize_page_status=400)
    assert client.get("/passwords", params={"page[size]": "1001"}).status_code == 400


@pytest.mark.parametrize("query", [{}, {"page[number]": "9", "filter[name]": "x"}])
def test_empty_list_is_200_with_no_pages(open_itglue: OpenItGlue, query: dict[str, str]) -> None:
    """An empty result has an empty list, no pages and no next page."""
    _, client = open_itglue()
    body = client.get("/passwords", params=query).json()
    assert body["data"] == []
    assert (body["meta"]["total-pages"], body["meta"]["total-count"]) == (0, 0)
    assert body["links"]["next"] is None


def test_page_past_the_end_is_empty(open_itglue: OpenItGlue) -> None:
    """A page beyond the last one is 200 with no rows."""
    lab, client = open_itglue()
    lab.add_password(lab.add_organization("Acme"), "one")
    body = client.get("/passwords", params={"page[number]": "7"}).json()
    assert (body["data"], body["meta"]["total-count"]) == ([], 1)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"filter[name]": "Foo"}, ["Foo"]),
        ({"filter[name]": "foo"}, []),
        ({"filter[name]": "Fo"}, []),
        ({"filter[name]": "Fo%"}, []),
        ({"filter[name]": "Foo,Bar"}, ["Foo", "Bar"]),
        ({"filter[name]": "Kub, Sons"}, []),
        ({"filter[name]": "Kub\\, Sons"}, ["Kub, Sons"]),
        ({"filter[username]": "nobody"}, ["Foo", "Bar", "Kub, Sons"]),
        ({"filter[updated_at]": "2020-01-01"}, ["Foo", "Bar", "Kub, Sons"]),
        ({"filter[name][cont]": "Foo"}, ["Foo", "Bar", "Kub, Sons"]),
        ({"search": "Foo"}, ["Foo", "Bar", "Kub, Sons"]),
        ({"filter[name]": "Foo", "filter[url]": "https://bar.example"}, []),
        ({"filter[archived]": "true"}, ["Bar"]),
        ({"filter[archived]": "1"}, ["Bar"]),
        ({"filter[archived]": "0"}, ["Foo", "Kub, Sons"]),
        ({"filter[archived]": "False"}, ["Foo", "Bar", "Kub, Sons"]),
    ],
)
def test_filters_match_exactly_and_unknown_ones_are_ignored(
    open_itglue: OpenItGlue, query: dict[str, str], found: list[str]
) -> None:
    """Exact match, comma as OR, backslash as escape, silence about anything unknown."""
    lab, client = open_itglue()
    org = lab.add_organization("Acme")
    lab.add_password(org, "Foo", url="https://foo.example")
    lab.add_password(org, "Bar", archived=True)
    lab.add_password(org, "Kub, Sons")
    assert names(client.get("/passwords", params=query)) == found


def test_unknown_filter_returns_the_whole_account(open_itglue: OpenItGlue) -> None:
    """A misspelled organization filter returns the entries of everyone."""
    lab, client = open_itglue()
    for customer in ("Acme", "Other"):
        lab.add_password(lab.add_organization(customer), customer)
    listed = client.get("/passwords", params={"filter[organisation_id]": "1"})
    assert names(listed) == ["Acme", "Other"]


def test_filters_are_ignored_on_nested_routes(open_itglue: OpenItGlue) -> None:
    """The nested list holds the whole organization, whatever the filter says."""
    lab, client = open_itglue()
    org, other = lab.add_organization("Acme"), lab.add_organization("Other")
    lab.add_password(org, "one")
    lab.add_password(org, "two", archived=True)
    lab.add_password(other, "three")
    path = f"/organizations/{org}/relationships/passwords"
    assert names(client.get(path, params={"filter[archived]": "true"})) == ["one", "two"]


@pytest.mark.parametrize(
    ("knobs", "query", "found"),
    [
        ({"case_sensitive_filters": False}, {"filter[name]": "FOO"}, ["Foo"]),
        ({"archived_in_lists": False}, {}, ["Foo"]),
        ({"kebab_filters": True}, {"filter[organization-id]": "1"}, []),
        ({"kebab_filters": False}, {"filter[organization-id]": "1"}, ["Foo", "Bar"]),
        ({"comma_or_on_ids": True}, {"filter[organization_id]": "7,1"}, ["Foo", "Bar"]),
        ({"comma_or_on_ids": False}, {"filter[organization_id]": "7,1"}, []),
    ],
)
def test_knobs_of_filters(
    open_itglue: OpenItGlue, knobs: dict[str, Any], query: dict[str, str], found: list[str]
) -> None:
    """Each unconfirmed rule about filters can be switched."""
    lab, client = open_itglue(**knobs)
    org = lab.add_organization("Acme", id="7")
    lab.add_password(org, "Foo")
    lab.add_password(org, "Bar", archived=True)
    assert names(client.get("/passwords", params=query)) == found


def test_sort_by_name_and_backwards(open_itglue: OpenItGlue) -> None:
    """`sort` takes a field, and a minus for the other way."""
    lab, client = open_itglue()
    org = lab.add_organization("Acme")
    for name in ("b", "c", "a"):
        lab.add_password(org, name)
    assert names(client.get("/passwords", params={"sort": "name"})) == ["a", "b", "c"]
    assert names(client.get("/passwords", params={"sort": "-id"})) == ["a", "c", "b"]


@pytest.mark.parametrize("flag", ["true", "false", "1"])
def test_lists_never_hold_the_secret_but_hold_the_notes(open_itglue: OpenItGlue, flag: str) -> None:
    """A list carries no password, whatever is asked, and carries the notes in full."""
    lab, client = open_itglue()
    lab.add_password(lab.add_organization("Acme"), "one", password="s3cret", notes="a note")
    listed = client.get("/passwords", params={"show_password": flag})
    (row,) = listed.json()["data"]
    assert "password" not in row["attributes"]
    assert "s3cret" not in listed.text
    assert row["attributes"]["notes"] == "a note"


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({}, True),
        ({"show_password": "true"}, True),
        ({"show_password": "false"}, False),
        ({"show_password": "False"}, True),
    ],
)
def test_show_carries_the_secret_unless_told_in_lower_case(
    open_itglue: OpenItGlue, query: dict[str, str], shown: bool
) -> None:
    """The default of a show is true, and a capital letter is not understood."""
    lab, client = open_itglue()
    entry = lab.add_password(lab.add_organization("Acme"), "one", password="s3cret")
    found = attributes(client.get(f"/passwords/{entry}", params=query))
    assert found.get("password") == ("s3cret" if shown else None)


@pytest.mark.parametrize(
    ("show", "expected"),
    [(VaultShow.ABSENT, None), (VaultShow.NULL, None), (VaultShow.CIPHERTEXT, "AAEC")],
)
def test_host_proof_entry_shows_no_usable_secret(
    open_itglue: OpenItGlue, show: VaultShow, expected: str | None
) -> None:
    """A host-proof entry is listed with its vault id, and its secret cannot be read."""
    lab, client = open_itglue(vault_show=show)
    entry = lab.add_password(lab.add_organization("Acme"), "one", vault_id=61, password="s3cret")
    assert client.get("/passwords").json()["data"][0]["attributes"]["vault-id"] == 61
    found = attributes(client.get(f"/passwords/{entry}"))
    assert ("password" in found) is (show is not VaultShow.ABSENT)
    assert (found.get("password") or "")[:4] == (expected or "")


def test_ids_are_text_at_the_top_and_numbers_inside(open_itglue: OpenItGlue) -> None:
    """The resource id is a string; organization and category ids are integers."""
    lab, client = open_itglue()
    org = lab.add_organization("Acme", id="4410023000000123")
    entry = lab.add_password(org, "one", category="Active Directory")
    row = client.get(f"/passwords/{entry}").json()["data"]
    assert row["id"] == entry
    assert row["attributes"]["organization-id"] == 4410023000000123
    category = int(lab.categories()["Active Directory"])
    assert row["attributes"]["password-category-id"] == category
    assert row["attributes"]["password-category-name"] == "Active Directory"


def test_organizations_of_one_name_are_both_found(open_itglue: OpenItGlue) -> None:
    """Names of organizations are not unique."""
    lab, client = open_itglue()
    ids = [lab.add_organization("Acme"), lab.add_organization("Acme")]
    lab.add_organization("Other")
    listed = client.get("/organizations", params={"filter[name]": "Acme"})
    assert [row["id"] for row in listed.json()["data"]] == ids
    shown = client.get(f"/organizations/{ids[0]}").json()["data"]
    assert (shown["type"], shown["attributes"]["name"]) == ("organizations", "Acme")


def test_categories_say_how_many_entries_they_have(open_itglue: OpenItGlue) -> None:
    """A category counts its entries as they come, change and go."""
    lab, client = open_itglue()
    org = lab.add_organization("Acme")
    kept = lab.add_password(org, "one", category="Active Directory")
    gone = lab.add_password(org, "two", category="Active Directory")
    lab.delete_password(gone)
    lab.edit_password(kept, name="renamed")
    (row,) = client.get("/password_categories").json()["data"]
    assert row["type"] == "password-categories"
    assert row["attributes"]["passwords-count"] == 1
    assert attributes(client.get(f"/password_categories/{row['id']}"))["passwords-count"] == 1
