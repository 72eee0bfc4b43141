"""What a change in git does, for people at a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console

from muster.cli.output import counted, plain, print_table
from muster.cli.plan_text import MOST_ROWS, target_text
from muster.model.names import Action
from muster.model.plans import AccountDecision, Change
from muster.model.reasons import Reason
from muster.plan.compare import BlastRadius, Difference, Shift, Standing, policy_lines
from muster.report.comparison_document import Comparison, Locate, unread

STANDING = {
    Standing.NEW: "new in git",
    Standing.REMOVED: "no longer in git",
    Standing.COVERED: "now covered by a policy",
    Standing.UNCOVERED: "no longer covered by a policy",
    Standing.SAME: "",
}


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print the customers that the change touches, then what it does altogether."""
    radius = comparison.radius
    console.print(plain(heading(comparison)))
    for note in comparison.notes:
        console.print(f"[yellow]note:[/] {plain(note)}")
    console.print()
    for one in radius.touched:
        _print_customer(one, comparison, console)
    console.print(f"[bold]{plain(summary(radius))}[/]")
    for line in told_apart(radius):
        console.print(line)
    console.print(f"For apply --expect: {radius.digest}")


def heading(comparison: Comparison) -> str:
    """Say what is compared, and from which observation."""
    recorded = comparison.recorded_at
    what = f"as recorded at {recorded:%Y-%m-%d %H:%M} UTC" if recorded else "as observed just now"
    return f"Compared with {comparison.revision} ({comparison.commit[:12]}), both {what}."


def summary(radius: BlastRadius) -> str:
    """Say in one sentence what the change does."""
    touched = [one for one in radius.differences if one.touched]
    parts = [f"{len(touched)} of {counted(len(radius.differences), 'customer')} touched"]
    gained = sum(len(one.gained) for one in radius.differences)
    lost = sum(len(one.lost) for one in radius.differences)
    parts += [f"{counted(gained, 'account')} gained", f"{counted(lost, 'account')} lost"]
    parts += totals(change for one in radius.differences for change in one.added)
    refused = sum(bool(one.refusals) for one in radius.differences)
    parts += [f"{counted(refused, 'plan')} newly refused"] if refused else []
    torn = sum(not one.whole for one in radius.differences)
    parts += [f"{counted(torn, 'customer')} not read whole"] if torn else []
    return ", ".join(parts) + "."


def told_apart(radius: BlastRadius) -> Iterator[str]:
    """Yield what is not because of the change, or would no longer be done."""
    pending = sum(one.pending for one in radius.differences)
    dropped = sum(len(one.dropped) for one in radius.differences)
    if pending:
        yield f"Already pending, not because of this change: {counted(pending, 'change')}."
    if dropped:
        yield f"Pending before, and no longer done with this change: {counted(dropped, 'change')}."


def totals(changes: Iterable[Change]) -> list[str]:
    """Return how often each action is done, in the order of actions."""
    found = [change.action for change in changes]
    return [f"{found.count(action)} {action}" for action in Action if action in found]


def _print_customer(one: Difference, comparison: Comparison, console: Console) -> None:
    console.print(f"[bold]{one.name}[/]  {plain(customer_line(one))}")
    for line in hints(one, anonymous=comparison.anonymous):
        console.print(f"  [yellow]![/] {plain(line)}")
    for shown in lines_text(one.added, comparison.locate):
        console.print(f"  {plain(shown)}")
    if not comparison.anonymous:
        _print_accounts(one.shifts, console)
        _print_changes("+", one.added, comparison.locate, console)
        _print_changes("-", one.dropped, comparison.locate_base, console)
        for finding in one.questions[:MOST_ROWS]:
            who = f"{finding.user}: " if finding.user else ""
            console.print(f"  [yellow]?[/] {finding.reason}  {plain(who + finding.message)}")
        _print_rest(len(one.questions), "findings", console)
    for refusal in refusals_text(one, anonymous=comparison.anonymous):
        console.print(f"  [bold red]refused:[/] {plain(refusal)}")
    if one.needs_approval:
        console.print(f"  for approvals: {one.digest}")
    console.print()


def customer_line(one: Difference) -> str:
    """Say in a few words what the change does to a customer."""
    parts = [STANDING[one.standing]] if STANDING[one.standing] else []
    for count, word in ((len(one.gained), "gained"), (len(one.lost), "lost")):
        parts += [f"{counted(count, 'account')} {word}"] if count else []
    parts += [f"{len(one.otherwise)} decided otherwise"] if one.otherwise else []
    parts += totals(one.added)
    parts += [f"{counted(len(one.dropped), 'change')} no longer done"] if one.dropped else []
    parts += [f"{counted(len(one.questions), 'new finding')}"] if one.questions else []
    parts += [f"{counted(one.answered, 'finding')} settled"] if one.answered else []
    parts += [f"{one.pending} already pending"] if one.pending else []
    return ", ".join(parts) or "nothing differs"


def hints(one: Difference, *, anonymous: bool) -> Iterator[str]:
    """Yield what makes a comparison of a customer less than whole, and why if that may be told."""
    for word, side in (("with", one.head), ("without", one.base)):
        sources = unread(side)
        if sources:
            yield f"Not read whole {word} the change: {', '.join(sources)}."
    if not anonymous and not one.whole:
        yield from _why_unread(one)
    if one.elsewhere:
        yield f"The change leads elsewhere, so this was read twice: {', '.join(one.elsewhere)}."
    if one.standing is Standing.REMOVED:
        left = counted(one.left_behind, "account")
        yield f"Nothing is done for it any more; {left} in the registry stay as they are."


def _why_unread(one: Difference) -> Iterator[str]:
    """Yield what the systems answered instead, once where both sides got it."""
    plans = [side.plan for side in (one.head, one.base) if side]
    reasons = (Reason.SOURCE_INCOMPLETE, Reason.LINK_BROKEN)
    told = (found.message for plan in plans for found in plan.findings if found.reason in reasons)
    yield from dict.fromkeys(told)


def lines_text(changes: Iterable[Change], locate: Locate) -> Iterator[str]:
    """Yield per policy line what it demands more than before."""
    for line in policy_lines(changes):
        effects = ", ".join(f"{count} {action} {system}" for system, action, count in line.effects)
        yield f"{locate(line.because) or line.because}: {effects}"


def refusals_text(one: Difference, *, anonymous: bool) -> Iterator[str]:
    """Yield why the new side is refused, and whether it was before."""
    new = set(one.refusals)
    for refusal in one.head.refusals if one.head else ():
        before = "" if refusal in new else " (also without this change)"
        text = f"{refusal.reason} {refusal.policy}".strip() if anonymous else refusal.message
        yield f"{text}{before}"


def shift_text(one: AccountDecision | None) -> str:
    """Say how an account was decided about."""
    if one is None:
        return "not selected"
    via = f" via {one.decision.via}" if one.decision.via else ""
    return f"{one.decision.state} ({one.decision.reason}{via})"


def listed(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Return the changes to list one by one: an import shows among the accounts already."""
    return tuple(change for change in changes if change.action is not Action.IMPORT)


def sign(shift: Shift) -> str:
    """Return + for an account that is gained, - for one that is lost, ~ for another reason."""
    return "+" if shift.gained else "-" if shift.lost else "~"


def _print_accounts(shifts: tuple[Shift, ...], console: Console) -> None:
    for shift in shifts[:MOST_ROWS]:
        text = f"{shift_text(shift.before)} → {shift_text(shift.after)}"
        console.print(f"  {sign(shift)} {plain(shift.either.user)}  {plain(text)}")
    _print_rest(len(shifts), "accounts", console)


def _print_changes(
    mark: str, changes: tuple[Change, ...], locate: Locate, console: Console
) -> None:
    changes = listed(changes)
    rows = [
        (
            f"  {mark} {change.action}",
            change.system,
            change.user,
            target_text(change),
            locate(change.because) or change.because,
        )
        for change in changes[:MOST_ROWS]
    ]
    if rows:
        print_table(("  ACTION", "SYSTEM", "ACCOUNT", "TARGET", "BECAUSE"), rows, console)
    _print_rest(len(changes), "changes", console)


def _print_rest(count: int, what: str, console: Console) -> None:
    if count > MOST_ROWS:
        console.print(f"  … and {count - MOST_ROWS} more {what}; -o json prints all.")
