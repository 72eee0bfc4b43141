"""The registry in the cluster: `Account` objects, and the journal in a Secret.

An account is written by server-side apply, spec and status apart, and only what differs from
what the cluster holds. Accounts and journal belong to the Customer object, so that deleting it
takes them along.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from muster.errors import RemoteError, StateError
from muster.kube.api import KubeApi
from muster.kube.journal import (
    SIZES_KEY,
    Journal,
    Journals,
    encode_sizes,
    end_key,
    intent_key,
    job_key,
)
from muster.kube.resources import ACCOUNT, CUSTOMER
from muster.kube.status_writer import StatusWriter, as_reported, requested_at
from muster.kube.store import Store
from muster.model.accounts import AccountRecord, Intent, IntentState, Known
from muster.model.names import CustomerName, Source
from muster.model.passwords import PasswordJob, end_of, refusal_to_open, require_open
from muster.registry.encoding import INTENT, JOB, JOB_END
from muster.report.account_record import read_account
from muster.report.account_resource import render_account
from muster.resources.fitting import fit
from muster.resources.schemas import load_schema

CUSTOMER_LABEL = "muster.dev/customer"

Object = dict[str, Any]


@dataclass(slots=True)
class _Held:
    """What the cluster holds of a customer: as it was loaded, and written since."""

    accounts: dict[str, Object]
    journal: Journal
    begun: Object
    """The Customer object when the run began: its status tells of that."""


class KubeRegistry:
    """Implements the `Registry` port in one namespace; thread-safe for different customers."""

    def __init__(self, api: KubeApi, namespace: str, store: Store, writer: StatusWriter) -> None:
        self._api = api
        self._namespace = namespace
        self._store = store
        self._writer = writer
        self._journals = Journals(api, namespace)
        self._turn = threading.Lock()
        self._held: dict[CustomerName, _Held] = {}
        self.writes = 0
        """How many requests that change something were sent."""

    def load(self, customer: CustomerName) -> Known:
        """Return what the cluster holds of a customer: one list, and one Secret."""
        held = self._look(customer)
        return Known(
            records=tuple(read_record(item) for item in held.accounts.values() if "status" in item),
            intents=tuple(one for one in held.journal.intents.values() if not _settled(one, held)),
            sizes=tuple(held.journal.sizes.items()),
            jobs=tuple(held.journal.jobs.values()),
            job_ends=tuple(held.journal.job_ends.values()),
            status=as_reported(self._writer.current(CUSTOMER, customer)),
        )

    def save(
        self,
        customer: CustomerName,
        records: Iterable[AccountRecord],
        sizes: Iterable[tuple[Source, int]] = (),
        status: Object | None = None,
    ) -> None:
        """Write what differs: accounts, then the journal, then the customer's status.

        Raises:
            StateError: the Customer object is gone.
            TypeError: something that must not be written, such as a `Secret`; nothing is written.
        """
        accounts = [_rendered(customer, record) for record in records]
        status = None if status is None else json.loads(json.dumps(status))
        held = self._held.get(customer) or self._look(customer)
        for account in accounts:
            self._apply(customer, held, account)
        self._tidy(customer, held, dict(sizes))
        if status is not None:
            self._tell(customer, held.begun, status)
            # A run ends with its status; a fleet's accounts are not kept in memory.
            self._held.pop(customer, None)

    def open_intent(self, intent: Intent) -> None:
        """Write an intent; the API server answers when etcd has it on disk.

        Raises:
            ValueError: the intent is not open.
        """
        if intent.state is not IntentState.OPEN:
            raise ValueError(f"intent {intent.id} is not open")
        text = INTENT.encode(intent)
        held = self._held.get(intent.customer) or self._look(intent.customer)
        self._write_journal(intent.customer, {intent_key(intent): text})
        held.journal.intents[intent_key(intent)] = intent

    def close_intent(self, intent: Intent, record: AccountRecord | None = None) -> None:
        """Write the account first, then the end of the intent: a crash between repeats nothing.

        A done intent is kept until a record holds its link.

        Raises:
            ValueError: the intent is still open.
        """
        if intent.state is IntentState.OPEN:
            raise ValueError(f"intent {intent.id} has not ended")
        customer, key, text = intent.customer, intent_key(intent), INTENT.encode(intent)
        account = None if record is None else _rendered(customer, record)
        held = self._held.get(customer) or self._look(customer)
        if account is not None:
            self._apply(customer, held, account)
        if intent.state is IntentState.DONE and not _settled(intent, held):
            self._write_journal(customer, {key: text})
            held.journal.intents[key] = intent
        elif held.journal.intents.pop(key, None):
            self._write_journal(customer, {key: None})

    def open_job(self, job: PasswordJob) -> None:
        """Write a new password job; the API server answers when etcd has it on disk.

        Raises:
            ValueError: it is over, another job of the account is open, or its due date was
                served.
            StateError: the journal cannot be read or written.
        """
        require_open(job)
        with _needed():
            journal = self._journal(job.customer)
        known = tuple(journal.jobs.values()), tuple(journal.job_ends.values())
        if refusal := refusal_to_open(job, *known):
            raise ValueError(refusal)
        self._save_job(job, journal)

    def save_job(self, job: PasswordJob) -> None:
        """Write how far a job has come, as durably.

        Raises:
            ValueError: the job is over, or was never opened.
            StateError: the journal cannot be read or written.
        """
        require_open(job)
        with _needed():
            journal = self._journal(job.customer)
        known = journal.jobs.get(job_key(job))
        if known is None or known.id != job.id:
            raise ValueError(f"password job {job.id} is not open")
        self._save_job(job, journal)

    def close_job(self, job: PasswordJob) -> None:
        """Write a job's end and drop the job, in one request.

        Raises:
            ValueError: the job is still open.
            StateError: the journal cannot be read or written.
        """
        end = end_of(job)
        with _needed():
            journal = self._journal(job.customer)
        changes: dict[str, str | None] = {end_key(end): JOB_END.encode(end)}
        known = journal.jobs.get(job_key(job))
        if known and known.id == job.id:
            changes[job_key(job)] = None
        with _needed():
            self._write_journal(job.customer, changes)
        journal.job_ends[end_key(end)] = end
        if known and known.id == job.id:
            del journal.jobs[job_key(job)]

    def _journal(self, customer: CustomerName) -> Journal:
        return (self._held.get(customer) or self._look(customer)).journal

    def _save_job(self, job: PasswordJob, journal: Journal) -> None:
        with _needed():
            self._write_journal(job.customer, {job_key(job): JOB.encode(job)})
        journal.jobs[job_key(job)] = job

    def list_customers(self) -> tuple[CustomerName, ...]:
        """Return the names of the Customer objects."""
        names = (name for kind, name in self._store.list_keys() if kind == CUSTOMER.kind)
        return tuple(sorted(map(CustomerName, names)))

    def _look(self, customer: CustomerName) -> _Held:
        # What the status will tell of is the resource as it was before anything was read.
        begun = dict(self._store.raw(CUSTOMER.kind, customer) or {})
        selector = f"{CUSTOMER_LABEL}={customer}"
        items = self._api.list(ACCOUNT, self._namespace, selector)
        accounts = {item["metadata"]["name"]: _slim(item) for item in items}
        held = _Held(accounts=accounts, journal=self._journals.read(customer), begun=begun)
        with self._turn:
            self._held[customer] = held
        return held

    def _apply(self, customer: CustomerName, held: _Held, account: Object) -> None:
        """Apply the parts of an account that differ from what the cluster holds."""
        name, status = account["metadata"]["name"], account["status"]
        body = {key: account[key] for key in ("apiVersion", "kind", "spec")}
        body["metadata"] = account["metadata"] | {"ownerReferences": self._owner(customer)}
        there = held.accounts.get(name, {})
        if not _holds(there, body):
            self._api.apply(ACCOUNT, self._namespace, body)
            self.writes += 1
        if there.get("status") != status:
            head = {key: account[key] for key in ("apiVersion", "kind")}
            shown = head | {"metadata": {"name": name}, "status": status}
            self._api.apply(ACCOUNT, self._namespace, shown, "status")
            self.writes += 1
        held.accounts[name] = body | {"status": status}

    def _tidy(self, customer: CustomerName, held: _Held, sizes: dict[Source, int]) -> None:
        """Write sizes that are new, and drop the intents that no later run needs."""
        journal = held.journal
        settled = [key for key, one in journal.intents.items() if _settled(one, held)]
        changes: dict[str, str | None] = dict.fromkeys(settled)
        if journal.sizes | sizes != journal.sizes:
            changes[SIZES_KEY] = encode_sizes(journal.sizes | sizes)
        if changes:
            self._write_journal(customer, changes)
        journal.sizes |= sizes
        for key in settled:
            del journal.intents[key]

    def _write_journal(self, customer: CustomerName, changes: dict[str, str | None]) -> None:
        metadata = {"labels": {CUSTOMER_LABEL: customer}, "ownerReferences": self._owner(customer)}
        self._journals.write(customer, changes, metadata)
        self.writes += 1

    def _tell(self, customer: CustomerName, begun: Object, status: Object) -> None:
        if begun:
            handled = {"handledReconcileAt": requested_at(begun)}
            generation = begun["metadata"].get("generation", 0)
            self._writer.write(CUSTOMER, customer, status | handled, generation)

    def _owner(self, customer: CustomerName) -> list[Object]:
        raw = self._store.raw(CUSTOMER.kind, customer)
        if raw is None:
            raise StateError(f"Customer {customer} is gone; nothing more is written for it.")
        return [
            {
                "apiVersion": CUSTOMER.api_version,
                "kind": CUSTOMER.kind,
                "name": customer,
                "uid": raw["metadata"]["uid"],
            }
        ]


@contextmanager
def _needed() -> Iterator[None]:
    """Call a failure of the API server the registry's: a job would take it for its directory's."""
    try:
        yield
    except RemoteError as error:
        raise StateError(f"The journal of passwords cannot be kept: {error}") from error


def _rendered(customer: CustomerName, record: AccountRecord) -> Object:
    """Return an account as the cluster will hold it.

    Enums are plain text there, and nothing is longer than the schema allows.
    """
    if record.customer != customer:
        raise ValueError(f"{record.name} is an account of {record.customer}, not of {customer}")
    plain = json.loads(json.dumps(render_account(record)))
    fitted: Object = fit(plain, load_schema(ACCOUNT.kind))
    return fitted


def read_record(item: Object) -> AccountRecord:
    """Return the record of an Account; raises StateError for one that Muster did not write."""
    try:
        return read_account(item)
    except (KeyError, ValueError, TypeError) as error:
        name = item["metadata"]["name"]
        raise StateError(
            f"Account {name} is not as Muster wrote it ({type(error).__name__}: {error}). "
            "Delete it; Muster finds its links again."
        ) from error


def _slim(item: Object) -> Object:
    """Return what is compared and read of an account."""
    metadata = item["metadata"]
    kept = {key: metadata[key] for key in ("name", "labels", "ownerReferences") if key in metadata}
    return {key: item[key] for key in ("spec", "status") if key in item} | {"metadata": kept}


def _settled(intent: Intent, held: _Held) -> bool:
    """Say whether an account holds the link to what a done intent made."""
    if intent.state is not IntentState.DONE or intent.remote_id is None:
        return False
    return any(
        item.get("status", {}).get(str(intent.system), {}).get("id") == intent.remote_id
        for item in held.accounts.values()
        if item["spec"]["identity"]["objectId"] == intent.account
    )


def _holds(there: Object, account: Object) -> bool:
    """Say whether the cluster holds what we would apply; it may hold more."""
    if not there or there.get("spec") != account["spec"]:
        return False
    wanted, metadata = account["metadata"], there.get("metadata", {})
    labels = metadata.get("labels") or {}
    owners = [owner["uid"] for owner in metadata.get("ownerReferences") or ()]
    return all(labels.get(key) == value for key, value in wanted["labels"].items()) and all(
        owner["uid"] in owners for owner in wanted["ownerReferences"]
    )
