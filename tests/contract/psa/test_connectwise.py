"""ConnectWise is a PSA, and none of its traps is stepped into."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
import trustme
from tests.contract.psa.suite import DRAFT, PsaContract, contacts

from muster.adapters.connectwise import ConnectWisePsa
from muster.adapters.connectwise.contacts import contact_of, cut_name
from muster.adapters.connectwise.endpoint import rest_root
from muster.adapters.connectwise.psa import ApiKeys
from muster.errors import AccessDenied, Rejected, SpecError, Unavailable, Unexpected
from muster.lab.connectwise import ConnectWiseKnobs, ConnectWiseLab
from muster.lab.faults import (
    CutBody,
    DropRows,
    FaultKind,
    Faults,
    ForeignNextLink,
    LostReply,
    Meanwhile,
    ServerError,
)
from muster.model.connections import ConnectWise, SecretRef
from muster.model.names import RemoteId
from muster.model.records import ContactChange, ContactDraft
from muster.model.secret import Secret
from muster.plan.keys import fold_name
from muster.transport.options import HttpOptions


class ConnectWiseWorld:
    """A simulated ConnectWise and an adapter that speaks to it."""

    list_verb = "GET"
    change_verb = "PATCH"
    lists_every_address = True
    lists_dates = True

    def __init__(self, lab: ConnectWiseLab, stack: ExitStack) -> None:
        self.lab = lab
        self._stack = stack
        self.psa = self.open(lab.private_key)

    def open(self, private_key: str, retry_budget_s: float = 1.4) -> ConnectWisePsa:
        """Return an adapter with a private key."""
        settings = ConnectWise(
            endpoint=self.lab.endpoint,
            company_id=self.lab.company_id,
            client_id=self.lab.client_id,
            public_key=SecretRef(name="cw", key="publicKey"),
            private_key=SecretRef(name="cw", key="privateKey"),
        )
        options = HttpOptions(
            budget_share=100,
            ca_pem=self.lab.ca.cert_pem.bytes().decode(),
            read_timeout_s=0.75,
            retry_budget_s=retry_budget_s,
            first_delay_s=0.02,
        )
        keys = ApiKeys(Secret(self.lab.public_key), Secret(private_key))
        psa = ConnectWisePsa(settings, keys, options)
        self._stack.callback(psa.close)
        return psa

    @property
    def hasty(self) -> ConnectWisePsa:
        """Return an adapter that gives up soon."""
        return self.open(self.lab.private_key, retry_budget_s=0.1)

    @property
    def faults(self) -> Faults:
        """What goes wrong."""
        return self.lab.faults

    def with_bad_key(self) -> ConnectWisePsa:
        """Return an adapter whose private key is wrong."""
        return self.open("wrong")

    def add_company(self, name: str, *, deleted: bool = False) -> RemoteId:
        """Add a company."""
        return RemoteId(self.lab.add_company(name, deleted=deleted))

    def add_contact(
        self, company: RemoteId, given_name: str, surname: str = "", **more: Any
    ) -> RemoteId:
        """Add a contact."""
        return RemoteId(self.lab.add_contact(company, given_name, surname, **more))

    def add_phone(self, contact: RemoteId, number: str) -> None:
        """Add a phone number."""
        self.lab.add_phone(contact, number)

    def stored(self, company: RemoteId) -> list[Mapping[str, Any]]:
        """Return all that the lab stores."""
        return list(self.lab.contacts(company))

    def reached_by(self, company: RemoteId) -> list[tuple[str, ...]]:
        """Return the values of all communication items."""
        return [
            tuple(item["value"] for item in contact.get("communicationItems", ()))
            for contact in self.stored(company)
        ]

    def requests(self) -> int:
        """Count the requests."""
        return len(self.lab.requests)

    def writes(self) -> int:
        """Count the writes that took effect."""
        return self.lab.writes()


OpenWorld = Callable[[ConnectWiseKnobs], ConnectWiseWorld]


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """One authority for all labs of this file; making one is slow."""
    return trustme.CA()


@pytest.fixture
def open_world(ca: trustme.CA) -> Iterator[OpenWorld]:
    """Return a function that starts a ConnectWise with chosen quirks."""
    with ExitStack() as stack:

        def start(knobs: ConnectWiseKnobs) -> ConnectWiseWorld:
            return ConnectWiseWorld(stack.enter_context(ConnectWiseLab(ca=ca, knobs=knobs)), stack)

        yield start


@pytest.fixture
def world(open_world: OpenWorld) -> ConnectWiseWorld:
    """Return a ConnectWise with its likeliest quirks."""
    return open_world(ConnectWiseKnobs())


class TestOnPremises(PsaContract):
    """The contract, on a server of the MSP's own."""

    @pytest.fixture
    def world(self, open_world: OpenWorld) -> ConnectWiseWorld:
        """Return a ConnectWise that answers 401 to a bad key."""
        return open_world(ConnectWiseKnobs())


class TestCloud(PsaContract):
    """The contract, in the cloud and with a tenant's own ids and habits."""

    @pytest.fixture
    def world(self, open_world: OpenWorld) -> ConnectWiseWorld:
        """Return a ConnectWise that answers a bad key with a web page and 404."""
        knobs = ConnectWiseKnobs(
            cloud=True,
            email_type_id=13,
            demands_custom_fields=True,
            case_sensitive=True,
            child_same_item=True,
        )
        return open_world(knobs)


@pytest.mark.parametrize(
    ("endpoint", "root"),
    [
        ("https://na.myconnectwise.net", "https://api-na.myconnectwise.net"),
        ("https://EU.myconnectwise.net/", "https://api-eu.myconnectwise.net"),
        ("https://aus.myconnectwise.net", "https://api-aus.myconnectwise.net"),
        ("https://api-na.myconnectwise.net", "https://api-na.myconnectwise.net"),
        ("https://staging.connectwisedev.com", "https://api-staging.connectwisedev.com"),
        ("https://cw.msp.example:8443", "https://cw.msp.example:8443"),
        ("https://evil-na.myconnectwise.net.example", "https://evil-na.myconnectwise.net.example"),
    ],
)
def test_the_rest_root_follows_from_the_address(endpoint: str, root: str) -> None:
    """Cloud addresses lead to their API host; an own host stays as it is."""
    assert rest_root(endpoint) == f"{root}/v4_6_release/apis/3.0"


def test_an_endpoint_without_tls_is_refused() -> None:
    """Keys never travel in the clear."""
    with pytest.raises(SpecError):
        rest_root("http://cw.msp.example")


def test_lists_are_read_forward_only_and_with_few_fields(world: ConnectWiseWorld) -> None:
    """Pages follow by id, and no more is asked for than is used."""
    number = world.add_company("Contoso")
    for n in range(1001):
        world.add_contact(number, f"Person {n}")
    contacts(world, number)
    pages = [seen for seen in world.lab.requests if seen.path.endswith("/company/contacts")]
    assert ["pageId" in seen.query_keys for seen in pages] == [False, True]
    assert all("fields" in seen.query_keys for seen in pages)
    assert not any("page" in seen.query_keys for seen in pages)


def test_contacts_without_their_company_mean_a_narrow_role(open_world: OpenWorld) -> None:
    """A blank company is access denied with advice, not somebody else's contact."""
    world = open_world(ConnectWiseKnobs(blank_company=True))
    number = world.add_company("Contoso")
    world.add_contact(number, "Joan")
    with pytest.raises(AccessDenied, match="security role"):
        contacts(world, number)
    assert [check.name for check in world.psa.check() if not check.ok] == ["ConnectWise contacts"]


def test_a_contact_without_company_is_in_no_company(world: ConnectWiseWorld) -> None:
    """Contacts that belong to nobody exist, and are nobody's."""
    number = world.add_company("Contoso")
    world.lab.add_contact(None, "Nobody")
    assert contacts(world, number) == []


def test_hidden_rows_are_noticed_by_the_count(world: ConnectWiseWorld) -> None:
    """The error names what was seen and what was counted."""
    number = world.add_company("Contoso")
    for n in range(3):
        world.add_contact(number, f"Person {n}")
    world.faults.add(DropRows(count=2), path="contacts\\?", times=-1)
    with pytest.raises(Unavailable, match="showed 1 records but counts 3"):
        contacts(world, number)


def test_an_edit_between_two_pages_is_read_again(world: ConnectWiseWorld) -> None:
    """A contact that vanishes meanwhile costs a second walk, and no other contact."""
    number = world.add_company("Contoso")
    ids = [world.add_contact(number, f"Person {n}") for n in range(1001)]
    world.faults.add(Meanwhile(action=lambda: world.lab.delete_contact(ids[0])), path="contacts\\?")
    assert {contact.id for contact in contacts(world, number)} == set(ids[1:])


@pytest.mark.parametrize("fault", [CutBody(), DropRows(), ServerError(status=500)], ids=str)
def test_trouble_on_the_third_page_loses_nothing(world: ConnectWiseWorld, fault: FaultKind) -> None:
    """A failure far into the list is survived like one at its start, and never shortens it."""
    number = world.add_company("Contoso")
    ids = {world.add_contact(number, f"Person {n}") for n in range(2005)}
    third = f"pageId={sorted(int(one) for one in ids)[1999]}"
    world.faults.add(fault, path=third)
    assert {contact.id for contact in contacts(world, number)} == ids
    assert world.faults.pending == ()
    world.faults.add(fault, path=third, times=-1)
    with pytest.raises(Unavailable):
        list(world.hasty.list_contacts(number))


def test_a_next_link_to_another_host_is_refused(world: ConnectWiseWorld) -> None:
    """The list is not continued elsewhere, and not cut either."""
    number = world.add_company("Contoso")
    for n in range(1001):
        world.add_contact(number, f"Person {n}")
    world.faults.add(ForeignNextLink(), times=-1)
    with pytest.raises(Unexpected, match="another place"):
        contacts(world, number)
    assert world.requests() == 1


def test_a_read_only_role_is_denied_at_the_write(open_world: OpenWorld) -> None:
    """The error says what to look at."""
    world = open_world(ConnectWiseKnobs(read_only=True))
    with pytest.raises(AccessDenied, match="security role"):
        world.psa.create_contact(world.add_company("Contoso"), DRAFT)


@pytest.mark.parametrize(
    ("name", "cut"),
    [
        ("Zoë", "Zoë"),
        ("Maximiliane-Charlotte-Alexandra", "Maximiliane-Charlotte-Alexandr"),
        ("Twenty-nine letters and then  x", "Twenty-nine letters and then"),
        ("", ""),
    ],
)
def test_a_name_is_cut_to_what_fits(name: str, cut: str) -> None:
    """The cut form is the one that the plan compares."""
    assert cut_name(name) == cut
    assert fold_name(cut_name(name)) == fold_name(name)


def test_long_names_are_written_cut(world: ConnectWiseWorld) -> None:
    """ConnectWise refuses longer names, so a create and a change cut them."""
    number = world.add_company("Contoso")
    long = "Maximiliane-Charlotte-Alexandra-Josephine"
    world.psa.create_contact(
        number, ContactDraft(given_name=long, surname=long, email="m@contoso.example")
    )
    (contact,) = contacts(world, number)
    assert (contact.given_name, contact.surname) == (long[:30], long[:30])
    world.psa.update_contact(number, contact, ContactChange(given_name="X" * 31))
    assert contacts(world, number)[0].given_name == "X" * 30


def test_a_contact_without_given_name_is_not_sent(world: ConnectWiseWorld) -> None:
    """The one required field is missed here, with advice, and not at the vendor's."""
    number = world.add_company("Contoso")
    with pytest.raises(Rejected, match="given name"):
        world.psa.create_contact(
            number, ContactDraft(given_name=" ", surname="Smith", email="s@contoso.example")
        )
    assert world.writes() == 0


def test_the_tenants_own_email_type_is_used(open_world: OpenWorld) -> None:
    """Type ids differ per tenant; the default one is asked for once."""
    world = open_world(ConnectWiseKnobs(email_type_id=41))
    number = world.add_company("Contoso")
    world.psa.create_contact(number, DRAFT)
    world.psa.create_contact(number, DRAFT)
    types = [c["communicationItems"][0]["type"]["id"] for c in world.stored(number)]
    assert types == [41, 41]
    asked = [seen for seen in world.lab.requests if seen.path.endswith("communicationTypes")]
    assert len(asked) == 1


def test_custom_fields_are_sent_back_where_a_tenant_insists(open_world: OpenWorld) -> None:
    """A tenant that demands them in every change still gets names corrected."""
    world = open_world(ConnectWiseKnobs(demands_custom_fields=True))
    number = world.add_company("Contoso")
    world.add_contact(number, "Joan", "Smith")
    (contact,) = contacts(world, number)
    world.psa.update_contact(number, contact, ContactChange(surname="Meyer"))
    assert contacts(world, number)[0].surname == "Meyer"


def test_a_refused_name_is_not_tried_again_with_custom_fields(world: ConnectWiseWorld) -> None:
    """Only a refusal that speaks of them has to do with them."""
    number = world.add_company("Contoso")
    world.add_contact(number, "Joan", "Smith")
    (contact,) = contacts(world, number)
    before = world.requests()
    world.faults.add(ServerError(status=400), method="PATCH")
    with pytest.raises(Rejected):
        world.psa.update_contact(number, contact, ContactChange(surname="Meyer"))
    assert world.requests() == before + 1


def test_an_address_that_is_not_the_default_one_stays(world: ConnectWiseWorld) -> None:
    """Whoever has no default address gets one; the others are not written over."""
    number = world.add_company("Contoso")
    world.add_contact(number, "Joan", "Smith", emails=("old@contoso.example",))
    (contact,) = contacts(world, number)
    others = tuple(replace(email, default=False) for email in contact.emails)
    shown = replace(contact, emails=others)
    world.psa.update_contact(number, shown, ContactChange(email="new@contoso.example"))
    (after,) = contacts(world, number)
    assert {email.address for email in after.emails} == {
        "old@contoso.example",
        "new@contoso.example",
    }


def test_a_half_done_update_says_so(world: ConnectWiseWorld) -> None:
    """When the names went through and the address did not, the outcome is not clean."""
    number = world.add_company("Contoso")
    world.add_contact(number, "Joan", "Smith", emails=("old@contoso.example",))
    (contact,) = contacts(world, number)
    world.faults.add(ServerError(status=400), path="communications")
    with pytest.raises(Rejected) as caught:
        world.psa.update_contact(
            number, contact, ContactChange(surname="Meyer", email="new@contoso.example")
        )
    assert caught.value.maybe_applied


def test_an_added_address_is_not_added_twice(world: ConnectWiseWorld) -> None:
    """Adding an address is a create: a lost reply is reported, not repeated."""
    number = world.add_company("Contoso")
    world.add_contact(number, "Joan", "Smith")
    (contact,) = contacts(world, number)
    world.faults.add(LostReply(), method="POST")
    with pytest.raises(Unavailable) as caught:
        world.psa.update_contact(number, contact, ContactChange(email="joan@contoso.example"))
    assert caught.value.maybe_applied
    assert len(contacts(world, number)[0].emails) == 1


def test_only_safe_verbs_are_used(world: ConnectWiseWorld) -> None:
    """PUT rewrites fields that were not named, DELETE loses data: neither is ever sent."""
    number = world.add_company("Contoso")
    world.psa.create_contact(number, DRAFT)
    (contact,) = contacts(world, number)
    world.psa.update_contact(number, contact, ContactChange(surname="M", email="m@contoso.example"))
    assert {seen.method for seen in world.lab.requests} == {"GET", "POST", "PATCH"}


@pytest.mark.parametrize("number", ["", "1 or 1=1", "1/../2", "abc"])
def test_an_id_that_is_no_number_is_never_sent(world: ConnectWiseWorld, number: str) -> None:
    """It would change the condition's meaning: such ids are the resources' fault."""
    with pytest.raises(SpecError):
        contacts(world, RemoteId(number))
    with pytest.raises(SpecError):
        world.psa.find_company(RemoteId(number))
    assert world.requests() == 0


@pytest.mark.parametrize(
    ("said", "active"),
    [({}, True), ({"inactiveFlag": False}, True), ({"inactiveFlag": True}, False)],
)
def test_only_who_is_said_to_be_inactive_is(said: Mapping[str, Any], active: bool) -> None:
    """A field that a tenant leaves out makes nobody unusable."""
    assert contact_of({"id": 7, **said}).active is active


def test_no_key_is_shown(world: ConnectWiseWorld) -> None:
    """Errors and representations hold neither key nor what Basic sends."""
    psa = world.open("wrong-private-key")
    with pytest.raises(AccessDenied) as caught:
        list(psa.list_companies())
    shown = str(caught.value) + repr(vars(psa))
    assert world.lab.public_key not in shown
    assert "wrong-private-key" not in shown
