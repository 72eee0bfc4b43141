"""The company routes of the simulated Hudu, which are read only here."""

from __future__ import annotations

from muster.lab.http_server import Reply
from muster.lab.hudu.answers import listed, record, refuse
from muster.lab.hudu.knobs import HuduKnobs
from muster.lab.hudu.lists import Call, page_of, select, select_edited
from muster.lab.hudu.state import HuduState


class CompanyRoutes:
    """Reads of companies. Out of a key's scope they are absent. Unconfirmed: that, and 404."""

    def __init__(self, state: HuduState, knobs: HuduKnobs) -> None:
        self._state = state
        self._knobs = knobs

    def list_all(self, call: Call) -> Reply:
        """List the companies that the key may see."""
        visible = (row for row in self._state.companies if call.rights.sees(row.id))
        args = call.request.args
        rows = select_edited(select(visible, args, ("name",)), args)
        return listed("companies", [row.json for row in page_of(call, rows, self._knobs)])

    def show(self, call: Call, company: int) -> Reply:
        """Show one company; unlike a password, a missing one is 404 (live)."""
        row = self._state.companies.find(company)
        if row is None or not call.rights.sees(company):
            refuse(404, "Company not found")
        values = dict(row.values)
        return record({"company": values} if self._knobs.wrapped else values)
