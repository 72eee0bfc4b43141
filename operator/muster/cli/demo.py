"""`muster demo`: the whole job on a made-up MSP, told as a story with the real commands.

Nothing is staged: each line after a `$` is the command itself, run on the lab's servers.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from muster.cli.demo_passwords import PasswordStory
from muster.cli.exit_codes import ExitCode
from muster.cli.lab import DEFAULT_ESTATE, EstateMix, open_lab, refuse_foreign
from muster.cli.output import out
from muster.cli.reading import open_registry
from muster.cli.shell import Program, run
from muster.errors import MusterError
from muster.lab.mix import VaultMix
from muster.model.names import AccountType, CustomerName, DirectoryKind

if TYPE_CHECKING:
    from muster.lab.lab import Lab
    from muster.model.accounts import AccountRecord

_CUSTOMER = "contoso"
_PEOPLE = 20


def demo(
    context: typer.Context,
    keep: Annotated[
        Path | None, typer.Option(help="Keep the estate in this directory.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed makes the same people.")] = 7,
    estate: EstateMix = DEFAULT_ESTATE,
) -> int:
    """Show the whole job in a minute: no cluster, no account, nothing outside this machine.

    \b
    muster demo
    muster demo --estate hybrid-hudu-autotask
    """
    with _directory(keep) as folder, open_lab(seed=seed, people=_PEOPLE, estate=estate) as lab:
        lab.write_estate(folder)
        with contextlib.chdir(folder), _nobodys_variables():
            story = _Story(lab, context.find_root().command)
            story.tell()
    return ExitCode.OK if story.as_told else ExitCode.ERROR


@contextlib.contextmanager
def _directory(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        refuse_foreign(keep)
        yield keep
        return
    directory = Path(tempfile.mkdtemp(prefix="muster-demo-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def _nobodys_variables() -> Iterator[None]:
    """Take Muster's variables out of the environment: they name a real state and real secrets."""
    real = {name: one for name, one in os.environ.items() if name.startswith("MUSTER_")}
    for name in real:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(real)


class _Story:
    """The chapters, in order; `as_told` is false when one ended otherwise than it should."""

    def __init__(self, lab: Lab, program: Program) -> None:
        self._lab = lab
        self._program = program
        self._console = out()
        self.as_told = True

    def tell(self) -> None:
        self._estate_chapter()
        self._first_run()
        if self._lab.mix.vault is not VaultMix.NATIVE:  # Muster's own has no doubles to ask about
            self._a_question()
        self._second_run()
        if self._lab.mix.has_domain:
            self._rotations()
        self._a_mass_change()

    def _estate_chapter(self) -> None:
        self._chapter("An MSP with three customers, as YAML in git")
        files = "  ".join(map(str, sorted(Path().rglob("*.yaml"))))
        self._console.print(files, markup=False)
        self._muster(ExitCode.OK, "validate")

    def _first_run(self) -> None:
        self._chapter(
            "What would Muster do at the first customer? (reads everything, writes nothing)"
        )
        self._muster(ExitCode.OK, "plan", "--customer", _CUSTOMER)
        self._chapter("Do it, for all customers")
        self._muster(ExitCode.OK, "apply")
        self._muster(ExitCode.OK, "get", "customers")
        self._muster(ExitCode.OK, "get", "accounts", "--customer", _CUSTOMER)

    def _a_question(self) -> None:
        self._chapter("One person has two password entries. Muster asks instead of guessing")
        user, entry = self._ambiguous()
        self._muster(ExitCode.OK, "explain", _CUSTOMER, user)
        self._chapter("An engineer decides; the decision is a file to review and commit")
        reason = "the other one is an old laptop; ticket 20311"
        self._muster(ExitCode.OK, "resolve", _CUSTOMER, user, "--vault", entry, "--reason", reason)
        for file in sorted(Path("overrides").glob("*.yaml")):
            self._console.print(file.read_text(encoding="utf-8").rstrip(), markup=False)
        self._muster(ExitCode.OK, "apply")

    def _second_run(self) -> None:
        self._chapter("Run again: nothing to do, and nothing is written")
        writes = self._lab.writes()
        self._muster(ExitCode.OK, "apply")
        titles = " and ".join(one.title for one in (self._lab.vault, self._lab.psa))
        self._console.print(f"Writes to {titles}: {self._lab.writes() - writes}")
        self.as_told = self.as_told and self._lab.writes() == writes

    def _rotations(self) -> None:
        self._chapter("Administrators get new passwords every month: four lines in git")
        told = PasswordStory(self._lab, self._console, self._muster)
        administrators = self._administrators()
        self.as_told = told.tell(_CUSTOMER, administrators) and self.as_told

    def _administrators(self) -> list[AccountRecord]:
        return [
            one
            for one in self._records()
            if one.account_type is AccountType.ADMINISTRATOR
            and one.identity.source is DirectoryKind.ACTIVE_DIRECTORY
            and one.vault.id
        ]

    def _a_mass_change(self) -> None:
        if self._lab.mix.has_domain:
            self._chapter("Somebody moves half of the staff to another organizational unit")
            self._console.print(f"{self._move_half()} people moved in Active Directory.")
        else:
            self._chapter("Somebody empties the group of the staff by mistake")
            self._empty_group()
            self._console.print("The group is empty.")
        self._muster(ExitCode.REFUSED, "apply", "--customer", _CUSTOMER)
        self._console.print(
            "\nNobody was released. That was the whole job; try it yourself with: muster lab serve"
        )

    def _ambiguous(self) -> tuple[str, str]:
        """Return a person whose vault entry is ambiguous, and the entry to choose."""
        from muster.model.names import LinkState

        for record in self._records():
            if record.vault.state is LinkState.AMBIGUOUS:
                return record.identity.user, record.vault.candidates[-1].id
        raise MusterError("The lab has no ambiguous entry; try another --seed.")

    def _records(self) -> tuple[AccountRecord, ...]:
        with open_registry(Path(), None) as registry:
            records: tuple[AccountRecord, ...] = registry.load(CustomerName(_CUSTOMER)).records
            return records

    def _move_half(self) -> int:
        domain = self._lab.domains[_CUSTOMER]
        leavers = domain.add_organizational_unit("OU=Leavers")
        records = self._records()
        staff = [one.identity.sam for one in records if one.account_type is AccountType.END_USER]
        half = sorted(staff)[: len(staff) // 2]
        for sam in half:
            domain.move(domain.find(sam), leavers)
        return len(half)

    def _empty_group(self) -> None:
        facts = self._lab.plan.customer(_CUSTOMER).facts
        tenant, graph = self._lab.tenant_ids[_CUSTOMER], self._lab.graph
        if graph:
            graph.set_members(tenant, graph.group(tenant, facts.staff_group), ())

    def _chapter(self, title: str) -> None:
        self._console.print(f"\n[bold]── {escape(title)}[/]")

    def _muster(self, expected: ExitCode, command: str, *arguments: str) -> None:
        """Run a command of Muster in the estate and note whether it ended as it should."""
        words = " ".join(f'"{word}"' if " " in word else word for word in arguments)
        self._console.print(f"[dim]$[/] [bold]muster {command}[/] {escape(words)}".rstrip())
        code = run(self._program, [command, *arguments])
        self.as_told = self.as_told and code == expected
