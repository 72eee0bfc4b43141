"""A contradiction stops the customers that it touches, and nobody else."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.kube.estates import (
    Raw,
    connectwise,
    customer,
    imports,
    it_glue,
    override,
    policy,
    resource,
    store_of,
)

from muster.kube.view import View
from muster.model.names import CustomerName
from muster.model.settings import Desired
from muster.resources import load_estate

UNREADABLE: Raw = {"mode": "Sometimes"}
NAMELESS: tuple[Any, ...] = (None, "x", {}, {"customerRef": "b"}, {"customerRef": {}})
GOLD = {"tier": "gold"}
SILVER = {"tier": "silver"}


def look_at(*raws: Raw) -> View:
    """Return what resources mean together."""
    return store_of(*raws).view()


THREE = (customer("a", labels=GOLD), customer("b", labels=GOLD), customer("c", labels=SILVER))


@pytest.mark.parametrize(
    ("raws", "held"),
    [
        pytest.param(THREE, {}, id="nothing-is-wrong"),
        pytest.param(
            (
                customer("a", vault=("it-gleu", "1")),
                customer("b", vault=("it-glue", "1")),
                it_glue(),
            ),
            {"a": "No integration is named `it-gleu`"},
            id="unknown-integration",
        ),
        pytest.param(
            (customer("a", vault=("connectwise", "1")), customer("b"), connectwise()),
            {"a": "`connectwise` is no vault"},
            id="wrong-integration",
        ),
        pytest.param(
            (
                *THREE[1:],
                customer("a", vault=("connectwise", "1")),
                connectwise(),
                policy("connectwise", {"names": ["b"]}),
            ),
            {"a": "`connectwise` is no vault"},
            id="wrong-integration-with-the-name-of-a-policy",
        ),
        pytest.param(
            (
                customer("a", vault=("it-glue", "1")),
                customer("b", vault=("again", "1")),
                customer("c", vault=("it-glue", "2")),
                customer("d", vault=("us", "1")),
                *(it_glue(), it_glue("again"), it_glue("us", region="US")),
            ),
            {"a": "linked to the same organization", "b": "linked to the same organization"},
            id="double-tenants",
        ),
        pytest.param(
            (
                *THREE,
                customer("d", imports=[imports()]),
                policy("one", {"default": True}),
                policy("two", {"default": True}),
                policy("named", {"names": ["b"]}),
                policy("admins", {"names": ["a"]}, "Administrator"),
            ),
            {"a": "is the default for the same", "c": "is the default for the same"},
            id="double-default",
        ),
        pytest.param(
            (
                *THREE,
                customer("d", labels=GOLD, imports=[imports()]),
                policy("one", {"selector": {"matchLabels": GOLD}}),
                policy("two", {"names": ["b", "c", "d"]}),
            ),
            {"b": "covers the same customer"},
            id="double-policies",
        ),
        pytest.param(
            (
                *THREE,
                policy("one", {"selector": {"matchLabels": GOLD}}),
                policy("two", {"names": ["b", "c"]}, "Administrator"),
            ),
            {},
            id="policies-of-two-types",
        ),
        pytest.param(
            (*THREE, override("x", "a", "anna"), override("y", "a", "Anna")),
            {"a": "decides about the same account"},
            id="double-overrides",
        ),
        pytest.param(
            (
                *THREE,
                override("x", "b", "anna", vault={"entryId": "7"}),
                override("y", "b", "bert", vault={"entryId": "7"}),
                override("z", "c", "bert", vault={"entryId": "7"}),
            ),
            {"b": "pins the same entry"},
            id="double-pins",
        ),
        pytest.param(
            (*THREE, policy("one", {"names": ["a", "missing"]})), {}, id="policy-for-nobody"
        ),
        pytest.param((*THREE, override("x", "missing", "anna")), {}, id="override-for-nobody"),
        pytest.param(
            (*THREE, policy("one", {"names": ["a"]}, mode="Sometimes")),
            dict.fromkeys("abc", "AutomaticImportPolicy one cannot be read"),
            id="unreadable-policy",
        ),
        pytest.param(
            (*THREE, override("x", "b", "anna", mode="Sometimes")),
            {"b": "AccountOverride x cannot be read"},
            id="unreadable-override",
        ),
        pytest.param(
            (*THREE, override("x", "missing", "anna", mode="Sometimes")),
            {},
            id="unreadable-override-for-nobody",
        ),
        *(
            pytest.param(
                (*THREE, resource("AccountOverride", "x", spec)),
                dict.fromkeys("abc", "AccountOverride x cannot be read"),
                id=f"override-of-an-unknown-customer-{number}",
            )
            for number, spec in enumerate(NAMELESS)
        ),
        pytest.param(
            (customer("a"), resource("Customer", "b", UNREADABLE)),
            {"b": "Customer b cannot be read"},
            id="unreadable-customer",
        ),
        pytest.param(
            (
                customer("a", vault=("it-glue", "1")),
                customer("b"),
                resource("Integration", "it-glue", UNREADABLE),
            ),
            {"a": "Integration it-glue cannot be read"},
            id="unreadable-integration",
        ),
    ],
)
def test_a_contradiction_holds_whom_it_touches(raws: tuple[Raw, ...], held: dict[str, str]) -> None:
    """These customers are held, each with the reason, and every other one is reconciled."""
    view = look_at(*raws)
    assert view.held.keys() == held.keys(), view.held
    assert all(text in view.held[CustomerName(name)] for name, text in held.items()), view.held
    names = {raw["metadata"]["name"] for raw in raws if raw["kind"] == "Customer"}
    assert view.desired.keys() == names - held.keys()


def test_both_sides_of_a_contradiction_are_told() -> None:
    """Each of two policies that meet names the other as its problem."""
    view = look_at(*THREE, policy("one", {"names": ["a"]}), policy("two", {"names": ["a"]}))
    assert view.problems.keys() == {
        ("AutomaticImportPolicy", "one"),
        ("AutomaticImportPolicy", "two"),
    }
    assert all("two" in texts[0] and "one" in texts[0] for texts in view.problems.values())


def test_what_cannot_be_read_is_not_called_missing() -> None:
    """A policy for a customer that cannot be read has no fault of its own."""
    view = look_at(resource("Customer", "b", UNREADABLE), policy("one", {"names": ["b"]}))
    assert view.problems.keys() == {("Customer", "b")}


# ---------------------------------------------------------------- every estate

NAMES = ("a", "b", "c")
TIERS: tuple[dict[str, str], ...] = (GOLD, SILVER, {})
VAULTS = (None, None, ("it-glue", "1"), ("it-glue", "2"), ("missing", "1"), ("connectwise", "1"))
COVERAGES = st.one_of(
    st.just({"default": True}),
    st.just({"selector": {"matchLabels": GOLD}}),
    st.lists(st.sampled_from((*NAMES, "missing")), min_size=1, max_size=3, unique=True).map(
        lambda names: {"names": names}
    ),
)
RARELY = st.integers(0, 9).map(lambda number: number == 0)


@st.composite
def customers(draw: st.DrawFn, name: str) -> Raw:
    """Draw a customer."""
    own = [imports()] if draw(st.integers(0, 3)) == 0 else None
    more: dict[str, Any] = {"imports": own} if own else {}
    labels = draw(st.sampled_from(TIERS))
    return customer(name, vault=draw(st.sampled_from(VAULTS)), labels=labels, **more)


@st.composite
def policies(draw: st.DrawFn, name: str) -> Raw:
    """Draw a policy."""
    account_type = draw(st.sampled_from(("EndUser", "EndUser", "Administrator")))
    more = UNREADABLE if draw(RARELY) else {}
    return policy(name, draw(COVERAGES), account_type, **more)


@st.composite
def overrides(draw: st.DrawFn, name: str) -> Raw:
    """Draw an override."""
    more = UNREADABLE if draw(RARELY) else {}
    pin = {"entryId": draw(st.sampled_from("123"))}
    of, sam = draw(st.sampled_from((*NAMES, "missing"))), draw(st.sampled_from(("x", "y", "z")))
    return override(name, of, sam, vault=pin, **more)


@st.composite
def estates(draw: st.DrawFn) -> tuple[Raw, ...]:
    """Draw an estate in which much meets."""
    integration = resource("Integration", "it-glue", UNREADABLE) if draw(RARELY) else it_glue()
    return (
        *(draw(customers(name)) for name in NAMES),
        *(draw(policies(f"p{number}")) for number in range(draw(st.integers(0, 4)))),
        *(draw(overrides(f"o{number}")) for number in range(draw(st.integers(0, 3)))),
        *(integration, connectwise()),
    )


def kind_of(raws: tuple[Raw, ...], kind: str) -> list[Raw]:
    """Return the resources of one kind."""
    return [raw for raw in raws if raw["kind"] == kind]


def own_part(raws: tuple[Raw, ...], name: str) -> list[Raw]:
    """Return what says anything about one customer, and nothing about others."""
    [one] = [raw for raw in kind_of(raws, "Customer") if raw["metadata"]["name"] == name]
    spec = one["spec"]
    linked = spec.get("vault", {}).get("integrationRef", {}).get("name")
    return [
        one,
        *_own_policies(one, kind_of(raws, "AutomaticImportPolicy")),
        *(o for o in kind_of(raws, "AccountOverride") if o["spec"]["customerRef"]["name"] == name),
        *(i for i in kind_of(raws, "Integration") if i["metadata"]["name"] == linked),
    ]


def _own_policies(one: Raw, found: list[Raw]) -> list[Raw]:
    name, tier = one["metadata"]["name"], one["metadata"]["labels"].get("tier")
    kept = []
    for account_type in ("EndUser", "Administrator"):
        if any(own["accountType"] == account_type for own in one["spec"].get("imports", ())):
            continue
        of_type = [raw for raw in found if raw["spec"]["accountType"] == account_type]
        named = [raw for raw in of_type if name in raw["spec"]["customers"].get("names", ())]
        if tier == "gold":
            named += [raw for raw in of_type if "selector" in raw["spec"]["customers"]]
        default = [raw for raw in of_type if "default" in raw["spec"]["customers"]]
        kept += [_only_for(raw, name) for raw in named] or default
    return kept


def _only_for(raw: Raw, name: str) -> Raw:
    """Return a policy that names nobody else."""
    who = raw["spec"]["customers"]
    return {
        **raw,
        "spec": {**raw["spec"], "customers": {"names": [name]} if "names" in who else who},
    }


def from_files(raws: list[Raw]) -> tuple[Desired, ...]:
    """Return what the command line makes of the resources; nothing when it refuses them."""
    files = [{key: raw[key] for key in ("apiVersion", "kind", "spec")} for raw in raws]
    for file, raw in zip(files, raws, strict=True):
        labels = raw["metadata"].get("labels", {})
        file["metadata"] = {"name": raw["metadata"]["name"], "labels": labels}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "estate.yaml").write_text(yaml.safe_dump_all(files), encoding="utf-8")
        return load_estate([Path(folder)]).estate.desired


@settings(
    max_examples=150,
    deadline=timedelta(seconds=20),
    suppress_health_check=[HealthCheck.too_slow],
)
@given(raws=estates())
def test_a_customer_gets_what_the_command_line_gives_or_is_held(raws: tuple[Raw, ...]) -> None:
    """Whoever is not held gets the command line's Desired; held is who would be refused there.

    Each customer is loaded from files with what concerns it alone. Beyond that, it is held for
    an organization that it shares with another, and for any policy that cannot be read.
    """
    view = look_at(*raws)
    places = [raw["spec"].get("vault") for raw in kind_of(raws, "Customer")]
    blind = any("mode" in raw["spec"] for raw in kind_of(raws, "AutomaticImportPolicy"))
    for raw in kind_of(raws, "Customer"):
        name = CustomerName(raw["metadata"]["name"])
        vault = raw["spec"].get("vault")
        if blind or (vault and places.count(vault) > 1):
            assert name in view.held
            assert name not in view.desired
            continue
        expected = from_files(own_part(raws, name))
        found = tuple(one for key, one in view.desired.items() if key == name)
        assert found == expected, view.held.get(name)
        assert (name in view.held) != bool(found)
