"""The routes of the simulated HaloPSA: who may call them, and where they lead."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence

from werkzeug.wrappers import Request

from muster.lab.faults import StaleRead, Struck, find_fault
from muster.lab.halopsa.answers import FailureError, answer, failure
from muster.lab.halopsa.knobs import HaloPsaKnobs
from muster.lab.halopsa.lists import Call, Lists
from muster.lab.halopsa.sign_in import TOKEN_PATH, SignIn
from muster.lab.halopsa.state import HaloRow, HaloState
from muster.lab.halopsa.writing import UserWrites
from muster.lab.http_server import Reply
from muster.lab.table import Table

# Two clients write the names in different case, and both work (HaloAPI and CIPP-API).
_PATH = re.compile(r"/api/(client|site|users)(?:/(\d+))?", re.IGNORECASE)
_KEYS = {"client": "clients", "site": "sites"}


class HaloRoutes:
    """Answers requests from the state."""

    def __init__(
        self, state: HaloState, knobs: HaloPsaKnobs, secret: str, base: Callable[[], str]
    ) -> None:
        self._state = state
        self._knobs = knobs
        self._sign_in = SignIn(state, knobs, secret, base)
        self._lists = Lists(knobs)
        self._writes = UserWrites(state, knobs)
        self._numbers = itertools.count()

    def answer(self, request: Request, struck: Struck) -> Reply:
        """Answer one request; the token is checked before the path."""
        path = request.path.lower()
        if path == "/api/authinfo":
            return self._sign_in.info()
        if path == TOKEN_PATH:
            return self._sign_in.token(request)
        call = Call(request=request, struck=struck, number=next(self._numbers))
        try:
            return self._dispatch(call)
        except FailureError as error:
            return error.reply

    def _dispatch(self, call: Call) -> Reply:
        request = call.request
        if request.method == "POST":
            return self._write(call)
        self._sign_in.require(request, "read:customers")
        found = _PATH.fullmatch(request.path)
        if request.method != "GET" or found is None:
            return failure(404, "No HTTP resource was found.")
        kind, number = found[1].lower(), found[2]
        if find_fault(call.struck, StaleRead):
            with self._state.before_last_write():
                return self._read(call, kind, number)
        return self._read(call, kind, number)

    def _read(self, call: Call, kind: str, number: str | None) -> Reply:
        table = self._table(kind)
        if number is None:
            return self._list(call, kind, list(table))
        row = table.find(int(number))
        if row is None:
            return failure(404, f"{kind} {number} was not found.")
        return answer(dict(row.record))

    def _list(self, call: Call, kind: str, rows: Sequence[HaloRow]) -> Reply:
        if kind == "users":
            return self._lists.users(call, rows)
        return self._lists.others(call, _KEYS[kind], rows)

    def _write(self, call: Call) -> Reply:
        self._sign_in.require(call.request, "edit:customers")
        if self._knobs.read_only:
            return failure(403, "Your role does not allow this.")
        if call.request.path.lower() != "/api/users":
            return failure(404, "No HTTP resource was found.")
        return self._writes.post(call)

    def _table(self, kind: str) -> Table[HaloRow]:
        tables = {
            "client": self._state.clients,
            "site": self._state.sites,
            "users": self._state.users,
        }
        return tables[kind]
