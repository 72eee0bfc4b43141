"""The CRDs are current, structural and bounded, and what Muster reports fits them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from tests.kube.crd_schemas import find, nodes, root
from tests.kube.reported import STATUS, reported

from muster.cli.main import app
from muster.cli.schemas import crd_files, json_schema_files
from muster.cli.shell import run
from muster.kube.resources import ACCOUNT, FROM_PEOPLE
from muster.resources import load_schema
from muster.resources.crds import FACES, render_crd
from muster.resources.fitting import fit
from muster.resources.rules import needs_old_value
from muster.resources.schemas import DESIRED_KINDS, KINDS, written_schema

COMMITTED = Path(__file__).parents[2] / "deploy" / "crds"
ALL_NODES = [(f"{kind}{path}", node) for kind in KINDS for path, node in nodes(root(kind))]


def test_the_committed_crds_are_current() -> None:
    """deploy/crds is what the schemas give; MUSTER_UPDATE=1 writes it again."""
    if os.environ.get("MUSTER_UPDATE") == "1":
        for name, text in crd_files().items():
            (COMMITTED / name).write_text(text, encoding="utf-8")
    found = {file.name: file.read_text(encoding="utf-8") for file in COMMITTED.glob("*.yaml")}
    assert found == crd_files()


def test_the_command_writes_crds_and_json_schemas(tmp_path: Path) -> None:
    """`muster schemas --to` makes the directory, and writes both layouts into it."""
    assert run(app, ["schemas", "--to", str(tmp_path / "new")]) == 0
    written = {
        file.relative_to(tmp_path / "new").as_posix(): file.read_text(encoding="utf-8")
        for file in (tmp_path / "new").rglob("*.*")
        if file.is_file()
    }
    assert written == {**crd_files(), **json_schema_files()}
    assert "muster.dev_customers.yaml" in written
    assert "muster.dev/customer_v1alpha1.json" in written


def test_a_directory_that_cannot_be_made_is_said_plainly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file in the way is an error with its place, not a bug report."""
    (tmp_path / "file").write_text("")
    assert run(app, ["schemas", "--to", str(tmp_path / "file")]) == 1
    assert "Cannot write to" in capsys.readouterr().err


@pytest.mark.parametrize("kind", KINDS)
def test_a_json_schema_stands_alone_and_refuses_what_nobody_obeys(kind: str) -> None:
    """Editors and CI tools need no second file, and catch a misspelt field."""
    schema = json.loads(json_schema_files()[f"muster.dev/{kind.lower()}_v1alpha1.json"])
    Draft202012Validator.check_schema(schema)
    assert "$ref" not in json.dumps(schema)
    unknown = {"apiVersion": "muster.dev/v1alpha1", "kind": kind, "metadata": {}, "spce": {}}
    messages = [error.message for error in Draft202012Validator(schema).iter_errors(unknown)]
    assert any("'spce' was unexpected" in message for message in messages)


# ---------------------------------------------------------------- structure


def test_every_field_is_structural_and_bounded() -> None:
    """Each field has a type and a bound, so that an API server can tell what a rule costs."""
    for path, node in ALL_NODES:
        assert {"$ref", "$defs", "title", "examples"}.isdisjoint(node), path
        match node["type"]:
            case "string":
                bounded = "enum" in node or "maxLength" in node
                assert bounded or path.endswith((".apiVersion", ".kind")), path
            case "array":
                assert {"maxItems", "items", "x-kubernetes-list-type"} <= set(node), path
            case "integer":
                assert {"minimum", "maximum"} <= set(node), path
            case "object" if not path.endswith(".metadata"):
                assert "properties" in node or "maxProperties" in node, path
        assert node.get("additionalProperties") is not False, path


def test_a_default_is_never_a_structure() -> None:
    """Tools that compare git with a cluster see no whole blocks appear."""
    assert all(not isinstance(node.get("default"), dict | list) for _, node in ALL_NODES)


def test_the_keys_of_a_list_are_required_text() -> None:
    """Two writers can share a list only if every item has its name."""
    for path, node in ALL_NODES:
        if node.get("x-kubernetes-list-type") == "map":
            for key in node["x-kubernetes-list-map-keys"]:
                assert key in node["items"]["required"], path
                assert node["items"]["properties"][key]["type"] == "string", path
        if node.get("x-kubernetes-list-type") == "set":
            assert node["items"]["type"] == "string", path


def test_every_rule_says_what_is_wrong_and_where() -> None:
    """A rule has a message on one line, a field that exists and a reason that the API knows."""
    known = {"FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired"}
    for path, node in ALL_NODES:
        for rule in node.get("x-kubernetes-validations", ()):
            assert rule["message"], path
            assert "\n" not in rule["message"], path
            assert rule.get("reason", "FieldValueInvalid") in known, path
            assert find(node, rule.get("fieldPath", "")), (path, rule["fieldPath"])


def test_these_fields_never_change() -> None:
    """What a name stands for stays the same; only an API server can check it."""
    fixed = {
        path
        for path, node in ALL_NODES
        for rule in node.get("x-kubernetes-validations", ())
        if needs_old_value(rule["rule"])
    }
    assert fixed == {
        "Integration.spec",
        "AutomaticImportPolicy.spec",
        "AccountOverride.spec.customerRef",
        "PasswordReset.spec",
        "Account.spec.customerRef",
        "Account.spec.identity",
    }


@pytest.mark.parametrize("kind", DESIRED_KINDS)
def test_a_file_holds_no_status(kind: str) -> None:
    """The cluster's schema has a status; what people write has none."""
    assert "status" in load_schema(kind)["properties"]
    assert "status" not in written_schema(kind)["properties"]


# ---------------------------------------------------------------- names and columns


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_named_and_shown(kind: str) -> None:
    """Every kind is namespaced, in the category, with a status of its own, and ends in its age."""
    spec = render_crd(kind)["spec"]
    (version,) = spec["versions"]
    assert spec["scope"] == "Namespaced"
    assert spec["names"]["categories"] == ["muster"]
    assert spec["names"]["singular"] == kind.lower()
    assert version["subresources"] == {"status": {}}
    assert version["additionalPrinterColumns"][-1]["name"] == "Age"


def test_no_two_kinds_share_a_name() -> None:
    """`kubectl get` finds one kind by each of its names."""
    names = [name for face in FACES.values() for name in (face.plural, face.short)]
    assert len(names) == len(set(names))


def test_the_operator_asks_for_the_same_names() -> None:
    """The operator's paths lead to the resources that the CRDs make."""
    asked = {kind.kind: kind.plural for kind in (*FROM_PEOPLE, ACCOUNT)}
    assert asked == {kind: face.plural for kind, face in FACES.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_shows_a_field_that_exists(kind: str) -> None:
    """No column and no selectable field leads nowhere, and its type is the field's."""
    for column in FACES[kind].columns:
        if column.path == ".metadata.creationTimestamp":
            continue
        found = find(root(kind), column.path)
        assert found, column
        wanted = "string" if column.type == "date" else column.type
        assert {node["type"] for node in found} == {wanted}, column
    for path in FACES[kind].selectable:
        assert [node["type"] for node in find(root(kind), path)] == ["string"], path


# ---------------------------------------------------------------- status


def test_the_status_of_a_customer_fits_its_schema() -> None:
    """What is reported, cut to fit, is never refused by a cluster, and no field is lost."""
    status = reported()
    fitted = fit(status, STATUS)
    assert [error.message for error in Draft202012Validator(STATUS).iter_errors(fitted)] == []
    assert set(fitted) == set(status)
    assert set(fitted) | {"observedGeneration", "handledReconcileAt"} == set(STATUS["properties"])


def test_every_field_of_a_status_is_in_the_schema() -> None:
    """An API server drops nothing of what is reported."""
    problems = Draft202012Validator(STATUS).iter_errors(reported())
    assert {error.validator for error in problems} == {"maxLength", "maxItems"}


def test_what_is_cut_says_so() -> None:
    """Cut text ends in an ellipsis at its bound, and short text stays as it is."""
    fitted = fit(reported(), STATUS)
    first, second = fitted["findings"][:2]
    assert len(first["message"]) == 1024
    assert first["message"].endswith("…")
    assert second["message"] == "Two contacts fit."
    assert len(second["candidates"]) == 10
    assert fitted["truncated"] is True


def test_a_status_stays_small_enough_to_store() -> None:
    """At its largest, a customer's status leaves room in etcd's 1.5 MiB for the rest."""
    assert _largest(STATUS) < 1_250_000


def _largest(node: Any) -> int:
    """Return how many characters a value of a schema can take as JSON."""
    match node["type"]:
        case "string":
            return int(node.get("maxLength") or max(map(len, node["enum"]))) + 2
        case "array":
            return int(node["maxItems"]) * (_largest(node["items"]) + 1) + 2
        case "object":
            return sum(len(n) + 4 + _largest(field) for n, field in node["properties"].items())
        case _:
            return 20


def test_the_files_need_no_reader_of_aliases() -> None:
    """Each CRD is plain YAML that reads back as it was made."""
    for name, text in crd_files().items():
        assert "&id" not in text
        kind = yaml.safe_load(text)["spec"]["names"]["kind"]
        assert yaml.safe_load(text) == render_crd(kind), name
