"""The whole story on one screen: observe, plan, guard, apply, report.

`muster plan` stops after `propose`; `muster apply`, `muster run` and the operator go on with
`reconcile`. A dry run cannot drift from a real one, because it is the same code. A run may
die at any line: the next one observes afresh and finishes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from muster.apply import Scene, Tell, apply, save_status
from muster.model.accounts import Known
from muster.model.observed import Observed
from muster.model.plans import CustomerPlan, Outcome, Verdict
from muster.model.reasons import Reason
from muster.model.settings import Desired
from muster.observe import observe
from muster.plan.guard import guard
from muster.plan.make import make_plan
from muster.ports import Ports
from muster.report.status import report
from muster.rotations import settle_jobs
from muster.synchronizing import synchronize


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What would be done for one customer, and everything that it rests on."""

    scene: Scene
    verdict: Verdict
    at: datetime

    @property
    def plan(self) -> CustomerPlan:
        """The plan, approved or refused."""
        return self.verdict.plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was done for one customer."""

    proposal: Proposal
    outcome: Outcome
    status: dict[str, Any]

    @property
    def next_rotation(self) -> datetime | None:
        """When a password of the customer is due next; None where none is."""
        text = self.status.get("rotation", {}).get("next")
        return datetime.fromisoformat(text) if text else None

    @property
    def unsettled(self) -> bool:
        """Whether a create may have taken place unheard, so that another look is due soon."""
        held = any(one.reason is Reason.UNSETTLED_CREATE for one in self.proposal.plan.findings)
        return (
            held
            or bool(self.proposal.scene.known.jobs)
            or any(result.unsettled for result in self.outcome.results)
        )


def propose(desired: Desired, ports: Ports, known: Known | None = None) -> Proposal:
    """Read everything, decide everything, write nothing."""
    now = ports.clock()
    known = known or ports.registry.load(desired.customer.name)
    observed = observe(desired, known, ports)
    verdict = judge(desired, observed, known, now)
    scene = Scene(desired=desired, observed=observed, known=known, ports=ports)
    return Proposal(scene=scene, verdict=verdict, at=now)


def judge(desired: Desired, observed: Observed, known: Known, now: datetime) -> Verdict:
    """Plan and guard what was observed, now or when it was recorded; pure."""
    return guard(make_plan(desired, observed, known, now), desired, known, now)


def carry_out(proposal: Proposal, tell: Tell | None = None) -> Report:
    """Write what an approved proposal says, and report."""
    outcome = apply(proposal.verdict, proposal.scene, tell)
    scene = proposal.scene
    outcome = replace(outcome, findings=synchronize(scene.desired, scene.ports))
    status = report(proposal.verdict, outcome, scene.desired, scene.known, proposal.at)
    save_status(scene.desired.customer.name, status, scene.ports)
    return Report(proposal=proposal, outcome=outcome, status=status)


def reconcile(desired: Desired, ports: Ports, tell: Tell | None = None) -> Report:
    """Bring one customer into agreement, or say exactly why it is not."""
    return carry_out(propose(desired, ports, resume(desired, ports)), tell)


def resume(desired: Desired, ports: Ports) -> Known:
    """End the passwords that an earlier run began, and return what is known then."""
    return settle_jobs(desired, ports.registry.load(desired.customer.name), ports)
