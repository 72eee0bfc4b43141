"""Vault, PSA, earlier runs and decisions of people in a recording, under other names."""

from __future__ import annotations

from typing import Any

from muster.model.accounts import AccountRecord, Link
from muster.model.names import AccountId, DirectoryKind, LinkState, RemoteId
from muster.model.settings import AccountOverride
from muster.plan.identity import selects
from muster.plan.make import make_plan
from muster.testing.redact_directories import reading
from muster.testing.redact_settings import options_body
from muster.testing.renaming import Original, Renaming
from muster.testing.rotations import rotation_body

Json = dict[str, Any]


def redacted_vault(renaming: Renaming) -> Json:
    """Return the part of a test about the vault."""
    body = reading(renaming, "vault")
    if body.get("unread"):
        return body
    body["categories"] = [renaming.names.text(one.name) for one in renaming.observed.categories]
    body["entries"] = [_entry(renaming, one) for one in renaming.observed.entries]
    return body


def _entry(renaming: Renaming, entry: Any) -> Json:
    text = renaming.names.text
    body: Json = {"id": renaming.records[entry.id], "username": text(entry.username or "")}
    body["category"] = text(entry.category or "")
    owner = (entry.mark or "").rpartition("/")[2]
    if owner in renaming.ids:
        body |= {"name": text(entry.name), "markedFor": renaming.ids[owner]}
    flags = {
        "hostProof": entry.host_proof,
        "personal": entry.personal,
        "embedded": entry.embedded,
    }
    return body | {name: True for name, flag in flags.items() if flag}


def redacted_psa(renaming: Renaming) -> Json:
    """Return the part of a test about the PSA."""
    body = reading(renaming, "psa")
    if body.get("unread"):
        return body
    body["contacts"] = [_contact(renaming, one) for one in renaming.observed.contacts]
    return body


def _contact(renaming: Renaming, contact: Any) -> Json:
    body: Json = {
        "id": renaming.records[contact.id],
        "givenName": renaming.names.person(contact.given_name),
        "surname": renaming.names.person(contact.surname),
    }
    if contact.emails:
        body["emails"] = [renaming.names.text(one.address) for one in contact.emails]
    return body if contact.active else body | {"active": False}


def redacted_override(renaming: Renaming, override: AccountOverride) -> Json | None:
    """Return a decision of a person; None where it is about nobody who is there."""
    domain, tenant = renaming.observed.directory, renaming.observed.entra
    found = [
        u.id
        for u in (domain.users if domain else ())
        if selects(override.account, u.id, u.sam, u.upn)
    ]
    found += [
        u.id
        for u in (tenant.users if tenant else ())
        if selects(override.account, u.id, None, u.upn)
    ]
    if len(found) != 1:
        return None
    body: Json = {"account": renaming.ids[found[0]]}
    rows = (
        ("vault", override.vault, "entryId"),
        ("psa", override.psa, "contactId"),
        ("entra", override.entra, "objectId"),
    )
    for name, link, pin in rows:
        if link is None:
            continue
        said: Json = {pin: renaming.records[link.pin]} if link.pin else {}
        said |= {"forbid": [renaming.records[one] for one in link.forbid]} if link.forbid else {}
        body[name] = said | ({"ignore": True} if link.ignore else {})
    body |= {"email": renaming.names.text(override.email)} if override.email else {}
    return body | ({"exclude": True} if override.exclude else {})


def redacted_registry(renaming: Renaming) -> Json:
    """Return what earlier runs left behind."""
    known = renaming.original.known
    body: Json = {}
    passwords = _passwords(renaming.original)
    if known.records:
        body["accounts"] = [
            _record(renaming, one) | passwords.get(one.identity.id, {}) for one in known.records
        ]
    if known.sizes:
        body["sizes"] = {str(source): size for source, size in known.sizes}
    return body


def _passwords(original: Original) -> dict[AccountId, Json]:
    """Return how it stands with every password, once what ended since is counted."""
    known, jobs = original.known, {job.account: job for job in original.known.jobs}
    plan = make_plan(original.desired, original.observed, known, original.now)
    records = {one.identity.id: one.rotation for one in (*known.records, *plan.records)}
    bodies = {one: rotation_body(now, jobs.get(one)) for one, now in records.items()}
    return {one: {"rotation": body} for one, body in bodies.items() if body}


def _record(renaming: Renaming, record: AccountRecord) -> Json:
    identity = record.identity
    own = record.imported_with
    here = {
        one.id for one in (renaming.observed.directory.users if renaming.observed.directory else ())
    }
    here |= {one.id for one in (renaming.observed.entra.users if renaming.observed.entra else ())}
    named = renaming.names.text(identity.sam or identity.upn or "")
    body: Json = {"account": renaming.ids[identity.id] if identity.id in here else named}
    if identity.id not in here:
        body["id"] = renaming.ids[identity.id]
    if identity.source is not DirectoryKind.ACTIVE_DIRECTORY:
        body["directory"] = str(identity.source)
    body |= {"type": str(record.account_type), "policy": _policy(renaming, own.policy)}
    body["options"] = options_body(own.options)
    for name, link in (("vault", record.vault), ("psa", record.psa), ("pair", record.pair)):
        if link.id:
            body[name] = _link(renaming, link)
    if str(record.decision.state) == "Retained":
        body["decision"] = "Retained"
    body["reason"] = str(record.decision.reason)
    times = {"leavingSince": record.leaving_since, "releasedAt": record.released_at}
    return body | {name: time.isoformat() for name, time in times.items() if time}


def _policy(renaming: Renaming, reference: str) -> str:
    kind, _, rest = reference.partition("/")
    if kind != "Customer":
        return reference
    name, _, pointer = rest.partition("#")
    return f"Customer/{renaming.names.text(name)}#{pointer}"


def _link(renaming: Renaming, link: Link) -> Json:
    body: Json = {"id": renaming.records[link.id or RemoteId("")]}
    body |= {"state": str(link.state)} if link.state is not LinkState.LINKED else {}
    body["reason"] = str(link.reason)
    return body | ({"key": str(link.key)} if link.key else {})
