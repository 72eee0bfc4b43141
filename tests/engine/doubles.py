"""A vault, a PSA and a directory that outlive the process which writes to them.

They stand in only where a test needs what no simulator can give: a process that dies between
a write and its return, with the outside world kept in files. The registry is the real one.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from tests.plan.world import AD_CATEGORY

from muster.errors import MusterError, RemoteError
from muster.model.directory import DirectorySnapshot
from muster.model.mail import MailMessage
from muster.model.names import AccountId, RemoteId
from muster.model.records import (
    ContactChange,
    ContactDraft,
    ContactEmail,
    EntryChange,
    EntryDraft,
    Organization,
    PsaContact,
    VaultCategory,
    VaultEntry,
)
from muster.model.secret import Secret
from muster.ports import Check

P = TypeVar("P")
Rows = list[dict[str, Any]]


@dataclass(slots=True)
class Shelf:
    """Rows in a file, with what goes wrong at the next create."""

    path: Path
    failure: MusterError | None = None
    """What the next create raises; after its effect, if the error says maybe."""
    arrives: bool = True
    """Whether a create takes effect before it fails with maybe."""
    stale_lists: int = 0
    """From how many lists the next row is hidden, as by a replica that lags."""
    hidden: int = 0
    """From how many lists the newest row is still hidden."""

    def rows(self) -> Rows:
        """Return every row there is."""
        return cast(Rows, json.loads(self.path.read_text())) if self.path.exists() else []

    def listed(self) -> Rows:
        """Return what a list shows now."""
        rows = self.rows()
        if self.hidden:
            self.hidden -= 1
            return rows[:-1]
        return rows

    def add(self, row: dict[str, Any]) -> RemoteId:
        """Add a row and return its id, or fail as was asked for."""
        failure, self.failure = self.failure, None
        maybe = isinstance(failure, RemoteError) and failure.maybe_applied
        if failure is not None and not (maybe and self.arrives):
            raise failure
        self.hidden, self.stale_lists = self.stale_lists, 0
        rows = self.rows()
        remote = RemoteId(str(900 + len(rows)))
        self._write([*rows, {**row, "id": remote}])
        if failure is not None:
            raise failure
        return remote

    def change(self, remote: RemoteId, changes: dict[str, Any]) -> None:
        """Change the named fields of one row."""
        wanted = {key: value for key, value in changes.items() if value is not None}
        rows = self.rows()
        self._write([{**row, **wanted} if row["id"] == remote else row for row in rows])

    def _write(self, rows: Rows) -> None:
        whole = self.path.with_suffix(".new")
        whole.write_text(json.dumps(rows))
        whole.replace(self.path)


class FileVault:
    """A vault of one organization."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    def list_organizations(self) -> Iterator[Organization]:
        """Yield the one organization."""
        yield Organization(id=RemoteId("100"), name="Contoso")

    def find_organization(self, organization: RemoteId) -> Organization | None:
        """Return the organization."""
        return next((one for one in self.list_organizations() if one.id == organization), None)

    def list_categories(self) -> tuple[VaultCategory, ...]:
        """Return the one category."""
        return (AD_CATEGORY,)

    def list_entries(self, organization: RemoteId) -> Iterator[VaultEntry]:
        """Yield what a list shows."""
        for row in self.shelf.listed():
            yield VaultEntry(**row)

    def create_entry(self, organization: RemoteId, draft: EntryDraft) -> RemoteId:
        """Add an entry."""
        return self.shelf.add(
            {
                "name": draft.name,
                "username": draft.username,
                "category": draft.category.name,
                "mark": draft.mark,
            }
        )

    def update_entry(self, organization: RemoteId, entry: RemoteId, change: EntryChange) -> None:
        """Change an entry."""
        category = change.category.name if change.category else None
        self.shelf.change(
            entry, {"name": change.name, "username": change.username, "category": category}
        )

    def write_password(
        self, organization: RemoteId, entry: RemoteId, password: Secret
    ) -> str | None:
        """Refuse: no test here writes a password."""
        raise NotImplementedError

    def read_password(self, organization: RemoteId, entry: RemoteId) -> Secret | None:
        """Refuse: no test here reads a password."""
        raise NotImplementedError

    def check(self) -> tuple[Check, ...]:
        """Nothing to check."""
        return ()


class FileMailer:
    """A mail server that keeps what it takes."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    def send(self, message: MailMessage) -> None:
        """Take a mail."""
        self.shelf.add({"to": message.to[0], "subject": message.subject, "text": message.text})

    def check(self) -> tuple[Check, ...]:
        """Nothing to check."""
        return ()


class FilePsa:
    """A PSA of one company."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    def list_companies(self) -> Iterator[Organization]:
        """Yield the one company."""
        yield Organization(id=RemoteId("200"), name="Contoso")

    def find_company(self, company: RemoteId) -> Organization | None:
        """Return the company."""
        return next((one for one in self.list_companies() if one.id == company), None)

    def list_contacts(self, company: RemoteId) -> Iterator[PsaContact]:
        """Yield what a list shows."""
        for row in self.shelf.listed():
            address = ContactEmail(id=RemoteId("1"), address=row["email"], default=True)
            contact = PsaContact(id=row["id"], given_name=row["given_name"], surname=row["surname"])
            yield replace(contact, emails=(address,))

    def create_contact(self, company: RemoteId, draft: ContactDraft) -> RemoteId:
        """Add a contact."""
        return self.shelf.add(
            {"given_name": draft.given_name, "surname": draft.surname, "email": draft.email}
        )

    def update_contact(self, company: RemoteId, contact: PsaContact, change: ContactChange) -> None:
        """Change a contact."""
        self.shelf.change(
            contact.id,
            {
                "given_name": change.given_name,
                "surname": change.surname,
                "email": change.email,
            },
        )

    def check(self) -> tuple[Check, ...]:
        """Nothing to check."""
        return ()


@dataclass(frozen=True, slots=True)
class StillDirectory:
    """A directory in which nothing happens."""

    snapshot: DirectorySnapshot

    def read(self, known: frozenset[AccountId], *, states: bool = False) -> DirectorySnapshot:
        """Return the snapshot."""
        return self.snapshot

    def check(self) -> tuple[Check, ...]:
        """Nothing to check."""
        return ()


class Fate:
    """Counts the steps of a run, and ends the process at one of them; 0 lets it live."""

    def __init__(self, death: int = 0) -> None:
        self.steps = 0
        self._death = death

    def step(self) -> None:
        """Pass one step, or die."""
        self.steps += 1
        if self.steps == self._death:
            os.kill(os.getpid(), signal.SIGKILL)


def mortal(port: P, fate: Fate) -> P:
    """Return a port whose every call is one step before it takes effect and one after."""
    return cast(P, _Mortal(port, fate))


class _Mortal:
    def __init__(self, port: object, fate: Fate) -> None:
        self._port = port
        self._fate = fate

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._port, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self._fate.step()
            answer = method(*arguments, **named)
            self._fate.step()
            return answer

        return call
