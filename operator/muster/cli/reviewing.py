"""`muster plan` with `--base`, `--record` or `--from`: both sides of a change, live or recorded.

The systems are asked first, once for each connection, and everything is planned from what they
answered. So both sides see the same, and a recording gives the plan that was made live.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from muster.cli.conclusions import of_comparison, of_plans
from muster.cli.exit_codes import ExitCode
from muster.cli.git_base import GitBase, files_at
from muster.cli.output import complain, say
from muster.cli.plan_options import PlanFormat
from muster.cli.plan_output import print_plan, print_two_sides
from muster.cli.session import Place, Session, find_customer, for_each_customer, open_session
from muster.errors import MusterError, SpecError
from muster.model.names import CustomerName, Source
from muster.model.settings import Desired, Estate
from muster.plan.compare import Side, compare
from muster.recording.connections import connection
from muster.recording.file import read_recording, write_recording
from muster.recording.model import RecordedCustomer, Recording
from muster.recording.pseudonymize import differs, pseudonymize
from muster.recording.replay import plan_recorded
from muster.recording.taking import Asker, take
from muster.report.comparison_document import Comparison
from muster.resources import LoadedEstate, load_estate


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What `muster plan` was asked."""

    where: Place
    only: tuple[str, ...] = ()
    base: str | None = None
    """A revision to compare with; None: plan the working tree alone."""
    record: Path | None = None
    pseudonymize: bool = False
    """Whether the people of what is recorded get other names."""
    recording: Path | None = None
    """A recording to plan from instead of systems."""
    form: PlanFormat = PlanFormat.TEXT
    anonymous: bool = False
    detailed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Base:
    """The old side."""

    files: GitBase
    loaded: LoadedEstate

    def locate(self, reference: str) -> str | None:
        """Return `file:line at REV`."""
        found = self.loaded.locate(reference)
        return found and f"{self.files.show(found)} at {self.files.revision}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    """What git asks of each customer, on both sides."""

    head: Mapping[CustomerName, Desired]
    base: Mapping[CustomerName, Desired]

    @property
    def names(self) -> list[CustomerName]:
        """Every customer of either side, in order."""
        return sorted({*self.head, *self.base})

    def of(self, name: CustomerName) -> tuple[Desired, ...]:
        """Return what is asked of a customer, the new side first."""
        found = (self.head.get(name), self.base.get(name))
        return tuple(one for one in found if one)


def review(asked: Review) -> int:
    """Plan what was asked, print it, and return the exit code."""
    with ExitStack() as stack:
        base = (
            stack.enter_context(_open_base(asked.where, asked.base))
            if asked.base is not None
            else None
        )
        if asked.recording:
            loaded = load_estate(asked.where.paths)
            loaded.checked()
            sides = _sides(loaded, base, asked.only)
            recording, failed = _select(read_recording(asked.recording), sides), 0
        else:
            session = stack.enter_context(open_session(asked.where, write=False))
            loaded = session.loaded
            sides = _sides(loaded, base, asked.only)
            recording, failed = _take(session, sides, everything=asked.record is not None)
        if asked.record:
            failed += _keep(asked, recording, sides, asked.record)
        head = _plan(recording, sides.head)
        if base is None:
            code = _show_plan(asked, loaded, recording, head)
        else:
            before = _plan(recording, sides.base)
            code = _show_comparison(asked, loaded, recording, base, (before, head))
    return ExitCode.ERROR if failed else code


@contextmanager
def _open_base(where: Place, revision: str) -> Iterator[_Base]:
    """Load the estate as it was.

    Raises:
        SpecError: those files have problems, so that there is nothing to compare with.
    """
    with files_at(where.paths, revision) as files:
        loaded = (
            load_estate(files.paths)
            if files.paths
            else LoadedEstate(estate=Estate(), problems=(), places={})
        )
        if loaded.problems:
            why = f"The files at {revision} have problems, so nothing can be compared with them:"
            raise SpecError((why, *(files.show(str(one)) for one in loaded.problems)))
        yield _Base(files=files, loaded=loaded)


def _sides(loaded: LoadedEstate, base: _Base | None, only: Sequence[str]) -> _Sides:
    head = _by_name(loaded.estate)
    before = _by_name(base.loaded.estate) if base else {}
    if only:
        for name in only:
            if CustomerName(name) not in before:
                find_customer(loaded.estate, name)
        head = {name: one for name, one in head.items() if name in only}
        before = {name: one for name, one in before.items() if name in only}
    return _Sides(head=head, base=before)


def _by_name(estate: Estate) -> dict[CustomerName, Desired]:
    return {one.customer.name: one for one in estate.desired}


def _select(recording: Recording, sides: _Sides) -> Recording:
    return Recording(customers=tuple(map(recording.find, sides.names)))


def _take(session: Session, sides: _Sides, *, everything: bool) -> tuple[Recording, int]:
    """Observe every customer; return how many could not be, too."""

    def look(first: Desired) -> RecordedCustomer:
        name = first.customer.name
        askers = [Asker(desired=one, ports=session.assembly.ports(one)) for one in sides.of(name)]
        return take(name, askers, everything=everything)

    first = [sides.of(name)[0] for name in sides.names]
    results = for_each_customer(first, lambda one, _: look(one), "reading")
    failed = [one for one in results if isinstance(one, MusterError)]
    for error in failed:
        complain(str(error))
    taken = tuple(one for one in results if isinstance(one, RecordedCustomer))
    return Recording(customers=taken), len(failed)


def _keep(asked: Review, recording: Recording, sides: _Sides, file: Path) -> int:
    """Write the recording, under other names where asked; return how many plan otherwise then."""
    if not asked.pseudonymize:
        write_recording(recording, file)
        say(f"Recorded {file}. It holds names and addresses of people.")
        return 0
    salt = secrets.token_bytes(16)
    renamed = [pseudonymize(one, sides.of(one.name), salt) for one in recording.customers]
    write_recording(Recording(customers=tuple(renamed)), file)
    say(f"Recorded {file}. People have other names in it; ids are their own.")
    odd = [
        before.name
        for before, after in zip(recording.customers, renamed, strict=True)
        if any(differs(one, before, after) for one in sides.of(before.name))
    ]
    for name in odd:
        complain(f"Under other names, {name} is planned otherwise: a rule looks at its names.")
    return len(odd)


def _plan(
    recording: Recording, desired: Mapping[CustomerName, Desired]
) -> dict[CustomerName, Side]:
    """Plan one side of every customer that was observed."""
    return {
        one.name: Side(
            verdict=plan_recorded(desired[one.name], one),
            covered=bool(desired[one.name].sources),
            connections=frozenset(
                (source, key) for source in Source if (key := connection(source, desired[one.name]))
            ),
        )
        for one in recording.customers
        if one.name in desired
    }


def _show_plan(
    asked: Review,
    loaded: LoadedEstate,
    recording: Recording,
    sides: Mapping[CustomerName, Side],
) -> int:
    verdicts = [side.verdict for side in sides.values()]
    recorded = ""
    if asked.recording and recording.customers:
        oldest = min(one.at for one in recording.customers)
        recorded = f"Planned from what was recorded at {oldest:%Y-%m-%d %H:%M} UTC."
    print_plan(verdicts, loaded.locate, asked.form, anonymous=asked.anonymous, recorded=recorded)
    return of_plans(verdicts, detailed=asked.detailed)


def _show_comparison(
    asked: Review,
    loaded: LoadedEstate,
    recording: Recording,
    base: _Base,
    sides: tuple[Mapping[CustomerName, Side], Mapping[CustomerName, Side]],
) -> int:
    times = [one.at for one in recording.customers] if asked.recording else []
    comparison = Comparison(
        radius=compare(*sides),
        revision=base.files.revision,
        commit=base.files.commit,
        locate=loaded.locate,
        locate_base=base.locate,
        recorded_at=min(times, default=None),
        notes=base.files.notes,
        anonymous=asked.anonymous,
    )
    print_two_sides(comparison, asked.form)
    return of_comparison(comparison.radius, detailed=asked.detailed)
