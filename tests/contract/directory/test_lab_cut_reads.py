"""A snapshot is whole, or there is none: whatever cuts a read short raises."""

from __future__ import annotations

import pytest
from tests.contract.directory.lab_house import EVERYBODY, LabHouse, sams
from tests.contract.directory.suite import NOBODY

from muster.errors import AccessDenied, Unavailable


def test_dropped_page_is_read_again_from_the_first(house: LabHouse) -> None:
    """After a connection dropped inside a page, a second attempt reads everybody."""
    house.faults.cut_page(2)
    assert sams(house.directory()) >= EVERYBODY


def test_second_drop_raises(house: LabHouse) -> None:
    """When the second attempt is dropped as well there is no snapshot, not a shorter one."""
    house.faults.cut_page(1)
    house.faults.cut_page(2)
    with pytest.raises(Unavailable, match="ended the connection"):
        house.directory().read(NOBODY)


@pytest.mark.parametrize("drops", [2, 50])
def test_server_that_hangs_up_raises(house: LabHouse, drops: int) -> None:
    """A server that hangs up on every search gives no snapshot."""
    house.faults.drop_searches(drops)
    with pytest.raises(Unavailable):
        house.directory().read(NOBODY)


@pytest.mark.parametrize("code", [1, 3, 4, 11, 12, 51, 52, 53, 80])
@pytest.mark.parametrize("page", [1, 2])
def test_page_without_success_raises(house: LabHouse, page: int, code: int) -> None:
    """Any result but success, on any page, gives no snapshot: a refused cookie (53) too."""
    house.faults.fail_page(page, code=code)
    with pytest.raises(Unavailable, match=f"result {code}"):
        house.directory().read(NOBODY)


@pytest.mark.parametrize("searches", range(1, 6))
def test_busy_server_raises_at_every_step(house: LabHouse, searches: int) -> None:
    """A server that becomes busy at any step of a read gives no snapshot."""
    house.faults.fail_searches(searches, code=51)
    with pytest.raises(Unavailable, match="result 51"):
        house.directory().read(NOBODY)


def test_read_without_rights_is_denied(house: LabHouse) -> None:
    """Missing rights are for a person to mend: AccessDenied, not Unavailable."""
    house.faults.fail_page(1, code=50)
    with pytest.raises(AccessDenied, match="result 50"):
        house.directory().read(NOBODY)


def test_empty_page_is_not_the_end(house: LabHouse) -> None:
    """A page without entries but with a cookie is followed to the next page."""
    house.faults.empty_page(1)
    assert sams(house.directory()) >= EVERYBODY


def test_silent_server_times_out(house: LabHouse) -> None:
    """A server that does not answer in time gives no snapshot."""
    house.faults.delay_answers(1.3)
    with pytest.raises(Unavailable, match="fell silent"):
        house.adapter(house.ldaps, receive_timeout_s=1).read(NOBODY)
