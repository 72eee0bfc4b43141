"""The simulated Graph, asked by a plain client: what the documents say it does."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import trustme
from tests.lab.http.conftest import Clock

from muster.lab.directory.domain import LabDomain
from muster.lab.generate.msp import generate_msp
from muster.lab.generate.populate import populate_domain
from muster.lab.generate.seeds import Oddity
from muster.lab.graph import READ_PERMISSIONS, GraphLab
from muster.lab.graph.populate import is_person, populate_tenant

Connect = Callable[..., httpx.Client]
ADVANCED = {"ConsistencyLevel": "eventual"}


@pytest.fixture
def lab(ca: trustme.CA, clock: Clock) -> GraphLab:
    """A Graph with one tenant."""
    lab = GraphLab(ca=ca, clock=clock)
    lab.add_tenant("Contoso", ("contoso.example",), id="6f1c0000-0000-4000-8000-000000000000")
    return lab


@pytest.fixture
def tenant(lab: GraphLab) -> str:
    """The tenant's id."""
    return "6f1c0000-0000-4000-8000-000000000000"


@pytest.fixture
def graph(connect: Connect, lab: GraphLab, tenant: str) -> httpx.Client:
    """A client that has signed in."""
    client = connect(lab)
    sign_in(client, lab, tenant)
    return client


def sign_in(client: httpx.Client, lab: GraphLab, tenant: str) -> None:
    """Take a token as the application and present it from now on."""
    form = {
        "client_id": lab.client_id,
        "client_secret": lab.client_secret,
        "scope": f"{lab.graph_endpoint}/.default",
        "grant_type": "client_credentials",
    }
    token = client.post(f"/{tenant}/oauth2/v2.0/token", data=form).json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"


def code(answer: httpx.Response) -> tuple[int, str]:
    """Return status and error code."""
    return answer.status_code, answer.json()["error"]["code"]


def test_without_a_selection_few_properties_come(
    graph: httpx.Client, lab: GraphLab, tenant: str
) -> None:
    """Addresses and licences must be asked for; one user is found by name as well."""
    lab.add_user(tenant, "joan@contoso.example", mail="joan@contoso.example")
    user = graph.get("/v1.0/users/JOAN@contoso.example").json()
    assert user["mail"] == "joan@contoso.example"
    assert not {"proxyAddresses", "accountEnabled", "assignedPlans"} & user.keys()
    selected = graph.get("/v1.0/users", params={"$select": "accountEnabled"}).json()
    assert set(selected["value"][0]) == {"id", "accountEnabled"}


@pytest.mark.parametrize(
    ("query", "headers", "answer"),
    [
        ({"$top": "1000"}, {}, (400, "Request_UnsupportedQuery")),
        ({"$select": "aboutMe"}, {}, (501, "NotImplemented")),
        ({"$select": "shoeSize"}, {}, (400, "BadRequest")),
        ({"$skiptoken": "made-up"}, {}, (400, "Directory_ExpiredPageToken")),
        ({"$filter": "userType ne 'Guest'"}, {}, (400, "Request_UnsupportedQuery")),
        (
            {"$filter": "onPremisesSamAccountName eq 'x'", "$count": "true"},
            {},
            (400, "Request_UnsupportedQuery"),
        ),
        ({"$filter": "userType is 'Guest'"}, {}, (400, "BadRequest")),
    ],
)
def test_what_graph_does_not_take(
    graph: httpx.Client, query: dict[str, str], headers: dict[str, str], answer: tuple[int, str]
) -> None:
    """Page sizes, properties, links and filters that Graph refuses are refused."""
    assert code(graph.get("/v1.0/users", params=query, headers=headers)) == answer


@pytest.mark.parametrize(
    ("text", "headers", "names"),
    [
        ("accountEnabled eq true and userType eq 'Member'", {}, ["O'Brien", "Zoë"]),
        ("displayName eq 'o''brien'", {}, ["O'Brien"]),
        ("startswith(displayName,'zo')", {}, ["Zoë"]),
        ("accountEnabled eq false", {}, ["Gone"]),
        ("userType ne 'Member'", ADVANCED, ["Guest"]),
        ("endsWith(mail,'@partner.example')", ADVANCED, ["Guest"]),
    ],
)
def test_filters(
    graph: httpx.Client,
    lab: GraphLab,
    tenant: str,
    text: str,
    headers: dict[str, str],
    names: list[str],
) -> None:
    """Simple filters work by themselves, advanced ones with header and count."""
    lab.add_user(tenant, "o@contoso.example", display_name="O'Brien")
    lab.add_user(tenant, "z@contoso.example", display_name="Zoë")
    lab.add_user(tenant, "gone@contoso.example", display_name="Gone", enabled=False)
    lab.add_user(tenant, "g@x", display_name="Guest", guest=True, mail="g@partner.example")
    query = {"$filter": text, "$select": "displayName", "$count": "true"}
    body = graph.get("/v1.0/users", params=query, headers=headers).json()
    assert sorted(user["displayName"] for user in body["value"]) == names
    assert body.get("@odata.count") == (len(names) if headers else None)


def test_members_come_mixed_and_a_cast_is_advanced(
    graph: httpx.Client, lab: GraphLab, tenant: str
) -> None:
    """Each member has its type; only an advanced query may ask for one of them."""
    user = lab.add_user(tenant, "joan@contoso.example")
    inner = lab.add_group(tenant, "Inner")
    group = lab.add_group(tenant, "Staff", [user, inner, lab.add_device(tenant)])
    path = f"/v1.0/groups/{group}/members"
    kinds = [one["@odata.type"].rpartition(".")[2] for one in graph.get(path).json()["value"]]
    assert kinds == ["user", "group", "device"]
    cast = f"{path}/microsoft.graph.user"
    assert code(graph.get(cast)) == (400, "Request_UnsupportedQuery")
    found = graph.get(cast, params={"$count": "true"}, headers=ADVANCED).json()
    assert ([one["id"] for one in found["value"]], found["@odata.count"]) == ([user], 1)


def test_members_without_permission_are_bare(
    graph: httpx.Client, lab: GraphLab, tenant: str
) -> None:
    """Without leave to read users, a member is an id with nothing in it."""
    user = lab.add_user(tenant, "joan@contoso.example")
    group = lab.add_group(tenant, "Staff", [user])
    lab.consent(tenant, {"GroupMember.Read.All"})
    sign_in(graph, lab, tenant)
    query = {"$select": "displayName"}
    (member,) = graph.get(f"/v1.0/groups/{group}/members", params=query).json()["value"]
    assert (member["id"], member["displayName"]) == (user, None)


def test_a_batch_answers_each_request_by_itself(
    graph: httpx.Client, lab: GraphLab, tenant: str
) -> None:
    """In any order, with a status each; more than twenty or the same id twice is refused."""
    user = lab.add_user(tenant, "joan@contoso.example")

    def send(*urls: str, ids: str = "abcdefghijklmnopqrstuvwxyz") -> Any:
        requests = [
            {"id": one, "method": "GET", "url": url} for one, url in zip(ids, urls, strict=False)
        ]
        return graph.post("/v1.0/$batch", json={"requests": requests})

    answers = send(f"/users/{user}", "/users/nobody", "/organization").json()["responses"]
    assert [one["id"] for one in answers] == ["c", "b", "a"]
    assert [one["status"] for one in answers] == [200, 404, 200]
    assert send(*["/organization"] * 21).status_code == 400
    assert send("/organization", "/users", ids="aa").status_code == 400


def test_a_token_ends_and_ids_are_echoed(graph: httpx.Client, clock: Clock) -> None:
    """After an hour Graph wants a new token; every answer names the request."""
    answer = graph.get("/v1.0/organization", headers={"client-request-id": "mine"})
    assert answer.headers["client-request-id"] == "mine"
    assert answer.headers["request-id"]
    clock.forward(3600)
    assert code(graph.get("/v1.0/organization")) == (401, "InvalidAuthenticationToken")


def test_a_synchronized_user_cannot_be_changed_and_mail_is_accepted(
    graph: httpx.Client, lab: GraphLab, tenant: str
) -> None:
    """Only passwords can be set; a mail needs a mailbox, and is accepted, not answered."""
    sender = lab.add_user(tenant, "joan@contoso.example", mail="joan@contoso.example")
    other = lab.add_user(tenant, "nora@contoso.example", mailbox=False)
    lab.consent(tenant, {"Mail.Send", "User-PasswordProfile.ReadWrite.All"})
    sign_in(graph, lab, tenant)
    refused = graph.patch(f"/v1.0/users/{sender}", json={"displayName": "J"})
    assert code(refused) == (400, "Request_BadRequest")
    mail = {"message": {"subject": "Welcome"}}
    assert graph.post(f"/v1.0/users/{sender}/sendMail", json=mail).status_code == 202
    assert code(graph.post(f"/v1.0/users/{other}/sendMail", json=mail)) == (
        404,
        "MailboxNotEnabledForRESTAPI",
    )
    assert lab.sent_mail(tenant) == [mail]
    assert lab.writes() == 1
    assert "Mail.Send" not in READ_PERMISSIONS


def test_a_hybrid_tenant_points_back_to_its_domain(lab: GraphLab) -> None:
    """Each person of the plan is a synchronized user that names its object and its SID."""
    customer = generate_msp(customers=1, people_per_customer=12).customers[0]
    domain = LabDomain(customer.facts.dns_name, customer.facts.netbios_name)
    populate_domain(domain, customer, {})
    tenant = populate_tenant(lab, customer, domain)
    by_sam = {user["onPremisesSamAccountName"]: user for user in lab.users(tenant)}
    people = [account for account in customer.accounts if is_person(account)]
    assert {account.sam for account in people} == by_sam.keys() - {None}
    for account in people:
        dn = domain.find(account.sam)
        user = by_sam[account.sam]
        assert user["onPremisesSecurityIdentifier"] == domain.object_sid(dn)
        identity = uuid.UUID(bytes_le=base64.b64decode(user["onPremisesImmutableId"]))
        assert str(identity) == domain.object_id(dn)
        assert user["onPremisesSyncEnabled"] is True
    kinds = [(user["userType"], user["accountEnabled"]) for user in lab.users(tenant)[-3:]]
    assert kinds == [("Member", True), ("Guest", True), ("Member", False)]


def test_a_cloud_tenant_has_the_planned_groups(lab: GraphLab) -> None:
    """People are cloud users, administrators hold a role, the staff group has its members."""
    customer = generate_msp(customers=2).customers[1]
    tenant = populate_tenant(lab, customer, None)
    users = lab.users(tenant)
    assert not any(user["onPremisesSyncEnabled"] for user in users)
    staff = [one for one, name in lab.groups(tenant).items() if name == customer.facts.staff_group]
    members = set(lab.members(tenant, staff[0]))
    direct = {user["id"] for user in users} & members
    agency = members - direct
    assert len(direct) > 30
    assert len(agency) == 1
    assert len(lab.assignments(tenant)) == 1 + sum(
        len(customer.showing(oddity)) for oddity in Oddity if oddity.startswith("Administrator")
    )
