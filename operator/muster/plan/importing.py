"""Decides which organizations or companies of an integration may become new customers.

What their files are called and hold is left to `muster.resources`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from muster.model.names import CustomerName
from muster.model.records import Organization
from muster.model.settings import Customer
from muster.plan.keys import fold
from muster.plan.tenants import Tenants, link_of


class Standing(StrEnum):
    """How a record of a vault or a PSA stands to the customers in git."""

    LINKED = "Linked"
    """A customer is linked to it."""
    SAME_NAME = "SameName"
    """A customer without a link has its name; that one should be linked, not another one made."""
    INACTIVE = "Inactive"
    """The system calls it deleted, archived or inactive."""
    NEW = "New"
    """It can become a customer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Importable:
    """A record, how it stands, and the customer that it is linked to or shares its name with."""

    organization: Organization
    standing: Standing
    customer: CustomerName | None = None


def stand(tenants: Tenants, customers: Iterable[Customer]) -> tuple[Importable, ...]:
    """Return how each record of an integration stands, in the order of names."""
    without = [one for one in customers if link_of(one, tenants.system) is None]
    names = {fold(one.display_name): one.name for one in without}
    ordered = sorted(tenants.organizations, key=lambda one: (fold(one.name), one.id))
    return tuple(_stand(one, tenants, names.get(fold(one.name))) for one in ordered)


def _stand(
    organization: Organization, tenants: Tenants, namesake: CustomerName | None
) -> Importable:
    linked = tenants.linked.get(organization.id)
    if linked is not None:
        return Importable(organization=organization, standing=Standing.LINKED, customer=linked)
    if not organization.active:
        return Importable(organization=organization, standing=Standing.INACTIVE)
    if namesake is not None:
        return Importable(organization=organization, standing=Standing.SAME_NAME, customer=namesake)
    return Importable(organization=organization, standing=Standing.NEW)
