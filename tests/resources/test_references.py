"""What is wrong between resources, on the model alone: as a cluster would check it."""

from __future__ import annotations

from pathlib import Path

import pytest

from muster.model.connections import Integration, ItGlue, SecretRef
from muster.model.names import CustomerName, RemoteId
from muster.model.settings import (
    AccountOverride,
    AccountSelector,
    Customer,
    Estate,
    LinkOverride,
    VaultRef,
)
from muster.resources import Conflict, find_conflicts, load_estate
from muster.resources.codes import Code

IT_GLUE = Integration(
    name="it-glue",
    product=ItGlue(endpoint="https://api.itglue.com", api_key=SecretRef(name="a", key="b")),
)


def _customer(name: str, organization: str | None = None) -> Customer:
    vault = VaultRef(integration="it-glue", organization_id=RemoteId(organization or "0"))
    return Customer(
        name=CustomerName(name), display_name=name, vault=vault if organization else None
    )


def _override(name: str, customer: str, sam: str, entry: str) -> AccountOverride:
    return AccountOverride(
        name=name,
        customer=CustomerName(customer),
        account=AccountSelector(sam_account_name=sam),
        vault=LinkOverride(pin=RemoteId(entry)),
    )


def test_places_are_references() -> None:
    """Without files, both sides of a conflict are named by kind, name and pointer."""
    estate = Estate(
        integrations=(IT_GLUE,), customers=(_customer("adatum", "7"), _customer("contoso", "7"))
    )
    assert find_conflicts(estate) == (
        Conflict(
            code=Code.DOUBLE_TENANT,
            at="Customer/contoso#/spec/vault/organizationId",
            message="Another customer is linked to the same organization.",
            advice="Each organization belongs to one customer; correct one of the two.",
            other="Customer/adatum#/spec/vault/organizationId",
        ),
    )


@pytest.mark.parametrize(
    ("overrides", "messages"),
    [
        ([("a", "contoso", "x", "1"), ("b", "contoso", "y", "2")], []),
        ([("a", "contoso", "x", "1"), ("b", "adatum", "x", "1")], []),
        (
            [("a", "contoso", "x", "1"), ("b", "contoso", "y", "1")],
            ["Another account's override pins the same entry."],
        ),
        (
            [("a", "contoso", "x", "1"), ("b", "contoso", "X", "1")],
            ["Another override decides about the same account."],
        ),
    ],
    ids=["apart", "other-customer", "same-entry", "same-account"],
)
def test_overrides_go_together_unless_they_claim_the_same(
    overrides: list[tuple[str, str, str, str]], messages: list[str]
) -> None:
    """Accounts compare without case, and only within one customer."""
    customers = (_customer("adatum"), _customer("contoso"))
    estate = Estate(customers=customers, overrides=tuple(_override(*row) for row in overrides))
    assert [conflict.message for conflict in find_conflicts(estate)] == messages


def test_a_large_estate_is_loaded_whole(tmp_path: Path) -> None:
    """Hundreds of customers with a policy each load, resolve and stay apart."""
    text = """\
apiVersion: muster.dev/v1alpha1
kind: Customer
metadata: {{name: c{0}, labels: {{ring: "{0}"}}}}
spec:
  displayName: Customer {0}
  directories:
    activeDirectory:
      servers: [ldaps://dc1.c{0}.example]
      userName: svc-muster
      passwordRef: {{name: c{0}, key: password}}
---
apiVersion: muster.dev/v1alpha1
kind: AutomaticImportPolicy
metadata: {{name: p{0}}}
spec:
  accountType: EndUser
  customers: {{selector: {{matchLabels: {{ring: "{0}"}}}}}}
  select: {{activeDirectory: {{groups: [Staff]}}}}
"""
    for number in range(300):
        (tmp_path / f"c{number}.yaml").write_text(text.format(number), encoding="utf-8")
    desired = load_estate([tmp_path]).checked().desired
    assert len(desired) == 300
    assert all(
        [source.settings.origin.name for source in one.sources] == [f"p{one.customer.name[1:]}"]
        for one in desired
    )
