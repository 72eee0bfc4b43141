"""What goes wrong on purpose goes wrong on the wire, and only when it should."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from muster.lab.connectwise import ConnectWiseLab
from muster.lab.faults import (
    CutBody,
    Disconnect,
    DropRows,
    FaultKind,
    Faults,
    ForeignNextLink,
    HtmlError,
    LostReply,
    Meanwhile,
    ServerError,
    Slow,
    StaleRead,
    Throttle,
    WrongRow,
)
from muster.lab.itglue import ItGlueLab

OpenItGlue = Callable[..., tuple[ItGlueLab, httpx.Client]]
OpenConnectWise = Callable[..., tuple[ConnectWiseLab, httpx.Client]]
CONTACTS = "/company/contacts"
ENTRY = {"data": {"type": "passwords", "attributes": {"name": "one"}}}


@pytest.mark.parametrize(
    ("matching", "after", "times", "struck"),
    [
        ({}, 0, 1, [True, False, False]),
        ({}, 1, 1, [False, True, False]),
        ({}, 0, -1, [True, True, True]),
        ({"method": "get"}, 0, 2, [True, True, False]),
        ({"method": "POST"}, 0, 1, [False, False, False]),
        ({"path": r"^/passwords\?.*page\[number\]=2"}, 0, 1, [True, False, False]),
        ({"path": "^/organizations"}, 0, 1, [False, False, False]),
    ],
)
def test_script_counts_matching_requests(
    matching: dict[str, str], after: int, times: int, struck: list[bool]
) -> None:
    """A fault waits for its method and path, skips `after` of them and meets `times`."""
    faults = Faults()
    faults.add(Disconnect(), after=after, times=times, **matching)
    target = "/passwords?sort=id&page[number]=2"
    assert [bool(faults.claim("GET", target)) for _ in range(3)] == struck


def test_script_tells_what_is_left() -> None:
    """`pending` names unused faults, and `clear` forgets them."""
    faults = Faults()
    faults.add(LostReply())
    assert faults.pending == (LostReply(),)
    faults.clear()
    assert not faults.pending


@pytest.mark.parametrize(
    ("fault", "status", "after", "kind"),
    [
        (Throttle(), 429, None, "application/json"),
        (Throttle(retry_after=30), 429, "30", "application/json"),
        (Throttle(retry_after=30, html=True), 429, "30", "text/html"),
        (
            Throttle(retry_after=datetime(2026, 3, 1, 12, tzinfo=UTC)),
            429,
            "Sun, 01 Mar 2026 12:00:00 GMT",
            "application/json",
        ),
        (ServerError(), 500, None, "application/json"),
        (ServerError(status=503), 503, None, "application/json"),
        (HtmlError(), 502, None, "text/html"),
        (HtmlError(status=504), 504, None, "text/html"),
    ],
)
def test_refusals_take_no_effect_and_pass(
    open_connectwise: OpenConnectWise,
    fault: FaultKind,
    status: int,
    after: str | None,
    kind: str,
) -> None:
    """A throttle or an error answers once, writes nothing, and the next request works."""
    lab, client = open_connectwise()
    lab.faults.add(fault, method="POST")
    answer = client.post(CONTACTS, json={"firstName": "Zoë"})
    assert (answer.status_code, answer.headers.get("retry-after")) == (status, after)
    assert answer.headers["content-type"].startswith(kind)
    assert (lab.contacts(None), lab.writes()) == ([], 0)
    assert client.post(CONTACTS, json={"firstName": "Zoë"}).status_code == 201
    assert [log.status for log in lab.requests] == [status, 201]


def test_gateway_times_out_on_big_pages(open_itglue: OpenItGlue) -> None:
    """A fault may wait for a page size: 504 with HTML, while smaller pages work."""
    lab, client = open_itglue()
    lab.faults.add(HtmlError(status=504), path=r"page\[size\]=1000", times=-1)
    sizes = {size: client.get("/passwords", params={"page[size]": size}) for size in (1000, 500)}
    assert {size: answer.status_code for size, answer in sizes.items()} == {1000: 504, 500: 200}


def test_slow_answer_meets_a_time_out(open_itglue: OpenItGlue) -> None:
    """The client gives up first, although the write takes effect; stopping does not wait."""
    lab, client = open_itglue()
    org = lab.add_organization("Acme")
    lab.faults.add(Slow(delay_s=60))
    path = f"/organizations/{org}/relationships/passwords"
    began = time.monotonic()
    with pytest.raises(httpx.ReadTimeout):
        client.post(path, json=ENTRY, timeout=0.05)
    lab.stop()
    assert time.monotonic() - began < 10
    assert len(lab.passwords(org)) == 1


def test_cut_body_announces_more_than_it_sends(open_connectwise: OpenConnectWise) -> None:
    """The client sees that the answer is incomplete; the write took effect."""
    lab, client = open_connectwise()
    lab.faults.add(CutBody())
    with pytest.raises(httpx.RemoteProtocolError):
        client.post(CONTACTS, json={"firstName": "Zoë"})
    assert (len(lab.contacts(None)), lab.writes()) == (1, 1)


@pytest.mark.parametrize(("fault", "created"), [(Disconnect(), 0), (LostReply(), 1)])
def test_connection_closes_before_or_after_the_effect(
    open_connectwise: OpenConnectWise, fault: FaultKind, created: int
) -> None:
    """Both look alike to the client; only the lost reply has taken effect."""
    lab, client = open_connectwise()
    lab.faults.add(fault)
    with pytest.raises(httpx.RemoteProtocolError):
        client.post(CONTACTS, json={"firstName": "Zoë"})
    assert (len(lab.contacts(None)), lab.writes()) == (created, created)
    assert lab.requests[0].status == 0
    assert client.get(CONTACTS).status_code == 200


@pytest.mark.parametrize("others", [0, 1])
def test_wrong_row_among_passwords(open_itglue: OpenItGlue, others: int) -> None:
    """A list holds one row of another organization more, and all of its own."""
    lab, client = open_itglue()
    org = lab.add_organization("Acme")
    own = lab.add_password(org, "one")
    for _ in range(others):
        lab.add_password(lab.add_organization("Other"), "two")
    lab.faults.add(WrongRow())
    listed = client.get("/passwords", params={"filter[organization_id]": org}).json()["data"]
    assert listed[0]["id"] == own
    owners = [row["attributes"]["organization-id"] for row in listed]
    assert len(owners) == 2
    assert owners[1] != int(org)


@pytest.mark.parametrize("others", [0, 1])
def test_wrong_row_among_contacts(open_connectwise: OpenConnectWise, others: int) -> None:
    """A list holds one contact of another company more, and all of its own."""
    lab, client = open_connectwise()
    company = lab.add_company("Acme")
    lab.add_contact(company, "Zoë")
    for _ in range(others):
        lab.add_contact(lab.add_company("Other"), "Ann")
    lab.faults.add(WrongRow())
    listed = client.get(CONTACTS, params={"conditions": f"company/id={company}"}).json()
    owners = [row["company"]["id"] for row in listed]
    assert (len(owners), owners[0]) == (2, int(company))
    assert owners[1] != int(company)


def test_stale_read_hides_the_last_write_once(open_itglue: OpenItGlue) -> None:
    """A read may answer as of before the last write, of whatever kind it was."""
    lab, client = open_itglue()
    org = lab.add_organization("Acme")
    path = f"/organizations/{org}/relationships/passwords"

    def names() -> list[str]:
        return [row["attributes"]["name"] for row in client.get(path).json()["data"]]

    created = client.post(path, json=ENTRY).json()["data"]["id"]
    lab.faults.add(StaleRead(), method="GET")
    assert (names(), names()) == ([], ["one"])
    change = {"data": {"type": "passwords", "attributes": {"name": "two"}}}
    client.patch(f"/passwords/{created}", json=change)
    lab.faults.add(StaleRead(), method="GET")
    assert (names(), names()) == (["one"], ["two"])
    client.delete(f"/passwords/{created}")
    lab.faults.add(StaleRead(), method="GET")
    assert (names(), names()) == (["two"], [])


def test_stale_read_of_contacts(open_connectwise: OpenConnectWise) -> None:
    """A contact that was just created may not be found yet."""
    lab, client = open_connectwise()
    company = lab.add_company("Acme")
    client.post(CONTACTS, json={"firstName": "Zoë", "company": {"id": int(company)}})
    lab.faults.add(StaleRead())
    query = {"conditions": f"company/id={company}"}
    assert client.get(CONTACTS, params=query).json() == []
    assert len(client.get(CONTACTS, params=query).json()) == 1


def test_dropped_rows_leave_no_sign_but_the_count(
    open_itglue: OpenItGlue, open_connectwise: OpenConnectWise
) -> None:
    """Rows are missing from a page, while the totals still count them."""
    vault, client = open_itglue()
    org = vault.add_organization("Acme")
    for name in ("one", "two", "three"):
        vault.add_password(org, name)
    vault.faults.add(DropRows(count=2))
    body = client.get("/passwords").json()
    assert (len(body["data"]), body["meta"]["total-count"]) == (1, 3)
    psa, client = open_connectwise()
    psa.add_contact(None, "Zoë")
    psa.faults.add(DropRows(), path=r"contacts\?")
    assert client.get(CONTACTS).json() == []
    assert client.get(f"{CONTACTS}/count").json() == {"count": 1}


@pytest.mark.parametrize("paging", ["", "forward-only"])
def test_next_link_to_another_host(
    open_itglue: OpenItGlue, open_connectwise: OpenConnectWise, paging: str
) -> None:
    """The next link may point to a stranger, to whom no key may be sent."""
    vault, client = open_itglue()
    org = vault.add_organization("Acme")
    for name in ("one", "two"):
        vault.add_password(org, name)
    vault.faults.add(ForeignNextLink(host="thief.invalid"))
    body = client.get("/passwords", params={"page[size]": "1"}).json()
    assert httpx.URL(body["links"]["next"]).host == "thief.invalid"
    assert httpx.URL(body["links"]["self"]).host == "localhost"
    psa, client = open_connectwise()
    for name in ("Zoë", "Ann"):
        psa.add_contact(None, name)
    psa.faults.add(ForeignNextLink(host="thief.invalid"))
    headers = {"pagination-type": paging}
    answer = client.get(CONTACTS, params={"pageSize": "1"}, headers=headers)
    assert httpx.URL(answer.links["next"]["url"]).host == "thief.invalid"


def test_meanwhile_a_row_shifts_the_pages(open_itglue: OpenItGlue) -> None:
    """An entry deleted between two pages hides another from a walk by page number."""
    lab, client = open_itglue()
    org = lab.add_organization("Acme")
    ids = [lab.add_password(org, f"entry {number}") for number in range(4)]
    lab.faults.add(Meanwhile(action=lambda: lab.delete_password(ids[0])))
    seen = []
    for page in ("1", "2"):
        query = {"page[size]": "2", "page[number]": page, "sort": "id"}
        seen += [row["id"] for row in client.get("/passwords", params=query).json()["data"]]
    assert seen == [ids[0], ids[1], ids[3]]
