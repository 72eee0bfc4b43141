"""The registry, with the lease asked before each write: a replica that lost it records nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from muster.model.accounts import AccountRecord, Intent, Known
from muster.model.names import CustomerName, Source
from muster.model.passwords import PasswordJob
from muster.ports import Registry


class GuardedRegistry:
    """Passes everything on, after the guard has let a write pass."""

    def __init__(self, registry: Registry, guard: Callable[[], None]) -> None:
        self._registry = registry
        self._guard = guard

    def load(self, customer: CustomerName) -> Known:
        """Return everything known about a customer."""
        return self._registry.load(customer)

    def save(
        self,
        customer: CustomerName,
        records: Iterable[AccountRecord],
        sizes: Iterable[tuple[Source, int]] = (),
        status: dict[str, Any] | None = None,
    ) -> None:
        """Write records, sizes and status."""
        self._guard()
        self._registry.save(customer, records, sizes, status)

    def open_intent(self, intent: Intent) -> None:
        """Write an intent."""
        self._guard()
        self._registry.open_intent(intent)

    def close_intent(self, intent: Intent, record: AccountRecord | None = None) -> None:
        """Write an intent's end and the record it led to."""
        self._guard()
        self._registry.close_intent(intent, record)

    def open_job(self, job: PasswordJob) -> None:
        """Write a new password job."""
        self._guard()
        self._registry.open_job(job)

    def save_job(self, job: PasswordJob) -> None:
        """Write how far a password job has come."""
        self._guard()
        self._registry.save_job(job)

    def close_job(self, job: PasswordJob) -> None:
        """Write a password job's end."""
        self._guard()
        self._registry.close_job(job)

    def list_customers(self) -> tuple[CustomerName, ...]:
        """Return the names of all customers."""
        return self._registry.list_customers()
