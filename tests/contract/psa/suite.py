"""What "a PSA" means: every adapter of the port passes these tests.

Subclass `PsaContract` beside the adapter's own tests, and supply the `world` fixture: a
running PSA with one adapter that speaks to it, and the means to seed it and to look inside.
"""

from __future__ import annotations

from typing import Any, Protocol

import pytest

from muster.errors import AccessDenied, RateLimited, RemoteError, Unavailable, Unexpected
from muster.lab.faults import (
    CutBody,
    Disconnect,
    DropRows,
    FaultKind,
    Faults,
    HtmlError,
    LostReply,
    ServerError,
    Slow,
    Throttle,
    WrongRow,
)
from muster.model.names import RemoteId
from muster.model.records import ContactChange, ContactDraft, PsaContact
from muster.ports import Psa

NAMES = (
    "Kestrel Dental, Inc",
    "Müller & Söhne",
    'Anne "Annie" O\'Brien',
    "株式会社 東",
    "100% + 1",
)
ADDRESSES = (
    "zoe.obrien@contoso.example",
    "joan+tickets@contoso.example",
    "O'Brien&Co@contoso.example",
    "Jürgen@Müller.example",
    "ALL.CAPS@CONTOSO.EXAMPLE",
)
DRAFT = ContactDraft(given_name="Zoë", surname="O'Brien", email="zoe@contoso.example")


class PsaWorld(Protocol):
    """A running PSA, seeded and inspected behind the adapter's back."""

    @property
    def psa(self) -> Psa:
        """The adapter under test; its read time-out is half a second."""
        ...

    @property
    def faults(self) -> Faults:
        """What goes wrong."""
        ...

    @property
    def hasty(self) -> Psa:
        """Another adapter, whose retry budget is spent after the first failures."""
        ...

    def with_bad_key(self) -> Psa:
        """Return an adapter whose key is not accepted."""
        ...

    def add_company(self, name: str, *, deleted: bool = False) -> RemoteId:
        """Add a company."""
        ...

    def add_contact(
        self, company: RemoteId, given_name: str, surname: str = "", **more: Any
    ) -> RemoteId:
        """Add a contact; `more`: emails (the first is the default one), active."""
        ...

    def add_phone(self, contact: RemoteId, number: str) -> None:
        """Add a phone number to a contact."""
        ...

    def reached_by(self, company: RemoteId) -> list[tuple[str, ...]]:
        """Return every address and phone number that is stored of each contact."""
        ...

    @property
    def list_verb(self) -> str:
        """The HTTP method by which lists are read."""
        ...

    @property
    def change_verb(self) -> str:
        """The HTTP method by which a contact is changed."""
        ...

    @property
    def lists_every_address(self) -> bool:
        """Whether a list shows more than the default address."""
        ...

    @property
    def lists_dates(self) -> bool:
        """Whether a list says when a contact was changed."""
        ...

    def requests(self) -> int:
        """Count the requests until now."""
        ...

    def writes(self) -> int:
        """Count the writes that took effect."""
        ...


def contacts(world: PsaWorld, company: RemoteId) -> list[PsaContact]:
    """Read a company to its end."""
    return list(world.psa.list_contacts(company))


def addresses(contact: PsaContact) -> list[tuple[str, bool]]:
    """Return the addresses of a contact, each with whether it is the default one."""
    return [(email.address, email.default) for email in contact.emails]


class PsaContract:
    """The tests."""

    @pytest.fixture
    def world(self) -> PsaWorld:
        """Return a running PSA."""
        raise NotImplementedError

    def test_every_company_is_listed(self, world: PsaWorld) -> None:
        """Names may hold anything, and deleted companies are not active."""
        ids = {name: world.add_company(name) for name in NAMES}
        gone = world.add_company("Gone", deleted=True)
        listed = {company.id: company for company in world.psa.list_companies()}
        assert {listed[ids[name]].name for name in NAMES} == set(NAMES)
        assert {company.id for company in listed.values() if not company.active} == {gone}

    @pytest.mark.parametrize("name", NAMES)
    def test_a_company_is_found_by_id(self, world: PsaWorld, name: str) -> None:
        """What is found is the company of that id, whatever its name."""
        number = world.add_company(name)
        found = world.psa.find_company(number)
        assert found is not None
        assert (found.id, found.name, found.active) == (number, name, True)

    def test_an_unknown_company_is_none(self, world: PsaWorld) -> None:
        """What the PSA says not to exist is None, not an error."""
        world.add_company("Contoso")
        assert world.psa.find_company(RemoteId("999999999")) is None

    def test_a_deleted_company_is_not_active(self, world: PsaWorld) -> None:
        """A company that was deleted is there, and says so."""
        found = world.psa.find_company(world.add_company("Contoso", deleted=True))
        assert found is None or not found.active

    def test_an_outage_is_not_a_missing_company(self, world: PsaWorld) -> None:
        """None is only ever the PSA's own word."""
        number = world.add_company("Contoso")
        world.faults.add(HtmlError(status=404), times=-1)
        with pytest.raises(RemoteError):
            world.psa.find_company(number)

    def test_a_bad_key_is_not_an_empty_company(self, world: PsaWorld) -> None:
        """A key that is not accepted is access denied, for every read and write."""
        number = world.add_company("Contoso")
        psa = world.with_bad_key()
        with pytest.raises(AccessDenied):
            psa.find_company(number)
        with pytest.raises(AccessDenied):
            list(psa.list_contacts(number))
        with pytest.raises(AccessDenied):
            list(psa.list_companies())
        with pytest.raises(AccessDenied):
            psa.create_contact(number, DRAFT)

    def test_only_the_companys_own_contacts_are_listed(self, world: PsaWorld) -> None:
        """Other companies' contacts are not there."""
        ours, theirs = world.add_company("Contoso"), world.add_company("Fabrikam")
        own = world.add_contact(ours, "Joan", "Smith")
        world.add_contact(theirs, "Joan", "Smith")
        assert [contact.id for contact in contacts(world, ours)] == [own]

    def test_inactive_contacts_are_listed_too(self, world: PsaWorld) -> None:
        """They are hints for a person, so they must be seen, and say what they are."""
        number = world.add_company("Contoso")
        world.add_contact(number, "Joan", "Smith", active=False)
        assert [contact.active for contact in contacts(world, number)] == [False]

    def test_an_empty_company_has_no_contacts(self, world: PsaWorld) -> None:
        """Nothing to list is an empty list."""
        assert contacts(world, world.add_company("Contoso")) == []

    @pytest.mark.parametrize("address", ADDRESSES)
    def test_a_contact_is_translated(self, world: PsaWorld, address: str) -> None:
        """Names and addresses come back letter by letter."""
        number = world.add_company("Contoso")
        world.add_contact(number, "Zoë", "O'Brien", emails=(address, "zoe@home.example"))
        (contact,) = contacts(world, number)
        assert (contact.given_name, contact.surname) == ("Zoë", "O'Brien")
        others = [("zoe@home.example", False)] if world.lists_every_address else []
        assert addresses(contact) == [(address, True), *others]
        assert contact.active
        assert (contact.updated_at is not None) is world.lists_dates

    def test_a_contact_without_surname_and_email_is_fine(self, world: PsaWorld) -> None:
        """What is not there is empty."""
        number = world.add_company("Contoso")
        world.add_contact(number, "Reception")
        (contact,) = contacts(world, number)
        assert (contact.name, contact.surname, contact.emails) == ("Reception", "", ())

    def test_a_phone_number_is_no_email(self, world: PsaWorld) -> None:
        """Only addresses of the e-mail channel count."""
        number = world.add_company("Contoso")
        contact = world.add_contact(number, "Joan", emails=("joan@contoso.example",))
        world.add_phone(contact, "+49 30 123456")
        assert addresses(contacts(world, number)[0]) == [("joan@contoso.example", True)]

    def test_more_contacts_than_one_page_holds_are_all_listed(self, world: PsaWorld) -> None:
        """A list is read to its end, each contact once."""
        number = world.add_company("Contoso")
        ids = {world.add_contact(number, f"Person {n}") for n in range(2201)}
        listed = [contact.id for contact in contacts(world, number)]
        assert len(listed) == 2201
        assert set(listed) == ids

    def test_a_created_contact_is_found(self, world: PsaWorld) -> None:
        """It has the draft's names, its e-mail as the default one, and is active."""
        number = world.add_company("Contoso")
        created = world.psa.create_contact(number, DRAFT)
        (contact,) = contacts(world, number)
        assert (contact.id, contact.given_name, contact.surname) == (created, "Zoë", "O'Brien")
        assert addresses(contact) == [("zoe@contoso.example", True)]
        assert contact.active

    @pytest.mark.parametrize("address", ADDRESSES)
    def test_any_address_can_be_written(self, world: PsaWorld, address: str) -> None:
        """What is written is what is read back."""
        number = world.add_company("Contoso")
        world.psa.create_contact(
            number, ContactDraft(given_name="Zoë", surname="O'Brien", email=address)
        )
        assert addresses(contacts(world, number)[0]) == [(address, True)]

    def test_names_can_be_changed_alone(self, world: PsaWorld) -> None:
        """Addresses and phones stay when names change."""
        number = world.add_company("Contoso")
        world.add_phone(
            world.add_contact(number, "Joan", "Smith", emails=("joan@contoso.example",)), "+49"
        )
        before = world.reached_by(number)
        (contact,) = contacts(world, number)
        world.psa.update_contact(number, contact, ContactChange(surname="Meyer"))
        (now,) = contacts(world, number)
        assert (now.given_name, now.surname) == ("Joan", "Meyer")
        assert world.reached_by(number) == before

    def test_the_default_address_can_be_changed_alone(self, world: PsaWorld) -> None:
        """Other addresses, phones and names stay when the default address changes."""
        number = world.add_company("Contoso")
        joan = world.add_contact(
            number, "Joan", "Smith", emails=("old@contoso.example", "home@home.example")
        )
        world.add_phone(joan, "+49 30 123456")
        (contact,) = contacts(world, number)
        world.psa.update_contact(number, contact, ContactChange(email="new+1@contoso.example"))
        (now,) = contacts(world, number)
        assert addresses(now)[0] == ("new+1@contoso.example", True)
        assert now.name == "Joan Smith"
        (reached_by,) = world.reached_by(number)
        assert set(reached_by) == {"new+1@contoso.example", "home@home.example", "+49 30 123456"}

    def test_an_address_is_added_where_there_is_none(self, world: PsaWorld) -> None:
        """It becomes the default one."""
        number = world.add_company("Contoso")
        world.add_contact(number, "Joan", "Smith")
        (contact,) = contacts(world, number)
        world.psa.update_contact(number, contact, ContactChange(email="joan@contoso.example"))
        assert addresses(contacts(world, number)[0]) == [("joan@contoso.example", True)]

    def test_an_empty_change_sends_nothing(self, world: PsaWorld) -> None:
        """No change is no request."""
        number = world.add_company("Contoso")
        world.add_contact(number, "Joan")
        (contact,) = contacts(world, number)
        before = world.requests()
        world.psa.update_contact(number, contact, ContactChange())
        assert world.requests() == before

    def test_a_contact_that_is_gone_is_rejected(self, world: PsaWorld) -> None:
        """Changing what was deleted meanwhile is an error without doubt."""
        number = world.add_company("Contoso")
        gone = PsaContact(id=RemoteId("999999999"), given_name="Joan")
        with pytest.raises(RemoteError) as caught:
            world.psa.update_contact(number, gone, ContactChange(surname="Meyer"))
        assert not caught.value.maybe_applied
        assert not isinstance(caught.value, AccessDenied)

    @pytest.mark.parametrize(
        "fault",
        [
            ServerError(status=500),
            ServerError(status=503),
            HtmlError(status=502),
            Throttle(),
            Throttle(html=True),
            Throttle(retry_after=1),
            CutBody(),
            Disconnect(),
            LostReply(),
            Slow(delay_s=0.9),
        ],
        ids=str,
    )
    def test_a_list_survives_one_failure(self, world: PsaWorld, fault: FaultKind) -> None:
        """A passing failure changes nothing about what is read."""
        number = world.add_company("Contoso")
        contact = world.add_contact(number, "Joan")
        world.faults.add(fault, method=world.list_verb)
        assert [c.id for c in contacts(world, number)] == [contact]
        assert world.faults.pending == ()

    @pytest.mark.parametrize(
        "fault",
        [ServerError(status=500), HtmlError(status=502), CutBody(), Disconnect(), DropRows()],
        ids=str,
    )
    def test_a_list_that_cannot_be_read_whole_yields_nothing(
        self, world: PsaWorld, fault: FaultKind
    ) -> None:
        """A lasting failure is an error, never a shorter list."""
        number = world.add_company("Contoso")
        for n in range(3):
            world.add_contact(number, f"Person {n}")
        world.faults.add(fault, method=world.list_verb, times=-1)
        listed: list[PsaContact] = []
        with pytest.raises(Unavailable):
            listed.extend(world.hasty.list_contacts(number))
        assert listed == []

    def test_a_foreign_row_is_an_error(self, world: PsaWorld) -> None:
        """A contact of another company means that the answer cannot be trusted at all."""
        number = world.add_company("Contoso")
        world.add_contact(number, "ours")
        world.add_contact(world.add_company("Fabrikam"), "theirs")
        world.faults.add(WrongRow(), method=world.list_verb, times=-1)
        with pytest.raises(Unexpected):
            contacts(world, number)

    def test_a_long_throttle_is_handed_on(self, world: PsaWorld) -> None:
        """Beyond the retry budget the caller learns how long to wait."""
        number = world.add_company("Contoso")
        world.faults.add(Throttle(retry_after=600), method=world.list_verb, times=-1)
        with pytest.raises(RateLimited) as caught:
            contacts(world, number)
        assert caught.value.delay_s == 600

    @pytest.mark.parametrize("fault", [LostReply(), CutBody()], ids=str)
    def test_a_create_whose_reply_is_lost_is_not_repeated(
        self, world: PsaWorld, fault: FaultKind
    ) -> None:
        """The error says that it may exist; looking finds it once, by its e-mail."""
        number = world.add_company("Contoso")
        world.faults.add(fault, method="POST")
        with pytest.raises(Unavailable) as caught:
            world.psa.create_contact(number, DRAFT)
        assert caught.value.maybe_applied
        assert world.writes() == 1
        assert [addresses(c) for c in contacts(world, number)] == [[(DRAFT.email, True)]]

    def test_a_throttled_create_is_sent_again(self, world: PsaWorld) -> None:
        """What was refused unprocessed happens once in the end."""
        number = world.add_company("Contoso")
        world.faults.add(Throttle(), method="POST")
        world.psa.create_contact(number, DRAFT)
        assert len(contacts(world, number)) == 1

    def test_a_lost_reply_to_a_change_is_harmless(self, world: PsaWorld) -> None:
        """A change by id is sent again, and the result is the same."""
        number = world.add_company("Contoso")
        world.add_contact(number, "Joan", "Smith")
        (contact,) = contacts(world, number)
        world.faults.add(LostReply(), method=world.change_verb)
        world.psa.update_contact(number, contact, ContactChange(surname="Meyer"))
        assert contacts(world, number)[0].surname == "Meyer"

    def test_a_refused_create_leaves_nothing(self, world: PsaWorld) -> None:
        """A company that does not exist is the PSA's to refuse, and is no doubt."""
        with pytest.raises(RemoteError) as caught:
            world.psa.create_contact(RemoteId("999999999"), DRAFT)
        assert not caught.value.maybe_applied

    def test_a_good_key_passes_the_check(self, world: PsaWorld) -> None:
        """Every line of the check is fine when the key has every right."""
        world.add_contact(world.add_company("Contoso"), "Joan")
        checks = world.psa.check()
        assert checks
        assert [check for check in checks if not check.ok] == []

    def test_a_bad_key_fails_the_check_with_advice(self, world: PsaWorld) -> None:
        """The check never raises; it says what to do."""
        checks = world.with_bad_key().check()
        assert not any(check.ok for check in checks)
        assert all(check.advice for check in checks)

    def test_the_check_survives_an_outage(self, world: PsaWorld) -> None:
        """Also a system that is gone is a line, not an exception."""
        world.faults.add(Disconnect(), times=-1)
        assert not any(check.ok for check in world.hasty.check())
