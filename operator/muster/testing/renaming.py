"""What everybody and everything is called in a recording: names, ids, SIDs, numbers of records."""

from __future__ import annotations

import base64
import binascii
import hashlib
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from muster.model.accounts import Known
from muster.model.dn import first_value, split
from muster.model.names import RemoteId
from muster.model.observed import Observed
from muster.model.settings import Desired, ImportSettings
from muster.plan.vault_matching import ACTIVE_DIRECTORY_CATEGORIES, ENTRA_CATEGORIES
from muster.testing.domain import DEFAULT_CONTAINERS, DOMAIN_SID
from muster.testing.pseudonyms import KEPT_WORDS, Pseudonyms, words

_DIRECTORY_PHRASES = (
    *(one.partition("=")[2] for one in DEFAULT_CONTAINERS),
    "On-Premises Directory Synchronization Service Account",
    *ACTIVE_DIRECTORY_CATEGORIES,
    *ENTRA_CATEGORIES,
)
_BUILT_IN_NAMES = (
    "Domain Users",
    "Domain Admins",
    "Domain Guests",
    "Domain Computers",
    "Enterprise Admins",
    "Schema Admins",
    "Administrators",
    "Account Operators",
    "Server Operators",
    "Print Operators",
    "Backup Operators",
    "Users",
    "Guests",
    "Administrator",
    "Guest",
    "krbtgt",
)
_FIRST_OWN_RID = 1000
"""Smaller RIDs are the same in every domain. Source: MS-DTYP 2.4.2.4."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """What is to become a test."""

    desired: Desired
    observed: Observed
    known: Known
    now: datetime
    imports: Sequence[Any] = ()
    """The customer's own imports, as they are written."""


def kept_words(sources: Iterable[ImportSettings]) -> tuple[str, ...]:
    """Return the names that policies of the resources use; a customer's own imports are renamed."""
    found: dict[str, None] = {}
    for settings in sources:
        if settings.origin.kind == "Customer":
            continue
        local, cloud, exclude = (
            settings.select.active_directory,
            settings.select.entra,
            settings.exclude,
        )
        paths = [one.path for one in local.organizational_units]
        groups = [*local.groups, *local.privileged_groups, *cloud.groups]
        for name in (*paths, *exclude.containers, *groups):
            inner = (first_value(part) for part in split(name) if part[:3].upper() != "DC=")
            found.update(dict.fromkeys(inner if "=" in name else (name,)))
        found.update(
            dict.fromkeys((*cloud.roles, *local.accounts, *cloud.accounts, *exclude.accounts))
        )
    return tuple(found)


class Renaming:
    """One renaming of one customer's world."""

    def __init__(self, original: Original, salt: bytes) -> None:
        self.original = original
        self.observed = original.observed
        settings = [source.settings for source in original.desired.sources]
        self.kept = kept_words(settings)
        roles = [one.name for one in self._entra_roles()]
        self.original_words = frozenset(word for text in self._texts() for word in words(text))
        kept = (*self.kept, *_DIRECTORY_PHRASES, *_BUILT_IN_NAMES, *roles)
        self.harmless = KEPT_WORDS.union(word for phrase in kept for word in words(phrase))
        self.names = Pseudonyms(
            salt,
            kept=kept,
            avoid=self.original_words,
        )
        self.ids = dict(_renumbered_ids(self._object_ids(), salt, self.kept))
        self.rids = dict(self._renumbered_rids())
        self.records = {**self._renumbered_records(), **self._pairs()}

    def _entra_roles(self) -> Sequence[Any]:
        return self.observed.entra.roles if self.observed.entra else ()

    def _texts(self) -> Iterator[str]:
        """Yield every text that may name somebody or something of the customer."""
        domain, tenant = self.observed.directory, self.observed.entra
        yield from (
            self.original.desired.customer.name,
            self.original.desired.customer.display_name,
        )
        if domain:
            yield from (domain.domain.dns_name, domain.domain.netbios_name)
            yield from (one.name for one in domain.groups)
            yield from domain.organizational_units
        for user in (*(domain.users if domain else ()), *(tenant.users if tenant else ())):
            fields = ("sam", "upn", "display_name", "given_name", "surname", "mail", "primary_smtp")
            yield from (text for name in fields if (text := getattr(user, name, None)))
        for record in self.original.known.records:
            identity = record.identity
            yield from (
                text for text in (identity.sam, identity.upn, identity.display_name) if text
            )
        yield from (one.name for one in (tenant.groups if tenant else ()))
        for entry in self.observed.entries:
            yield from (entry.name, entry.username or "")
        for contact in self.observed.contacts:
            yield from (
                contact.given_name,
                contact.surname,
                *(one.address for one in contact.emails),
            )

    def _object_ids(self) -> set[str]:
        domain, tenant = self.observed.directory, self.observed.entra
        found: set[str] = {str(record.identity.id) for record in self.original.known.records}
        for snapshot in (domain, tenant):
            if snapshot:
                found.update(user.id for user in snapshot.users)
                found.update(group.id for group in snapshot.groups)
        for user in domain.users if domain else ():
            found.update([user.consistency_guid] if user.consistency_guid else [])
        found.update(record.pair.id for record in self.original.known.records if record.pair.id)
        return found

    def _renumbered_rids(self) -> Iterator[tuple[int, int]]:
        domain = self.observed.directory
        if domain is None:
            return
        sids = [user.sid for user in domain.users] + [group.sid for group in domain.groups]
        own = sorted(
            int(sid.rpartition("-")[2]) for sid in sids if sid.startswith(domain.domain.sid)
        )
        number = 1100
        for rid in own:
            number += rid >= _FIRST_OWN_RID
            yield rid, number if rid >= _FIRST_OWN_RID else rid

    def _renumbered_records(self) -> dict[RemoteId, RemoteId]:
        """Return new ids of entries and contacts, in the order of the old ones."""
        known = self.original.known.records
        linked = [link.id for one in known for link in (one.vault, one.psa) if link.id]
        ids = {
            *(one.id for one in self.observed.entries),
            *(one.id for one in self.observed.contacts),
        }
        pinned = [
            one.pin
            for each in self.original.desired.overrides
            for one in (each.vault, each.psa)
            if one and one.pin
        ]
        barred = [
            id_
            for each in self.original.desired.overrides
            for one in (each.vault, each.psa)
            if one
            for id_ in one.forbid
        ]
        ordered = sorted({*ids, *linked, *pinned, *barred}, key=lambda one: (len(one), one))
        return {one: RemoteId(str(10_001 + number)) for number, one in enumerate(ordered)}

    def _pairs(self) -> dict[RemoteId, RemoteId]:
        return {RemoteId(old): RemoteId(new) for old, new in self.ids.items()}

    def place(self, parts: list[str]) -> str:
        """Return a place relative to the domain."""
        domain = self.observed.directory
        depth = len(split(domain.domain.dn)) if domain else 0
        return ",".join(self.names.place(part) for part in parts[: len(parts) - depth])

    def anchor(self, anchor: str | None) -> str:
        """Return another immutable id: of the other GUID, where it is one of a known GUID."""
        try:
            guid = str(uuid.UUID(bytes_le=base64.b64decode(anchor or "", validate=True)))
        except (ValueError, binascii.Error):
            return self.names.text(anchor or "")
        other = self.ids.get(guid) or str(
            uuid.UUID(hashlib.md5(guid.encode(), usedforsecurity=False).hexdigest())
        )
        return base64.b64encode(uuid.UUID(other).bytes_le).decode()

    def sid(self, sid: str | None) -> str:
        """Return another SID; one of the domain stays one of the domain."""
        domain = self.observed.directory
        authority, _, rid = (sid or "").rpartition("-")
        if not sid:
            return ""
        if domain and authority == domain.domain.sid and int(rid) in self.rids:
            return f"{DOMAIN_SID}-{self.rids[int(rid)]}"
        return f"S-1-5-21-{'-'.join(self.names.text(part) for part in sid.split('-')[4:])}"


def _renumbered_ids(
    ids: Iterable[str], salt: bytes, kept: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Yield new GUIDs in the order of the old ones, so that what is sorted by them stays sorted."""
    named = {one.lower() for one in kept}
    for number, one in enumerate(sorted(ids), 1):
        tail = hashlib.sha256(salt + one.encode()).hexdigest()[:12]
        yield one, one if one in named else f"{number:08x}-0000-4000-8000-{tail}"
