"""What differs between tenants, or is not known for certain, as switches."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class GraphKnobs:
    """How the simulated Graph behaves; tests may change it while it runs."""

    max_page: int = 999
    """The most users or members on a page, whatever `$top` says."""
    delta_page: int = 200
    """Entries on a page of changes. Unconfirmed: Graph decides by itself."""
    empty_pages: bool = False
    """Begin each list with an empty page that links to the next."""
    reset_delta: bool = False
    """Answer 410 to every link of changes, as after a reset of the service."""
    password_needs_role: bool = True
    """Demand an Entra role beside the permission. Unconfirmed: Microsoft's text says so, and
    field reports say that the permission alone does for users without roles."""
    after_password: int = 0
    """The AADSTS number that whoever has the right password gets instead of a token, such as
    50076 for a second factor or 53003 for Conditional Access. 0: the token."""
    sign_in_block: int = 0
    """The AADSTS number that everybody gets, whatever the password, such as 50053 for a bad
    address or 7000218 for an application that may not ask. 0: passwords are looked at."""
    stale_sign_in: bool = False
    """Let sign-ins go by each user's former password, as a replica does that lags behind."""
    stale_dates: bool = False
    """Let a user who is shown have the date of the former password."""
    lockout_threshold: int = 10
    """Different wrong passwords after which smart lockout begins."""
    federated_domains: set[str] = field(default_factory=set)
    """Domains whose passwords another login holds."""
