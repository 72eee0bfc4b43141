"""Why Entra gives no token, in words that say what to do.

Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """What a refusal is about."""

    CONSENT = auto()
    SETTINGS = auto()
    CREDENTIAL = auto()
    POLICY = auto()
    LATER = auto()
    """Waiting helps."""
    OTHER = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What one number after AADSTS means, and what to do about it."""

    kind: Kind
    meaning: str
    advice: str


_CONSENT = (
    "Let a Global Administrator of the customer open the consent link and accept; after that it"
    " can take some minutes"
)
_TENANT = "Correct tenantId (Entra admin center > Overview > Tenant ID), and check `cloud`"
_RENEW = "Make a new client secret and put its value, not its id, into clientSecretRef"

CAUSES: Mapping[int, Cause] = {
    700016: Cause(
        kind=Kind.CONSENT,
        meaning="the application has no consent in this tenant, or clientId is wrong",
        advice=_CONSENT,
    ),
    7000229: Cause(
        kind=Kind.CONSENT,
        meaning="the application has no service principal in this tenant",
        advice=_CONSENT,
    ),
    90002: Cause(
        kind=Kind.SETTINGS, meaning="there is no such tenant in this cloud", advice=_TENANT
    ),
    900023: Cause(kind=Kind.SETTINGS, meaning="the tenant's id is malformed", advice=_TENANT),
    7000215: Cause(kind=Kind.CREDENTIAL, meaning="the client secret is wrong", advice=_RENEW),
    7000222: Cause(kind=Kind.CREDENTIAL, meaning="the client secret has expired", advice=_RENEW),
    700027: Cause(
        kind=Kind.CREDENTIAL,
        meaning="the certificate is not one of the application's, or this machine's clock is wrong",
        advice="Upload the certificate to the application registration, and check the clock",
    ),
    7000112: Cause(
        kind=Kind.SETTINGS,
        meaning="the application is disabled in this tenant",
        advice="Enable it there: Enterprise applications > Properties > Enabled for users to"
        " sign in",
    ),
    500011: Cause(
        kind=Kind.SETTINGS,
        meaning="this cloud does not know the Graph that was asked for",
        advice="Check `cloud`, loginEndpoint and graphEndpoint: they must be of the same cloud",
    ),
    1002012: Cause(
        kind=Kind.OTHER, meaning="the scope is not accepted", advice="Report this; it is a bug"
    ),
    53003: Cause(
        kind=Kind.POLICY,
        meaning="a Conditional Access policy for workload identities blocks the sign-in",
        advice="Allow the application there, from the address of this machine",
    ),
    50196: Cause(
        kind=Kind.LATER,
        meaning="Entra sees too many equal requests",
        advice="Wait; look whether another process signs in with the same application",
    ),
    90033: Cause(kind=Kind.LATER, meaning="Entra has a short outage", advice="Wait and try again"),
    90006: Cause(kind=Kind.LATER, meaning="Entra has a short outage", advice="Wait and try again"),
}
