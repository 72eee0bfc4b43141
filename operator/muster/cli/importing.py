"""`muster customers import`: write a file for each organization that becomes a customer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from muster.cli import options
from muster.cli.exit_codes import ExitCode
from muster.cli.output import Format, out, print_data, print_table, say
from muster.errors import MusterError, SpecError
from muster.plan.keys import fold

if TYPE_CHECKING:
    from muster.cli.session import Place
    from muster.model.settings import Customer
    from muster.plan.importing import Importable
    from muster.plan.tenants import Tenants


class Result(StrEnum):
    """What became of a record that was chosen; the others stay as they stood."""

    WRITTEN = "Written"
    FILE_EXISTS = "FileExists"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A record, and the file in which it is or would be a customer."""

    importable: Importable
    state: str
    slug: str
    file: Path
    text: str

    @property
    def writable(self) -> bool:
        """Whether the file is, or could be, written."""
        return self.state in {*Result, "New"}

    @property
    def customer(self) -> str:
        """The customer in git, or the one that it is or would be."""
        return self.slug if self.writable else self.importable.customer or ""


Source = Annotated[
    str, typer.Option("--from", metavar="INTEGRATION", help="The vault or PSA to list.")
]
Part = Annotated[
    str, typer.Option("--filter", metavar="TEXT", help="Only names that contain this.")
]
Select = Annotated[
    list[str] | None,
    typer.Option(
        "--select",
        metavar="NAME-OR-ID",
        help="Write this one; repeat it for several.",
        show_default=False,
    ),
]
Every = Annotated[bool, typer.Option("--all", help="Write all that are new, of those listed.")]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FOLDER",
        help="Where to write; customers/ in the first PATH when left out.",
        show_default=False,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the files instead of writing them.")]


def import_customers(
    source: Source,
    paths: options.Paths = None,
    also: options.Also = None,
    part: Part = "",
    select: Select = None,
    every: Every = False,
    folder: Folder = None,
    dry_run: DryRun = False,
    output: options.Output = Format.TEXT,
    state: options.State = None,
    secrets: options.SecretsFrom = None,
    patience: options.Patience = options.PATIENCE_S,
) -> int:
    """Write a Customer for each chosen organization of a vault, or company of a PSA.

    Without --select or --all it only lists them. Nothing is written outside, and no file is
    overwritten.

    \b
    muster customers import --from it-glue
    muster customers import --from it-glue --select "Contoso Ltd" --select 4711
    muster customers import --from it-glue --filter dental --all --dry-run
    """
    from muster.cli.session import place
    from muster.plan.importing import stand

    where = place([*(paths or ()), *(also or ())], state, secrets, patience)
    tenants, customers = _read(where, source)
    found = stand(tenants, customers)
    listed = [one for one in found if fold(part) in fold(one.organization.name)]
    asked = bool(select or every)
    chosen = _choose(found, listed, select or (), every=every) if asked else listed
    taken = {str(one.name) for one in customers}
    rows = _rows(chosen, tenants, taken, folder or where.root / "customers")
    rows = [_insist(row) for row in rows] if asked else rows
    rows = [_write(row) for row in rows] if asked and not dry_run else rows
    _print(rows, tenants, output, texts=dry_run)
    if output is Format.TEXT:
        _summarize(rows, tenants, asked=asked)
    return _exit_code(rows, asked=asked)


def _read(where: Place, source: str) -> tuple[Tenants, tuple[Customer, ...]]:
    from muster.cli.session import open_session
    from muster.cli.tenants import find_integration, read_tenants

    with open_session(where, write=False) as session:
        tenants = read_tenants(session, find_integration(session.estate, source))
        return tenants, session.estate.customers


def _exit_code(rows: Iterable[_Row], *, asked: bool) -> ExitCode:
    from muster.plan.importing import Standing

    wrong = {Result.FILE_EXISTS, *([Standing.INACTIVE] if asked else [])}
    return ExitCode.ERROR if any(row.state in wrong for row in rows) else ExitCode.OK


def _choose(
    found: Sequence[Importable],
    listed: Iterable[Importable],
    select: Iterable[str],
    *,
    every: bool,
) -> list[Importable]:
    """Return what was asked for by name or id, and with `every` all that is new."""
    from muster.plan.importing import Standing

    chosen = {one.organization.id: one for one in _selected(found, select)}
    if every:
        new = (one for one in listed if one.standing is Standing.NEW)
        chosen |= {one.organization.id: one for one in new}
    return list(chosen.values())


def _selected(found: Sequence[Importable], select: Iterable[str]) -> list[Importable]:
    from muster.resources.problems import nearest

    chosen, problems = [], []
    for wanted in select:
        named = [one for one in found if one.organization.id == wanted]
        named = named or [one for one in found if fold(one.organization.name) == fold(wanted)]
        chosen += named[:1]
        if not named:
            guess = nearest(wanted, (one.organization.name for one in found))
            hint = f'Did you mean "{guess}"?' if guess else "List them without --select."
            problems.append(f'Nothing has the name or id "{wanted}". {hint}')
        elif len(named) > 1:
            ids = ", ".join(one.organization.id for one in named)
            problems.append(f'"{wanted}" is the name of several ({ids}). Select one by its id.')
    if problems:
        raise SpecError(tuple(problems))
    return chosen


def _rows(
    importables: Iterable[Importable],
    tenants: Tenants,
    taken: Collection[str],
    folder: Path,
) -> list[_Row]:
    from muster.resources.slugs import choose_slugs
    from muster.resources.writing import customer_text, link_field

    slugs = choose_slugs(tenants.organizations, taken)
    rows = []
    for one in importables:
        organization, slug = one.organization, slugs[one.organization.id]
        link = link_field(tenants.system, tenants.integration, organization.id)
        rows.append(
            _Row(
                importable=one,
                state=one.standing,
                slug=slug,
                file=folder / f"{slug}.yaml",
                text=customer_text(slug, organization, link),
            )
        )
    return rows


def _insist(row: _Row) -> _Row:
    """Take one that has a customer's name for new: a person selected it all the same."""
    from muster.plan.importing import Standing

    return replace(row, state=Standing.NEW) if row.state == Standing.SAME_NAME else row


def _write(row: _Row) -> _Row:
    """Write a row's file unless there is one, or there should be none."""
    if not row.writable:
        return row
    try:
        row.file.parent.mkdir(parents=True, exist_ok=True)
        with row.file.open("x", encoding="utf-8", newline="\n") as file:
            file.write(row.text)
    except FileExistsError:
        return replace(row, state=Result.FILE_EXISTS)
    except OSError as exc:
        raise MusterError(f"Cannot write {row.file}: {exc.strerror or exc}.") from exc
    return replace(row, state=Result.WRITTEN)


def _print(rows: Sequence[_Row], tenants: Tenants, output: Format, *, texts: bool) -> None:
    if output is not Format.TEXT:
        items = [_item(row, text=texts) for row in rows]
        head = {"integration": tenants.integration, "system": str(tenants.system)}
        print_data({**head, "organizations": items}, output)
        return
    if texts:
        for row in rows:
            if row.writable:
                out().print(f"---\n# {row.file}\n{row.text}", markup=False, end="")
        return
    print_table(
        ("ID", "NAME", "STATE", "CUSTOMER", "FILE"),
        (
            (
                row.importable.organization.id,
                row.importable.organization.name,
                row.state,
                row.customer,
                row.file if row.writable else None,
            )
            for row in rows
        ),
    )


def _item(row: _Row, *, text: bool) -> dict[str, Any]:
    organization = row.importable.organization
    return {
        "id": organization.id,
        "name": organization.name,
        "active": organization.active,
        "state": str(row.state),
        "customer": row.customer or None,
        "file": str(row.file) if row.writable else None,
        **({"text": row.text if row.writable else None} if text else {}),
    }


def _summarize(rows: Sequence[_Row], tenants: Tenants, *, asked: bool) -> None:
    """Say on standard error what the states mean for the next step."""
    count = Counter(row.state for row in rows)
    states = ", ".join(f"{number} {state}" for state, number in sorted(count.items()))
    nothing = "nothing new; see all without --all" if asked else "nothing found"
    say(f"{tenants.integration}: {states or nothing}.")
    for state, advice in _ADVICE:
        if count[state] and (state != "New" or not asked):
            say(advice)


_ADVICE = (
    ("New", "Write new ones with --select NAME-OR-ID, or with --all."),
    (
        "SameName",
        "SameName: a customer without a link has this name. Link it: muster customers match",
    ),
    ("Inactive", "Inactive: make it active there first."),
    ("FileExists", "FileExists: the file was left as it is. Move it, or choose --out FOLDER."),
    ("Written", "Check the files with muster validate, and commit them."),
)
