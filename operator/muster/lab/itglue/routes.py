"""The routes of the simulated IT Glue: who may call them, and where they lead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request

from muster.lab.faults import StaleRead, Struck, find_fault
from muster.lab.http_server import Reply
from muster.lab.itglue.accounts import AccountRoutes
from muster.lab.itglue.answers import ProblemError, problem
from muster.lab.itglue.knobs import ItGlueKnobs
from muster.lab.itglue.lists import Call
from muster.lab.itglue.passwords import PasswordRoutes
from muster.lab.itglue.state import ItGlueState, KeyRights

_ORGANIZATION = "/organizations/<int:organization>"
_NESTED = _ORGANIZATION + "/relationships/passwords"
_CATEGORIES = "/password_categories"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Owners:
    accounts: AccountRoutes
    passwords: PasswordRoutes


_Action = Callable[..., Reply]


def _rule(method: str, path: str, pick: Callable[[_Owners], _Action]) -> Rule:
    return Rule(path, endpoint=pick, methods=[method])


# Built once: compiling the rules costs more than all else about a new simulator.
# There is no PUT, and no DELETE of a category (itglue/powershellwrapper, Resources).
_MAP = Map(
    [
        _rule("GET", "/organizations", lambda to: to.accounts.list_organizations),
        _rule("GET", _ORGANIZATION, lambda to: to.accounts.show_organization),
        _rule("GET", _CATEGORIES, lambda to: to.accounts.list_categories),
        _rule("GET", _CATEGORIES + "/<int:category>", lambda to: to.accounts.show_category),
        _rule("POST", _CATEGORIES, lambda to: to.accounts.create_category),
        _rule("GET", "/passwords", lambda to: to.passwords.list_all),
        _rule("POST", "/passwords", lambda to: to.passwords.create),
        _rule("PATCH", "/passwords", lambda to: to.passwords.update_many),
        _rule("DELETE", "/passwords", lambda to: to.passwords.delete_many),
        _rule("GET", "/passwords/<int:entry>", lambda to: to.passwords.show),
        _rule("PATCH", "/passwords/<int:entry>", lambda to: to.passwords.update),
        _rule("DELETE", "/passwords/<int:entry>", lambda to: to.passwords.delete),
        _rule("GET", _NESTED, lambda to: to.passwords.list_nested),
        _rule("POST", _NESTED, lambda to: to.passwords.create),
        _rule("GET", _NESTED + "/<int:entry>", lambda to: to.passwords.show),
        _rule("PATCH", _NESTED + "/<int:entry>", lambda to: to.passwords.update),
        _rule("DELETE", _NESTED + "/<int:entry>", lambda to: to.passwords.delete),
    ],
    strict_slashes=False,
)


class ItGlueRoutes:
    """Answers requests from the state."""

    def __init__(self, state: ItGlueState, knobs: ItGlueKnobs, base: Callable[[], str]) -> None:
        self._state = state
        self._knobs = knobs
        self._base = base
        accounts = AccountRoutes(state, knobs)
        passwords = PasswordRoutes(state, knobs)
        self._owners = _Owners(accounts=accounts, passwords=passwords)

    def answer(self, request: Request, struck: Struck) -> Reply:
        """Answer one request; a key that is missing, wrong or paused is refused first."""
        rights = self._state.keys.get(request.headers.get("x-api-key", ""), KeyRights(paused=True))
        if rights.paused:
            return problem(self._knobs.bad_key_status, "Forbidden")
        call = Call(request=request, rights=rights, struck=struck, base=self._base())
        try:
            pick, arguments = _MAP.bind("localhost").match(request.path, request.method)
            action: _Action = pick(self._owners)
            stale = find_fault(struck, StaleRead)
            if stale and request.method == "GET":
                with self._state.before_last_write():
                    return action(call, **arguments)
            return action(call, **arguments)
        except ProblemError as error:
            return error.reply
        except HTTPException as error:  # no such route, or no such verb on it
            return problem(error.code or 404, error.name)
