"""`muster run`: the same reconcile, again and again, on one machine without a cluster.

A customer runs when its interval is over, and at once when its resources change. Changed secrets
are read anew. SIGHUP runs everybody. SIGTERM and Ctrl-C end after what is under way.
"""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import FrameType
from typing import Annotated

import typer

from muster.adapters.clock import utc_now
from muster.cli import options
from muster.cli.exit_codes import ExitCode
from muster.cli.listening import (
    TELLING,
    ReceiverCertificates,
    ReceiverPort,
    Turns,
    find_owner,
    listening,
)
from muster.cli.output import complain, counted, say
from muster.cli.session import (
    WORKERS,
    Place,
    Session,
    Stopped,
    open_assembly,
    open_secrets,
    open_session,
    place,
)
from muster.cli.shell import contain
from muster.digests import DailyDigests
from muster.errors import MusterError
from muster.following import Edited, Followed, follow_edit
from muster.model.connections import Integration, SecretRef
from muster.model.names import CustomerName
from muster.model.plans import Change
from muster.model.secret import Secret
from muster.model.settings import Desired, Estate
from muster.ports import Mailer
from muster.reconcile import Report, reconcile
from muster.report.status import DEFAULT_INTERVAL
from muster.resources import load_estate

_LOOK_EVERY_S = 2.0
_RETRY_AFTER = timedelta(minutes=5)
_JITTER = 0.1


def run(
    paths: options.Paths = None,
    also: options.Also = None,
    state: options.State = None,
    secrets: options.SecretsFrom = None,
    patience: options.Patience = options.PATIENCE_S,
    rounds: Annotated[int, typer.Option(help="End after so many rounds; 0 goes on for ever.")] = 0,
    receiver_port: ReceiverPort = 0,
    receiver_certificates: ReceiverCertificates = None,
) -> int:
    """Reconcile every customer at its interval, and at once when its resources change.

    \b
    muster run estate/
    """
    where = place([*(paths or ()), *(also or ())], state, secrets, patience)
    stop = threading.Event()
    everybody = threading.Event()
    _listen(stop, everybody)
    with open_session(where, write=True) as session:
        loop = _Loop(where, session, stop, everybody)
        with listening(loop, receiver_port, receiver_certificates):
            say(f"Reconciling {counted(len(session.estate.desired), 'customer')}; Ctrl-C ends it.")
            loop.go_on(rounds)
    say("Ended; everything that was done is recorded.")
    return ExitCode.OK


def _listen(stop: threading.Event, everybody: threading.Event) -> None:
    def on_stop(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    def on_hangup(_signal: int, _frame: FrameType | None) -> None:
        everybody.set()

    signal.signal(signal.SIGTERM, on_stop)
    signal.signal(signal.SIGINT, on_stop)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, on_hangup)


@dataclass(slots=True)
class Schedule:
    """When each customer is due."""

    due: dict[CustomerName, datetime] = field(default_factory=dict)
    seen: dict[CustomerName, Desired] = field(default_factory=dict)

    def take_up(self, desired: Sequence[Desired], now: datetime) -> None:
        """Make customers that are new or changed due now, and forget those that are gone."""
        current = {one.customer.name: one for one in desired}
        for name, one in current.items():
            if self.seen.get(name) != one:
                self.due[name] = now
        self.due = {name: moment for name, moment in self.due.items() if name in current}
        self.seen = current

    def list_due(self, now: datetime) -> list[Desired]:
        """Return the customers that are due, the longest overdue first."""
        names = sorted(self.due, key=lambda name: (self.due[name], name))
        return [self.seen[name] for name in names if self.due[name] <= now]

    def put_off(
        self, one: Desired, now: datetime, *, ready: bool, rotation: datetime | None = None
    ) -> None:
        """Set the next time: the interval with jitter, sooner after a failure or for a rotation."""
        intervals = [source.settings.interval for source in one.sources]
        interval = min(intervals, default=DEFAULT_INTERVAL)
        wait = interval if ready else min(interval, _RETRY_AFTER)
        # Jitter spreads load over the vendors' quotas; it needs no cryptography.
        moment = now + wait * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311
        if rotation is not None and now < rotation < moment:
            moment = rotation + timedelta(seconds=1)
        self.due[one.customer.name] = moment


class _Loop:
    """The daemon's one loop."""

    def __init__(
        self, where: Place, session: Session, stop: threading.Event, everybody: threading.Event
    ) -> None:
        self._where = where
        self._registry = session.registry
        self._assembly = session.assembly
        self._stop = stop
        self._everybody = everybody
        self._schedule = Schedule()
        self._trouble = ""
        self._integrations = session.estate.integrations
        self._digests = DailyDigests(self._registry.load, self._registry, self._open_mail)
        self._turns = Turns()
        self._following = threading.Lock()
        self._estate = session.estate
        self._fingerprint = self._seen = fingerprint(where)
        self._schedule.take_up(session.estate.desired, utc_now())

    def go_on(self, rounds: int) -> None:
        done = 0
        while not self._stop.is_set() and (rounds == 0 or done < rounds):
            self._complain_once(contain(self._look_at_files, "the resources"))
            if self._everybody.is_set():
                self._everybody.clear()
                self._open_anew()
                self._schedule.due = dict.fromkeys(self._schedule.seen, utc_now())
            self._send_digests()
            due = self._schedule.list_due(utc_now())
            if due:
                self._round(due)
                done += 1
            else:
                self._stop.wait(_LOOK_EVERY_S)

    def _open_mail(self, integration: Integration) -> Mailer:
        return self._assembly.mailer(integration)  # which changes with the resources

    def _send_digests(self) -> None:
        names = self._schedule.seen
        for line in self._digests.send_due(self._integrations, names, utc_now()):
            say(line)

    def _complain_once(self, problem: MusterError | None) -> None:
        """Say what keeps the files from being read, and say it again only when it changes."""
        text = "" if problem is None else str(problem)
        if text and text != self._trouble:
            complain(text)
        self._trouble = text

    def _look_at_files(self) -> None:
        """Take up changed resources; while they are wrong, the old ones stay in force.

        Only what two looks see alike is taken up: a checkout replaces file after file, and a
        policy that is missing in between would let its accounts go.
        """
        current = fingerprint(self._where)
        settled, self._seen = current == self._seen, current
        if current == self._fingerprint or not settled:
            return
        self._fingerprint = current
        loaded = load_estate(self._where.paths)
        if loaded.problems:
            complain("The resources have problems; the ones read before stay in force.")
            for problem in loaded.problems:
                say(str(problem))
            return
        say("The resources or secrets have changed; they are in force from now on.")
        self._open_anew()
        self._integrations = loaded.estate.integrations
        self._estate = loaded.estate
        self._schedule.take_up(loaded.estate.desired, utc_now())

    def _open_anew(self) -> None:
        """Open connections anew, because secrets may have changed with the resources."""
        with self._following:
            self._assembly.close()
            self._assembly = open_assembly(self._where, self._registry)

    def _round(self, due: Sequence[Desired]) -> None:
        with ThreadPoolExecutor(WORKERS) as pool:
            results = pool.map(self._reconcile, due)
            for one, result in zip(due, results, strict=True):
                if not isinstance(result, Stopped):
                    rotation = None if isinstance(result, MusterError) else result.next_rotation
                    self._schedule.put_off(one, utc_now(), ready=_tell(result), rotation=rotation)

    def _reconcile(self, one: Desired) -> Report | MusterError:
        def work() -> Report:
            self._go_on_or_stop(None)
            with self._turns.of(one.customer.name):
                return reconcile(one, self._assembly.ports(one), self._go_on_or_stop)

        return contain(work, one.customer.name)

    def estate(self) -> Estate:
        """Return the resources that are in force."""
        return self._estate

    def read_secret(self, ref: SecretRef) -> Secret:
        """Return a secret; raises SpecError where it is missing."""
        return open_secrets(self._where).read(ref)

    def follow(self, edited: Edited) -> Followed | MusterError | None:
        """Follow an edit of an entry, and let a run tell it; None where it is no customer's."""
        found = find_owner(self._estate, edited)
        if found is None:
            return None
        name = found.customer.name

        def work() -> Followed:
            with self._following, self._turns.of(name):
                return follow_edit(edited, found, self._assembly.ports(found))

        result = contain(work, name)
        if isinstance(result, Followed) and result.state in TELLING:
            self._schedule.due[name] = utc_now()
        return result

    def _go_on_or_stop(self, _change: Change | None) -> None:
        if self._stop.is_set():
            raise Stopped("Ended between two changes.")


def _tell(result: Report | MusterError) -> bool:
    """Say in one line how a customer stands; return whether it is ready."""
    if isinstance(result, MusterError):
        complain(str(result))
        return False
    ready = result.status["conditions"][0]
    done = sum(one.done for one in result.outcome.results)
    plan = result.proposal.plan
    say(f"{plan.customer}: {done} changes; {ready['reason']}: {ready['message']}")
    return bool(ready["status"] == "True") and not result.unsettled


def fingerprint(where: Place) -> Mapping[str, tuple[int, int]]:
    """Return size and time of every resource and secret, to notice a change without reading it."""
    from muster.resources.files import list_files

    files, _ = list_files(where.paths)
    secrets = where.secrets_directory
    kept = sorted(secrets.rglob("*")) if secrets else ()
    found = {}
    for file in (*files, *kept):
        try:
            about = file.stat()
        except OSError:
            continue  # deleted between listing and looking; the next look sees it gone
        found[str(file)] = (about.st_size, about.st_mtime_ns)
    return found
