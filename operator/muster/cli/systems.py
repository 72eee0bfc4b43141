"""`muster directory` and `muster doctor`: look at the systems themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from functools import partial
from typing import Annotated

import typer

from muster.assembly import Assembly
from muster.cli import options
from muster.cli.exit_codes import ExitCode
from muster.cli.output import Format, print_data, print_table
from muster.errors import MusterError, SpecError
from muster.model.names import RemoteId
from muster.model.records import Organization
from muster.model.settings import Desired
from muster.ports import Check, Directory, Mailer, Psa, Vault
from muster.sync_port import SyncTrigger

Checked = Directory | Vault | Psa | Mailer | SyncTrigger


class Look(StrEnum):
    """What `muster directory` shows."""

    TREE = "tree"
    GROUPS = "groups"


def directory(
    what: Annotated[Look, typer.Argument(help="What to show.")],
    customer: options.CustomerArgument,
    output: options.Output = Format.TEXT,
    estate: options.Estate = options.HERE,
    state: options.State = None,
    secrets: options.SecretsFrom = None,
    patience: options.Patience = options.PATIENCE_S,
) -> int:
    """Show what a policy can select: organizational units with users, or groups.

    \b
    muster directory tree contoso
    muster directory groups contoso
    """
    from muster.cli.session import find_customer, open_session, place
    from muster.plan.places import places_with_users, selectable_groups

    with open_session(place([estate], state, secrets, patience), write=False) as session:
        desired = find_customer(session.estate, customer)
        ports = session.assembly.ports(desired)
        if ports.directory is None:
            problems = dict(ports.problems).values()
            raise SpecError(tuple(problems) or (f"{customer} has no directory.",))
        snapshot = ports.directory.read(frozenset())
    if what is Look.TREE:
        columns: tuple[str, ...] = ("PATH", "USERS", "ENABLED")
        rows: list[tuple[object, ...]] = [
            (place.dn, place.users, place.enabled) for place in places_with_users(snapshot)
        ]
    else:
        columns = ("GROUP", "MEMBERS", "DN")
        rows = [(group.sam, len(group.members), group.dn) for group in selectable_groups(snapshot)]
    if output is Format.TEXT:
        print_table(columns, rows)
    else:
        print_data([dict(zip(map(str.lower, columns), row, strict=True)) for row in rows], output)
    return ExitCode.OK


def doctor(
    only: options.Only = None,
    output: options.Output = Format.TEXT,
    estate: options.Estate = options.HERE,
    state: options.State = None,
    secrets: options.SecretsFrom = None,
    patience: options.Patience = options.PATIENCE_S,
) -> int:
    """Try every connection: reachable, certificate, sign-in, rights; say what is missing.

    \b
    muster doctor
    muster doctor -c contoso
    """
    from muster.cli.session import choose, open_session, place

    with open_session(place([estate], state, secrets, patience), write=False) as session:
        assembly, estate_read = session.assembly, session.estate
        rows: list[tuple[str, Check]] = []
        for integration in estate_read.integrations if not only else ():
            rows += _checks(integration.name, partial(assembly.integration, integration))
        for desired in choose(estate_read, only):
            rows += _checks(str(desired.customer.name), partial(assembly.directory, desired))
            rows += _check_tenant(desired, assembly)
            rows += _checks(str(desired.customer.name), partial(assembly.sync_trigger, desired))
            rows += _check_links(desired, assembly)
    if output is Format.TEXT:
        _print_checks(rows)
    else:
        print_data(
            [
                {
                    "system": system,
                    "check": check.name,
                    "ok": check.ok,
                    "detail": check.detail,
                    "advice": check.advice,
                }
                for system, check in rows
            ],
            output,
        )
    return ExitCode.OK if all(check.ok for _, check in rows) else ExitCode.ERROR


def _check_links(desired: Desired, assembly: Assembly) -> Iterator[tuple[str, Check]]:
    """Yield whether the organization and the company that a customer pins are there."""
    customer = desired.customer
    finders = (
        ("organization", customer.vault and customer.vault.organization_id, _vault_finder),
        ("company", customer.psa and customer.psa.company_id, _psa_finder),
    )
    for what, pinned, finder in finders:
        if not pinned:
            continue
        try:
            found = finder(desired, assembly)(pinned)
            ok = found is not None
            detail = (found.name or found.id) if found else f"{pinned} does not exist"
        except MusterError as error:
            ok, detail = False, str(error)
        advice = "" if ok else f"Correct it in Customer {customer.name}."
        yield str(customer.name), Check(name=what, ok=ok, detail=detail, advice=advice)


Finder = Callable[[RemoteId], Organization | None]


def _vault_finder(desired: Desired, assembly: Assembly) -> Finder:
    vault = assembly.vault(desired.vault)
    return vault.find_organization if vault else lambda _: None


def _psa_finder(desired: Desired, assembly: Assembly) -> Finder:
    psa = assembly.psa(desired.psa)
    return psa.find_company if psa else lambda _: None


def _check_tenant(desired: Desired, assembly: Assembly) -> list[tuple[str, Check]]:
    """Return the checks of a customer's tenant: what is needed hangs on its policies."""
    from muster.plan.password_targets import sets_in_entra

    def ask() -> tuple[Check, ...]:
        tenant = assembly.entra(desired)
        return tenant.check(sets_passwords=sets_in_entra(desired)) if tenant else ()

    return _answers(str(desired.customer.name), ask)


def _checks(name: str, opener: Callable[[], Checked | None]) -> list[tuple[str, Check]]:
    """Return the checks of one system."""

    def ask() -> tuple[Check, ...]:
        system = opener()
        return system.check() if system else ()

    return _answers(name, ask)


def _answers(name: str, ask: Callable[[], tuple[Check, ...]]) -> list[tuple[str, Check]]:
    """Return what a system answers; one that cannot be opened is a failed check."""
    try:
        return [(name, check) for check in ask()]
    except MusterError as error:
        return [(name, Check(name="settings", ok=False, detail=str(error)))]


def _print_checks(rows: Iterable[tuple[str, Check]]) -> None:
    print_table(
        ("SYSTEM", "CHECK", "OK", "DETAIL"),
        (
            (system, check.name, "yes" if check.ok else "NO", f"{check.detail} {check.advice}")
            for system, check in rows
        ),
    )
