"""Decides which import settings are in force for each customer. Pure: it needs no files.

For each account type the strongest that exists: the customer's own imports, a policy that names
or selects the customer, the default policy. The default is level-triggered: it holds for every
customer that nothing else covers, however old.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from muster.model.connections import Integration, NativeVault
from muster.model.names import AccountType, CustomerName
from muster.model.settings import (
    AccountOverride,
    AutomaticImportPolicy,
    Customer,
    Desired,
    Estate,
    ImportSource,
    ResolvedFrom,
)
from muster.resources.covering import Covering


def resolve(estate: Estate) -> Estate:
    """Return the estate with `desired` filled in, one per customer in the order of names.

    Means something only for an estate in which `references.find_conflicts` finds nothing.
    """
    integrations = {integration.name: integration for integration in estate.integrations}
    overrides: dict[CustomerName, list[AccountOverride]] = defaultdict(list)
    for override in sorted(estate.overrides, key=lambda override: override.name):
        overrides[override.customer].append(override)
    covering = Covering(estate.policies)
    desired = []
    for customer in sorted(estate.customers, key=lambda customer: customer.name):
        vault = integrations.get(customer.vault.integration) if customer.vault else None
        sources = tuple(_sources(customer, covering))
        desired.append(
            Desired(
                customer=customer,
                sources=tuple(always_stored(source, vault) for source in sources),
                overrides=tuple(overrides[customer.name]),
                vault=vault,
                psa=integrations.get(customer.psa.integration) if customer.psa else None,
                mail=_mail(sources, integrations),
            )
        )
    return replace(estate, desired=tuple(desired))


def always_stored(source: ImportSource, vault: Integration | None) -> ImportSource:
    """Return the source as it is in force beside a customer's vault.

    In the native vault the passwords of administrators are always kept: matching and creating
    entries are on there, whatever the policy says. Another vault changes nothing.
    """
    native = vault is not None and isinstance(vault.product, NativeVault)
    if not native or source.settings.account_type is not AccountType.ADMINISTRATOR:
        return source
    options = source.settings.options
    stored = replace(options.vault, match=True, create_when_missing=True)
    settings = replace(source.settings, options=replace(options, vault=stored))
    return replace(source, settings=settings)


def _mail(
    sources: Sequence[ImportSource], integrations: Mapping[str, Integration]
) -> tuple[Integration, ...]:
    """Return the integrations that the policies' welcome e-mails go through."""
    names = {source.settings.welcome.integration for source in sources}
    return tuple(integrations[name] for name in sorted(names) if name in integrations)


def own_imports(customer: Customer, account_type: AccountType) -> bool:
    """Return whether the customer's own imports keep policies of this type away."""
    return any(settings.account_type is account_type for settings in customer.imports)


def _sources(customer: Customer, covering: Covering) -> Iterator[ImportSource]:
    """Yield what is in force; nothing for a customer without a directory to import from."""
    if customer.active_directory is None and customer.entra is None:
        return
    explicit = covering.of(customer)
    for account_type in AccountType:
        if own_imports(customer, account_type):
            yield from _own_sources(customer, account_type)
        else:
            yield from _policy_sources(explicit, covering.defaults, account_type)


def _own_sources(customer: Customer, account_type: AccountType) -> Iterator[ImportSource]:
    for settings in customer.imports:
        if settings.account_type is account_type:
            yield ImportSource(settings=settings, resolved_from=ResolvedFrom.CUSTOMER)


def _policy_sources(
    explicit: Sequence[AutomaticImportPolicy],
    defaults: Sequence[AutomaticImportPolicy],
    account_type: AccountType,
) -> Iterator[ImportSource]:
    for policies, origin in ((explicit, ResolvedFrom.POLICY), (defaults, ResolvedFrom.DEFAULT)):
        found = [one for one in policies if one.settings.account_type is account_type]
        if found:
            for policy in found:
                yield ImportSource(settings=policy.settings, resolved_from=origin)
            return
