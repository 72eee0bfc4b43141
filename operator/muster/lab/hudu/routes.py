"""The routes of the simulated Hudu: who may call them, and where they lead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request

from muster.lab.faults import StaleRead, Struck, find_fault
from muster.lab.http_server import Reply
from muster.lab.hudu.answers import ProblemError, failure, record
from muster.lab.hudu.companies import CompanyRoutes
from muster.lab.hudu.knobs import HuduKnobs
from muster.lab.hudu.lists import Call
from muster.lab.hudu.passwords import PasswordRoutes
from muster.lab.hudu.state import HuduState

ROOT = "/api/v1"
_PASSWORDS = ROOT + "/asset_passwords"
_PASSWORD = _PASSWORDS + "/<int:entry>"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Owners:
    version: Callable[[Call], Reply]
    companies: CompanyRoutes
    passwords: PasswordRoutes


_Action = Callable[..., Reply]


def _rule(method: str, path: str, pick: Callable[[_Owners], _Action]) -> Rule:
    return Rule(path, endpoint=pick, methods=[method])


# Built once: compiling the rules costs more than all else about a new simulator.
_MAP = Map(
    [
        _rule("GET", ROOT + "/api_info", lambda to: to.version),
        _rule("GET", ROOT + "/companies", lambda to: to.companies.list_all),
        _rule("GET", ROOT + "/companies/<int:company>", lambda to: to.companies.show),
        _rule("GET", _PASSWORDS, lambda to: to.passwords.list_all),
        _rule("POST", _PASSWORDS, lambda to: to.passwords.create),
        _rule("GET", _PASSWORD, lambda to: to.passwords.show),
        _rule("PUT", _PASSWORD, lambda to: to.passwords.update),
        _rule("DELETE", _PASSWORD, lambda to: to.passwords.delete),
        _rule("PUT", _PASSWORD + "/archive", lambda to: to.passwords.archive),
        _rule("PUT", _PASSWORD + "/unarchive", lambda to: to.passwords.unarchive),
    ],
    strict_slashes=False,
)


class HuduRoutes:
    """Answers requests from the state."""

    def __init__(self, state: HuduState, knobs: HuduKnobs) -> None:
        self._state = state
        version = {"version": knobs.version, "date": "2026-09-01"}
        self._owners = _Owners(
            version=lambda _: record(version),
            companies=CompanyRoutes(state, knobs),
            passwords=PasswordRoutes(state, knobs),
        )

    def answer(self, request: Request, struck: Struck) -> Reply:
        """Answer one request; a key that is missing or wrong is refused first."""
        rights = self._state.keys.get(request.headers.get("x-api-key", ""))
        if rights is None:
            return record({"error": "Bad credentials"}, status=401)
        call = Call(request=request, rights=rights, struck=struck)
        try:
            pick, arguments = _MAP.bind("localhost").match(request.path, request.method)
            action: _Action = pick(self._owners)
            if find_fault(struck, StaleRead) and request.method == "GET":
                with self._state.before_last_write():
                    return action(call, **arguments)
            return action(call, **arguments)
        except ProblemError as error:
            return error.reply
        except HTTPException as error:  # no such route: a web page, no JSON
            return failure(404, error.name)
