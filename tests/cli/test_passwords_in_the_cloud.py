"""Passwords of a customer who has Entra alone, as people ask for them and as status shows them."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cli.conftest import Shell, accounts

from muster.lab.faults import ServerError
from muster.lab.graph import GraphLab
from muster.lab.lab import Lab
from muster.lab.mix import Mix

WHY = ("--reason", "ticket 20312")
CUSTOMER = "contoso"


@pytest.fixture
def lab() -> Iterator[Lab]:
    """One customer in the cloud, as `muster lab serve` has it: every password may be set."""
    with Lab(customers=1, people=4, mix=Mix.parse("entra-itglue-connectwise")) as running:
        age(running)
        yield running


@pytest.fixture
def estate(lab: Lab, tmp_path: Path) -> Path:
    """The lab's estate: administrators are rotated, and a token request proves."""
    directory = tmp_path / "estate"
    lab.write_estate(directory)
    for file in directory.rglob("*.yaml"):
        documents = list(yaml.safe_load_all(file.read_text()))
        for one in documents:
            _prepare(one)
        file.write_text(yaml.safe_dump_all(documents))
    return directory


def _prepare(resource: Any) -> None:
    spec = resource["spec"]
    if "directories" in spec:
        spec["directories"]["entra"]["passwordProof"] = "TokenRequest"
    for policy in (spec, *spec.get("imports", ())):
        if policy.get("accountType") == "Administrator":
            vault = {"match": True, "createWhenMissing": True}
            window = {"start": "02:00", "timeZone": "America/Toronto"}
            options = {"vault": vault, "rotation": {"every": "30d", "window": window}}
            policy["options"] = {**policy.get("options", {}), **options}


def graph_of(lab: Lab) -> GraphLab:
    """Return the lab's Graph."""
    assert lab.graph is not None
    return lab.graph


def administrator(muster: Shell) -> Any:
    """Return one administrator whose entry is known."""
    return next(
        one
        for one in accounts(muster.ok("get", "accounts", "-c", CUSTOMER, "-o", "json"))
        if one["spec"]["accountType"] == "Administrator"
        and one["status"]["vault"]["state"] in ("Linked", "Created")
    )


def upn(item: Any) -> str:
    """Return the name an account signs in with."""
    return str(item["status"]["userPrincipalName"])


def age(lab: Lab) -> None:
    """Let every password be an old one: Graph's dates are whole seconds."""
    graph, tenant = graph_of(lab), lab.tenant_ids[CUSTOMER]
    for user in graph.users(tenant):
        graph.edit_user(tenant, user["id"], lastPasswordChangeDateTime="2020-01-01T00:00:00Z")


def live(lab: Lab, item: Any) -> str | None:
    """Return the password that lets an account sign in."""
    graph, tenant = graph_of(lab), lab.tenant_ids[CUSTOMER]
    user = next(one for one in graph.users(tenant) if one["userPrincipalName"] == upn(item))
    return graph.password(tenant, user["id"])


def kept(lab: Lab, item: Any) -> str:
    """Return the password that the vault's entry holds."""
    entries = lab.itglue.passwords(lab.organization_ids[CUSTOMER])
    return next(
        str(row["password"]) for row in entries if row["id"] == item["status"]["vault"]["id"]
    )


def test_the_proof_is_shown_where_people_look(muster: Shell, lab: Lab) -> None:
    """The command, the Account and the audit say how it is known that the password is live."""
    muster.ok("apply")
    admin = administrator(muster)
    muster.ok("rotate", CUSTOMER, upn(admin), *WHY)
    password = live(lab, admin)
    assert password == kept(lab, admin)
    assert administrator(muster)["status"]["rotation"]["proof"] == "TokenRequest"
    age(lab)
    graph_of(lab).knobs.sign_in_block = 50053
    done = muster.ok("reset", CUSTOMER, upn(admin), *WHY)
    assert "Entra: known by the date of the change" in done.err
    assert "AADSTS50053" in done.err
    assert live(lab, admin) == kept(lab, admin) != password
    audit = (muster.estate / ".muster" / "audit.jsonl").read_text()
    assert "AADSTS50053" in audit
    assert password not in audit
    age(lab)
    graph_of(lab).knobs.sign_in_block = 0
    done = muster.ok("reset", CUSTOMER, upn(admin), *WHY)
    assert "Entra: proved by asking for a token" in done.err


def test_a_password_whose_entry_cannot_be_written_is_listed_as_live_in_entra(
    muster: Shell, lab: Lab
) -> None:
    """The vault is down: exit 6, one open job that says where; the next look ends it."""
    muster.ok("apply")
    admin = administrator(muster)
    lab.faults.add(ServerError(status=503), method="PATCH", path="/passwords/", times=-1)
    assert muster("reset", CUSTOMER, upn(admin), *WHY).code == 6
    (waiting,) = muster.ok("passwords", "list", CUSTOMER, "-o", "json").data
    assert waiting["account"] == upn(admin)
    assert "is live in Entra" in waiting["where"]
    lab.faults.clear()
    short = upn(admin).partition("@")[0]
    settle = ("passwords", "settle", CUSTOMER, short, "LookAgain", *WHY)
    assert muster(*settle).code == 6
    muster.ok(*settle)
    assert kept(lab, admin) == live(lab, admin)


def test_doctor_says_whether_the_lab_may_set_passwords(muster: Shell, lab: Lab) -> None:
    """It reads the tenant's consent: granted as the lab comes, missing once it is reduced."""
    name = "Entra User-PasswordProfile.ReadWrite.All"
    checks = {one["check"]: one for one in muster.ok("doctor", "-o", "json").data}
    assert (checks[name]["ok"], checks[name]["detail"]) == (True, "granted")
    assert checks["Entra role of the application"]["ok"]
    graph_of(lab).consent(lab.tenant_ids[CUSTOMER])
    reduced = muster("doctor", "-o", "json")
    checks = {one["check"]: one for one in reduced.data}
    assert (reduced.code, checks[name]["ok"]) == (1, False)


def test_ctrl_c_while_entra_lags_leaves_the_job_open(muster: Shell, lab: Lab) -> None:
    """The command waits for the date; interrupted, it says where the password is, and ends."""
    muster.ok("apply")
    admin = administrator(muster)
    graph_of(lab).knobs.stale_dates = True
    program = "from muster.cli.main import main; main()"
    command = [sys.executable, "-c", program, "reset", CUSTOMER, upn(admin), *WHY]
    with subprocess.Popen(
        [*command, "--patience", "60", "-f", str(muster.estate)], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert "Ctrl-C leaves it open" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert process.returncode == 130, said
    assert "may be live in Entra" in said
    assert "muster passwords list" in said
    (waiting,) = muster.ok("passwords", "list", CUSTOMER, "-o", "json").data
    assert waiting["account"] == upn(admin)
    assert kept(lab, admin) != live(lab, admin)
    graph_of(lab).knobs.stale_dates = False
    muster.ok("passwords", "settle", CUSTOMER, upn(admin), "LookAgain", *WHY)
    assert kept(lab, admin) == live(lab, admin)
