"""Runs policy tests: plans each world with the policies beside it. Touches no system."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from muster.model.accounts import Known
from muster.model.connections import (
    ActiveDirectory,
    Autotask,
    ConnectWise,
    Entra,
    HaloPsa,
    Hudu,
    Integration,
    ItGlue,
    MailProduct,
    NativeVault,
    PsaProduct,
    SecretRef,
    VaultBackend,
    VaultProduct,
)
from muster.model.names import AccountType, RemoteId, Source
from muster.model.observed import Observed
from muster.model.settings import (
    AutomaticImportPolicy,
    Customer,
    Desired,
    Estate,
    ImportSource,
    PsaRef,
    ResolvedFrom,
    VaultRef,
)
from muster.plan.guard import guard
from muster.plan.make import make_plan
from muster.resources.load import LoadedEstate, load_estate
from muster.resources.problems import nearest
from muster.resources.resolve import always_stored, resolve
from muster.testing.compare import Difference, compare
from muster.testing.format import ExampleCustomer, PolicyTest
from muster.testing.outcome import Outcome, see
from muster.testing.registry import make_known
from muster.testing.systems import PARTS, make_world

_SECRET = SecretRef(name="example", key="example")
_SERVER = "https://example.test"
VAULTS: dict[str, VaultProduct] = {
    "ItGlue": ItGlue(endpoint=_SERVER, api_key=_SECRET),
    "Hudu": Hudu(endpoint=_SERVER, api_key=_SECRET),
    "NativeVault": NativeVault(backend=VaultBackend.REGISTRY, key=_SECRET),
}
"""The vaults that a made-up customer may have."""
PSAS: dict[str, PsaProduct] = {
    "ConnectWise": ConnectWise(
        endpoint=_SERVER,
        company_id="example",
        client_id="example",
        public_key=_SECRET,
        private_key=_SECRET,
    ),
    "Autotask": Autotask(user_name="example", secret=_SECRET, integration_code=_SECRET),
    "HaloPsa": HaloPsa(endpoint=_SERVER, client_id="example", client_secret=_SECRET),
}
"""The PSAs that a made-up customer may have; they differ in how long a name may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """How one test ended; with an error it could not be run."""

    __test__ = False

    test: PolicyTest
    differences: tuple[Difference, ...] = ()
    error: str = ""
    outcome: Outcome | None = None

    @property
    def passed(self) -> bool:
        """Whether everything is as expected."""
        return not self.differences and not self.error


class CannotRun(Exception):
    """A test does not fit the resources that it names; the text says why."""


class Trees:
    """The resources that tests name, each loaded once."""

    def __init__(self) -> None:
        self._loaded: dict[tuple[Path, ...], LoadedEstate] = {}

    def of(self, test: PolicyTest) -> LoadedEstate:
        """Return the resources of a test."""
        key = tuple(path.resolve() for path in test.resources)
        if key not in self._loaded:
            self._loaded[key] = load_estate([_shown(path) for path in test.resources])
        return self._loaded[key]

    def __iter__(self) -> Iterator[LoadedEstate]:
        return iter(self._loaded.values())


def _shown(path: Path) -> Path:
    """Return a path as people would write it: from here, without detours."""
    resolved = path.resolve()
    here = Path.cwd()
    return resolved.relative_to(here) if resolved.is_relative_to(here) else resolved


def run_tests(tests: Sequence[PolicyTest], trees: Trees) -> tuple[TestResult, ...]:
    """Run tests, in their order."""
    return tuple(run_test(test, trees.of(test)) for test in tests)


def run_test(test: PolicyTest, loaded: LoadedEstate) -> TestResult:
    """Run one test beside its resources."""
    if loaded.problems:
        shown = "\n".join(str(one) for one in loaded.problems)
        return TestResult(test=test, error=f"The resources are wrong:\n{shown}")
    try:
        outcome = plan_test(test, loaded.estate)
    except CannotRun as error:
        return TestResult(test=test, error=str(error))
    return TestResult(test=test, differences=compare(test.expect, outcome), outcome=outcome)


def plan_test(test: PolicyTest, estate: Estate) -> Outcome:
    """Plan a test's world with the policies of an estate.

    Raises:
        CannotRun: the test does not fit the estate.
    """
    desired = wanted(test, estate)
    observed = _as_connected(test, desired)
    known = make_known(test.registry, desired, observed, test.names, test.now)
    return plan_world(desired, observed, known, test)


def plan_world(desired: Desired, observed: Observed, known: Known, test: PolicyTest) -> Outcome:
    """Plan and guard, and return what both say."""
    plan = make_plan(desired, observed, known, test.now)
    return see(guard(plan, desired, known, test.now), known)


def wanted(test: PolicyTest, estate: Estate) -> Desired:
    """Return what the resources ask for the test's customer."""
    if test.example is not None:
        return _example(test, test.example, estate)
    for desired in estate.desired:
        if desired.customer.name == test.customer:
            return replace(desired, overrides=(*desired.overrides, *test.overrides))
    names = [str(one.customer.name) for one in estate.desired]
    guess = nearest(test.customer, names)
    hint = f" Did you mean `{guess}`?" if guess else ""
    raise CannotRun(f"The resources have no Customer `{test.customer}`.{hint}")


def _example(test: PolicyTest, example: ExampleCustomer, estate: Estate) -> Desired:
    customer = _customer(test, example)
    vault = Integration(name="vault", product=VAULTS[example.vault])
    psa = Integration(name="psa", product=PSAS[example.psa])
    alone = replace(
        estate,
        customers=(customer,),
        integrations=(vault, psa),
        overrides=test.overrides,
    )
    (desired,) = resolve(alone).desired
    mail = tuple(one for one in estate.integrations if isinstance(one.product, MailProduct))
    desired = replace(desired, mail=mail)
    if not example.policies:
        return desired
    policies = {policy.name: policy for policy in estate.policies}
    for name in example.policies:
        if name not in policies:
            raise CannotRun(f"The resources have no AutomaticImportPolicy `{name}`.")
    own = {settings.account_type for settings in example.imports}
    named = (_source(policies[name], own, desired) for name in example.policies)
    kept = [one for one in desired.sources if one.resolved_from is ResolvedFrom.CUSTOMER]
    return replace(desired, sources=(*kept, *(one for one in named if one)))


def _source(
    policy: AutomaticImportPolicy, own: set[AccountType], desired: Desired
) -> ImportSource | None:
    if policy.settings.account_type in own:
        return None
    default = policy.customers.default
    origin = ResolvedFrom.DEFAULT if default else ResolvedFrom.POLICY
    source = ImportSource(settings=policy.settings, resolved_from=origin)
    return always_stored(source, desired.vault)


def _customer(test: PolicyTest, example: ExampleCustomer) -> Customer:
    """Return the customer, with the systems that the test describes."""
    connected = {read.source for read in test.observed.reads if read.connected}
    return Customer(
        name=example.name,
        display_name=example.name,
        labels=example.labels,
        active_directory=ActiveDirectory(
            servers=("ldaps://example.test",), user_name="example", password=_SECRET
        )
        if Source.DIRECTORY in connected
        else None,
        entra=Entra(tenant_id="example", client_id="example", client_secret=_SECRET)
        if Source.ENTRA in connected
        else None,
        password_authority=example.password_authority,
        vault=VaultRef(integration="vault", organization_id=RemoteId("1"))
        if Source.VAULT in connected
        else None,
        psa=PsaRef(integration="psa", company_id=RemoteId("2"))
        if Source.PSA in connected
        else None,
        imports=example.imports,
    )


def _as_connected(test: PolicyTest, desired: Desired) -> Observed:
    """Return what was read, with an empty system where the test says nothing of a connected one.

    Raises:
        CannotRun: the test describes a system that the customer does not have.
    """
    customer = desired.customer
    has = {
        Source.DIRECTORY: customer.active_directory,
        Source.ENTRA: customer.entra,
        Source.VAULT: customer.vault,
        Source.PSA: customer.psa,
    }
    for read in test.observed.reads:
        if read.connected and has[read.source] is None:
            raise CannotRun(
                f"The test describes `{PARTS[read.source]}`, which Customer {customer.name} does "
                "not have."
            )
    return _filled(test.observed, [source for source in has if has[source]], customer)


def _filled(observed: Observed, sources: Iterable[Source], customer: Customer) -> Observed:
    absent = [source for source in sources if not observed.read(source).connected]
    empty = make_world({PARTS[one]: {} for one in absent}, customer.name, "", []).observed
    kept = tuple(read for read in observed.reads if read.source not in absent)
    added = tuple(read for read in empty.reads if read.source in absent)
    name = customer.display_name
    organization = observed.organization or empty.organization
    company = observed.company or empty.company
    return replace(
        observed,
        directory=observed.directory or empty.directory,
        entra=observed.entra or empty.entra,
        categories=observed.categories or empty.categories,
        organization=replace(organization, name=name) if organization else None,
        company=replace(company, name=name) if company else None,
        reads=tuple(sorted((*kept, *added), key=lambda read: list(Source).index(read.source))),
    )
