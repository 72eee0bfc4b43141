"""Whose e-mail address an account has (statement 19, the table of the specification)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.plan.world import (
    CLOUD_CUSTOMER,
    HYBRID_CUSTOMER,
    MICROSOFT_365,
    World,
    cloud,
    contact,
    override,
    person,
    settings,
    synced,
)

from muster.model.accounts import Email, EmailSource
from muster.model.entra import EntraUser
from muster.model.names import LinkState, Source
from muster.model.settings import LinkOverride, SelectEntra

JOHN = person("John", "Smith")
ENTRA, DOMAIN, PERSON = EmailSource.ENTRA, EmailSource.ACTIVE_DIRECTORY, EmailSource.OVERRIDE
OWN = (JOHN.mail, DOMAIN)


def _said(email: Email | None) -> tuple[str | None, EmailSource | None]:
    return (email.address, email.source) if email else (None, None)


@pytest.mark.parametrize(
    ("mail", "half", "said"),
    [
        (JOHN.mail, synced(JOHN, mail="j@cloud.test"), ("j@cloud.test", ENTRA)),
        (JOHN.mail, synced(JOHN, primary_smtp="j@cloud.test"), ("j@cloud.test", ENTRA)),
        (None, synced(JOHN, mail="j@cloud.test"), ("j@cloud.test", ENTRA)),
        (JOHN.mail, synced(JOHN, mail=JOHN.mail), (JOHN.mail, ENTRA)),
        (JOHN.mail, synced(JOHN), OWN),
        (JOHN.mail, cloud("stranger", mail="x@cloud.test"), OWN),
        (None, cloud("stranger", mail="x@cloud.test"), (None, None)),
    ],
)
def test_s19_the_email_of_an_account_of_the_domain(
    mail: str | None, half: EntraUser, said: tuple[str | None, EmailSource | None]
) -> None:
    """19: Paired it is Entra's, and the domain's where Entra has none; unpaired the domain's."""
    john = replace(JOHN, mail=mail)
    world = World(users=(john,), cloud=(half,), customer=HYBRID_CUSTOMER)
    assert _said(world.record_of(john).identity.email) == said
    decided = replace(world, overrides=(override(john, email="o@example.test"),))
    assert _said(decided.record_of(john).identity.email) == ("o@example.test", PERSON)


@pytest.mark.parametrize(
    ("anna", "said"),
    [
        (cloud("anna", mail="a@cloud.test", primary_smtp="x@cloud.test"), ("a@cloud.test", ENTRA)),
        (cloud("anna", primary_smtp="x@cloud.test"), ("x@cloud.test", ENTRA)),
        (cloud("anna"), (None, None)),
    ],
)
def test_s19_the_email_of_an_account_of_entra(
    anna: EntraUser, said: tuple[str | None, EmailSource | None]
) -> None:
    """19: Imported from Entra, it is Entra's: mail, else the primary SMTP address."""
    world = World(
        cloud=(anna,),
        customer=CLOUD_CUSTOMER,
        categories=(MICROSOFT_365,),
        policies=(settings(select=SelectEntra(all_users=True)),),
    )
    assert _said(world.record_of(anna).identity.email) == said


def test_an_address_from_entra_stays_while_entra_is_unread() -> None:
    """No contact is looked for under another address because of an outage."""
    first = World(
        users=(JOHN,), cloud=(synced(JOHN, mail="j@cloud.test"),), customer=HYBRID_CUSTOMER
    ).applied()
    dark = replace(first, unread=(Source.ENTRA,))
    assert dark.plan().records == ()
    assert dark.plan().changes == ()
    decided = replace(dark, overrides=(override(JOHN, email="o@example.test"),))
    assert _said(decided.record_of(JOHN).identity.email) == ("o@example.test", PERSON)


def test_an_unpaired_account_gets_its_own_address_back() -> None:
    """Who is no pair any more has the address of the domain again."""
    first = World(
        users=(JOHN,), cloud=(synced(JOHN, mail="j@cloud.test"),), customer=HYBRID_CUSTOMER
    ).applied()
    ended = replace(first, overrides=(override(JOHN, entra=LinkOverride(ignore=True)),))
    assert _said(ended.record_of(JOHN).identity.email) == OWN


def test_a_contact_is_found_by_the_address_that_counts() -> None:
    """The contact with Entra's address is the pair's, not the one with the domain's."""
    world = World(
        users=(JOHN,),
        cloud=(synced(JOHN, mail="j@cloud.test"),),
        customer=HYBRID_CUSTOMER,
        contacts=(contact(1, "A B", "j@cloud.test"), contact(2, "C D", JOHN.mail or "")),
    )
    link = world.psa_link(JOHN)
    assert (link.state, link.id) == (LinkState.LINKED, "1")
