"""The last question before a write leaves: does this process still hold the customer's shard?"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from muster.kube.leases import LeaseLost, ShardLeases


class WriteGuard:
    """A transport's `before_write`, which knows the customer that its thread works for.

    The fencing token is taken when the work begins. A process that was paused, lost the shard
    and got it back has a new token: what it planned before is not written.
    """

    def __init__(self, leases: ShardLeases) -> None:
        self._leases = leases
        self._work = threading.local()

    @contextmanager
    def for_customer(self, name: str) -> Iterator[None]:
        """Let this thread write for one customer, and for no other.

        Raises:
            LeaseLost: the customer's shard is not held now.
        """
        outer = getattr(self._work, "current", None)
        self._work.current = name, self._leases.token(name)
        try:
            yield
        finally:
            self._work.current = outer

    def __call__(self) -> None:
        """Return if a write may be sent now.

        Raises:
            LeaseLost: the shard was lost since the work began, or no customer was named.
        """
        current = getattr(self._work, "current", None)
        if current is None:
            raise LeaseLost("The lease cannot be checked: no customer was named for this write.")
        self._leases.check(*current)
