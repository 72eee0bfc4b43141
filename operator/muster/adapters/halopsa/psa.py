"""HaloPSA as a PSA: which request serves which method of the port.

It never sends DELETE. HaloPSA creates and changes with the same POST; what carries an id
changes.

Source: the vendor's OpenAPI, "Halo API v2" (covenanttechnologysolutions/halopsa-rest,
generator/spec/swagger.json), and the public clients named beside each fact.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

from muster.adapters.halopsa import access, rest
from muster.adapters.halopsa.endpoint import rest_root
from muster.adapters.halopsa.rest import CLIENTS, USERS, Record, whole_number
from muster.adapters.halopsa.tokens import EDIT, READ, Tokens
from muster.adapters.halopsa.users import (
    change_record,
    company_of,
    contact_of,
    draft_record,
    emails_of,
    is_person,
    require_client,
    shows_every_address,
)
from muster.adapters.integrations import http_options
from muster.adapters.json_values import number_of
from muster.errors import Rejected, Unexpected
from muster.model.connections import HaloPsa, Integration
from muster.model.names import RemoteId
from muster.model.records import ContactChange, ContactDraft, Organization, PsaContact
from muster.model.secret import Secret
from muster.plan.keys import fold
from muster.ports import Check, Secrets
from muster.transport.budget import Usage
from muster.transport.http import Transport
from muster.transport.options import BearerAuth, Connection, HttpOptions
from muster.transport.redaction import header_value

_NOBODIES = (("exclude_generaluser", "true"), ("exclude_defaultsiteusers", "true"))
"""Users that stand for a site instead of a person. Unconfirmed: how the second differs."""

_CLOSE_LOOKS = 10
"""How many search hits are looked at in detail before a create."""


def open_halopsa(
    integration: Integration, secrets: Secrets, options: HttpOptions | None = None
) -> HaloPsaAdapter:
    """Return the PSA of an integration; nothing is sent yet.

    Raises:
        SpecError: a secret is missing or cannot be used.
    """
    settings = integration.product
    if not isinstance(settings, HaloPsa):
        raise TypeError(f"integration {integration.name} is no HaloPSA")
    client_secret = secrets.read(settings.client_secret)
    return HaloPsaAdapter(settings, client_secret, http_options(integration, secrets, options))


class HaloPsaAdapter:
    """One HaloPSA tenant; safe to use from many threads."""

    def __init__(
        self, settings: HaloPsa, client_secret: Secret, options: HttpOptions | None = None
    ) -> None:
        secret = header_value(client_secret, "HaloPSA: the client secret")
        chosen = options or HttpOptions()
        self._tokens = Tokens(settings, secret, chosen)
        self._transport = Transport(
            Connection(
                endpoint=rest_root(settings.endpoint),
                vendor=rest.VENDOR,
                auth=BearerAuth(self._tokens.token),
                secrets=(secret,),
                options=chosen,
            )
        )
        self._lock = threading.Lock()
        self._sites: dict[int, int] = {}

    def list_companies(self) -> Iterator[Organization]:
        """Yield every client that the application's agent may see; inactive ones say so."""
        self._tokens.require(READ)
        for record in rest.read_all(self._transport, CLIENTS):
            yield company_of(record)

    def find_company(self, company: RemoteId) -> Organization | None:
        """Return the client, or None when it is neither found by its id nor listed.

        Unconfirmed: what an unknown id is answered with. So the list has the last word.
        """
        number = number_of(company, "HaloPSA: the client id")
        self._tokens.require(READ)
        record = rest.read_record(self._transport, f"{CLIENTS.path}/{number}")
        found = whole_number(record.get("id")) if record else None
        if record and found == number:
            return company_of(record)
        if found:
            raise Unexpected(f"HaloPSA answered another client when asked for {number}.")
        listed = (one for one in self.list_companies() if one.id == str(number))
        return next(listed, None)

    def list_contacts(self, company: RemoteId) -> Iterator[PsaContact]:
        """Yield every person of the client, inactive ones too, in the order of ids.

        General users and service accounts are left out. Nothing is yielded before the last
        page was read and counted. Second and third addresses are there only where the
        tenant's lists show them.

        Raises:
            AccessDenied: users come without their client.
            Unexpected: a user of another client is among them.
            Unavailable: the list changed under every walk, or rows are missing.
        """
        number = number_of(company, "HaloPSA: the client id")
        self._tokens.require(READ)
        records = rest.read_all(
            self._transport,
            USERS,
            (("client_id", str(number)), *_NOBODIES),
            require=lambda record: require_client(record, number),
        )
        yield from (contact_of(record) for record in records if is_person(record))

    def create_contact(self, company: RemoteId, draft: ContactDraft) -> RemoteId:
        """Create a user at the client's main site and return its id; never repeated.

        Raises:
            Rejected: the client has no main site, or an active user with this address, maybe
                one whose address the list does not show.
            Unavailable: with `maybe_applied`, when the user may exist all the same.
        """
        number = number_of(company, "HaloPSA: the client id")
        self._tokens.require(EDIT)
        record = draft_record(number, self._main_site(number), draft)
        self._refuse_twin(number, draft.email)
        try:
            body = self._transport.post(USERS.path, [record]).body
        except Rejected:
            with self._lock:
                self._sites.pop(number, None)
            raise
        created = rest.written_record(body, USERS)
        identifier = whole_number(created.get("id"))
        if not identifier:
            raise Unexpected("HaloPSA answered a create without an id.", maybe_applied=True)
        if whole_number(created.get("client_id", number)) != number:
            raise Unexpected(
                f"HaloPSA created user {identifier} at another client than {number}; remove it.",
                maybe_applied=True,
            )
        return RemoteId(str(identifier))

    def update_contact(self, company: RemoteId, contact: PsaContact, change: ContactChange) -> None:
        """Change the named fields; an e-mail replaces the primary address, or becomes it.

        The user is read first: it must still be the client's, and a POST with an id that is
        gone must not create anybody.
        """
        number = number_of(company, "HaloPSA: the client id")
        identifier = number_of(contact.id, "HaloPSA: the user id")
        if change == ContactChange():
            return
        self._tokens.require(EDIT)
        record = rest.read_record(self._transport, f"{USERS.path}/{identifier}")
        if record is None or whole_number(record.get("id")) != identifier:
            raise Rejected(f"HaloPSA: user {identifier} does not exist any more.")
        require_client(record, number)
        self._transport.post_change(USERS.path, [change_record(record, change)])

    def check(self) -> tuple[Check, ...]:
        """Try sign-in, scopes, clients and users; raises nothing and writes nothing."""
        return access.check(self._transport, self._tokens)

    @property
    def usage(self) -> Usage:
        """Requests, retries and waiting time until now, without those of signing in."""
        return self._transport.usage

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()
        self._tokens.close()

    def _main_site(self, client: int) -> int:
        """Return the site under which a client's new users are put; remembered.

        `site_id` comes as a double and is refused as one (KelvinTegelaar/CIPP-API).
        """
        with self._lock:
            known = self._sites.get(client)
        if known is not None:
            return known
        record = rest.read_record(self._transport, f"{CLIENTS.path}/{client}")
        if record is None or whole_number(record.get("id")) != client:
            raise Rejected(f"HaloPSA: client {client} does not exist any more.")
        site = whole_number(record.get("main_site_id"))
        if not site:
            raise Rejected(
                f"HaloPSA: client {client} has no main site, where a new user would be put;"
                " choose one in HaloPSA."
            )
        with self._lock:
            self._sites[client] = site
        return site

    def _refuse_twin(self, client: int, address: str) -> None:
        """Raise when an active user of the client has the address, in any of the three fields.

        The search looks for parts of words, so each hit is compared whole. Unconfirmed:
        whether it looks into the second and third address.
        """
        hits = rest.read_all(
            self._transport,
            USERS,
            (("client_id", str(client)), ("search", address)),
            require=lambda record: require_client(record, client),
        )
        active = [record for record in hits if record.get("inactive") is not True]
        for record in active[:_CLOSE_LOOKS]:
            shown = record if shows_every_address(record) else self._detail(record)
            if any(fold(email.address) == fold(address) for email in emails_of(shown)):
                raise Rejected(
                    f"HaloPSA: user {shown.get('id')} of client {client} has this address already,"
                    " maybe as its second one; link it, or correct it in HaloPSA."
                )

    def _detail(self, record: Record) -> Record:
        number = whole_number(record.get("id"))
        return rest.read_record(self._transport, f"{USERS.path}/{number}") or record
