"""An account as the Kubernetes resource that people read, whether there is a cluster or not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from muster.model.accounts import AccountRecord, Candidate, Drift, Link, PairedUser
from muster.model.mail import NO_WELCOME, Notice, Welcome
from muster.model.names import NEEDS_PERSON, DecisionState
from muster.model.rotation import NO_ROTATION, Rotation
from muster.model.settings import Options


def render_account(record: AccountRecord) -> dict[str, Any]:
    """Return the `Account` resource of a record."""
    return {
        "apiVersion": "muster.dev/v1alpha1",
        "kind": "Account",
        "metadata": {
            "name": record.name,
            "labels": {
                "muster.dev/customer": record.customer,
                "muster.dev/account-type": record.account_type,
            },
        },
        "spec": {
            "customerRef": {"name": record.customer},
            "accountType": record.account_type,
            "identity": _without_nothing(
                {
                    "source": record.identity.source,
                    "objectId": record.identity.id,
                    "sid": record.identity.sid,
                }
            ),
            "importedWith": {
                "policy": record.imported_with.policy,
                "options": render_options(record.imported_with.options),
                "at": timestamp(record.imported_with.at),
            },
        },
        "status": _status(record),
    }


def timestamp(moment: datetime) -> str:
    """Return RFC 3339 in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def render_options(options: Options) -> dict[str, Any]:
    """Return options as a policy writes them."""
    return {
        "vault": {
            "match": options.vault.match,
            "createWhenMissing": options.vault.create_when_missing,
            "uncategorized": options.vault.uncategorized,
            "followEdits": options.vault.follow_edits,
        },
        "psa": {
            "match": options.psa.match,
            "createWhenMissing": options.psa.create_when_missing,
            "nameFallback": options.psa.name_fallback,
        },
        "pairing": list(options.pairing),
        "driftRemediation": options.drift_remediation,
        "welcomeEmail": {"enabled": options.welcome_email},
        "selfServe": options.self_serve,
        "rotation": {"enabled": options.rotation},
    }


def render_candidate(candidate: Candidate) -> dict[str, Any]:
    """Return a candidate with what speaks for it."""
    rendered = {
        "id": candidate.id,
        "name": candidate.name,
        "evidence": candidate.evidence,
        "detail": candidate.detail,
    }
    if candidate.updated_at:
        rendered["lastUpdated"] = timestamp(candidate.updated_at)
    return rendered


def _status(record: AccountRecord) -> dict[str, Any]:
    identity, decision = record.identity, record.decision
    status: dict[str, Any] = {
        "displayName": identity.display_name,
        "givenName": identity.given_name,
        "surname": identity.surname,
        "userPrincipalName": identity.upn,
        "samAccountName": identity.sam,
        "email": {"address": identity.email.address, "source": identity.email.source}
        if identity.email
        else None,
        "decision": _without_nothing(
            {"state": decision.state, "reason": decision.reason, "via": decision.via}
        ),
        "pair": {**_link(record.pair), **_paired_user(record.paired_user)},
        "vault": _link(record.vault),
        "psa": _link(record.psa),
        "welcomeEmail": _welcome(record.welcome),
        "selfServe": _self_serve(record),
        "rotation": _rotation(record.rotation),
        "drift": [_drift(one) for one in record.drift],
        "leavingSince": timestamp(record.leaving_since) if record.leaving_since else None,
        "releasedAt": timestamp(record.released_at) if record.released_at else None,
        "conditions": _conditions(record),
    }
    return _without_nothing(status)


def _link(link: Link) -> dict[str, Any]:
    return _without_nothing(
        {
            "state": link.state,
            "reason": link.reason,
            "id": link.id,
            "key": link.key,
            "name": link.name,
            "place": link.place,
            "message": link.message,
            "candidates": [render_candidate(candidate) for candidate in link.candidates],
        }
    )


def _paired_user(user: PairedUser | None) -> dict[str, Any]:
    if user is None:
        return {}
    return {"userPrincipalName": user.upn, "enabled": user.enabled, "synced": user.synced}


def _welcome(welcome: Welcome) -> dict[str, Any] | None:
    if welcome == NO_WELCOME:
        return None
    return _without_nothing(
        {
            "state": welcome.state,
            "reason": welcome.reason,
            "at": timestamp(welcome.at) if welcome.at else None,
            "message": welcome.message,
        }
    )


def _rotation(rotation: Rotation) -> dict[str, Any] | None:
    if rotation == NO_ROTATION:
        return None
    moments = {
        "since": rotation.since,
        "last": rotation.last,
        "next": rotation.next,
        "changedAt": rotation.changed_at,
        "failedAt": rotation.failed_at,
        "toldAt": rotation.told_at,
    }
    return _without_nothing(
        {
            "enabled": rotation.enabled,
            "reason": rotation.reason,
            **{name: timestamp(at) for name, at in moments.items() if at},
            "slot": rotation.slot,
            "proof": rotation.proof,
            "revision": rotation.revision,
            "stale": rotation.stale or None,
            "consecutiveFailures": rotation.failures or None,
            "lastError": rotation.last_error,
            "cause": rotation.cause,
        }
    )


def _self_serve(record: AccountRecord) -> dict[str, Any] | None:
    """Return whether the account could register in a portal, which needs both addresses."""
    if not record.imported_with.options.self_serve:
        return None
    identity = record.identity
    state = "Complete" if identity.mobile else "MissingMobile"
    return _without_nothing(
        {
            "enabled": True,
            "registrationState": state if identity.email else "MissingEmail",
            "mobile": identity.mobile,
            "notices": [_notice(one) for one in record.notices],
        }
    )


def _notice(notice: Notice) -> dict[str, Any]:
    return _without_nothing(
        {
            "kind": notice.kind,
            "about": timestamp(notice.about),
            "state": notice.state,
            "at": timestamp(notice.at),
            "message": notice.message,
        }
    )


def _drift(one: Drift) -> dict[str, Any]:
    return {
        "system": one.system,
        "field": one.field,
        "desired": one.desired,
        "observed": one.observed,
        "demandedBy": one.demanded_by,
    }


def _conditions(record: AccountRecord) -> list[dict[str, Any]]:
    """Return `Ready`, and the conditions that are only there when they are true."""
    waiting = any(link.state in NEEDS_PERSON for link in (record.pair, record.vault, record.psa))
    conditions = [
        {
            "type": "Ready",
            "status": "True" if record.decision.state is not DecisionState.RELEASED else "False",
            "reason": record.decision.reason,
        }
    ]
    if waiting:
        conditions.append(
            {"type": "AmbiguousMatches", "status": "True", "reason": "CandidatesWait"}
        )
    if record.rotation.stale:
        conditions.append({"type": "PasswordStale", "status": "True", "reason": "PasswordStale"})
    if record.rotation.failures:
        conditions.append({"type": "RotationFailing", "status": "True", "reason": "RotationFailed"})
    if record.drift:
        conditions.append({"type": "DriftDetected", "status": "True", "reason": "RecordsDiffer"})
    return conditions


def _without_nothing(mapping: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if value not in (None, "", [])}
