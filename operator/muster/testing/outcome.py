"""What a plan says, in the words of a test: per account, and as a whole."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from muster.model.accounts import AccountRecord, Known, Link
from muster.model.names import (
    AccountId,
    Action,
    DecisionState,
    LinkState,
    System,
)
from muster.model.plans import CustomerPlan, Finding, Refused, Verdict
from muster.model.reasons import Reason
from muster.plan.findings import advice_of

SYSTEMS = (System.VAULT, System.PSA, System.ENTRA)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSeen:
    """How an account stands to one record."""

    state: str
    reason: str
    id: str | None
    key: str | None
    candidates: tuple[str, ...]
    evidence: tuple[str, ...]
    """By what the candidates were found."""
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSeen:
    """What a plan says about one account."""

    account: AccountId
    user: str
    type: str
    decision: str
    reason: str
    via: str
    policy: str
    """The settings it is imported with; empty for one that is left out."""
    links: Mapping[System, LinkSeen]
    changes: tuple[str, ...]
    drift: tuple[str, ...]
    rotation: str = ""
    """Why its password is rotated, waits or is not rotated; empty for one that is left out."""
    rotates_at: str = ""
    """When the next rotation is due; empty where none is."""
    welcome: str = ""
    """What becomes of its welcome e-mail; empty for one that is left out."""
    self_serve: bool = False

    @property
    def effect(self) -> tuple[object, ...]:
        """What can be compared with another plan: everything but words for people."""
        links = tuple(
            (system, seen.state, seen.reason, seen.id, seen.key, seen.candidates)
            for system, seen in sorted(self.links.items())
        )
        decided = (self.account, self.type, self.decision, self.reason, self.via)
        afterwards = (self.rotation, self.rotates_at, self.welcome, self.self_serve)
        return (*decided, links, self.changes, self.drift, *afterwards)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a plan and the guard say."""

    verdict: Verdict
    accounts: Mapping[AccountId, AccountSeen]

    @property
    def plan(self) -> CustomerPlan:
        """The plan."""
        return self.verdict.plan

    @property
    def refusals(self) -> tuple[str, ...]:
        """Why the guard refuses; empty when it does not."""
        if not isinstance(self.verdict, Refused):
            return ()
        return tuple(sorted(str(one.reason) for one in self.verdict.refusals))

    @property
    def totals(self) -> dict[str, int]:
        """The counts that a test may expect."""
        states = Counter(one.decision for one in self.accounts.values())
        actions = Counter(change.action for change in self.plan.changes)
        return {
            "imported": states[DecisionState.IMPORTED],
            "excluded": states[DecisionState.EXCLUDED],
            "retained": states[DecisionState.RETAINED],
            "released": states[DecisionState.RELEASED],
            "created": actions[Action.CREATE],
            "updated": actions[Action.UPDATE],
            "rotated": actions[Action.ROTATE],
            "mailed": actions[Action.SEND],
            "ambiguous": self.plan.counts.ambiguous,
            "drift": self.plan.counts.drift,
        }

    @property
    def effect(self) -> tuple[object, ...]:
        """What can be compared with another plan of the same world."""
        accounts = tuple(self.accounts[one].effect for one in sorted(self.accounts))
        # That options differ says how a policy is written, not what follows from it.
        findings = sorted(
            (str(one.reason), one.account or "", one.system or "", one.state or "")
            for one in self.plan.findings
            if one.reason is not Reason.OPTIONS_DIFFER
        )
        return accounts, tuple(findings), self.refusals


def see(verdict: Verdict, known: Known) -> Outcome:
    """Return what a verdict says."""
    plan = verdict.plan
    records = {record.identity.id: record for record in known.records if record.live}
    records.update((record.identity.id, record) for record in plan.records)
    changes: defaultdict[AccountId, list[str]] = defaultdict(list)
    drift: defaultdict[AccountId, set[str]] = defaultdict(set)
    for change in plan.changes:
        changes[change.account].append(f"{change.action} {change.system}")
        drift[change.account].update(f"{one.system} {one.field}" for one in change.drift)
    for account, record in records.items():
        drift[account].update(f"{one.system} {one.field}" for one in record.drift)
    advice: dict[tuple[AccountId | None, System | None], Finding] = {
        (one.account, one.system): one for one in plan.findings if one.account
    }
    accounts = {}
    for one in plan.decisions:
        record_after = records.get(one.account)
        kept = one.decision.state in (DecisionState.IMPORTED, DecisionState.RETAINED)
        accounts[one.account] = AccountSeen(
            account=one.account,
            user=one.user,
            type=str(one.account_type),
            decision=str(one.decision.state),
            reason=str(one.decision.reason),
            via=one.decision.via,
            policy=record_after.imported_with.policy if record_after and kept else "",
            links=dict(_links(record_after, advice)) if record_after and kept else {},
            changes=tuple(sorted(changes[one.account])),
            drift=tuple(sorted(drift[one.account])),
            **(_afterwards(record_after) if record_after and kept else {}),
        )
    return Outcome(verdict=verdict, accounts=accounts)


def _afterwards(record: AccountRecord) -> dict[str, Any]:
    """Return what follows an import: rotation, the welcome e-mail, self-serve."""
    rotation = record.rotation
    return {
        "rotation": str(rotation.reason),
        "rotates_at": rotation.next.isoformat() if rotation.next else "",
        "welcome": str(record.welcome.state),
        "self_serve": record.imported_with.options.self_serve,
    }


def _links(
    record: AccountRecord, advice: Mapping[tuple[AccountId | None, System | None], Finding]
) -> Iterator[tuple[System, LinkSeen]]:
    for system in SYSTEMS:
        link: Link = record.link(system)
        finding = advice.get((record.identity.id, system))
        said = finding.message if finding and finding.state else advice_of(link)
        yield (
            system,
            LinkSeen(
                state=str(link.state),
                reason=str(link.reason),
                id=link.id if link.state is not LinkState.SKIPPED else None,
                key=str(link.key) if link.key else None,
                candidates=tuple(sorted(one.id for one in link.candidates)),
                evidence=tuple(sorted({one.evidence.partition(",")[0] for one in link.candidates})),
                advice=said,
            ),
        )
