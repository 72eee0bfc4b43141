"""Makes docs/reference/lints.md from the codes, one section for each; its anchor is the code."""

from __future__ import annotations

from muster.resources.codes import Code, Severity, explanations

_HEAD = """\
# Lints

What `muster validate` finds, one section per code. The same word stands in every output. The codes
are written once, in `operator/muster/resources/codes.py`; this page is made from it
(`MUSTER_UPDATE=1 pytest tests/docs` writes it again).

Errors make resources invalid: nothing is planned, and the command exits with 1. Warnings do so only
with `--strict`, notes never. Warnings, notes and guardrails are looked for once there is no error.
"""
_TITLES = {
    Severity.ERROR: "Errors",
    Severity.WARNING: "Warnings: valid, and probably not meant",
    Severity.NOTE: "Notes: good to know when a change is reviewed",
}


def lints_page() -> str:
    """Return the page: its head, a list of all codes by weight, and their sections."""
    words = explanations()
    parts = [_HEAD]
    for severity, title in _TITLES.items():
        codes = [code for code in Code if code.severity is severity]
        links = " ·\n".join(f"[{code}](#{code.lower()})" for code in codes)
        parts.append(f"{title}: {links}.\n")
    for severity, title in _TITLES.items():
        parts.append(f"## {title}\n")
        codes = [code for code in Code if code.severity is severity]
        parts += [f"### {code}\n\n{words[code]}\n" for code in codes]
    return "\n".join(parts)
