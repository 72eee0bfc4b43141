"""The documents say what the source says."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from tests.architecture.source import (
    CAUSES,
    REASONS,
    REASONS_PAGE,
    ROOT,
    ReasonText,
    modules,
    reasons,
    reasons_page,
)

from muster.model.causes import Cause
from muster.model.reasons import Reason

PAGES = sorted((ROOT / "docs").rglob("*.md"))


def test_every_reason_is_read_from_the_source() -> None:
    """The page is made from all reason codes and causes, and from no others."""
    assert [reason.word for reason in reasons()] == [reason.value for reason in Reason]
    assert [cause.word for cause in reasons(CAUSES)] == [cause.value for cause in Cause]


@pytest.mark.parametrize("reason", [*reasons(), *reasons(CAUSES)], ids=lambda reason: reason.word)
def test_every_reason_is_documented(reason: ReasonText) -> None:
    """Every reason code has a sentence under it, and stands below a heading."""
    assert reason.text.endswith(".")
    assert reason.section


def test_every_reason_is_given_somewhere() -> None:
    """Nobody looks up a reason code that no code gives."""
    text = "".join(path.read_text() for path in modules() if path != REASONS)
    given = set(re.findall(r"\bReason\.([A-Z_]+)\b", text))
    assert [reason.value for reason in Reason if reason.name not in given] == []
    caused = set(re.findall(r"\bCause\.([A-Z_]+)\b", text))
    assert [cause.value for cause in Cause if cause.name not in caused] == []


def test_the_page_of_reasons_is_current() -> None:
    """docs/reference/reasons.md is what the source gives; MUSTER_UPDATE=1 writes it again."""
    if os.environ.get("MUSTER_UPDATE") == "1":
        REASONS_PAGE.write_text(reasons_page())
    assert REASONS_PAGE.read_text() == reasons_page()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    """A link from a page to a file of the project finds it."""
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_the_map_of_the_documents_is_whole() -> None:
    """docs/README.md links to every page."""
    home = ROOT / "docs" / "README.md"
    missing = [
        path
        for page in PAGES
        if page != home
        and f"]({(path := page.relative_to(home.parent).as_posix())})" not in home.read_text()
    ]
    assert missing == []
