"""The JSON Schemas that editors and other tools read, as `muster schemas` writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from muster.cli.schemas import json_schema_files
from muster.resources.documents import read_documents
from muster.resources.schemas import DESIRED_KINDS

CORPUS = Path(__file__).parents[1] / "corpus"
SCHEMAS: dict[str, Any] = {name: json.loads(text) for name, text in json_schema_files().items()}


def _path(resource: dict[str, Any]) -> str:
    """Return the file by the template of kubeconform: group, lower-case kind, version."""
    group, version = resource["apiVersion"].split("/")
    return f"{group}/{resource['kind'].lower()}_{version}.json"


def _says(file: Path) -> list[str]:
    resources = [one.value for one in read_documents(file.read_text(encoding="utf-8"))]
    ours = [one for one in resources if one["kind"] in DESIRED_KINDS]
    assert ours
    return [
        error.message
        for one in ours
        for error in Draft202012Validator(SCHEMAS[_path(one)]).iter_errors(one)
    ]


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_is_a_schema_that_stands_alone(name: str) -> None:
    """A tool needs no other file: there is no reference in it."""
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert '"$ref"' not in json.dumps(SCHEMAS[name])


@pytest.mark.parametrize("name", ["estate", "entra", "hudu", "autotask", "merge-key-overridden"])
def test_what_is_good_is_accepted(name: str) -> None:
    """An ordinary validator finds the file by group, kind and version, and has nothing to say."""
    assert _says(CORPUS / "good" / f"{name}.yaml") == []


@pytest.mark.parametrize(
    "name", ["unknown-field", "wrong-enums", "missing-fields", "hudu-over-http"]
)
def test_what_is_bad_is_refused(name: str) -> None:
    """Fields, types, allowed values and forms are in the schemas."""
    assert _says(CORPUS / "bad" / f"{name}.yaml") != []
