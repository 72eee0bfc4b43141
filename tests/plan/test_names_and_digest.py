"""Readable account names, and digests that are equal exactly when plans are."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.plan.world import (
    CONTOSO,
    EVERYTHING,
    NOW,
    ROOT,
    World,
    entry,
    person,
    record,
    settings,
    user,
)

from muster.model.accounts import Identity
from muster.model.directory import DirectoryUser
from muster.model.names import AccountId, CustomerName
from muster.plan.digest import digest_plans
from muster.plan.identity import account_name, identify

JOHN = person("John", "Smith")
WORLD = World(users=(JOHN,), policies=(settings(options=EVERYTHING),))


def named(sam: str, customer: CustomerName = CONTOSO, taken: tuple[str, ...] = ()) -> str:
    """Return the name of an account with a fixed id."""
    identity = Identity(id=AccountId("7c1e"), sid="S-1-5-21-1-2-3-1", sam=sam)
    return account_name(customer, identity, taken)


@pytest.mark.parametrize(
    ("sam", "slug"),
    [
        ("jsmith", "jsmith"),
        ("J.Smith", "j-smith"),
        ("_j$smith_", "j-smith"),
        ("李", "account"),
    ],
)
def test_a_name_is_readable_and_fit_for_kubernetes(sam: str, slug: str) -> None:
    """Customer, name and four digits of the id; lower-case letters, digits and hyphens."""
    name = named(sam)
    assert name.startswith(f"contoso-{slug}-")
    assert len(name) == len(f"contoso-{slug}-") + 4
    assert all(one.isascii() and (one.isalnum() or one == "-") for one in name)


def test_a_taken_name_becomes_longer() -> None:
    """Where four digits are taken eight follow, then sixteen."""
    first = named("jsmith")
    second = named("jsmith", taken=(first,))
    third = named("jsmith", taken=(first, second))
    assert [len(one) - len(first) for one in (first, second, third)] == [0, 4, 12]


@pytest.mark.parametrize("length", [1, 30, 40])
def test_a_name_is_never_too_long(length: int) -> None:
    """A label value in Kubernetes holds 63 characters."""
    assert len(named("x" * 100, CustomerName("c" * length))) <= 63


def test_a_name_does_not_depend_on_anything_else() -> None:
    """The same account has the same name in every run."""
    identity = identify(JOHN, None)
    assert account_name(CONTOSO, identity) == account_name(CONTOSO, identity)
    assert WORLD.record_of(JOHN).name == account_name(CONTOSO, identity)


def twins(count: int) -> list[DirectoryUser]:
    """Return users whose names agree to the last of four digits, in the order of their ids."""
    by_name: defaultdict[str, list[DirectoryUser]] = defaultdict(list)
    for number in range(1000):
        made = user("jsmith", id=AccountId(f"{number:08d}"), dn=f"CN=j{number},OU=Staff,{ROOT}")
        by_name[account_name(CONTOSO, made)].append(made)
    return max(by_name.values(), key=len)[:count]


def test_two_new_accounts_of_one_plan_have_two_names() -> None:
    """The second by id gets the longer name, in whatever order the directory answers."""
    first, second = twins(2)
    for users in ((first, second), (second, first)):
        world = replace(WORLD, users=users)
        names = [world.record_of(one).name for one in (first, second)]
        assert [len(name) for name in names] == [19, 23]


def test_a_new_account_does_not_take_the_name_of_a_known_one() -> None:
    """The name of a record, of a released one too, stays its own."""
    first, second = twins(2)
    for known in (record(second), record(second, released_at=NOW)):
        world = replace(WORLD, users=(first,), records=(known,))
        assert world.record_of(first).name.startswith(known.name)
        assert world.record_of(first).name != known.name


def test_equal_plans_have_equal_digests_whenever_they_are_made() -> None:
    """The clock is not part of what would be done."""
    later = replace(WORLD, now=NOW + timedelta(hours=5))
    assert later.plan().digest == WORLD.plan().digest
    assert WORLD.plan().digest.startswith("sha256:")
    assert len(WORLD.plan().digest) == 71


@pytest.mark.parametrize(
    "other",
    [
        replace(WORLD, users=(JOHN, user("late"))),
        replace(WORLD, users=(replace(JOHN, mail="other@example.test"),)),
        replace(WORLD, entries=(entry(1, "jsmith"),)),
        replace(WORLD, policies=(settings(),)),
        replace(WORLD, policies=(settings(options=EVERYTHING, policy="other"),)),
    ],
    ids=["one more", "another address", "an entry", "no create", "another policy"],
)
def test_another_plan_has_another_digest(other: World) -> None:
    """Whatever would be written, and on whose word, is in the digest."""
    assert other.plan().digest != WORLD.plan().digest


def test_the_digest_of_a_run_ignores_the_order_of_customers() -> None:
    """A run over several customers has one digest."""
    one, two = WORLD.plan(), replace(WORLD.plan(), customer=CustomerName("fabrikam"))
    assert digest_plans([one, two]) == digest_plans([two, one])
    assert digest_plans([one]) != digest_plans([one, two])
