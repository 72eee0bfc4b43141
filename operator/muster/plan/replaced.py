"""Whether a directory is still the one that its accounts were imported from.

A server or a tenant of another customer answers as well as the right one: all accounts look
deleted, and strangers take their place. On a small customer no limit of the guard would notice.
"""

from __future__ import annotations

from collections.abc import Iterator

from muster.model.names import DecisionState, DirectoryKind
from muster.model.plans import Finding
from muster.model.reasons import Reason
from muster.plan.context import Context

_CROWD = 2
"""One account that is gone is an everyday event."""


def replaced_directories(context: Context) -> Iterator[Finding]:
    """Yield each directory that has users, and none of the accounts that are kept from it."""
    directories = context.directories
    domain, tenant = directories.active_directory, directories.entra
    if domain and domain.by_id:
        called = f'The domain "{domain.domain.dns_name}"'
        field = "activeDirectory.servers"
        yield from _replaced(DirectoryKind.ACTIVE_DIRECTORY, called, field, context)
    if tenant and tenant.by_id:
        called = f'The tenant "{tenant.tenant.name}"'
        yield from _replaced(DirectoryKind.ENTRA, called, "entra.tenantId", context)


def _replaced(kind: DirectoryKind, called: str, field: str, context: Context) -> Iterator[Finding]:
    kept = [
        account
        for account, record in context.records.items()
        if record.live
        and record.identity.source is kind
        # Who is retained although gone would be missed again in each run.
        and record.decision.state is DecisionState.IMPORTED
    ]
    if len(kept) >= _CROWD and not any(one in context.directories.by_id for one in kept):
        yield Finding(
            reason=Reason.DIRECTORY_REPLACED,
            message=f"{called} has none of the {len(kept)} accounts that are kept from it. "
            f"It seems to be another one: check spec.directories.{field}.",
        )
