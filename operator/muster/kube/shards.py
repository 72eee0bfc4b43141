"""Which shard a customer belongs to, and how many shards a replica should hold. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping


def shard_of(customer: str, shards: int) -> int:
    """Return the shard of a customer, from 0 on: the same in every process and release."""
    digest = hashlib.sha256(customer.encode()).digest()
    return int.from_bytes(digest[:8], "big") % shards


def fair_share(me: str, held: Mapping[str, frozenset[int]], shards: int) -> int:
    """Return how many shards one replica should hold.

    `held` says what each live replica holds, `me` included. The shares add up to `shards` and
    differ by one at most. Where they differ, the larger go to those who hold most already, so that
    nothing moves without need.
    """
    least, larger = divmod(shards, len(held))
    order = sorted(held, key=lambda replica: (-len(held[replica]), replica))
    return least + (order.index(me) < larger)


def surplus(mine: frozenset[int], share: int, leaving: frozenset[int]) -> frozenset[int]:
    """Return the shards to give up, so that `share` are left.

    Those that are `leaving` already go first: they have stopped taking new work.
    """
    order = sorted(mine, key=lambda shard: (shard not in leaving, -shard))
    return frozenset(order[: max(0, len(mine) - share)])
