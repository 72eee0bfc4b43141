"""What a POST of users does to the simulated HaloPSA: with an id it changes, without it creates.

Source: KelvinTegelaar/CIPP-API, Modules/CippExtensions, for the array and the integer site;
the vendor's OpenAPI, "Halo API v2", for the fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muster.lab.halopsa.answers import FailureError, answer, binding_failure, failure
from muster.lab.halopsa.knobs import HaloPsaKnobs, WriteShape
from muster.lab.halopsa.lists import Call
from muster.lab.halopsa.state import HaloRow, HaloState, Json
from muster.lab.http_server import Reply

_TEXTS = (
    "name",
    "firstname",
    "surname",
    "title",
    "emailaddress",
    "email2",
    "email3",
    "phonenumber",
    "mobilenumber",
    "azureoid",
)
_FLAGS = ("inactive", "isserviceaccount", "neversendemails")


class UserWrites:
    """Creates and changes users."""

    def __init__(self, state: HaloState, knobs: HaloPsaKnobs) -> None:
        self._state = state
        self._knobs = knobs

    def post(self, call: Call) -> Reply:
        """Take an array of users, all or nothing; fields that nobody knows are ignored."""
        if call.request.mimetype != "application/json":
            return failure(400, "The content type is not supported.")
        sent = call.request.get_json(silent=True)
        if not isinstance(sent, list) or not all(isinstance(one, dict) for one in sent):
            raise binding_failure("The JSON value could not be converted to List<Users>.")
        records = [self._record(one) for one in sent]
        self._state.begin_write()
        rows = [
            self._state.put_user(one) if one.get("id") else self._state.add_user(one)
            for one in records
        ]
        return self._answer(rows)

    def _answer(self, rows: list[HaloRow]) -> Reply:
        shown = [dict(row.record) for row in rows]
        match self._knobs.write_shape:
            case WriteShape.OBJECT:
                return answer(shown[0], status=201)
            case WriteShape.ARRAY:
                return answer(shown, status=201)
            case WriteShape.ENVELOPE:
                return answer({"users": shown}, status=201)

    def _record(self, sent: Mapping[str, Any]) -> Json:
        values = self._values(sent)
        number = sent.get("id")
        if number:
            row = self._state.users.find(number)
            if row is None:
                words = f"User {number} does not exist."
                raise FailureError(failure(self._knobs.unknown_id_status, words))
            return self._checked({**row.record, **values})
        return self._checked(self._placed(sent, values))

    def _values(self, sent: Mapping[str, Any]) -> Json:
        values: Json = {}
        for names, kind in ((_TEXTS, str), (_FLAGS, bool)):
            for name in names:
                if sent.get(name) is None:
                    continue
                if not isinstance(sent[name], kind):
                    raise binding_failure(f"The JSON value of {name} could not be converted.")
                values[name] = sent[name]
        site = sent.get("site_id")
        if site is not None:
            if not isinstance(site, int):
                raise binding_failure("The JSON value of site_id could not be converted.")
            values["site_id_int"] = site
        return values

    def _placed(self, sent: Mapping[str, Any], values: Json) -> Json:
        """Return a new user's values with its client and site."""
        client = self._state.clients.find(sent.get("client_id") or 0)
        if client is None:
            raise FailureError(failure(400, "The client does not exist."))
        if "site_id_int" not in values:
            if not self._knobs.default_site:
                raise FailureError(failure(400, "A site must be selected."))
            values["site_id_int"] = client.record["main_site_id"]
        site = self._state.sites.find(values["site_id_int"])
        if site is None or site.owner != client.id:
            raise FailureError(failure(400, "The site does not exist."))
        return {**values, "client_id": client.id}

    def _checked(self, record: Json) -> Json:
        if not record.get("name"):
            raise FailureError(failure(400, "A name must be entered."))
        address = record.get("emailaddress", "").casefold()
        if self._knobs.unique_emails and address:
            for row in self._state.users:
                if row.id != record.get("id") and row.record["emailaddress"].casefold() == address:
                    raise FailureError(failure(400, "This email address is in use already."))
        return record
