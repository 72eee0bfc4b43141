"""The password routes of the simulated Hudu. Every answer holds the secrets, lists too (live)."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from muster.lab.http_server import Reply
from muster.lab.hudu.answers import invalid, listed, record, refuse
from muster.lab.hudu.knobs import HuduKnobs
from muster.lab.hudu.lists import Call, page_of, select, select_archived, select_edited
from muster.lab.hudu.state import WRITABLE, HuduRow, HuduState

_OTP_SECRET = re.compile(r"[A-Z2-7]{16,80}")
"""What is accepted (lwhitelock/ITGlue-Hudu-Migration issue 44)."""


class PasswordRoutes:
    """Reads and writes of password entries."""

    def __init__(self, state: HuduState, knobs: HuduKnobs) -> None:
        self._state = state
        self._knobs = knobs
        self._refusals = 0

    def list_all(self, call: Call) -> Reply:
        """List, with filters; the secrets are there."""
        self._check_access(call)
        args = call.request.args
        company = args.get("company_id", type=int)
        passwords = self._state.passwords
        rows = passwords.owned_by(company) if company is not None else list(passwords)
        visible = [row for row in rows if call.rights.sees(row.owner)]
        chosen = select(select_archived(visible, args, self._knobs), args, ("name", "username"))
        chosen = select_edited(chosen, args, self._knobs.time_filter)
        page = page_of(call, chosen, self._knobs, others=passwords)
        return listed("asset_passwords", [json.dumps(self._shown(row)).encode() for row in page])

    def show(self, call: Call, entry: int) -> Reply:
        """Show one entry; a missing one is 200 with `null`.

        Source: msoukhomlinov/node-hudu, vendor issue 10; the vendor's OpenAPI says 404.
        """
        self._check_access(call)
        row = self._state.passwords.find(entry)
        return self._answer(row) if row and call.rights.sees(row.owner) else record(None)

    def create(self, call: Call) -> Reply:
        """Create an entry."""
        self._check_access(call)
        draft = self._body(call)
        for name in ("name", "company_id", *(("password",) * self._knobs.password_required)):
            if not draft.get(name):
                self._invalid(name, "can't be blank")
        company = self._state.companies.find(int(draft["company_id"]))
        if company is None or not call.rights.sees(company.id):
            self._invalid("company", "must exist")
        self._check_values(draft)
        self._state.begin_write()
        row = self._state.add_password(company.id, _writable(draft))
        return self._answer(row, status=self._knobs.create_status)

    def update(self, call: Call, entry: int) -> Reply:
        """Change what is sent of an entry (live: the rest stays)."""
        row = self._find(call, entry)
        change = self._body(call)
        for name in ("name", "password"):
            if name in change and not change[name]:
                self._invalid(name, "can't be blank")
        self._check_values(change)
        self._state.begin_write()
        return self._answer(self._state.edit_password(row, _writable(change)))

    def archive(self, call: Call, entry: int) -> Reply:
        """Archive an entry."""
        return self._set_archived(call, entry, archived=True)

    def unarchive(self, call: Call, entry: int) -> Reply:
        """Bring an archived entry back."""
        return self._set_archived(call, entry, archived=False)

    def delete(self, call: Call, entry: int) -> Reply:
        """Delete an entry. Unconfirmed: 403 for a key without destructive actions."""
        row = self._find(call, entry)
        if not call.rights.destructive:
            refuse(403, "Forbidden")
        self._state.begin_write()
        self._state.passwords.remove(row.id)
        return Reply(status=204)

    def _set_archived(self, call: Call, entry: int, *, archived: bool) -> Reply:
        row = self._find(call, entry)
        self._state.begin_write()
        return self._answer(self._state.edit_password(row, {"archived": archived}))

    def _check_access(self, call: Call) -> None:
        if not call.rights.passwords:
            refuse(self._knobs.no_password_access_status, "Bad credentials")

    def _find(self, call: Call, entry: int) -> HuduRow:
        """Return the entry to change. Unconfirmed: 404 for one that is not there."""
        self._check_access(call)
        row = self._state.passwords.find(entry)
        if row is None or not call.rights.sees(row.owner):
            refuse(404, "Resource not found")
        return row

    def _body(self, call: Call) -> dict[str, Any]:
        """Return what stands below `asset_password`; a form or a bare record is none."""
        body = call.request.get_json(force=False, silent=True)
        wrapped = body.get("asset_password") if isinstance(body, dict) else None
        if not isinstance(wrapped, dict) or not wrapped:
            missing = "param is missing or the value is empty: asset_password"
            refuse(400, "Parameter missing", missing)
        return wrapped

    def _check_values(self, values: dict[str, Any]) -> None:
        otp = values.get("otp_secret")
        if otp and not _OTP_SECRET.fullmatch(str(otp)):
            self._invalid("otp_secret", "is invalid")

    def _invalid(self, field: str, what: str) -> NoReturn:
        self._refusals += 1
        invalid(field, what, self._refusals)

    def _answer(self, row: HuduRow, *, status: int = 200) -> Reply:
        shown = self._shown(row)
        return record({"asset_password": shown} if self._knobs.wrapped else shown, status=status)

    def _shown(self, row: HuduRow) -> dict[str, Any]:
        values = dict(row.values)
        if not self._knobs.in_portal_echoed:
            del values["in_portal"]
        path = f"/passwords/{values['slug']}"
        values["url"] = path if self._knobs.url_is_record_path else values["login_url"]
        return values


def _writable(values: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in values.items() if name in WRITABLE}
    return {**kept, "login_url": values["url"]} if "url" in values else kept
