"""What is not known for certain about ConnectWise PSA, as switches.

Each default is the likelier answer; a careful client passes under every setting.
"""

from __future__ import annotations

from dataclasses import dataclass

from muster.lab.faults import Throttle
from muster.lab.http import RateLimit


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectWiseKnobs:
    """How the simulated ConnectWise behaves where tenants or evidence differ."""

    cloud: bool = False
    """Wrong credentials answer 404 with an HTML page, as the cloud's edge does."""
    require_client_id: bool = True
    """Refuse a request without `clientId` with 403. Unconfirmed: one public report."""
    read_only: bool = False
    """The lab's own member may not write: 403."""
    blank_company: bool = False
    """The lab's own member sees `company` and `site` of contacts blank (ConnectWiseManageAPI
    issue 40)."""
    child_same_item: bool = False
    """All child conditions must hold on one item; otherwise each on any item. Unconfirmed."""
    case_sensitive: bool = False
    """Compare strings letter by letter. Unconfirmed: SQL Server's default ignores case."""
    accent_sensitive: bool = True
    """Tell ö from o. Unconfirmed: SQL Server's default does."""
    demands_custom_fields: bool = False
    """Refuse a PATCH that replaces no customFields (amp-labs/connectors, connectwise)."""
    date_only: bool = False
    """Understand only the day of a date in conditions. Unconfirmed: one self-hosted report."""
    codebase: str = "v2025_1/"
    """The tenant's codebase as companyinfo names it, beside the constant v4_6_release."""
    email_type_id: int = 1
    """The id of the default e-mail type; it differs between tenants."""
    requests_per_minute: int | None = None
    """None: no limit. Unconfirmed: about 1,000 is quoted; no number is published."""
    throttle: Throttle | None = None
    """How the limit answers. None: a JSON body with Retry-After 1."""

    def rate_limit(self) -> RateLimit | None:
        """Return the limit as the server applies it."""
        if self.requests_per_minute is None:
            return None
        throttle = self.throttle or Throttle(retry_after=1)
        return RateLimit(requests=self.requests_per_minute, window_s=60, throttle=throttle)
