"""A customer's status with every field filled, and with more than a cluster takes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tests.contract.registry.suite import make_record

from muster.model.accounts import Candidate, Known
from muster.model.connections import ActiveDirectory, SecretRef
from muster.model.names import (
    AccountId,
    AccountType,
    Action,
    CustomerName,
    DirectoryKind,
    LinkState,
    RemoteId,
    Source,
    System,
)
from muster.model.observed import SourceRead
from muster.model.passwords import JobKind, PasswordJob, Proof, Target, VaultTarget
from muster.model.plans import (
    Change,
    ChangeResult,
    Counts,
    CustomerPlan,
    Finding,
    LinkCounts,
    Outcome,
    Refusal,
    Refused,
)
from muster.model.reasons import Reason
from muster.model.rotation import Rotation
from muster.model.settings import Customer, Desired, PsaRef, VaultRef
from muster.report.status import report
from muster.resources import load_schema

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
SECRET = SecretRef(name="contoso-ad", key="password")
CUSTOMER = Customer(
    name=CustomerName("contoso"),
    display_name="Contoso Ltd",
    active_directory=ActiveDirectory(
        servers=("ldaps://dc1.contoso.example",), user_name="svc", password=SECRET
    ),
    vault=VaultRef(integration="it-glue", organization_id=RemoteId("4711")),
    psa=PsaRef(integration="connectwise", company_id=RemoteId("250")),
)
FINDING = Finding(
    reason=Reason.SEVERAL_MATCHES,
    message="Two contacts fit.",
    account=AccountId("4f6d2f0e-5b1c-4b7e-9a57-3c1d8c1f7c1e"),
    user="jsmith",
    system=System.PSA,
    state=LinkState.AMBIGUOUS,
    candidates=tuple(
        Candidate(id=RemoteId(str(number)), name="John", evidence="Email", updated_at=NOW)
        for number in range(1, 40)
    ),
)
CREATE = Change(
    system=System.VAULT,
    action=Action.CREATE,
    account=AccountId("4f6d2f0e-5b1c-4b7e-9a57-3c1d8c1f7c1e"),
    user="jsmith",
    account_type=AccountType.END_USER,
    target="jsmith",
    reason=Reason.CREATE_WHEN_MISSING,
    because="AutomaticImportPolicy/staff",
)
PLAN = CustomerPlan(
    customer=CUSTOMER.name,
    digest="sha256:" + "0" * 64,
    complete=False,
    reads=(
        SourceRead(source=Source.DIRECTORY),
        SourceRead(source=Source.PSA, complete=False, problem="The PSA is down. " * 1000),
    ),
    findings=(replace(FINDING, message="word " * 1000), *[FINDING] * 60),
    counts=Counts(
        considered=3,
        selected=2,
        drift=1,
        vault=LinkCounts(linked=2),
        psa=LinkCounts(ambiguous=1, failed=1),
    ),
)
REFUSED = Refused(PLAN, (Refusal(reason=Reason.LIMIT_EXCEEDED, message="Too many."),))
FAILED = Outcome(results=(ChangeResult(change=CREATE, done=False, problem="No. " * 5000),))
JOB = PasswordJob(
    id="job-1",
    customer=CUSTOMER.name,
    account=AccountId("4f6d2f0e-5b1c-4b7e-9a57-3c1d8c1f7c1e"),
    kind=JobKind.ROTATION,
    targets=(
        Target(
            system=DirectoryKind.ACTIVE_DIRECTORY,
            account=AccountId("4f6d2f0e-5b1c-4b7e-9a57-3c1d8c1f7c1e"),
            proves_by=Proof.BIND,
            problem="It is down. " * 1000,
        ),
    ),
    vault=VaultTarget(place="it-glue/4711", entry=RemoteId("88123")),
    sealed="x",
    opened_at=NOW,
    deadline=NOW,
)
ADMIN = replace(
    make_record(), rotation=Rotation(enabled=True, next=NOW, reason=Reason.ROTATION_SCHEDULED)
)
KNOWN = Known(jobs=(JOB,) * 30, records=(ADMIN,))
STATUS = load_schema("Customer")["properties"]["status"]


def reported() -> dict[str, Any]:
    """Return a status with every field filled, as it goes to a cluster."""
    status = report(REFUSED, FAILED, Desired(customer=CUSTOMER), KNOWN, NOW)
    plain: dict[str, Any] = json.loads(json.dumps(status))
    return plain
