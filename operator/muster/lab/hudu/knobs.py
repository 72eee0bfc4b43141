"""What is not known for certain about Hudu, as switches; each default is the likelier answer.

The sources named here are public repositories and their issue threads; "live" is a published
probe of Hudu 2.45.1 in msoukhomlinov/node-hudu.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from muster.lab.faults import Throttle
from muster.lab.http import RateLimit


class TimeFilter(StrEnum):
    """What a Hudu makes of `updated_at=START,` in a request for passwords."""

    RANGE = "range"
    """What the vendor's OpenAPI says: what was edited from then on."""
    EXACT = "exact"
    """What was edited in that second: the other half of the documented filter alone."""
    IGNORED = "ignored"
    """Everything. Live: filters that are not known are ignored, so older versions do this."""
    REFUSED = "refused"
    """400, as one resource answers filters that it does not know (live)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HuduKnobs:
    """How the simulated Hudu behaves where evidence is thin."""

    version: str = "2.45.1"
    no_password_access_status: int = 401
    """What a key without password access gets. Unconfirmed: 401, or 403."""
    create_status: int = 200
    """200 live; the vendor's OpenAPI says 201."""
    wrapped: bool = True
    """Single records stand below their name. Older versions answer them bare."""
    max_page: int = 1000
    """Larger pages are cut to this. One public client claims 100. Unconfirmed."""
    archived_filter: bool = True
    """Whether `archived` is understood; older versions ignore it."""
    time_filter: TimeFilter = TimeFilter.RANGE
    """How `updated_at` is understood."""
    archived_in_lists: bool = True
    """Without `archived`, a list holds archived entries too. Unconfirmed."""
    password_required: bool = True
    """Refuse a blank password (lwhitelock/ITGlue-Hudu-Migration issue 44)."""
    url_is_record_path: bool = True
    """`url` of an answer is the record's own path, and `login_url` the website. Unconfirmed."""
    in_portal_echoed: bool = False
    """Whether answers hold `in_portal`, which writes may."""
    requests_per_window: int | None = 300
    """Per minute, says the vendor. None: no limit."""
    window_s: int = 60
    aligned_window: bool = False
    """The window begins at multiples of its length, as lwhitelock/HuduAPI issue 66 reports for
    300 seconds."""
    throttle: Throttle | None = None
    """How the limit answers. None: the text `Retry later`, without Retry-After."""

    def rate_limit(self) -> RateLimit | None:
        """Return the limit as the server applies it."""
        if self.requests_per_window is None:
            return None
        return RateLimit(
            requests=self.requests_per_window,
            window_s=self.window_s,
            aligned=self.aligned_window,
            throttle=self.throttle or Throttle(),
        )
