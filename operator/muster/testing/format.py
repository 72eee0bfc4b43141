"""What a policy test is: a world to plan in, and what the plan must say about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from muster.model.names import AccountId, CustomerName, PasswordAuthority, System
from muster.model.observed import Observed
from muster.model.settings import AccountOverride, ImportSettings
from muster.resources.documents import Document
from muster.resources.problems import Fault, FieldPath, Problem, pointer
from muster.resources.tables import Json

API_VERSION = "test.muster.dev/v1alpha1"
"""A group of its own: neither `muster validate` nor a cluster takes a test for a resource."""
KIND = "PolicyTest"
SUFFIXES = (".muster-test", ".muster-test.yaml")
"""How the names of test files end. kubectl, Argo CD and Flux read no file of the first kind."""
NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
"""The time of a run whose test names none."""
EXAMPLE = CustomerName("example")
"""The customer's name where a test gives none."""
NOT_SELECTED = "NotSelected"
"""The decision about an account that no policy reaches."""


@dataclass(frozen=True, slots=True)
class Place:
    """A test's document in its file."""

    file: Path
    document: Document

    def problem(self, fault: Fault) -> Problem:
        """Tie a fault to its line."""
        mark = self.document.place(fault.path, on_key=fault.on_key)
        return Problem(
            code=fault.code,
            file=str(self.file),
            line=mark.line,
            column=mark.column,
            path=pointer(fault.path),
            message=fault.message,
            advice=fault.advice,
        )

    def locate(self, path: FieldPath) -> str:
        """Return `file:line` of a field, or of its nearest ancestor."""
        return f"{self.file}:{self.document.place(path, on_key=True).line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleCustomer:
    """A customer made up for a test."""

    name: CustomerName = EXAMPLE
    labels: tuple[tuple[str, str], ...] = ()
    policies: tuple[str, ...] = ()
    """Policies in force whatever their `customers` say. Empty: as the resources say."""
    password_authority: PasswordAuthority = PasswordAuthority.SEPARATE
    imports: tuple[ImportSettings, ...] = ()
    vault: str = "ItGlue"
    psa: str = "ConnectWise"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedLink:
    """What is expected of one link; `None` is not compared."""

    state: str | None = None
    id: str | None = None
    key: str | None = None
    reason: str | None = None
    candidates: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedAccount:
    """What is expected of one account; `None` is not compared."""

    name: str
    account: AccountId
    decision: str | None = None
    reason: str | None = None
    via: str | None = None
    type: str | None = None
    rotation: str | None = None
    """Why its password is rotated, waits or is not rotated."""
    welcome: str | None = None
    """What becomes of its welcome e-mail."""
    links: tuple[tuple[System, ExpectedLink], ...] = ()
    changes: tuple[str, ...] | None = None
    drift: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What a plan must say."""

    exact: bool = True
    accounts: tuple[ExpectedAccount, ...] = ()
    totals: tuple[tuple[str, int], ...] = ()
    findings: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyTest:
    """One test, ready to run beside the resources that it names."""

    name: str
    place: Place = field(repr=False)
    resources: tuple[Path, ...]
    customer: CustomerName
    example: ExampleCustomer | None = None
    """Absent: `customer` is one of the resources."""
    now: datetime = NOW
    observed: Observed
    overrides: tuple[AccountOverride, ...] = ()
    registry: Json = field(default_factory=dict)
    """What is known from earlier runs. Its defaults are those of the policies in force."""
    names: Mapping[str, tuple[AccountId, ...]] = field(default_factory=dict, repr=False)
    """Folded names of the accounts of both directories."""
    expect: Expectation = field(default_factory=Expectation)

    @property
    def where(self) -> str:
        """The test's place, for people: `file:line`."""
        return self.place.locate(())
