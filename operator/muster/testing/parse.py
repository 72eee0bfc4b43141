"""Turns one document into a policy test, or says everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from muster.model.names import AccountId, CustomerName, PasswordAuthority, RemoteId, System
from muster.model.reasons import Reason
from muster.model.settings import AccountOverride, AccountSelector, LinkOverride, Origin
from muster.plan.keys import fold
from muster.resources.codes import Code
from muster.resources.parse import ENTRA_LINK, PSA_LINK, VAULT_LINK, parse_import
from muster.resources.problems import Fault, FieldPath, nearest
from muster.resources.sentences import RawText
from muster.resources.tables import Json, read
from muster.resources.validate import find_faults
from muster.testing.domain import aware, unknown_name
from muster.testing.format import (
    EXAMPLE,
    KIND,
    NOW,
    ExampleCustomer,
    Expectation,
    ExpectedAccount,
    ExpectedLink,
    Place,
    PolicyTest,
)
from muster.testing.registry import gone_identity
from muster.testing.systems import make_world

LINKS = {"vault": System.VAULT, "psa": System.PSA, "pair": System.ENTRA}
"""What a test calls the links of an account."""
_TABLES = {"vault": VAULT_LINK, "psa": PSA_LINK, "entra": ENTRA_LINK}
_REASONS = frozenset(Reason)
_REASON_FIELDS = ("reason", "rotation", "findings", "refused")

Names = Mapping[str, tuple[AccountId, ...]]
"""Accounts by folded name."""


def parse_test(place: Place) -> PolicyTest | tuple[Fault, ...]:
    """Return the test that a document holds, or its faults."""
    body = place.document.value
    faults = [*place.document.faults, *find_faults(KIND, body, _raw(place))]
    if faults:
        return tuple(faults)
    faults.extend(_customer_faults(body))
    faults.extend(_reason_faults(body["expect"], ("expect",)))
    example = _example(body)
    customer = example.name if example else CustomerName(body.get("customer", ""))
    world = make_world(body, customer, customer, faults)
    gone = _gone(body, world.names)
    expect = _expectation(body["expect"], {**gone, **world.names}, faults)
    overrides = tuple(_overrides(body, customer, world.names, faults))
    if faults:
        return tuple(faults)
    return PolicyTest(
        name=body["name"],
        place=place,
        resources=tuple(_resources(body, place.file)),
        customer=customer,
        example=example,
        now=aware(body["now"]) if "now" in body else NOW,
        observed=world.observed,
        overrides=overrides,
        registry=body.get("registry", {}),
        names=world.names,
        expect=expect,
    )


def _raw(place: Place) -> RawText:
    marks = place.document.marks
    return lambda path: mark.raw if (mark := marks.get(path)) else None


def _customer_faults(body: Json) -> Iterable[Fault]:
    if ("customer" in body) == ("exampleCustomer" in body):
        yield Fault(
            code=Code.RULE_BROKEN,
            path=("exampleCustomer",) if "customer" in body else (),
            message="A test needs exactly one of `customer` and `exampleCustomer`.",
            advice="Name a Customer of the resources, or describe one.",
            on_key=True,
        )


def _reason_faults(value: object, path: FieldPath) -> Iterable[Fault]:
    """Yield the words that should be reasons and are none."""
    for key, child in value.items() if isinstance(value, Mapping) else ():
        reasons = child if isinstance(child, list) else [child]
        if key in _REASON_FIELDS and all(isinstance(r, str) for r in reasons):
            for index, word in enumerate(reasons):
                at = (*path, key, index) if isinstance(child, list) else (*path, key)
                if word not in _REASONS:
                    yield _no_reason(word, at)
        else:
            yield from _reason_faults(child, (*path, key))


def _no_reason(word: str, path: FieldPath) -> Fault:
    guess = nearest(word, _REASONS)
    return Fault(
        code=Code.WRONG_VALUE,
        path=path,
        message=f"`{word}` is no reason.",
        advice=f"Did you mean `{guess}`?" if guess else "docs/reference/reasons.md has them all.",
    )


def _resources(body: Json, file: Path) -> Iterable[Path]:
    """Return where the policies are; unless said, around the test."""
    named = body.get("resources")
    if named:
        return (file.parent / path for path in named)
    folder = file.parent
    return (folder / ".." if folder.resolve().name == "tests" else folder,)


def _example(body: Json) -> ExampleCustomer | None:
    said = body.get("exampleCustomer")
    if said is None:
        return None
    name = CustomerName(said.get("name", EXAMPLE))
    imports = (
        parse_import(one, Origin(kind="Customer", name=name, pointer=f"/spec/imports/{index}"))
        for index, one in enumerate(said.get("imports", ()))
    )
    return ExampleCustomer(
        name=name,
        labels=tuple(sorted(said.get("labels", {}).items())),
        policies=tuple(said.get("policies", ())),
        password_authority=PasswordAuthority(
            said.get("passwordAuthority", PasswordAuthority.SEPARATE)
        ),
        imports=tuple(imports),
        **{system: said[system] for system in ("vault", "psa") if system in said},
    )


def _gone(body: Json, names: Names) -> dict[str, tuple[AccountId, ...]]:
    """Return the accounts that only earlier runs know; their ids follow from their names."""
    found: dict[str, tuple[AccountId, ...]] = {}
    for one in body.get("registry", {}).get("accounts", ()):
        if fold(one["account"]) not in names:
            found[fold(one["account"])] = (gone_identity(one, None).id,)
    return found


def _overrides(
    body: Json,
    customer: CustomerName,
    names: Names,
    faults: list[Fault],
) -> Iterable[AccountOverride]:
    for index, one in enumerate(body.get("overrides", ())):
        found = names.get(fold(one["account"]), ())
        if not found:
            path = ("overrides", index, "account")
            faults.append(unknown_name("account", one["account"], path, names))
            continue
        links = {
            name: LinkOverride(**read(table, one[name])) if name in one else None
            for name, table in _TABLES.items()
        }
        yield AccountOverride(
            name=f"override-{index}",
            customer=customer,
            account=AccountSelector(object_id=found[0]),
            email=one.get("email"),
            exclude=one.get("exclude", False),
            reason="as the test says",
            vault=links["vault"],
            psa=links["psa"],
            entra=links["entra"],
        )


def _expectation(body: Json, names: Names, faults: list[Fault]) -> Expectation:
    accounts = []
    for name, said in body.get("accounts", {}).items():
        found = names.get(fold(name), ())
        path: FieldPath = ("expect", "accounts", name)
        if len(found) == 1:
            accounts.append(_account(name, found[0], said))
        elif found:
            message = f"`{name}` fits several accounts: {', '.join(found)}."
            advice = "Write the sAMAccountName or the object id of one."
            code = Code.UNKNOWN_REFERENCE
            faults.append(Fault(code=code, path=path, message=message, advice=advice, on_key=True))
        else:
            faults.append(unknown_name("account", name, path, names))
    return Expectation(
        exact=body.get("exact", True),
        accounts=tuple(accounts),
        totals=tuple(body.get("totals", {}).items()),
        findings=tuple(body.get("findings", ())),
        refused=tuple(body.get("refused", ())),
    )


def _account(name: str, account: AccountId, body: Json) -> ExpectedAccount:
    changes, drift = body.get("changes"), body.get("drift")
    return ExpectedAccount(
        name=name,
        account=account,
        decision=body.get("decision"),
        reason=body.get("reason"),
        via=body.get("via"),
        type=body.get("type"),
        rotation=body.get("rotation"),
        welcome=body.get("welcomeEmail"),
        links=tuple((LINKS[key], _link(body[key])) for key in LINKS if key in body),
        changes=None if changes is None else tuple(sorted(changes)),
        drift=None if drift is None else tuple(sorted(drift)),
    )


def _link(body: Json) -> ExpectedLink:
    candidates = body.get("candidates")
    return ExpectedLink(
        state=body.get("state"),
        id=RemoteId(body["id"]) if "id" in body else None,
        key=body.get("key"),
        reason=body.get("reason"),
        candidates=None if candidates is None else tuple(sorted(candidates)),
    )
