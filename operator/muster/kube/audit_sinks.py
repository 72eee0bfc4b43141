"""Where a replica records its effects: on standard output, and in a file where one is wanted.

Objects of the cluster hold no audit: they are small, and whoever may write them may also
rewrite them. Standard output leaves the pod at once, for a collector that Muster cannot reach.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from muster.audit import FileSink, Sink, StreamSink, Tee, Trail, current_actor
from muster.kube.resources import CUSTOMER
from muster.kube.store import Store
from muster.model.settings import Desired

REVISION_ANNOTATION = "muster.dev/revision"
"""On a Customer: the commit that it comes from, as a pipeline or a GitOps tool writes it."""

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def open_trails(store: Store, identity: str, directory: Path | None) -> Callable[[Desired], Trail]:
    """Return what gives each customer's run its trail."""
    sink: Sink = StreamSink(sys.stdout, identity)
    if directory is not None:
        # One file for each replica: file locks are not to be relied on over a network.
        file = FileSink(directory / f"audit-{_UNSAFE.sub('-', identity)}.jsonl")
        sink = Tee(file, sink)
    actor = current_actor()

    def trail_of(desired: Desired) -> Trail:
        return Trail(sink, actor, _revision(store, desired.customer.name))

    return trail_of


def _revision(store: Store, customer: str) -> str:
    raw = store.raw(CUSTOMER.kind, customer)
    metadata = raw["metadata"] if raw else {}
    said = (metadata.get("annotations") or {}).get(REVISION_ANNOTATION)
    return str(said or f"generation {metadata.get('generation', 'unknown')}")
