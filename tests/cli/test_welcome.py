"""Welcome e-mails from the command line, against the lab and a mail server over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cli.conftest import Shell, accounts

from muster.lab.directory.identifiers import ticks
from muster.lab.lab import Lab
from muster.lab.smtp import LabSmtp


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A lab of one customer, running."""
    with Lab(customers=1, people=12) as running:
        yield running


@pytest.fixture
def mail(lab: Lab) -> LabSmtp:
    """The lab's mail server."""
    return lab.mail


@pytest.fixture
def estate(lab: Lab, tmp_path: Path) -> Path:
    """The lab's estate, with welcome e-mails for its end users."""
    directory = tmp_path / "estate"
    lab.write_estate(directory)
    _set_welcome(directory, enabled=True, maxPerRun=100)
    return directory


def _set_welcome(directory: Path, *, self_serve: bool = False, **welcome: Any) -> None:
    for file in (directory / "policies").glob("*.yaml"):
        policy = yaml.safe_load(file.read_text())
        if policy["spec"]["accountType"] == "EndUser":
            options = policy["spec"].setdefault("options", {})
            options["welcomeEmail"] = {"integrationRef": {"name": "mail"}, **welcome}
            options["selfServe"] = self_serve
            policy["spec"]["limits"] = {"create": {"percent": 100, "floor": 100}}
            file.write_text(yaml.safe_dump(policy))


def test_everybody_who_is_imported_is_welcomed_once(muster: Shell, mail: LabSmtp) -> None:
    """The plan says how many are written to; apply sends that many, and a second one nobody."""
    plan = muster.ok("plan", "-o", "json").data
    wanted = [
        change["target"]
        for customer in plan["customers"]
        for change in customer["changes"]
        if change["action"] == "Send"
    ]
    assert f"{len(wanted)} Send" in muster.ok("plan").out
    done = muster.ok("apply", "--expect", plan["digest"])
    assert sorted(one.rcpt_tos[0] for one in mail.received) == sorted(wanted)
    muster.ok("apply")
    assert len(mail.received) == len(wanted)
    assert len([*(muster.estate / "mails").iterdir()]) == len(wanted)
    states = [
        item["status"]["welcomeEmail"]["state"]
        for item in accounts(muster.ok("get", "accounts", "-o", "json"))
        if item["spec"]["accountType"] == "EndUser"
    ]
    assert states.count("Sent") == len(wanted)
    assert {*states} <= {"Sent", "Skipped"}
    told = done.out + done.err + "".join(content.decode() for content in mail.contents)
    secrets = [*(muster.estate / "secrets").rglob("*")]
    values = [one.read_text().strip() for one in secrets if one.is_file()]
    assert [one for one in values if one in told] == []


def test_a_mail_server_that_fails_stops_nothing_else(muster: Shell, mail: LabSmtp) -> None:
    """Links are made, the mails wait, and go out once when the server is well."""
    mail.knobs.greylist = 1000
    failed = muster("apply")
    assert "Greylisted" in failed.out
    assert mail.received == []
    states = {
        item["status"].get("welcomeEmail", {}).get("state")
        for item in accounts(muster.ok("get", "accounts", "-o", "json"))
        if item["spec"]["accountType"] == "EndUser"
    }
    assert "Pending" in states
    mail.knobs.greylist = 0
    muster.ok("apply")
    sent = [one["Message-ID"] for one in mail.mails]
    assert sent
    assert len(sent) == len(set(sent))


def test_by_hand_a_mail_is_seen_sent_and_repeated(muster: Shell, mail: LabSmtp) -> None:
    """Preview sends nothing; send sends one; another one needs --again and is another mail."""
    _set_welcome(muster.estate, enabled=False)
    muster.ok("apply")
    assert mail.received == []
    people = accounts(muster.ok("get", "accounts", "-o", "json"))
    one = next(item for item in people if item["status"].get("email"))
    who = one["spec"]["customerRef"]["name"], one["metadata"]["name"]
    shown = muster.ok("welcome", "preview", *who, "--html", "welcome.html")
    assert one["status"]["email"]["address"] in shown.out
    assert "<html" in (muster.estate / "welcome.html").read_text()
    assert mail.received == []
    muster.ok("welcome", "send", *who)
    refused = muster("welcome", "send", *who)
    assert refused.code != 0
    assert "To repeat it: --again" in refused.err
    muster.ok("welcome", "send", *who, "--again")
    first, second = mail.mails
    assert first["To"] == second["To"]
    assert first["Message-ID"] != second["Message-ID"]
    mail.knobs.lose_replies = 1
    assert muster("welcome", "send", *who, "--again").code != 0
    people = accounts(muster.ok("get", "accounts", "-o", "json"))
    after = next(item for item in people if item["metadata"]["name"] == who[1])
    assert after["status"]["welcomeEmail"]["state"] == "Unknown"


def test_who_is_locked_out_is_told_once(muster: Shell, lab: Lab, mail: LabSmtp) -> None:
    """With self-serve: one mail for a lock-out, and one for the next; the status holds it."""
    _set_welcome(muster.estate, enabled=False, self_serve=True)
    muster.ok("apply")
    assert mail.received == []
    domain = lab.domains["contoso"]
    people = accounts(muster.ok("get", "accounts", "-o", "json"))
    address, sam = next(
        (one["status"]["email"]["address"], one["status"]["samAccountName"])
        for one in people
        if one["spec"]["accountType"] == "EndUser" and one["status"].get("email")
    )

    def lock(moment: datetime) -> None:
        domain.set_attributes(domain.find(sam), {"lockoutTime": [str(ticks(moment))]})

    now = datetime.now(UTC)
    for count, moment in enumerate((now - timedelta(minutes=2), now - timedelta(minutes=1)), 1):
        lock(moment)
        muster.ok("apply")
        muster.ok("apply")
        assert [one.rcpt_tos for one in mail.received] == [[address]] * count
    assert "is locked" in mail.mails[0]["Subject"]
    told = [
        notice["kind"]
        for item in accounts(muster.ok("get", "accounts", "-o", "json"))
        for notice in item["status"].get("selfServe", {}).get("notices", ())
    ]
    assert told == ["Locked"]
