"""What is not known for certain about Autotask, or differs between tenants, as switches.

Each default is the likelier answer; a careful client passes under every setting.
"""

from __future__ import annotations

from dataclasses import dataclass

from muster.lab.faults import Throttle
from muster.lab.http import RateLimit


@dataclass(frozen=True, slots=True, kw_only=True)
class AutotaskKnobs:
    """How the simulated Autotask behaves where tenants or evidence differ."""

    double_slash: bool = False
    """The zone lookup answers `https://host//ATServicesRest/`, as it once did
    (KelvinTegelaar/AutotaskAPI, Public/Add-AutotaskBaseURI.ps1)."""
    unknown_user_is_200: bool = False
    """An unknown user gets 200 with `errorMessage` instead of 500. Unconfirmed: one client."""
    says_why_401: bool = False
    """A 401 has a body. Unconfirmed: both forms are in client code."""
    lock_after: int = 10
    """Failed sign-ins after which the user is locked; a setting of the tenant's."""
    ignores_unknown_operators: bool = True
    """A condition with a misspelt operator holds for every record, which was seen live;
    otherwise it is refused."""
    case_sensitive: bool = False
    """Compare strings letter by letter. Unconfirmed: daily use reports the reverse."""
    name_length: int = 20
    """How long given name and surname may be; the field information says so."""
    also_required: tuple[str, ...] = ()
    """Fields that the tenant requires of a new contact beyond the usual ones."""
    unknown_item_is_404: bool = False
    """An unknown id is 404 instead of `{"item": null}`; clients handle both."""
    root_writes: int = 404
    """What POST and PATCH on `/Contacts` answer. Unconfirmed: 404 or 405."""
    no_patch: bool = False
    """PATCH is a web page with 404. Unconfirmed: one report about one zone."""
    forgets_patches: bool = False
    """PATCH answers 200 and changes nothing. Unconfirmed for contacts."""
    hides_contacts: bool = False
    """The security level hides all contacts: they are not there, and nothing says so."""
    read_only: bool = False
    """The security level neither adds nor edits contacts: 500 with a reason."""
    requests_per_hour: int = 10_000
    """For all integrations together (the vendor's thresholds page)."""
    throttle: Throttle | None = None
    """How the limit answers. None: 429 without Retry-After. Unconfirmed: status and words."""
    threads: int = 3
    """Calls at once per endpoint (the vendor's page on thread limiting)."""
    slows_down: bool = False
    """Answer half a second later above half of the requests, and a second above 75 percent."""

    def rate_limit(self) -> RateLimit:
        """Return the limit as the server applies it."""
        throttle = self.throttle or Throttle()
        return RateLimit(requests=self.requests_per_hour, window_s=3600, throttle=throttle)
