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


class NotOffline(Exception):
    """The expression needs what only an API server has."""


@dataclass(frozen=True, slots=True)
class Failed:
    """An expression that could not be evaluated for this object, and why."""

    why: str


def compile_expression(text: str) -> Any:
    """Return a compiled expression.

    Raises:
        NotOffline: it uses the authorizer or a function that is not there.
        ValueError: it is no CEL.
    """
    compiled = _compile(text)
    if isinstance(compiled, Exception):
        raise compiled
    return compiled


@cache
def _compile(text: str) -> Any:
    if re.search(r"\b(authorizer|request\.userInfo)\b", text):
        return NotOffline("it asks who the user is or what the user may do")
    try:
        return _environment().compile(text)
    except RuntimeError as error:
        unknown = re.search(r"undeclared reference to '([\w.]+)'", str(error))
        if unknown:
            return NotOffline(f"it uses {unknown[1]}, which is not known here")
        return ValueError(" ".join(str(error).split())[:200])


def evaluate_expression(compiled: Any, data: Mapping[str, Any]) -> Any:
    """Return an expression's value, or `Failed`."""
    try:
        value = compiled.eval(data={name: data.get(name) for name in VARIABLES})
    except (RuntimeError, TypeError, ValueError, OverflowError) as error:
        return Failed(str(error))
    if value.type() == cel.Type.ERROR:
        return Failed(_in_their_words(str(value.plain_value())))
    return value.plain_value()


def _in_their_words(text: str) -> str:
    """Say an error as the API server's library says it, where that is known."""
    key = re.search(r'Key not found in map : "([^"]*)"', text)
    return f"no such key: {key[1]}" if key else text


@cache
def _environment() -> Any:
    return cel.NewEnv(
        variables=dict.fromkeys(VARIABLES, cel.Type.DYN),
        extensions=[ext_strings.ExtStrings(), ext_optional.ExtOptional()],
        functions=[_declare(*row) for row in _FUNCTIONS],
    )


def _find(text: str, pattern: str) -> str:
    hit = re.search(pattern, text)
    return hit[0] if hit else ""


def _find_all(text: str, pattern: str) -> list[str]:
    return [hit[0] for hit in re.finditer(pattern, text)]


def _is_sorted(items: list[Any]) -> bool:
    return items == sorted(items)


_T = cel.Type
_LIST = _T.List(_T.DYN)
_FUNCTIONS: tuple[tuple[str, Any, list[Any], Callable[..., Any]], ...] = (
    ("find", _T.STRING, [_T.STRING, _T.STRING], _find),
    ("findAll", _T.List(_T.STRING), [_T.STRING, _T.STRING], _find_all),
    ("isSorted", _T.BOOL, [_LIST], _is_sorted),
    ("sum", _T.DYN, [_LIST], sum),
    ("min", _T.DYN, [_LIST], min),
    ("max", _T.DYN, [_LIST], max),
)


def _declare(name: str, result: Any, arguments: list[Any], work: Callable[..., Any]) -> Any:
    overload = cel.Overload(f"muster_{name}", result, arguments, True, impl=work)
    return cel.FunctionDecl(name, [overload])
