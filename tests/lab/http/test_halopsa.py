"""The simulated HaloPSA is wrong in the ways in which HaloPSA is reported to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import trustme

from muster.lab.generate.msp import generate_msp
from muster.lab.halopsa import HaloPsaLab
from muster.lab.halopsa.populate import populate_halopsa


@pytest.fixture
def lab(ca: trustme.CA) -> HaloPsaLab:
    """A HaloPSA."""
    return HaloPsaLab(ca=ca)


@pytest.fixture
def naive(lab: HaloPsaLab, connect: Callable[..., httpx.Client]) -> httpx.Client:
    """A client that signed in and knows nothing else."""
    client = connect(lab)
    form = {
        "grant_type": "client_credentials",
        "client_id": lab.client_id,
        "client_secret": lab.client_secret,
        "scope": "all",
    }
    token = client.post("/auth/token", data=form).json()
    assert token["scope"] == "openid profile edit:customers read:customers"
    client.headers["Authorization"] = f"Bearer {token['access_token']}"
    return client


def users(naive: httpx.Client, **query: Any) -> list[dict[str, Any]]:
    """Return the users of one answer."""
    rows: list[dict[str, Any]] = naive.get("/api/users", params=query).json()["users"]
    return rows


def test_a_naive_list_is_short_and_in_no_order(lab: HaloPsaLab, naive: httpx.Client) -> None:
    """A page holds 100 whatever is asked; no paging is 50; without an order pages overlap."""
    client = lab.add_client("Contoso")
    ids = {int(lab.add_user(client, f"Person {n}")) for n in range(150)}
    assert len(users(naive, client_id=client)) == 50
    pages = [
        users(naive, client_id=client, pageinate="true", page_no=n, page_size=1000) for n in (1, 2)
    ]
    assert [len(page) for page in pages] == [100, 51]
    assert not ids <= {user["id"] for page in pages for user in page}


def test_a_naive_filter_is_ignored(lab: HaloPsaLab, naive: httpx.Client) -> None:
    """A misspelt parameter gives everybody's users; inactive ones are hidden; nobody is there."""
    client, other = lab.add_client("Contoso"), lab.add_client("Fabrikam")
    lab.add_user(client, "Ann")
    lab.add_user(client, "Gone", active=False)
    lab.add_user(other, "Bo")
    names = sorted(user["name"] for user in users(naive, clientid=client))
    assert names == ["Ann", "Bo", "General User", "General User"]


@pytest.mark.parametrize("body", [{"name": "Ann"}, [{"name": "Ann", "site_id": 95.0}], "Ann"])
def test_a_naive_write_is_refused(lab: HaloPsaLab, naive: httpx.Client, body: Any) -> None:
    """A record alone is no array, and the site must not be sent as it came."""
    client = int(lab.add_client("Contoso"))
    sent = [{**body[0], "client_id": client}] if isinstance(body, list) else body
    assert naive.post("/api/Users", json=sent).status_code == 400
    assert lab.users(str(client)) == []


def test_a_planned_customer_fits_in(lab: HaloPsaLab) -> None:
    """All contacts of a made-up customer are there, with their addresses."""
    (customer,) = generate_msp(7, 1, 40).customers
    client = populate_halopsa(lab, customer)
    planned = [(one.given_name, one.emails[:1]) for one in customer.contacts]
    stored = [
        (one["firstname"], (one["emailaddress"],) if one["emailaddress"] else ())
        for one in lab.users(client)
    ]
    assert stored == planned
