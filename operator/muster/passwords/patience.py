"""How long the password protocol waits, how often it tries, and how far clocks may differ."""

from __future__ import annotations

from datetime import datetime, timedelta

from muster.model.passwords import PasswordPolicy, PasswordState, Target

SETTLE = timedelta(minutes=15)
"""After so long an unanswered request takes effect no more. The LDAP client gives up after one
minute, the HTTP client after three; a domain controller ends a search after two (MaxQueryDuration,
learn.microsoft.com, `View and set LDAP policy in Active Directory by using Ntdsutil.exe`)."""

LAG = timedelta(minutes=15)
"""So long after the directory's yes, a refused proof or an old date is `not yet`. A domain
controller asks the PDC emulator before it refuses a sign-in, so Active Directory rarely lags
here (learn.microsoft.com, `FSMO roles`); Entra's dates come after seconds."""

SKEW = timedelta(minutes=5)
"""How far a directory's clock may differ; Kerberos allows as much."""

START_WITHIN = timedelta(hours=24)
"""A password that could not be sent for so long is given up: nothing was changed."""

PATIENCE = timedelta(days=3)
"""After so long a person settles what is still open."""

OLD_PASSWORD_LIVES = timedelta(minutes=65)
"""So long a domain controller may accept the password before the live one too: one hour by
default, and the difference of the clocks. Source: learn.microsoft.com, KB 906305 (for NTLM);
Samba does the same for LDAP. Unconfirmed: that Windows does for a simple bind."""

MAX_SETS = 4
"""How often the same password is sent to one directory without a yes or no."""

MAX_WRITES = 10
"""How often it is written to an entry that then holds something else."""

MAX_PROOFS = 3
"""How many sign-ins of one job may be refused by one directory."""

SPARE_ATTEMPTS = 2
"""Wrong attempts that are left to the account's owner, beside the one that would lock it."""

_FIRST_DELAY = timedelta(minutes=1)
_LONGEST_DELAY = timedelta(hours=1)


def delay(failures: int) -> timedelta:
    """Return how long to wait after so many failures in a row; it doubles up to one hour."""
    times: int = 2 ** min(failures - 1, 6)
    return min(_FIRST_DELAY * times, _LONGEST_DELAY)


def proofs_left(target: Target, state: PasswordState, policy: PasswordPolicy) -> int:
    """Return how many sign-ins may be tried: each wrong one counts towards lockout.

    Our own are counted too, because a domain controller may not know of those at another.
    """
    ours = MAX_PROOFS - target.wrong_proofs
    if policy.lockout_threshold:
        counted = max(state.failed_attempts, target.wrong_proofs)
        ours = min(ours, policy.lockout_threshold - counted - SPARE_ATTEMPTS)
    if policy.resultant_unreadable:
        # Stricter rules may hold than were read: one wrong attempt, and none beside another.
        ours = min(ours, 0 if state.failed_attempts else 1 - target.wrong_proofs)
    return 0 if state.locked else max(0, ours)


def quiet_from(target: Target) -> datetime | None:
    """Return from when on what a directory shows of our requests is final."""
    # What takes effect at the last moment may still be unknown to a replica.
    times = [target.doubt_at + SETTLE + LAG] if target.doubt_at else []
    times += [target.accepted_at + LAG] if target.accepted_at else []
    return max(times, default=None)


def may_be_our_change(target: Target, changed_at: datetime) -> bool:
    """Say whether a change at this time may be the one that our requests made."""
    first, last = target.first_sent_at, target.sent_at
    if first is None or last is None:
        return False
    if target.accepted_at and target.accepted_at >= last:
        latest = target.accepted_at
    else:
        latest = last + SETTLE
    return first - SKEW <= changed_at <= latest + SKEW
