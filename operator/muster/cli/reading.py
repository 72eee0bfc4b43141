"""`muster get`, `muster describe`, `muster matches`: what the registry knows, without a system."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from muster.cli import options
from muster.cli.exit_codes import ExitCode
from muster.cli.guessing import guess
from muster.cli.output import Format, counted, out, plain, print_data, print_table
from muster.errors import SpecError, StateError
from muster.model.accounts import AccountRecord, Known, Link
from muster.model.names import NEEDS_PERSON, CustomerName, LinkState
from muster.plan.findings import advice_of
from muster.ports import Registry

RESOLVE_HINT = "Settle one with: muster resolve CUSTOMER ACCOUNT --vault ID, --psa ID or --entra ID"


class Kind(StrEnum):
    """What can be listed."""

    CUSTOMERS = "customers"
    ACCOUNTS = "accounts"


def get(
    kind: Annotated[Kind, typer.Argument(help="What to list.")],
    only: options.Only = None,
    output: options.Output = Format.TEXT,
    released: Annotated[
        bool, typer.Option("--released", help="Show released accounts too.")
    ] = False,
    estate: options.Estate = options.HERE,
    state: options.State = None,
) -> int:
    """List customers or accounts from the registry.

    \b
    muster get customers
    muster get accounts -c contoso -o json
    """
    with open_registry(estate, state) as registry:
        if kind is Kind.CUSTOMERS:
            return _get_customers(registry, only, output)
        return _get_accounts(registry, only, output, released=released)


def open_registry(estate: Any, state: Any) -> Any:
    """Open the registry for reading; no lock is taken."""
    from muster.cli.session import place
    from muster.registry.sqlite import SqliteRegistry

    file = place([estate], state).state_file
    if not file.exists():
        raise StateError(
            f"There is no registry at {file}. Run muster apply first, or name it with --state "
            "or --estate."
        )
    return SqliteRegistry.open_for_reading(file)


def known_customers(
    registry: Registry, only: list[str] | None
) -> Iterator[tuple[CustomerName, Known]]:
    """Yield what is known of the chosen customers; raises SpecError for an unknown name."""
    names = registry.list_customers()
    for name in only or ():
        if name not in names:
            hint = guess(name, names) if names else "It knows none yet: run muster apply."
            raise SpecError((f'The registry knows no customer "{name}". {hint}',))
    for name in names:
        if not only or name in only:
            yield name, registry.load(name)


def _get_customers(registry: Registry, only: list[str] | None, output: Format) -> int:
    found = list(known_customers(registry, only))
    if output is not Format.TEXT:
        items = [
            {
                "apiVersion": "muster.dev/v1alpha1",
                "kind": "Customer",
                "metadata": {"name": name},
                "status": known.status,
            }
            for name, known in found
        ]
        print_data(_as_list(items), output)
        return ExitCode.OK
    columns = ("NAME", "DIRECTORY", "VAULT", "PSA", "ACCOUNTS", "AMBIGUOUS", "DRIFT", "READY")
    print_table((*columns, "SYNCED"), (_customer_row(name, known.status) for name, known in found))
    return ExitCode.OK


def _as_list(items: list[Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "List", "items": items}


def _customer_row(name: str, status: dict[str, Any]) -> tuple[object, ...]:
    ready = next((one for one in status.get("conditions", ()) if one["type"] == "Ready"), None)
    return (
        name,
        status.get("directory"),
        status.get("vault"),
        status.get("psa"),
        status.get("accounts"),
        status.get("ambiguous"),
        status.get("drift"),
        ready["status"] if ready else None,
        age(status.get("lastSync")),
    )


def age(moment: str | None, now: datetime | None = None) -> str:
    """Return how long ago a time was, as kubectl does: 45s, 12m, 3h, 2d."""
    if not moment:
        return ""
    seconds = int(((now or datetime.now(UTC)) - datetime.fromisoformat(moment)).total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{max(seconds, 0)}s"


def _get_accounts(
    registry: Registry, only: list[str] | None, output: Format, *, released: bool
) -> int:
    from muster.report.account_resource import render_account

    records = [
        record
        for _, known in known_customers(registry, only)
        for record in sorted(known.records, key=lambda record: record.name)
        if released or record.live
    ]
    if output is not Format.TEXT:
        print_data(_as_list([render_account(record) for record in records]), output)
        return ExitCode.OK
    columns = ("NAME", "TYPE", "USER", "EMAIL", "VAULT", "PSA", "STATE")
    print_table(columns, (_account_row(record) for record in records))
    return ExitCode.OK


def _account_row(record: AccountRecord) -> tuple[object, ...]:
    email = record.identity.email
    return (
        record.name,
        record.account_type,
        record.identity.user,
        email.address if email else None,
        _short(record.vault),
        _short(record.psa),
        record.decision.state,
    )


def _short(link: Link) -> str:
    more = link.reason if link.state is LinkState.SKIPPED else link.id or ""
    return f"{link.state} {more}".rstrip()


def matches(
    only: options.Only = None,
    output: options.Output = Format.TEXT,
    every_state: Annotated[
        bool,
        typer.Option("--all", help="Also what cannot be used, was lost or is held."),
    ] = False,
    estate: options.Estate = options.HERE,
    state: options.State = None,
) -> int:
    """List the matches that wait for a person, of the whole fleet, with their candidates.

    \b
    muster matches
    muster matches -c contoso -o json
    """
    states = NEEDS_PERSON | _ALSO if every_state else NEEDS_PERSON
    with open_registry(estate, state) as registry:
        found = [
            (record, system, link)
            for _, known in known_customers(registry, only)
            for record in sorted(known.records, key=lambda record: record.name)
            if record.live
            for system, link in (
                ("entra", record.pair),
                ("vault", record.vault),
                ("psa", record.psa),
            )
            if link.state in states
        ]
    if output is not Format.TEXT:
        print_data([_match(*one) for one in found], output)
        return ExitCode.OK
    _print_matches(found)
    return ExitCode.OK


_ALSO = frozenset({LinkState.UNUSABLE, LinkState.MATCH_LOST, LinkState.HELD})


def _match(record: AccountRecord, system: str, link: Link) -> dict[str, Any]:
    from muster.report.account_resource import render_candidate

    return {
        "customer": record.customer,
        "account": record.identity.user,
        "system": system,
        "state": link.state,
        "reason": link.reason,
        "message": advice_of(link),
        "candidates": [render_candidate(candidate) for candidate in link.candidates],
    }


def _print_matches(found: Iterable[tuple[AccountRecord, str, Link]]) -> None:
    console = out()
    count = 0
    for count, (record, system, link) in enumerate(found, 1):  # noqa: B007 - counted for the end
        head = f"{record.customer}  {record.identity.user}  {system}"
        reason = f"{link.state} ({link.reason}) {advice_of(link)}".rstrip()
        console.print(f"[bold]{plain(head)}[/]  {plain(reason)}")
        for candidate in link.candidates:
            changed = f", changed {candidate.updated_at:%Y-%m-%d}" if candidate.updated_at else ""
            line = f"{candidate.id}  {candidate.name}  by {candidate.evidence}: {candidate.detail}"
            console.print(f"    {plain(line + changed)}")
    found_text = counted(count, "match", "matches")
    console.print(f"{found_text}. {RESOLVE_HINT if count else ''}".rstrip(), markup=False)
