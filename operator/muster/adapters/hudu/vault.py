"""Hudu as a vault: which request serves which method of the port.

Every answer about an entry holds its password and its one-time secret; there is no parameter to
leave them out. The transport drops both while it parses, so that nobody here can see them;
`read_password` alone asks for the one.

Every write asks for its entry first, by its id: what a list showed may be gone, or another
company's, by now.

Source: the vendor's OpenAPI of Hudu 2.44 and the public probes named beside each fact.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

from muster.adapters.clock import utc_now
from muster.adapters.hudu import access
from muster.adapters.hudu.answers import Record, explain, record_of
from muster.adapters.hudu.changes import MOST_ENTRIES, EntryReader
from muster.adapters.hudu.entries import (
    TYPES,
    UNKNOWN_PASSWORD,
    category_of,
    change_values,
    draft_values,
    number_of_company,
    organization_of,
    require_created,
    require_found,
)
from muster.adapters.hudu.pages import read_all
from muster.adapters.hudu.window import pause_s as until_the_window_ends
from muster.adapters.integrations import http_options
from muster.adapters.json_values import number_of
from muster.errors import AccessDenied, Unexpected
from muster.model.connections import Hudu, Integration
from muster.model.names import RemoteId
from muster.model.records import EntryChange, EntryDraft, Organization, VaultCategory, VaultEntry
from muster.model.secret import Secret
from muster.plan.keys import fold
from muster.ports import Check, Clock, Secrets
from muster.transport.budget import RequestLimit, Usage
from muster.transport.http import Transport
from muster.transport.options import Connection, HeaderAuth, HttpOptions, Vendor, base_url
from muster.transport.redaction import header_value

_NAME = "Hudu"
_NOT_FOUND = 404
_ENTRY = "asset_password"


def open_hudu(
    integration: Integration,
    secrets: Secrets,
    options: HttpOptions | None = None,
    clock: Clock = utc_now,
) -> HuduVault:
    """Return the vault of an integration.

    Raises:
        SpecError: a secret is missing or cannot be used.
    """
    settings = integration.product
    if not isinstance(settings, Hudu):
        raise TypeError(f"integration {integration.name} is no Hudu")
    key = secrets.read(settings.api_key)
    options = http_options(integration, secrets, options)
    return HuduVault(settings, key, options, clock=clock)


class HuduVault:
    """One Hudu instance; safe to use from many threads, and made to be kept: it knows the lists."""

    def __init__(
        self,
        settings: Hudu,
        key: Secret,
        options: HttpOptions | None = None,
        pause_s: Callable[[], float] = until_the_window_ends,
        *,
        clock: Clock = utc_now,
        most_entries: int = MOST_ENTRIES,
    ) -> None:
        key = header_value(key, "Hudu: the API key")
        self._transport = Transport(
            Connection(
                endpoint=f"{settings.endpoint.rstrip('/')}/api/v1",
                vendor=_vendor(pause_s),
                auth=HeaderAuth("x-api-key", key),
                secrets=(key,),
                headers={"Accept": "application/json"},
                options=options or HttpOptions(),
            )
        )
        endpoint = base_url(settings.endpoint, _NAME)
        self._entries = EntryReader(self._transport, endpoint, clock, most_entries)
        self._lock = threading.Lock()
        self._types = {fold(name): name for name in TYPES}

    def list_organizations(self) -> Iterator[Organization]:
        """Yield every company that the key may see, archived ones as not active."""
        for company in read_all(self._transport, "companies"):
            yield organization_of(company)

    def find_organization(self, organization: RemoteId) -> Organization | None:
        """Return the company, or None when there is none of this id in the key's reach."""
        number = number_of_company(organization)
        answer = self._transport.get(f"/companies/{number}", read_anyway=frozenset({_NOT_FOUND}))
        if answer.status == _NOT_FOUND:
            if answer.is_json:
                return None
            # Somebody else's 404 says nothing about a company.
            raise AccessDenied(
                "Hudu: a web page answered 404 in place of the API; check the endpoint."
            )
        company = record_of(answer, "company")
        if company is not None and company.id != str(number):
            raise Unexpected(f"Hudu answered company {company.id} when asked for {number}.")
        return organization_of(company) if company else None

    def list_categories(self) -> tuple[VaultCategory, ...]:
        """Return the usual types, and those of the entries that were listed. No request is made.

        Any text can be written as a type; a usual one is offered in its usual spelling.
        """
        with self._lock:
            return tuple(category_of(name) for name in self._types.values())

    def list_entries(self, organization: RemoteId) -> Iterator[VaultEntry]:
        """Yield every live entry of the company, embedded ones too, as Hudu shows them now.

        An entry that was deleted, or moved to another company, may be among them for an hour.
        Nothing is yielded before the last page was read.

        Raises:
            Unexpected: a row belongs to another company.
            Unavailable: the list changed under every walk.
        """
        entries = self._entries.read(number_of_company(organization))
        self._remember_types(entries)
        yield from entries

    def create_entry(self, organization: RemoteId, draft: EntryDraft) -> RemoteId:
        """Create an entry whose password says that it is not known, and return its id.

        The mark stands in the description, as `[muster:CUSTOMER/OBJECT-ID]` on its own line.

        Raises:
            Unavailable: with `maybe_applied`, when the entry may exist all the same.
        """
        company = number_of_company(organization)
        body = {_ENTRY: draft_values(draft, company)}
        with self._entries.changing(company):
            answer = self._transport.post("/asset_passwords", body)
        try:
            created = require_created(record_of(answer, _ENTRY), company)
        except Unexpected as error:
            error.maybe_applied = True
            raise
        return RemoteId(created.id)

    def update_entry(self, organization: RemoteId, entry: RemoteId, change: EntryChange) -> None:
        """Change the named fields; password, notes and portal are never sent."""
        values = change_values(change)
        if values:
            self._change(organization, entry, values)

    def write_password(
        self, organization: RemoteId, entry: RemoteId, password: Secret
    ) -> str | None:
        """Set the password. Hudu's API shows no revisions, so there is no id of one."""
        self._change(organization, entry, {"password": password})
        return None

    def read_password(self, organization: RemoteId, entry: RemoteId) -> Secret | None:
        """Return the password; None when it is blank, or still what `create_entry` wrote."""
        secret = self._own_entry(organization, entry, with_secrets=True).values.get("password")
        if not isinstance(secret, Secret) or secret.reveal() in ("", UNKNOWN_PASSWORD):
            return None
        return secret

    def check(self) -> tuple[Check, ...]:
        """Try version, companies and passwords; raises nothing."""
        return access.check(self._transport)

    @property
    def usage(self) -> Usage:
        """Requests, retries and waiting time until now."""
        return self._transport.usage

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _change(self, organization: RemoteId, entry: RemoteId, values: dict[str, Any]) -> None:
        with self._entries.changing(number_of_company(organization)):
            found = self._own_entry(organization, entry)
            answer = self._transport.put(f"/asset_passwords/{found.id}", {_ENTRY: values})
        if record_of(answer, _ENTRY) is None:
            raise Unexpected(
                f"Hudu answered nothing when entry {found.id} was changed; it may have been"
                " deleted meanwhile.",
                maybe_applied=True,
            )

    def _own_entry(
        self, organization: RemoteId, entry: RemoteId, *, with_secrets: bool = False
    ) -> Record:
        company = number_of_company(organization)
        number = number_of(entry, "Hudu: the entry's id")
        answer = self._transport.get(f"/asset_passwords/{number}", with_secrets=with_secrets)
        return require_found(record_of(answer, _ENTRY), number, company)

    def _remember_types(self, entries: tuple[VaultEntry, ...]) -> None:
        with self._lock:
            for entry in entries:
                if entry.category:
                    self._types.setdefault(fold(entry.category), entry.category)


def _vendor(pause_s: Callable[[], float]) -> Vendor:
    return Vendor(
        name=_NAME,
        # The vendor's OpenAPI of Hudu 2.44, "Rate Limiting".
        limit=RequestLimit(requests=300, window_s=60),
        explain=explain,
        access_advice=access.ADVICE,
        secret_keys=frozenset({"password", "otp_secret"}),
        pause_s=pause_s,
    )
