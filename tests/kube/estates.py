"""Resources as a cluster holds them, in their shortest form."""

from __future__ import annotations

from typing import Any

from muster.kube.store import Store

Raw = dict[str, Any]


def resource(kind: str, name: str, spec: Any, **metadata: Any) -> Raw:
    """Return a resource of the group."""
    return {
        "apiVersion": "muster.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "uid": f"uid-{name}", "generation": 1, **metadata},
        "spec": spec,
    }


def customer(name: str, *, vault: tuple[str, str] | None = None, **more: Any) -> Raw:
    """Return a customer with a directory; `labels` and `imports` may be given."""
    directory = {
        "servers": ["ldaps://dc1.example"],
        "userName": "svc",
        "passwordRef": {"name": "ad", "key": "password"},
    }
    spec: Raw = {"displayName": name, "directories": {"activeDirectory": directory}}
    if vault:
        spec["vault"] = {"integrationRef": {"name": vault[0]}, "organizationId": vault[1]}
    if "imports" in more:
        spec["imports"] = more["imports"]
    return resource("Customer", name, spec, labels=more.get("labels", {}))


def imports(account_type: str = "EndUser", group: str = "Own") -> Raw:
    """Return import settings, as one of a customer's imports."""
    return {"accountType": account_type, "select": {"activeDirectory": {"groups": [group]}}}


def policy(name: str, customers: Any, account_type: str = "EndUser", **spec: Any) -> Raw:
    """Return a policy that selects a group of its own name."""
    body = {**imports(account_type, name), "customers": customers, **spec}
    return resource("AutomaticImportPolicy", name, body)


def override(name: str, of: str, sam: str, **spec: Any) -> Raw:
    """Return an override; it pins nothing unless it is said."""
    body = {"customerRef": {"name": of}, "account": {"samAccountName": sam}, **spec}
    return resource("AccountOverride", name, body if spec else {**body, "exclude": True})


def it_glue(name: str = "it-glue", region: str = "EU") -> Raw:
    """Return a vault integration."""
    block = {"region": region, "apiKeyRef": {"name": "it-glue", "key": "apiKey"}}
    return resource("Integration", name, {"itGlue": block})


def connectwise(name: str = "connectwise") -> Raw:
    """Return a PSA integration."""
    block = {
        "endpoint": "https://psa.example",
        "companyId": "msp",
        "clientId": "0a1b2c3d-0000-4000-8000-000000000000",
        "publicKeyRef": {"name": "connectwise", "key": "publicKey"},
        "privateKeyRef": {"name": "connectwise", "key": "privateKey"},
    }
    return resource("Integration", name, {"connectWise": block})


def store_of(*raws: Raw) -> Store:
    """Return a store that has seen the resources."""
    store = Store()
    for raw in raws:
        store.put(raw)
    return store
