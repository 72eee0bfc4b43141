"""ConnectWise PSA as a PSA: which request serves which method of the port.

It never sends PUT or DELETE.

Source: tjone270/pyconnectwise-psa (OpenAPI 2022.2) and the public clients named beside each fact.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import httpx

from muster.adapters.connectwise import access, rest
from muster.adapters.connectwise.contacts import (
    COMPANY_FIELDS,
    CONTACT_FIELDS,
    company_of,
    contact_of,
    cut_name,
    draft_record,
    email_item,
    require_company,
)
from muster.adapters.connectwise.endpoint import rest_root
from muster.adapters.integrations import http_options
from muster.adapters.json_values import id_text, number_of
from muster.errors import Rejected, RemoteError, Unexpected
from muster.model.connections import ConnectWise, Integration
from muster.model.names import RemoteId
from muster.model.records import ContactChange, ContactDraft, Organization, PsaContact
from muster.model.secret import Secret
from muster.ports import Check, Secrets
from muster.transport.budget import RequestLimit, Usage
from muster.transport.http import Transport
from muster.transport.options import Connection, HttpOptions, Vendor
from muster.transport.redaction import basic_token, header_value

_CONTACTS, _COMPANIES = "/company/contacts", "/company/companies"

_API_VERSION = "2025.16"
"""Source: christaylorcodes/ConnectWiseManageAPI. Unconfirmed: what an older server answers."""

_VENDOR = Vendor(
    name="ConnectWise",
    # Unconfirmed: the vendor publishes no number; about 1,000 a minute is quoted.
    limit=RequestLimit(requests=1000, window_s=60),
    explain=rest.explain,
    access_advice=rest.ADVICE,
)


def open_connectwise(
    integration: Integration, secrets: Secrets, options: HttpOptions | None = None
) -> ConnectWisePsa:
    """Return the PSA of an integration.

    Raises:
        SpecError: a secret is missing or cannot be used.
    """
    settings = integration.product
    if not isinstance(settings, ConnectWise):
        raise TypeError(f"integration {integration.name} is no ConnectWise")
    keys = ApiKeys(secrets.read(settings.public_key), secrets.read(settings.private_key))
    return ConnectWisePsa(settings, keys, http_options(integration, secrets, options))


class ApiKeys:
    """The two keys of an API member, checked to be sendable."""

    def __init__(self, public: Secret, private: Secret) -> None:
        self.public = header_value(public, "ConnectWise: the public key")
        self.private = header_value(private, "ConnectWise: the private key")


class ConnectWisePsa:
    """One ConnectWise tenant; safe to use from many threads."""

    def __init__(
        self, settings: ConnectWise, keys: ApiKeys, options: HttpOptions | None = None
    ) -> None:
        user = f"{settings.company_id}+{keys.public.reveal()}"
        client_id = header_value(Secret(settings.client_id), "ConnectWise: the clientId")
        self._transport = Transport(
            Connection(
                endpoint=rest_root(settings.endpoint),
                vendor=_VENDOR,
                auth=httpx.BasicAuth(user, keys.private.reveal()),
                secrets=(keys.public, keys.private, basic_token(user, keys.private)),
                headers={
                    "clientId": client_id.reveal(),
                    "Accept": f"application/vnd.connectwise.com+json; version={_API_VERSION}",
                },
                options=options or HttpOptions(),
            )
        )
        self._lock = threading.Lock()
        self._email_type: int | None = None

    def list_companies(self) -> Iterator[Organization]:
        """Yield every company that the API member may see; deleted ones are not active."""
        for record in rest.read_all(self._transport, _COMPANIES, COMPANY_FIELDS):
            yield company_of(record)

    def find_company(self, company: RemoteId) -> Organization | None:
        """Return the company, or None when ConnectWise itself says that it does not exist.

        Raises:
            AccessDenied: a web page answers 404, as the cloud does for bad credentials.
        """
        number = number_of(company, "ConnectWise: the company id")
        record = rest.read_record(
            self._transport, f"{_COMPANIES}/{number}", (("fields", COMPANY_FIELDS),)
        )
        if record is None:
            return None
        if id_text(record.get("id")) != str(number):
            raise Unexpected(f"ConnectWise answered another company when asked for {number}.")
        return company_of(record)

    def list_contacts(self, company: RemoteId) -> Iterator[PsaContact]:
        """Yield every contact of the company, inactive ones too, in the order of ids.

        Nothing is yielded before the last page was read and counted.

        Raises:
            AccessDenied: contacts come without their company; the security role is too narrow.
            Unexpected: a contact of another company is among them.
            Unavailable: the list changed under every walk, or the role hides some of it.
        """
        number = number_of(company, "ConnectWise: the company id")
        records = rest.read_all(
            self._transport,
            _CONTACTS,
            CONTACT_FIELDS,
            f"company/id={number}",
            require=lambda record: require_company(record, number),
        )
        yield from (contact_of(record) for record in records)

    def create_contact(self, company: RemoteId, draft: ContactDraft) -> RemoteId:
        """Create a contact with one default e-mail and return its id; names are cut.

        ConnectWise accepts duplicates and knows no idempotency key, so this is never repeated.

        Raises:
            Unavailable: with `maybe_applied`, when the contact may exist all the same.
        """
        number = number_of(company, "ConnectWise: the company id")
        record = draft_record(number, draft, self._default_email_type())
        body = rest.create(self._transport, _CONTACTS, record).body
        created = id_text(body.get("id")) if isinstance(body, dict) else ""
        if not created:
            raise Unexpected("ConnectWise answered a create without an id.", maybe_applied=True)
        return RemoteId(created)

    def update_contact(self, company: RemoteId, contact: PsaContact, change: ContactChange) -> None:
        """Change the named fields; an e-mail replaces the default one, or becomes it.

        Names and e-mail are two requests. When the second fails, the error says
        `maybe_applied`, because the first took effect.
        """
        number_of(company, "ConnectWise: the company id")
        path = f"{_CONTACTS}/{number_of(contact.id, 'ConnectWise: the contact id')}"
        names = {
            field: cut_name(value)
            for field, value in (("firstName", change.given_name), ("lastName", change.surname))
            if value is not None
        }
        if names:
            self._replace_names(path, names)
        if change.email is None:
            return
        try:
            self._set_email(path, contact, change.email)
        except RemoteError as error:
            error.maybe_applied = error.maybe_applied or bool(names)
            raise

    def check(self) -> tuple[Check, ...]:
        """Try keys, role and e-mail type; raises nothing. Writing cannot be tried harmlessly."""
        return access.check(self._transport, self._default_email_type)

    @property
    def usage(self) -> Usage:
        """Requests, retries and waiting time until now."""
        return self._transport.usage

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _replace_names(self, path: str, names: dict[str, str]) -> None:
        """Replace names; where a tenant insists, its custom fields are sent back as they are.

        Source: amp-labs/connectors, providers/connectwise: with contact custom fields a PATCH
        may be refused unless it names them.
        """
        try:
            rest.replace_fields(self._transport, path, names)
        except Rejected as error:
            if "customfields" not in str(error).lower():
                raise
            record = rest.read_record(self._transport, path, (("fields", "id,customFields"),))
            fields = (record or {}).get("customFields", [])
            rest.replace_fields(self._transport, path, {**names, "customFields": fields})

    def _set_email(self, path: str, contact: PsaContact, address: str) -> None:
        """Change the default e-mail item alone; the other items and phones stay.

        Source: https://github.com/HealthITAU/pyconnectwise/issues/27 and
        https://github.com/christaylorcodes/ConnectWiseManageAPI/issues/51
        """
        default = next((email for email in contact.emails if email.default), None)
        if default is None:
            item = email_item(address, self._default_email_type())
            rest.create(self._transport, f"{path}/communications", item)
            return
        item_id = number_of(default.id, "ConnectWise: the e-mail item's id")
        rest.replace_fields(self._transport, f"{path}/communications/{item_id}", {"value": address})

    def _default_email_type(self) -> int:
        """Return the id of the tenant's default e-mail type; read once and remembered."""
        with self._lock:
            if self._email_type is None:
                self._email_type = access.default_email_type(self._transport)
            return self._email_type
