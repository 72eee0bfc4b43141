"""A link is put into a file as one line, and nothing else of the file changes."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muster.model.names import RemoteId, System
from muster.resources.documents import Document, read_documents
from muster.resources.insertion import Field, NotEditable, Spot, insert_field
from muster.resources.writing import link_field

VAULT = link_field(System.VAULT, "it-glue", RemoteId("4711"))
PSA = link_field(System.PSA, "connectwise", RemoteId("250"))
LINE = 'vault: {integrationRef: {name: it-glue}, organizationId: "4711"}'


def values(text: str) -> list[Any]:
    """Return what the documents of a text mean; aliases are written out."""
    return [json.loads(json.dumps(one.value)) for one in read_documents(text)]


def document(text: str, index: int = 0) -> Document:
    """Return one document of a text."""
    return list(read_documents(text))[index]


def edited(text: str, index: int = 0, *path: str | int, field: Field = VAULT) -> str:
    """Put a link into the `spec` of one document."""
    line = document(text, index).line
    return insert_field(text, Spot(document_line=line, path=(*path, "spec")), field)


BASE = "kind: Customer\nspec:\n  displayName: Contoso\n"
DIRECTORIES = "  directories:\n    entra:\n      cloud: Global   # ours\n      # clientId\n"

PLACES = {
    "last": (BASE, BASE + f"  {LINE}\n"),
    "before other fields": (
        BASE + "\n  # the people\n  imports: []\n",
        BASE + f"  {LINE}\n\n  # the people\n  imports: []\n",
    ),
    "below the directories and their comments": (
        f"{BASE}{DIRECTORIES}  # imports\n",
        f"{BASE}{DIRECTORIES}  {LINE}\n  # imports\n",
    ),
    "CRLF": (BASE.replace("\n", "\r\n"), (BASE + f"  {LINE}\n").replace("\n", "\r\n")),
    "no line end at the end": (BASE.rstrip(), BASE + f"  {LINE}"),
    "other indentation and quotes": (
        "spec:\n        \"displayName\": 'Contoso'\n        labels: {a: b}\n",
        f"spec:\n        \"displayName\": 'Contoso'\n        {LINE}\n        labels: {{a: b}}\n",
    ),
    "a name over two lines": (
        "spec:\n  displayName: Contoso\n    Limited\n  suspend: true\n",
        f"spec:\n  displayName: Contoso\n    Limited\n  {LINE}\n  suspend: true\n",
    ),
    "a folded name": (
        "spec:\n  displayName: >-\n    Contoso\n    Limited\n  suspend: true\n",
        f"spec:\n  displayName: >-\n    Contoso\n    Limited\n  {LINE}\n  suspend: true\n",
    ),
    "an anchor and an alias beside it": (
        "base: &ad {a: b}\nspec: &spec\n  displayName: &name Contoso\n  directories: *ad\n",
        "base: &ad {a: b}\nspec: &spec\n  displayName: &name Contoso\n  directories: *ad\n"
        f"  {LINE}\n",
    ),
    "a merge beside it": (
        "base: &base {suspend: true}\nspec:\n  <<: *base\n  displayName: Contoso\n",
        f"base: &base {{suspend: true}}\nspec:\n  <<: *base\n  displayName: Contoso\n  {LINE}\n",
    ),
    "the end of the document": (BASE + "...\n# bye\n", BASE + f"  {LINE}\n...\n# bye\n"),
    "a flow mapping over lines": (
        "spec:\n  displayName: C\n  directories: {\n    entra: {},\n  }  # both\n  suspend: true\n",
        "spec:\n  displayName: C\n  directories: {\n    entra: {},\n  }  # both\n"
        f"  {LINE}\n  suspend: true\n",
    ),
}


@pytest.mark.parametrize(("before", "after"), PLACES.values(), ids=PLACES)
def test_one_line_is_added_where_it_belongs(before: str, after: str) -> None:
    """The line stands below the name and the directories, and ends as its neighbours do."""
    assert edited(before) == after


def test_a_psa_stands_below_the_vault() -> None:
    """Both links can be added, one after the other."""
    both = edited(edited(BASE), field=PSA)
    assert both.splitlines()[-2:] == [
        f"  {LINE}",
        '  psa: {integrationRef: {name: connectwise}, companyId: "250"}',
    ]


def test_only_the_document_that_is_meant_changes() -> None:
    """In a file of several documents, and in a list, the others stay as they are."""
    several = "--- # list\nitems:\n- spec:\n    displayName: A\n"
    text = f"# first\n---\n{BASE}---\n# second\n{BASE}{several}"
    second = edited(text, 1)
    assert second == text.replace(f"# second\n{BASE}", f"# second\n{BASE}  {LINE}\n")
    assert edited(text, 2, "items", 0) == text + f"    {LINE}\n"


REFUSED = {
    "braces": ("spec: {displayName: Contoso}\n", "is written in braces"),
    "an alias": ("base: &base\n  displayName: A\nspec: *base\n", "is not written where it is used"),
    "merged": ("base: &base {displayName: A}\nspec:\n  <<: *base\n", "of its own"),
    "shared with another mapping": (
        "spec: &base\n  displayName: A\nother: *base\n",
        "shares its lines",
    ),
    "complex keys": ("spec:\n  ? displayName\n  : Contoso\n", "shares its lines"),
    "nothing": ("spec:\n", "is not written where it is used"),
}


@pytest.mark.parametrize(("text", "why"), REFUSED.values(), ids=REFUSED)
def test_what_one_line_cannot_do_is_refused(text: str, why: str) -> None:
    """Where a line would mean something else or has no place, nothing is edited."""
    with pytest.raises(NotEditable, match=why):
        edited(text)


def test_a_file_that_has_changed_is_refused() -> None:
    """A document that no longer begins where it did is not guessed."""
    with pytest.raises(NotEditable):
        insert_field(BASE, Spot(document_line=7, path=("spec",)), VAULT)


# ---------------------------------------------------------------- any layout

NAMES = st.sampled_from(
    [
        "Contoso",
        "'Contoso'",
        '"Contoso"',
        "&n Contoso",
        "Çöntoso 日本 \N{GRINNING FACE}  # \N{GRINNING FACE}",
        "Con toso  # c",
        "|-\n%s  Contoso",
        ">\n%s  Con\n%s  toso\n",
        "Con\n%s  toso",
        "!!str 12",
    ]
)
FIELDS = st.sampled_from(
    [
        "directories: {a: [1, 2]}",
        "directories:\n%s  a:\n%s  - b\n%s  # deeper",
        "passwordAuthority:",
        "directories: &d\n%s  a: b\n%s  c: |+\n%s    text\n\n",
        "suspend: true",
        "x: *name",
        "imports:\n%s- a\n%s- b",
        "# a comment",
        "",
        "   ",
        "psa: {b: c}",
        "? y\n%s: z",
    ]
)


@st.composite
def layouts(draw: st.DrawFn) -> tuple[str, int]:
    """Return a stream of documents, and which of them is to be edited."""
    documents = draw(st.lists(spec(), min_size=1, max_size=3))
    start = draw(st.sampled_from(["", "---\n", "# head\n---\n", "%YAML 1.1\n---\n"]))
    text = start + "---\n".join(documents)
    if draw(st.booleans()):
        text = text.rstrip("\n ")
    text = text.replace("\n", draw(st.sampled_from(["\n", "\r\n", "\r"])))
    return text, draw(st.integers(0, len(documents) - 1))


@st.composite
def spec(draw: st.DrawFn) -> str:
    """Return one document with a `spec`, some of which no loader accepts."""
    indent = " " * draw(st.integers(1, 5))
    above = draw(st.lists(FIELDS, max_size=2, unique=True))
    below = draw(st.lists(FIELDS, max_size=3, unique=True).filter(lambda b: not {*b} & {*above}))
    lines = [*above, f"displayName: {draw(NAMES)}", *below]
    body = "".join(f"{indent}{line.replace('%s', indent)}\n" for line in lines)
    head = draw(st.sampled_from(["", "name: &name N\n", "list: [1, 2]  # c\n\n"]))
    tail = draw(st.sampled_from(["", "# tail\n", "status: {}\n", "...\n"]))
    return f"{head}spec:{draw(st.sampled_from(['', ' # c', ' &s', '  ']))}\n{body}{tail}"


@settings(max_examples=150, deadline=None)
@given(layouts())
def test_every_layout_is_kept_or_refused(layout: tuple[str, int]) -> None:
    """The edited text means the old one with the link; without the new line it is the old one."""
    text, index = layout
    try:
        expected = values(text)
        after = edited(text, index)
    except Exception as refused:  # noqa: BLE001 - a text that is no YAML is not edited either
        assert type(refused).__name__ in {"NotYaml", "NotEditable", "IndexError"}  # noqa: PT017
        return
    expected[index]["spec"]["vault"] = VAULT.value
    assert values(after) == expected
    assert without_line(after) == text


def without_line(text: str) -> str:
    """Return a text without the line of the link."""
    before, _, after = text.partition(LINE)
    before = before.rstrip(" ")
    if after:
        return before + re.sub(r"\A(\r\n|\r|\n)", "", after)
    return re.sub(r"(\r\n|\r|\n)\Z", "", before)
