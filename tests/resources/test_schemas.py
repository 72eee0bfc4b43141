"""The schemas are sound, fit for a cluster, and hold nothing that the parser does not read."""

from __future__ import annotations

import copy
import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from muster.model.connections import Integration
from muster.model.limits import Limits
from muster.model.settings import (
    Exclude,
    ImportSettings,
    OnLeave,
    Options,
    OrganizationalUnit,
    PsaOptions,
    SelectActiveDirectory,
    SelectEntra,
    VaultOptions,
)
from muster.resources import load_schema, parse, parse_connections, schema_directory
from muster.resources.documents import NotYaml, read_documents
from muster.resources.rules import holds, needs_old_value
from muster.resources.schemas import DESIRED_KINDS, KINDS
from muster.resources.tables import Table

CORPUS = Path(__file__).parents[1] / "corpus"

# What a structural schema of Kubernetes can say, and what a generator of CRDs leaves out
# ($schema, $id, title, examples, additionalProperties: false).
STRUCTURAL = {
    "description", "type", "enum", "pattern", "format", "default", "required", "properties",
    "additionalProperties", "items", "minimum", "maximum", "minLength", "maxLength", "minItems",
    "maxItems", "minProperties", "maxProperties", "x-kubernetes-validations",
    "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
}  # fmt: skip
LEFT_OUT = {"$schema", "$id", "title", "examples"}


def _nodes(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every schema within a schema, with the dotted name of its field."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from _nodes(child, f"{path}.{name}")
    for keyword, sign in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(schema.get(keyword), dict):
            yield from _nodes(schema[keyword], path + sign)


ALL_NODES = [(f"{kind}{path}", node) for kind in KINDS for path, node in _nodes(load_schema(kind))]


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_valid_itself(kind: str) -> None:
    """Each schema passes the metaschema of JSON Schema 2020-12, as it stands in its file."""
    path = schema_directory() / f"{kind.lower()}_v1alpha1.json"
    Draft202012Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))


def test_a_field_is_structural_and_bounded() -> None:
    """A cluster can enforce each field, estimate its rules' cost and explain it."""
    for path, node in ALL_NODES:
        assert set(node) <= STRUCTURAL | LEFT_OUT, path
        assert _bounds(node) <= set(node), path
        if node["type"] == "object":
            assert ("properties" in node) is (node["additionalProperties"] is False), path


def _bounds(node: Mapping[str, Any]) -> set[str]:
    """Return the keywords without which a value of this type could grow without bound."""
    match node["type"]:
        case "string" if "enum" in node:
            return set()
        case "object" if node["additionalProperties"] is False:
            return set()
        case kind:
            return {
                "string": {"maxLength"},
                "array": {"maxItems"},
                "integer": {"minimum", "maximum"},
                "object": {"maxProperties"},
                "boolean": set[str](),
            }[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_described(kind: str) -> None:
    """`kubectl explain` has a sentence for every field."""
    for path, node in _nodes(load_schema(kind)):
        if not path.endswith("{}"):
            assert re.fullmatch(r"[A-Z].*\.", node["description"]), path


def test_a_pattern_comes_with_examples_that_fit() -> None:
    """Every error about a form can show the right form."""
    for path, node in ALL_NODES:
        if "pattern" in node:
            assert node["examples"], path
            assert all(re.search(node["pattern"], example) for example in node["examples"]), path


def test_an_import_of_a_customer_is_a_policy_without_customers() -> None:
    """The two places where import settings stand cannot drift apart.

    Only a policy has rules about changes: the items of a customer's list have no name, so that
    an API server cannot tell which was which before.
    """
    policy = copy.deepcopy(load_schema("AutomaticImportPolicy")["properties"]["spec"])
    own = load_schema("Customer")["properties"]["spec"]["properties"]["imports"]["items"]
    del policy["properties"]["customers"]
    policy["required"].remove("customers")
    rules = policy["x-kubernetes-validations"]
    policy["x-kubernetes-validations"] = [r for r in rules if not needs_old_value(r["rule"])]
    assert {**policy, "description": ""} == {**own, "description": ""}


# ---------------------------------------------------------------- schema and parser

SPEC = {kind: load_schema(kind)["properties"]["spec"] for kind in KINDS}
POLICY = SPEC["AutomaticImportPolicy"]["properties"]
CUSTOMER = SPEC["Customer"]["properties"]
OVERRIDE = SPEC["AccountOverride"]["properties"]
INTEGRATION = SPEC["Integration"]["properties"]
DIRECTORIES = CUSTOMER["directories"]["properties"]
SELECTOR = POLICY["customers"]["properties"]["selector"]["properties"]
READ_APART = {
    "Integration": {"budget"},
    "Customer": {"directories", "imports"},
    "AutomaticImportPolicy": {"customers", "select", "exclude"},
    "AccountOverride": set[str](),
}
"""Fields whose content the parser passes to another table."""


@pytest.mark.parametrize(
    ("properties", "tables", "apart"),
    [
        (INTEGRATION, [parse_connections.INTEGRATION], READ_APART["Integration"]),
        *(
            (INTEGRATION[name]["properties"], [table], set())
            for name, table in (
                ("itGlue", parse_connections.IT_GLUE),
                ("hudu", parse_connections.HUDU),
                ("nativeVault", parse_connections.NATIVE_VAULT),
                ("connectWise", parse_connections.CONNECT_WISE),
                ("autotask", parse_connections.AUTOTASK),
                ("haloPsa", parse_connections.HALO_PSA),
            )
        ),
        (
            INTEGRATION["nativeVault"]["properties"]["keyValue2"]["properties"],
            [parse_connections.KEY_VALUE_2],
            set(),
        ),
        (SPEC["Integration"]["properties"]["budget"]["properties"], [parse.BUDGET], set()),
        (CUSTOMER, [parse.CUSTOMER], READ_APART["Customer"]),
        (CUSTOMER["directories"]["properties"], [parse_connections.DIRECTORIES], set()),
        (DIRECTORIES["activeDirectory"]["properties"], [parse_connections.ACTIVE_DIRECTORY], set()),
        (DIRECTORIES["entra"]["properties"], [parse_connections.ENTRA], set()),
        (CUSTOMER["vault"]["properties"], [parse.VAULT_REF], set()),
        (CUSTOMER["psa"]["properties"], [parse.PSA_REF], set()),
        (CUSTOMER["approvals"]["items"]["properties"], [parse.APPROVAL], set()),
        (POLICY, [parse.SETTINGS], READ_APART["AutomaticImportPolicy"]),
        (POLICY["customers"]["properties"], [parse.CUSTOMERS], set()),
        (SELECTOR["matchExpressions"]["items"]["properties"], [parse.REQUIREMENT], set()),
        (POLICY["select"]["properties"]["activeDirectory"]["properties"], [parse.SELECT], set()),
        (POLICY["select"]["properties"]["entra"]["properties"], [parse.SELECT_ENTRA], set()),
        (POLICY["exclude"]["properties"], [parse.EXCLUDE], set()),
        (POLICY["options"]["properties"], [parse.OPTIONS, parse.APPLY_TO], set()),
        (POLICY["options"]["properties"]["vault"]["properties"], [parse.VAULT_OPTIONS], set()),
        (POLICY["options"]["properties"]["psa"]["properties"], [parse.PSA_OPTIONS], set()),
        (POLICY["limits"]["properties"], [parse.LIMITS], set()),
        (POLICY["limits"]["properties"]["shrink"]["properties"], [parse.LIMIT], set()),
        (POLICY["onLeave"]["properties"], [parse.ON_LEAVE], set()),
        (OVERRIDE, [parse.OVERRIDE], READ_APART["AccountOverride"]),
        (OVERRIDE["account"]["properties"], [parse.ACCOUNT], set()),
        (OVERRIDE["vault"]["properties"], [parse.VAULT_LINK], set()),
        (OVERRIDE["psa"]["properties"], [parse.PSA_LINK], set()),
        (OVERRIDE["entra"]["properties"], [parse.ENTRA_LINK], set()),
    ],
)
def test_the_parser_reads_every_field_and_no_other(
    properties: Mapping[str, Any], tables: list[Table], apart: set[str]
) -> None:
    """A field is in a schema only if the parser reads it, and the other way round."""
    read = {name for table in tables for name in table}
    assert read | apart == set(properties)
    assert not read & apart


def _default(schema: Mapping[str, Any], name: str) -> Any:
    return schema["properties"][name]["default"]


def _model_default(model: type, attribute: str) -> Any:
    (field,) = (f for f in dataclasses.fields(model) if f.name == attribute)
    return field.default


@pytest.mark.parametrize(
    ("schema", "table", "model"),
    [
        (SPEC["Integration"], parse_connections.INTEGRATION, Integration),
        (SPEC["Integration"]["properties"]["budget"], parse.BUDGET, Integration),
        (SPEC["AutomaticImportPolicy"], parse.SETTINGS, ImportSettings),
        (POLICY["options"], parse.APPLY_TO, ImportSettings),
        (POLICY["options"]["properties"]["vault"], parse.VAULT_OPTIONS, VaultOptions),
        (POLICY["options"]["properties"]["psa"], parse.PSA_OPTIONS, PsaOptions),
        (POLICY["options"], parse.OPTIONS, Options),
        (POLICY["onLeave"], parse.ON_LEAVE, OnLeave),
        (POLICY["select"]["properties"]["entra"], parse.SELECT_ENTRA, SelectEntra),
        (POLICY["exclude"], parse.EXCLUDE, Exclude),
        (
            POLICY["select"]["properties"]["activeDirectory"],
            parse.SELECT,
            SelectActiveDirectory,
        ),
        (
            POLICY["select"]["properties"]["activeDirectory"]["properties"]["organizationalUnits"][
                "items"
            ],
            parse.UNIT,
            OrganizationalUnit,
        ),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_a_default_is_the_same_in_schema_and_model(
    schema: Mapping[str, Any], table: Table, model: type
) -> None:
    """What a cluster fills in is what Muster takes when nothing stands there."""
    compared = 0
    for name, (attribute, turn) in table.items():
        if "default" in schema["properties"].get(name, {}):
            assert turn(_default(schema, name)) == _model_default(model, attribute), name
            compared += 1
    assert compared


@pytest.mark.parametrize("name", ["create", "update", "release", "relink", "rotate", "shrink"])
def test_a_limit_has_the_same_default_in_schema_and_model(name: str) -> None:
    """Each limit has its own numbers, in both places."""
    limit = getattr(Limits(), name)
    schema = POLICY["limits"]["properties"][name]
    assert (_default(schema, "percent"), _default(schema, "floor")) == (limit.percent, limit.floor)


# ---------------------------------------------------------------- rules


def _with_defaults(value: Any, schema: Mapping[str, Any]) -> Any:
    """Fill in defaults as the API server does before it evaluates rules."""
    if isinstance(value, list) and "items" in schema:
        return [_with_defaults(item, schema["items"]) for item in value]
    if not isinstance(value, dict) or "properties" not in schema:
        return value
    fields = schema["properties"]
    filled = {name: _with_defaults(item, fields.get(name, {})) for name, item in value.items()}
    missing = {n: f["default"] for n, f in fields.items() if "default" in f and n not in value}
    return {**missing, **filled}


def _rules(schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield the rules that a file can be judged by; the others need a real API server."""
    rules = (rule["rule"] for rule in schema.get("x-kubernetes-validations", ()))
    yield from (rule for rule in rules if not needs_old_value(rule))


def _verdicts(value: Any, schema: Mapping[str, Any]) -> Iterator[tuple[str, bool | None]]:
    for rule in _rules(schema):
        yield rule, holds(rule, value)
    if isinstance(value, dict):
        for name, child in schema.get("properties", {}).items():
            if name in value:
                yield from _verdicts(value[name], child)
    if isinstance(value, list):
        for item in value:
            yield from _verdicts(item, schema.get("items", {}))


def _resources() -> Iterator[Any]:
    for file in sorted(CORPUS.rglob("*.yaml")):
        try:
            documents = [d.value for d in read_documents(file.read_text(encoding="utf-8"))]
        except NotYaml:
            continue
        yield from (d for d in documents if isinstance(d, dict) and d.get("kind") in DESIRED_KINDS)


def test_rules_judge_alike_with_and_without_defaults() -> None:
    """The command line, which fills nothing in, and the cluster come to the same verdicts."""
    seen: set[tuple[str, bool | None]] = set()
    for resource in _resources():
        schema = load_schema(resource["kind"])
        written = list(_verdicts(resource, schema))
        filled = set(_verdicts(_with_defaults(resource, schema), schema))
        assert set(written) <= filled
        assert {rule for rule, verdict in filled if verdict is False} == {
            rule for rule, verdict in written if verdict is False
        }
        seen.update(written)
    rules = {
        rule for kind in KINDS for _, node in _nodes(load_schema(kind)) for rule in _rules(node)
    }
    for rule in rules:
        assert {(rule, True), (rule, False)} <= seen, f"no case for {rule}"
