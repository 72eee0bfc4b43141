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
from muster.resources.labels import labels_fit


def resolve(estate: Estate) -> Estate:
    """Return the estate with `desired` filled in, one per customer in the order of names.

    Means something only for an estate in which `references.find_conflicts` finds nothing.
    """
    integrations = {integration.name: integration for integration in estate.integrations}
    overrides: dict[CustomerName, list[AccountOverride]] = defaultdict(list)
    for override in sorted(estate.overrides, key=lambda override: override.name):
        overrides[override.customer].append(override)
    desired = []
    for customer in sorted(estate.customers, key=lambda customer: customer.name):
        vault = integrations.get(customer.vault.integration) if customer.vault else None
        sources = tuple(_sources(customer, estate.policies))
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


def covers(policy: AutomaticImportPolicy, customer: Customer) -> bool:
    """Return whether a policy names or selects a customer; a default policy does neither."""
    who = policy.customers
    if who.selector:
        return labels_fit(who.selector, dict(customer.labels))
    return customer.name in who.names


def own_imports(customer: Customer, account_type: AccountType) -> bool:
    """Return whether the customer's own imports keep policies of this type away."""
    return any(settings.account_type is account_type for settings in customer.imports)


def _sources(
    customer: Customer, policies: Sequence[AutomaticImportPolicy]
) -> Iterator[ImportSource]:
    """Yield what is in force; nothing for a customer without a directory to import from."""
    if customer.active_directory is None and customer.entra is None:
        return
    for account_type in AccountType:
        yield from _sources_of_type(customer, policies, account_type)


def _sources_of_type(
    customer: Customer, policies: Sequence[AutomaticImportPolicy], account_type: AccountType
) -> tuple[ImportSource, ...]:
    own = [s for s in customer.imports if s.account_type is account_type]
    if own:
        return tuple(ImportSource(settings=s, resolved_from=ResolvedFrom.CUSTOMER) for s in own)
    of_type = [policy for policy in policies if policy.settings.account_type is account_type]
    explicit = [policy for policy in of_type if covers(policy, customer)]
    default = [policy for policy in of_type if policy.customers.default]
    origin = ResolvedFrom.POLICY if explicit else ResolvedFrom.DEFAULT
    return tuple(
        ImportSource(settings=policy.settings, resolved_from=origin)
        for policy in explicit or default
    )
