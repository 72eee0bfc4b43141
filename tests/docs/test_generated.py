"""The reference pages that are made from the program are current."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from tests.docs.generate import REFERENCE, commands_page, exit_codes_page
from tests.docs.lints_page import lints_page
from tests.docs.policy_tests_page import policy_tests_page
from tests.docs.resources_page import resources_page

GENERATED = {
    "cli.md": commands_page,
    "exit-codes.md": exit_codes_page,
    "lints.md": lints_page,
    "resources.md": resources_page,
    "policy-tests.md": policy_tests_page,
}


@pytest.mark.parametrize(("name", "page"), GENERATED.items(), ids=list(GENERATED))
def test_a_reference_page_is_current(name: str, page: Callable[[], str]) -> None:
    """A page under docs/reference is what the program gives; MUSTER_UPDATE=1 writes it again."""
    path = REFERENCE / name
    if os.environ.get("MUSTER_UPDATE") == "1":
        path.write_text(page(), encoding="utf-8")
    assert path.read_text(encoding="utf-8") == page()
