"""IT Glue's webhook beside `muster run`: a server, and one thread that follows edits."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Protocol

import typer

from muster.cli.output import complain, say
from muster.errors import MusterError, RemoteError
from muster.following import Edited, Followed, FollowState
from muster.model.connections import SecretRef
from muster.model.names import CustomerName
from muster.model.secret import Secret
from muster.model.settings import Desired, Estate
from muster.webhook.notices import Notices
from muster.webhook.receiver import TAKEN, Answer, Receiver, Sources
from muster.webhook.server import WebhookServer

ReceiverPort = Annotated[
    int,
    typer.Option(
        min=0,
        max=65535,
        help="Listen here for IT Glue's webhook; without it nothing listens.",
        show_default=False,
    ),
]
ReceiverCertificates = Annotated[
    Path | None,
    typer.Option(
        help="Directory with tls.crt and tls.key for that port. Without it only this machine is "
        "listened to, for a proxy that ends TLS.",
        show_default=False,
    ),
]

TELLING = frozenset({FollowState.FOLLOWED, FollowState.REFUSED})
"""After these a run has something new to tell."""

_LOOPBACK = "127.0.0.1"


class Turns:
    """One lock for each customer: what is done for it is done one after the other."""

    def __init__(self) -> None:
        self._locks: defaultdict[CustomerName, threading.Lock] = defaultdict(threading.Lock)
        self._turn = threading.Lock()

    def of(self, name: CustomerName) -> threading.Lock:
        """Return a customer's lock."""
        with self._turn:
            return self._locks[name]


class Follower(Protocol):
    """What follows edits: the daemon."""

    def estate(self) -> Estate:
        """Return the resources that are in force."""
        ...

    def read_secret(self, ref: SecretRef) -> Secret:
        """Return a secret."""
        ...

    def follow(self, edited: Edited) -> Followed | MusterError | None:
        """Follow an edit."""
        ...


def find_owner(estate: Estate, edited: Edited) -> Desired | None:
    """Return the customer whose organization it is."""
    for one in estate.desired:
        vault = one.customer.vault
        here = (edited.integration, edited.organization)
        if vault is not None and (vault.integration, vault.organization_id) == here:
            return one
    return None


@contextmanager
def listening(follower: Follower, port: int, certificates: Path | None) -> Iterator[None]:
    """Listen while the block runs; with port 0 nothing listens.

    Raises:
        SpecError: the certificates cannot be read.
        MusterError: the port is taken.
    """
    if not port:
        yield
        return
    notices = Notices()
    receiver = Receiver(
        Sources(
            estate=follower.estate,
            read_secret=follower.read_secret,
            hand_on=lambda one: _hand_on(notices, one),
        )
    )
    host = "" if certificates else _LOOPBACK
    try:
        server = WebhookServer(receiver, port, certificates, host=host)
    except OSError as error:
        raise MusterError(f"Port {port} cannot be listened on: {error.strerror}.") from error
    thread = threading.Thread(
        target=_follow_all, args=(follower, notices), name="follower", daemon=True
    )
    thread.start()
    server.start()
    say(f"Listening for IT Glue's webhook on port {server.port}.")
    try:
        yield
    finally:
        server.stop()
        notices.close()
        # An edit that is being followed is not cut off; its password job would survive that.
        thread.join(60.0)


def _hand_on(notices: Notices, edited: Edited) -> Answer:
    return TAKEN if notices.put(edited) else Answer(503, "too many wait", retry_after_s=60)


def _follow_all(follower: Follower, notices: Notices) -> None:
    while (taken := notices.take()) is not None:
        edited, tries = taken
        result = follower.follow(edited)
        if tell(result) and not notices.again(edited, tries):
            complain(f"The edit of entry {edited.entry} is given up.")


def tell(result: Followed | MusterError | None) -> bool:
    """Say what became of an edit where somebody should know; return whether to look again."""
    match result:
        case Followed(state=FollowState.FOLLOWED, message=message):
            say(f"Followed an edit: {message}")
        case Followed(state=FollowState.REFUSED, message=message):
            complain(f"An edit could not be followed: {message}")
        case Followed(state=FollowState.UNDERWAY):
            return True
        case MusterError():
            complain(str(result))
            return isinstance(result, RemoteError)
        case _:
            pass
    return False
