"""What differs between a linked record and the directory, and when it is corrected."""

from __future__ import annotations

from dataclasses import replace
from unicodedata import normalize

import pytest
from tests.plan.world import (
    AD_CATEGORY,
    CUSTOMER,
    PSA,
    VAULT,
    World,
    contact,
    entry,
    finding,
    link,
    override,
    person,
    pin,
    record,
    settings,
)

from muster.model.accounts import Drift, Link
from muster.model.names import (
    Action,
    DriftRemediation,
    LinkState,
    MatchKey,
    Mode,
    Source,
    System,
)
from muster.model.reasons import Reason
from muster.model.records import ContactChange, EntryChange, PsaContact, VaultEntry
from muster.model.settings import Options, PsaOptions, VaultOptions

JOHN = person("John", "Smith")
MAIL = "john.smith@example.test"
CORRECT = Options(
    vault=VaultOptions(create_when_missing=False), drift_remediation=DriftRemediation.CORRECT
)
BY_NAME = link(1)
OURS = link(1, LinkState.CREATED, MatchKey.MARK, Reason.CREATE_WHEN_MISSING)
PINNED = link(1, LinkState.LINKED_BY_OVERRIDE, MatchKey.OVERRIDE, Reason.PINNED)
BY_MAIL = link(1, key=MatchKey.EMAIL)
OUR_CONTACT = link(1, LinkState.CREATED, MatchKey.EMAIL, Reason.CREATE_WHEN_MISSING)
OUR_NAME = "John Smith (Active Directory)"


def vault_world(one: VaultEntry, before: Link, options: Options = CORRECT) -> World:
    """Return a world with one linked entry."""
    return World(
        users=(JOHN,),
        entries=(one,),
        policies=(settings(options=options),),
        records=(record(JOHN, vault=before),),
        overrides=(override(JOHN, vault=pin(1)),) if before is PINNED else (),
    )


def psa_world(one: PsaContact, before: Link, options: Options = CORRECT) -> World:
    """Return a world with one linked contact."""
    return World(
        users=(JOHN,),
        contacts=(one,),
        policies=(settings(options=options),),
        records=(record(JOHN, psa=before),),
    )


def fields(drift: tuple[Drift, ...]) -> dict[str, tuple[str, str]]:
    """Return what drift says: from what to what, by field."""
    return {one.field: (one.observed, one.desired) for one in drift}


@pytest.mark.parametrize(
    ("one", "before", "drift", "change"),
    [
        (entry(1, "jsmith"), BY_NAME, {}, None),
        (entry(1, "CORP\\jsmith"), BY_NAME, {}, None),
        (
            entry(1, "john"),
            BY_NAME,
            {"username": ("john", "jsmith")},
            EntryChange(username="jsmith"),
        ),
        (
            entry(1, "john"),
            link(1, key=MatchKey.USER_PRINCIPAL_NAME),
            {"username": ("john", "jsmith@corp.example.test")},
            EntryChange(username="jsmith@corp.example.test"),
        ),
        (
            entry(1, None),
            BY_NAME,
            {"username": ("", "jsmith")},
            EntryChange(username="jsmith"),
        ),
        (
            entry(1, "jsmith", "Office 365"),
            BY_NAME,
            {"category": ("Office 365", "Active Directory")},
            EntryChange(category=AD_CATEGORY),
        ),
        (entry(1, "whatever"), PINNED, {}, None),
        (entry(1, "jsmith", name="people's own name"), BY_NAME, {}, None),
        (entry(1, "jsmith", name=OUR_NAME), OURS, {}, None),
        (
            entry(1, "jsmith", name="Jon Smith"),
            OURS,
            {"name": ("Jon Smith", OUR_NAME)},
            EntryChange(name=OUR_NAME),
        ),
    ],
)
def test_drift_of_an_entry(
    one: VaultEntry,
    before: Link,
    drift: dict[str, tuple[str, str]],
    change: EntryChange | None,
) -> None:
    """One row per field: what is reported, and what is written where drift is corrected."""
    corrected = vault_world(one, before)
    updates = [made.draft for made in corrected.plan().changes if made.action is Action.UPDATE]
    assert updates == ([change] if change else [])
    assert corrected.record_of(JOHN).drift == ()
    reported = vault_world(one, before, Options())
    assert fields(reported.record_of(JOHN).drift) == drift
    assert reported.plan().counts.drift == len(drift)
    assert reported.plan().changes == ()


@pytest.mark.parametrize("shown", ["John  Smith ", " John Smith", "Jo\u0308hn Smith"])
def test_what_looks_the_same_is_no_drift(shown: str) -> None:
    """Spaces and the way an umlaut is written differ between systems: nothing is corrected."""
    john = replace(JOHN, display_name=shown)
    seen = f"{' '.join(shown.split())} (Active Directory)"
    for kept in (f"{shown} (Active Directory)", seen, normalize("NFC", seen)):
        world = replace(vault_world(entry(1, "jsmith", name=kept), OURS), users=(john,))
        assert [one.draft for one in world.plan().changes if one.action is Action.UPDATE] == []
    world = replace(vault_world(entry(1, "jsmith", name="Jon"), OURS), users=(john,))
    (change,) = (one for one in world.plan().changes if one.action is Action.UPDATE)
    assert change.draft == EntryChange(name=normalize("NFC", seen))


@pytest.mark.parametrize(
    ("one", "before", "change"),
    [
        (contact(1, "J S", MAIL.upper()), BY_MAIL, None),
        (contact(1, "J S", "old@example.test", MAIL), BY_MAIL, None),
        (contact(1, "J S", "old@example.test"), BY_MAIL, ContactChange(email=MAIL)),
        (contact(1, "John Smith"), link(1, key=MatchKey.NAME), ContactChange(email=MAIL)),
        (contact(1, "Jon Smith", MAIL), BY_MAIL, None),
        (contact(1, "Jon Smith", MAIL), OUR_CONTACT, ContactChange(given_name="John")),
        (contact(1, "John Smyth", MAIL), OUR_CONTACT, ContactChange(surname="Smith")),
        (contact(1, "JOHN SMITH", MAIL), OUR_CONTACT, None),
    ],
)
def test_drift_of_a_contact(one: PsaContact, before: Link, change: ContactChange | None) -> None:
    """The address is Muster's to answer for; names only of contacts that it created."""
    plan = psa_world(one, before).plan()
    updates = [made.draft for made in plan.changes if made.action is Action.UPDATE]
    assert updates == ([change] if change else [])


@pytest.mark.parametrize(
    ("kept", "drifts"),
    [
        ("Maria Magdalena del Rosario", False),
        ("Maria Magdalena del R", False),
        ("Maria Magdalena del", False),
        ("Maria Magdalena", True),
        ("Maria Magdalena dem", True),
        ("", True),
    ],
)
def test_as_much_of_a_name_as_a_psa_keeps_is_no_drift(kept: str, drifts: bool) -> None:
    """A PSA cuts at 20 letters or later, and a space at the cut is gone too."""
    maria = replace(JOHN, given_name="Maria Magdalena del Rosario")
    one = replace(contact(1, "x Smith", MAIL), given_name=kept)
    world = replace(psa_world(one, OUR_CONTACT), users=(maria,))
    assert bool(world.plan().changes) is drifts


def test_an_update_says_what_and_why() -> None:
    """The change names the policy line, the record and every field."""
    (change,) = vault_world(entry(1, "john"), BY_NAME).plan().changes
    assert (change.system, change.target, change.reason) == (System.VAULT, "1", Reason.DRIFTED)
    assert change.because == "AutomaticImportPolicy/staff#/spec/options/driftRemediation"
    assert fields(change.drift) == {"username": ("john", "jsmith")}


DRIFTED = vault_world(entry(1, "john"), BY_NAME)


@pytest.mark.parametrize(
    "world",
    [
        replace(DRIFTED, policies=(settings(options=CORRECT, mode=Mode.OBSERVE),)),
        replace(DRIFTED, policies=(settings(options=CORRECT, suspend=True),)),
        replace(DRIFTED, customer=replace(CUSTOMER, suspend=True)),
        replace(DRIFTED, vault=replace(VAULT, suspend=True)),
        replace(DRIFTED, policies=(settings(options=Options()),)),
        replace(DRIFTED, users=(replace(JOHN, enabled=False),)),
    ],
    ids=["observe", "policy suspended", "customer suspended", "vault suspended", "report", "kept"],
)
def test_when_drift_is_only_reported(world: World) -> None:
    """Nothing is written, and the drift is told."""
    assert [one for one in world.plan().changes if one.action is Action.UPDATE] == []
    assert finding(world.plan(), Reason.DRIFTED).user == "jsmith@corp.example.test"
    assert world.plan().counts.drift == 1


def test_another_system_that_is_suspended_does_not_matter() -> None:
    """The vault is corrected while the PSA rests."""
    world = replace(DRIFTED, psa=replace(PSA, suspend=True))
    assert [one.action for one in world.plan().changes] == [Action.UPDATE]


def test_a_category_that_the_vault_lacks_is_not_corrected() -> None:
    """Drift that cannot be ended stays reported, without an empty update."""
    world = replace(vault_world(entry(1, "jsmith", None), BY_NAME), categories=())
    assert world.plan().changes == ()
    assert fields(world.record_of(JOHN).drift) == {"category": ("", "Active Directory")}


def test_drift_of_an_unread_system_is_remembered() -> None:
    """A vault that did not answer leaves the drift last seen as it was."""
    seen = vault_world(entry(1, "john"), BY_NAME, Options()).applied()
    unread = replace(seen, unread=(Source.VAULT,))
    assert unread.plan().records == ()
    assert unread.plan().counts.drift == 1


@pytest.mark.parametrize("way", ["no vault", "no matching"])
def test_drift_ends_with_the_link(way: str) -> None:
    """Where the system is no longer asked, there is nothing that could differ."""
    seen = vault_world(entry(1, "john"), BY_NAME, Options()).applied()
    if way == "no vault":
        world = replace(seen, customer=replace(CUSTOMER, vault=None))
    else:
        off = Options(vault=VaultOptions(match=False), psa=PsaOptions(match=False))
        world = replace(seen, policies=(settings(options=off),))
    assert world.record_of(JOHN).drift == ()
    assert world.plan().counts.drift == 0
