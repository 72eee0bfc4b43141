"""What the shipped guardrails say about resources: the same rows offline and on an API server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHIPPED = Path(__file__).parents[2] / "policies" / "guardrails"
MORE = Path(__file__).parent / "more.yaml"
"""Policies that use what the shipped ones do not: conditions, parameters, errors, selectors."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One resource, and what is said about it: denials and warnings by policy and message."""

    name: str
    resource: Json
    denied: tuple[tuple[str, str], ...] = ()
    warned: tuple[tuple[str, str], ...] = ()


def _resource(kind: str, spec: Json, **metadata: Any) -> Json:
    return {
        "apiVersion": "muster.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": "sample", **metadata},
        "spec": spec,
    }


def _policy(**spec: Any) -> Json:
    body = {
        "accountType": "EndUser",
        "customers": {"names": ["contoso"]},
        "select": {"activeDirectory": {"groups": ["Staff"]}},
    }
    return _resource("AutomaticImportPolicy", body | spec)


def _customer(labels: Json | None = None, **spec: Any) -> Json:
    metadata = {"labels": {"tier": "gold"} if labels is None else labels}
    return _resource("Customer", {"displayName": "Contoso"} | spec, **metadata)


def _override(reason: str | None) -> Json:
    body: Json = {
        "customerRef": {"name": "contoso"},
        "account": {"samAccountName": "jsmith"},
        "exclude": True,
    }
    return _resource("AccountOverride", body | ({"reason": reason} if reason else {}))


def _it_glue(endpoint: str | None) -> Json:
    body: Json = {"apiKeyRef": {"name": "it-glue", "key": "apiKey"}}
    body |= {"endpoint": endpoint} if endpoint else {"region": "US"}
    return _resource("Integration", {"itGlue": body})


def _approval(reason: str) -> Json:
    digest = reason.encode().hex().ljust(64, "0")
    return {"plan": f"sha256:{digest}", "until": "2026-12-01T00:00:00Z", "reason": reason}


_CREATES = {"vault": {"createWhenMissing": True}}
_NO_TICKET = 'reason must name a ticket, such as "two John Smiths; ticket 20311"'
_UNBOUNDED = "set limits.create.maximum to 200 or less where createWhenMissing is true"

CASES = (
    Case(name="a careful policy", resource=_policy()),
    Case(
        name="a default policy that observes, by the schema's default",
        resource=_policy(customers={"default": True}),
    ),
    Case(
        name="a default policy that writes",
        resource=_policy(customers={"default": True}, mode="Enforce"),
        denied=(
            (
                "muster-default-policies-observe",
                "a default policy must have mode: Observe; name the customers that are ready in "
                "another policy",
            ),
        ),
    ),
    Case(
        name="creating with a bound",
        resource=_policy(options=_CREATES, limits={"create": {"maximum": 50}}),
    ),
    Case(
        name="creating without a bound",
        resource=_policy(options=_CREATES),
        denied=(("muster-creating-is-bounded", _UNBOUNDED),),
    ),
    Case(
        name="creating with a bound that is none",
        resource=_policy(options=_CREATES, limits={"create": {"maximum": 5000}}),
        denied=(("muster-creating-is-bounded", _UNBOUNDED),),
    ),
    Case(name="an override with a ticket", resource=_override("two of them; Ticket #20311")),
    Case(
        name="an override without a ticket",
        resource=_override("because"),
        denied=(("muster-overrides-name-a-ticket", _NO_TICKET),),
    ),
    Case(
        name="an override without a reason",
        resource=_override(None),
        denied=(("muster-overrides-name-a-ticket", _NO_TICKET),),
    ),
    Case(
        name="an approval with a ticket",
        resource=_customer(approvals=[_approval("merger; ticket 7")]),
    ),
    Case(
        name="an approval without a ticket",
        resource=_customer(approvals=[_approval("ticket 7"), _approval("merger")]),
        denied=(("muster-approvals-name-a-ticket", "these approvals name no ticket: merger"),),
    ),
    Case(
        name="a customer without a tier",
        resource=_customer(labels={"region": "north"}),
        warned=(
            (
                "muster-customers-have-a-tier",
                "label the customer with its tier, so that policies can select it",
            ),
        ),
    ),
    Case(
        name="privileged people as end users",
        resource=_policy(
            select={"activeDirectory": {"groups": ["Staff"], "excludePrivileged": False}}
        ),
        denied=(("muster-privileged-stay-out", "excludePrivileged must not be false"),),
    ),
    Case(
        name="uncategorized entries are matched",
        resource=_policy(options={"vault": {"uncategorized": "Match"}}),
        denied=(
            (
                "muster-nothing-is-guessed",
                "uncategorized must be Hold: an entry without a category waits for a person",
            ),
        ),
    ),
    Case(
        name="names always match, and pair",
        resource=_policy(options={"psa": {"nameFallback": "Always"}, "pairing": ["DisplayName"]}),
        denied=(
            (
                "muster-nothing-is-guessed",
                "nameFallback must not be Always: two people may have one name",
            ),
            (
                "muster-nothing-is-guessed",
                "pairing must not use DisplayName: two people may have one name",
            ),
        ),
    ),
    Case(
        name="many may leave",
        resource=_policy(limits={"release": {"percent": 40}}),
        denied=(
            (
                "muster-leavers-are-few",
                "limits.release.percent is 40; it must be 10 or less",
            ),
        ),
    ),
    Case(
        name="every ten minutes",
        resource=_policy(interval="10m"),
        warned=(("muster-systems-are-not-hurried", "interval must be 1h or longer"),),
    ),
    Case(name="a known address", resource=_it_glue("https://docs.msp.example")),
    Case(name="a region", resource=_it_glue(None)),
    Case(
        name="an unknown address",
        resource=_it_glue("https://evil.example"),
        denied=(
            (
                "muster-integrations-are-known",
                "https://evil.example is not among the addresses that this MSP knows",
            ),
        ),
    ),
    Case(
        name="a condition keeps others out; a selector lets this one in",
        resource=_customer(labels={"tier": "gold", "probe": "yes"}, suspend=True),
        denied=(
            ("probe-condition", "failed expression: object.spec.displayName == 'Nobody'"),
            (
                "probe-error",
                "expression 'object.spec.psa.companyId != \"1\"' resulted in error: "
                "no such key: psa",
            ),
            ("probe-message", "a message of its own"),
        ),
    ),
    Case(
        name="the condition is false",
        resource=_customer(
            labels={"tier": "gold", "probe": "yes"},
            psa={
                "integrationRef": {"name": "psa"},
                "companyId": "2",
            },
        ),
        denied=(("probe-message", "a message of its own"),),
    ),
)

KNOWN_ADDRESSES: Json = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "muster-known-addresses"},
    "data": {"endpoints": "https://docs.msp.example\n  https://na.myconnectwise.net\n"},
}
