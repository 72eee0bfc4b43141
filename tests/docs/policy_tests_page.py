"""Makes docs/reference/policy-tests.md from the schema of policy tests: every field.

Decides the form; the words are the schema's.
"""

from __future__ import annotations

from tests.docs.resources_page import Field, fields, table

from muster.resources.schemas import load_schema

_HEAD = """\
# Policy tests

The file of [`muster test`](../how-to/test-policies.md), field by field. This page is made from
`schemas/policytest_v1alpha1.json` (`MUSTER_UPDATE=1 pytest tests/docs` writes it again).

`[]` stands for each item of a list, `*` for each account's name. **Bold** fields must be there. A
field that is not listed is an error, not ignored. Exactly one of `customer` and `exampleCustomer`
must be set.

"""

_ELSEWHERE = {
    "exampleCustomer.imports": "As `spec.imports` of a [Customer](resources.md#customer).",
    "registry.accounts[].options": "As `spec.options` of an "
    "[AutomaticImportPolicy](resources.md#automaticimportpolicy).",
}
_PARTS = {
    "The test": ("apiVersion", "kind", "name", "resources", "customer", "exampleCustomer", "now"),
    "Directories": ("directory", "entra"),
    "Vault and PSA": ("vault", "psa"),
    "What was before": ("overrides", "registry"),
    "What is expected": ("expect",),
}


def policy_tests_page() -> str:
    """Return the page."""
    found = [field for field in fields(load_schema("PolicyTest"), "") if not _inner(field)]
    parts = [_part(title, names, found) for title, names in _PARTS.items()]
    return _HEAD + "\n".join(parts)


def _inner(field: Field) -> bool:
    """Say whether a field is explained by another page."""
    return any(field.path[1:].startswith((f"{one}.", f"{one}[")) for one in _ELSEWHERE)


def _part(title: str, names: tuple[str, ...], found: list[Field]) -> str:
    rows = []
    for field in found:
        path = field.path[1:]
        if path.split(".", 1)[0] in names:
            said = _ELSEWHERE.get(path)
            schema = {**field.schema, "description": said} if said else field.schema
            rows.append(Field(path=path, schema=schema, required=field.required))
    return f"## {title}\n\n{table(rows)}"
