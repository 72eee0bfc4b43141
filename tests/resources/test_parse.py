"""A full estate becomes exactly these values of the model."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from muster.model.connections import ActiveDirectory, ConnectWise, Integration, ItGlue, SecretRef
from muster.model.limits import Limit, Limits
from muster.model.names import (
    AccountId,
    AccountType,
    ApplyTo,
    CustomerName,
    DriftRemediation,
    LeaveAction,
    Mode,
    NameFallback,
    RemoteId,
    Scope,
    Uncategorized,
)
from muster.model.settings import (
    AccountOverride,
    AccountSelector,
    Approval,
    AutomaticImportPolicy,
    BuiltInGroup,
    Customer,
    Exclude,
    ImportSettings,
    LabelRequirement,
    LinkOverride,
    OnLeave,
    Options,
    OrganizationalUnit,
    Origin,
    PolicyCustomers,
    PsaOptions,
    PsaRef,
    Select,
    SelectActiveDirectory,
    VaultOptions,
    VaultRef,
)
from muster.resources import Problem, Resource, load_estate, parse_resource
from muster.resources.documents import read_documents
from muster.resources.durations import parse_duration
from muster.resources.parse_connections import IT_GLUE_ENDPOINTS

FILE = Path(__file__).parents[1] / "corpus" / "good" / "estate.yaml"
PROXY_CA = SecretRef(name="proxy", key="ca.crt")

EXPECTED: dict[str, Any] = {
    "it-glue": Integration(
        name="it-glue",
        product=ItGlue(
            endpoint="https://api.eu.itglue.com",
            api_key=SecretRef(name="it-glue", key="apiKey"),
            ca=PROXY_CA,
        ),
        budget_share=40,
    ),
    "connectwise": Integration(
        name="connectwise",
        product=ConnectWise(
            endpoint="https://psa.msp.example",
            company_id="msp",
            client_id="0a1b2c3d-0000-4000-8000-000000000000",
            public_key=SecretRef(name="connectwise", key="publicKey"),
            private_key=SecretRef(name="connectwise", key="privateKey"),
            ca=PROXY_CA,
        ),
        suspend=True,
    ),
    "contoso": Customer(
        name=CustomerName("contoso"),
        display_name="Contoso Ltd",
        labels=(("muster.dev/region", "north"), ("tier", "gold")),
        active_directory=ActiveDirectory(
            servers=(
                "ldap://dc1.corp.contoso.example",
                "ldap://dc2.corp.contoso.example:1389",
            ),
            user_name="svc-muster@corp.contoso.example",
            password=SecretRef(name="contoso-ad", key="password"),
            ca=SecretRef(name="contoso-ad", key="ca.crt"),
            start_tls=True,
        ),
        vault=VaultRef(integration="it-glue", organization_id=RemoteId("4711")),
        psa=PsaRef(integration="connectwise", company_id=RemoteId("250")),
        imports=(
            ImportSettings(
                origin=Origin(kind="Customer", name="contoso", pointer="/spec/imports/0"),
                account_type=AccountType.ADMINISTRATOR,
                select=Select(
                    active_directory=SelectActiveDirectory(
                        accounts=("Administrator",), exclude_privileged=False
                    )
                ),
                exclude=Exclude(hidden_containers=False),
            ),
            ImportSettings(
                origin=Origin(kind="Customer", name="contoso", pointer="/spec/imports/1"),
                account_type=AccountType.ADMINISTRATOR,
                mode=Mode.ENFORCE,
                select=Select(
                    active_directory=SelectActiveDirectory(
                        built_in_groups=(BuiltInGroup.DOMAIN_ADMINS, BuiltInGroup.ADMINISTRATORS),
                        nested=True,
                        exclude_privileged=False,
                    )
                ),
                exclude=Exclude(hidden_containers=False),
                suspend=True,
            ),
        ),
        suspend=True,
        approvals=(
            Approval(
                plan="sha256:9f2c5a1e0b7d4c3e8a6f1d2b5c7e9f0a1b3d5f7e9c2a4b6d8f0e1c3a5b7d9f2c",
                until=datetime(2026, 12, 1, tzinfo=UTC),
                reason="merger with Fabrikam",
            ),
        ),
    ),
    "staff": AutomaticImportPolicy(
        name="staff",
        customers=PolicyCustomers(
            selector=(
                LabelRequirement(key="tier", operator="In", values=("gold",)),
                LabelRequirement(key="region", operator="NotIn", values=("south",)),
                LabelRequirement(key="closed", operator="DoesNotExist"),
            )
        ),
        settings=ImportSettings(
            origin=Origin(kind="AutomaticImportPolicy", name="staff"),
            account_type=AccountType.END_USER,
            mode=Mode.ENFORCE,
            select=Select(
                active_directory=SelectActiveDirectory(
                    organizational_units=(
                        OrganizationalUnit(path="OU=Staff", scope=Scope.SUBTREE),
                        OrganizationalUnit(path="OU=Board,DC=corp,DC=contoso,DC=example"),
                    ),
                    accounts=("reception",),
                    privileged_groups=("DnsAdmins", "S-1-5-21-1-2-3-1104"),
                )
            ),
            exclude=Exclude(
                accounts=("scanner",),
                disabled=False,
                containers=("OU=Shared,OU=Staff",),
                hidden_containers=False,
            ),
            options=Options(
                vault=VaultOptions(create_when_missing=True, uncategorized=Uncategorized.MATCH),
                psa=PsaOptions(create_when_missing=True, name_fallback=NameFallback.NEVER),
                drift_remediation=DriftRemediation.CORRECT,
            ),
            apply_to=ApplyTo.NEW_ONLY,
            limits=Limits(
                create=Limit(percent=25, floor=20, maximum=100),
                update=Limit(percent=31, floor=10),
                release=Limit(percent=10, floor=6),
                relink=Limit(percent=3, floor=1),
                shrink=Limit(percent=40, floor=5, maximum=50),
            ),
            on_leave=OnLeave(grace_period=timedelta(hours=72)),
            interval=timedelta(minutes=90),
            suspend=True,
        ),
    ),
    "everybody-else": AutomaticImportPolicy(
        name="everybody-else",
        customers=PolicyCustomers(default=True),
        settings=ImportSettings(
            origin=Origin(kind="AutomaticImportPolicy", name="everybody-else"),
            account_type=AccountType.END_USER,
            select=Select(
                active_directory=SelectActiveDirectory(
                    groups=("Muster Staff",),
                    built_in_groups=(BuiltInGroup.DOMAIN_USERS,),
                    nested=True,
                )
            ),
        ),
    ),
    "admins": AutomaticImportPolicy(
        name="admins",
        customers=PolicyCustomers(names=(CustomerName("contoso"), CustomerName("fabrikam"))),
        settings=ImportSettings(
            origin=Origin(kind="AutomaticImportPolicy", name="admins"),
            account_type=AccountType.ADMINISTRATOR,
            select=Select(
                active_directory=SelectActiveDirectory(
                    built_in_groups=(BuiltInGroup.DOMAIN_ADMINS,), exclude_privileged=False
                )
            ),
            exclude=Exclude(hidden_containers=False),
            on_leave=OnLeave(action=LeaveAction.RETAIN),
        ),
    ),
    "contoso-jsmith": AccountOverride(
        name="contoso-jsmith",
        customer=CustomerName("contoso"),
        account=AccountSelector(user_principal_name="jsmith@corp.contoso.example"),
        vault=LinkOverride(pin=RemoteId("88123")),
        psa=LinkOverride(forbid=(RemoteId("7310"), RemoteId("7311"))),
        email="john.smith@contoso.example",
        reason="two John Smiths; ticket 20311",
    ),
    "contoso-scanner": AccountOverride(
        name="contoso-scanner",
        customer=CustomerName("contoso"),
        account=AccountSelector(sam_account_name="scanner"),
        vault=LinkOverride(ignore=True),
        psa=LinkOverride(pin=RemoteId("5501")),
    ),
    "contoso-old": AccountOverride(
        name="contoso-old",
        customer=CustomerName("contoso"),
        account=AccountSelector(object_id=AccountId("4f6d2f0e-5b1c-4b7e-9a57-3c1d8c1f7c1e")),
        exclude=True,
    ),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_resource_becomes_its_model(name: str) -> None:
    """Every field of the full example arrives, and what is not written keeps its default."""
    estate = load_estate([FILE]).checked()
    found: tuple[Resource, ...] = (
        *estate.integrations,
        *estate.customers,
        *estate.policies,
        *estate.overrides,
    )
    assert [resource for resource in found if resource.name == name] == [EXPECTED[name]]


def test_regions_have_addresses() -> None:
    """Every region of the schema has an address, and all addresses differ."""
    assert set(IT_GLUE_ENDPOINTS) == {"US", "EU", "AU"}
    assert len(set(IT_GLUE_ENDPOINTS.values())) == 3


@pytest.mark.parametrize(
    ("text", "minutes"), [("3h", 180), ("90m", 90), ("1h30m", 90), ("0h", 0), ("100m", 100)]
)
def test_durations(text: str, minutes: int) -> None:
    """Hours and minutes add up."""
    assert parse_duration(text) == timedelta(minutes=minutes)


# ---------------------------------------------------------------- one mapping, from a cluster

CLUSTER: dict[str, Any] = {
    "apiVersion": "muster.dev/v1alpha1",
    "kind": "Customer",
    "metadata": {"name": "fabrikam", "uid": "…", "generation": 4, "managedFields": []},
    "spec": {"displayName": "Fabrikam"},
    "status": {"conditions": []},
}


def test_a_mapping_from_a_cluster_is_parsed() -> None:
    """What the cluster itself wrote is left out; the rest is parsed as from a file."""
    expected = Customer(name=CustomerName("fabrikam"), display_name="Fabrikam")
    assert parse_resource(CLUSTER) == expected


def test_a_mapping_and_a_file_are_judged_alike() -> None:
    """Every resource of the full example parses to the same value without its file."""
    for document in read_documents(FILE.read_text(encoding="utf-8")):
        name = document.value["metadata"]["name"]
        assert parse_resource(document.value) == EXPECTED.get(name) or name == "fabrikam"


@pytest.mark.parametrize(
    ("change", "texts"),
    [
        (
            {"spec": {"displayName": 5, "nope": 1}},
            [
                "/spec/nope: Unknown field `spec.nope`. Known here: ",
                "/spec/displayName: `spec.displayName` must be text, but it is a number.",
            ],
        ),
        ({"kind": "Costumer"}, ["/kind: Unknown kind `Costumer` in the group muster.dev."]),
        ({"apiVersion": "v1"}, ["/apiVersion: The resource does not belong to the group"]),
        ({"metadata": None}, ["/metadata: `metadata` must be a mapping of fields, but it is"]),
    ],
)
def test_a_faulty_mapping_gives_its_problems(change: dict[str, Any], texts: list[str]) -> None:
    """Without a file, a problem names the field by its pointer."""
    problems = parse_resource({**CLUSTER, **change})
    assert isinstance(problems, tuple)
    assert all(isinstance(problem, Problem) for problem in problems)
    starts = {text: any(str(p).startswith(text) for p in problems) for text in texts}
    assert starts == dict.fromkeys(texts, True)
    assert len(problems) == len(texts)
