"""Where requests to the simulated Graph lead, alone and within a batch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request

from muster.lab.faults import Faults, ServerError, Struck, Throttle, find_fault
from muster.lab.graph.answers import FailureError, Outcome, RequestIds, failure, refuse, reply_of
from muster.lab.graph.calls import Call
from muster.lab.graph.directory import DirectoryRoutes
from muster.lab.graph.knobs import GraphKnobs
from muster.lab.graph.lists import Lists
from muster.lab.graph.signin import Caller, SignInRoutes
from muster.lab.graph.state import GraphState, Json
from muster.lab.graph.users import UserRoutes
from muster.lab.http_server import Reply

ROOT = "/v1.0"
BATCH_SIZE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Owners:
    users: UserRoutes
    directory: DirectoryRoutes


def _rule(method: str, path: str, pick: Callable[[_Owners], Callable[..., Outcome]]) -> Rule:
    return Rule(path, endpoint=pick, methods=[method])


_ROLES = "/roleManagement/directory"
_MAP = Map(
    [
        _rule("GET", "/users", lambda to: to.users.list_users),
        _rule("GET", "/users/delta", lambda to: to.users.changes),
        _rule("GET", "/users/<user>", lambda to: to.users.show),
        _rule("PATCH", "/users/<user>", lambda to: to.users.update),
        _rule("POST", "/users/<user>/sendMail", lambda to: to.users.send_mail),
        _rule("GET", "/organization", lambda to: to.directory.organization),
        _rule("GET", "/groups", lambda to: to.directory.list_groups),
        _rule("GET", "/groups/<group>", lambda to: to.directory.show_group),
        _rule("GET", "/groups/<group>/members", lambda to: to.directory.list_members),
        _rule(
            "GET",
            "/groups/<group>/members/microsoft.graph.<kind>",
            lambda to: to.directory.list_members,
        ),
        _rule(
            "GET",
            "/groups/<group>/transitiveMembers/microsoft.graph.<kind>",
            lambda to: to.directory.list_all_members,
        ),
        _rule("GET", f"{_ROLES}/roleDefinitions", lambda to: to.directory.list_roles),
        _rule("GET", f"{_ROLES}/roleAssignments", lambda to: to.directory.list_assignments),
    ]
)


class GraphRoutes:
    """Answers requests from the state."""

    def __init__(
        self,
        state: GraphState,
        knobs: GraphKnobs,
        faults: Faults,
        signin: SignInRoutes,
        lists: Lists,
    ) -> None:
        self._state = state
        self._knobs = knobs
        self._faults = faults
        self._signin = signin
        self._owners = _Owners(users=UserRoutes(lists), directory=DirectoryRoutes(lists))

    def answer(self, request: Request, struck: Struck) -> Reply:
        """Answer one request; the token is checked before the path."""
        ids = RequestIds(request.headers.get("client-request-id"))
        try:
            caller = self._signin.caller(request.headers.get("Authorization", ""))
            return reply_of(self._outcome(request, caller, struck), ids)
        except FailureError as error:
            return reply_of(error.outcome, ids)

    def _outcome(self, request: Request, caller: Caller, struck: Struck) -> Outcome:
        if not request.path.startswith(f"{ROOT}/"):
            return failure(404, "ResourceNotFound", "Resource not found.")
        path = request.path.removeprefix(ROOT)
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = _json_in(request.get_data())
        if path == "/$batch":
            return self._batch(body, caller)
        call = Call(
            method=request.method,
            path=path,
            parameters=request.args.to_dict(),
            headers=headers,
            caller=caller,
            body=body,
            struck=struck,
        )
        return self._dispatch(call)

    def _dispatch(self, call: Call) -> Outcome:
        try:
            pick, arguments = _MAP.bind("localhost").match(call.path, call.method)
        except HTTPException:
            text = "Resource not found for the segment."
            return failure(404, "Request_ResourceNotFound", text)
        action: Callable[..., Outcome] = pick(self._owners)
        try:
            return action(call, **arguments)
        except FailureError as error:
            return error.outcome

    def _batch(self, body: Any, caller: Caller) -> Outcome:
        """Answer each request by itself; the answers come in another order.

        Source: https://learn.microsoft.com/graph/json-batching
        """
        requests = body.get("requests") if isinstance(body, dict) else None
        if not isinstance(requests, list) or not 1 <= len(requests) <= BATCH_SIZE:
            raise refuse(400, "BadRequest", "A batch holds between 1 and 20 requests.")
        if len({one["id"] for one in requests}) != len(requests):
            raise refuse(400, "BadRequest", "The ids of a batch must be unique.")
        answers = [self._within(one, caller) for one in requests]
        return Outcome(body={"responses": answers[::-1]})

    def _within(self, request: Mapping[str, Any], caller: Caller) -> Json:
        parts = urlsplit(request["url"])
        call = Call(
            method=request["method"],
            path=unquote(parts.path),
            parameters=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in request.get("headers", {}).items()},
            caller=caller,
            body=request.get("body"),
            struck=self._faults.claim(request["method"], unquote(request["url"])),
        )
        outcome = _fault(call.struck) or self._dispatch(call)
        headers = {"Content-Type": "application/json", **dict(outcome.headers)}
        return {
            "id": request["id"],
            "status": outcome.status,
            "headers": headers,
            "body": outcome.body,
        }


def _fault(struck: Struck) -> Outcome | None:
    """Return what a fault makes of a request within a batch."""
    if throttle := find_fault(struck, Throttle):
        after = throttle.retry_after
        headers = () if after is None else (("Retry-After", str(after)),)
        body = failure(429, "TooManyRequests", "Too many requests.").body
        return Outcome(status=429, body=body, headers=headers)
    if broken := find_fault(struck, ServerError):
        return failure(broken.status, "serviceNotAvailable", "Try again later.")
    return None


def _json_in(content: bytes) -> Any:
    if not content:
        return None
    try:
        return json.loads(content)
    except ValueError:
        raise refuse(400, "BadRequest", "Unable to read JSON request payload.") from None


def is_write(method: str, path: str) -> bool:
    """Whether a request changes something: tokens and batches of reads do not."""
    return method not in {"GET", "HEAD"} and not path.endswith(("/token", "/$batch"))
