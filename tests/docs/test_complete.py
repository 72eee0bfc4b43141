"""What a person can meet is written down: commands, fields, words, containers, groups."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import typer.main
from tests.docs.conftest import Terminal
from tests.docs.generate import REFERENCE, commands, parameters
from tests.docs.pages import DOCS

from muster.adapters.active_directory.containers import hidden
from muster.cli.main import app
from muster.model.names import Action, LinkState, MatchKey
from muster.model.plans import Counts
from muster.model.reasons import Reason
from muster.plan.privilege import PRIVILEGED_BUILTIN_RIDS, PRIVILEGED_DOMAIN_RIDS
from muster.plan.vault_matching import ACTIVE_DIRECTORY_CATEGORIES
from muster.resources.codes import Code
from muster.resources.schemas import KINDS, load_schema

_MATCHING = "selection-and-matching.md"


@cache
def _page(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def _root() -> Any:
    return typer.main.get_command(app)


def test_every_command_and_option_is_documented() -> None:
    """The page of the command line has a heading for each command, and each of its options."""
    text = _page("cli.md")
    missing = []
    for name, command in commands(_root()):
        _, found, section = text.partition(f"\n## {name}\n")
        section = section.partition("\n## ")[0]
        words = [word for one in parameters(command) for word in one.opts if word.startswith("-")]
        missing += [] if found else [name]
        missing += [f"{name} {word}" for word in words if f"`{word}" not in section]
    assert missing == []


def _fields(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Yield the path of every field below a schema."""
    for name, child in schema.get("properties", {}).items():
        place = f"{path}.{name}" if path else name
        yield place
        yield from _fields(child, place)
    if isinstance(schema.get("items"), dict):
        yield from _fields(schema["items"], f"{path}[]")


def _said_once(path: str) -> bool:
    """Say whether the page explains a field in one place for all: its head, or the policies."""
    *_, parent, _ = ("", *path.split("."))
    shared = path in {"apiVersion", "kind", "metadata", "spec", "status"}
    inherited = path.startswith(("metadata.", "spec.imports[]."))
    return shared or inherited or parent.endswith("Ref")


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_documented(kind: str) -> None:
    """Each field of a kind has a row below the kind's heading, with its whole path."""
    section = _page("resources.md").partition(f"\n## {kind}\n")[2].partition("\n## ")[0]
    paths = [path for path in _fields(load_schema(kind)) if not _said_once(path)]
    assert len(paths) > 5
    assert [path for path in paths if f"`{path}`" not in section] == []


def test_the_imports_of_a_customer_are_what_policies_are() -> None:
    """A customer's imports have the fields of a policy but `customers`, as the page says."""
    spec = load_schema("Customer")["properties"]["spec"]["properties"]
    policy = load_schema("AutomaticImportPolicy")["properties"]["spec"]["properties"]
    shared = {name: field for name, field in policy.items() if name != "customers"}
    assert spec["imports"]["items"]["properties"] == shared


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_documented(reason: Reason) -> None:
    """Each reason code stands in the page of reasons."""
    assert f"| `{reason.value}` |" in _page("reasons.md")


@pytest.mark.parametrize("code", Code)
def test_every_lint_is_documented(code: Code) -> None:
    """Each code of `muster validate` has a section, whose anchor is the code."""
    section = _page("lints.md").partition(f"\n### {code}\n")[2].partition("\n#")[0]
    assert len(section.split()) > 4


@pytest.mark.parametrize("state", LinkState)
def test_every_link_state_says_what_to_do(state: LinkState) -> None:
    """Each link state has a row of three cells: what it is, what it means, what to do."""
    rows = [line for line in _page(_MATCHING).splitlines() if line.startswith(f"| `{state.value}`")]
    assert [row.count(" | ") for row in rows] == [2]


def test_every_key_is_documented() -> None:
    """Each key by which a record is found is named."""
    assert [key for key in MatchKey if f"`{key.value}`" not in _page(_MATCHING)] == []


def test_the_hidden_containers_are_listed() -> None:
    """The page names each container that is hidden by default."""
    text = " ".join(_page(_MATCHING).split())
    assert [one.name for one in hidden("DC=x", {}) if f"{one.name}" not in text] == []


def test_the_privileged_groups_are_listed() -> None:
    """The page has a row for the RID of each privileged group, and for no other."""
    section = _page(_MATCHING).partition("### Privileged groups")[2].partition("###")[0]
    last = [line.split("|")[-2].strip() for line in section.splitlines() if line.startswith("| ")]
    shown = {int(cell) for cell in last if cell.isdigit()}
    assert shown == PRIVILEGED_DOMAIN_RIDS | PRIVILEGED_BUILTIN_RIDS


def test_the_categories_are_listed() -> None:
    """The page names each category that an entry may have."""
    assert [one for one in ACTIVE_DIRECTORY_CATEGORIES if f"`{one}`" not in _page(_MATCHING)] == []


def test_every_action_is_documented() -> None:
    """Each action of a change is explained."""
    assert [one for one in Action if f"| `{one.value}` |" not in _page("plan-document.md")] == []


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        for child in value.values():
            yield from _keys(child)
    elif isinstance(value, list):
        for child in value:
            yield from _keys(child)


def test_every_field_of_a_plan_is_documented(terminal: Terminal) -> None:
    """Each key in the JSON of a real plan stands in the page of the plan document."""
    code, printed = terminal(["plan", "-o", "json"])
    assert code == 0
    plan = json.loads(printed)
    assert sum(len(one["changes"]) for one in plan["customers"]) > 0
    keys = set(_keys(plan)) | set(Counts.__dataclass_fields__)
    assert sorted(key for key in keys if f"`{key}`" not in _page("plan-document.md")) == []


def test_every_page_of_the_reference_is_on_the_map() -> None:
    """docs/README.md has the four groups, and each of its reference pages."""
    text = (DOCS / "README.md").read_text(encoding="utf-8")
    groups = [line.partition(":")[0] for line in text.splitlines() if line.startswith("## ")]
    assert groups == ["## Tutorial", "## How-to", "## Reference", "## Explanation"]
    assert [page.name for page in REFERENCE.glob("*.md") if f"/{page.name})" not in text] == []
