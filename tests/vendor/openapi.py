"""A vendor's own OpenAPI document as the judge of our adapters and simulators.

How to use it, in a test module of `tests/vendor`:

    DEVIATIONS = (
        Deviation(
            r"POST /widgets answer 200: the status is not documented",
            source="example/widget-client issue 7: live, 200 where the document says 201",
        ),
    )

    @pytest.fixture(scope="module")
    def exchanges(ca) -> list[Exchange]:
        with WidgetLab(ca=ca) as lab:
            said = record(lab)              # from tests.vendor.exchanges
            ...                             # let the real adapter do all that it can do
        return said

    def test_what_is_said_is_what_the_vendor_documents(exchanges) -> None:
        api = VendorApi(find_document("widget*.json"))
        judge(api, exchanges, DEVIATIONS)

Each request and each answer is held against the operation that the document has for it: path,
query, headers, media type, status, and both bodies against their schemas. Fields that the
document does not name are a problem too, although a schema allows them: they are where adapters
misspell and simulators invent. What reality is known to do differently stands in one table of
`Deviation`, each with its source; one that does not occur any more fails the test as well.

Swagger 2.0 and OpenAPI 3.0 are understood. `openapi-schema-validator` judges the schemas: the
schema object of Swagger 2.0 is that of 3.0 without `nullable` and the combining words.

No document of a vendor is part of this project. They are looked for in the folder that the
environment variable MUSTER_VENDOR_OPENAPI names, in `vendor-openapi/` at the top of the
checkout, and in a folder of that name inside a folder beside the checkout. Without them these
tests are skipped, and say so.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from jsonschema import ValidationError
from openapi_schema_validator import OAS30Validator, oas30_format_checker
from tests.vendor.exchanges import NO_JSON, Exchange

ROOT = Path(__file__).parents[2]
VARIABLE = "MUSTER_VENDOR_OPENAPI"
FOLDER = "vendor-openapi"

_TYPES = {"int": "integer", "bool": "boolean", "float": "number"}
"""Words for types that vendors write and no standard knows. Any other one is left out."""
_KNOWN_TYPES = frozenset({"string", "integer", "number", "boolean", "array", "object"})
_OWN_HEADERS = frozenset({"accept", "content-type", "authorization"})
"""OpenAPI keeps these out of the parameters."""

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One way in which an exchange is not what the document says. It holds no value."""

    operation: str
    """Method and path template."""
    part: str
    """`request`, or `answer` and the status."""
    what: str

    def __str__(self) -> str:
        return f"{self.operation} {self.part}: {self.what}"


@dataclass(frozen=True, slots=True)
class Deviation:
    """What reality does differently: a regular expression for whole problems, and who says so."""

    pattern: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Operation:
    name: str
    values: Schema
    parameters: tuple[Schema, ...]
    path_values: Mapping[str, str]


def find_document(pattern: str) -> Path:
    """Return the newest document of a vendor, by name; skips the test where there is none."""
    for folder in _folders():
        found = sorted(folder.glob(pattern))
        if found:
            return found[-1]
    pytest.skip(
        f"no OpenAPI document {pattern} of the vendor: put it into {FOLDER}/ at the top of the"
        f" checkout, or name its folder in {VARIABLE}"
    )


def judge(
    api: VendorApi, exchanges: Iterable[Exchange], deviations: Iterable[Deviation] = ()
) -> None:
    """Fail on every problem that is no known deviation, and on every deviation without problem."""
    problems = {str(problem) for exchange in exchanges for problem in api.problems(exchange)}
    known = tuple(deviations)
    excused = {
        problem
        for problem in problems
        if any(re.fullmatch(deviation.pattern, problem) for deviation in known)
    }
    idle = [
        deviation.pattern
        for deviation in known
        if not any(re.fullmatch(deviation.pattern, problem) for problem in problems)
    ]
    wrong = "\n".join(sorted(problems - excused))
    assert not wrong, f"the vendor's document says otherwise:\n{wrong}"
    assert not idle, f"these deviations do not occur any more, take them out: {idle}"


class VendorApi:
    """One document.

    `answers` gives schemas to operations whose answers the document leaves open, by names such
    as `GET /Users`. `elsewhere` names paths that the document does not cover, such as a token's.
    """

    def __init__(
        self,
        document: Path,
        *,
        answers: Mapping[str, Schema] | None = None,
        elsewhere: tuple[str, ...] = (),
    ) -> None:
        self._document = _load(document)
        self._validator = OAS30Validator(self._document, format_checker=oas30_format_checker)
        self._root = _root_path(self._document)
        self._templates = sorted(self._document["paths"], key=lambda path: path.count("{"))
        self._answers = answers or {}
        self._elsewhere = elsewhere

    def problems(self, exchange: Exchange) -> Iterator[Problem]:
        """Yield everything about an exchange that the document does not say."""
        if exchange.path.startswith(self._elsewhere or ("\0",)):
            return
        operation = self._operation(exchange)
        if operation is None:
            name = f"{exchange.method} {exchange.path}"
            yield Problem(operation=name, part="request", what="there is no such operation")
            return
        for what in self._request_problems(operation, exchange):
            yield Problem(operation=operation.name, part="request", what=what)
        for what in self._answer_problems(operation, exchange):
            yield Problem(operation=operation.name, part=f"answer {exchange.status}", what=what)

    def _operation(self, exchange: Exchange) -> _Operation | None:
        path = exchange.path.removeprefix(self._root)
        for template in self._templates:
            item = self._document["paths"][template]
            match = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template), path)
            values = item.get(exchange.method.lower())
            if match and values is not None:
                return _Operation(
                    name=f"{exchange.method} {template}",
                    values=values,
                    parameters=(*item.get("parameters", ()), *values.get("parameters", ())),
                    path_values=match.groupdict(),
                )
        return None

    def _request_problems(self, operation: _Operation, exchange: Exchange) -> Iterator[str]:
        sent: dict[str, Mapping[str, tuple[str, ...]]] = {
            "path": {name: (value,) for name, value in operation.path_values.items()},
            "query": exchange.query,
            "header": {name: (value,) for name, value in exchange.headers.items()},
        }
        parameters = [self._resolved(parameter) for parameter in operation.parameters]
        named = {one["name"] for one in parameters if one["in"] == "query"}
        yield from (f"query {name} is not documented" for name in exchange.query.keys() - named)
        for parameter in parameters:
            if parameter["in"] in sent:
                yield from self._parameter_problems(parameter, sent[parameter["in"]])
        yield from self._body_problems(operation, parameters, exchange)

    def _parameter_problems(
        self, parameter: Schema, sent: Mapping[str, tuple[str, ...]]
    ) -> Iterator[str]:
        place, name = parameter["in"], parameter["name"]
        key = name.lower() if place == "header" else name
        if key not in sent:
            if parameter.get("required") and key not in _OWN_HEADERS:
                yield f"{place} {name} is missing"
            return
        schema = parameter.get("schema") or {
            key: value for key, value in parameter.items() if key in ("type", "format", "enum")
        }
        for value in sent[key]:
            typed = _typed(value, self._resolved(schema).get("type"))
            yield from self._mismatches(f"{place} {name}", schema, typed)

    def _body_problems(
        self, operation: _Operation, parameters: list[Schema], exchange: Exchange
    ) -> Iterator[str]:
        body, kinds = self._body_schema(operation, parameters)
        if exchange.body is None:
            return
        kind = exchange.headers.get("content-type", "").partition(";")[0]
        if kinds and not _accepts(kinds, kind):
            yield f"the media type {kind} is not documented"
        if body is None:
            yield "a body is not documented"
        elif exchange.body is NO_JSON:
            yield "the body is no JSON"
        else:
            yield from self._mismatches("body", body, exchange.body)

    def _body_schema(
        self, operation: _Operation, parameters: list[Schema]
    ) -> tuple[Schema | None, tuple[str, ...]]:
        if "requestBody" in operation.values:  # OpenAPI 3
            content = self._resolved(operation.values["requestBody"])["content"]
            return _json_schema(content), tuple(content)
        kinds = operation.values.get("consumes") or self._document.get("consumes") or ()
        bodies = (one["schema"] for one in parameters if one["in"] == "body")
        return next(bodies, None), tuple(kinds)

    def _answer_problems(self, operation: _Operation, exchange: Exchange) -> Iterator[str]:
        responses = operation.values["responses"]
        response = responses.get(str(exchange.status), responses.get("default"))
        if response is None:
            yield "the status is not documented"
            # What a success holds is still worth a look when only its number is another one.
            response = next((responses[key] for key in responses if key[:1] == "2"), {})
            if exchange.status >= 300:
                return
        response = self._resolved(response)
        schema = response.get("schema") or _json_schema(response.get("content", {}))
        if schema is None and exchange.status < 300:
            schema = self._answers.get(operation.name)
        if schema is None:
            return
        if exchange.answer is NO_JSON:
            yield "the body is no JSON"
            return
        yield from self._mismatches("body", schema, exchange.answer)

    def _mismatches(self, place: str, schema: Schema, value: Any) -> Iterator[str]:
        validator = self._validator.evolve(schema=schema)
        found = {
            f"{_where(place, error.absolute_path)} {_complaint(error)}"
            for error in validator.iter_errors(value)
        }
        yield from sorted(found)
        yield from sorted(set(self._unnamed(place, schema, value)))

    def _unnamed(self, place: str, schema: Schema, value: Any) -> Iterator[str]:
        """Yield the fields that no schema names, at any depth."""
        schema = self._resolved(schema)
        if isinstance(value, list):
            for one in value:
                yield from self._unnamed(f"{place}/*", schema.get("items", {}), one)
        elif isinstance(value, dict):
            fields = self._fields(schema)
            if not fields or schema.get("additionalProperties"):
                return
            for name, one in value.items():
                if name in fields:
                    yield from self._unnamed(f"{place}/{name}", fields[name], one)
                else:
                    yield f"{place}/{name} is not documented"

    def _fields(self, schema: Schema) -> Schema:
        fields: Schema = dict(schema.get("properties", {}))
        for word in ("allOf", "anyOf", "oneOf"):
            for part in schema.get(word, ()):
                fields.update(self._fields(self._resolved(part)))
        return fields

    def _resolved(self, value: Schema) -> Schema:
        while "$ref" in value:
            place: Any = self._document
            for step in value["$ref"].removeprefix("#/").split("/"):
                place = place[step.replace("~1", "/").replace("~0", "~")]
            value = place
        return value


def _folders() -> Iterator[Path]:
    if named := os.environ.get(VARIABLE):
        yield Path(named)
        return
    yield ROOT / FOLDER
    yield from sorted(ROOT.parent.glob(f"*/{FOLDER}"))


@cache
def _load(path: Path) -> Schema:
    document: Schema = _mended(json.loads(path.read_text(encoding="utf-8")))
    return document


def _mended(value: Any) -> Any:
    """Return the document with standard words for types; a type that is none is left out."""
    if isinstance(value, list):
        return [_mended(one) for one in value]
    if not isinstance(value, dict):
        return value
    mended = {key: _mended(one) for key, one in value.items()}
    kind = mended.get("type")
    if isinstance(kind, str):
        mended["type"] = _TYPES.get(kind, kind)
        if mended["type"] not in _KNOWN_TYPES:
            del mended["type"]
    return mended


def _root_path(document: Schema) -> str:
    servers = document.get("servers") or ({"url": document.get("basePath", "")},)
    url: str = servers[0]["url"]
    return urlsplit(url).path.rstrip("/")


def _json_schema(content: Schema) -> Schema | None:
    for kind, values in content.items():
        if "json" in kind and "schema" in values:
            schema: Schema = values["schema"]
            return schema
    return None


def _accepts(documented: tuple[str, ...], kind: str) -> bool:
    patterns = (re.escape(one).replace(r"\*", ".*") for one in documented)
    return any(re.fullmatch(pattern, kind) for pattern in patterns)


def _typed(text: str, kind: Any) -> Any:
    """Return a parameter's text as the type that it claims to be, where it can be one."""
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if kind == "array":
        return text.split(",")
    try:
        return {"integer": int, "number": float}[kind](text)
    except (KeyError, ValueError):
        return text


def _where(place: str, path: Iterable[Any]) -> str:
    return "/".join([place, *("*" if isinstance(step, int) else str(step) for step in path)])


def _complaint(error: ValidationError) -> str:
    """Say what is wrong without the value: it may be a secret."""
    value: Any = error.instance
    wanted: Any = error.validator_value
    if error.validator == "type":
        return f"is {_kind(value)}, not {wanted}"
    if error.validator == "required":
        return f"lacks {', '.join(name for name in wanted if name not in value)}"
    return f"breaks {error.validator}"


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names: dict[type, str] = {
        bool: "boolean",
        int: "integer",
        float: "number",
        str: "string",
        list: "array",
    }
    return names.get(type(value), "object")
