"""CEL as the API server evaluates it in admission policies, as far as that is possible offline.

The standard functions and Kubernetes' extensions for strings, regular expressions and most for
lists are there. What is not (`authorizer`, quantities, URLs, IP addresses, `indexOf` of lists) is
an error that says so; it is never taken for true. Source: Kubernetes, "Common Expression Language
in Kubernetes".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_optional, ext_strings

VARIABLES = ("object", "oldObject", "params", "namespaceObject", "request", "variables")
_REQUEST = frozenset(
    {
        *("kind", "resource", "requestKind", "requestResource", "requestSubResource"),
        *("name", "namespace", "operation", "userInfo", "dryRun", "options", "subResource"),
    }
)
"""The fields of `request` that an expression may name.

Source: kubernetes/apiserver, pkg/admission/plugin/cel/compile.go, BuildRequestType.
"""
_TYPED = re.compile(r"\b(variables|request|namespaceObject)\b")
"""What has a type on the API server and none here."""


class NotOffline(Exception):
    """The expression needs what only an API server has."""


@dataclass(frozen=True, slots=True)
class Failed:
    """An expression that could not be evaluated for this object, and why."""

    why: str


def evaluate_expression(text: str, data: Mapping[str, Any]) -> Any:
    """Return an expression's value, or `Failed`.

    Raises:
        NotOffline: it uses the authorizer or a function that is not there.
        ValueError: it is no CEL.
    """
    shown = {name: data.get(name) for name in VARIABLES}
    if shown["oldObject"] is None and "null" not in text:
        # On the API server null has no fields: `has` says so, and selecting one is its usual error.
        shown["oldObject"] = {}
    try:
        value = _compiled(text).eval(data=shown)
    except (RuntimeError, TypeError, ValueError, OverflowError) as error:
        return Failed(str(error))
    if value.type() == cel.Type.ERROR:
        return Failed(_in_their_words(str(value.plain_value())))
    return value.plain_value()


def check_expression(text: str, wanted: str = "") -> None:
    """Check what the API server checks when it stores a policy; `wanted` is `bool` or `string`.

    Raises:
        NotOffline: it cannot be checked here.
        ValueError: it is no CEL, or gives something else.
    """
    found = str(_compiled(text).return_type()).lower()
    if wanted and found != wanted and not (found == "dyn" and _TYPED.search(text)):
        raise ValueError(f"must evaluate to {wanted} but got {found}")


def _compiled(text: str) -> Any:
    compiled = _compile(text)
    if isinstance(compiled, Exception):
        raise compiled
    return compiled


@cache
def _compile(text: str) -> Any:
    if re.search(r"\b(authorizer|request\.userInfo)\b", text):
        return NotOffline("it asks who the user is or what the user may do")
    odd = [name for name in re.findall(r"\brequest\.\??(\w+)", text) if name not in _REQUEST]
    if odd:
        return ValueError(f"undefined field '{odd[0]}' of request")
    try:
        return _environment().compile(text)
    except RuntimeError as error:
        said = " ".join(str(error).split())
    unknown = re.search(r"undeclared reference to '([\w.]+)'", said)
    if unknown:
        return NotOffline(f"it uses {unknown[1]}, which is not known here")
    # The API server knows more forms of some functions, and compares whole numbers with others.
    form = re.search(r"no matching overload for '_?([^'\s]+?)_?' applied to '([^']*)'", said)
    if form and (form[1].isidentifier() or form[1] in {"<", "<=", ">", ">="}):
        return NotOffline(f"it uses {form[1]} with {form[2]}, which is not known here")
    return ValueError(said[:200])


_WORDS = (
    (r'Key not found in map : "([^"]*)"', r"no such key: \1"),
    (r"divide by zero", "division by zero"),
    (r"Index error: index=(-?\d+) .*", r"index out of bounds: \1"),
    (r"No matching overloads found : _?[^\w(]+_?.*", "no such overload"),
    (r"(integer overflow)", r"\1"),
)
"""Errors as this library and as the API server's say them."""


def _in_their_words(text: str) -> str:
    """Say an error as the API server's library says it, where that is known.

    Raises:
        NotOffline: a function has not the form that is asked for, and may have it there.
    """
    for ours, theirs in _WORDS:
        hit = re.search(ours, text)
        if hit:
            return hit.expand(theirs)
    form = re.search(r"No matching overloads found : (.*)", text)
    if form or _NOT_OFFLINE in text:
        raise NotOffline(f"it uses {form[1] if form else text.partition(_NOT_OFFLINE)[2]}")
    return text


@cache
def _environment() -> Any:
    return cel.NewEnv(
        variables=dict.fromkeys(VARIABLES, cel.Type.DYN),
        extensions=[ext_strings.ExtStrings(), ext_optional.ExtOptional()],
        functions=[_declare(*row) for row in _FUNCTIONS],
    )


_NOT_OFFLINE = "not known here: "
_OTHERWISE = re.compile(r"\[\[?:|\(\?[=!<>(#]|\(\?P=|\\[pPQECzZ1-9]|[*+?}]\+")
"""What the two libraries for regular expressions read in two ways, or only one of them."""


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    """Return a regular expression as the API server's library reads it.

    `$` is the very end, and classes such as `\\d` are ASCII (Go, package regexp/syntax).
    """
    if _OTHERWISE.search(pattern):
        raise ValueError(f"{_NOT_OFFLINE}the regular expression {pattern}")
    try:
        return re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", pattern), re.ASCII)
    except re.error:
        raise ValueError(f"{_NOT_OFFLINE}the regular expression {pattern}") from None


def _find(text: str, pattern: str) -> str:
    hit = _pattern(pattern).search(text)
    return hit[0] if hit else ""


def _find_all(text: str, pattern: str, most: int = -1) -> list[str]:
    found = [hit[0] for hit in _pattern(pattern).finditer(text)]
    return found if most < 0 else found[:most]


def _is_sorted(items: list[Any]) -> bool:
    return items == sorted(items)


_T = cel.Type
_LIST = _T.List(_T.DYN)
_FIND_ALL = [[_T.STRING, _T.STRING], [_T.STRING, _T.STRING, _T.INT]]
_FUNCTIONS: tuple[tuple[str, Any, list[list[Any]], Callable[..., Any]], ...] = (
    ("find", _T.STRING, [[_T.STRING, _T.STRING]], _find),
    ("findAll", _T.List(_T.STRING), _FIND_ALL, _find_all),
    ("isSorted", _T.BOOL, [[_LIST]], _is_sorted),
    ("sum", _T.DYN, [[_LIST]], sum),
    ("min", _T.DYN, [[_LIST]], min),
    ("max", _T.DYN, [[_LIST]], max),
)


def _declare(name: str, result: Any, forms: list[list[Any]], work: Callable[..., Any]) -> Any:
    overloads = [
        cel.Overload(f"muster_{name}_{len(form)}", result, form, True, impl=work) for form in forms
    ]
    return cel.FunctionDecl(name, overloads)
