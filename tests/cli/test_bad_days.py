"""Bad input and bad days: a message that says what to do, an exit code, and nothing lost."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
import trustme
import yaml

from muster.lab.faults import CutBody, LostReply, ServerError, Slow, WrongRow
from muster.lab.generate.estate import foreign_file
from muster.lab.itglue.state import KeyRights
from muster.lab.lab import Lab
from muster.registry.sqlite import SqliteRegistry

from .conftest import Shell, accounts, writes


def edit(file: Path, old: str, new: str) -> None:
    """Replace text in a file; the text must be there."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def customer(data: dict[str, list[dict[str, object]]], name: str) -> dict[str, object]:
    """Return one customer of a plan."""
    return next(one for one in data["customers"] if one["name"] == name)


def test_all_mistakes_are_named_at_once_with_their_lines(muster: Shell) -> None:
    """Wrong YAML, an unknown field and a wrong value are told in one run, with line and column."""
    (muster.estate / "broken.yaml").write_text("kind: [\n")
    policy = muster.estate / "policies" / "staff.yaml"
    edit(policy, "mode: Enforce", "mod: Enforce")
    result = muster("validate")
    assert result.code == 1
    assert "broken.yaml:2:1: " in result.out
    line = next(line for line in result.out.splitlines() if "staff.yaml:" in line)
    assert "staff.yaml:8:3: error: Unknown field `spec.mod`. Did you mean `mode`?" in line
    assert muster("plan").code == 1
    assert not (muster.estate / ".muster").exists()


def test_a_wrong_name_or_place_is_answered_with_the_right_one(muster: Shell) -> None:
    """A typing error, an argument where an option belongs, a folder too deep: each is told."""
    assert "Did you mean contoso?" in muster("plan", "-c", "contosso").err
    assert "Known: contoso, fabrikam." in muster("plan", "-c", "northwind").err
    extra = muster("doctor", ".")
    assert extra.code == 64
    assert "the directory with the resources after --estate" in extra.err
    assert "No integration was read: name the directory" in muster("validate", "policies").out


def test_a_missing_secret_names_both_ways_to_supply_it_and_stops_nobody_else(
    muster: Shell,
) -> None:
    """Without contoso's password the other customer is still planned, and the exit code is 1."""
    (muster.estate / "secrets" / "contoso-ad" / "password").unlink()
    result = muster("plan", "-o", "json")
    assert result.code == 1
    contoso = customer(result.data, "contoso")
    assert contoso["complete"] is False
    assert "MUSTER_SECRET_CONTOSO_AD_PASSWORD" in str(contoso["findings"])
    assert customer(result.data, "fabrikam")["changes"]


def test_a_wrong_password_is_explained_and_not_shown(muster: Shell) -> None:
    """The directory's refusal is put in words; the password stands nowhere in the output."""
    planted = "planted-Secret-77"
    (muster.estate / "secrets" / "contoso-ad" / "password").write_text(planted)
    result = muster("plan", "-c", "contoso", "-o", "json")
    assert result.code == 1
    assert "password" in str(customer(result.data, "contoso")["findings"])
    assert planted not in result.out + result.err


def test_an_untrusted_certificate_stops_before_a_password_is_sent(muster: Shell, lab: Lab) -> None:
    """With another CA nothing is read, no bind reaches the server, and caRef is named."""
    other = trustme.CA().cert_pem.bytes().decode()
    (muster.estate / "secrets" / "lab-ca" / "ca.crt").write_text(other)
    result = muster("plan", "-c", "contoso", "-o", "json")
    assert result.code == 1
    assert "lab-ca" in str(customer(result.data, "contoso")["findings"])


def test_an_unreachable_directory_releases_nobody(muster: Shell, lab: Lab) -> None:
    """A stopped domain controller is an error for its customer only; the accounts stay."""
    muster.ok("apply")
    before = accounts(muster.ok("get", "accounts", "-o", "json"))
    lab.ldap["contoso"].stop()
    result = muster("apply")
    assert result.code == 1
    assert accounts(muster.ok("get", "accounts", "-o", "json")) == before
    shown = muster.ok("describe", "customer", "contoso").out
    assert "SourceIncomplete" in shown
    assert "Every account stays as it was." in shown


def test_a_group_that_does_not_exist_is_named_and_releases_nobody(muster: Shell) -> None:
    """s16: after the policy's unit was misspelt, the people stay and the finding says why."""
    muster.ok("apply")
    before = len(accounts(muster.ok("get", "accounts", "-c", "contoso", "-o", "json")))
    edit(muster.estate / "policies" / "staff.yaml", "OU=Staff", "OU=Stuff")
    plan = muster("plan", "-c", "contoso", "-o", "json").data["customers"][0]
    assert "SelectorNotFound" in [finding["reason"] for finding in plan["findings"]]
    muster.ok("apply", "-c", "contoso")
    after = accounts(muster.ok("get", "accounts", "-c", "contoso", "-o", "json"))
    assert len(after) == before


def test_a_key_without_password_access_fails_the_creates_and_says_so(
    muster: Shell, lab: Lab
) -> None:
    """The links are made, the creates fail with advice, and a better key lets them pass."""
    lab.itglue.grant(lab.itglue.key, KeyRights(password_access=False))
    result = muster("apply", "-c", "contoso")
    assert result.code == 1
    assert "Password Access" in result.out
    assert lab.itglue.writes() == 0
    lab.itglue.grant(lab.itglue.key, KeyRights())
    assert muster("apply", "-c", "contoso").code == 0
    assert lab.itglue.writes() > 0


def test_an_organization_that_another_customer_has_is_refused(muster: Shell) -> None:
    """Two customers with one organization id are an error that names both files."""
    pages = {name: muster.estate / "customers" / f"{name}.yaml" for name in ("contoso", "fabrikam")}
    ids = {
        name: yaml.safe_load(file.read_text())["spec"]["vault"]["organizationId"]
        for name, file in pages.items()
    }
    edit(pages["fabrikam"], ids["fabrikam"], ids["contoso"])
    result = muster("validate")
    assert result.code == 1
    line = result.out.splitlines()[0]
    assert line.startswith("customers/fabrikam.yaml:")
    assert "customers/contoso.yaml:" in line


def test_an_organization_that_is_gone_is_a_broken_link(muster: Shell, lab: Lab) -> None:
    """A pinned organization that does not exist is reported, and nothing is created."""
    page = muster.estate / "customers" / "contoso.yaml"
    pinned = yaml.safe_load(page.read_text())["spec"]["vault"]["organizationId"]
    edit(page, pinned, "999999")
    result = muster("apply", "-c", "contoso")
    assert result.code == 1
    assert lab.itglue.writes() == 0
    assert "LinkBroken" in muster.ok("describe", "customer", "contoso").out


@pytest.mark.parametrize("fault", [CutBody(), ServerError(status=503), WrongRow()], ids=str)
def test_a_vault_that_cannot_be_read_whole_proves_nothing(
    muster: Shell, lab: Lab, fault: CutBody | ServerError | WrongRow
) -> None:
    """s12: with every page of entries broken, nothing is created in the vault or unlinked."""
    muster.ok("apply", "-c", "contoso")
    before = accounts(muster.ok("get", "accounts", "-c", "contoso", "-o", "json"))
    domain = lab.domains["contoso"]
    domain.add_user("New Person", "nperson", parent=f"OU=Staff,{domain.dn}")
    lab.faults.add(fault, path="/passwords", times=-1)
    was = lab.itglue.writes()
    assert muster("apply", "-c", "contoso").code == 1
    after = accounts(muster.ok("get", "accounts", "-c", "contoso", "-o", "json"))
    assert lab.itglue.writes() == was
    assert [one for one in after if one["status"]["samAccountName"] != "nperson"] == before
    lab.faults.clear()
    muster.ok("apply", "-c", "contoso")
    assert lab.itglue.writes() == was + 1


def test_a_lost_reply_makes_no_second_record(muster: Shell, lab: Lab) -> None:
    """s11: the create took place and its answer was lost; afterwards there is exactly one."""
    lab.faults.add(LostReply(), method="POST", path="/passwords")
    lab.faults.add(LostReply(), method="POST", path="/company/contacts")
    muster("apply", "-c", "contoso")
    muster.ok("apply", "-c", "contoso")
    usernames = [
        entry["username"]
        for entry in lab.itglue.passwords(lab.organization_ids["contoso"])
        if "[muster:" in (entry["notes"] or "")
    ]
    assert usernames
    assert len(usernames) == len(set(usernames))
    assert muster("plan", "-c", "contoso", "-o", "json").data["customers"][0]["changes"] == []


def test_a_second_process_is_told_who_holds_the_state(muster: Shell) -> None:
    """While one process writes, another ends with 5 and names the holder; reading still works."""
    muster.ok("apply", "-c", "contoso")
    with SqliteRegistry.open(muster.estate / ".muster" / "state.sqlite"):
        result = muster("apply")
        assert result.code == 5
        assert "process" in result.err
        muster.ok("get", "customers")


def test_a_damaged_state_is_refused_and_left_as_it_was(muster: Shell) -> None:
    """A file that is no registry is refused with advice, and not one byte of it changes."""
    state = muster.estate / ".muster" / "state.sqlite"
    state.parent.mkdir()
    state.write_bytes(b"not a database" * 100)
    result = muster("apply")
    assert result.code == 1
    assert "no database" in result.err
    assert state.read_bytes() == b"not a database" * 100


def test_a_customer_that_cannot_be_planned_is_told_and_is_in_no_digest(muster: Shell) -> None:
    """The others are planned; of nobody at all there is nothing to expect."""
    muster.ok("apply")
    with closing(sqlite3.connect(muster.estate / ".muster" / "state.sqlite")) as state, state:
        state.execute("UPDATE accounts SET document = '{' WHERE customer = 'contoso'")
    result = muster("plan")
    assert result.code == 1
    assert "1 customer could not be planned" in result.err
    assert "For apply --expect" in result.out
    alone = muster("plan", "-c", "contoso")
    assert alone.code == 1
    assert "--expect" not in alone.out


def test_ctrl_c_loses_and_repeats_nothing(estate: Path, lab: Lab) -> None:
    """Interrupted in the middle of the creates it ends with 130; the next run finishes, once."""
    lab.faults.add(Slow(delay_s=0.4), method="POST", times=-1)
    # Whoever is started in the background ignores the signal, and its children do so too.
    heeds = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = f"{heeds}; from muster.cli.main import main; main()"
    command = [sys.executable, "-c", program, "apply"]
    process = subprocess.Popen(
        [*command, str(estate)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 20
    while writes(lab) == 0 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "Interrupted" in err
    lab.faults.clear()
    done = subprocess.run(
        [*command, str(estate)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    marked = [
        entry["notes"]
        for name in lab.organization_ids
        for entry in lab.itglue.passwords(lab.organization_ids[name])
        if "[muster:" in (entry["notes"] or "")
    ]
    assert len(marked) == len(set(marked))


def test_no_planted_secret_in_any_output(muster: Shell, lab: Lab) -> None:
    """No password or key of the estate stands in any output, state file or error."""
    planted = {
        file.read_text().strip()
        for file in (muster.estate / "secrets").rglob("*")
        if file.is_file() and file.name != "ca.crt"
    }
    printed = ""
    for command in (
        ("plan", "-o", "json"),
        ("apply",),
        ("get", "accounts", "-o", "json"),
        ("describe", "customer", "contoso"),
        ("matches", "-o", "json"),
        ("doctor", "-o", "json"),
    ):
        result = muster("--verbose", *command)
        printed += result.out + result.err
    lab.itglue.grant(lab.itglue.key, KeyRights(password_access=False))
    shutil.rmtree(muster.estate / "secrets" / "contoso-ad")
    result = muster("--verbose", "apply")
    printed += result.out + result.err
    state = (muster.estate / ".muster" / "state.sqlite").read_bytes()
    for secret in planted:
        assert secret not in printed
        assert secret.encode() not in state


@pytest.mark.parametrize("file", ["policies/staff.yaml", "secrets/it-glue/apiKey"])
@pytest.mark.parametrize("command", [("lab", "serve", "."), ("demo", "--keep", ".")])
def test_the_lab_replaces_no_file_that_it_has_not_written(
    command: tuple[str, ...], file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the directory of a real estate the lab ends at once, and every file is as it was."""
    mine = tmp_path / file
    mine.parent.mkdir(parents=True)
    mine.write_text("mine: true\n")
    result = Shell(tmp_path, capsys)(*command)
    assert result.code == 1
    assert f"{file} was not written by the lab" in result.err
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == [mine]


def test_a_new_lab_in_the_same_directory_keeps_the_policies_written_there(tmp_path: Path) -> None:
    """Ports and secrets are the new lab's; what somebody has learnt on the old one stays."""
    with Lab(customers=1, people=5) as first:
        first.write_estate(tmp_path)
    policy, integrations = tmp_path / "policies" / "staff.yaml", tmp_path / "integrations.yaml"
    policy.write_text("mine: true\n")
    before = integrations.read_text()
    assert foreign_file(tmp_path) is None
    with Lab(customers=1, people=5) as second:
        second.write_estate(tmp_path)
    assert policy.read_text() == "mine: true\n"
    assert integrations.read_text() != before
