"""Customers keep their shards, and shares are fair."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.kube.shards import fair_share, shard_of, surplus

HOLDINGS = st.dictionaries(st.text("abc", min_size=1), st.frozensets(st.integers(0, 40)))


@pytest.mark.parametrize(
    ("customer", "shards", "shard"),
    [("contoso", 1, 0), ("contoso", 4, 3), ("contoso", 16, 11), ("łódź", 7, 3)],
)
def test_a_customers_shard_is_the_same_in_every_release(
    customer: str, shards: int, shard: int
) -> None:
    """During a rolling update, two releases must agree on whose customer it is."""
    assert shard_of(customer, shards) == shard


def test_customers_spread_over_the_shards() -> None:
    """Of 500 customers, each of eight shards has a number near 62."""
    counts = [0] * 8
    for number in range(500):
        counts[shard_of(f"customer-{number}", 8)] += 1
    assert min(counts) >= 40
    assert max(counts) <= 90


@given(held=HOLDINGS.filter(bool), shards=st.integers(1, 64))
def test_shares_add_up_and_differ_by_one_at_most(
    held: dict[str, frozenset[int]], shards: int
) -> None:
    """When every replica has its share, every shard is held, and no two differ by two."""
    shares = [fair_share(replica, held, shards) for replica in held]
    assert sum(shares) == shards
    assert max(shares) - min(shares) <= 1


@pytest.mark.parametrize(
    ("counts", "shards", "shares"),
    [
        pytest.param({"a": 5}, 5, {"a": 5}, id="alone"),
        pytest.param({"a": 5, "b": 0}, 5, {"a": 3, "b": 2}, id="one-joins"),
        pytest.param({"a": 2, "b": 3}, 5, {"a": 2, "b": 3}, id="nothing-moves-without-need"),
        pytest.param({"a": 3, "b": 2, "c": 0}, 5, {"a": 2, "b": 2, "c": 1}, id="a-third-joins"),
        pytest.param({"a": 0, "b": 0}, 1, {"a": 1, "b": 0}, id="a-spare-replica"),
        pytest.param({"c": 0, "a": 0, "b": 0}, 4, {"a": 2, "b": 1, "c": 1}, id="ties-by-name"),
    ],
)
def test_the_larger_share_stays_where_it_is(
    counts: dict[str, int], shards: int, shares: dict[str, int]
) -> None:
    """Who holds most keeps most; so a replica that joins or leaves moves as little as can be."""
    held = {name: frozenset(range(count)) for name, count in counts.items()}
    assert {name: fair_share(name, held, shards) for name in held} == shares


@pytest.mark.parametrize(
    ("mine", "share", "leaving", "given_up"),
    [
        pytest.param({0, 1, 2}, 3, set(), set(), id="fits"),
        pytest.param({0, 1, 2}, 5, set(), set(), id="room-left"),
        pytest.param({0, 1, 2}, 2, set(), {2}, id="one-too-many"),
        pytest.param({0, 1, 2}, 2, {0}, {0}, id="what-leaves-already-goes-first"),
        pytest.param({0, 1, 2}, 3, {0}, set(), id="stays-after-all"),
        pytest.param({0, 1, 2}, 1, {0}, {0, 2}, id="one-more"),
    ],
)
def test_the_surplus_is_given_up(
    mine: set[int], share: int, leaving: set[int], given_up: set[int]
) -> None:
    """As many shards as the share remain, and a choice that was made stands."""
    assert surplus(frozenset(mine), share, frozenset(leaving)) == given_up
