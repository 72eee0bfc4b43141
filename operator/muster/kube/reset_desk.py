"""Decides which replica carries out a password reset, when, and when it is looked at again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from muster.adapters.clock import utc_now
from muster.kube.leases import ShardLeases
from muster.kube.password_resets import OVER, ResetCarrier, customers_of, is_over
from muster.kube.resources import PASSWORD_RESET
from muster.kube.turns import Turns
from muster.kube.view import Parsed, View
from muster.kube.work_queue import Priority, WorkQueue
from muster.kube.write_guard import WriteGuard
from muster.model.names import CustomerName
from muster.model.resets import PasswordReset
from muster.plan.creating import SETTLING

PREFIX = "reset/"
"""Before the names of password resets in the queue; no customer's name holds a slash."""

BUSY_S = 2.0
"""When a customer is tried again that another worker has in hand."""

_LOOK_AGAIN_S = 5.0
_UNKNOWN_FOR_S = 3600.0
"""How long a reset waits for its account to be imported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetDesk:
    """Takes resets from the queue."""

    carrier: ResetCarrier
    queue: WorkQueue
    leases: ShardLeases
    guard: WriteGuard
    turns: Turns

    def list_open(self) -> list[str]:
        """Return the queue's keys of the resets that are not over."""
        store = self.carrier.store
        names = [name for kind, name in store.list_keys() if kind == PASSWORD_RESET.kind]
        raws: dict[str, Any] = {name: store.raw(PASSWORD_RESET.kind, name) for name in names}
        return [PREFIX + name for name, raw in raws.items() if not is_over(raw or {})]

    def attend(self, key: str, view: View) -> None:
        """Carry out a reset, where this replica has its customer in hand."""
        name = key.removeprefix(PREFIX)
        parsed = self.carrier.store.parsed().get((PASSWORD_RESET.kind, name))
        if parsed is None:
            return
        if not isinstance(parsed.resource, PasswordReset):
            self.carrier.refuse(name, " ".join(parsed.problems))
            return
        candidates = customers_of(parsed.resource.account, view.desired)
        mine = [one for one in candidates if self.leases.holds(one)]
        for customer in mine:
            if self._carry_out(name, customer, view):
                return
        if mine == candidates:
            self._wait_for_account(name, parsed)

    def _carry_out(self, name: str, customer: CustomerName, view: View) -> bool:
        """Try one customer; return whether nothing more is to be tried now."""
        with self.turns.take(customer) as free:
            if not free:
                self.queue.put(PREFIX + name, Priority.RETRY, BUSY_S)
                return True
            with self.guard.for_customer(customer):
                if not self.carrier.carry_out(name, view.desired[customer]):
                    return False
        status = self.carrier.writer.current(PASSWORD_RESET, name)
        if status.get("phase") not in {*OVER, "NeedsPerson"}:
            self.queue.put(PREFIX + name, Priority.RETRY, SETTLING.total_seconds())
        return True

    def _wait_for_account(self, name: str, parsed: Parsed) -> None:
        """Give an account an hour to be imported: both may come with one commit."""
        made = datetime.fromisoformat(parsed.raw["metadata"]["creationTimestamp"])
        if (utc_now() - made).total_seconds() > _UNKNOWN_FOR_S:
            self.carrier.refuse(name, "No account of this name is imported: kubectl get acct")
            return
        self.queue.put(PREFIX + name, Priority.RETRY, _LOOK_AGAIN_S)
