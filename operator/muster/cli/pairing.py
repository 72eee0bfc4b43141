"""`muster customers match`: find the organizations of customers without a link, and link them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from muster.cli import options
from muster.cli.exit_codes import ExitCode
from muster.cli.output import Format, complain, print_data
from muster.cli.pairing_text import pairings_data, print_pairings, tell
from muster.errors import MusterError, SpecError

if TYPE_CHECKING:
    from muster.cli.session import Session
    from muster.model.connections import Integration
    from muster.model.settings import Customer, Estate
    from muster.plan.tenant_links import TenantLink
    from muster.plan.tenants import CustomerPairing, Tenants
    from muster.resources.editing import Edited
    from muster.resources.load import LoadedEstate


Source = Annotated[
    str, typer.Option("--from", metavar="INTEGRATION", help="Only this vault or PSA.")
]
Vaults = Annotated[bool, typer.Option("--vault", help="Only vaults.")]
Psas = Annotated[bool, typer.Option("--psa", help="Only PSAs.")]
Write = Annotated[
    bool, typer.Option("--write", help="Write the exact pairs into the customers' files.")
]
Links = Annotated[
    list[str] | None,
    typer.Option(
        "--link",
        metavar="CUSTOMER=ID",
        help="Write this pair, which you have looked at; repeat it for several.",
        show_default=False,
    ),
]


def match_customers(
    paths: options.Paths = None,
    also: options.Also = None,
    source: Source = "",
    vault: Vaults = False,
    psa: Psas = False,
    write: Write = False,
    link: Links = None,
    output: options.Output = Format.TEXT,
    state: options.State = None,
    secrets: options.SecretsFrom = None,
    patience: options.Patience = options.PATIENCE_S,
) -> int:
    """Find organizations and companies for customers without a link, by name.

    Names that are only alike are shown and never linked. Nothing is written outside.

    \b
    muster customers match
    muster customers match --psa --write
    muster customers match --from connectwise --link contoso=250
    """
    from muster.cli.session import open_session, place
    from muster.cli.tenants import find_integration
    from muster.plan.tenants import unpaired_tenants

    choices = [_choice(text) for text in link or ()]
    where = place([*(paths or ()), *(also or ())], state, secrets, patience)
    with open_session(where, write=False) as session:
        only = find_integration(session.estate, source) if source else None
        found = _read(session, _scope(session.estate, only, vault=vault, psa=psa))
        loaded = session.loaded
    links, pairings, shown = _decide(loaded.estate.customers, found, choices, write=write)
    edited = _write(loaded, links)
    unpaired = unpaired_tenants(shown, pairings)
    if output is Format.TEXT:
        print_pairings(pairings, unpaired)
    else:
        print_data(pairings_data(pairings, unpaired, edited), output)
    tell(pairings, edited, found.problems, write=write)
    failed = found.problems or any(one.problem for one in edited)
    return ExitCode.ERROR if failed else ExitCode.OK


def _decide(
    customers: Sequence[Customer],
    found: _Found,
    choices: Iterable[tuple[str, str]],
    *,
    write: bool,
) -> tuple[tuple[TenantLink, ...], tuple[CustomerPairing, ...], tuple[Tenants, ...]]:
    """Return the links to write, and how customers and records stand beside a person's choices."""
    from muster.plan.tenant_links import choose_links, exact_links, with_links

    links = choose_links(choices, customers, found.shown)
    customers, shown = with_links(customers, found.shown, links)
    pairings = _pair(customers, shown, found.elsewhere)
    if write and not found.problems:
        links += exact_links(pairings)
    return links, pairings, shown


def _choice(text: str) -> tuple[str, str]:
    customer, equals, record = text.partition("=")
    if not (customer and equals and record):
        raise SpecError((f'--link "{text}" names no pair. Write it as CUSTOMER=ID.',))
    return customer, record


def _scope(
    estate: Estate, only: Integration | None, *, vault: bool, psa: bool
) -> tuple[Integration, ...]:
    """Return the integrations to look for customers in; raises SpecError when there are none."""
    from muster.cli.tenants import has_tenants, system_of
    from muster.model.names import System

    wanted = {System.VAULT} if vault and not psa else {System.PSA} if psa and not vault else None
    scope = tuple(
        one
        for one in ([only] if only else estate.integrations)
        if has_tenants(one) and (wanted is None or system_of(one) in wanted)
    )
    if not scope:
        raise SpecError(("There is no integration to look in. Add one, or look in others.",))
    return scope


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What was read."""

    shown: tuple[Tenants, ...]
    """Of the integrations to look for customers in."""
    elsewhere: tuple[Tenants, ...]
    """Of all integrations, for the names that customers have there."""
    problems: tuple[str, ...]
    """What could not be read of those to look in: then nothing is known to be unambiguous."""


def _read(session: Session, scope: Sequence[Integration]) -> _Found:
    """Read the integrations, and the others that say what customers without a link are called."""
    from muster.cli.tenants import read_tenants, system_of
    from muster.plan.tenants import link_of

    systems = {system_of(one) for one in scope}
    waiting = [
        one
        for one in session.estate.customers
        if any(link_of(one, kind) is None for kind in systems)
    ]
    named = {ref.integration for one in waiting for ref in (one.vault, one.psa) if ref is not None}
    shown, elsewhere, problems = [], [], []
    for integration in session.estate.integrations:
        if integration not in scope and integration.name not in named:
            continue
        try:
            tenants = read_tenants(session, integration)
        except MusterError as error:
            if integration in scope:
                problems.append(str(error))
            else:
                complain(f"Names from {integration.name} are not used: {error}")
            continue
        elsewhere.append(tenants)
        if integration in scope:
            shown.append(tenants)
    return _Found(shown=tuple(shown), elsewhere=tuple(elsewhere), problems=tuple(problems))


def _pair(
    customers: Sequence[Customer], shown: Sequence[Tenants], elsewhere: Sequence[Tenants]
) -> tuple[CustomerPairing, ...]:
    from muster.model.names import System
    from muster.plan.tenants import pair_customers

    pairings: tuple[CustomerPairing, ...] = ()
    for system in (System.VAULT, System.PSA):
        others = [one for one in elsewhere if one.system is not system]
        if any(one.system is system for one in shown):
            pairings += pair_customers(customers, shown, system, others)
    return pairings


def _write(loaded: LoadedEstate, links: Iterable[TenantLink]) -> tuple[Edited, ...]:
    from muster.resources.editing import Edit, write_edits
    from muster.resources.writing import link_field

    return write_edits(
        loaded,
        (
            Edit(
                customer=one.customer,
                field=link_field(one.system, one.integration, one.organization.id),
            )
            for one in links
        ),
    )
