"""Files for new customers, from what a vault or a PSA lists; nothing is written outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from muster.lab.faults import CutBody
from muster.lab.lab import Lab

from .conftest import Result, Shell

BANK = "Woodgrove Bank"
ODD = "Grüne\tWelle: #1 & Söhne"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab whose vault and PSA know more than the two customers in git."""
    with Lab(customers=2, people=1) as running:
        for name in (BANK, "Adatum", "adatum", ODD, "日本商事"):
            running.itglue.add_organization(
                name, id=str(9000 + len(name)) if name == BANK else None
            )
        running.connectwise.add_company(BANK)
        running.connectwise.add_company("Old Client", deleted=True)
        yield running


def rows(result: Result) -> dict[str, Any]:
    """Return the organizations of a JSON output by name; of two with one name, the last."""
    return {one["name"]: one for one in result.data["organizations"]}


def files(estate: Path) -> dict[str, bytes]:
    """Return all resources of an estate with their content."""
    return {str(file.relative_to(estate)): file.read_bytes() for file in estate.rglob("*.yaml")}


def test_without_a_choice_it_only_lists(muster: Shell) -> None:
    """The list tells what is linked, and to whom, and what each file would be called."""
    before = files(muster.estate)
    listed = rows(muster.ok("customers", "import", "--from", "it-glue", "-o", "json"))
    assert (listed["Contoso Ltd"]["state"], listed["Contoso Ltd"]["customer"]) == (
        "Linked",
        "contoso",
    )
    assert (listed[BANK]["state"], listed[BANK]["file"]) == (
        "New",
        "customers/woodgrove-bank.yaml",
    )
    assert "woodgrove-bank" in muster.ok("customers", "import", "--from", "it-glue").out
    assert files(muster.estate) == before


def test_a_chosen_organization_becomes_one_sound_file(muster: Shell, lab: Lab) -> None:
    """The file pins the id; validate and plan accept it, and nothing was written outside."""
    command = ("customers", "import", "--from", "it-glue", "--select", BANK.upper())
    muster.ok(*command)
    customer = yaml.safe_load((muster.estate / "customers" / "woodgrove-bank.yaml").read_text())
    assert customer["metadata"] == {"name": "woodgrove-bank"}
    assert customer["spec"] == {
        "displayName": BANK,
        "vault": {"integrationRef": {"name": "it-glue"}, "organizationId": "9014"},
    }
    muster.ok("validate")
    plan = muster.ok("plan", "-c", "woodgrove-bank", "-o", "json").data["customers"][0]
    assert plan["changes"] == []
    assert rows(muster.ok(*command, "-o", "json"))[BANK]["state"] == "Linked"
    assert lab.writes() == 0


def test_all_of_a_filter_are_written_and_odd_names_survive(muster: Shell) -> None:
    """--all writes what is new; equal names get the id, and another script as well."""
    command = ("customers", "import", "--from", "it-glue", "--all", "-o", "json")
    filtered = rows(muster.ok(*command, "--filter", "ADAT"))
    assert {one["state"] for one in filtered.values()} == {"Written"}
    assert [one["customer"] for one in filtered.values()] == [
        f"adatum-{one['id']}" for one in filtered.values()
    ]
    written = rows(muster.ok(*command))
    assert set(written) == {BANK, ODD, "日本商事"}
    assert written[ODD]["customer"] == "grune-welle-1-sohne"
    assert written["日本商事"]["customer"] == f"customer-{written['日本商事']['id']}"
    muster.ok("validate")
    shown = yaml.safe_load((muster.estate / written[ODD]["file"]).read_text())
    assert shown["spec"]["displayName"] == ODD.replace("\t", " ")
    assert rows(muster.ok(*command)) == {}


def test_all_where_nothing_is_new_says_so(muster: Shell) -> None:
    """What was imported is not asked for again, and an empty list is not an empty vault."""
    muster.ok("customers", "import", "--from", "it-glue", "--all")
    again = muster.ok("customers", "import", "--from", "it-glue", "--all")
    assert "it-glue: nothing new" in again.err
    assert "Linked" in muster.ok("customers", "import", "--from", "it-glue").out


def test_a_file_that_is_there_is_never_overwritten(muster: Shell) -> None:
    """A file of that name stays as it is, the others are written, and the exit code is 1."""
    taken = muster.estate / "elsewhere" / "woodgrove-bank.yaml"
    taken.parent.mkdir()
    taken.write_text("# mine\n")
    choice = ("--select", BANK, "--select", "日本商事", "--out", "elsewhere")
    result = muster("customers", "import", "--from", "it-glue", *choice, "-o", "json")
    assert result.code == 1
    assert rows(result)[BANK]["state"] == "FileExists"
    assert taken.read_text() == "# mine\n"
    assert len(list(taken.parent.iterdir())) == 2


def test_a_dry_run_prints_what_would_be_written(muster: Shell) -> None:
    """--dry-run writes no file; its output is the file, as YAML."""
    before = files(muster.estate)
    choice = ("--from", "connectwise", "--select", BANK, "--dry-run")
    printed = yaml.safe_load(muster.ok("customers", "import", *choice).out)
    assert set(printed["spec"]["psa"]) == {"integrationRef", "companyId"}
    text = rows(muster.ok("customers", "import", *choice, "-o", "json"))[BANK]["text"]
    assert yaml.safe_load(text) == printed
    assert files(muster.estate) == before


def test_a_customer_of_the_same_name_is_not_made_twice(muster: Shell) -> None:
    """Where a customer without a link has the name, --all leaves it to `customers match`."""
    muster.ok("customers", "import", "--from", "it-glue", "--select", BANK)
    result = muster.ok("customers", "import", "--from", "connectwise", "-o", "json")
    assert (rows(result)[BANK]["state"], rows(result)[BANK]["customer"]) == (
        "SameName",
        "woodgrove-bank",
    )
    written = muster.ok("customers", "import", "--from", "connectwise", "--all", "-o", "json")
    assert rows(written) == {}


WRONG = {
    "an unknown integration": (("--from", "it-gleu"), 'no integration "it-gleu". Did you mean it-'),
    "an unknown name": (("--from", "it-glue", "--select", "Adatun"), 'Did you mean "'),
    "a name of two": (("--from", "it-glue", "--select", "ADATUM"), "Select one by its id"),
}


@pytest.mark.parametrize(("options", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_choice_writes_nothing(
    muster: Shell, options: tuple[str, ...], message: str
) -> None:
    """What does not fit exactly one is an error with advice, also beside a choice that fits."""
    before = files(muster.estate)
    result = muster("customers", "import", *options, "--select", BANK)
    assert result.code == 1
    assert message in result.err
    assert files(muster.estate) == before


def test_an_inactive_company_is_not_imported(muster: Shell) -> None:
    """A deleted company is listed with the reason, and selecting it is an error."""
    choice = ("--from", "connectwise", "--select", "Old Client", "-o", "json")
    result = muster("customers", "import", *choice)
    assert (result.code, rows(result)["Old Client"]["state"]) == (1, "Inactive")
    assert not (muster.estate / "customers" / "old-client.yaml").exists()


def test_a_list_that_breaks_off_writes_nothing(muster: Shell, lab: Lab) -> None:
    """Organizations that could not be read to their end are an error, not a short list."""
    before = files(muster.estate)
    lab.faults.add(CutBody(), path="/organizations", times=-1)
    try:
        result = muster("customers", "import", "--from", "it-glue", "--all")
    finally:
        lab.faults.clear()
    assert result.code == 1
    assert files(muster.estate) == before
