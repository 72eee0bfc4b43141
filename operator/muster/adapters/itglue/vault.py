"""IT Glue as a vault: which request serves which method of the port.

It asks for a password in `read_password` only, and in `check`, which looks whether one is shown
and drops it. What writes and reads passwords is `muster.adapters.itglue.passwords`'.

Source: https://api.itglue.com/developer/ and the public clients named beside each fact.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

from muster.adapters.integrations import http_options
from muster.adapters.itglue import access
from muster.adapters.itglue.entries import (
    category_of,
    change_attributes,
    draft_attributes,
    entry_of,
    is_live,
    organization_of,
    require_owner,
)
from muster.adapters.itglue.pages import read_all, row_of
from muster.adapters.itglue.passwords import SHOWN, edit_of, newest_revision, password_of
from muster.adapters.json_values import number_of
from muster.errors import AccessDenied, Rejected, Unexpected
from muster.model.connections import Integration, ItGlue
from muster.model.names import RemoteId
from muster.model.records import EntryChange, EntryDraft, Organization, VaultCategory, VaultEntry
from muster.model.secret import Secret
from muster.ports import Check, PasswordEdit, Secrets
from muster.transport.answers import Answer
from muster.transport.budget import RequestLimit, Usage
from muster.transport.http import Transport
from muster.transport.options import Connection, HeaderAuth, HttpOptions, Vendor
from muster.transport.redaction import header_value

_UNAUTHORIZED, _NOT_FOUND = 401, 404

_REMEMBER_S = 900.0
"""For how long categories are remembered: a daemon must see the one that a person adds."""

_WITHOUT_PASSWORD = (("show_password", "false"),)
"""Lower case: `False` is not understood (itglue/powershellwrapper, Passwords.ps1)."""


def open_itglue(
    integration: Integration, secrets: Secrets, options: HttpOptions | None = None
) -> ItGlueVault:
    """Return the vault of an integration.

    Raises:
        SpecError: a secret is missing or cannot be used.
    """
    settings = integration.product
    if not isinstance(settings, ItGlue):
        raise TypeError(f"integration {integration.name} is no IT Glue")
    key = secrets.read(settings.api_key)
    return ItGlueVault(settings, key, http_options(integration, secrets, options))


class ItGlueVault:
    """One IT Glue account; safe to use from many threads."""

    def __init__(
        self,
        settings: ItGlue,
        key: Secret,
        options: HttpOptions | None = None,
        remember_s: float = _REMEMBER_S,
    ) -> None:
        key = header_value(key, "IT Glue: the API key")
        self._transport = Transport(
            Connection(
                endpoint=settings.endpoint,
                vendor=_VENDOR,
                auth=HeaderAuth("x-api-key", key),
                secrets=(key,),
                # itglue/powershellwrapper sends it with every request, reads too.
                headers={"Content-Type": "application/vnd.api+json"},
                options=options or HttpOptions(),
            )
        )
        self._lock = threading.Lock()
        self._categories: tuple[VaultCategory, ...] | None = None
        self._categories_until = 0.0
        self._remember_s = remember_s

    def list_organizations(self) -> Iterator[Organization]:
        """Yield every organization that the key may see; names need not be unique."""
        for row in read_all(self._transport, "/organizations"):
            yield organization_of(row)

    def find_organization(self, organization: RemoteId) -> Organization | None:
        """Return the organization, or None when there is none of this id.

        IT Glue answers 401 both for a bad key and for a record that the key may not touch
        (itglue/powershellwrapper issue 104). After a 401 the key is tried on the list of
        organizations: only when it works there is the organization taken as not found.
        """
        number = number_of(organization, "IT Glue: the organization id")
        answer = self._transport.get(
            f"/organizations/{number}", read_anyway=frozenset({_UNAUTHORIZED, _NOT_FOUND})
        )
        if answer.status == _UNAUTHORIZED:
            access.require_working_key(self._transport)
            return None
        if answer.status == _NOT_FOUND:
            _require_own_answer(answer)
            return None
        row = row_of(answer)
        if row.id != str(number):
            raise Unexpected(f"IT Glue answered organization {row.id} when asked for {number}.")
        return organization_of(row)

    def list_categories(self) -> tuple[VaultCategory, ...]:
        """Return every category of the account; remembered for some minutes."""
        with self._lock:
            if self._categories is None or time.monotonic() > self._categories_until:
                # There is no sort by id here (itglue/powershellwrapper, PasswordCategories.ps1).
                rows = read_all(self._transport, "/password_categories", sort="name")
                self._categories = tuple(category_of(row) for row in rows)
                self._categories_until = time.monotonic() + self._remember_s
            return self._categories

    def list_entries(self, organization: RemoteId) -> Iterator[VaultEntry]:
        """Yield every live entry of the organization, embedded and host-proof ones too.

        Nothing is yielded before the last page was read and counted.

        Raises:
            Unexpected: a row belongs to another organization.
            Unavailable: the list changed under every walk, or a page was cut.

        Source: filters do not work on nested routes
        (https://support.itglue.com/hc/en-us/articles/360004934397); there is none by username.
        """
        number = number_of(organization, "IT Glue: the organization id")
        filters = (("filter[organization_id]", str(number)), ("filter[archived]", "false"))
        rows = read_all(
            self._transport, "/passwords", filters, require=lambda row: require_owner(row, number)
        )
        yield from (entry_of(row) for row in rows if is_live(row))

    def create_entry(self, organization: RemoteId, draft: EntryDraft) -> RemoteId:
        """Create an entry without a password and return its id.

        The mark stands in the notes, as `[muster:CUSTOMER/OBJECT-ID]` on a line of its own.

        Raises:
            Unavailable: with `maybe_applied`, when the entry may exist all the same.
        """
        number = number_of(organization, "IT Glue: the organization id")
        path = f"/organizations/{number}/relationships/passwords"
        answer = self._transport.post(
            path,
            _document(draft_attributes(draft)),
            _WITHOUT_PASSWORD,
            read_anyway=frozenset({_UNAUTHORIZED}),
        )
        self._require_record_access(answer, f"organization {number}")
        try:
            row = row_of(answer)
            require_owner(row, number)
        except Unexpected as error:
            error.maybe_applied = True
            raise
        return RemoteId(row.id)

    def update_entry(self, organization: RemoteId, entry: RemoteId, change: EntryChange) -> None:
        """Change the named fields; password and notes are never sent.

        The nested route is used because IT Glue then refuses an entry of another
        organization (itglue/automation issue 4).
        """
        attributes = change_attributes(change)
        if attributes:
            self._change(_entry_path(organization, entry), attributes)

    def write_password(
        self, organization: RemoteId, entry: RemoteId, password: Secret
    ) -> str | None:
        """Set the password; return the id of the newest revision, where IT Glue names it."""
        path = _entry_path(organization, entry)
        self._change(path, {"password": password})
        return newest_revision(self._transport, path)

    def read_password(self, organization: RemoteId, entry: RemoteId) -> Secret | None:
        """Return the password, or None when the entry has none.

        Raises:
            AccessDenied: the key may not see passwords.
            Rejected: the entry is host-proof, or not the organization's.
        """
        path = _entry_path(organization, entry)
        answer = self._transport.get(
            path, SHOWN, read_anyway=frozenset({_UNAUTHORIZED}), with_secrets=True
        )
        self._require_record_access(answer, path)
        return password_of(row_of(answer))

    def find_edit(self, organization: RemoteId, entry: RemoteId) -> PasswordEdit | None:
        """Return when an entry's password was last set; None as the port says."""
        path = _entry_path(organization, entry)
        silent = frozenset({_UNAUTHORIZED, _NOT_FOUND})
        answer = self._transport.get(path, _WITHOUT_PASSWORD, read_anyway=silent)
        if answer.status == _NOT_FOUND:
            _require_own_answer(answer)
            return None
        self._require_record_access(answer, path)
        row = row_of(answer)
        require_owner(row, number_of(organization, "IT Glue: the organization id"))
        return edit_of(row)

    def check(self) -> tuple[Check, ...]:
        """Try the key on organizations, categories and one password; raises nothing."""
        return access.check(self._transport, self.list_categories)

    @property
    def usage(self) -> Usage:
        """Requests, retries and waiting time until now."""
        return self._transport.usage

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _change(self, path: str, attributes: dict[str, Any]) -> None:
        answer = self._transport.patch(
            path,
            _document(attributes),
            _WITHOUT_PASSWORD,
            read_anyway=frozenset({_UNAUTHORIZED}),
        )
        self._require_record_access(answer, path)

    def _require_record_access(self, answer: Answer, what: str) -> None:
        """Turn a 401 into AccessDenied when the key is bad, and into Rejected when it is not."""
        if answer.status != _UNAUTHORIZED:
            return
        access.require_working_key(self._transport)
        raise Rejected(
            f"IT Glue answered 401: the key works, but may not touch {what};"
            " check the organization id, and the key's organizations."
        )


def _entry_path(organization: RemoteId, entry: RemoteId) -> str:
    number = number_of(organization, "IT Glue: the organization id")
    record = number_of(entry, "IT Glue: the entry id")
    return f"/organizations/{number}/relationships/passwords/{record}"


def _document(attributes: dict[str, Any]) -> dict[str, Any]:
    return {"data": {"type": "passwords", "attributes": attributes}}


def _require_own_answer(answer: Answer) -> None:
    """Raise when a 404 is not IT Glue's own; somebody else's says nothing about a record."""
    if not answer.is_json:
        raise AccessDenied(
            "IT Glue: a web page answered 404 in place of the API; check the endpoint."
        )


def _explain(body: Any) -> str:
    """Return titles and details of a JSON:API error; `detail` is often absent."""
    errors = body.get("errors") if isinstance(body, dict) else None
    if not isinstance(errors, list):
        return ""
    words = (
        str(error[key])
        for error in errors
        if isinstance(error, dict)
        for key in ("title", "detail")
        if error.get(key)
    )
    return "; ".join(words)


_VENDOR = Vendor(
    name="IT Glue",
    # Per key; public clients agree (jason-sager/itglue-mcp-server README, selic/mcp-itglue).
    limit=RequestLimit(requests=3000, window_s=300),
    explain=_explain,
    access_advice=access.ADVICE,
    secret_keys=frozenset({"password", "otp-secret"}),
)
