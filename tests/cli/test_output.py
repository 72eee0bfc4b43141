"""What reaches a terminal: text that nobody outside can make it obey, in whatever encoding."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from rich.console import Console

from muster.apply import Tell
from muster.cli.output import Format, complain, fit, out, plain, print_data, print_table, visible
from muster.cli.session import for_each_customer
from muster.cli.shell import Bug
from muster.lab.lab import Lab
from muster.model.names import CustomerName
from muster.model.settings import Customer, Desired

from .conftest import Shell, accounts

HOSTILE = "\x1b]0;x\x07\x1b[2J\x9b31m[red]Eve[/red]\u202e:key:\r\nok"
MUSTER = [sys.executable, "-c", "from muster.cli.main import main; main()"]


def is_harmless(text: str) -> bool:
    """Say whether a terminal shows the text and obeys nothing in it."""
    return all(one.isprintable() or one == "\n" for one in text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Jürgen 李 [x]", "Jürgen 李 [x]"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\x9bb\x7f", "a\\x9bb\\x7f"),
        ("a\nb", "a\\nb"),
        ("a\u202eb\ud800", "a\\u202eb\\ud800"),
    ],
)
def test_what_cannot_be_printed_is_written_out(text: str, shown: str) -> None:
    """Every letter stays readable; what is none becomes one."""
    assert visible(text) == shown


def test_text_between_markup_is_only_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Markup, emoji codes and escape sequences in names are shown as they are written."""
    console = out()
    console.print(f"[bold]{plain(HOSTILE)}[/]")
    console.print(HOSTILE, markup=False)
    complain(HOSTILE)
    print_table(("NAME",), [(HOSTILE,)])
    captured = capsys.readouterr()
    assert is_harmless(captured.out + captured.err)
    assert captured.out.count("[red]Eve[/red]") == 3
    assert captured.out.count(":key:") == 3
    assert "\\x1b" in captured.out


def test_a_terminal_gets_our_own_sequences_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where colours are on, what is sent differs from what is shown by colours alone."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    console = out()
    assert isinstance(console, Console)
    with console.capture() as captured:
        console.print(f"[bold]{plain(HOSTILE)}[/]")
    assert captured.get() == f"\x1b[1m{visible(HOSTILE)}\x1b[0m\n"


@pytest.mark.parametrize(
    ("room", "shown"),
    [
        (80, [19, 27, 14]),
        (66, [19, 27, 14]),
        (60, [19, 21, 14]),
        (54, [19, 20, 9]),
        (51, None),
    ],
)
def test_a_narrow_table_breaks_no_name_and_no_short_word(
    room: int, shown: list[int] | None
) -> None:
    """The widest columns give way first; where names would break, the table stays whole."""
    columns = [
        ["NAME", "contoso-adm-pk-9b41"],
        ["USER", "adm-pk@corp.contoso.example"],
        ["VAULT", "Linked 4410023"],
    ]
    assert fit(columns, room) == shown


def test_json_holds_everything_and_hides_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """The value comes back whole, and no byte of it is a control character or invisible."""
    print_data({"name": HOSTILE + "Jürgen\ud800"}, Format.JSON)
    text = capsys.readouterr().out
    assert is_harmless(text)
    assert "Jürgen" in text
    assert json.loads(text) == {"name": HOSTILE + "Jürgen\ud800"}


def test_names_from_the_systems_reach_the_terminal_as_text(muster: Shell, lab: Lab) -> None:
    """An account and an entry with hostile names appear in plan and matches, and harm nothing."""
    domain = lab.domains["contoso"]
    domain.add_user("Eve", "eve", parent=f"OU=Staff,{domain.dn}")
    for _ in range(2):
        lab.itglue.add_password(
            lab.organization_ids["contoso"], HOSTILE, username="eve", category="Active Directory"
        )
    plan = muster("plan", "-c", "contoso")
    assert "[red]Eve[/red]" in plan.out
    muster("apply", "-c", "contoso")
    domain.set_attributes(f"CN=Eve,OU=Staff,{domain.dn}", {"displayName": HOSTILE})
    muster("apply", "-c", "contoso")
    muster.ok("resolve", "contoso", "eve", "--ignore-vault")
    muster.ok("validate")
    for command in (("matches",), ("describe", "customer", "contoso")):
        shown = muster.ok(*command)
        assert "[red]Eve[/red]" in shown.out, command
        assert is_harmless(plan.out + shown.out + shown.err)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_without_unicode_ends_no_run(estate: Path, lab: Lab, encoding: str) -> None:
    """A name that the encoding lacks is shown with question marks; JSON stays exact."""
    domain = lab.domains["contoso"]
    domain.add_user("李小龍", "xlee", parent=f"OU=Staff,{domain.dn}")
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    command = [*MUSTER, "plan", str(estate), "-c", "contoso"]
    text = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert text.returncode == 0, text.stderr
    data = subprocess.run(
        [*command, "-o", "json"], env=environment, capture_output=True, check=True
    )
    assert json.loads(data.stdout.decode(encoding))["kind"] == "Plan"


def test_a_bug_at_one_customer_stops_nobody_else() -> None:
    """It is reported with its place and without what the exception holds."""
    names = ("contoso", "fabrikam", "northwind")
    customers = [
        Desired(customer=Customer(name=CustomerName(name), display_name=name)) for name in names
    ]
    planted = "-".join(("planted", "Secret", "77"))

    def work(one: Desired, _: Tell) -> str:
        if one.customer.name == "fabrikam":
            raise KeyError(planted)
        return one.customer.name

    first, second, third = for_each_customer(customers, work, "working")
    assert (first, third) == ("contoso", "northwind")
    assert isinstance(second, Bug)
    assert "bug in Muster (KeyError) at fabrikam" in str(second)
    assert planted not in str(second)


@pytest.mark.parametrize("command", [("apply",), ("run", "--rounds", "1")])
def test_a_damaged_status_stops_its_customer_only(muster: Shell, command: tuple[str, ...]) -> None:
    """What Muster cannot foresee at one customer is told, and the other one is reconciled."""
    muster.ok("apply", "-c", "contoso")
    with closing(sqlite3.connect(muster.estate / ".muster" / "state.sqlite")) as database:
        database.execute("UPDATE statuses SET document = ?", ('{"conditions":[{}]}',))
        database.commit()
    result = muster(*command)
    assert "This is a bug in Muster (KeyError) at contoso." in result.err
    assert accounts(muster.ok("get", "accounts", "-c", "fabrikam", "-o", "json"))


def test_customers_that_git_no_longer_names_are_told(muster: Shell) -> None:
    """Their records stay, nobody is released, and each apply says so."""
    assert "registry also holds" not in muster.ok("apply").out
    before = accounts(muster.ok("get", "accounts", "-c", "contoso", "-o", "json"))
    (muster.estate / "customers" / "contoso.yaml").unlink()
    told = muster.ok("apply").out
    assert "The registry also holds 1 customer that these files do not name: contoso." in told
    assert accounts(muster.ok("get", "accounts", "-c", "contoso", "-o", "json")) == before


def test_a_customer_whose_first_run_broke_off_can_be_described(muster: Shell) -> None:
    """Records without a status are shown as what they are."""
    muster.ok("apply", "-c", "contoso")
    with closing(sqlite3.connect(muster.estate / ".muster" / "state.sqlite")) as database:
        database.execute("DELETE FROM statuses")
        database.commit()
    assert "No run has reached its end" in muster.ok("describe", "customer", "contoso").out
    muster.ok("get", "customers")
