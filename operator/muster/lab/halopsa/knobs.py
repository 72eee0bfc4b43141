"""What is not known for certain about HaloPSA, as switches.

Each default is the likelier answer; a careful client passes under every setting.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from muster.lab.faults import Throttle
from muster.lab.http import RateLimit


class Count(StrEnum):
    """What `record_count` says."""

    TRUE = "True"
    MISSING = "Missing"
    CAPPED = "Capped"
    """Never more than a page holds: a wrong number that does not change (issue 90)."""


class WriteShape(StrEnum):
    """How a write answers the record; different clients read different shapes."""

    OBJECT = "Object"
    ARRAY = "Array"
    ENVELOPE = "Envelope"


@dataclass(frozen=True, slots=True, kw_only=True)
class HaloPsaKnobs:
    """How the simulated HaloPSA behaves where tenants or evidence differ."""

    granted: tuple[str, ...] = ("read:customers", "edit:customers")
    """What the application may do; other scopes are left out of a token without a word."""
    grants_unasked: bool = False
    """A token has everything that was granted, also what was not asked for."""
    says_scope: bool = True
    token_life_s: int = 3600
    tenant: str | None = None
    """The tenant's name that a token request must carry, as query or form field."""
    auth_url: str | None = None
    """What authinfo names. None: this server's own."""
    read_only: bool = False
    """The agent's role may not write: 403."""
    page_cap: int = 100
    """Rows in a page, whatever is asked (homotechsual/HaloAPI issue 90; 50 and 1000 are seen)."""
    unpaged_rows: int | None = 50
    """Rows without paging. None: all."""
    count: Count = Count.TRUE
    repeats_last_page: bool = False
    """A page past the end is the last one again."""
    lists_every_address: bool = False
    """Rows of a list have email2 and email3, too."""
    lists_client: bool = True
    """Rows of a list have client_id."""
    write_shape: WriteShape = WriteShape.OBJECT
    unknown_id_status: int = 404
    default_site: bool = False
    """A new user without site_id goes to the main site; otherwise 400. Unconfirmed."""
    unique_emails: bool = False
    """A second user with an address is refused. Unconfirmed."""
    main_sites: bool = True
    """A new client gets a main site."""
    requests_per_minute: int | None = None
    """None: no limit. Unconfirmed: numbers between 60 and 170 are quoted."""
    throttle: Throttle | None = None
    """How the limit answers. None: a JSON body without Retry-After."""

    def rate_limit(self) -> RateLimit | None:
        """Return the limit as the server applies it."""
        if self.requests_per_minute is None:
            return None
        return RateLimit(
            requests=self.requests_per_minute, window_s=60, throttle=self.throttle or Throttle()
        )
