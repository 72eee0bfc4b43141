"""The pages hold together: links lead somewhere, resources are sound, the README is short."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tests.docs.pages import PAGES, README, ROOT, Block, anchors, blocks, links

from muster.resources import Problem, parse_resource

_RESOURCES = [
    block
    for page in PAGES
    for block in blocks(page)
    if block.language == "yaml" and "apiVersion: muster.dev/" in block.text
]


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """A link into the project finds its file, and its heading where it names one."""
    lost = []
    for path, anchor in links(page):
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(f"{path}#{anchor}")
    assert lost == []


@pytest.mark.parametrize("block", _RESOURCES, ids=lambda block: block.place)
def test_every_resource_shown_is_sound(block: Block) -> None:
    """A YAML block with our apiVersion passes schema and rules."""
    for document in yaml.safe_load_all(block.text):
        parsed = parse_resource(document)
        problems = parsed if isinstance(parsed, tuple) else ()
        assert [str(one) for one in problems if isinstance(one, Problem)] == []


def test_the_readme_is_short() -> None:
    """The README has fewer than 150 lines."""
    assert len(README.read_text(encoding="utf-8").splitlines()) < 150
