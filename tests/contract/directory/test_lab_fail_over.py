"""Which server is asked next, and what is never sent twice."""

from __future__ import annotations

import pytest
from tests.contract.directory.lab_house import (
    DEAD,
    EVERYBODY,
    LabHouse,
    open_house,
    sams,
    server_context,
)
from tests.contract.directory.suite import NOBODY

from muster.errors import AccessDenied, Unavailable


def test_busy_server_is_passed_over(house: LabHouse) -> None:
    """A server that becomes busy during a read leaves it to the next one."""
    with open_house(house.domain) as second:
        second.server.tls = server_context(house.authority, "localhost")
        house.faults.fail_page(2, code=51)
        assert sams(house.adapter(house.ldaps, second.ldaps)) >= EVERYBODY
        assert second.server.requests["search"] > 0


def test_dropping_server_is_passed_over(house: LabHouse) -> None:
    """After a drop the next server is asked, not the one that dropped."""
    with open_house(house.domain) as second:
        second.server.tls = server_context(house.authority, "localhost")
        house.faults.drop_searches(99)
        assert sams(house.adapter(house.ldaps, second.ldaps)) >= EVERYBODY


def test_unavailable_at_sign_in_is_passed_over(house: LabHouse) -> None:
    """A server that cannot check the password just now is passed over."""
    with open_house(house.domain) as second:
        second.server.tls = server_context(house.authority, "localhost")
        house.faults.fail_binds(1, code=52)
        assert sams(house.adapter(house.ldaps, second.ldaps)) >= EVERYBODY


def test_refused_certificate_is_passed_over(house: LabHouse) -> None:
    """A server with a stranger's certificate is passed over and receives no password."""
    with open_house(house.domain) as stranger:
        assert sams(house.adapter(stranger.ldaps, house.ldaps)) >= EVERYBODY
        assert stranger.server.requests["bind"] == 0


def test_refused_credentials_are_tried_once(house: LabHouse) -> None:
    """A wrong password is sent to one server only: every attempt counts towards a lockout."""
    with open_house(house.domain) as second:
        second.server.tls = server_context(house.authority, "localhost")
        with pytest.raises(AccessDenied, match="52e"):
            house.adapter(house.ldaps, second.ldaps, password="wrong").read(NOBODY)
        assert (house.server.requests["bind"], second.server.requests["bind"]) == (1, 0)


def test_certificate_and_outage_together_are_an_outage(house: LabHouse) -> None:
    """While one server is merely down, trying again may help: Unavailable, naming both."""
    with open_house(house.domain) as stranger, pytest.raises(Unavailable) as caught:
        house.adapter(stranger.ldaps, DEAD).read(NOBODY)
    assert "certificate" in str(caught.value)
    assert DEAD in str(caught.value)


def test_error_keeps_what_caused_it(house: LabHouse) -> None:
    """The original error stays reachable for whoever debugs."""
    with pytest.raises(Unavailable) as caught:
        house.adapter(DEAD).read(NOBODY)
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)
