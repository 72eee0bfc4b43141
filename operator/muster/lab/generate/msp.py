"""Draw a whole MSP from a seed: the same seed gives the same data on every machine."""

from __future__ import annotations

from muster.lab.generate import records
from muster.lab.generate.customers import DEPARTMENTS, draw_customers
from muster.lab.generate.draft import Draft
from muster.lab.generate.infrastructure import (
    LANGUAGES,
    SERVICE_ACCOUNTS,
    SHARED_MAILBOXES,
    add_administrators,
    add_system_accounts,
    add_unrelated_records,
    draw_objects,
)
from muster.lab.generate.names import NAMESAKES
from muster.lab.generate.recipes import AGENCY, CONTRACTORS, ORDINARY, RECIPES
from muster.lab.generate.seeds import (
    CustomerFacts,
    EndUsersBy,
    MspPlan,
    PlannedCustomer,
    PlannedGroup,
)
from muster.lab.generate.staff import (
    add_namesakes,
    add_pair_with_one_mail,
    add_person,
    recipe_home,
)


def generate_msp(seed: int = 7, customers: int = 3, people_per_customer: int = 40) -> MspPlan:
    """Return a made-up MSP.

    Every oddity occurs at least once in the whole, and in large customers in a realistic
    share. So a customer has `people_per_customer` people, or a few more where that number is
    too small for the oddities; administrators and service accounts come on top.
    """
    facts = draw_customers(customers)
    layouts = tuple(one.end_users_by for one in facts)
    drawn = tuple(
        _draw_customer(one, seed, people_per_customer, _homes(index, layouts))
        for index, one in enumerate(facts)
    )
    return MspPlan(seed=seed, categories=records.CATEGORIES, customers=drawn)


def _homes(customer: int, layouts: tuple[EndUsersBy, ...]) -> frozenset[int]:
    """Return the recipes that a customer must hold, so that the MSP holds them all."""
    every = range(len(RECIPES))
    return frozenset(index for index in every if recipe_home(index, layouts) == customer)


def _draw_customer(
    facts: CustomerFacts, seed: int, people: int, homes: frozenset[int]
) -> PlannedCustomer:
    draft = Draft(facts, seed)
    _add_people(draft, people, homes)
    add_administrators(draft, people)
    add_system_accounts(draft)
    add_unrelated_records(draft, people)
    draft.rng.shuffle(draft.entries)
    draft.rng.shuffle(draft.contacts)
    return PlannedCustomer(
        facts=facts,
        organizational_units=_organizational_units(facts),
        accounts=tuple(draft.accounts),
        groups=_groups(draft),
        objects=draw_objects(draft, people),
        entries=tuple(draft.entries),
        contacts=tuple(draft.contacts),
    )


def _add_people(draft: Draft, people: int, homes: frozenset[int]) -> None:
    for number in range(max(1, people // 500)):
        add_namesakes(draft, NAMESAKES[draft.german] if number == 0 else draft.draw_name())
        add_pair_with_one_mail(draft)
    for index, recipe in enumerate(RECIPES):
        share = round(recipe.permille * people / 1000)
        for _ in range(max(share, 1 if index in homes else 0)):
            add_person(draft, recipe)
    for _ in range(max(people - len(draft.accounts), people // 4)):
        add_person(draft, ORDINARY)
    draft.rng.shuffle(draft.accounts)


def _organizational_units(facts: CustomerFacts) -> tuple[str, ...]:
    units = [facts.staff_place, facts.admins_place, AGENCY, CONTRACTORS]
    units += [f"OU={one},{facts.staff_place}" for one in DEPARTMENTS[facts.end_users_by] if one]
    units += [SERVICE_ACCOUNTS, SHARED_MAILBOXES, "OU=Groups", "OU=Workstations"]
    _, above, parent = facts.staff_place.partition(",")
    return (parent, *units) if above else tuple(units)


def _groups(draft: Draft) -> tuple[PlannedGroup, ...]:
    words = LANGUAGES[draft.german]
    place = "OU=Groups"
    direct = (*draft.direct, words.agency)
    admins = tuple(draft.administrators)
    operations = PlannedGroup(sam=words.operations, members=tuple(draft.operators), parent=place)
    tier = PlannedGroup(sam=words.tier_zero, members=(words.operations,), parent=place)
    return (
        PlannedGroup(sam=words.agency, members=tuple(draft.nested), parent=place),
        PlannedGroup(sam=draft.facts.staff_group, members=direct, parent=place),
        PlannedGroup(sam=words.everyone, members=(draft.facts.staff_group,), parent=place),
        operations,
        tier,
        PlannedGroup(sam="Domain Admins", members=(*admins, words.tier_zero)),
    )
