"""The registry in the cluster: `Account` objects, and the journal in a Secret.

An account is written by server-side apply, spec and status apart, and only what differs from
what the cluster holds. Intents are keys of the Secret `muster-journal-<customer>`: they survive
the operator, and only who may read Secrets can read them. Both belong to the Customer object,
so that deleting it takes them along.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterable
from typing import Any

from muster.errors import StateError
from muster.kube.api import KubeApi
from muster.kube.resources import ACCOUNT, CUSTOMER, SECRET
from muster.kube.status_writer import StatusWriter, requested_at
from muster.kube.store import Store
from muster.model.accounts import AccountRecord, Intent, IntentState, Known
from muster.model.names import CustomerName, Source
from muster.registry.encoding import INTENT
from muster.report.account_record import read_account
from muster.report.account_resource import render_account
from muster.resources.fitting import fit
from muster.resources.schemas import load_schema

CUSTOMER_LABEL = "muster.dev/customer"

_SIZES = "sizes.json"
_INTENT = "intent."

Object = dict[str, Any]


class KubeRegistry:
    """Implements the `Registry` port in one namespace; thread-safe for different customers."""

    def __init__(self, api: KubeApi, namespace: str, store: Store, writer: StatusWriter) -> None:
        self._api = api
        self._namespace = namespace
        self._store = store
        self._writer = writer
        self._turn = threading.Lock()
        self._held: dict[CustomerName, dict[str, Object]] = {}
        self._begun: dict[CustomerName, Object] = {}
        self.writes = 0
        """How many requests that change something were sent."""

    def load(self, customer: CustomerName) -> Known:
        """Return what the cluster holds of a customer: one list, and one Secret."""
        selector = f"{CUSTOMER_LABEL}={customer}"
        held = {
            item["metadata"]["name"]: item
            for item in self._api.list(ACCOUNT, self._namespace, selector)
        }
        with self._turn:
            self._held[customer] = held
            # What the status will tell of is the resource as it was when the run began.
            self._begun[customer] = dict(self._store.raw(CUSTOMER.kind, customer) or {})
        records = tuple(_read(item) for item in held.values() if "status" in item)
        data = self._journal(customer)
        return Known(
            records=records,
            intents=tuple(_intents(data)),
            sizes=tuple((Source(name), size) for name, size in _sizes(data).items()),
            status=self._writer.current(CUSTOMER, customer),
        )

    def save(
        self,
        customer: CustomerName,
        records: Iterable[AccountRecord],
        sizes: Iterable[tuple[Source, int]] = (),
        status: Object | None = None,
    ) -> None:
        """Write what differs: accounts, then sizes, then the customer's status."""
        for record in records:
            self._apply(customer, render_account(record))
        new_sizes = {str(source): size for source, size in sizes}
        if new_sizes:
            self._patch_journal(customer, {_SIZES: json.dumps(new_sizes, sort_keys=True)})
        begun = self._begun.get(customer)
        if status is not None and begun:
            handled = {"handledReconcileAt": requested_at(begun)}
            generation = begun["metadata"].get("generation", 0)
            self._writer.write(CUSTOMER, customer, status | handled, generation)

    def open_intent(self, intent: Intent) -> None:
        """Write an intent; the API server answers when etcd has it on disk."""
        self._patch_journal(intent.customer, {_key(intent): INTENT.encode(intent)})

    def close_intent(self, intent: Intent, record: AccountRecord | None = None) -> None:
        """Write the account first, then the end of the intent: a crash between repeats nothing.

        A done intent is kept until a record holds its link.
        """
        if record is not None:
            self._apply(intent.customer, render_account(record))
        linked = record is not None and record.link(intent.system).id == intent.remote_id
        keep = intent.state is IntentState.DONE and not linked
        self._patch_journal(
            intent.customer, {_key(intent): INTENT.encode(intent) if keep else None}
        )

    def list_customers(self) -> tuple[CustomerName, ...]:
        """Return the names of the Customer objects."""
        names = (name for kind, name in self._store.list_keys() if kind == CUSTOMER.kind)
        return tuple(sorted(map(CustomerName, names)))

    def _apply(self, customer: CustomerName, account: Object) -> None:
        """Apply the parts of an account that differ from what the cluster holds."""
        # Enums as plain text, and nothing longer than the schema allows, as the cluster has them.
        account = fit(json.loads(json.dumps(account)), load_schema(ACCOUNT.kind))
        name = account["metadata"]["name"]
        status = account.pop("status")
        account["metadata"]["ownerReferences"] = self._owner(customer)
        held = self._held.setdefault(customer, {}).get(name, {})
        if not _holds(held, account):
            self._api.apply(ACCOUNT, self._namespace, account)
            self.writes += 1
        if held.get("status") != status:
            head = {key: account[key] for key in ("apiVersion", "kind")}
            body = head | {"metadata": {"name": name}, "status": status}
            self._api.apply(ACCOUNT, self._namespace, body, "status")
            self.writes += 1
        self._held[customer][name] = account | {"status": status}

    def _owner(self, customer: CustomerName) -> list[Object]:
        raw = self._store.raw(CUSTOMER.kind, customer)
        if raw is None:
            return []
        return [
            {
                "apiVersion": CUSTOMER.api_version,
                "kind": CUSTOMER.kind,
                "name": customer,
                "uid": raw["metadata"]["uid"],
            }
        ]

    def _journal(self, customer: CustomerName) -> dict[str, str]:
        found = self._api.read(SECRET, self._namespace, journal_name(customer))
        data = (found or {}).get("data") or {}
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def _patch_journal(self, customer: CustomerName, changes: dict[str, str | None]) -> None:
        """Change single keys of the journal, and make it where there is none yet."""
        data = {
            key: None if value is None else base64.b64encode(value.encode()).decode()
            for key, value in changes.items()
        }
        self.writes += 1
        if self._api.merge(SECRET, self._namespace, journal_name(customer), {"data": data}):
            return
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "muster.dev/journal",
            "metadata": {
                "name": journal_name(customer),
                "labels": {CUSTOMER_LABEL: customer},
                "ownerReferences": self._owner(customer),
            },
            "data": {key: value for key, value in data.items() if value is not None},
        }
        self._api.create(SECRET, self._namespace, body)


def _read(item: Object) -> AccountRecord:
    try:
        return read_account(item)
    except (KeyError, ValueError) as error:
        name = item["metadata"]["name"]
        raise StateError(
            f"Account {name} is not as Muster wrote it ({type(error).__name__}: {error}). "
            "Delete it; Muster finds its links again."
        ) from error


def journal_name(customer: CustomerName) -> str:
    """Return the name of a customer's journal."""
    return f"muster-journal-{customer}"


def _key(intent: Intent) -> str:
    """Return an intent's key: its id may hold characters that a Secret's key may not."""
    return _INTENT + hashlib.sha256(intent.id.encode()).hexdigest()[:32]


def _intents(data: dict[str, str]) -> Iterable[Intent]:
    for key, text in sorted(data.items()):
        if key.startswith(_INTENT):
            yield INTENT.decode(text, f"journal key {key}")


def _sizes(data: dict[str, str]) -> dict[str, int]:
    sizes: dict[str, int] = json.loads(data.get(_SIZES, "{}"))
    return sizes


def _holds(held: Object, account: Object) -> bool:
    """Say whether the cluster holds what we would apply; it may hold more."""
    if not held or held.get("spec") != account["spec"]:
        return False
    wanted, there = account["metadata"], held.get("metadata", {})
    labels = there.get("labels") or {}
    owners = [owner["uid"] for owner in there.get("ownerReferences") or ()]
    return all(labels.get(key) == value for key, value in wanted["labels"].items()) and all(
        owner["uid"] in owners for owner in wanted["ownerReferences"]
    )
