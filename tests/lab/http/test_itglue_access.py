"""Who may do what in the simulated IT Glue, and how often."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol

import httpx
import pytest

from muster.lab.faults import Throttle
from muster.lab.itglue import ItGlueLab, KeyRights

OpenItGlue = Callable[..., tuple[ItGlueLab, httpx.Client]]
BODY = {"data": {"type": "passwords", "attributes": {"name": "two", "password": "new"}}}


class Clock(Protocol):
    """The part of the clock that the tests move."""

    def forward(self, seconds: float) -> None:
        """Move on."""
        ...


@pytest.mark.parametrize("status", [403, 401])
@pytest.mark.parametrize("key", ["", "ITG.unknown", "ITG.paused"])
def test_unknown_missing_and_paused_keys_are_refused(
    open_itglue: OpenItGlue, key: str, status: int
) -> None:
    """A bad key is 403 with a JSON body, or 401 under the knob."""
    lab, client = open_itglue(bad_key_status=status)
    lab.grant("ITG.paused", KeyRights(paused=True))
    answer = client.get("/organizations", headers={"x-api-key": key})
    assert answer.status_code == status
    assert answer.json()["errors"][0]["status"] == status


def test_key_without_password_access_reads_no_secret_and_writes_nothing(
    open_itglue: OpenItGlue,
) -> None:
    """Lists work, a show lacks the secret, writes are 403, in bulk with the known title."""
    lab, client = open_itglue()
    client.headers["x-api-key"] = lab.grant("ITG.less", KeyRights(password_access=False))
    org = lab.add_organization("Acme")
    entry = lab.add_password(org, "one", password="s3cret")
    assert client.get("/passwords").status_code == 200
    shown = client.get(f"/passwords/{entry}", params={"show_password": "true"})
    assert shown.status_code == 200
    assert "password" not in shown.json()["data"]["attributes"]
    for method, path in (
        ("POST", f"/organizations/{org}/relationships/passwords"),
        ("PATCH", f"/passwords/{entry}"),
        ("DELETE", f"/passwords/{entry}"),
    ):
        assert client.request(method, path, json=BODY).status_code == 403
    bulk = client.patch("/passwords", json={"data": []})
    title = "Cannot PATCH Password in bulk"
    assert bulk.json() == {"errors": [{"status": 403, "title": title, "source": {"pointer": None}}]}
    assert (lab.writes(), lab.passwords(org)[0]["password"]) == (0, "s3cret")


def test_record_out_of_sight_is_401_and_unknown_is_404(open_itglue: OpenItGlue) -> None:
    """401 names a record that the key may not touch; the list leaves it out."""
    lab, client = open_itglue()
    mine, other = lab.add_organization("Acme"), lab.add_organization("Other")
    own, foreign = lab.add_password(mine, "one"), lab.add_password(other, "two")
    rights = KeyRights(organizations=frozenset({int(mine)}))
    client.headers["x-api-key"] = lab.grant("ITG.one", rights)
    expected: dict[str, Any] = {
        "status": 401,
        "title": "Unauthorized",
        "detail": "Unauthorized resource access",
        "source": {"pointer": "id"},
    }
    refused = (
        f"/passwords/{foreign}",
        f"/organizations/{other}",
        f"/organizations/{other}/relationships/passwords",
        f"/organizations/{other}/relationships/passwords/{own}",
    )
    for path in refused:
        assert client.get(path).json() == {"errors": [expected]}
    assert [row["id"] for row in client.get("/passwords").json()["data"]] == [own]
    assert [row["id"] for row in client.get("/organizations").json()["data"]] == [mine]
    unknown = ("/passwords/1", "/organizations/1", "/password_categories/1", "/nothing")
    for path in (*unknown, "/organizations/1/relationships/passwords"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["errors"][0]["status"]) == (404, 404)


@pytest.mark.parametrize(
    ("throttle", "after", "kind"),
    [
        (None, None, "application/vnd.api+json"),
        (Throttle(retry_after=7), "7", "application/vnd.api+json"),
        (
            Throttle(retry_after=datetime(2026, 3, 1, 12, 5, tzinfo=UTC), html=True),
            "Sun, 01 Mar 2026 12:05:00 GMT",
            "text/html",
        ),
    ],
)
def test_limit_within_five_minutes(
    open_itglue: OpenItGlue,
    clock: Clock,
    throttle: Throttle | None,
    after: str | None,
    kind: str,
) -> None:
    """The request over the limit is 429 until the window of 300 seconds has moved on."""
    lab, client = open_itglue(requests_per_window=3, throttle=throttle)
    statuses = [client.get("/organizations").status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    answer = client.get("/organizations")
    assert answer.headers.get("retry-after") == after
    assert answer.headers["content-type"] == kind
    clock.forward(301)
    assert client.get("/organizations").status_code == 200
    assert [log.status for log in lab.requests][-3:] == [429, 429, 200]
