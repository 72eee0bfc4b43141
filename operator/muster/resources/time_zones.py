"""Finds time zones that nobody knows. A schema cannot say which names there are."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from muster.model.settings import Estate
from muster.resources.codes import Code
from muster.resources.conflict import Conflict
from muster.resources.mails import all_settings
from muster.resources.problems import nearest


def unknown_time_zones(estate: Estate, _: object) -> Iterator[Conflict]:
    """Yield the windows of rotation whose time zone is not in the IANA database."""
    for settings in all_settings(estate):
        window = settings.rotation.window
        if window and not _exists(window.time_zone):
            guess = nearest(window.time_zone, sorted(available_timezones()))
            yield Conflict(
                code=Code.UNKNOWN_REFERENCE,
                at=settings.origin.at("options/rotation/window/timeZone"),
                message=f"No time zone is named `{window.time_zone}`.",
                advice=f"Did you mean `{guess}`?"
                if guess
                else "Write a name of the IANA database, such as Europe/Berlin.",
            )


@cache
def _exists(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
