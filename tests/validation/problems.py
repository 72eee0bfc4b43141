"""Problems for the tests of output formats: plain ones, and any that text can make."""

from __future__ import annotations

import json
import os
from functools import cache
from importlib.resources import files
from typing import Any

from hypothesis import strategies as st

from muster.resources.codes import Code
from muster.resources.problems import Problem

HOSTILE_FILE = "\x1b[2J\x9b|`a``b`<b>\u202e\udc80%0A,::\r\n李"
HOSTILE = "\x1b]0;x\x07\x9b31m<b>|`a`\u202e\ud800\ufffe&amp;\x00 ]]> ::error::%0A,:\r\n李"


def problem(code: Code = Code.UNKNOWN_FIELD, **changed: Any) -> Problem:
    """Return a problem, where `changed` differs from a plain one."""
    plain: dict[str, Any] = {"file": "estate/a.yaml", "line": 3, "column": 5, "path": "/spec/x"}
    return Problem(code=code, **{**plain, "message": "Unknown field `spec.x`.", **changed})


TEXTS = st.text(alphabet=st.characters(), max_size=20) | st.sampled_from([HOSTILE, "a.yaml"])
FILES = st.just("a.yaml") | st.binary(max_size=12).map(
    lambda name: os.fsdecode(name.replace(b"\x00", b"")) or "a"
)
"""Any name that a file system may give."""
PROBLEMS = st.lists(
    st.builds(
        Problem,
        code=st.sampled_from(Code),
        file=FILES,
        line=st.integers(0, 10**6),
        column=st.integers(0, 10**4),
        path=st.just("/spec"),
        message=TEXTS,
        advice=TEXTS,
    ),
    max_size=6,
)


@cache
def schema(package: str, path: str) -> Any:
    """Return a JSON schema that a package of the dev extra ships."""
    return json.loads(files(package).joinpath(path).read_text(encoding="utf-8"))
