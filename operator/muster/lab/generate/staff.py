"""The customers' people: a recipe becomes an account with its records and its outcome."""

from __future__ import annotations

from dataclasses import replace

from muster.lab.generate import records
from muster.lab.generate.customers import DEPARTMENTS
from muster.lab.generate.draft import Draft
from muster.lab.generate.recipes import RECIPES, USERS, Membership, Recipe
from muster.lab.generate.seeds import EndUsersBy, Expected, Oddity, PlannedAccount
from muster.model.names import AccountType, LinkState
from muster.model.reasons import Reason

_GROUP_ONLY = frozenset({Oddity.IN_USERS_CONTAINER, Oddity.NESTED_ONLY})
"""What shows only where end users are selected by group."""


def recipe_home(index: int, layouts: tuple[EndUsersBy, ...]) -> int:
    """Return which customer holds a recipe at least once, so that the MSP holds them all."""
    if RECIPES[index].oddity in _GROUP_ONLY and EndUsersBy.GROUP in layouts:
        return layouts.index(EndUsersBy.GROUP)
    return index % len(layouts)


def add_person(draft: Draft, recipe: Recipe, name: tuple[str, str] | None = None) -> PlannedAccount:
    """Draw one person by a recipe, keep it with its records, and return it."""
    plain = draft.person(recipe.place or _department(draft), name)
    shaped = recipe.shape(plain, draft)
    expected = _expected(recipe, draft)
    account = replace(shaped, oddity=recipe.oddity, expected=expected)
    draft.keep(account, recipe.entries(account), recipe.contacts(account))
    if recipe.membership is Membership.DIRECT:
        draft.direct.append(account.sam)
    elif recipe.membership is Membership.NESTED:
        draft.nested.append(account.sam)
    return account


def add_namesakes(draft: Draft, name: tuple[str, str]) -> None:
    """Draw two people of one name, each with an address, an entry and a contact of its own."""
    recipe = Recipe(oddity=Oddity.SAME_NAME)
    first = add_person(draft, recipe, name)
    add_person(draft, recipe, (first.given_name or "", first.surname or ""))


def add_pair_with_one_mail(draft: Draft) -> None:
    """Draw two people who share an address, for which there is one contact."""
    recipe = Recipe(oddity=Oddity.MAIL_SHARED, permille=0, psa=LinkState.CONFLICT)
    first = add_person(draft, recipe)
    shared = replace(
        recipe,
        shape=lambda account, _: replace(account, mail=first.mail),
        contacts=records.no_contact,
    )
    add_person(draft, shared)


def _department(draft: Draft) -> str:
    department = draft.rng.choice(DEPARTMENTS[draft.facts.end_users_by])
    return f"OU={department},{draft.facts.staff_place}" if department else draft.facts.staff_place


def _expected(recipe: Recipe, draft: Draft) -> Expected:
    by_group = draft.facts.end_users_by is EndUsersBy.GROUP
    reason = _by_group(recipe) if by_group else _by_place(recipe)
    if reason not in {Reason.IN_GROUP, Reason.IN_ORGANIZATIONAL_UNIT}:
        return Expected(reason=reason)
    return Expected(
        reason=reason, account_type=AccountType.END_USER, vault=recipe.vault, psa=recipe.psa
    )


def _by_place(recipe: Recipe) -> Reason:
    if recipe.place:
        return Reason.NOT_SELECTED
    return recipe.left_out or Reason.IN_ORGANIZATIONAL_UNIT


def _by_group(recipe: Recipe) -> Reason:
    if recipe.membership is Membership.NONE:
        return Reason.NOT_SELECTED
    if recipe.membership is Membership.NESTED:
        return Reason.ONLY_IN_NESTED_GROUP
    if recipe.place == USERS:
        return Reason.EXCLUDED_CONTAINER
    return recipe.left_out or Reason.IN_GROUP
