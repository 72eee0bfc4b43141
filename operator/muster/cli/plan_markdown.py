"""A plan and a comparison of two plans as Markdown, for a comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from muster.cli.comparison_text import (
    STANDING,
    heading,
    hints,
    lines_text,
    listed,
    refusals_text,
    shift_text,
    sign,
    summary,
    told_apart,
)
from muster.cli.markdown import MOST_ROWS, code, details, document, rest, table
from muster.cli.output import counted
from muster.cli.plan_text import target_text
from muster.model.names import Action
from muster.model.plans import Change, Finding, Refused, Verdict
from muster.plan.compare import Difference
from muster.plan.digest import digest_plans
from muster.report.comparison_document import Comparison, Locate

_CHANGES = ("", "Action", "System", "Account", "Target", "Because")
_SIGNS = {"+": "➕", "-": "➖", "~": "🔁"}


def comparison_markdown(comparison: Comparison) -> str:
    """Return what a change in git does; customers that it does not touch are only counted."""
    radius = comparison.radius
    touched = radius.touched
    actions = _actions(change for one in touched for change in one.added)
    head = ["### What this change does", "", heading_markdown(comparison)]
    head += ["", f"**{summary(radius)}**", *(f"{line}  " for line in told_apart(radius))]
    head += [f"> {code(note)}" for note in comparison.notes]
    head += ["", f"For `muster apply --expect`: `{radius.digest}`"]
    columns = ("Customer", "Gained", "Lost", *actions, "Findings", "Note")
    rows = [_customer_row(one, actions) for one in touched]
    parts = [_customer_part(one, comparison) for one in touched]
    return document(head, (columns, rows), parts)


def heading_markdown(comparison: Comparison) -> str:
    """Say what is compared; a revision may be named by anybody."""
    plain = heading(comparison)
    return plain.replace(comparison.revision, code(comparison.revision), 1)


def plan_markdown(
    verdicts: Iterable[Verdict], locate: Locate, *, anonymous: bool, recorded: str = ""
) -> str:
    """Return a whole plan; customers without anything to do or to say are only counted."""
    ordered = sorted(verdicts, key=lambda one: one.plan.customer)
    shown = [one for one in ordered if _speaks(one)]
    actions = _actions(change for one in shown for change in one.plan.changes)
    changes = sum(len(one.plan.changes) for one in ordered)
    head = ["### Plan", "", *([recorded, ""] if recorded else [])]
    head += [f"**{counted(len(ordered), 'customer')}, {counted(changes, 'change')}.**"]
    head += ["", f"For `muster apply --expect`: `{digest_plans(one.plan for one in ordered)}`"]
    columns = ("Customer", *actions, "Waiting", "Note")
    rows = [_plan_row(one, actions) for one in shown]
    parts = [_plan_part(one, locate, anonymous=anonymous) for one in shown]
    return document(head, (columns, rows), parts)


def _actions(changes: Iterable[Change]) -> tuple[Action, ...]:
    found = {change.action for change in changes}
    return tuple(action for action in Action if action in found)


def _number(count: int) -> str:
    return str(count) if count else ""


def _counts(changes: Sequence[Change], actions: Sequence[Action]) -> list[str]:
    return [_number(sum(one.action is action for one in changes)) for action in actions]


def _joined(notes: Iterable[str]) -> str:
    return ", ".join(note for note in notes if note)


def _customer_row(one: Difference, actions: Sequence[Action]) -> list[str]:
    guard = "**refused**" if one.refusals else "refused before too" if one.needs_approval else ""
    notes = [STANDING[one.standing], guard, "" if one.whole else "not read whole"]
    gained, lost = _number(len(one.gained)), _number(len(one.lost))
    findings = _number(len(one.questions))
    return [code(one.name), gained, lost, *_counts(one.added, actions), findings, _joined(notes)]


def _customer_part(one: Difference, comparison: Comparison) -> str:
    told = hints(one, anonymous=comparison.anonymous)
    lines = [f"- ⚠️ {code_long(line)}" for line in told]
    lines += [f"- {code(line)}" for line in lines_text(one.added, comparison.locate)]
    for text in refusals_text(one, anonymous=comparison.anonymous):
        lines.append(f"- ⛔ {code_long(text)}")
    if one.needs_approval:
        lines.append(f"- for `approvals`: `{one.digest}`")
    if one.pending:
        lines.append(f"- already pending, not because of this change: {one.pending}")
    if not comparison.anonymous:
        lines += _people(one, comparison)
    return details(f"<b>{one.name}</b>", lines)


def _people(one: Difference, comparison: Comparison) -> list[str]:
    shifts = [
        [
            _SIGNS[sign(shift)],
            code(shift.either.user),
            code(shift_text(shift.before)),
            code(shift_text(shift.after)),
        ]
        for shift in one.shifts
    ]
    lines = table(("", "Account", "Before", "After"), shifts, "accounts")
    changes = [
        *(_change("➕", change, comparison.locate) for change in listed(one.added)),
        *(_change("➖", change, comparison.locate_base) for change in listed(one.dropped)),
    ]
    lines += table(_CHANGES, changes, "changes")
    return [*lines, *_findings(one.questions)]


def _change(mark: str, change: Change, locate: Locate) -> list[str]:
    because = locate(change.because) or change.because
    target = code(target_text(change))
    return [mark, change.action, change.system, code(change.user), target, code(because)]


def _findings(findings: Sequence[Finding]) -> list[str]:
    lines = []
    for one in findings[:MOST_ROWS]:
        who = f" {code(one.user)}" if one.user else ""
        lines.append(f"- {one.reason}{who}: {code_long(one.message)}")
    return ["", *lines, *rest(len(findings), MOST_ROWS, "findings")] if lines else []


def code_long(text: str) -> str:
    """Return a sentence that may hold foreign names as code, in pieces that no cell cuts."""
    return code(text) if len(text) <= 200 else " ".join(map(code, _pieces(text)))


def _pieces(text: str) -> list[str]:
    words, pieces = text.split(" "), [""]
    for word in words:
        if len(pieces[-1]) + len(word) > 180:
            pieces.append("")
        pieces[-1] = f"{pieces[-1]} {word}".strip()
    return pieces


def _speaks(one: Verdict) -> bool:
    plan = one.plan
    return bool(plan.changes or plan.counts.ambiguous or not plan.complete) or isinstance(
        one, Refused
    )


def _plan_row(one: Verdict, actions: Sequence[Action]) -> list[str]:
    plan = one.plan
    guard = "**refused**" if isinstance(one, Refused) else ""
    notes = [guard, "" if plan.complete else "not read whole"]
    waiting = _number(plan.counts.ambiguous)
    return [code(plan.customer), *_counts(plan.changes, actions), waiting, _joined(notes)]


def _plan_part(one: Verdict, locate: Locate, *, anonymous: bool) -> str:
    plan = one.plan
    lines = [f"- {code(line)}" for line in lines_text(plan.changes, locate)]
    for refusal in one.refusals if isinstance(one, Refused) else ():
        text = f"{refusal.reason} {refusal.policy}" if anonymous else refusal.message
        lines.append(f"- ⛔ {code_long(text)}")
    if isinstance(one, Refused):
        lines.append(f"- for `approvals`: `{plan.digest}`")
    if not anonymous:
        rows = [_change("", change, locate)[1:] for change in plan.changes]
        lines += [*table(_CHANGES[1:], rows, "changes"), *_findings(plan.findings)]
    return details(f"<b>{plan.customer}</b>", lines)
