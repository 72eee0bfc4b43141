"""`muster plan` and `muster apply`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from muster.cli import options, plan_options
from muster.cli.conclusions import of_plans, of_run
from muster.cli.exit_codes import ExitCode
from muster.cli.output import complain, counted, out
from muster.cli.plan_options import PlanFormat
from muster.errors import MusterError

if TYPE_CHECKING:
    from muster.cli.reviewing import Review
    from muster.cli.session import Session
    from muster.model.names import CustomerName
    from muster.model.settings import Desired
    from muster.reconcile import Proposal

T = TypeVar("T")

_MOST_NAMES = 5


def plan(
    paths: options.Paths = None,
    also: options.Also = None,
    only: options.Only = None,
    output: plan_options.Output = PlanFormat.TEXT,
    base: plan_options.Base = None,
    record: plan_options.Record = None,
    pseudonymize: plan_options.Pseudonymize = False,
    recording: plan_options.From = None,
    anonymous: plan_options.Anonymous = False,
    detailed_exitcode: plan_options.DetailedExitcode = False,
    state: options.State = None,
    secrets: options.SecretsFrom = None,
    patience: options.Patience = options.PATIENCE_S,
) -> int:
    """Read everything and say what would be done; write nothing anywhere.

    \b
    muster plan estate/
    muster plan estate/ -c contoso -o json
    muster plan estate/ --base origin/main -o markdown
    """
    if anonymous and base is None and output is not PlanFormat.MARKDOWN:
        raise typer.BadParameter("--anonymous needs --base or -o markdown.")
    if pseudonymize and not record:
        raise typer.BadParameter("--pseudonymize needs --record.")
    if record and recording:
        raise typer.BadParameter("--record and --from exclude each other.")
    from muster.cli.reviewing import Review, review
    from muster.cli.session import place

    asked = Review(
        where=place([*(paths or ()), *(also or ())], state, secrets, patience),
        only=tuple(only or ()),
        base=base,
        record=record,
        pseudonymize=pseudonymize,
        recording=recording,
        form=output,
        anonymous=anonymous,
        detailed=detailed_exitcode,
    )
    two_sided = base is not None or record or recording
    return review(asked) if two_sided else _plan_now(asked)


def _plan_now(asked: Review) -> int:
    """Plan the working tree from live systems, exactly as `apply` begins."""
    from muster.cli.plan_output import print_plan
    from muster.cli.session import choose, for_each_customer, open_session
    from muster.reconcile import propose

    with open_session(asked.where, write=False) as session:
        customers = choose(session.estate, asked.only)
        results = for_each_customer(
            customers, lambda one, _: propose(one, session.assembly.ports(one)), "planning"
        )
        verdicts = [proposal.verdict for proposal in _sound(results)]
        print_plan(verdicts, session.loaded.locate, asked.form, anonymous=asked.anonymous)
    if failed := len(results) - len(verdicts):
        complain(f"{counted(failed, 'customer')} could not be planned: not in the above.")
        return ExitCode.ERROR
    return of_plans(verdicts, detailed=asked.detailed)


def apply(
    paths: options.Paths = None,
    also: options.Also = None,
    only: options.Only = None,
    expect: Annotated[
        str,
        typer.Option(
            metavar="DIGEST",
            help="Write only if the plan still has this digest.",
            show_default=False,
        ),
    ] = "",
    state: options.State = None,
    secrets: options.SecretsFrom = None,
    patience: options.Patience = options.PATIENCE_S,
) -> int:
    """Bring every customer into agreement with the resources, once.

    \b
    muster apply estate/
    muster apply estate/ --expect sha256:9f2c…
    """
    from muster.cli.session import choose, open_session, place

    with open_session(
        place([*(paths or ()), *(also or ())], state, secrets, patience), write=True
    ) as session:
        customers = choose(session.estate, only)
        return _apply(session, customers, expect)


def _apply(session: Session, customers: Sequence[Desired], expect: str) -> int:
    from muster.cli.plan_text import print_reports
    from muster.cli.session import for_each_customer
    from muster.reconcile import carry_out, reconcile

    if expect:
        expected = _expected(session, customers, expect)
        if expected is None:
            return ExitCode.ERROR
        ready = [one for one in customers if one.customer.name in expected]
        results = for_each_customer(
            ready, lambda one, tell: carry_out(expected[one.customer.name], tell), "applying"
        )
    else:
        # Each is planned right before it is applied: what was read must not grow old meanwhile.
        results = for_each_customer(
            customers,
            lambda one, tell: reconcile(one, session.assembly.ports(one), tell),
            "applying",
        )
    reports = _sound(results)
    print_reports(reports, out())
    _tell_of_others(session)
    if len(reports) < len(customers):
        return ExitCode.ERROR
    verdicts = [report.proposal.verdict for report in reports]
    return of_run(verdicts, [report.outcome for report in reports])


def _expected(
    session: Session, customers: Sequence[Desired], digest: str
) -> dict[CustomerName, Proposal] | None:
    """Plan all customers, and return what was expected; None when the plan is another one."""
    from muster.cli.session import for_each_customer
    from muster.plan.digest import digest_plans
    from muster.reconcile import propose, resume

    def plan_one(one: Desired, _: object) -> Proposal:
        ports = session.assembly.ports(one)
        return propose(one, ports, resume(one, ports))

    proposals = _sound(for_each_customer(customers, plan_one, "planning"))
    found = digest_plans(proposal.plan for proposal in proposals)
    if found != digest:
        complain(f"The plan has changed: it is {found} now, not {digest}. Read it again.")
        return None
    return {proposal.plan.customer: proposal for proposal in proposals}


def _tell_of_others(session: Session) -> None:
    """Say which customers the registry holds and git does not; nothing follows by itself."""
    here = {desired.customer.name for desired in session.estate.desired}
    others = [name for name in session.registry.list_customers() if name not in here]
    if others:
        shown = ", ".join(others[:_MOST_NAMES]) + (", …" if len(others) > _MOST_NAMES else "")
        out().print(
            f"The registry also holds {counted(len(others), 'customer')} that these files do "
            f"not name: {shown}. Nothing is done for them, and nothing of theirs is released."
        )


def _sound(results: Sequence[T | MusterError]) -> list[T]:
    """Return what succeeded, and say what did not."""
    sound: list[T] = []
    for result in results:
        if isinstance(result, MusterError):
            complain(str(result))
        else:
            sound.append(result)
    return sound
