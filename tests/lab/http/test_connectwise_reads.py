"""What the simulated ConnectWise shows: credentials, paging, conditions, views."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import httpx
import pytest

from muster.lab.connectwise import ConnectWiseLab, Member

OpenConnectWise = Callable[..., tuple[ConnectWiseLab, httpx.Client]]
CONTACTS = "/company/contacts"


class Clock(Protocol):
    """The part of the clock that the tests move."""

    def forward(self, seconds: float) -> None:
        """Move on."""
        ...


def given_names(answer: httpx.Response) -> list[str]:
    """Return the first names of the contacts of a list."""
    assert answer.status_code == 200, answer.text
    return [row["firstName"] for row in answer.json()]


def test_company_info_needs_no_credentials(open_connectwise: OpenConnectWise) -> None:
    """The codebase is told to anyone, and an unknown id is 200 with null."""
    lab, client = open_connectwise(codebase="v2026_1/")
    del client.headers["clientId"]
    info = client.get(f"{lab.endpoint}/login/companyinfo/msp", auth=None).json()
    assert (info["Codebase"], info["VersionCode"]) == ("v2026_1/", "v2026.1")
    assert (info["CompanyID"], info["IsCloud"]) == ("msp", False)
    unknown = client.get(f"{lab.endpoint}/login/companyinfo/nobody", auth=None)
    assert (unknown.status_code, unknown.json()) == (200, None)


def test_codebase_and_router_lead_to_the_same_data(open_connectwise: OpenConnectWise) -> None:
    """The tenant's codebase and v4_6_release serve alike; another is an HTML 404."""
    lab, client = open_connectwise(codebase="v2026_1/")
    lab.add_company("Acme")
    for codebase in ("v2026_1", "v4_6_release"):
        url = f"{lab.endpoint}/{codebase}/apis/3.0/company/companies"
        assert [row["name"] for row in client.get(url).json()] == ["Acme"]
    wrong = client.get(f"{lab.endpoint}/v2019_1/apis/3.0/company/companies")
    assert (wrong.status_code, wrong.headers["content-type"]) == (404, "text/html")


@pytest.mark.parametrize(
    "auth",
    [
        ("msp+lab-public", "wrong"),
        ("msp+nobody", "lab-private"),
        ("other+lab-public", "lab-private"),
    ],
)
@pytest.mark.parametrize(("cloud", "status"), [(False, 401), (True, 404)])
def test_wrong_credentials(
    open_connectwise: OpenConnectWise, auth: tuple[str, str], cloud: bool, status: int
) -> None:
    """Wrong keys are 401 with the envelope; in cloud mode a 404 with an HTML page."""
    _, client = open_connectwise(cloud=cloud)
    answer = client.get("/company/companies", auth=auth)
    assert answer.status_code == status
    if cloud:
        assert answer.headers["content-type"] == "text/html"
    else:
        assert answer.json()["code"] == "Unauthorized"


def test_client_id_is_required(open_connectwise: OpenConnectWise) -> None:
    """Without clientId the answer is 403, unless the knob is off."""
    for required, status in ((True, 403), (False, 200)):
        _, client = open_connectwise(require_client_id=required)
        del client.headers["clientId"]
        assert client.get("/company/companies").status_code == status


def test_read_only_member_may_not_write(open_connectwise: OpenConnectWise) -> None:
    """A read-only role reads, and is refused with 403 when it writes."""
    lab, client = open_connectwise()
    lab.add_member("reader", Member(private_key="r", read_only=True))
    client.auth = httpx.BasicAuth("msp+reader", "r")
    assert client.get(CONTACTS).status_code == 200
    answer = client.post(CONTACTS, json={"firstName": "Zoë"})
    assert (answer.status_code, lab.writes()) == (403, 0)


def test_role_may_blank_the_company(open_connectwise: OpenConnectWise) -> None:
    """A role without rights sees contacts whose company and site are blank."""
    lab, client = open_connectwise(blank_company=True)
    company = lab.add_company("Acme")
    contact = lab.add_contact(company, "Zoë")
    query = {"conditions": f"company/id={company}"}
    (listed,) = client.get(CONTACTS, params=query).json()
    shown = client.get(f"{CONTACTS}/{contact}").json()
    for row in (listed, shown):
        assert (row["firstName"], row["company"], row["site"]) == ("Zoë", None, None)
    assert lab.contacts(company)[0]["company"]["id"] == int(company)


def test_answers_name_the_version(open_connectwise: OpenConnectWise) -> None:
    """Every answer carries api-current-version."""
    _, client = open_connectwise()
    assert client.get(CONTACTS).headers["api-current-version"]


def test_page_sizes(open_connectwise: OpenConnectWise) -> None:
    """A bare array of 25 by default, and of 1000 at most, without an error."""
    lab, client = open_connectwise()
    company = lab.add_company("Acme")
    for number in range(1001):
        lab.add_contact(company, f"c{number}")
    assert len(client.get(CONTACTS).json()) == 25
    assert len(client.get(CONTACTS, params={"pageSize": 5000}).json()) == 1000


def test_numbered_links_keep_the_query(open_connectwise: OpenConnectWise) -> None:
    """Link has next, prev, first and last; following next visits every row once."""
    lab, client = open_connectwise()
    company = lab.add_company("Acme")
    for number in range(5):
        lab.add_contact(company, f"a+{number} & 'b'")
    lab.add_contact(None, "stray")
    query = {"conditions": f'company/id={company} and firstName like "a+%"', "pageSize": "2"}
    first = client.get(CONTACTS, params=query)
    assert set(first.links) == {"next", "last"}
    second = client.get(first.links["next"]["url"])
    assert set(second.links) == {"next", "last", "prev", "first"}
    third = client.get(second.links["next"]["url"])
    assert set(third.links) == {"prev", "first"}
    seen = [name for answer in (first, second, third) for name in given_names(answer)]
    assert seen == [f"a+{number} & 'b'" for number in range(5)]


def test_page_past_the_end_is_empty(open_connectwise: OpenConnectWise) -> None:
    """A page beyond the last is 200 with an empty array."""
    lab, client = open_connectwise()
    lab.add_contact(None, "Zoë")
    assert given_names(client.get(CONTACTS, params={"page": "9"})) == []


def test_forward_only_paging(open_connectwise: OpenConnectWise) -> None:
    """Rows come by id, next carries pageId, and the last page has an empty Link."""
    lab, client = open_connectwise()
    ids = [int(lab.add_contact(None, f"c{number}")) for number in range(5)]
    client.headers["pagination-type"] = "forward-only"
    answer = client.get(CONTACTS, params={"pageSize": "2", "page": "3"})
    seen = [row["id"] for row in answer.json()]
    while answer.links:
        assert set(answer.links) == {"next"}
        assert f"pageId={seen[-1]}" in answer.links["next"]["url"]
        answer = client.get(answer.links["next"]["url"])
        seen += [row["id"] for row in answer.json()]
    assert seen == ids
    assert answer.headers["link"] == ""
    assert client.get(CONTACTS, params={"orderBy": "id desc"}).status_code == 400


def test_forward_only_is_stable_under_deletes(open_connectwise: OpenConnectWise) -> None:
    """A row that is deleted between two pages does not hide another."""
    lab, client = open_connectwise()
    ids = [lab.add_contact(None, f"c{number}") for number in range(4)]
    client.headers["pagination-type"] = "forward-only"
    first = client.get(CONTACTS, params={"pageSize": "2"})
    lab.delete_contact(ids[0])
    second = client.get(first.links["next"]["url"])
    assert [str(row["id"]) for row in second.json()] == ids[2:]


def test_count_follows_the_conditions(open_connectwise: OpenConnectWise) -> None:
    """`/count` counts under conditions and childConditions."""
    lab, client = open_connectwise()
    company = lab.add_company("Acme")
    lab.add_contact(company, "Zoë", emails=["zoe@x.example"])
    lab.add_contact(company, "Ann", active=False)
    queries: tuple[tuple[dict[str, str], int], ...] = (
        ({}, 2),
        ({"conditions": "inactiveFlag=false"}, 1),
        ({"childconditions": 'communicationItems/value="zoe@x.example"'}, 1),
    )
    for query, count in queries:
        assert client.get(f"{CONTACTS}/count", params=query).json() == {"count": count}
    assert client.get("/company/companies/count").json() == {"count": 1}


@pytest.mark.parametrize(
    "query",
    [
        {"conditions": "name='x'"},
        {"conditions": 'types/name="x"'},
        {"conditions": 'communicationItems/value="x"'},
        {"conditions": 'firstName="open'},
        {"childConditions": 'firstName="x"'},
    ],
)
def test_bad_conditions_are_400(open_connectwise: OpenConnectWise, query: dict[str, str]) -> None:
    """Unknown names, child fields in conditions and open quotes are ApiFindCondition."""
    _, client = open_connectwise()
    answer = client.get(CONTACTS, params=query)
    assert (answer.status_code, answer.json()["code"]) == (400, "ApiFindCondition")


@pytest.mark.parametrize("same_item", [True, False])
def test_contact_is_found_by_its_address(
    open_connectwise: OpenConnectWise, same_item: bool
) -> None:
    """conditions and childConditions both hold; a plus and quotes survive encoding."""
    lab, client = open_connectwise(child_same_item=same_item)
    company, other = lab.add_company("Acme"), lab.add_company("Other")
    lab.add_contact(company, 'Anne "Annie"', "O'Brien", emails=["b@x.example", "a+b@x.example"])
    lab.add_contact(other, "Double", emails=["a+b@x.example"])
    item = "communicationItems"
    query = {
        "conditions": f'company/id={company} and firstName="Anne \\"Annie\\""',
        "childConditions": f'{item}/value="a+b@x.example" AND {item}/communicationType="Email"',
    }
    assert given_names(client.get(CONTACTS, params=query)) == ['Anne "Annie"']


def test_items_are_absent_when_there_are_none(open_connectwise: OpenConnectWise) -> None:
    """communicationItems is missing without items; an e-mail has its domain, a phone none."""
    lab, client = open_connectwise(email_type_id=14)
    lab.add_contact(None, "Bare")
    full = lab.add_contact(None, "Full", emails=["a@x.example", "b@x.example"])
    lab.add_phone(full, "+4930123")
    bare, row = client.get(CONTACTS).json()
    assert "communicationItems" not in bare
    first, second, phone = row["communicationItems"]
    assert (first["type"]["id"], first["communicationType"]) == (14, "Email")
    assert (first["domain"], first["defaultFlag"]) == ("@x.example", True)
    assert second["defaultFlag"] is False
    assert (phone["communicationType"], phone["defaultFlag"]) == ("Phone", True)
    assert "domain" not in phone


def test_email_type_is_found_per_tenant(open_connectwise: OpenConnectWise) -> None:
    """The default e-mail type is asked for, as its id differs between tenants."""
    _, client = open_connectwise(email_type_id=14)
    query = {"conditions": "emailFlag=true and defaultFlag=true"}
    (kind,) = client.get("/company/communicationTypes", params=query).json()
    assert (kind["id"], kind["description"]) == (14, "Email")


def test_fields_trim_and_drop_info(open_connectwise: OpenConnectWise) -> None:
    """Only named fields come back, nested ones too, and _info only when it is named."""
    lab, client = open_connectwise()
    company = lab.add_company("Acme")
    lab.add_contact(company, "Zoë", "Ray", emails=["z@x.example"])
    fields = "id,company/id,communicationItems/value"
    (row,) = client.get(CONTACTS, params={"fields": fields}).json()
    assert row == {
        "id": row["id"],
        "company": {"id": int(company)},
        "communicationItems": [{"value": "z@x.example"}],
    }
    (row,) = client.get(CONTACTS, params={"fields": "firstName,_info"}).json()
    assert set(row) == {"firstName", "_info"}


def test_order_by(open_connectwise: OpenConnectWise) -> None:
    """orderBy takes fields and directions."""
    lab, client = open_connectwise()
    for given, surname in (("b", "y"), ("a", "x"), ("c", "x")):
        lab.add_contact(None, given, surname)
    query = {"orderBy": "lastName asc, firstName desc"}
    assert given_names(client.get(CONTACTS, params=query)) == ["c", "a", "b"]


def test_last_updated_has_whole_seconds_in_utc(
    open_connectwise: OpenConnectWise, clock: Clock
) -> None:
    """An incremental read finds what changed since, to the second."""
    lab, client = open_connectwise()
    lab.add_contact(None, "old")
    clock.forward(1.7)
    lab.add_contact(None, "new")
    newest = client.get(CONTACTS).json()[1]
    assert newest["_info"]["lastUpdated"] == "2026-03-01T12:00:01Z"
    query = {"conditions": "lastUpdated >= [2026-03-01T12:00:01Z]"}
    assert given_names(client.get(CONTACTS, params=query)) == ["new"]


def test_companies_and_sites(open_connectwise: OpenConnectWise) -> None:
    """Deleted companies stay listed with their flag; a company has a main site."""
    lab, client = open_connectwise()
    kept = lab.add_company("Acme")
    lab.add_company("Gone", deleted=True)
    names = [row["name"] for row in client.get("/company/companies").json()]
    assert names == ["Acme", "Gone"]
    live = client.get("/company/companies", params={"conditions": "deletedFlag=false"}).json()
    assert [row["name"] for row in live] == ["Acme"]
    assert client.get(f"/company/companies/{kept}").json()["identifier"]
    assert client.get(f"/company/companies/{kept}/sites").json()[0]["name"] == "Main"


def test_system_info_names_the_version(open_connectwise: OpenConnectWise) -> None:
    """The usual connection test answers a version."""
    _, client = open_connectwise()
    assert client.get("/system/info").json()["version"].startswith("v")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/company/contacts/1", 404, "NotFound"),
        ("GET", "/company/companies/1", 404, "NotFound"),
        ("GET", "/company/nothing", 404, "ConnectWiseApi"),
        ("PUT", "/company/contacts/1", 405, "ConnectWiseApi"),
    ],
)
def test_error_envelope(
    open_connectwise: OpenConnectWise, method: str, path: str, status: int, code: str
) -> None:
    """Unknown records, paths and verbs answer code and message."""
    _, client = open_connectwise()
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["message"]


def test_limit_answers_retry_after(open_connectwise: OpenConnectWise, clock: Clock) -> None:
    """Over the limit the answer is 429 with the seconds to wait."""
    _, client = open_connectwise(requests_per_minute=2)
    assert [client.get(CONTACTS).status_code for _ in range(3)] == [200, 200, 429]
    assert client.get(CONTACTS).headers["retry-after"] == "1"
    clock.forward(61)
    assert client.get(CONTACTS).status_code == 200
