"""The store says what is news: what a resource means, and not what Muster wrote about it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kube.estates import Raw, customer, policy, store_of

from muster.kube.store import Store
from muster.model.names import CustomerName

A = customer("a")


def with_metadata(raw: Raw, **metadata: Any) -> Raw:
    """Return the resource with other metadata."""
    return {**raw, "metadata": {**raw["metadata"], **metadata}}


def names(store: Store) -> set[str]:
    """Return the names of all resources."""
    return {name for _, name in store.list_keys()}


@pytest.mark.parametrize(
    ("changed", "news"),
    [
        pytest.param(A, False, id="the-same-again"),
        pytest.param({**A, "status": {"accounts": 5}}, False, id="our-own-status"),
        pytest.param(with_metadata(A, resourceVersion="9"), False, id="version"),
        pytest.param(with_metadata(A, managedFields=[{}]), False, id="managed-fields"),
        pytest.param(with_metadata(A, labels={"tier": "gold"}), True, id="label"),
        pytest.param(
            with_metadata(A, annotations={"muster.dev/reconcile-requested-at": "now"}),
            True,
            id="annotation",
        ),
        pytest.param(with_metadata(A, uid="another"), True, id="deleted-and-made-again"),
        pytest.param({**A, "spec": {**A["spec"], "suspend": True}}, True, id="spec"),
    ],
)
def test_only_what_means_something_is_news(changed: Raw, *, news: bool) -> None:
    """A changed resource is news unless only what the cluster or Muster wrote has changed."""
    store = store_of(A)
    assert store.put(changed) is news
    assert store.raw("Customer", "a") == changed


def test_a_view_is_kept_until_there_is_news() -> None:
    """A status is not paid for with a new view; a deletion is seen at once."""
    store = store_of(A, customer("b"))
    view = store.view()
    store.put({**A, "status": {"accounts": 5}})
    assert store.view() is view
    assert store.remove("Customer", "a") is True
    assert store.remove("Customer", "a") is False
    assert store.view().desired.keys() == {"b"}


def test_a_listing_counts_what_it_changes() -> None:
    """What is new, changed and gone counts; other kinds are left alone."""
    store = store_of(A, customer("b"), customer("c"), policy("p", {"default": True}))
    listing = [
        {**A, "status": {"accounts": 5}},
        with_metadata(customer("b"), labels={"tier": "gold"}),
        customer("d"),
    ]
    assert store.replace_all("Customer", listing) == 3
    assert names(store) == {"a", "b", "d", "p"}
    assert store.replace_all("Customer", listing) == 0


def test_a_listing_does_not_undo_what_the_watch_told_meanwhile() -> None:
    """What changed after the listing was asked for stays as the watch told it."""
    store = store_of(A, customer("b"), customer("c"))
    moment = store.moment
    listing = [A, customer("b")]
    store.put(customer("new"))
    store.put(with_metadata(A, labels={"tier": "gold"}))
    store.remove("Customer", "b")
    assert store.replace_all("Customer", listing, moment) == 1, "only c is gone by the listing"
    assert names(store) == {"a", "new"}
    [label] = store.view().desired[CustomerName("a")].customer.labels
    assert label == ("tier", "gold")
