"""JUnit reports, which every CI system shows: one suite of cases. What a case is, callers say.

A name may hold anything, and XML not everything: what is not printable is written out, such as
`\\x1b`. Source of the form: Jenkins' xUnit plugin (jenkinsci/xunit-plugin, junit-10.xsd).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from xml.etree import ElementTree

from muster.cli.output import visible


class Ending(StrEnum):
    """How a case that did not simply pass ended: the name of its element."""

    FAILURE = "failure"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case; without an ending it passed."""

    group: str
    """What it is listed under: mostly a file."""
    name: str
    ending: Ending | None = None
    message: str = ""
    kind: str = ""
    details: str = ""


def write_junit(suite: str, cases: Sequence[Case]) -> str:
    """Return a report with one suite.

    The text is ASCII, other letters are references, so no wrong encoding can break it.
    """
    root = ElementTree.Element("testsuites", {"name": suite})
    counts = {
        "tests": len(cases),
        "failures": sum(one.ending is Ending.FAILURE for one in cases),
        "errors": sum(one.ending is Ending.ERROR for one in cases),
        "skipped": sum(one.ending is Ending.SKIPPED for one in cases),
    }
    texts = {name: str(count) for name, count in counts.items()}
    body = ElementTree.SubElement(root, "testsuite", {"name": suite, **texts})
    for one in cases:
        _write_case(body, one)
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="us-ascii", xml_declaration=True)
    return text.decode("ascii")


def _write_case(suite: ElementTree.Element, one: Case) -> None:
    # XML 1.0, section 2.2: most control characters may not stand in it, not even as references.
    names = {"classname": visible(one.group), "name": visible(one.name)}
    case = ElementTree.SubElement(suite, "testcase", names)
    if one.ending is None:
        return
    words = {"message": visible(one.message, keep="\n"), **({"type": one.kind} if one.kind else {})}
    ending = ElementTree.SubElement(case, one.ending, words)
    if one.details:
        ending.text = visible(one.details, keep="\n")
