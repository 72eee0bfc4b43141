"""Takes a recording: observes each connection once, however many sides ask through it.

Which sides there are is decided by the caller. The registry is only read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from muster.model.accounts import Known
from muster.model.names import CustomerName, Source
from muster.model.observed import Observed
from muster.model.settings import Desired, ImportSource
from muster.observe import observe, observe_all
from muster.plan.entra_selectors import entra_question
from muster.ports import Ports
from muster.recording.connections import connection
from muster.recording.model import RecordedCustomer, RecordedRead, RecordedSize


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """What git asks for one customer, on one side, and the systems that it leads to."""

    desired: Desired
    ports: Ports


def take(
    name: CustomerName, askers: Sequence[Asker], *, everything: bool = False
) -> RecordedCustomer:
    """Observe what the askers need of one customer, and load what is known of it.

    `everything` also reads what no policy of theirs needs, for files that nobody wrote yet.
    """
    ports = askers[0].ports
    at, known = ports.clock(), ports.registry.load(name)
    sources = tuple(source for one in askers for source in one.desired.sources)
    reads: dict[tuple[Source, str], RecordedRead] = {}
    for asker in askers:
        missing = [
            (source, key)
            for source in Source
            if (key := connection(source, asker.desired)) and (source, key) not in reads
        ]
        if missing:
            fresh = {source for source, _ in missing}
            observed = _look(asker, sources, known, fresh, everything=everything)
            asked = {read.source for read in observed.reads if read.connected}
            reads |= {
                (source, key): _keep(source, key, observed, sources)
                for source, key in missing
                if source in asked
            }
    return RecordedCustomer(
        name=name,
        at=at,
        records=known.records,
        intents=known.intents,
        sizes=tuple(RecordedSize(source=source, size=size) for source, size in known.sizes),
        reads=tuple(reads[key] for key in sorted(reads)),
    )


def _look(
    asker: Asker,
    sources: tuple[ImportSource, ...],
    known: Known,
    fresh: set[Source],
    *,
    everything: bool,
) -> Observed:
    opened = asker.ports
    ports = replace(
        opened,
        directory=opened.directory if Source.DIRECTORY in fresh else None,
        entra=opened.entra if Source.ENTRA in fresh else None,
        vault=opened.vault if Source.VAULT in fresh else None,
        psa=opened.psa if Source.PSA in fresh else None,
        problems=tuple(one for one in opened.problems if one[0] in fresh),
    )
    look = observe_all if everything else observe
    return look(replace(asker.desired, sources=sources), known, ports)


def _keep(
    source: Source, key: str, observed: Observed, sources: tuple[ImportSource, ...]
) -> RecordedRead:
    read = observed.read(source)
    kept = RecordedRead(source=source, connection=key)
    if not read.complete:
        return replace(kept, complete=False, problem=read.problem, access_denied=read.access_denied)
    match source:
        case Source.DIRECTORY:
            return replace(kept, directory=observed.directory)
        case Source.ENTRA:
            question = entra_question(one.settings for one in sources)
            return replace(kept, entra=observed.entra, question=question)
        case Source.VAULT:
            return replace(
                kept,
                organization=observed.organization,
                categories=observed.categories,
                entries=observed.entries,
            )
        case Source.PSA:
            return replace(kept, company=observed.company, contacts=observed.contacts)
