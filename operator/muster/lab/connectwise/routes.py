"""The routes of the simulated ConnectWise: who may call them, and where they lead."""

from __future__ import annotations

from collections.abc import Callable

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request

from muster.lab.connectwise.answers import API_VERSION, FailureError, answer, failure
from muster.lab.connectwise.contacts import ContactRoutes
from muster.lab.connectwise.knobs import ConnectWiseKnobs
from muster.lab.connectwise.lists import Call
from muster.lab.connectwise.reading import Reading, not_found
from muster.lab.connectwise.state import CwState, Member
from muster.lab.faults import StaleRead, Struck, find_fault
from muster.lab.http import html_page
from muster.lab.http_server import Reply

_INFO = "/login/companyinfo/"
_ROUTER = "v4_6_release"  # always leads to the tenant's version (many public clients)


class CwRoutes:
    """Answers requests from the state."""

    def __init__(self, state: CwState, knobs: ConnectWiseKnobs, base: Callable[[], str]) -> None:
        self._state = state
        self._knobs = knobs
        self._base = base
        self._reading = Reading(state, knobs)
        self._map = Map(self._rules(), strict_slashes=False)

    def answer(self, request: Request, struck: Struck) -> Reply:
        """Answer one request; credentials are checked before the path."""
        if request.path.startswith(_INFO):
            return self._company_info(request.path.removeprefix(_INFO))
        path = self._below_root(request.path)
        if path is None:
            return html_page(404)
        try:
            member = self._authenticate(request)
            call = Call(request=request, member=member, struck=struck, base=self._base())
            return self._dispatch(path, call)
        except FailureError as error:
            return error.reply

    def _rules(self) -> list[Rule]:
        contacts = ContactRoutes(self._state, self._knobs, self._reading)
        one, items = (
            "/company/contacts/<int:contact>",
            "/company/contacts/<int:contact>/communications",
        )
        return [
            _rule("GET", "/system/info", self._system_info),
            _rule("GET", "/company/companies", self._list_companies),
            _rule("GET", "/company/companies/count", self._count_companies),
            _rule("GET", "/company/companies/<int:company>", self._show_company),
            _rule("GET", "/company/companies/<int:company>/sites", self._list_sites),
            _rule("GET", "/company/communicationTypes", self._list_types),
            _rule("GET", "/company/contacts", contacts.list_contacts),
            _rule("GET", "/company/contacts/count", contacts.count_contacts),
            _rule("POST", "/company/contacts", contacts.create),
            _rule("GET", one, contacts.show),
            _rule("PATCH", one, contacts.update),
            _rule("DELETE", one, contacts.delete),
            _rule("GET", items, contacts.list_items),
            _rule("POST", items, contacts.create_item),
            _rule("GET", items + "/<int:item>", contacts.show_item),
            _rule("PATCH", items + "/<int:item>", contacts.update_item),
            _rule("DELETE", items + "/<int:item>", contacts.delete_item),
        ]

    def _dispatch(self, path: str, call: Call) -> Reply:
        method = call.request.method
        try:
            action, arguments = self._map.bind("localhost").match(path, method)
        except MethodNotAllowed:
            return failure(405, "ConnectWiseApi", "The method is not allowed.")
        except HTTPException:
            return failure(404, "ConnectWiseApi", "The endpoint does not exist.")
        if method != "GET" and call.member.read_only:
            return failure(403, "Forbidden", "The member's security role does not allow this.")
        stale = find_fault(call.struck, StaleRead)
        if stale and method == "GET":
            with self._state.before_last_write():
                return self._run(action, call, arguments)
        return self._run(action, call, arguments)

    def _run(self, action: Callable[..., Reply], call: Call, arguments: object) -> Reply:
        assert isinstance(arguments, dict)  # noqa: S101 - what werkzeug's match returns
        return action(call, **arguments)

    def _below_root(self, path: str) -> str | None:
        for codebase in (_ROUTER, self._knobs.codebase.strip("/")):
            root = f"/{codebase}/apis/3.0"
            if path.startswith(root + "/"):
                return path.removeprefix(root)
        return None

    def _authenticate(self, request: Request) -> Member:
        sent = request.authorization
        user, secret = (sent.username or "", sent.password) if sent else ("", None)
        company, _, public_key = user.partition("+")
        member = self._state.members.get(public_key)
        if member is None or company != self._state.company_id or secret != member.private_key:
            refusal = failure(401, "Unauthorized", "The API key is not valid.")
            raise FailureError(html_page(404) if self._knobs.cloud else refusal)
        if self._knobs.require_client_id and not request.headers.get("clientId"):
            raise FailureError(failure(403, "Forbidden", "A clientId is required."))
        return member

    def _company_info(self, company_id: str) -> Reply:
        # Without authentication; an unknown id is 200 with null
        # (KerkhoffTechnologies/django-connectwise, djconnectwise/api.py).
        if company_id.lower() != self._state.company_id:
            return answer(None)
        codebase = self._knobs.codebase
        info = {
            "CompanyName": "Lab MSP",
            "Codebase": codebase,
            "VersionCode": codebase.strip("/").replace("_", "."),
            "VersionNumber": f"v{API_VERSION}.12345",
            "CompanyID": self._state.company_id,
            "IsCloud": self._knobs.cloud,
        }
        return answer(info)

    def _system_info(self, _: Call) -> Reply:
        return answer({"version": f"v{API_VERSION}", "isCloud": self._knobs.cloud})

    def _list_companies(self, call: Call) -> Reply:
        return self._reading.list_rows(call, "companies")

    def _count_companies(self, call: Call) -> Reply:
        return self._reading.count(call, "companies")

    def _show_company(self, call: Call, company: int) -> Reply:
        row = self._state.companies.find(company) or not_found("Company", company)
        return self._reading.show(call, row)

    def _list_sites(self, _: Call, company: int) -> Reply:
        row = self._state.companies.find(company) or not_found("Company", company)
        return answer([{**row.record["site"], "inactive": False}])

    def _list_types(self, call: Call) -> Reply:
        return self._reading.list_rows(call, "types")


def _rule(method: str, path: str, action: Callable[..., Reply]) -> Rule:
    return Rule(path, endpoint=action, methods=[method])
