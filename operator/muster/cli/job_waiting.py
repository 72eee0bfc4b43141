"""Waits on the command line for a password whose job says that its next try is near."""

from __future__ import annotations

import time
from datetime import timedelta

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from muster.cli.output import err, plain, say
from muster.model.accounts import AccountRecord
from muster.model.passwords import PasswordJob
from muster.model.settings import Desired
from muster.ports import Ports
from muster.resets import Waiting, see_through


def wait_for(
    job: PasswordJob,
    record: AccountRecord,
    desired: Desired,
    ports: Ports,
    patience_s: float,
) -> PasswordJob:
    """Return a job as it stands once it is over, or must wait longer than the patience.

    Ctrl-C leaves it open: it is said where the password is, and the interrupt goes on.

    Raises:
        StateError: the registry or the audit cannot be written.
    """
    from muster.cli.passwords import tell_job

    user = record.identity.user
    try:
        with _Shown(user) as shown:
            waiting = Waiting(at_most=timedelta(seconds=patience_s), pause=shown.pause)
            return see_through(job, record, desired, ports, waiting)
    except KeyboardInterrupt:
        open_jobs = ports.registry.load(job.customer).jobs
        for one in (one for one in open_jobs if one.id == job.id):
            tell_job(one, user)
        raise


class _Shown:
    """A spinner on a terminal, and one line elsewhere, while a job is waited for."""

    def __init__(self, user: str) -> None:
        console = err()
        self._text = f"Not settled yet; Ctrl-C leaves it open: {user}"
        self._bar = Progress(
            SpinnerColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(plain(self._text), total=None, visible=False)
        self._told = console.is_terminal

    def __enter__(self) -> _Shown:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def pause(self, seconds: float) -> None:
        """Wait, and let it be seen."""
        if not self._told:
            say(self._text)
            self._told = True
        self._bar.update(self._task, visible=True)
        time.sleep(seconds)
