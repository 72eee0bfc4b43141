"""What a command works on: the estate, the registry, the secrets, and all customers at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from muster.adapters.secrets import ChainedSecrets, EnvironmentSecrets, FileSecrets
from muster.apply import Tell
from muster.assembly import SEALING_KEYS, Assembly, read_sealing_keys
from muster.audit import FileSink, Trail, current_actor
from muster.cli.estate_revision import revision_of
from muster.cli.guessing import guess
from muster.cli.options import PATIENCE_S
from muster.cli.output import err
from muster.cli.shell import contain
from muster.errors import MusterError, SpecError
from muster.garbage import collect_rarely
from muster.model.connections import SecretRef, VaultBackend
from muster.model.plans import Change
from muster.model.settings import Desired, Estate
from muster.ports import Secrets
from muster.registry.entry_store import SqliteEntryStore
from muster.registry.sqlite import SqliteRegistry
from muster.resources import LoadedEstate, load_estate
from muster.sealing import KeyRing
from muster.transport.options import HttpOptions

T = TypeVar("T")

WORKERS = 4
"""Customers at once. Two cores are busy with four, since most of the time is waiting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a command finds things."""

    paths: tuple[Path, ...]
    state: Path | None = None
    secrets: Path | None = None
    patience_s: float = PATIENCE_S

    @property
    def root(self) -> Path:
        """The first path's directory."""
        first = self.paths[0]
        return first if first.is_dir() else first.parent

    @property
    def state_file(self) -> Path:
        """The registry's file."""
        return self.state or self.root / ".muster" / "state.sqlite"

    @property
    def audit_file(self) -> Path:
        """Where it is recorded who did what: beside the registry."""
        return self.state_file.with_name("audit.jsonl")

    @property
    def secrets_directory(self) -> Path | None:
        """The directory of secret files, where there is one."""
        default = self.root / "secrets"
        return self.secrets or (default if default.is_dir() else None)


def place(
    paths: Sequence[Path] | None,
    state: Path | None = None,
    secrets: Path | None = None,
    patience_s: float = PATIENCE_S,
) -> Place:
    """Return the place that a command's options name."""
    files = tuple(paths or [Path()])
    return Place(paths=files, state=state, secrets=secrets, patience_s=patience_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """An estate without faults, the registry and the adapters."""

    loaded: LoadedEstate
    registry: SqliteRegistry
    assembly: Assembly

    @property
    def estate(self) -> Estate:
        """The estate."""
        return self.loaded.estate


@contextmanager
def open_session(where: Place, *, write: bool) -> Iterator[Session]:
    """Open everything a command needs; only a writer takes the registry's lock.

    Raises:
        SpecError: the resources are wrong; nothing was opened.
        StateError: the registry cannot be used.
    """
    collect_rarely()
    loaded = load_estate(where.paths)
    loaded.checked()
    opener = SqliteRegistry.open if write else SqliteRegistry.open_for_reading
    with opener(where.state_file) as registry:
        assembly = open_assembly(where, registry)
        try:
            yield Session(loaded=loaded, registry=registry, assembly=assembly)
        finally:
            assembly.close()


def open_assembly(where: Place, registry: SqliteRegistry) -> Assembly:
    """Return the adapters of a place."""
    options = HttpOptions(retry_budget_s=where.patience_s)
    stores = {VaultBackend.REGISTRY: partial(SqliteEntryStore, registry)}
    trail = open_trail(where)
    assembly = Assembly(
        open_secrets(where), registry, http=options, entry_stores=stores, trail_of=lambda _: trail
    )
    assembly.sealing = sealing_ref()
    return assembly


def open_trail(where: Place) -> Trail:
    """Return where the effects of a command are recorded: as this user's, at this commit."""
    return Trail(FileSink(where.audit_file), current_actor(), revision_of(where.paths))


SEALING_VARIABLE = "MUSTER_SEALING_KEYS"
"""Names another secret with the keys that seal passwords, as NAME/KEY."""


def sealing_ref() -> SecretRef:
    """Return where the keys are that seal passwords; raises SpecError for what is no NAME/KEY."""
    text = os.environ.get(SEALING_VARIABLE, "")
    if not text:
        return SEALING_KEYS
    name, slash, key = text.partition("/")
    if not (name and slash and key):
        raise SpecError((f'{SEALING_VARIABLE} is "{text}"; write NAME/KEY of a secret.',))
    return SecretRef(name=name, key=key)


def sealing_keys(secrets: Secrets) -> KeyRing:
    """Return the keys that seal passwords; raises SpecError with how to make one."""
    return read_sealing_keys(secrets, sealing_ref())


def open_secrets(where: Place) -> ChainedSecrets:
    """Return the secrets of a place: files first, then the environment."""
    files = where.secrets_directory
    environment = EnvironmentSecrets()
    return ChainedSecrets(*((FileSecrets(files),) if files else ()), environment)


def choose(estate: Estate, only: Sequence[str] | None) -> tuple[Desired, ...]:
    """Return the customers that a command is about.

    Raises:
        SpecError: a name fits no customer.
    """
    if not only:
        return estate.desired
    return tuple(find_customer(estate, name) for name in dict.fromkeys(only))


def find_customer(estate: Estate, name: str) -> Desired:
    """Return one customer by name; raises SpecError with the nearest names."""
    by_name = {str(desired.customer.name): desired for desired in estate.desired}
    if name in by_name:
        return by_name[name]
    if not by_name:
        raise SpecError((f'There is no customer "{name}". The estate has no customers.',))
    raise SpecError((f'There is no customer "{name}". {guess(name, by_name)}',))


class Stopped(MusterError):
    """The work was interrupted between two changes."""


def for_each_customer(
    customers: Sequence[Desired], work: Callable[[Desired, Tell], T], what: str
) -> list[T | MusterError]:
    """Do the work for all customers, several at once; one that fails stops nobody else.

    The work calls what it is given before each change. On Ctrl-C that call ends it there, so
    that a change which has begun is also recorded.
    """
    stop = threading.Event()

    def tell(_change: Change | None) -> None:
        if stop.is_set():
            raise Stopped("Interrupted between two changes.")

    def guarded(desired: Desired) -> T | MusterError:
        def work_on_it() -> T:
            tell(None)
            return work(desired, tell)

        return contain(work_on_it, desired.customer.name)

    results: list[T | MusterError] = []
    with progress() as bar, ThreadPoolExecutor(WORKERS) as pool:
        task = bar.add_task(what, total=len(customers))
        try:
            for result in pool.map(guarded, customers):
                results.append(result)
                bar.advance(task)
        except KeyboardInterrupt:
            stop.set()
            raise
    return results


def progress() -> Progress:
    """Return a progress bar on standard error, which shows only on a terminal."""
    console = err()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
