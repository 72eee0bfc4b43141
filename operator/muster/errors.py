"""Every error that Muster raises on purpose.

MusterError
  SpecError        the resources are wrong; retrying cannot help
  StateError       the registry cannot be used: newer, damaged, full
    StateBusy      another process holds it
  RemoteError      a system answered badly or not at all
    Unavailable    outage, time-out or cut answer; try again later
    RateLimited    the system named a delay, kept in `delay_s`
    Untold         the system answered, and does not say what was asked; nor would it later
    AccessDenied   credentials, certificate or rights; a person must act
    Rejected       the system understood and refused this one request
      NotFound        what it is about does not exist, or is not visible
      PasswordRefused the rules for passwords refuse this one; `code` is the system's own
    Unexpected     an answer we do not understand; a bug, ours or theirs

A problem of one account is a `Finding` and a guard's no is a `Refusal`: both are data
in the report, not exceptions, so one bad account never stops the others.
No message ever holds a secret.
"""

from __future__ import annotations


class MusterError(Exception):
    """The root of the tree; its text is fit for people."""


class SpecError(MusterError):
    """The resources are wrong; `problems` are ready to print, one line each, all of them."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class StateError(MusterError):
    """The registry cannot be used; nothing in it was touched."""


class StateBusy(StateError):
    """Another Muster process holds the registry."""


class RemoteError(MusterError):
    """A system answered badly or not at all.

    `maybe_applied` is true when a write was sent and its outcome is unknown: then look
    before you act again.
    """

    def __init__(self, message: str, *, maybe_applied: bool = False) -> None:
        super().__init__(message)
        self.maybe_applied = maybe_applied


class Unavailable(RemoteError):
    """An outage, a time-out or an answer that was cut short."""


class RateLimited(RemoteError):
    """The system asked us to wait `delay_s` seconds, which is beyond our retry budget."""

    def __init__(self, message: str, *, delay_s: float) -> None:
        super().__init__(message)
        self.delay_s = delay_s


class Untold(RemoteError):
    """An answer that does not tell what was asked; asking again would tell no more."""


class AccessDenied(RemoteError):
    """Credentials, certificate or rights are missing; waiting does not help."""


class Rejected(RemoteError):
    """The system understood this one request and refused it; it took no effect."""


class NotFound(Rejected):
    """What the request is about does not exist, or may not be seen."""


class PasswordRefused(Rejected):
    """The rules for passwords refuse this one; `code` is the system's own word for it."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class Unexpected(RemoteError):
    """An answer that does not have the documented form."""
