"""The password routes of the simulated IT Glue: what is shown, and what a write must hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

from muster.lab.http_server import Reply
from muster.lab.itglue.answers import refuse, several, single
from muster.lab.itglue.bodies import as_id, is_bulk, read_attributes
from muster.lab.itglue.filters import read_filters, select
from muster.lab.itglue.knobs import ItGlueKnobs, VaultShow
from muster.lab.itglue.lists import Call, list_page
from muster.lab.itglue.state import WRITABLE, ItGlueRow, ItGlueState

_SHOW = {"true": True, "false": False}  # lower case only (powershellwrapper, Passwords.ps1)


class PasswordRoutes:
    """Reads and writes of password entries."""

    def __init__(self, state: ItGlueState, knobs: ItGlueKnobs) -> None:
        self._state = state
        self._knobs = knobs

    def list_all(self, call: Call) -> Reply:
        """List with filters; the secret is never there, whatever show_password says."""
        filters = read_filters(call.request.args, "passwords", self._knobs)
        candidates = self._candidates(filters.get("organization-id"))
        visible = (row for row in candidates if call.rights.sees(row.owner))
        return self._page(call, select(visible, filters, self._knobs))

    def list_nested(self, call: Call, organization: int) -> Reply:
        """List one organization; filters are not honoured on nested routes (vendor's help)."""
        self._check_organization(call, organization)
        return self._page(call, select(self._owned(organization), {}, self._knobs))

    def show(self, call: Call, entry: int, organization: int | None = None) -> Reply:
        """Show one entry, by default with its secret."""
        row = self._find(call, entry, organization)
        secret = self._secret(call, row, default=True)
        return single(row, extra=secret, included=self._included(call, row))

    def create(self, call: Call, organization: int | None = None) -> Reply:
        """Create one entry, or several from a list."""
        self._check_access(call, bulk=False)
        drafts = read_attributes(call.request, self._knobs)
        checked = [(self._owner(call, draft, organization), draft) for draft in drafts]
        for _, draft in checked:
            self._check_new(draft)
        self._state.begin_write()
        rows = [
            self._state.add_password(owner, _writable(draft), _sent_secret(draft))
            for owner, draft in checked
        ]
        return self._written(call, rows, status=self._knobs.create_status)

    def update(self, call: Call, entry: int, organization: int | None = None) -> Reply:
        """Change what is sent of one entry."""
        self._check_access(call, bulk=False)
        row = self._find(call, entry, organization)
        change = read_attributes(call.request, self._knobs)[0]
        self._check_change(row, change)
        self._state.begin_write()
        edited = self._edit(row, change)
        return single(edited, extra=self._secret(call, edited, default=False))

    def update_many(self, call: Call) -> Reply:
        """Change several entries; the id stands inside the attributes.

        Unconfirmed: what happens when one of them is refused. Here nothing is changed then.
        """
        self._check_access(call, bulk=True)
        changes = read_attributes(call.request, self._knobs)
        pairs = [(self._find(call, as_id(change.get("id"))), change) for change in changes]
        for row, change in pairs:
            self._check_change(row, change)
        self._state.begin_write()
        return several([self._edit(row, change) for row, change in pairs])

    def delete(self, call: Call, entry: int, organization: int | None = None) -> Reply:
        """Delete one entry."""
        self._check_access(call, bulk=False)
        row = self._find(call, entry, organization)
        self._state.begin_write()
        self._state.delete_password(row)
        return single(row) if self._knobs.delete_answers_resource else Reply(status=204)

    def delete_many(self, call: Call) -> Reply:
        """Delete the entries that the body names."""
        self._check_access(call, bulk=True)
        named = read_attributes(call.request, self._knobs)
        rows = [self._find(call, as_id(each.get("id"))) for each in named]
        self._state.begin_write()
        for row in rows:
            self._state.delete_password(row)
        return several(rows)

    def _candidates(self, organizations: tuple[str, ...] | None) -> Iterable[ItGlueRow]:
        if organizations is None:
            return self._state.passwords
        ids = sorted({int(text) for text in organizations if text.strip().isdigit()})
        return [row for organization in ids for row in self._owned(organization)]

    def _owned(self, organization: int) -> list[ItGlueRow]:
        return self._state.passwords.owned_by(organization)

    def _page(self, call: Call, rows: list[ItGlueRow]) -> Reply:
        others = self._state.passwords
        return list_page(call, rows, "passwords", self._knobs, others=others)

    def _check_access(self, call: Call, *, bulk: bool) -> None:
        # Wording and null pointer: itglue/automation issue 32. Unconfirmed for single records.
        if not call.rights.password_access:
            method = call.request.method
            suffix = " in bulk" if bulk else ""
            refuse(403, f"Cannot {method} Password{suffix}", pointer=None)

    def _check_organization(self, call: Call, organization: int) -> None:
        if self._state.organizations.find(organization) is None:
            refuse(404, "Record not found")
        if not call.rights.sees(organization):
            _refuse_record()

    def _find(self, call: Call, entry: int | None, organization: int | None = None) -> ItGlueRow:
        row = None if entry is None else self._state.passwords.find(entry)
        if row is None:
            refuse(404, "Record not found")
        if not call.rights.sees(row.owner) or organization not in (None, row.owner):
            _refuse_record()
        return row

    def _secret(self, call: Call, row: ItGlueRow, *, default: bool) -> dict[str, Any]:
        shown = _SHOW.get(call.request.args.get("show_password", ""), default)
        if not shown or not call.rights.password_access:
            return {}
        if row.attributes["vault-id"] is None:
            return {"password": row.secret}
        # The service cannot decrypt host-proof entries (the vendor's help on the Vault).
        match self._knobs.vault_show:
            case VaultShow.ABSENT:
                return {}
            case VaultShow.NULL:
                return {"password": None}
            case VaultShow.CIPHERTEXT:
                return {"password": "AAECAwQFBgcICQoLDA0ODw=="}

    def _included(self, call: Call, row: ItGlueRow) -> list[dict[str, Any]] | None:
        """Return the revisions where they are asked for. Unconfirmed: their type and shape."""
        if "recent_versions" not in call.request.args.get("include", "").split(","):
            return None
        return [
            {"id": str(number), "type": "versions", "attributes": {}}
            for number in reversed(self._state.versions(row.id))
        ]

    def _owner(self, call: Call, draft: dict[str, Any], organization: int | None) -> ItGlueRow:
        wanted = organization or as_id(draft.get("organization-id"))
        row = None if wanted is None else self._state.organizations.find(wanted)
        if row is None or not call.rights.sees(row.id):
            # Title, missing detail and pointer style: itglue/automation issue 38.
            pointer = "data/attributes/organization_id"
            refuse(422, "Valid organization_id is required", pointer=pointer)
        return row

    def _check_new(self, draft: dict[str, Any]) -> None:
        needed = ("name", "password") if self._knobs.password_required else ("name",)
        for name in needed:
            if not draft.get(name):
                _refuse_value(name, "can't be blank")
        self._check_category(draft)

    def _check_change(self, row: ItGlueRow, change: dict[str, Any]) -> None:
        if "name" in change and not change["name"]:
            _refuse_value("name", "can't be blank")
        if row.attributes["vault-id"] is not None and "password" in change:
            pointer = "/data/attributes/password"
            refuse(self._knobs.vault_patch_status, "Vaulted password", pointer=pointer)
        self._check_category(change)

    def _check_category(self, values: dict[str, Any]) -> None:
        sent = values.get("password-category-id")
        if sent is None:
            return
        category = as_id(sent)
        if category is None or self._state.categories.find(category) is None:
            _refuse_value("password-category", "must exist")

    def _edit(self, row: ItGlueRow, change: dict[str, Any]) -> ItGlueRow:
        secret = _sent_secret(change)
        same = self._knobs.secret_moves_only_when_different and secret == row.secret
        moves = secret is not None and not same
        return self._state.edit_password(row, _writable(change), secret, moves=moves)

    def _written(self, call: Call, rows: list[ItGlueRow], *, status: int) -> Reply:
        if is_bulk(call.request):
            return several(rows, status=status)
        return single(rows[0], status=status, extra=self._secret(call, rows[0], default=False))


def _refuse_record() -> NoReturn:
    # Status, title, detail and pointer: itglue/powershellwrapper issue 104.
    refuse(401, "Unauthorized", detail="Unauthorized resource access", pointer="id")


def _refuse_value(name: str, detail: str) -> NoReturn:
    # Shape of a failed validation: itglue/automation issue 38.
    refuse(422, "Unprocessable Entity", detail=detail, pointer=f"/data/attributes/{name}")


def _writable(values: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in values.items() if name in WRITABLE}
    for name in ("password-category-id", "password-folder-id", "resource-id"):
        if kept.get(name) is not None:
            kept[name] = as_id(kept[name])
    return kept


def _sent_secret(values: dict[str, Any]) -> str | None:
    secret = values.get("password")
    return None if secret is None else str(secret)
