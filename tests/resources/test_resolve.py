"""Which settings are in force for a customer: its own, an explicit policy, the default."""

from __future__ import annotations

from dataclasses import replace

import pytest

from muster.model.connections import (
    ActiveDirectory,
    ConnectWise,
    Integration,
    ItGlue,
    NativeVault,
    SecretRef,
    VaultBackend,
)
from muster.model.names import AccountType, CustomerName, RemoteId, Uncategorized
from muster.model.settings import (
    AccountOverride,
    AccountSelector,
    AutomaticImportPolicy,
    Customer,
    Desired,
    Estate,
    ImportSettings,
    LabelRequirement,
    Options,
    Origin,
    PolicyCustomers,
    PsaRef,
    Select,
    SelectActiveDirectory,
    VaultOptions,
    VaultRef,
)
from muster.resources import find_conflicts, resolve

SECRET = SecretRef(name="secret", key="key")
DIRECTORY = ActiveDirectory(servers=("ldaps://dc1",), user_name="svc", password=SECRET)
EU, ADM = AccountType.END_USER, AccountType.ADMINISTRATOR


def _settings(origin: Origin, account_type: AccountType) -> ImportSettings:
    select = Select(active_directory=SelectActiveDirectory(groups=("Staff",)))
    return ImportSettings(origin=origin, account_type=account_type, select=select)


def _policy(name: str, account_type: AccountType, who: PolicyCustomers) -> AutomaticImportPolicy:
    origin = Origin(kind="AutomaticImportPolicy", name=name)
    settings = _settings(origin, account_type)
    return AutomaticImportPolicy(name=name, customers=who, settings=settings)


def _customer(*own: AccountType, tier: str = "silver", directory: bool = True) -> Customer:
    return Customer(
        name=CustomerName("contoso"),
        display_name="Contoso",
        labels=(("tier", tier),),
        active_directory=DIRECTORY if directory else None,
        imports=tuple(
            _settings(
                Origin(kind="Customer", name="contoso", pointer=f"/spec/imports/{index}"),
                account_type,
            )
            for index, account_type in enumerate(own)
        ),
    )


POLICIES = (
    _policy("named", EU, PolicyCustomers(names=(CustomerName("contoso"),))),
    _policy(
        "gold",
        ADM,
        PolicyCustomers(selector=(LabelRequirement(key="tier", operator="In", values=("gold",)),)),
    ),
    _policy("users", EU, PolicyCustomers(default=True)),
    _policy("admins", ADM, PolicyCustomers(default=True)),
)
WITHOUT_NAMED = POLICIES[1:]
OWN = "Customer/contoso#/spec/imports"


@pytest.mark.parametrize(
    ("customer", "policies", "expected"),
    [
        (_customer(), (), []),
        (_customer(), WITHOUT_NAMED, ["Default users", "Default admins"]),
        (_customer(), POLICIES, ["Policy named", "Default admins"]),
        (_customer(tier="gold"), POLICIES, ["Policy named", "Policy gold"]),
        (_customer(EU), POLICIES, [f"Customer {OWN}/0", "Default admins"]),
        (_customer(ADM, ADM), POLICIES, ["Policy named", f"Customer {OWN}/0", f"Customer {OWN}/1"]),
        (_customer(ADM, EU), (), [f"Customer {OWN}/1", f"Customer {OWN}/0"]),
        (_customer(EU, directory=False), POLICIES, []),
    ],
    ids=[
        "nothing",
        "default",
        "named-beats-default",
        "selected-beats-default",
        "own-beats-named",
        "several-own-administrator-sources",
        "own-of-both-types",
        "no-directory-no-source",
    ],
)
def test_the_strongest_source_of_each_type_is_in_force(
    customer: Customer, policies: tuple[AutomaticImportPolicy, ...], expected: list[str]
) -> None:
    """Each account type is resolved by itself, the strongest way that exists wins."""
    estate = Estate(customers=(customer,), policies=policies)
    assert find_conflicts(estate) == ()
    (desired,) = resolve(estate).desired
    assert [_said(desired, index) for index in range(len(desired.sources))] == expected


def _said(desired: Desired, index: int) -> str:
    source = desired.sources[index]
    origin = source.settings.origin
    own = f"{origin.kind}/{origin.name}#{origin.pointer}"
    return f"{source.resolved_from} {own if origin.kind == 'Customer' else origin.name}"


def test_a_suspended_policy_still_covers_its_customers() -> None:
    """Suspending a policy pauses it; it does not hand its customers to the default."""
    named = replace(POLICIES[0], settings=replace(POLICIES[0].settings, suspend=True))
    estate = Estate(customers=(_customer(),), policies=(named, *WITHOUT_NAMED))
    (desired,) = resolve(estate).desired
    assert desired.sources[0].settings.origin.name == "named"


def test_a_customer_comes_with_its_integrations_and_overrides() -> None:
    """Everything that concerns a customer, and nothing of another, in the order of names."""
    it_glue = Integration(name="it-glue", product=ItGlue(endpoint="https://a", api_key=SECRET))
    psa = Integration(
        name="cw",
        product=ConnectWise(
            endpoint="https://b",
            company_id="msp",
            client_id="c",
            public_key=SECRET,
            private_key=SECRET,
        ),
    )
    contoso = replace(
        _customer(),
        vault=VaultRef(integration="it-glue", organization_id=RemoteId("1")),
        psa=PsaRef(integration="cw", company_id=RemoteId("2")),
    )
    other = replace(_customer(), name=CustomerName("adatum"))
    overrides = tuple(
        AccountOverride(
            name=name,
            customer=CustomerName(customer),
            account=AccountSelector(sam_account_name=name),
            exclude=True,
        )
        for name, customer in (("b", "contoso"), ("x", "adatum"), ("a", "contoso"))
    )
    estate = resolve(
        Estate(customers=(contoso, other), integrations=(it_glue, psa), overrides=overrides)
    )
    first, second = estate.desired
    assert (first.customer.name, first.vault, first.psa) == ("adatum", None, None)
    assert [override.name for override in first.overrides] == ["x"]
    assert (second.customer.name, second.vault, second.psa) == ("contoso", it_glue, psa)
    assert [override.name for override in second.overrides] == ["a", "b"]


IT_GLUE = Integration(name="vault", product=ItGlue(endpoint="https://a", api_key=SECRET))
NATIVE = replace(IT_GLUE, product=NativeVault(backend=VaultBackend.REGISTRY, key=SECRET))


@pytest.mark.parametrize(
    ("vault", "account_type", "forced"),
    [(NATIVE, ADM, True), (NATIVE, EU, False), (IT_GLUE, ADM, False), (None, ADM, False)],
    ids=["native-administrators", "native-end-users", "it-glue", "no-vault"],
)
@pytest.mark.parametrize("own", [True, False], ids=["own-imports", "policy"])
def test_the_native_vault_always_keeps_administrators(
    vault: Integration | None, account_type: AccountType, *, forced: bool, own: bool
) -> None:
    """Matching and creating are on there whatever is written; the rest is as it is written."""
    written = VaultOptions(
        match=False, create_when_missing=False, uncategorized=Uncategorized.MATCH
    )
    policy = POLICIES[2 if account_type is EU else 3]
    settings = replace(policy.settings, options=Options(vault=written))
    policies: tuple[AutomaticImportPolicy, ...] = (replace(policy, settings=settings),)
    customer = _customer()
    if own:
        customer, policies = replace(customer, imports=(settings,)), ()
    if vault:
        link = VaultRef(integration="vault", organization_id=RemoteId("contoso"))
        customer = replace(customer, vault=link)
    estate = Estate(
        customers=(customer,), policies=policies, integrations=(vault,) if vault else ()
    )
    (desired,) = resolve(estate).desired
    (source,) = desired.sources
    expected = replace(written, match=True, create_when_missing=True) if forced else written
    assert source.settings == replace(settings, options=Options(vault=expected))
