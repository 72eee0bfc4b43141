"""Autotask behind the `Psa` port.

Decides which requests a method makes. Records are translated in `contacts`, lists are read in
`reading`, and what follows a refused sign-in is `session`'s business.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from muster.adapters.autotask import access
from muster.adapters.autotask.contacts import (
    COMPANY_FIELDS,
    CONTACT_FIELDS,
    NameLengths,
    changed_fields,
    company_of,
    contact_of,
    draft_record,
    require_company,
)
from muster.adapters.autotask.reading import Listing, read_all, read_item
from muster.adapters.autotask.session import ApiKeys, Session
from muster.adapters.autotask.zones import VERSION, ZoneDirectory
from muster.adapters.integrations import http_options
from muster.adapters.json_values import id_text, number_of
from muster.errors import RemoteError, Unexpected
from muster.model.connections import Autotask, Integration
from muster.model.names import RemoteId
from muster.model.records import ContactChange, ContactDraft, Organization, PsaContact
from muster.ports import Check, Secrets
from muster.transport.budget import Usage
from muster.transport.options import HttpOptions


def open_autotask(
    integration: Integration, secrets: Secrets, options: HttpOptions | None = None
) -> AutotaskPsa:
    """Return the PSA of an integration.

    Raises:
        SpecError: a secret is missing or cannot be used.
    """
    settings = integration.product
    if not isinstance(settings, Autotask):
        raise TypeError(f"integration {integration.name} is no Autotask")
    keys = ApiKeys(secrets.read(settings.secret), secrets.read(settings.integration_code))
    return AutotaskPsa(settings, keys, http_options(integration, secrets, options))


class AutotaskPsa:
    """One Autotask database; safe to use from many threads."""

    def __init__(
        self,
        settings: Autotask,
        keys: ApiKeys,
        options: HttpOptions | None = None,
        directory: ZoneDirectory | None = None,
    ) -> None:
        self._session = Session(
            settings, keys, options or HttpOptions(), directory or ZoneDirectory()
        )
        self._lock = threading.Lock()
        self._lengths: NameLengths | None = None

    def list_companies(self) -> Iterator[Organization]:
        """Yield every company that the API user's security level shows."""
        listing = Listing(entity="Companies", fields=COMPANY_FIELDS)
        for record in read_all(self._session, listing):
            yield company_of(record)

    def find_company(self, company: RemoteId) -> Organization | None:
        """Return the company, or None when Autotask does not know it, or hides it.

        The two look the same: data that the security level hides comes back as nothing.
        """
        number = number_of(company, "Autotask: the company id")
        record = read_item(self._session, "Companies", number)
        return None if record is None else company_of(record)

    def list_contacts(self, company: RemoteId) -> Iterator[PsaContact]:
        """Yield every contact of the company, inactive ones too, in the order of ids.

        Nothing is yielded before the last page was read and counted.

        Raises:
            Unexpected: a contact of another company is among them.
            Unavailable: the list changed under every walk.
        """
        number = number_of(company, "Autotask: the company id")
        listing = Listing(
            entity="Contacts",
            fields=CONTACT_FIELDS,
            company=number,
            require=lambda record: require_company(record, number),
        )
        yield from (contact_of(record) for record in read_all(self._session, listing))

    def create_contact(self, company: RemoteId, draft: ContactDraft) -> RemoteId:
        """Create a contact with one e-mail address and return its id; names are cut.

        Autotask accepts duplicates and knows no idempotency key, so this is never repeated.

        Raises:
            Unavailable: with `maybe_applied`, when the contact may exist all the same.
            Rejected: it has no given name or no surname.
        """
        path = _contacts_of(company)
        body = self._session.post(path, draft_record(draft, self._name_lengths()))
        created = id_text(body.get("itemId")) if isinstance(body, dict) else ""
        if not created or created == "0":
            raise Unexpected("Autotask answered a create without an id.", maybe_applied=True)
        return RemoteId(created)

    def update_contact(self, company: RemoteId, contact: PsaContact, change: ContactChange) -> None:
        """Change the named fields; an e-mail replaces the first address, or becomes it.

        Raises:
            Unexpected: with `maybe_applied`, when Autotask agreed and kept the old values.
        """
        path = _contacts_of(company)
        number = number_of(contact.id, "Autotask: the contact id")
        if change == ContactChange():
            return
        fields = changed_fields(change, self._name_lengths())
        self._session.patch(path, {"id": number, **fields})
        try:
            self._confirm(number, fields)
        except RemoteError as error:
            error.maybe_applied = True
            raise

    def check(self) -> tuple[Check, ...]:
        """Try keys, rights, required fields and the hourly limit; raises and writes nothing."""
        return access.check(self._session)

    @property
    def usage(self) -> Usage:
        """Requests, retries and waiting time until now."""
        return self._session.usage

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _confirm(self, number: int, fields: dict[str, Any]) -> None:
        """Read back what was written: a rule of the tenant's may undo it under a 200.

        Unconfirmed for contacts: it was seen with tickets.
        """
        record = read_item(self._session, "Contacts", number) or {}
        kept = [name for name, value in fields.items() if record.get(name) != value]
        if kept:
            raise Unexpected(
                f"Autotask agreed to change contact {number} but kept {', '.join(kept)}; look for a"
                " rule or an integration that sets it back."
            )

    def _name_lengths(self) -> NameLengths:
        """Return the tenant's limits; read once and remembered."""
        with self._lock:
            if self._lengths is None:
                self._lengths = access.name_lengths(self._session)
            return self._lengths


def _contacts_of(company: RemoteId) -> str:
    """Return the path to write to; the contact's own path only reads (the OpenAPI file)."""
    return f"{VERSION}/Companies/{number_of(company, 'Autotask: the company id')}/Contacts"
