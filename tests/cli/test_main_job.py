"""The main job through the command line, against the lab over real sockets."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import yaml

from muster.lab.lab import Lab

from .conftest import Shell, accounts, writes


def test_plan_writes_nothing_and_apply_does_what_it_said(muster: Shell, lab: Lab) -> None:
    """s28: plan touches nothing outside or inside, and apply makes exactly the planned creates."""
    plan = muster.ok("plan", "-o", "json").data
    assert writes(lab) == 0
    assert not (muster.estate / ".muster").exists()
    creates = [
        change
        for customer in plan["customers"]
        for change in customer["changes"]
        if change["action"] == "Create"
    ]
    assert creates
    muster.ok("apply", "--expect", plan["digest"])
    assert writes(lab) == len(creates)


def test_the_second_run_changes_nothing(muster: Shell, lab: Lab) -> None:
    """After apply, a plan has no change and another apply writes nothing outside."""
    muster.ok("apply")
    before = writes(lab)
    plan = muster.ok("plan", "-o", "json").data
    assert [customer["changes"] for customer in plan["customers"]] == [[], []]
    muster.ok("apply")
    assert writes(lab) == before


def test_apply_refuses_a_plan_that_has_changed(muster: Shell, lab: Lab) -> None:
    """--expect with another digest writes nothing and says what the digest is now."""
    result = muster("apply", "--expect", "sha256:0")
    assert result.code == 1
    assert "The plan has changed" in result.err
    assert writes(lab) == 0


def test_detailed_exit_codes(muster: Shell, lab: Lab) -> None:
    """2 for changes, 3 when only matches wait for a person, 0 when nothing is left."""
    assert muster("plan", "--detailed-exitcode").code == 2
    muster.ok("apply")
    assert muster("plan", "--detailed-exitcode").code == 3
    for match in muster.ok("matches", "-o", "json").data:
        flag = "--ignore-vault" if match["system"] == "vault" else "--ignore-psa"
        muster.ok("resolve", match["customer"], match["account"], flag)
    assert muster("plan", "--detailed-exitcode").code == 0
    domain = lab.domains["contoso"]
    domain.add_user("New Person", "nperson", parent=f"OU=Staff,{domain.dn}")
    assert muster("plan", "--detailed-exitcode").code == 2


def test_resolve_writes_an_override_that_settles_the_match(muster: Shell) -> None:
    """The written file is valid, names the reason, and links the chosen entry at the next run."""
    muster.ok("apply")
    waiting = next(
        match
        for match in muster.ok("matches", "-o", "json").data
        if match["system"] == "vault" and match["state"] == "Ambiguous"
    )
    chosen = waiting["candidates"][0]["id"]
    muster.ok(
        "resolve", waiting["customer"], waiting["account"], "--vault", chosen, "--reason", "T-1"
    )
    typo = muster("resolve", waiting["customer"], "x" + waiting["account"], "--exclude")
    assert f"Did you mean {waiting['account']}?" in typo.err
    (file,) = Path(muster.estate, "overrides").glob("*.yaml")
    assert yaml.safe_load(file.read_text())["spec"]["reason"] == "T-1"
    muster.ok("validate")
    muster.ok("apply")
    account = next(
        item
        for item in accounts(muster.ok("get", "accounts", "-o", "json"))
        if item["status"].get("userPrincipalName") == waiting["account"]
    )
    assert account["status"]["vault"]["state"] == "LinkedByOverride"
    assert account["status"]["vault"]["id"] == chosen


def test_a_mass_change_is_refused_and_an_approval_lets_exactly_it_pass(
    muster: Shell, lab: Lab
) -> None:
    """Moving the staff away is refused with the digest; approving the digest releases them."""
    muster.ok("apply")
    domain = lab.domains["contoso"]
    leavers = domain.add_organizational_unit("OU=Leavers")
    staff = [
        item["status"]["samAccountName"]
        for item in accounts(muster.ok("get", "accounts", "-c", "contoso", "-o", "json"))
        if item["spec"]["accountType"] == "EndUser"
    ]
    for sam in staff:
        domain.move(domain.find(sam), leavers)
    refused = muster("apply", "-c", "contoso")
    assert refused.code == 4
    assert "exceed the limit" in refused.out
    assert len(accounts(muster.ok("get", "accounts", "-c", "contoso", "-o", "json"))) > len(staff)

    plan = muster("plan", "-c", "contoso", "-o", "json").data["customers"][0]
    file = muster.estate / "customers" / "contoso.yaml"
    customer = yaml.safe_load(file.read_text())
    customer["spec"]["approvals"] = [
        {"plan": plan["digest"], "until": "2999-01-01T00:00:00Z", "reason": "merger"}
    ]
    file.write_text(yaml.safe_dump(customer))
    muster.ok("apply", "-c", "contoso")
    left = accounts(muster.ok("get", "accounts", "-c", "contoso", "-o", "json"))
    assert {item["spec"]["accountType"] for item in left} == {"Administrator"}


def test_explain_names_the_rules_in_order(muster: Shell) -> None:
    """explain -o json lists selection, each exclusion rule, the decision and the links."""
    muster.ok("apply")
    person = accounts(muster.ok("get", "accounts", "-c", "contoso", "-o", "json"))[0]
    steps = muster.ok("explain", "contoso", person["status"]["samAccountName"], "-o", "json").data[
        "steps"
    ]
    sections = list(dict.fromkeys(step["section"] for step in steps))
    assert sections[0] == "account"
    assert sections.index("decision") < sections.index("vault") < sections.index("psa")
    assert "well known" in [step["rule"] for step in steps]


def test_describe_answers_without_a_log(muster: Shell) -> None:
    """describe shows conditions, findings with candidates, and an account as its resource."""
    muster.ok("apply")
    shown = muster.ok("describe", "customer", "contoso").out
    assert "Ready" in shown
    assert "AmbiguousMatches" in shown
    known = accounts(muster.ok("get", "accounts", "-o", "json"))
    for name in (known[0]["metadata"]["name"], known[0]["status"]["displayName"]):
        account = yaml.safe_load(muster.ok("describe", "account", name).out)
        assert account["kind"] == "Account"
    shared = Counter(one["status"]["displayName"] for one in known).most_common(1)[0][0]
    unsure = muster("describe", "account", shared)
    assert (unsure.code, unsure.out) == (1, "")
    assert f'"{shared}" fits several accounts: ' in unsure.err


def test_directory_shows_what_a_policy_can_select(muster: Shell) -> None:
    """directory tree lists organizational units with users; groups lists groups to select."""
    units = muster.ok("directory", "tree", "contoso", "-o", "json").data
    assert any(unit["path"].startswith("OU=Staff,") for unit in units)
    groups = muster.ok("directory", "groups", "contoso", "-o", "json").data
    assert not any("Domain Admins" in group["group"] for group in groups)


def test_doctor_is_content_with_the_lab(muster: Shell) -> None:
    """Every check of a sound estate passes."""
    checks = muster.ok("doctor", "-o", "json").data
    assert {check["system"] for check in checks} >= {"it-glue", "connectwise", "contoso"}
    assert all(check["ok"] for check in checks)
