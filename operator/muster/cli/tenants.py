"""Reads what an integration shows, for the commands about customers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from muster.cli.guessing import guess
from muster.cli.output import err
from muster.cli.session import Session
from muster.errors import SpecError
from muster.model.connections import Integration, NativeVault, PsaProduct, VaultProduct
from muster.model.names import System
from muster.model.settings import Estate
from muster.plan.tenants import Tenants
from muster.resources.references import linked_tenants

T = TypeVar("T")

_MSP_ITSELF = "0"


def find_integration(estate: Estate, name: str) -> Integration:
    """Return an integration by its name; raises SpecError with the names that there are."""
    shown = {one.name: one for one in estate.integrations if has_tenants(one)}
    if name in shown:
        return shown[name]
    if any(one.name == name for one in estate.integrations):
        raise SpecError((f"The integration {name} has no organizations of its own.",))
    raise SpecError((f'There is no integration "{name}". {guess(name, shown)}',))


def has_tenants(integration: Integration) -> bool:
    """Return whether there is something to list; Muster's own vault and mail have nothing."""
    return isinstance(integration.product, VaultProduct | PsaProduct) and not isinstance(
        integration.product, NativeVault
    )


def system_of(integration: Integration) -> System:
    """Return whether an integration is a vault or a PSA."""
    return System.VAULT if isinstance(integration.product, VaultProduct) else System.PSA


def read_tenants(session: Session, integration: Integration) -> Tenants:
    """Read all organizations or companies of an integration; raises RemoteError.

    Autotask's company 0, which is the MSP itself, is left out: no Customer can pin it.
    """
    listed = session.assembly.list_tenants(integration)
    found = (one for one in listed if one.id != _MSP_ITSELF)
    return Tenants(
        integration=integration.name,
        system=system_of(integration),
        organizations=tuple(_counting(found, f"Reading {integration.name}")),
        linked=linked_tenants(session.estate, integration),
    )


def _counting(items: Iterable[T], what: str) -> Iterator[T]:
    """Yield the items and show on a terminal how many there were so far."""
    console = err()
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}: {task.completed}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        yield from progress.track(items, description=what)
