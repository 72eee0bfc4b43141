"""Finds what is valid and still probably not meant, and what a reviewer should know.

Pure, like `references`. Means something only for an estate without problems: one function, one
line in `LINTS`, one code.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime

from muster.model.dn import dn_key, parent_key
from muster.model.names import AccountType, CustomerName, DirectoryKind, Mode
from muster.model.settings import (
    AccountOverride,
    Customer,
    Desired,
    Estate,
    ImportSettings,
    Origin,
    ResolvedFrom,
)
from muster.resources.codes import Code
from muster.resources.conflict import Conflict
from muster.resources.covering import Covering
from muster.resources.references import name_customers

_HIDDEN = frozenset({"cn=users", "cn=builtin", "cn=computers", "cn=managed service accounts"})
"""Default containers by their English names; a domain may have renamed ones, which only a read
shows. Source: MS-ADTS 6.1.1.4, well-known objects."""


def find_lints(estate: Estate, now: datetime) -> tuple[Conflict, ...]:
    """Return the warnings and notes about a resolved estate."""
    return tuple(found for lint in LINTS for found in lint(estate, now))


_NEEDS = {
    "vault": ("matches in", "vault", "set options.vault.match: false"),
    "psa": ("matches in", "PSA", "set options.psa.match: false"),
    "rotation": (
        "rotates passwords, and keeps them in",
        "vault",
        "cover them by a policy without options.rotation: there no password is rotated",
    ),
}
"""What an option does with the system that it needs, and how to do without."""


def _option_without_integration(estate: Estate, _: datetime) -> Iterator[Conflict]:
    """A policy wants a vault or a PSA that some of its customers do not have."""
    missing: defaultdict[tuple[Origin, str], list[CustomerName]] = defaultdict(list)
    for desired in estate.desired:
        for source in desired.sources:
            settings = source.settings
            if settings.options.rotation and desired.vault is None:
                missing[(settings.origin, "rotation")].append(desired.customer.name)
            elif settings.options.vault.match and desired.vault is None:
                missing[(settings.origin, "vault")].append(desired.customer.name)
            end_users = settings.account_type is AccountType.END_USER
            if end_users and settings.options.psa.match and desired.psa is None:
                missing[(settings.origin, "psa")].append(desired.customer.name)
    for (origin, system), customers in missing.items():
        does, what, off = _NEEDS[system]
        yield Conflict(
            code=Code.OPTION_WITHOUT_INTEGRATION,
            at=origin.at(f"options/{system}"),
            message=f"It {does} a {what}, and {name_customers(customers)} has none.",
            advice=f"Connect a {what} there, or {off}.",
        )


def _directory_missing(estate: Estate, _: datetime) -> Iterator[Conflict]:
    """A policy selects only in directories that some of its customers do not have."""
    missing: defaultdict[tuple[Origin, DirectoryKind], list[CustomerName]] = defaultdict(list)
    for desired in estate.desired:
        present = _directories(desired.customer)
        for source in desired.sources:
            kinds = source.settings.select.directories
            if kinds and present.isdisjoint(kinds):
                missing[(source.settings.origin, kinds[0])].append(desired.customer.name)
    for (origin, kind), customers in missing.items():
        field = "entra" if kind is DirectoryKind.ENTRA else "activeDirectory"
        yield Conflict(
            code=Code.DIRECTORY_MISSING,
            at=origin.at(f"select/{field}"),
            message=f"It selects in {kind}, which {name_customers(customers)} does not have.",
            advice="Nobody of them is selected by it. Cover them by another policy.",
        )


def _directories(customer: Customer) -> frozenset[DirectoryKind]:
    present = {
        DirectoryKind.ACTIVE_DIRECTORY: customer.active_directory,
        DirectoryKind.ENTRA: customer.entra,
    }
    return frozenset(kind for kind, settings in present.items() if settings)


def _hidden_container(estate: Estate, _: datetime) -> Iterator[Conflict]:
    """End users are selected in a container that is hidden by default."""
    for settings in _all_settings(estate):
        if settings.account_type is not AccountType.END_USER:
            continue
        select = settings.select.active_directory
        rows = [
            *(("groups", i, name) for i, name in enumerate(select.groups) if "=" in name),
            *(
                ("organizationalUnits", i, u.path)
                for i, u in enumerate(select.organizational_units)
            ),
        ]
        for field, index, path in rows:
            if settings.exclude.hidden_containers and _is_hidden(path, group=field == "groups"):
                yield Conflict(
                    code=Code.HIDDEN_CONTAINER,
                    at=settings.origin.at(f"select/activeDirectory/{field}/{index}"),
                    message=f"`{path}` is in a container that is hidden for end users.",
                    advice="Use a group or a unit of your own; nobody is imported from there.",
                )


def _is_hidden(path: str, *, group: bool) -> bool:
    place = parent_key(dn_key(path)) if group else dn_key(path)
    return place.partition(",dc=")[0] in _HIDDEN


def _covers_nobody(estate: Estate, _: datetime) -> Iterator[Conflict]:
    """A selector fits no customer."""
    covering = Covering(estate.policies)
    busy = {policy.name for customer in estate.customers for policy in covering.of(customer)}
    for policy in estate.policies if estate.customers else ():
        who = policy.customers
        if who.default or policy.name in busy:
            continue
        yield Conflict(
            code=Code.COVERS_NOBODY,
            at=policy.settings.origin.at("customers"),
            message="No customer has these labels." if who.selector else "It covers no customer.",
            advice="Correct the labels on either side, or remove the policy.",
        )


def _approval_expired(estate: Estate, now: datetime) -> Iterator[Conflict]:
    """An approval has run out."""
    for customer in estate.customers:
        for index, approval in enumerate(customer.approvals):
            if approval.until <= now:
                origin = Origin(kind="Customer", name=customer.name)
                yield Conflict(
                    code=Code.APPROVAL_EXPIRED,
                    at=origin.at(f"approvals/{index}/until"),
                    message="The approval has expired.",
                    advice="Remove it.",
                )


def _override_without_import(estate: Estate, _: datetime) -> Iterator[Conflict]:
    """An override is about a customer from which nobody is imported."""
    idle = {one.customer.name for one in estate.desired if not one.sources}
    for override in estate.overrides:
        if override.customer in idle:
            yield Conflict(
                code=Code.OVERRIDE_WITHOUT_IMPORT,
                at=override.origin.at("customerRef/name"),
                message=f"Nobody is imported from `{override.customer}`, so it decides nothing.",
                advice="Cover the customer by a policy, or remove the override.",
            )


def _override_without_effect(estate: Estate, _: datetime) -> Iterator[Conflict]:
    """An override decides about what its customer does not have."""
    for desired in estate.desired:
        for override in desired.overrides if desired.sources else ():
            for field, what in _idle_parts(override, desired):
                yield Conflict(
                    code=Code.OVERRIDE_WITHOUT_EFFECT,
                    at=override.origin.at(field),
                    message=f"`{override.customer}` has no {what}, so this decides nothing.",
                    advice=f"Remove {field}, or the override.",
                )


def _idle_parts(override: AccountOverride, desired: Desired) -> Iterator[tuple[str, str]]:
    """Yield the fields that decide nothing, and what is missing for them."""
    if override.vault and desired.vault is None:
        yield "vault", "vault"
    if override.psa and desired.psa is None:
        yield "psa", "PSA"
    if override.entra and len(_directories(desired.customer)) < len(DirectoryKind):
        yield "entra", "pair of directories"
    rotates = any(source.settings.options.rotation for source in desired.sources)
    if not override.rotation and not rotates:
        yield "rotation", "policy that rotates passwords"


def _welcomes_first_run(estate: Estate, _: datetime) -> Iterator[Conflict]:
    """A policy mails everybody whom its first run imports."""
    reached: defaultdict[Origin, list[CustomerName]] = defaultdict(list)
    for desired in estate.desired:
        for source in desired.sources:
            settings = source.settings
            if settings.options.welcome_email and settings.mode is Mode.ENFORCE:
                reached[settings.origin].append(desired.customer.name)
    for origin, customers in reached.items():
        yield Conflict(
            code=Code.WELCOMES_FIRST_RUN,
            at=origin.at("options/welcomeEmail/enabled"),
            message=f"It mails everybody whom it imports; where it runs for the first time "
            f"({name_customers(customers)}?), that is all of them.",
        )


def _default_writes(estate: Estate, _: datetime) -> Iterator[Conflict]:
    """A default policy writes to customers that nobody has named."""
    for policy in estate.policies:
        if policy.customers.default and policy.settings.mode is Mode.ENFORCE:
            yield Conflict(
                code=Code.DEFAULT_WRITES,
                at=policy.settings.origin.at("mode"),
                message="A default policy with mode: Enforce writes to every customer that is "
                "added later, at once.",
                advice="Use mode: Observe here, and name the customers that are ready.",
            )


def _unused_integration(estate: Estate, _: datetime) -> Iterator[Conflict]:
    """No customer uses an integration."""
    used = {ref.integration for one in estate.customers for ref in (one.vault, one.psa) if ref}
    used |= {settings.welcome.integration for settings in _all_settings(estate)}
    for integration in estate.integrations:
        if estate.customers and integration.name not in used and not integration.digest:
            yield Conflict(
                code=Code.UNUSED_INTEGRATION,
                at=Origin(kind="Integration", name=integration.name).reference,
                message="No customer and no policy uses this integration.",
                advice="Link customers to it, or remove it.",
            )


def _default_gains(estate: Estate, _: datetime) -> Iterator[Conflict]:
    """Which customers a default policy covers."""
    gained: defaultdict[Origin, list[CustomerName]] = defaultdict(list)
    for desired in estate.desired:
        for source in desired.sources:
            if source.resolved_from is ResolvedFrom.DEFAULT:
                gained[source.settings.origin].append(desired.customer.name)
    for origin, customers in gained.items():
        yield Conflict(
            code=Code.DEFAULT_GAINS,
            at=origin.at("customers/default"),
            message=f"By default it covers {name_customers(customers)}.",
        )


def _nothing_imported(estate: Estate, _: datetime) -> Iterator[Conflict]:
    """A customer that nothing covers."""
    for desired in estate.desired:
        if not desired.sources:
            yield Conflict(
                code=Code.NOTHING_IMPORTED,
                at=Origin(kind="Customer", name=desired.customer.name).reference,
                message=f"No policy covers the customer{_why_nobody(desired)}.",
            )


def _always_stored(estate: Estate, _: datetime) -> Iterator[Conflict]:
    """A policy switches off what is forced for administrators beside the native vault."""
    written = {settings.origin: settings for settings in _all_settings(estate)}
    forced: defaultdict[Origin, list[CustomerName]] = defaultdict(list)
    for desired in estate.desired:
        for source in desired.sources:
            origin = source.settings.origin
            said, done = written[origin].options.vault, source.settings.options.vault
            if done.match and not said.match:
                forced[origin].append(desired.customer.name)
    for origin, customers in forced.items():
        yield Conflict(
            code=Code.ALWAYS_STORED,
            at=origin.at("options/vault/match"),
            message=f"The native vault of {name_customers(customers)} always keeps the passwords "
            "of administrators: entries are matched, and created when missing.",
        )


def _why_nobody(desired: Desired) -> str:
    return "" if _directories(desired.customer) else ", and it has no directory"


def _all_settings(estate: Estate) -> Iterator[ImportSettings]:
    for policy in estate.policies:
        yield policy.settings
    for customer in estate.customers:
        yield from customer.imports


Lint = Callable[[Estate, datetime], Iterator[Conflict]]

LINTS: tuple[Lint, ...] = (
    _option_without_integration,
    _directory_missing,
    _hidden_container,
    _covers_nobody,
    _approval_expired,
    _override_without_import,
    _override_without_effect,
    _default_writes,
    _unused_integration,
    _default_gains,
    _welcomes_first_run,
    _nothing_imported,
    _always_stored,
)
