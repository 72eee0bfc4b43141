"""What is not known for certain about IT Glue, as switches; each default is the likelier answer.

The sources named here are public repositories and their issue threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from muster.lab.faults import Throttle
from muster.lab.http import RateLimit


class VaultShow(StrEnum):
    """What `password` of a host-proof entry holds when it is shown."""

    ABSENT = "absent"
    NULL = "null"
    CIPHERTEXT = "ciphertext"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItGlueKnobs:
    """How the simulated IT Glue behaves where evidence is thin. Each line is unconfirmed."""

    bad_key_status: int = 403
    """403 was seen (itglue/powershellwrapper issue 48); some clients also handle 401."""
    requests_per_window: int | None = 3000
    """3,000 in five minutes (jason-sager/itglue-mcp-server README). None: no limit."""
    throttle: Throttle | None = None
    """How the limit answers. None: a JSON body without Retry-After."""
    oversize_page_status: int | None = None
    """None: a page size over 1000 is cut to 1000; otherwise the status it is refused with."""
    strict_media_type: bool = True
    """Refuse a write that is not `application/vnd.api+json` with 415."""
    kebab_filters: bool = True
    """Understand `filter[organization-id]` like `filter[organization_id]`."""
    comma_or_on_ids: bool = True
    """A comma separates alternatives in number filters too, as it does in names."""
    case_sensitive_filters: bool = True
    """Exact match means exact letters."""
    archived_in_lists: bool = True
    """Without `filter[archived]`, a list holds archived entries too."""
    password_required: bool = False
    """Refuse an entry without a password; empty ones exist in real data."""
    secret_moves_only_when_different: bool = False
    """Leave `password-updated-at` alone when the secret that is sent equals the stored one."""
    vault_show: VaultShow = VaultShow.ABSENT
    vault_patch_status: int = 422
    """The answer to a PATCH of a host-proof entry's password: 422 or 403."""
    create_status: int = 201
    delete_answers_resource: bool = True
    """DELETE answers 200 with the deleted resource, or else 204."""

    def rate_limit(self) -> RateLimit | None:
        """Return the limit as the server applies it."""
        if self.requests_per_window is None:
            return None
        return RateLimit(
            requests=self.requests_per_window,
            window_s=300,
            throttle=self.throttle or Throttle(),
        )
