"""Passwords as people ask for them: reset, rotate, list, reveal; against the lab over sockets."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cli.conftest import Shell, accounts

from muster.lab.faults import ServerError
from muster.lab.lab import Lab

WHY = ("--reason", "ticket 20312")
CUSTOMER = "contoso"


@pytest.fixture
def estate(lab: Lab, tmp_path: Path) -> Path:
    """The lab's estate, whose administrators are rotated every thirty days."""
    directory = tmp_path / "estate"
    lab.write_estate(directory)
    file = directory / "policies" / "administrators.yaml"
    policy = yaml.safe_load(file.read_text())
    policy["spec"]["options"]["rotation"] = {
        "every": "30d",
        "window": {"start": "02:00", "timeZone": "America/Toronto"},
    }
    file.write_text(yaml.safe_dump(policy))
    return directory


def account(muster: Shell, kind: str) -> Any:
    """Return one account of a type, whose vault entry is linked."""
    return next(
        item
        for item in accounts(muster.ok("get", "accounts", "-c", CUSTOMER, "-o", "json"))
        if item["spec"]["accountType"] == kind
        and item["status"]["vault"]["state"] in ("Linked", "Created")
    )


def sam(item: Any) -> str:
    """Return an account's logon name."""
    return str(item["status"]["samAccountName"])


def names(item: Any) -> tuple[str, ...]:
    """Return every name by which a person may mean an account."""
    status = item["status"]
    own = (status[name] for name in ("samAccountName", "userPrincipalName", "displayName"))
    return (*own, item["metadata"]["name"], item["spec"]["identity"]["objectId"])


def live(lab: Lab, item: Any) -> str | None:
    """Return the password that lets an account sign in."""
    domain = lab.domains[CUSTOMER]
    return domain.password(domain.find(sam(item)))


def kept(lab: Lab, item: Any) -> str:
    """Return the password that the vault's entry holds."""
    entries = lab.itglue.passwords(lab.organization_ids[CUSTOMER])
    entry = item["status"]["vault"]["id"]
    return next(str(row["password"]) for row in entries if row["id"] == entry)


def test_a_reset_sets_the_directory_and_the_vault_and_prints_nothing(
    muster: Shell, lab: Lab
) -> None:
    """One command; afterwards both have the same password, which nobody saw."""
    muster.ok("apply")
    person = account(muster, "EndUser")
    before = live(lab, person)
    done = muster.ok("reset", CUSTOMER, sam(person), "--passphrase", *WHY)
    password = live(lab, person)
    assert password is not None
    assert password != before
    assert kept(lab, person) == password
    assert password not in done.out + done.err
    assert person["status"]["vault"]["id"] in done.err
    told = account(muster, "EndUser")["status"]["rotation"]
    assert (told["proof"], f"revision {told['revision']}." in done.err) == ("Bind", True)
    lines = (muster.estate / ".muster" / "audit.jsonl").read_text()
    assert "ResetPassword" in lines
    assert "ticket 20312" in lines
    assert password not in lines


def test_where_the_password_comes_from_is_said_once(
    muster: Shell, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--generate` needs no word behind it; beside `--stdin` it is an error that sets nothing."""
    muster.ok("apply")
    person = account(muster, "EndUser")
    muster.ok("reset", CUSTOMER, sam(person), "--generate", "--unlock", *WHY)
    before = live(lab, person)
    assert before is not None
    assert len(before) == 24
    monkeypatch.setattr("sys.stdin", io.StringIO("G00d-Enough-Passw0rd\n"))
    both = muster("reset", CUSTOMER, sam(person), "--stdin", "--passphrase", *WHY)
    assert (both.code, live(lab, person)) == (1, before)
    assert "one of --generate, --passphrase and --stdin" in both.err


def test_s21_a_password_below_the_policy_changes_nothing(
    muster: Shell, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """21: It is an error; neither the directory nor the vault was asked to take it."""
    muster.ok("apply")
    person = account(muster, "EndUser")
    before, entry = live(lab, person), kept(lab, person)
    writes = lab.writes()
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    refused = muster("reset", CUSTOMER, sam(person), "--stdin", *WHY)
    assert refused.code == 1
    assert "policy" in refused.err
    assert "short" not in refused.err.replace("shortest", "")
    assert (live(lab, person), kept(lab, person)) == (before, entry)
    assert lab.writes() == writes
    assert muster.ok("passwords", "list", "-o", "json").data == []


def test_a_password_is_shown_only_when_somebody_says_so_twice(muster: Shell, lab: Lab) -> None:
    """--show alone shows nothing; with --yes it prints what the vault holds, on the record."""
    muster.ok("apply")
    person = account(muster, "EndUser")
    assert muster("reset", CUSTOMER, sam(person), "--show", *WHY).code == 1
    shown = muster.ok("reset", CUSTOMER, sam(person), "--show", "--yes", *WHY)
    assert shown.out.strip() == live(lab, person)
    assert "ShowPassword" in (muster.estate / ".muster" / "audit.jsonl").read_text()


def test_a_reset_without_a_key_says_how_to_make_one(muster: Shell, lab: Lab) -> None:
    """Nothing is set that could not be kept safe meanwhile."""
    muster.ok("apply")
    person = account(muster, "EndUser")
    (muster.estate / "secrets" / "muster-sealing" / "keys").unlink()
    before = live(lab, person)
    refused = muster("reset", CUSTOMER, sam(person), *WHY)
    assert refused.code == 1
    assert "muster vault key" in refused.err
    assert live(lab, person) == before


def test_an_account_without_an_entry_is_not_reset(muster: Shell, lab: Lab) -> None:
    """A password that no entry could keep is not set."""
    muster.ok("apply")
    person = account(muster, "EndUser")
    muster.ok("resolve", CUSTOMER, sam(person), "--ignore-vault", *WHY)
    muster.ok("apply")
    before = live(lab, person)
    refused = muster("reset", CUSTOMER, sam(person), *WHY)
    assert refused.code == 1
    assert "cannot be kept" in refused.err
    assert live(lab, person) == before


def test_rotation_on_demand_sets_administrators_and_leaves_the_rest_alone(
    muster: Shell, lab: Lab
) -> None:
    """All of one customer, at once; people keep theirs, and status says when and by what proof."""
    muster.ok("apply")
    person, admin = account(muster, "EndUser"), account(muster, "Administrator")
    before, of_person = live(lab, admin), live(lab, person)
    muster.ok("rotate", CUSTOMER, "--all", "--reason", "a technician has left")
    assert live(lab, admin) not in (None, before)
    assert kept(lab, admin) == live(lab, admin)
    assert live(lab, person) == of_person
    lines = muster.ok("audit", "show", "-c", CUSTOMER, "--action", "Rotate", "-o", "json").data
    assert lines
    assert all(one["requested_by"] and "technician" in one["reason"] for one in lines)
    rotation = account(muster, "Administrator")["status"]["rotation"]
    assert rotation["proof"] == "Bind"
    assert {"last", "next"} <= rotation.keys(), rotation
    assert muster("rotate", CUSTOMER, sam(person), *WHY).code == 1
    assert live(lab, person) == of_person
    assert [one["changes"] for one in muster.ok("plan", "-o", "json").data["customers"]] == [[], []]


def test_a_reason_is_needed(muster: Shell) -> None:
    """Nobody sets a password without saying why."""
    assert muster("rotate", CUSTOMER, "--all").code == 1
    assert muster("reset", CUSTOMER, "x", "--reason", " ").code == 1


def test_a_password_whose_entry_cannot_be_written_stays_sealed_and_can_be_revealed(
    muster: Shell, lab: Lab
) -> None:
    """The directory has it and the vault is down: exit 6, one open job; the next run ends it."""
    muster.ok("apply")
    person = account(muster, "EndUser")
    entry = kept(lab, person)
    lab.faults.add(ServerError(status=503), method="PATCH", path="/passwords/", times=-1)
    done = muster("reset", CUSTOMER, sam(person), *WHY)
    assert done.code == 6
    password = live(lab, person)
    assert password is not None
    assert kept(lab, person) == entry
    (waiting,) = muster.ok("passwords", "list", CUSTOMER, "-o", "json").data
    assert waiting["account"] == person["status"]["userPrincipalName"]
    assert "is live in ActiveDirectory" in waiting["where"]
    for name in names(person):
        shown = muster.ok("passwords", "reveal", CUSTOMER, name, *WHY)
        assert shown.out.strip() == password, name
    nobody = muster("passwords", "reveal", CUSTOMER, "nobody", *WHY)
    assert (nobody.code, nobody.out) == (1, "")
    state = (muster.estate / ".muster" / "state.sqlite").read_bytes()
    assert password.encode() not in state
    lab.faults.clear()
    settle = ("passwords", "settle", CUSTOMER, person["metadata"]["name"], "LookAgain", *WHY)
    assert muster(*settle).code == 6  # it reads that the entry has not got it, and waits a minute
    muster.ok(*settle)
    assert kept(lab, person) == password == live(lab, person)
    assert muster.ok("passwords", "list", "-o", "json").data == []
