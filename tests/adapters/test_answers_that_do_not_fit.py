"""Answers that a cache, a proxy or a bug may give and no simulator does: what is not asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from itertools import count
from typing import Any, Protocol, TypeVar

import pytest
import trustme
from werkzeug.wrappers import Request

from muster.adapters.autotask import ApiKeys as AutotaskKeys
from muster.adapters.autotask import AutotaskPsa, ZoneDirectory
from muster.adapters.connectwise import ConnectWisePsa
from muster.adapters.connectwise.psa import ApiKeys as ConnectWiseKeys
from muster.adapters.halopsa import HaloPsaAdapter
from muster.adapters.hudu import HuduVault
from muster.adapters.itglue import ItGlueVault
from muster.errors import Rejected, Unexpected
from muster.lab.http_server import Delivery, LoopbackServer, Reply
from muster.model.connections import Autotask, ConnectWise, HaloPsa, Hudu, ItGlue, SecretRef
from muster.model.names import RemoteId
from muster.model.records import (
    ContactChange,
    ContactDraft,
    EntryDraft,
    PsaContact,
    VaultCategory,
)
from muster.model.secret import Secret
from muster.transport.options import HttpOptions

REF, KEY = SecretRef(name="key", key="key"), Secret("some-key")
SEVEN = RemoteId("7")
ANN = ContactDraft(given_name="Ann", surname="Smith", email="ann@contoso.example")
ENTRY = EntryDraft(
    name="Ann",
    username="ann",
    category=VaultCategory(id=RemoteId("1"), name="Active Directory"),
    mark="contoso/1",
)
TOKEN = {"access_token": "some-token", "expires_in": 3600, "scope": "all"}

Answers = Mapping[str, Any]
"""By the end of the path: JSON or a whole reply, or what gives the next one."""


class _Closes(Protocol):
    def close(self) -> None: ...


_Adapter = TypeVar("_Adapter", bound=_Closes)


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """One authority for all servers; making one is slow."""
    return trustme.CA()


class Systems:
    """Adapters that all speak to one server, which answers by the end of the path."""

    def __init__(self, ca: trustme.CA, stack: ExitStack) -> None:
        self.answers: Answers = {}
        self.asked: list[str] = []
        self._stack = stack
        self._server = LoopbackServer(self._respond, ca)
        self._server.start()
        stack.callback(self._server.stop)
        self._options = HttpOptions(
            budget_share=100, ca_pem=ca.cert_pem.bytes().decode(), retry_budget_s=0.1
        )

    @property
    def address(self) -> str:
        """Where the server is."""
        return f"https://localhost:{self._server.port}"

    def _respond(self, request: Request) -> Delivery:
        self.asked.append(request.full_path)
        (found,) = [one for end, one in self.answers.items() if request.path.endswith(end)]
        body = found() if callable(found) else found
        reply = body if isinstance(body, Reply) else Reply(body=json.dumps(body).encode())
        return Delivery(reply=reply)

    def it_glue(self) -> ItGlueVault:
        """Return an adapter of IT Glue."""
        settings = ItGlue(endpoint=self.address, api_key=REF)
        return self._closed(ItGlueVault(settings, KEY, self._options))

    def hudu(self) -> HuduVault:
        """Return an adapter of Hudu."""
        return self._closed(HuduVault(Hudu(endpoint=self.address, api_key=REF), KEY, self._options))

    def connect_wise(self) -> ConnectWisePsa:
        """Return an adapter of ConnectWise."""
        settings = ConnectWise(
            endpoint=self.address,
            company_id="msp",
            client_id="client",
            public_key=REF,
            private_key=REF,
        )
        return self._closed(ConnectWisePsa(settings, ConnectWiseKeys(KEY, KEY), self._options))

    def autotask(self) -> AutotaskPsa:
        """Return an adapter of Autotask."""
        settings = Autotask(
            user_name="api@msp.example", secret=REF, integration_code=REF, endpoint=self.address
        )
        keys = AutotaskKeys(KEY, KEY)
        return self._closed(AutotaskPsa(settings, keys, self._options, ZoneDirectory()))

    def halo(self) -> HaloPsaAdapter:
        """Return an adapter of HaloPSA."""
        settings = HaloPsa(
            endpoint=self.address,
            client_id="client",
            client_secret=REF,
            authorization_endpoint=f"{self.address}/auth",
        )
        return self._closed(HaloPsaAdapter(settings, KEY, self._options))

    def _closed(self, adapter: _Adapter) -> _Adapter:
        self._stack.callback(adapter.close)
        return adapter


@pytest.fixture
def systems(ca: trustme.CA) -> Iterator[Systems]:
    """Return a server and what speaks to it."""
    with ExitStack() as stack:
        yield Systems(ca, stack)


def organization(number: int) -> dict[str, Any]:
    """Return an organization as IT Glue writes it."""
    return {"id": str(number), "type": "organizations", "attributes": {"name": "Fabrikam"}}


@pytest.mark.parametrize(
    ("find", "answers"),
    [
        (
            lambda systems: systems.it_glue().find_organization(SEVEN),
            {"/organizations/7": {"data": organization(8)}},
        ),
        (
            lambda systems: systems.hudu().find_organization(SEVEN),
            {"/companies/7": {"company": {"id": 8, "name": "Fabrikam"}}},
        ),
        (
            lambda systems: systems.connect_wise().find_company(SEVEN),
            {"/companies/7": {"id": 8, "name": "Fabrikam"}},
        ),
        (
            lambda systems: systems.autotask().find_company(SEVEN),
            {"/Companies/7": {"item": {"id": 8, "companyName": "Fabrikam", "isActive": True}}},
        ),
        (
            lambda systems: systems.halo().find_company(SEVEN),
            {"/auth/token": TOKEN, "/Client/7": {"id": 8, "name": "Fabrikam"}},
        ),
    ],
    ids=["IT Glue", "Hudu", "ConnectWise", "Autotask", "HaloPSA"],
)
def test_another_company_than_was_asked_for_is_not_taken_for_it(
    systems: Systems, find: Callable[[Systems], object], answers: Answers
) -> None:
    """Everything of a customer would follow from it."""
    systems.answers = answers
    with pytest.raises(Unexpected, match=r"another (company|record|client)|(company|ization) 8"):
        find(systems)


def test_another_user_of_halopsa_is_not_changed(systems: Systems) -> None:
    """What is sent has an id, so it would be the other one that changes."""
    systems.answers = {"/auth/token": TOKEN, "/Users/7": {"id": 8, "client_id": 7}}
    with pytest.raises(Rejected, match="does not exist any more"):
        systems.halo().update_contact(SEVEN, PsaContact(id=SEVEN), ContactChange(surname="Lee"))


def test_an_entry_of_it_glue_that_was_made_elsewhere_is_said_to_be_there(systems: Systems) -> None:
    """It is not linked, and the error does not say that nothing was made."""
    made = {"id": "1", "type": "passwords", "attributes": {"organization-id": 8, "name": "Ann"}}
    systems.answers = {"/passwords": {"data": made}}
    with pytest.raises(Unexpected, match="belongs to 8") as caught:
        systems.it_glue().create_entry(SEVEN, ENTRY)
    assert caught.value.maybe_applied


@pytest.mark.parametrize(
    ("included", "revision"),
    [
        ([{"type": "versions", "id": "5"}, {"type": "versions", "id": "12"}], "12"),
        ([{"type": "versions", "id": "5"}, {"type": "attachments", "id": "99"}], "5"),
        ([{"type": "attachments", "id": "99"}, "x", {"type": "versions", "id": "new"}], None),
        (None, None),
    ],
)
def test_only_a_revision_of_it_glue_is_one(
    systems: Systems, included: Any, revision: str | None
) -> None:
    """Whatever else is included has ids as well, and the greatest number is the newest."""
    entry = {"id": "1", "type": "passwords", "attributes": {"organization-id": 7}}
    systems.answers = {"/passwords/1": {"data": entry, "included": included}}
    assert systems.it_glue().write_password(SEVEN, RemoteId("1"), Secret("new")) == revision


@pytest.mark.parametrize("body", [{"itemId": 0}, {"itemId": None}, {}, []])
def test_a_contact_of_autotask_without_an_id_is_said_to_be_there(
    systems: Systems, body: Any
) -> None:
    """0 is no contact's id; the next run looks for it."""
    systems.answers = {"/entityInformation/fields": {"fields": []}, "/Contacts": body}
    with pytest.raises(Unexpected, match="without an id") as caught:
        systems.autotask().create_contact(SEVEN, ANN)
    assert caught.value.maybe_applied


@pytest.mark.parametrize(
    ("rows", "following", "words"),
    [
        ([organization(1)], lambda page: page + 1, "nothing new"),
        ([organization(1)], lambda page: page + 2, "names page 3 as the one after 1"),
        ([organization(1)], lambda page: page, "names page 1 as the one after 1"),
    ],
)
def test_pages_of_it_glue_that_do_not_follow_each_other_are_given_up(
    systems: Systems, rows: list[Any], following: Callable[[int], int], words: str
) -> None:
    """Neither a loop nor a gap is taken for a list."""
    pages = count(1)

    def answer() -> dict[str, Any]:
        return {"data": rows, "meta": {"total-count": 9, "next-page": following(next(pages))}}

    systems.answers = {"/organizations": answer}
    with pytest.raises(Unexpected, match=words):
        list(systems.it_glue().list_organizations())
    assert len(systems.asked) <= 2


def test_a_page_of_connect_wise_that_links_to_itself_is_given_up(systems: Systems) -> None:
    """It would be read for ever."""
    link = f'<{systems.address}/v4_6_release/apis/3.0/company/companies?pageId=1>; rel="next"'
    page = Reply(body=b'[{"id": 1, "name": "Contoso"}]', headers=(("Link", link),))
    systems.answers = {"/company/companies": page}
    with pytest.raises(Unexpected, match="nothing new"):
        list(systems.connect_wise().list_companies())
    assert len(systems.asked) == 2


@pytest.mark.parametrize("second", [7, 6])
def test_a_list_of_autotask_in_no_order_is_given_up(systems: Systems, second: int) -> None:
    """The next page is asked for by the last id, so that what comes before it would be missed."""
    rows = [{"id": one, "companyName": "Contoso", "isActive": True} for one in (7, second)]
    systems.answers = {"/Companies/query": {"items": rows, "pageDetails": {"nextPageUrl": None}}}
    with pytest.raises(Unexpected, match="no order of ids"):
        list(systems.autotask().list_companies())
