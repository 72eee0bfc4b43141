"""The judge itself, on a document of our own: what it objects to, and what it never prints."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.vendor.exchanges import NO_JSON, Exchange
from tests.vendor.openapi import VARIABLE, Deviation, VendorApi, find_document, judge

WIDGET = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "int"},
        "name": {"type": "string"},
        "parts": {"type": "array", "items": {"$ref": "#/definitions/Widget"}},
    },
}
PARAMETERS: list[dict[str, Any]] = [
    {"in": "path", "name": "id", "type": "integer", "required": True},
    {"in": "query", "name": "full", "type": "boolean"},
    {"in": "header", "name": "Key", "type": "string", "required": True},
    {"in": "body", "name": "body", "schema": {"$ref": "#/definitions/Widget"}},
]
ANSWERS = {"200": {"schema": {"$ref": "#/definitions/Widget"}}}
SWAGGER = {
    "swagger": "2.0",
    "basePath": "/api",
    "consumes": ["application/json"],
    "paths": {"/widgets/{id}": {"put": {"parameters": PARAMETERS, "responses": ANSWERS}}},
    "definitions": {"Widget": WIDGET},
}
JSON = "application/json"
OPENAPI = {
    "openapi": "3.0.1",
    "servers": [{"url": "https://widgets.example/api"}],
    "paths": {
        "/widgets/{id}": {
            "parameters": [
                {"in": "path", "name": "id", "schema": {"type": "integer"}, "required": True}
            ],
            "put": {
                "parameters": [
                    {"in": "query", "name": "full", "schema": {"type": "bool"}},
                    {"in": "header", "name": "Key", "schema": {"type": "string"}, "required": True},
                ],
                "requestBody": {"content": {JSON: {"schema": {"$ref": "#/definitions/Widget"}}}},
                "responses": {
                    "200": {"content": {JSON: {"schema": {"$ref": "#/definitions/Widget"}}}}
                },
            },
        }
    },
    "definitions": {"Widget": WIDGET},
}
GOOD = Exchange(
    method="PUT",
    path="/api/widgets/7",
    query={"full": ("true",)},
    headers={"key": "k", "content-type": "application/json; charset=utf-8"},
    body={"id": 7, "name": "bolt"},
    answer={"id": 7, "parts": [{"id": 8}]},
)
HEADERS = {"content-type": "application/json"}


@pytest.fixture(params=[SWAGGER, OPENAPI], ids=["swagger-2.0", "openapi-3.0"])
def api(request: pytest.FixtureRequest, tmp_path: Path) -> VendorApi:
    """The same widgets, in both languages."""
    path = tmp_path / "widgets.json"
    path.write_text(json.dumps(request.param))
    return VendorApi(path)


def test_what_is_documented_is_no_problem(api: VendorApi) -> None:
    """A right request with a right answer passes."""
    assert list(api.problems(GOOD)) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"path": "/api/gadgets/7"}, "PUT /api/gadgets/7 request: there is no such operation"),
        ({"method": "DELETE"}, "DELETE /api/widgets/7 request: there is no such operation"),
        ({"path": "/api/widgets/x"}, "request: path id is string, not integer"),
        ({"query": {"ful": ("true",)}}, "request: query ful is not documented"),
        ({"query": {"full": ("True",)}}, "request: query full is string, not boolean"),
        ({"headers": HEADERS}, "request: header Key is missing"),
        (
            {"headers": {"key": "k", "content-type": "text/plain"}},
            "request: the media type text/plain is not documented",
        ),
        ({"body": {"name": "bolt"}}, "request: body lacks id"),
        ({"body": {"id": 7, "nam": "bolt"}}, "request: body/nam is not documented"),
        ({"body": NO_JSON}, "request: the body is no JSON"),
        ({"status": 201}, "answer 201: the status is not documented"),
        ({"answer": {"id": None}}, "answer 200: body/id is null, not integer"),
        ({"answer": {"id": 7, "parts": [{}]}}, "answer 200: body/parts/* lacks id"),
        (
            {"answer": {"id": 7, "parts": [{"id": 8, "size": 1}]}},
            "answer 200: body/parts/*/size is not documented",
        ),
        ({"answer": NO_JSON}, "answer 200: the body is no JSON"),
    ],
)
def test_what_is_not_documented_is_a_problem(
    api: VendorApi, change: dict[str, Any], problem: str
) -> None:
    """Each fault is named once, by its place."""
    (found,) = api.problems(replace(GOOD, **change))
    assert str(found).endswith(problem)


def test_values_are_never_shown(api: VendorApi) -> None:
    """A problem holds places and types alone, because a value may be a secret."""
    wrong = replace(GOOD, body={"id": "Wm7-example"}, answer={"id": ["Wm7-example"]})
    assert "Wm7" not in "".join(map(str, api.problems(wrong)))
    assert "Wm7" not in repr(wrong)


def test_a_deviation_excuses_a_problem_and_must_occur(api: VendorApi) -> None:
    """The table of what reality does differently neither lacks a line nor has one too many."""
    created = replace(GOOD, status=201)
    known = Deviation("PUT .* answer 201: the status is not documented", "somebody saw it")
    judge(api, [GOOD, created], [known])
    with pytest.raises(AssertionError, match="says otherwise"):
        judge(api, [created])
    with pytest.raises(AssertionError, match="do not occur"):
        judge(api, [GOOD], [known])


def test_a_missing_document_skips_and_says_how_to_supply_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who runs the tests without the vendors' documents learns where they would go."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(pytest.skip.Exception, match=VARIABLE):
        find_document("widgets*.json")
    (tmp_path / "widgets-1.json").touch()
    (tmp_path / "widgets-2.json").touch()
    assert find_document("widgets*.json").name == "widgets-2.json"
