"""Links of existing customers: found by name, written as one line, never guessed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from muster.lab.faults import CutBody
from muster.lab.lab import Lab

from .conftest import Result, Shell


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab with organizations and companies for the customers of this module."""
    with Lab(customers=1, people=1) as running:
        vault, psa = running.itglue, running.connectwise
        for name, record in (("Woodgrove Bank", 9001), ("Tailspin Toys", 9002), ("Twins", 9003)):
            vault.add_organization(name, id=str(record))
        vault.add_organization("twins", id="9004")
        psa.add_company("WOODGROVE bank", id="8001")
        psa.add_company("Tailspin Toys Holding", id="8002")
        psa.add_company("Litware", id="8003", deleted=True)
        psa.add_company("Bank of Woodgrove", id="8004")
        yield running


BANK = """\
# Our bank
apiVersion: muster.dev/v1alpha1
kind: Customer
metadata: {name: bank}   # short
spec:
    displayName:   'woodgrove Bank'

    # nobody yet
    imports: []
"""


def customer(name: str, display_name: str, *links: str) -> str:
    """Return a customer as people write it."""
    body = "".join(f"  {link}\n" for link in (f"displayName: {display_name}", *links))
    return (
        f"apiVersion: muster.dev/v1alpha1\nkind: Customer\nmetadata:\n  name: {name}\nspec:\n{body}"
    )


VAULT = 'vault: {integrationRef: {name: it-glue}, organizationId: "%s"}'
PSA = 'psa: {integrationRef: {name: connectwise}, companyId: "%s"}'


def write(muster: Shell, text: str, name: str = "new.yaml") -> Path:
    """Add a file to the estate, with the line ends as they are."""
    file = muster.estate / "customers" / name
    file.write_bytes(text.encode())
    return file


def found(result: Result) -> dict[tuple[str, str], Any]:
    """Return a JSON output's customers by name and system."""
    return {(one["customer"], one["system"]): one for one in result.data["customers"]}


def test_an_exact_name_is_written_and_nothing_else_of_the_file_changes(
    muster: Shell, lab: Lab
) -> None:
    """CRLF, comments, quotes, indentation and the second document stay, byte for byte."""
    text = BANK + "---\n" + customer("toys", "Toys")
    file = write(muster, text.replace("\n", "\r\n"))
    muster.ok("customers", "match", "--write")
    lines = [f"    {VAULT % 9001}\r\n", f"    {PSA % 8001}\r\n"]
    name = "    displayName:   'woodgrove Bank'\r\n"
    expected = text.replace("\n", "\r\n").replace(name, name + "".join(lines))
    assert file.read_bytes() == expected.encode()
    muster.ok("validate")
    assert ("bank", "vault") not in found(muster.ok("customers", "match", "-o", "json"))
    assert lab.writes() == 0


def test_without_write_nothing_is_written(muster: Shell) -> None:
    """The pairs are shown with their state, and the files stay as they are."""
    file = write(muster, customer("bank", "Woodgrove Bank"))
    before = file.read_bytes()
    result = muster.ok("customers", "match", "-o", "json")
    assert found(result)["bank", "vault"]["state"] == "Exact"
    unpaired = {(one["integration"], one["name"]): one["reason"] for one in result.data["unpaired"]}
    assert unpaired["connectwise", "Litware"] == "Inactive"
    assert unpaired["it-glue", "Tailspin Toys"] == "NoCustomer"
    assert file.read_bytes() == before


def test_names_that_are_only_alike_or_not_alone_are_never_written(muster: Shell) -> None:
    """Near, ambiguous and inactive names are told with what stands in the way."""
    names = {"toys": "Tailspin Toy", "twins": "Twins", "litware": "Litware", "none": "Qqqq"}
    text = "---\n".join(customer(*one) for one in names.items())
    file = write(muster, text)
    result = muster.ok("customers", "match", "--write", "-o", "json")
    states = {one: row["state"] for one, row in found(result).items()}
    assert states["toys", "vault"] == "Near"
    assert states["twins", "vault"] == "Ambiguous"
    assert states["none", "vault"] == states["litware", "psa"] == "Unmatched"
    assert found(result)["toys", "vault"]["candidates"][0]["id"] == "9002"
    assert found(result)["litware", "psa"]["candidates"][0]["obstacle"] == "inactive"
    reasons = {one: row["reason"] for one, row in found(result).items()}
    assert reasons["toys", "vault"] == "OnlyAlike"
    assert reasons["twins", "vault"] == "NotAlone"
    assert (reasons["litware", "psa"], reasons["none", "psa"]) == ("NotFree", "NoSuchName")
    assert "NoSuchName" in muster.ok("customers", "match").out
    assert file.read_text() == text


def test_the_name_in_the_vault_finds_the_company(muster: Shell) -> None:
    """A customer with a short name here is found by the name of its linked organization."""
    file = write(muster, customer("bank", "WGB", VAULT % 9001))
    result = muster.ok("customers", "match", "--psa", "--write", "-o", "json")
    pair = found(result)["bank", "psa"]
    assert (pair["state"], pair["candidates"][0]["evidence"]) == ("Exact", "VaultName")
    assert file.read_text() == customer("bank", "WGB", VAULT % 9001, PSA % 8001)


def test_a_person_may_choose_a_near_one(muster: Shell) -> None:
    """--link writes the pair that was named, and it only."""
    file = write(muster, customer("toys", "Tailspin Toy"))
    muster.ok("customers", "match", "--from", "connectwise", "--link", "toys=8002")
    assert file.read_text() == customer("toys", "Tailspin Toy", PSA % 8002)


WRONG = {
    "no pair": ("toys", "names no pair"),
    "no customer": ("toy=8002", "there is no customer toy"),
    "no record": ("toys=1", "nothing that is looked at has the id 1"),
    "linked": ("toys=%s", "is linked to contoso"),
    "inactive": ("toys=8003", "is inactive"),
    "has one": ("contoso=8002", "it has a psa already"),
}


@pytest.mark.parametrize(("choice", "message"), WRONG.values(), ids=WRONG)
def test_a_choice_that_cannot_hold_writes_nothing(
    muster: Shell, lab: Lab, choice: str, message: str
) -> None:
    """A wrong --link is told, and a right one beside it is not written either."""
    text = customer("toys", "Tailspin Toy") + "---\n" + customer("bank", "Bank")
    file = write(muster, text)
    choice = choice.replace("%s", lab.company_ids["contoso"])
    result = muster("customers", "match", "--psa", "--link", "bank=8001", "--link", choice)
    assert result.code == 1
    assert message in result.err
    assert file.read_text() == text


def test_a_file_that_cannot_be_edited_is_told_with_the_line_to_add(muster: Shell) -> None:
    """Braces are left to a person; the other customer is written all the same; exit code 1."""
    braces = (
        "{apiVersion: muster.dev/v1alpha1, kind: Customer, metadata: {name: bank},\n"
        " spec: {displayName: Woodgrove Bank}}\n"
    )
    file = write(muster, braces)
    other = write(muster, customer("toys", "Tailspin Toys"), "toys.yaml")
    result = muster("customers", "match", "--vault", "--write")
    assert result.code == 1
    assert re.search(
        r"customers/new\.yaml:2: cannot be edited: spec is written in braces", result.err
    )
    assert VAULT % 9001 in result.err
    assert file.read_text() == braces
    assert other.read_text() == customer("toys", "Tailspin Toys", VAULT % 9002)


def test_a_list_that_breaks_off_proves_no_pair(muster: Shell, lab: Lab) -> None:
    """While the PSA cannot be read whole, no pair is written, of the vault neither."""
    file = write(muster, customer("bank", "Woodgrove Bank"))
    before = file.read_bytes()
    lab.faults.add(CutBody(), path="/company/companies", times=-1)
    try:
        result = muster("customers", "match", "--write")
    finally:
        lab.faults.clear()
    assert result.code == 1
    assert file.read_bytes() == before
