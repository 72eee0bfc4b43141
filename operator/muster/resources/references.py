"""Finds what resources get wrong between them: unknown names, double claims, double coverage.

Pure: works on the model and names places by reference (`Kind/name#/pointer`), so that it serves
files and a cluster alike. One rule, one function, one line in `CHECKS`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from muster.model.connections import (
    Autotask,
    ConnectWise,
    GraphMail,
    HaloPsa,
    Hudu,
    Integration,
    ItGlue,
    KeyValue2,
    NativeVault,
    Smtp,
)
from muster.model.names import AccountType, CustomerName, RemoteId
from muster.model.settings import (
    AccountOverride,
    AutomaticImportPolicy,
    Customer,
    Estate,
    LinkOverride,
    Origin,
)
from muster.resources.codes import Code
from muster.resources.conflict import Conflict
from muster.resources.covering import Covering
from muster.resources.mails import all_settings, wrong_templates, wrong_time_zones
from muster.resources.problems import nearest
from muster.resources.resolve import own_imports
from muster.resources.time_zones import unknown_time_zones


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The names that exist, also those of resources that were refused for other faults."""

    customers: frozenset[str]
    integrations: frozenset[str]


def find_conflicts(estate: Estate, known: Known | None = None) -> tuple[Conflict, ...]:
    """Return everything that is wrong between the resources of an estate."""
    known = known or Known(
        customers=frozenset(customer.name for customer in estate.customers),
        integrations=frozenset(integration.name for integration in estate.integrations),
    )
    return tuple(conflict for check in CHECKS for conflict in check(estate, known))


def tenant_key(integration: Integration) -> Hashable:
    """Return what two integrations share when they reach the same records."""
    match integration.product:
        case NativeVault(key_value_2=None, backend=backend):
            return (backend,)
        case NativeVault(key_value_2=KeyValue2(endpoint=endpoint, mount=mount)):
            return (_address(endpoint), mount)
        case Autotask(user_name=user_name):
            return (user_name.casefold(),)
        case ConnectWise(endpoint=endpoint, company_id=company_id):
            return (_address(endpoint), company_id.casefold())
        case Smtp() | GraphMail():
            return (integration.name,)  # nobody has records there
        case ItGlue(endpoint=endpoint) | Hudu(endpoint=endpoint) | HaloPsa(endpoint=endpoint):
            return (_address(endpoint),)
    raise AssertionError(f"{integration.name} has no product")


def linked_tenants(estate: Estate, integration: Integration) -> dict[RemoteId, CustomerName]:
    """Return which records of an integration are linked, also through another integration.

    Two integrations that reach the same records, such as with two keys, count as one.
    """
    vault = type(integration.product) in _VAULTS
    keys = {one.name: tenant_key(one) for one in estate.integrations}
    linked: dict[RemoteId, CustomerName] = {}
    for customer in estate.customers:
        if vault and customer.vault:
            name, record = customer.vault.integration, customer.vault.organization_id
        elif not vault and customer.psa:
            name, record = customer.psa.integration, customer.psa.company_id
        else:
            continue
        if keys.get(name) == tenant_key(integration):
            linked[record] = customer.name
    return linked


def _unknown_customers(estate: Estate, known: Known) -> Iterator[Conflict]:
    """A policy or an override names a customer that does not exist."""
    for policy in estate.policies:
        for index, name in enumerate(policy.customers.names):
            if name not in known.customers:
                at = policy.settings.origin.at(f"customers/names/{index}")
                yield _unknown("customer", name, at, known.customers)
    for override in estate.overrides:
        if override.customer not in known.customers:
            at = override.origin.at("customerRef/name")
            yield _unknown("customer", override.customer, at, known.customers)


def _unknown_integrations(estate: Estate, known: Known) -> Iterator[Conflict]:
    """A customer names an integration that does not exist."""
    for customer, system, name in _integration_names(estate):
        if name not in known.integrations:
            at = _of(customer).at(f"{system}/integrationRef/name")
            yield _unknown("integration", name, at, known.integrations)


def _wrong_integrations(estate: Estate, _: Known) -> Iterator[Conflict]:
    """A customer's vault is a PSA, or the other way round."""
    integrations = {integration.name: integration for integration in estate.integrations}
    for customer, system, name in _integration_names(estate):
        found = integrations.get(name)
        blocks, what = _PRODUCTS[system]
        if found and type(found.product) not in blocks:
            yield Conflict(
                code=Code.WRONG_REFERENCE,
                at=_of(customer).at(f"{system}/integrationRef/name"),
                message=f"The integration `{name}` is no {what}.",
                advice=f"Name an integration with {_choice(blocks)} here.",
                other=Origin(kind="Integration", name=name).at(_block(found)),
            )


def _double_tenants(estate: Estate, _: Known) -> Iterator[Conflict]:
    """Two customers are linked to the same organization or company."""
    tenants = {i.name: tenant_key(i) for i in estate.integrations}
    claims = (claim for customer in estate.customers for claim in _claims(customer, tenants))
    for first, second, what in _doubles(claims):
        yield Conflict(
            code=Code.DOUBLE_TENANT,
            at=second,
            message=f"Another customer is linked to the same {what}.",
            advice=f"Each {what} belongs to one customer; correct one of the two.",
            other=first,
        )


def _double_defaults(estate: Estate, _: Known) -> Iterator[Conflict]:
    """Two policies are the default of one account type."""
    claims = [
        (policy.settings.account_type, policy.settings.origin.at("customers/default"), "")
        for policy in estate.policies
        if policy.customers.default
    ]
    for first, second, _what in _doubles(claims):
        yield Conflict(
            code=Code.DOUBLE_DEFAULT,
            at=second,
            message="Another policy is the default for the same account type already.",
            advice="One account type has one default; give one of the two names or a selector.",
            other=first,
        )


def _double_policies(estate: Estate, _: Known) -> Iterator[Conflict]:
    """Two policies of one account type name or select the same customer."""
    shared: dict[tuple[str, str], list[CustomerName]] = defaultdict(list)
    covering = Covering(estate.policies)
    for customer in estate.customers:
        for first, second in _rivals(customer, covering.of(customer)):
            shared[(first.name, second.name)].append(customer.name)
    policies = {policy.name: policy for policy in estate.policies}
    for (first_name, second_name), customers in shared.items():
        first, second = policies[first_name], policies[second_name]
        yield Conflict(
            code=Code.DOUBLE_COVERAGE,
            at=_coverage(second, customers[0]),
            message=f"Another policy for {second.settings.account_type} accounts covers "
            f"the same {name_customers(customers)}.",
            advice="A customer takes each account type from one policy; narrow one of the two.",
            other=_coverage(first, customers[0]),
        )


def _double_overrides(estate: Estate, _: Known) -> Iterator[Conflict]:
    """Two overrides decide about the same account."""
    claims = [
        ((override.customer, _account(override)), override.origin.at("account"), "")
        for override in estate.overrides
    ]
    for first, second, _what in _doubles(claims):
        yield Conflict(
            code=Code.DOUBLE_OVERRIDE,
            at=second,
            message="Another override decides about the same account.",
            advice="Join the two into one.",
            other=first,
        )


def _double_pins(estate: Estate, _: Known) -> Iterator[Conflict]:
    """Overrides of two accounts of a customer pin the same record."""
    claims: list[tuple[Hashable, str, str]] = []
    for override in estate.overrides:
        links: tuple[tuple[str, LinkOverride | None, str, str], ...] = (
            ("vault", override.vault, "entryId", "entry"),
            ("psa", override.psa, "contactId", "contact"),
            ("entra", override.entra, "objectId", "Entra user"),
        )
        for system, link, field, what in links:
            if link and link.pin:
                at = override.origin.at(f"{system}/{field}")
                claims.append(((override.customer, system, link.pin), at, what))
    accounts = {o.name: (o.customer, _account(o)) for o in estate.overrides}
    for first, second, what in _doubles(claims):
        if accounts[_name_in(first)] == accounts[_name_in(second)]:
            continue
        yield Conflict(
            code=Code.DOUBLE_PIN,
            at=second,
            message=f"Another account's override pins the same {what}.",
            advice=f"Each {what} belongs to one account; correct one of the two.",
            other=first,
        )


def _wrong_mail(estate: Estate, known: Known) -> Iterator[Conflict]:
    """A policy sends its welcome e-mails through something that is missing, or sends no mail."""
    integrations = {integration.name: integration for integration in estate.integrations}
    for settings in all_settings(estate):
        name = settings.welcome.integration
        at = settings.origin.at("options/welcomeEmail/integrationRef/name")
        found = integrations.get(name)
        if name and name not in known.integrations:
            yield _unknown("integration", name, at, known.integrations)
        elif found and type(found.product) not in _MAILS:
            yield Conflict(
                code=Code.WRONG_REFERENCE,
                at=at,
                message=f"The integration `{name}` sends no mail.",
                advice=f"Name an integration with {_choice(_MAILS)} here.",
                other=Origin(kind="Integration", name=name).at(_block(found)),
            )


Check = Callable[[Estate, Known], Iterator[Conflict]]

CHECKS: tuple[Check, ...] = (
    _unknown_customers,
    _unknown_integrations,
    _wrong_integrations,
    _wrong_mail,
    wrong_templates,
    wrong_time_zones,
    unknown_time_zones,
    _double_tenants,
    _double_defaults,
    _double_policies,
    _double_overrides,
    _double_pins,
)


_VAULTS: dict[type, str] = {ItGlue: "itGlue", Hudu: "hudu", NativeVault: "nativeVault"}
_PSAS: dict[type, str] = {ConnectWise: "connectWise", Autotask: "autotask", HaloPsa: "haloPsa"}
_MAILS: dict[type, str] = {Smtp: "smtp", GraphMail: "graphMail"}
_PRODUCTS: dict[str, tuple[dict[type, str], str]] = {
    "vault": (_VAULTS, "vault"),
    "psa": (_PSAS, "PSA"),
}


def _of(customer: Customer) -> Origin:
    return Origin(kind="Customer", name=customer.name)


def _integration_names(estate: Estate) -> Iterator[tuple[Customer, str, str]]:
    for customer in estate.customers:
        if customer.vault:
            yield customer, "vault", customer.vault.integration
        if customer.psa:
            yield customer, "psa", customer.psa.integration


def _unknown(what: str, name: str, at: str, known: Collection[str]) -> Conflict:
    advice = f"Add the {what} or correct the name."
    if guess := nearest(name, known):
        advice = f"Did you mean `{guess}`?"
    elif not known:
        advice = f"No {what} was read: name the directory with all resources, or add it."
    return Conflict(
        code=Code.UNKNOWN_REFERENCE,
        at=at,
        message=f"No {what} is named `{name}`.",
        advice=advice,
    )


def _choice(blocks: Mapping[type, str]) -> str:
    *others, last = blocks.values()
    return f"{', '.join(others)} or {last}"


def _block(integration: Integration) -> str:
    return {**_VAULTS, **_PSAS, **_MAILS}[type(integration.product)]


def _address(endpoint: str) -> str:
    return endpoint.rstrip("/").casefold()


def _claims(
    customer: Customer, tenants: Mapping[str, Hashable]
) -> Iterator[tuple[Hashable, str, str]]:
    """Yield the records that a customer is linked to: a key, the place, and what it is."""
    if vault := customer.vault:
        tenant = tenants.get(vault.integration, vault.integration)
        at = _of(customer).at("vault/organizationId")
        yield ("vault", tenant, vault.organization_id), at, "organization"
    if psa := customer.psa:
        tenant = tenants.get(psa.integration, psa.integration)
        yield ("psa", tenant, psa.company_id), _of(customer).at("psa/companyId"), "company"
    if entra := customer.entra:
        at = _of(customer).at("directories/entra/tenantId")
        yield ("entra", entra.cloud, entra.tenant_id), at, "tenant"


def _account(override: AccountOverride) -> Hashable:
    """Return the account as the override names it; names compare without case."""
    account = override.account
    if account.object_id:
        return ("objectId", account.object_id)
    if account.user_principal_name:
        return ("userPrincipalName", account.user_principal_name.casefold())
    return ("samAccountName", (account.sam_account_name or "").casefold())


def _doubles(claims: Iterable[tuple[Hashable, str, str]]) -> Iterator[tuple[str, str, str]]:
    """Yield each later claim together with the first one of the same key."""
    groups: dict[Hashable, list[tuple[str, str]]] = defaultdict(list)
    for key, at, what in claims:
        groups[key].append((at, what))
    for (first, what), *later in groups.values():
        for at, _what in later:
            yield first, at, what


def _rivals(
    customer: Customer, covering: Sequence[AutomaticImportPolicy]
) -> Iterator[tuple[AutomaticImportPolicy, AutomaticImportPolicy]]:
    """Yield each policy that covers a customer after another of its type, with that other one."""
    for account_type in AccountType:
        if not own_imports(customer, account_type):
            of_type = [p for p in covering if p.settings.account_type is account_type]
            for later in of_type[1:]:
                yield of_type[0], later


def _coverage(policy: AutomaticImportPolicy, customer: CustomerName) -> str:
    if policy.customers.selector:
        return policy.settings.origin.at("customers/selector")
    return policy.settings.origin.at(f"customers/names/{policy.customers.names.index(customer)}")


def name_customers(names: Sequence[CustomerName]) -> str:
    """Write customers for a sentence, the first three by name."""
    shown = ", ".join(f"`{name}`" for name in names[:3])
    if len(names) == 1:
        return f"customer {shown}"
    return f"customers {shown}" + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _name_in(reference: str) -> str:
    return reference.partition("#")[0].partition("/")[2]
