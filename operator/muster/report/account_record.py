"""An account's record from the Kubernetes resource that holds it: the way back.

Times in a resource are whole seconds, so a record that went there and back may differ from
what it was; compare resources, not records, to see whether something must be written.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from muster.model.accounts import (
    NO_PAIR,
    AccountRecord,
    Candidate,
    Decision,
    Drift,
    Email,
    EmailSource,
    Identity,
    ImportedWith,
    Link,
    PairedUser,
)
from muster.model.causes import Cause
from muster.model.mail import NO_WELCOME, Notice, NoticeKind, Welcome, WelcomeState
from muster.model.names import (
    AccountId,
    AccountType,
    CustomerName,
    DecisionState,
    DirectoryKind,
    DriftRemediation,
    LinkState,
    MatchKey,
    NameFallback,
    RemoteId,
    System,
    Uncategorized,
)
from muster.model.passwords import Proof
from muster.model.reasons import Reason
from muster.model.rotation import NO_ROTATION, Rotation
from muster.model.settings import DEFAULT_PAIRING, Options, PsaOptions, VaultOptions

Json = dict[str, Any]


def read_account(resource: Json) -> AccountRecord:
    """Return the record of an `Account` resource.

    Raises:
        KeyError, ValueError: the resource does not have the shape that Muster writes.
    """
    spec, status = resource["spec"], resource["status"]
    return AccountRecord(
        name=resource["metadata"]["name"],
        customer=CustomerName(spec["customerRef"]["name"]),
        account_type=AccountType(spec["accountType"]),
        identity=_identity(spec["identity"], status),
        imported_with=ImportedWith(
            policy=spec["importedWith"]["policy"],
            options=_options(spec["importedWith"]["options"]),
            at=datetime.fromisoformat(spec["importedWith"]["at"]),
        ),
        decision=Decision(
            state=DecisionState(status["decision"]["state"]),
            reason=Reason(status["decision"]["reason"]),
            via=status["decision"].get("via", ""),
        ),
        vault=_link(status["vault"]),
        psa=_link(status["psa"]),
        pair=_link(status["pair"]) if "pair" in status else NO_PAIR,
        paired_user=_paired_user(status.get("pair", {})),
        welcome=_welcome(status["welcomeEmail"]) if "welcomeEmail" in status else NO_WELCOME,
        notices=tuple(map(_notice, status.get("selfServe", {}).get("notices", ()))),
        rotation=_rotation(status["rotation"]) if "rotation" in status else NO_ROTATION,
        drift=tuple(_drift(one) for one in status.get("drift", ())),
        leaving_since=_time(status.get("leavingSince")),
        released_at=_time(status.get("releasedAt")),
    )


def _identity(identity: Json, status: Json) -> Identity:
    email = status.get("email")
    return Identity(
        source=DirectoryKind(identity["source"]),
        id=AccountId(identity["objectId"]),
        sid=identity.get("sid", ""),
        sam=status.get("samAccountName", ""),
        upn=status.get("userPrincipalName"),
        display_name=status.get("displayName"),
        given_name=status.get("givenName"),
        surname=status.get("surname"),
        email=Email(address=email["address"], source=EmailSource(email["source"]))
        if email
        else None,
        mobile=status.get("selfServe", {}).get("mobile"),
    )


def _options(options: Json) -> Options:
    vault, psa = options["vault"], options["psa"]
    return Options(
        vault=VaultOptions(
            match=vault["match"],
            create_when_missing=vault["createWhenMissing"],
            uncategorized=Uncategorized(vault["uncategorized"]),
            follow_edits=vault.get("followEdits", False),
        ),
        psa=PsaOptions(
            match=psa["match"],
            create_when_missing=psa["createWhenMissing"],
            name_fallback=NameFallback(psa["nameFallback"]),
        ),
        pairing=tuple(map(MatchKey, options.get("pairing", DEFAULT_PAIRING))),
        drift_remediation=DriftRemediation(options["driftRemediation"]),
        welcome_email=options.get("welcomeEmail", {}).get("enabled", False),
        self_serve=options.get("selfServe", False),
        rotation=options.get("rotation", {}).get("enabled", False),
    )


def _link(link: Json) -> Link:
    return Link(
        state=LinkState(link["state"]),
        reason=Reason(link["reason"]),
        id=RemoteId(link["id"]) if "id" in link else None,
        key=MatchKey(link["key"]) if "key" in link else None,
        name=link.get("name"),
        place=link.get("place", ""),
        message=link.get("message", ""),
        candidates=tuple(_candidate(one) for one in link.get("candidates", ())),
    )


def _paired_user(pair: Json) -> PairedUser | None:
    if "userPrincipalName" not in pair:
        return None
    return PairedUser(upn=pair["userPrincipalName"], enabled=pair["enabled"], synced=pair["synced"])


def _welcome(welcome: Json) -> Welcome:
    return Welcome(
        state=WelcomeState(welcome["state"]),
        reason=Reason(welcome["reason"]),
        at=_time(welcome.get("at")),
        message=welcome.get("message", ""),
    )


def _notice(notice: Json) -> Notice:
    return Notice(
        kind=NoticeKind(notice["kind"]),
        about=datetime.fromisoformat(notice["about"]),
        state=WelcomeState(notice["state"]),
        at=datetime.fromisoformat(notice["at"]),
        message=notice.get("message", ""),
    )


def _rotation(rotation: Json) -> Rotation:
    return Rotation(
        enabled=rotation["enabled"],
        reason=Reason(rotation["reason"]),
        since=_time(rotation.get("since")),
        last=_time(rotation.get("last")),
        next=_time(rotation.get("next")),
        slot=rotation.get("slot", ""),
        proof=Proof(rotation["proof"]) if "proof" in rotation else None,
        changed_at=_time(rotation.get("changedAt")),
        revision=rotation.get("revision", ""),
        stale=rotation.get("stale", False),
        failures=rotation.get("consecutiveFailures", 0),
        failed_at=_time(rotation.get("failedAt")),
        last_error=rotation.get("lastError", ""),
        cause=Cause(rotation["cause"]) if "cause" in rotation else None,
        told_at=_time(rotation.get("toldAt")),
    )


def _candidate(candidate: Json) -> Candidate:
    return Candidate(
        id=RemoteId(candidate["id"]),
        name=candidate["name"],
        evidence=candidate["evidence"],
        detail=candidate["detail"],
        updated_at=_time(candidate.get("lastUpdated")),
    )


def _drift(drift: Json) -> Drift:
    return Drift(
        system=System(drift["system"]),
        field=drift["field"],
        desired=drift["desired"],
        observed=drift["observed"],
        demanded_by=drift["demandedBy"],
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
