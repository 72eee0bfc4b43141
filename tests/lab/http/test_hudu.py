"""The simulated Hudu does what is publicly known of the real one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import trustme
from tests.lab.http.conftest import Clock

from muster.lab.generate.msp import generate_msp
from muster.lab.hudu import HuduKnobs, HuduLab, KeyRights, TimeFilter
from muster.lab.hudu.populate import populate_hudu

PLANTED = "planted-Secret-77"
OTP = "JBSWY3DPEHPK3PXP"

Open = Callable[..., tuple[HuduLab, httpx.Client]]


@pytest.fixture
def open_hudu(ca: trustme.CA, clock: Clock, connect: Callable[..., httpx.Client]) -> Open:
    """Start a Hudu with the given knobs, and a client with its key."""

    def start(key: str | None = None, **knobs: Any) -> tuple[HuduLab, httpx.Client]:
        lab = HuduLab(ca=ca, clock=clock, knobs=HuduKnobs(**knobs))
        return lab, connect(lab, "/api/v1", headers={"x-api-key": key or lab.key})

    return start


@pytest.fixture
def seeded(open_hudu: Open) -> tuple[HuduLab, httpx.Client, str]:
    """A company with three entries, one of them archived."""
    lab, client = open_hudu()
    company = lab.add_company("Contoso")
    lab.add_password(company, "Joan", username="CORP\\jsmith", password=PLANTED, otp_secret=OTP)
    lab.add_password(company, "Router", username="admin", description="jsmith", password="x")
    lab.add_password(company, "Old", username="jsmith2", archived=True, password="x")
    return lab, client, company


def names(answer: httpx.Response) -> list[str]:
    """Return the names in a list."""
    return [row["name"] for row in answer.json()["asset_passwords"]]


def test_every_answer_about_an_entry_shows_its_secrets(
    seeded: tuple[HuduLab, httpx.Client, str],
) -> None:
    """Lists, single records and the answers to writes; there is no way to leave them out."""
    _, client, _ = seeded
    row = client.get("/asset_passwords").json()["asset_passwords"][0]
    path = f"/asset_passwords/{row['id']}"
    change = {"asset_password": {"description": "new"}}
    answers = [row, client.get(path).json(), client.put(path, json=change).json()]
    for answer in answers:
        record = answer.get("asset_password", answer)
        assert (record["password"], record["otp_secret"]) == (PLANTED, OTP)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["Joan", "Router", "Old"]),
        ({"archived": "false"}, ["Joan", "Router"]),
        ({"archived": "true"}, ["Old"]),
        ({"name": "jOAN"}, ["Joan"]),
        ({"name": "Joa"}, []),
        ({"search": "JSMITH"}, ["Joan", "Old"]),
        ({"search": "smith corp"}, []),
        ({"username": "admin"}, ["Joan", "Router", "Old"]),
        ({"company_id": "999"}, []),
        ({"page_size": "2"}, ["Joan", "Router"]),
        ({"page_size": "2", "page": "2"}, ["Old"]),
        ({"page_size": "2", "page": "3"}, []),
        ({"updated_at": "2026-03-01T12:00:00Z,"}, ["Joan", "Router", "Old"]),
        ({"updated_at": "2026-03-01T12:00:01Z,"}, []),
        ({"updated_at": ",2026-03-01T11:59:59Z"}, []),
        ({"updated_at": "2026-03-01T12:00:00Z"}, ["Joan", "Router", "Old"]),
        ({"updated_at": "2026-03-01T11:00:00Z,2026-03-01T13:00:00Z", "archived": "true"}, ["Old"]),
    ],
)
def test_a_list_is_filtered_and_cut_as_hudu_does_it(
    seeded: tuple[HuduLab, httpx.Client, str], query: dict[str, str], found: list[str]
) -> None:
    """Exact names, substrings of name and username, unknown filters ignored; no totals."""
    _, client, _ = seeded
    answer = client.get("/asset_passwords", params=query)
    assert names(answer) == found
    assert list(answer.json()) == ["asset_passwords"]
    assert "link" not in answer.headers


@pytest.mark.parametrize(
    ("time_filter", "since", "found"),
    [
        (TimeFilter.RANGE, "12:00:00", ["new", "edited", "moved in"]),
        (TimeFilter.EXACT, "12:00:00", ["new"]),
        (TimeFilter.IGNORED, "12:00:00", ["old", "new", "edited", "moved in"]),
    ],
)
def test_a_time_shows_what_was_edited_since(
    open_hudu: Open, clock: Clock, time_filter: TimeFilter, since: str, found: list[str]
) -> None:
    """Every edit counts, archiving and a new company too; old versions ignore the time."""
    lab, client = open_hudu(time_filter=time_filter)
    ours, theirs = lab.add_company("Contoso"), lab.add_company("Fabrikam")
    clock.forward(-3600)
    lab.add_password(ours, "old", password="x")
    edited = lab.add_password(ours, "edited", password="x")
    moved = lab.add_password(theirs, "moved in", password="x")
    clock.forward(3600)
    lab.add_password(ours, "new", password="x")
    clock.forward(60)
    client.put(f"/asset_passwords/{edited}/archive")
    lab.move_password(moved, ours)
    query = {"company_id": ours, "updated_at": f"2026-03-01T{since}Z,"}
    assert sorted(names(client.get("/asset_passwords", params=query))) == sorted(found)


def test_a_time_can_be_refused(open_hudu: Open) -> None:
    """One resource answers filters that it does not know so (live)."""
    _, client = open_hudu(time_filter=TimeFilter.REFUSED)
    answer = client.get("/asset_passwords", params={"updated_at": "2026-03-01T12:00:00Z,"})
    assert answer.status_code == 400
    assert "not a valid filter" in answer.text


NAMELESS = {"asset_password": {"company_id": 2001, "password": "x"}}
BLANK = {"asset_password": {"company_id": 2001, "name": "x", "password": ""}}
HOMELESS = {"asset_password": {"company_id": 9, "name": "x", "password": "x"}}
BAD_OTP = {"asset_password": {"company_id": 2001, "name": "x", "password": "x", "otp_secret": "1"}}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("GET", "/asset_passwords/1", None, 200, "null"),
        ("GET", "/companies/1", None, 404, "Company not found"),
        ("GET", "/nothing", None, 404, "<html>"),
        ("PUT", "/asset_passwords/1", BLANK, 404, "Resource not found"),
        ("POST", "/asset_passwords", {"name": "x"}, 400, "asset_password"),
        ("POST", "/asset_passwords", NAMELESS, 422, "can't be blank"),
        ("POST", "/asset_passwords", BLANK, 422, "can't be blank"),
        ("POST", "/asset_passwords", HOMELESS, 422, "must exist"),
        ("POST", "/asset_passwords", BAD_OTP, 422, "is invalid"),
        ("DELETE", "/asset_passwords/2002", None, 403, "Forbidden"),
        ("PUT", "/asset_passwords/2002/archive", None, 200, '"archived": true'),
        ("PUT", "/asset_passwords/2004/unarchive", None, 200, '"archived": false'),
    ],
)
def test_an_answer_has_the_status_and_the_form_that_were_seen(
    seeded: tuple[HuduLab, httpx.Client, str],
    method: str,
    path: str,
    body: dict[str, Any] | None,
    status: int,
    said: str,
) -> None:
    """Missing entries are null, missing companies 404, and nothing is refused in one form."""
    _, client, _ = seeded
    answer = client.request(method, path, json=body)
    assert answer.status_code == status
    assert said in answer.text


def test_validation_speaks_in_turning_forms(seeded: tuple[HuduLab, httpx.Client, str]) -> None:
    """A text, a list and a map all occur, so that a reader must know them all."""
    _, client, _ = seeded
    errors = [client.post("/asset_passwords", json=BLANK).json()["errors"] for _ in range(3)]
    assert {type(one) for one in errors} == {str, list, dict}


def test_rights_of_a_key_are_kept_apart(open_hudu: Open) -> None:
    """Passwords, deletion and companies are separate rights; an unknown key has none."""
    lab, client = open_hudu()
    ours, theirs = lab.add_company("Contoso"), lab.add_company("Fabrikam")
    entry = lab.add_password(theirs, "foreign", password="x")
    rights = {
        "blind": KeyRights(passwords=False),
        "narrow": KeyRights(companies=frozenset({int(ours)})),
        "all": KeyRights(destructive=True),
    }
    for key, right in rights.items():
        lab.grant(key, right)

    def statuses(key: str) -> list[int]:
        headers = {"x-api-key": key}
        paths = ("/companies", "/asset_passwords", f"/companies/{theirs}")
        return [client.get(path, headers=headers).status_code for path in paths]

    assert statuses("unknown") == [401, 401, 401]
    assert statuses("blind") == [200, 401, 200]
    assert statuses("narrow") == [200, 200, 404]
    path = f"/asset_passwords/{entry}"
    assert client.get(path, headers={"x-api-key": "narrow"}).json() is None
    assert client.delete(path, headers={"x-api-key": "all"}).status_code == 204
    assert client.get(path).json() is None


@pytest.mark.parametrize(("aligned", "after_s", "status"), [(True, 60, 200), (False, 60, 429)])
def test_a_window_may_end_at_the_clocks_mark(
    open_hudu: Open, clock: Clock, aligned: bool, after_s: int, status: int
) -> None:
    """Rack::Attack's windows begin at multiples of their length, whoever asked when."""
    _, client = open_hudu(requests_per_window=2, window_s=300, aligned_window=aligned)
    clock.forward(240)
    assert [client.get("/companies").status_code for _ in range(3)] == [200, 200, 429]
    refused = client.get("/companies")
    assert refused.text.strip() == "Retry later"
    assert "retry-after" not in refused.headers
    clock.forward(after_s)
    assert client.get("/companies").status_code == status


def test_company_names_are_unique(open_hudu: Open) -> None:
    """Unlike IT Glue, Hudu refuses a second company of a name."""
    lab, _ = open_hudu()
    lab.add_company("Contoso")
    with pytest.raises(ValueError, match="contoso"):
        lab.add_company("contoso")


def test_a_planned_customer_loses_only_what_hudu_cannot_hold() -> None:
    """Host-proof and personal entries are left out; embedded and archived ones are there."""
    lab = HuduLab()
    for customer in generate_msp(7, 3, 40).customers:
        company = populate_hudu(lab, customer)
        kept = [one for one in customer.entries if one.vault_id is None and not one.personal]
        stored = lab.passwords(company)
        assert 0 < len(kept) == len(stored) < len(customer.entries)
        assert [(row["name"], row["password_type"]) for row in stored] == [
            (one.name, one.category) for one in kept
        ]
        assert [row["archived"] for row in stored] == [one.archived for one in kept]
        assert all(row["password"] for row in stored)
