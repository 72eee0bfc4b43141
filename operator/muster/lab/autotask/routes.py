"""The routes of the simulated Autotask: who may call them, and where they lead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request

from muster.lab.autotask.answers import FailureError, answer, not_allowed
from muster.lab.autotask.contacts import Contacts
from muster.lab.autotask.entities import Entity, Json
from muster.lab.autotask.knobs import AutotaskKnobs
from muster.lab.autotask.queries import Call, Queries
from muster.lab.autotask.state import AtState
from muster.lab.faults import StaleRead, find_fault
from muster.lab.http import html_page
from muster.lab.http_server import Reply

_Action = Callable[..., Reply]
_ONE = "/<any(companies, contacts):entity>"
_CHILDREN = "/companies/<int:company>/contacts"
_READ, _ASK = ("GET",), ("GET", "POST")


def _rule(methods: tuple[str, ...], path: str, name: str) -> Rule:
    return Rule(path, endpoint=name, methods=methods)


# Built once: compiling the rules costs more than all else about a new simulator. The file has no
# POST, PATCH or PUT of a contact by its own path; companies are only read here.
_MAP = Map(
    [
        _rule(_READ, "/thresholdinformation", "threshold"),
        _rule(_ASK, _ONE + "/query", "query"),
        _rule(_ASK, _ONE + "/query/next", "follow"),
        _rule(_ASK, _ONE + "/query/count", "count"),
        _rule(_READ, _ONE + "/<int:number>", "show"),
        _rule(_READ, _ONE + "/entityinformation", "entity"),
        _rule(_READ, _ONE + "/entityinformation/fields", "fields"),
        _rule(_READ, _ONE + "/entityinformation/userdefinedfields", "user_fields"),
        _rule(("GET", "POST", "PATCH", "PUT"), _CHILDREN, "children"),
        _rule(("GET", "DELETE"), _CHILDREN + "/<int:number>", "child"),
    ],
    strict_slashes=False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """What the routes answer from."""

    state: AtState
    knobs: AutotaskKnobs
    contacts: Entity
    base: Callable[[], str]
    used: Callable[[], int]
    """How many requests of this hour all integrations have used."""


class AtRoutes:
    """Answers signed-in requests, below `/ATServicesRest/V1.0`."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._queries = Queries(tenant.state, tenant.knobs, tenant.contacts)
        self._contacts = Contacts(tenant.state, tenant.knobs, tenant.contacts)
        self._actions: dict[str, _Action] = {
            "threshold": self._threshold,
            "query": self._queries.query,
            "follow": self._queries.follow,
            "count": self._queries.count,
            "show": self._queries.show,
            "entity": self._entity,
            "fields": self._fields,
            "user_fields": lambda _, **__: answer({"fields": []}),
            "children": self._children,
            "child": self._child,
        }

    def answer(self, path: str, request: Request, struck: Any) -> Reply:
        """Answer one request; `path` is in lower case, as its case does not matter."""
        call = Call(request=request, struck=struck, base=self._tenant.base())
        try:
            name, arguments = _MAP.bind("localhost").match(path, request.method)
        except MethodNotAllowed:
            return not_allowed(request.method)
        except HTTPException:
            return self._nowhere(path, request.method)
        try:
            if find_fault(struck, StaleRead) and request.method in _ASK:
                with self._tenant.state.before_last_write():
                    return self._actions[name](call, **arguments)
            return self._actions[name](call, **arguments)
        except FailureError as error:
            return error.reply

    def _nowhere(self, path: str, method: str) -> Reply:
        root_write = path.rstrip("/") == "/contacts" and method in {"POST", "PATCH", "PUT"}
        if root_write and self._tenant.knobs.root_writes == 405:
            return not_allowed(method)
        return html_page(404)

    def _children(self, call: Call, company: int) -> Reply:
        match call.request.method:
            case "POST":
                return self._contacts.create(call.request, company)
            case "PATCH":
                return self._contacts.patch(call.request, company)
            case "PUT":
                return self._contacts.put(call.request, company)
            case _:
                return self._queries.list_children(call, company)

    def _child(self, call: Call, company: int, number: int) -> Reply:
        if call.request.method == "DELETE":
            return self._contacts.delete(company, number)
        return self._queries.show(call, "contacts", number)

    def _threshold(self, _: Call) -> Reply:
        return answer(
            {
                "externalRequestThreshold": self._tenant.knobs.requests_per_hour,
                "requestThresholdTimeframe": 60,
                "currentTimeframeRequestCount": self._tenant.used(),
            }
        )

    def _entity(self, _: Call, entity: str) -> Reply:
        knobs, contacts = self._tenant.knobs, entity == "contacts"
        writes = "All" if contacts and not knobs.read_only else "None"
        information: Json = {
            "name": "Contact" if contacts else "Account",
            "canCreate": contacts,
            "canDelete": contacts,
            "canQuery": True,
            "canUpdate": contacts,
            "userAccessForCreate": writes,
            "userAccessForDelete": "None",
            "userAccessForQuery": "None" if contacts and knobs.hides_contacts else "All",
            "userAccessForUpdate": writes,
            "hasUserDefinedFields": True,
            "supportsWebhookCallouts": True,
        }
        return answer({"info": information})

    def _fields(self, _: Call, entity: str) -> Reply:
        fields = self._queries.entities[entity].fields.values()
        return answer({"fields": [field.information() for field in fields]})
