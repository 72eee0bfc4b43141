"""The organization and category routes of the simulated IT Glue."""

from __future__ import annotations

from muster.lab.http_server import Reply
from muster.lab.itglue.answers import problem, refuse, single
from muster.lab.itglue.bodies import read_attributes
from muster.lab.itglue.filters import read_filters, select
from muster.lab.itglue.knobs import ItGlueKnobs
from muster.lab.itglue.lists import Call, count_categories, list_page
from muster.lab.itglue.state import ItGlueState


class AccountRoutes:
    """Organizations, which are read only here, and categories, which nobody can delete."""

    def __init__(self, state: ItGlueState, knobs: ItGlueKnobs) -> None:
        self._state = state
        self._knobs = knobs

    def list_organizations(self, call: Call) -> Reply:
        """List organizations that the key may see; names need not be unique."""
        filters = read_filters(call.request.args, "organizations", self._knobs)
        visible = (row for row in self._state.organizations if call.rights.sees(row.id))
        rows = select(visible, filters, self._knobs)
        return list_page(call, rows, "organizations", self._knobs)

    def show_organization(self, call: Call, organization: int) -> Reply:
        """Show one organization."""
        row = self._state.organizations.find(organization)
        if row is None:
            return problem(404, "Record not found")
        if not call.rights.sees(row.id):
            refuse(401, "Unauthorized", detail="Unauthorized resource access", pointer="id")
        return single(row)

    def list_categories(self, call: Call) -> Reply:
        """List the password categories of the account."""
        filters = read_filters(call.request.args, "password-categories", self._knobs)
        rows = select(count_categories(self._state), filters, self._knobs)
        return list_page(call, rows, "password-categories", self._knobs)

    def show_category(self, _: Call, category: int) -> Reply:
        """Show one category."""
        rows = [row for row in count_categories(self._state) if row.id == category]
        return single(rows[0]) if rows else problem(404, "Record not found")

    def create_category(self, call: Call) -> Reply:
        """Create a category."""
        attributes = read_attributes(call.request, self._knobs)[0]
        if not attributes.get("name"):
            refuse(422, "Unprocessable Entity", detail="can't be blank", pointer="/data/name")
        self._state.begin_write()
        row = self._state.add_category(str(attributes["name"]))
        return single(row, status=self._knobs.create_status)
