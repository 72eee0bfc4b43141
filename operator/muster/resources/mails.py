"""Finds what is wrong with the e-mails that resources describe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from muster.model.mail import MailTemplate
from muster.model.settings import Estate, ImportSettings, Origin
from muster.resources.codes import Code
from muster.resources.conflict import Conflict

if TYPE_CHECKING:
    from muster.mail.templates import TemplateProblem


def wrong_templates(estate: Estate, _: object) -> Iterator[Conflict]:
    """Yield the templates of welcome e-mails that cannot be filled."""
    for settings in all_settings(estate):
        template = settings.welcome.template
        for problem in _problems(template) if template else ():
            yield Conflict(
                code=Code.TEMPLATE_WRONG,
                at=settings.origin.at(f"options/welcomeEmail/template/{problem.part}"),
                message=f"The template is wrong in line {problem.line} of its {problem.part}: "
                f"{problem.message}.",
                advice="Correct it; `muster welcome preview` shows what becomes of it.",
            )


def _problems(template: MailTemplate) -> tuple[TemplateProblem, ...]:
    # Late: few trees hold a template, and Jinja takes its time to import.
    from muster.mail.templates import find_template_problems
    from muster.mail.welcome import VARIABLES

    return find_template_problems(template, VARIABLES)


def wrong_time_zones(estate: Estate, _: object) -> Iterator[Conflict]:
    """Yield the digests whose time zone nobody knows."""
    for integration in estate.integrations:
        name = integration.digest.time_zone if integration.digest else "UTC"
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            yield Conflict(
                code=Code.WRONG_VALUE,
                at=Origin(kind="Integration", name=integration.name).at("digest/timeZone"),
                message=f"No time zone is named `{name}`.",
                advice="Write a name of the IANA database, such as Europe/Berlin.",
            )


def all_settings(estate: Estate) -> Iterator[ImportSettings]:
    """Yield the import settings of policies and customers."""
    for policy in estate.policies:
        yield policy.settings
    for customer in estate.customers:
        yield from customer.imports
