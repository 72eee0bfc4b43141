"""The routes of the simulated ConnectWise: who may call them, and where they lead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request

from muster.lab.connectwise.answers import API_VERSION, FailureError, answer, failure
from muster.lab.connectwise.companies import CompanyRoutes
from muster.lab.connectwise.contacts import ContactRoutes
from muster.lab.connectwise.knobs import ConnectWiseKnobs
from muster.lab.connectwise.lists import Call
from muster.lab.connectwise.reading import Reading
from muster.lab.connectwise.state import CwState, Member
from muster.lab.faults import StaleRead, Struck, find_fault
from muster.lab.http import html_page
from muster.lab.http_server import Reply

_INFO = "/login/companyinfo/"
_ROUTER = "v4_6_release"  # always leads to the tenant's version (many public clients)


_ONE = "/company/contacts/<int:contact>"
_ITEMS = _ONE + "/communications"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Owners:
    companies: CompanyRoutes
    contacts: ContactRoutes


_Action = Callable[..., Reply]


def _rule(method: str, path: str, pick: Callable[[_Owners], _Action]) -> Rule:
    return Rule(path, endpoint=pick, methods=[method])


# Built once: compiling the rules costs more than all else about a new simulator.
# There is no PUT of a contact here: it is faulty at the vendor (amp-labs/connectors pull 3220).
_MAP = Map(
    [
        _rule("GET", "/system/info", lambda to: to.companies.system_info),
        _rule("GET", "/company/companies", lambda to: to.companies.list_companies),
        _rule("GET", "/company/companies/count", lambda to: to.companies.count_companies),
        _rule("GET", "/company/companies/<int:company>", lambda to: to.companies.show_company),
        _rule("GET", "/company/companies/<int:company>/sites", lambda to: to.companies.list_sites),
        _rule("GET", "/company/communicationTypes", lambda to: to.companies.list_types),
        _rule("GET", "/company/contacts", lambda to: to.contacts.list_contacts),
        _rule("GET", "/company/contacts/count", lambda to: to.contacts.count_contacts),
        _rule("POST", "/company/contacts", lambda to: to.contacts.create),
        _rule("GET", _ONE, lambda to: to.contacts.show),
        _rule("PATCH", _ONE, lambda to: to.contacts.update),
        _rule("DELETE", _ONE, lambda to: to.contacts.delete),
        _rule("GET", _ITEMS, lambda to: to.contacts.list_items),
        _rule("POST", _ITEMS, lambda to: to.contacts.create_item),
        _rule("GET", _ITEMS + "/<int:item>", lambda to: to.contacts.show_item),
        _rule("PATCH", _ITEMS + "/<int:item>", lambda to: to.contacts.update_item),
        _rule("DELETE", _ITEMS + "/<int:item>", lambda to: to.contacts.delete_item),
    ],
    strict_slashes=False,
)


class CwRoutes:
    """Answers requests from the state."""

    def __init__(self, state: CwState, knobs: ConnectWiseKnobs, base: Callable[[], str]) -> None:
        self._state = state
        self._knobs = knobs
        self._base = base
        reading = Reading(state, knobs)
        companies = CompanyRoutes(state, knobs, reading)
        contacts = ContactRoutes(state, knobs, reading)
        self._owners = _Owners(companies=companies, contacts=contacts)

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

    def _dispatch(self, path: str, call: Call) -> Reply:
        method = call.request.method
        try:
            pick, arguments = _MAP.bind("localhost").match(path, method)
        except MethodNotAllowed:
            return failure(405, "ConnectWiseApi", "The method is not allowed.")
        except HTTPException:
            return failure(404, "ConnectWiseApi", "The endpoint does not exist.")
        if method != "GET" and call.member.read_only:
            return failure(403, "Forbidden", "The member's security role does not allow this.")
        action: _Action = pick(self._owners)
        stale = find_fault(call.struck, StaleRead)
        if stale and method == "GET":
            with self._state.before_last_write():
                return action(call, **arguments)
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
