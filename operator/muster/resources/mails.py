"""Finds what is wrong with the e-mails that resources describe."""

from __future__ import annotations

from collections.abc import Iterator

from muster.mail.templates import find_template_problems
from muster.mail.welcome import VARIABLES
from muster.model.settings import Estate, ImportSettings
from muster.resources.codes import Code
from muster.resources.conflict import Conflict


def wrong_templates(estate: Estate, _: object) -> Iterator[Conflict]:
    """Yield the templates of welcome e-mails that cannot be filled."""
    for settings in all_settings(estate):
        template = settings.welcome.template
        for problem in find_template_problems(template, VARIABLES) if template else ():
            yield Conflict(
                code=Code.TEMPLATE_WRONG,
                at=settings.origin.at(f"options/welcomeEmail/template/{problem.part}"),
                message=f"The template is wrong in line {problem.line} of its {problem.part}: "
                f"{problem.message}.",
                advice="See it with: muster welcome preview CUSTOMER ACCOUNT.",
            )


def all_settings(estate: Estate) -> Iterator[ImportSettings]:
    """Yield the import settings of policies and customers."""
    for policy in estate.policies:
        yield policy.settings
    for customer in estate.customers:
        yield from customer.imports
