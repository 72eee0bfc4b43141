"""The routes of the simulated IT Glue: who may call them, and where they lead.

Organizations and categories are answered here; passwords have their own module.
"""

from __future__ import annotations

from collections.abc import Callable

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request

from muster.lab.faults import StaleRead, Struck, find_fault
from muster.lab.http_server import Reply
from muster.lab.itglue.answers import ProblemError, problem, refuse, single
from muster.lab.itglue.bodies import read_attributes
from muster.lab.itglue.filters import read_filters, select
from muster.lab.itglue.knobs import ItGlueKnobs
from muster.lab.itglue.lists import Call, count_categories, list_page
from muster.lab.itglue.passwords import PasswordRoutes
from muster.lab.itglue.state import ItGlueState, KeyRights


class ItGlueRoutes:
    """Answers requests from the state."""

    def __init__(self, state: ItGlueState, knobs: ItGlueKnobs, base: Callable[[], str]) -> None:
        self._state = state
        self._knobs = knobs
        self._base = base
        passwords = PasswordRoutes(state, knobs)
        nested = "/organizations/<int:organization>/relationships/passwords"
        self._map = Map(
            [
                _rule("GET", "/organizations", self._list_organizations),
                _rule("GET", "/organizations/<int:organization>", self._show_organization),
                _rule("GET", "/password_categories", self._list_categories),
                # There is no DELETE of a category (itglue/powershellwrapper,
                # PasswordCategories.ps1).
                _rule("GET", "/password_categories/<int:category>", self._show_category),
                _rule("POST", "/password_categories", self._create_category),
                _rule("GET", "/passwords", passwords.list_all),
                _rule("POST", "/passwords", passwords.create),
                _rule("PATCH", "/passwords", passwords.update_many),
                _rule("DELETE", "/passwords", passwords.delete_many),
                _rule("GET", nested, passwords.list_nested),
                _rule("POST", nested, passwords.create),
                *(
                    _rule(method, path + "/<int:entry>", action)
                    for path in ("/passwords", nested)
                    for method, action in (
                        ("GET", passwords.show),
                        ("PATCH", passwords.update),
                        ("DELETE", passwords.delete),
                    )
                ),
            ],
            strict_slashes=False,
        )

    def answer(self, request: Request, struck: Struck) -> Reply:
        """Answer one request; a key that is missing, wrong or paused is refused first."""
        rights = self._state.keys.get(request.headers.get("x-api-key", ""), KeyRights(paused=True))
        if rights.paused:
            return problem(self._knobs.bad_key_status, "Forbidden")
        try:
            action, arguments = self._map.bind("localhost").match(request.path, request.method)
            call = Call(request=request, rights=rights, struck=struck, base=self._base())
            stale = find_fault(struck, StaleRead)
            if stale and request.method == "GET":
                with self._state.before_last_write():
                    return self._run(action, call, arguments)
            return self._run(action, call, arguments)
        except ProblemError as error:
            return error.reply
        except HTTPException as error:  # no such route, or no such verb on it
            return problem(error.code or 404, error.name)

    def _run(self, action: Callable[..., Reply], call: Call, arguments: object) -> Reply:
        assert isinstance(arguments, dict)  # noqa: S101 - what werkzeug's match returns
        return action(call, **arguments)

    def _list_organizations(self, call: Call) -> Reply:
        filters = read_filters(call.request.args, "organizations", self._knobs)
        visible = (row for row in self._state.organizations if call.rights.sees(row.id))
        rows = select(visible, filters, self._knobs)
        return list_page(call, rows, "organizations", self._knobs)

    def _show_organization(self, call: Call, organization: int) -> Reply:
        row = self._state.organizations.find(organization)
        if row is None:
            return problem(404, "Record not found")
        if not call.rights.sees(row.id):
            refuse(401, "Unauthorized", detail="Unauthorized resource access", pointer="id")
        return single(row)

    def _list_categories(self, call: Call) -> Reply:
        filters = read_filters(call.request.args, "password-categories", self._knobs)
        rows = select(count_categories(self._state), filters, self._knobs)
        return list_page(call, rows, "password-categories", self._knobs)

    def _show_category(self, _: Call, category: int) -> Reply:
        rows = [row for row in count_categories(self._state) if row.id == category]
        return single(rows[0]) if rows else problem(404, "Record not found")

    def _create_category(self, call: Call) -> Reply:
        attributes = read_attributes(call.request, self._knobs)[0]
        if not attributes.get("name"):
            refuse(422, "Unprocessable Entity", detail="can't be blank", pointer="/data/name")
        self._state.begin_write()
        row = self._state.add_category(str(attributes["name"]))
        return single(row, status=self._knobs.create_status)


def _rule(method: str, path: str, action: Callable[..., Reply]) -> Rule:
    return Rule(path, endpoint=action, methods=[method])
