"""Everything one plan is made from, gathered and indexed once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from muster.model.accounts import AccountRecord, Identity, Intent, IntentState, Known
from muster.model.names import AccountId, AccountType, ApplyTo, CustomerName, DecisionState, System
from muster.model.observed import Observed
from muster.model.passwords import JobEnd, PasswordJob
from muster.model.plans import Finding
from muster.model.settings import (
    AccountOverride,
    Customer,
    Desired,
    ImportSettings,
    ImportSource,
    LinkOverride,
    Options,
    Origin,
    Select,
)
from muster.plan.decide import Considered, decide_all, settings_of
from muster.plan.directories import Directories
from muster.plan.identity import find_overridden, identify, name_accounts
from muster.plan.reaching import SourceSelection, select_all


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What git asks, what the systems answered, what the registry knows: ready to plan."""

    desired: Desired
    observed: Observed
    now: datetime
    directories: Directories
    sources: tuple[ImportSource, ...]
    """The policies in force, in an order that does not depend on how they were read."""
    selections: tuple[SourceSelection, ...]
    considered: tuple[Considered, ...]
    records: Mapping[AccountId, AccountRecord]
    overrides: Mapping[AccountId, AccountOverride]
    intents: Mapping[tuple[AccountId, System], Intent]
    jobs: Mapping[AccountId, PasswordJob]
    """Passwords that are being set."""
    job_ends: Mapping[AccountId, tuple[JobEnd, ...]]
    names: Mapping[AccountId, str]
    """What the accounts are called that are imported for the first time."""
    findings: tuple[Finding, ...]

    def suspended(self, settings: ImportSettings | None) -> bool:
        """Say whether nothing may change for accounts of these settings."""
        return self.desired.suspended or bool(settings and settings.suspend)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An account that is imported or retained: the ones that have links."""

    considered: Considered
    identity: Identity
    options: Options
    settings: ImportSettings
    before: AccountRecord | None
    override: AccountOverride | None

    @property
    def imported(self) -> bool:
        """Whether a policy selects the account now; only then is anything created."""
        return self.considered.decision.state is DecisionState.IMPORTED

    @property
    def frozen(self) -> bool:
        """Whether the account's directory is unread, so that it stays exactly as it is."""
        return self.considered.frozen

    def link_override(self, system: System) -> LinkOverride | None:
        """Return what a person decided about the link to one system."""
        if self.override is None:
            return None
        if system is System.VAULT:
            return self.override.vault
        return self.override.psa if system is System.PSA else self.override.entra


def gather(
    desired: Desired, observed: Observed, known: Known, directories: Directories, now: datetime
) -> Context:
    """Select and decide, and index what the registry knows."""
    records = {record.identity.id: record for record in known.records}
    sources = _in_order(desired.sources)
    selections = select_all(sources, directories, now)
    unread = (
        record.identity
        for record in records.values()
        if record.live and record.identity.source in directories.unread
    )
    present = (*directories.by_id.values(), *unread) if desired.overrides else ()
    overrides, unclear = find_overridden(
        desired.overrides, present, records, _reached(selections, records)
    )
    considered = decide_all(selections, directories, records, overrides, now)
    return Context(
        desired=desired,
        observed=observed,
        now=now,
        directories=directories,
        sources=sources,
        selections=selections,
        considered=tuple(considered),
        records=records,
        overrides=overrides,
        intents=_intents(known.intents, desired.customer),
        jobs={job.account: job for job in known.jobs},
        job_ends=_by_account(known.job_ends),
        names=_new_names(desired.customer.name, considered, records),
        findings=tuple(unclear),
    )


def _in_order(sources: Iterable[ImportSource]) -> tuple[ImportSource, ...]:
    return tuple(
        sorted(
            sources,
            key=lambda source: (source.settings.account_type, source.settings.origin.reference),
        )
    )


def _reached(
    selections: Iterable[SourceSelection], records: Mapping[AccountId, AccountRecord]
) -> set[AccountId]:
    reached = {account for account, record in records.items() if record.live}
    return reached.union(*(one.selection.hits for one in selections))


def _new_names(
    customer: CustomerName,
    considered: Iterable[Considered],
    records: Mapping[AccountId, AccountRecord],
) -> dict[AccountId, str]:
    new = (
        one.user
        for one in considered
        if one.user and one.account not in records and one.decision.state is DecisionState.IMPORTED
    )
    return name_accounts(customer, new, (record.name for record in records.values()))


def place_of(system: System, customer: Customer) -> str:
    """Return the integration and organization, or the tenant, that a customer's records are in."""
    vault, psa, entra = customer.vault, customer.psa, customer.entra
    if system is System.ENTRA:
        return f"entra/{entra.tenant_id}" if entra else ""
    if system is System.VAULT:
        return f"{vault.integration}/{vault.organization_id}" if vault else ""
    return f"{psa.integration}/{psa.company_id}" if psa else ""


def is_of_here(intent: Intent, customer: Customer) -> bool:
    """Say whether an intent is about where the customer's records are now, not where they were."""
    return intent.place in ("", place_of(intent.system, customer))


def _intents(
    intents: Iterable[Intent], customer: Customer
) -> dict[tuple[AccountId, System], Intent]:
    """Index the creates that may have led to a record in the present vault and PSA.

    What was begun in another one says nothing here: equal ids are other records there.
    """
    alive = (
        intent
        for intent in intents
        if intent.state is not IntentState.FAILED and is_of_here(intent, customer)
    )
    return {(intent.account, intent.system): intent for intent in alive}


def _by_account(ends: Iterable[JobEnd]) -> dict[AccountId, tuple[JobEnd, ...]]:
    grouped: defaultdict[AccountId, list[JobEnd]] = defaultdict(list)
    for end in ends:
        grouped[end.account].append(end)
    return {account: tuple(found) for account, found in grouped.items()}


def keep(considered: Considered, context: Context) -> Kept | None:
    """Return an account that has links, or None for one that is left out or released."""
    if considered.decision.state not in (DecisionState.IMPORTED, DecisionState.RETAINED):
        return None
    before = context.records.get(considered.account)
    if considered.frozen and before is not None:
        return _keep_frozen(considered, before, context)
    override = context.overrides.get(considered.account)
    settings = considered.settings or settings_of(before, context.selections)
    if settings is None:
        return None
    options = _options(settings, before)
    identity = _identity(considered, before, override, options)
    if identity is None:
        return None
    return Kept(
        considered=considered,
        identity=identity,
        options=options,
        settings=settings,
        before=before,
        override=override,
    )


def _keep_frozen(considered: Considered, before: AccountRecord, context: Context) -> Kept:
    """Return an account as it is known: what is new about it will be seen in a later run."""
    return Kept(
        considered=considered,
        identity=before.identity,
        options=before.imported_with.options,
        settings=considered.settings or no_policy(before.account_type),
        before=before,
        override=context.overrides.get(considered.account),
    )


def no_policy(account_type: AccountType) -> ImportSettings:
    """Return what stands in for the settings of accounts that no policy covers any more."""
    return ImportSettings(
        origin=Origin(kind="AutomaticImportPolicy", name=""),
        account_type=account_type,
        select=Select(),
    )


def _identity(
    considered: Considered,
    before: AccountRecord | None,
    override: AccountOverride | None,
    options: Options,
) -> Identity | None:
    """Return the identity, the recorded object itself when nothing changed."""
    if considered.user is None:
        return before.identity if before else None
    identity = identify(considered.user, override)
    if options.self_serve:
        identity = replace(identity, mobile=considered.user.mobile)
    return before.identity if before and before.identity == identity else identity


def _options(settings: ImportSettings, before: AccountRecord | None) -> Options:
    """Return the options in force: under NewOnly those of the import, else the policy's."""
    if before and settings.apply_to is ApplyTo.NEW_ONLY:
        return before.imported_with.options
    return settings.options
