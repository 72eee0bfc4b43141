"""How much is written, and by how many threads."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from tests.contract.registry.suite import CONTOSO, linked_to, make_intent, make_record

from muster.model.accounts import IntentState
from muster.model.names import CustomerName, RemoteId, Source
from muster.registry.sqlite import SqliteRegistry

RECORDS = tuple(make_record(number) for number in range(50))


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[SqliteRegistry]:
    """Return a registry that holds fifty accounts."""
    with SqliteRegistry.open(tmp_path / "state.sqlite") as registry:
        registry.save(CONTOSO, RECORDS, [(Source.VAULT, 5)], {"a": 1, "b": 2})
        yield registry


def test_every_new_row_is_counted(registry: SqliteRegistry) -> None:
    """Fifty accounts, a size and a status are fifty-two rows."""
    assert registry.rows_written == 52


def test_nothing_changed_writes_nothing(registry: SqliteRegistry, tmp_path: Path) -> None:
    """Saving what is stored changes no row and does not touch the disk."""
    files = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    registry.save(CONTOSO, RECORDS, [(Source.VAULT, 5)], {"b": 2, "a": 1})
    assert registry.rows_written == 52
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == files


def test_only_what_differs_is_written(registry: SqliteRegistry) -> None:
    """One changed account among fifty is one row."""
    changed = replace(RECORDS[7], drift=())
    registry.save(CONTOSO, [*RECORDS[:7], changed, *RECORDS[8:]], [(Source.VAULT, 6)])
    assert registry.rows_written == 54


def test_an_intent_is_one_row_per_step(registry: SqliteRegistry) -> None:
    """Opening writes the intent; closing writes it and the record."""
    done = make_intent(state=IntentState.DONE, remote_id=RemoteId("900"))
    registry.open_intent(make_intent())
    registry.close_intent(done, linked_to(RECORDS[1], "900"))
    assert registry.rows_written == 55


def test_the_columns_for_queries_follow_the_record(registry: SqliteRegistry) -> None:
    """Released accounts are told from live ones without reading documents."""
    live = replace(RECORDS[0], released_at=None)
    registry.save(CONTOSO, [live])
    rows = registry._connection.execute(
        "SELECT object_id, account_type FROM accounts WHERE released = 0"
    ).fetchall()
    assert rows == [(live.identity.id, "EndUser")]


def test_customers_are_saved_by_several_threads(registry: SqliteRegistry) -> None:
    """A pool of threads may share the registry; every customer's records arrive."""
    customers = [CustomerName(f"customer-{number}") for number in range(8)]

    def run(customer: CustomerName) -> None:
        for number in range(10):
            registry.open_intent(make_intent(id=f"{customer}-{number}", customer=customer))
            registry.save(customer, [make_record(number, customer)], status={"run": number})
            assert registry.load(customer).status == {"run": number}

    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(run, customers))
    for customer in customers:
        known = registry.load(customer)
        assert (len(known.records), len(known.intents)) == (10, 10)
    assert registry.list_customers() == (CONTOSO, *customers)
