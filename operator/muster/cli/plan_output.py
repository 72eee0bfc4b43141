"""Prints a plan, or a comparison of two, in the form that was asked for."""

from __future__ import annotations

from collections.abc import Sequence

from muster.cli.output import Format, out, print_data, print_text
from muster.cli.plan_options import PlanFormat
from muster.cli.plan_text import Locate, print_plans
from muster.model.plans import Verdict
from muster.report.comparison_document import Comparison, comparison_document
from muster.report.plan_document import plan_document


def print_plan(
    verdicts: Sequence[Verdict],
    locate: Locate,
    form: PlanFormat,
    *,
    anonymous: bool = False,
    recorded: str = "",
) -> None:
    """Print a plan; `recorded` says from which recording, and stands only where people read."""
    match form:
        case PlanFormat.TEXT:
            print_plans(verdicts, locate, out())
            if recorded:
                out().print(recorded)
        case PlanFormat.MARKDOWN:
            from muster.cli.plan_markdown import plan_markdown

            print_text(plan_markdown(verdicts, locate, anonymous=anonymous, recorded=recorded))
        case PlanFormat.JSON | PlanFormat.YAML:
            print_data(plan_document(verdicts), Format(form))


def print_two_sides(comparison: Comparison, form: PlanFormat) -> None:
    """Print what a change in git does."""
    match form:
        case PlanFormat.TEXT:
            from muster.cli.comparison_text import print_comparison

            print_comparison(comparison, out())
        case PlanFormat.MARKDOWN:
            from muster.cli.plan_markdown import comparison_markdown

            print_text(comparison_markdown(comparison))
        case PlanFormat.JSON | PlanFormat.YAML:
            print_data(comparison_document(comparison), Format(form))
