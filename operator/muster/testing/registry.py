"""Makes what a test says of earlier runs into the registry's records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from muster.model.accounts import (
    NO_PAIR,
    AccountRecord,
    Decision,
    Identity,
    ImportedWith,
    Known,
    Link,
)
from muster.model.names import (
    AccountId,
    AccountType,
    DecisionState,
    DirectoryKind,
    LinkState,
    MatchKey,
    RemoteId,
    Source,
)
from muster.model.observed import Observed
from muster.model.passwords import PasswordJob
from muster.model.reasons import Reason
from muster.model.settings import Desired, ImportSettings, Options
from muster.plan.identity import account_name, identify
from muster.plan.keys import fold
from muster.resources.parse import parse_options
from muster.resources.tables import Json
from muster.testing.domain import aware, stable_id
from muster.testing.rotations import rotation, underway

_UNLINKED = Link(state=LinkState.UNMATCHED, reason=Reason.NO_MATCH)


def make_known(
    body: Json,
    desired: Desired,
    observed: Observed,
    names: Mapping[str, tuple[AccountId, ...]],
    now: datetime,
) -> Known:
    """Return what the registry holds; what is not said is as the policies in force have it."""
    users = {user.id: user for user in (observed.directory.users if observed.directory else ())}
    cloud = {user.id: user for user in (observed.entra.users if observed.entra else ())}
    records: list[AccountRecord] = []
    jobs: list[PasswordJob] = []
    for one in body.get("accounts", ()):
        found = names.get(fold(one["account"]), ())
        account = found[0] if found else None
        user = (users.get(account) or cloud.get(account)) if account else None
        identity = identify(user, None) if user else gone_identity(one, account)
        records.append(_record(one, identity, desired, now, {one.name for one in records}))
        jobs.extend(underway(one.get("rotation", {}), records[-1]))
    sizes = body.get("sizes", {})
    return Known(
        records=tuple(records),
        jobs=tuple(jobs),
        sizes=tuple((source, sizes[source]) for source in Source if source in sizes),
    )


def gone_identity(body: Json, account: AccountId | None) -> Identity:
    """Return who an account was that no directory shows."""
    name = str(body["account"])
    own = AccountId(body.get("id", "").lower() or account or stable_id("gone", name))
    source = DirectoryKind(body.get("directory", DirectoryKind.ACTIVE_DIRECTORY))
    if source is DirectoryKind.ENTRA:
        return Identity(source=source, id=own, upn=name)
    sam, _, suffix = name.partition("@")
    return Identity(source=source, id=own, sam=sam, upn=name if suffix else None)


def _record(
    body: Json, identity: Identity, desired: Desired, now: datetime, taken: set[str]
) -> AccountRecord:
    account_type = AccountType(body.get("type", AccountType.END_USER))
    settings = _settings(body, account_type, desired)
    released = body.get("releasedAt")
    leaving = body.get("leavingSince")
    return AccountRecord(
        name=account_name(desired.customer.name, identity, taken),
        customer=desired.customer.name,
        account_type=account_type,
        identity=identity,
        imported_with=ImportedWith(
            policy=_policy(body, settings),
            options=_options(body, settings),
            at=now,
        ),
        decision=Decision(
            state=DecisionState(body.get("decision", DecisionState.IMPORTED)),
            reason=Reason(body.get("reason", Reason.LISTED)),
            via=body.get("via", ""),
        ),
        vault=_link(body.get("vault"), _UNLINKED),
        psa=_link(body.get("psa"), _UNLINKED),
        pair=_link(body.get("pair"), NO_PAIR),
        leaving_since=aware(leaving) if leaving else None,
        released_at=aware(released) if released else None,
        rotation=rotation(body.get("rotation", {})),
    )


def _settings(body: Json, account_type: AccountType, desired: Desired) -> ImportSettings | None:
    of_type = [
        source.settings
        for source in desired.sources
        if source.settings.account_type is account_type
    ]
    named = body.get("policy")
    own = [one for one in of_type if named in (one.origin.name, one.origin.reference)]
    return next(iter(own or of_type), None)


def _policy(body: Json, settings: ImportSettings | None) -> str:
    named = body.get("policy")
    if named is not None and (settings is None or named != settings.origin.name):
        return named if "/" in named else f"AutomaticImportPolicy/{named}"
    return settings.origin.reference if settings else ""


def _options(body: Json, settings: ImportSettings | None) -> Options:
    if "options" in body:
        return parse_options(body["options"])
    return settings.options if settings else Options()


def _link(body: Json | None, absent: Link) -> Link:
    if body is None:
        return absent
    key: Any = body.get("key")
    return Link(
        state=LinkState(body.get("state", LinkState.LINKED)),
        reason=Reason(body.get("reason", Reason.ALREADY_LINKED)),
        id=RemoteId(body["id"]),
        key=MatchKey(key) if key else None,
    )
