"""Writes options as YAML has them, and a customer's own imports under other names."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from muster.model.settings import Options
from muster.testing.pseudonyms import Pseudonyms

_NAMES = frozenset({"groups", "accounts", "privilegedGroups", "containers"})
_AFTERWARDS = ("welcomeEmail", "selfServe")
"""Options about what follows an import; they may name people and decide nothing here."""
_TIME_ZONE = "UTC"
"""Where a customer is tells who it is."""


def options_body(options: Options) -> dict[str, Any]:
    """Return an `options` block."""
    return {
        "vault": {
            "match": options.vault.match,
            "createWhenMissing": options.vault.create_when_missing,
            "uncategorized": str(options.vault.uncategorized),
            "followEdits": options.vault.follow_edits,
        },
        "psa": {
            "match": options.psa.match,
            "createWhenMissing": options.psa.create_when_missing,
            "nameFallback": str(options.psa.name_fallback),
        },
        "pairing": [str(key) for key in options.pairing],
        "driftRemediation": str(options.drift_remediation),
    }


def renamed_imports(imports: Sequence[Any], names: Pseudonyms) -> list[Any]:
    """Return a customer's own imports, with groups, units and accounts renamed."""
    renamed = [_renamed(one, names) for one in copy.deepcopy(list(imports))]
    for one in renamed:
        for option in _AFTERWARDS:
            one.get("options", {}).pop(option, None)
        if not one.get("options", True):
            del one["options"]
    return renamed


def _renamed(value: Any, names: Pseudonyms) -> Any:
    if isinstance(value, Mapping):
        return {key: _field(key, child, names) for key, child in value.items()}
    if isinstance(value, list):
        return [_renamed(one, names) for one in value]
    return value


def _field(key: str, value: Any, names: Pseudonyms) -> Any:
    if key == "timeZone":
        return _TIME_ZONE
    if key == "path":
        return names.place(value)
    if key in _NAMES:
        return [names.place(one) if "=" in one else names.text(one) for one in value]
    return _renamed(value, names)
