"""What `muster doctor` says of a directory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.contract.directory import content
from tests.contract.directory.lab_house import DEAD, LabHouse

from muster.adapters.active_directory import ActiveDirectoryAdapter
from muster.model.connections import ActiveDirectory, SecretRef
from muster.model.secret import Secret


def test_check_passes_on_a_healthy_server(house: LabHouse) -> None:
    """A healthy server passes every check, and each line names the server."""
    checks = house.directory().check()
    assert [check for check in checks if not check.ok] == []
    assert {check.name.partition(": ")[0] for check in checks} == {house.ldaps}
    assert len(checks) == 7


def test_check_tries_each_server(house: LabHouse) -> None:
    """A dead server fails its own check and no other."""
    checks = house.adapter(DEAD, house.ldaps).check()
    assert [check.name.partition(": ")[0] for check in checks if not check.ok] == [DEAD]


def test_check_reports_bad_settings(house: LabHouse) -> None:
    """Settings that are refused outright are one failed check, not an exception."""
    (check,) = house.adapter(house.server.ldap_url).check()
    assert not check.ok
    assert "in the clear" in check.detail


@pytest.mark.parametrize(("minutes", "ok"), [(0, True), (-10, False), (10, False)])
def test_check_compares_clocks(house: LabHouse, minutes: int, ok: bool) -> None:
    """A clock that differs by more than five minutes, either way, is reported."""
    settings = ActiveDirectory(
        servers=(house.ldaps,),
        user_name=content.READER_UPN,
        password=SecretRef(name="ad", key="password"),
    )
    adapter = ActiveDirectoryAdapter(
        settings,
        Secret(content.PASSWORD),
        house.authority.cert_pem.bytes().decode(),
        clock=lambda: datetime.now(UTC) + timedelta(minutes=minutes),
    )
    (clock,) = (check for check in adapter.check() if check.name.endswith("clock"))
    assert clock.ok is ok


def test_check_reports_missing_rights(house: LabHouse) -> None:
    """Rights that are missing fail a check, with the reason; nothing is raised."""
    house.faults.fail_page(1, code=50)
    failed = [check for check in house.directory().check() if not check.ok]
    assert "result 50" in failed[0].detail
