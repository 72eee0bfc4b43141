"""What Hudu does that no other vault does: null for nothing, no totals, a window of minutes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
import trustme
from tests.contract.vault.any_vault import MARK, draft, entries
from tests.contract.vault.hudu_world import HuduWorld
from tests.vendor.exchanges import record
from werkzeug.wrappers import Request

from muster.adapters.hudu import HuduVault
from muster.adapters.hudu.answers import explain
from muster.adapters.hudu.window import until_next_window_s
from muster.errors import AccessDenied, RateLimited, Rejected, SpecError, Unavailable, Unexpected
from muster.lab.faults import DropRows, Meanwhile, Throttle
from muster.lab.http_server import Delivery, LoopbackServer, Reply
from muster.lab.hudu import HuduKnobs, HuduLab, KeyRights
from muster.model.connections import Hudu, SecretRef
from muster.model.names import RemoteId
from muster.model.records import EntryChange
from muster.model.secret import Secret
from muster.plan.vault_matching import CATEGORIES, category_to_write
from muster.transport.options import HttpOptions

GONE = RemoteId("987654")

OpenWorld = Callable[[HuduKnobs], HuduWorld]


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """One authority for all labs of this file."""
    return trustme.CA()


@pytest.fixture
def open_world(ca: trustme.CA) -> Iterator[OpenWorld]:
    """Return a function that starts a Hudu with chosen quirks."""
    with ExitStack() as stack:

        def start(knobs: HuduKnobs) -> HuduWorld:
            return HuduWorld(stack.enter_context(HuduLab(ca=ca, knobs=knobs)), stack)

        yield start


@pytest.fixture
def world(open_world: OpenWorld) -> HuduWorld:
    """Return a Hudu with its likeliest quirks."""
    return open_world(HuduKnobs(requests_per_window=None))


def test_null_means_that_the_entry_is_gone(world: HuduWorld) -> None:
    """200 with `null` is no success: every act on a missing entry is rejected."""
    company = world.add_organization("Contoso")
    for act in (
        lambda: world.vault.update_entry(company, GONE, EntryChange(name="x")),
        lambda: world.vault.write_password(company, GONE, Secret("x")),
        lambda: world.vault.read_password(company, GONE),
    ):
        with pytest.raises(Rejected, match="no entry 987654"):
            act()
    assert world.writes() == 0


def test_an_entry_that_vanishes_before_the_write_is_rejected(world: HuduWorld) -> None:
    """Between our look and our write somebody may delete it; then nothing was written."""
    company = world.add_organization("Contoso")
    entry = world.add_entry(company, "Joan", password="old")
    world.faults.add(Meanwhile(action=lambda: world.lab.delete_password(entry)), method="GET")
    with pytest.raises(Rejected) as caught:
        world.vault.write_password(company, entry, Secret("new"))
    assert not caught.value.maybe_applied


@pytest.mark.parametrize(
    "knobs",
    [
        HuduKnobs(create_status=201),
        HuduKnobs(wrapped=False),
        HuduKnobs(archived_filter=False),
        HuduKnobs(archived_in_lists=False),
        HuduKnobs(in_portal_echoed=True),
    ],
    ids=["201", "bare records", "no archived filter", "archived left out", "portal echoed"],
)
def test_every_dialect_of_hudu_is_understood(open_world: OpenWorld, knobs: HuduKnobs) -> None:
    """Versions differ in statuses, wrappers and filters; the outcome is the same."""
    world = open_world(knobs)
    company = world.add_organization("Contoso")
    world.add_entry(company, "archived", archived=True)
    created = world.vault.create_entry(company, draft(world.add_category("Active Directory")))
    world.vault.write_password(company, created, Secret("new"))
    world.vault.update_entry(company, created, EntryChange(name="Joan"))
    assert [(one.id, one.name, one.mark) for one in entries(world, company)] == [
        (created, "Joan", MARK)
    ]
    password = world.vault.read_password(company, created)
    assert password is not None
    assert password.reveal() == "new"
    found = world.vault.find_organization(company)
    assert found is not None
    assert found.name == "Contoso"


def test_a_change_sends_nothing_but_what_changes(world: HuduWorld) -> None:
    """Above all not `in_portal`, which would show the entry to the customer."""
    company = world.add_organization("Contoso")
    entry = world.add_entry(company, "Joan", password="old")
    said = record(world.lab)
    world.vault.update_entry(company, entry, EntryChange(username="jsmith"))
    world.vault.write_password(company, entry, Secret("new"))
    sent = [one.body["asset_password"] for one in said if one.method == "PUT"]
    assert sent == [{"username": "jsmith"}, {"password": "new"}]


def test_an_entry_is_linked_to_its_own_page(open_world: OpenWorld) -> None:
    """`url` counts only when it is the record's own path, not the website's address."""
    for own, knobs in ((True, HuduKnobs()), (False, HuduKnobs(url_is_record_path=False))):
        world = open_world(knobs)
        company = world.add_organization("Contoso")
        world.add_entry(company, "Joan", login_url="https://example.com/login")
        (entry,) = entries(world, company)
        slug = world.stored(company)[0]["slug"]
        assert entry.url == (f"{world.lab.endpoint}/passwords/{slug}" if own else None)


@pytest.mark.parametrize("max_page", [25, 100, 1000])
def test_a_list_is_whole_whatever_size_hudu_cuts_its_pages_to(
    open_world: OpenWorld, max_page: int
) -> None:
    """A page that is shorter than we asked is not the last one for that."""
    world = open_world(HuduKnobs(max_page=max_page, requests_per_window=None))
    company = world.add_organization("Contoso")
    ids = {world.add_entry(company, f"entry {n}") for n in range(200)}
    assert {one.id for one in entries(world, company)} == ids


def test_a_small_list_costs_one_request(world: HuduWorld) -> None:
    """Fewer rows than any page holds are the end."""
    company = world.add_organization("Contoso")
    for n in range(24):
        world.add_entry(company, f"entry {n}")
    assert len(entries(world, company)) == 24
    assert world.requests() == 1


def test_rows_that_miss_from_one_of_several_pages_are_noticed(world: HuduWorld) -> None:
    """A list of several pages is read until two readings agree."""
    company = world.add_organization("Contoso")
    ids = {world.add_entry(company, f"entry {n}") for n in range(1030)}
    world.faults.add(DropRows(count=3), path=r"page=1&")
    assert {one.id for one in entries(world, company)} == ids


def test_a_deletion_between_two_pages_hides_no_entry(world: HuduWorld) -> None:
    """Rows shift; the next reading shows what the first one skipped."""
    company = world.add_organization("Contoso")
    ids = [world.add_entry(company, f"entry {n}") for n in range(1030)]
    world.faults.add(Meanwhile(action=lambda: world.lab.delete_password(ids[0])), path=r"page=1&")
    assert {one.id for one in entries(world, company)} == set(ids[1:])


def test_a_list_that_changes_in_every_reading_is_unavailable(world: HuduWorld) -> None:
    """Then nothing is concluded from it."""
    company = world.add_organization("Contoso")
    for n in range(1030):
        world.add_entry(company, f"entry {n}")
    more = Meanwhile(action=lambda: world.lab.add_password(company, "another"))
    world.faults.add(more, path=r"page=1&", times=-1)
    with pytest.raises(Unavailable, match="changed"):
        entries(world, company)


def test_a_list_that_never_ends_is_given_up(ca: trustme.CA) -> None:
    """A server that ignores `page` shows the same rows for ever."""
    rows = [{"id": n, "name": f"company {n}"} for n in range(25)]
    asked: list[str] = []

    def respond(request: Request) -> Delivery:
        asked.append(request.full_path)
        return Delivery(reply=Reply(body=json.dumps({"companies": rows}).encode()))

    server = LoopbackServer(respond, ca)
    server.start()
    settings = Hudu(
        endpoint=f"https://localhost:{server.port}", api_key=SecretRef(name="hudu", key="key")
    )
    vault = HuduVault(settings, Secret("key"), HttpOptions(ca_pem=ca.cert_pem.bytes().decode()))
    try:
        with pytest.raises(Unexpected, match="nothing new"):
            list(vault.list_organizations())
    finally:
        vault.close()
        server.stop()
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("clock", "seconds"),
    [("12:00:00", 300.0), ("12:00:01", 299.0), ("12:04:59", 1.0), ("23:59:30", 30.0)],
)
def test_the_window_ends_at_the_clocks_next_five_minutes(clock: str, seconds: float) -> None:
    """Counting from the refusal instead would ask too early and burn the retries."""
    now = datetime.fromisoformat(f"2026-03-01T{clock}").replace(tzinfo=UTC)
    assert until_next_window_s(now) == pytest.approx(seconds)


def test_a_full_window_is_waited_for_and_not_asked_about(open_world: OpenWorld) -> None:
    """429 names no delay: the caller learns ours, and until then nothing is sent."""
    world = open_world(HuduKnobs(requests_per_window=1, window_s=300, aligned_window=True))
    company = world.add_organization("Contoso")
    vault = world.open(world.lab.key, pause_s=lambda: 240.0)
    assert list(vault.list_entries(company)) == []
    for _ in range(2):
        with pytest.raises(RateLimited) as caught:
            list(vault.list_entries(company))
        assert caught.value.delay_s == pytest.approx(240, abs=1)
    assert world.requests() == 2


def test_a_named_delay_counts_more_than_the_window(world: HuduWorld) -> None:
    """Where a proxy or a later Hudu names one, it knows better."""
    world.faults.add(Throttle(retry_after=1), method="GET")
    vault = world.open(world.lab.key, pause_s=lambda: 240.0)
    assert list(vault.list_entries(world.add_organization("Contoso"))) == []


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_without_password_access_says_what_it_lacks(
    open_world: OpenWorld, status: int
) -> None:
    """Companies are seen, passwords are denied, and the check names the right."""
    world = open_world(HuduKnobs(no_password_access_status=status))
    company = world.add_organization("Contoso")
    vault = world.open(world.lab.grant("blind", KeyRights(passwords=False)))
    assert vault.find_organization(company) is not None
    with pytest.raises(AccessDenied, match="access to passwords"):
        list(vault.list_entries(company))
    failed = [check for check in vault.check() if not check.ok]
    assert [check.name for check in failed] == ["Hudu password access"]
    assert "access to passwords" in failed[0].advice


def test_an_old_hudu_is_told_of_by_the_check(open_world: OpenWorld) -> None:
    """What is older than anybody's integration supports is named with what to do."""
    world = open_world(HuduKnobs(version="2.1.4"))
    world.add_organization("Contoso")
    (failed,) = [check for check in world.vault.check() if not check.ok]
    assert failed.detail == "version 2.1.4"
    assert failed.advice.startswith("update Hudu")


def test_a_key_of_some_companies_sees_no_others(world: HuduWorld) -> None:
    """A company out of its scope is not found, and its entries are not touched."""
    ours, theirs = world.add_organization("Contoso"), world.add_organization("Fabrikam")
    entry = world.add_entry(theirs, "foreign", password="old")
    key = world.lab.grant("narrow", KeyRights(companies=frozenset({int(ours)})))
    vault = world.open(key)
    assert vault.find_organization(theirs) is None
    assert [one.id for one in vault.list_organizations()] == [ours]
    with pytest.raises(Rejected):
        vault.write_password(theirs, entry, Secret("new"))
    assert world.stored(theirs)[0]["password"] == "old"


def test_every_type_that_the_planner_accepts_can_be_written(world: HuduWorld) -> None:
    """A category is found in a Hudu without any entry, in the planner's own spelling."""
    offered = world.vault.list_categories()
    for source, accepted in CATEGORIES.items():
        chosen = category_to_write(offered, source)
        assert chosen is not None
        assert chosen.name == accepted[0]
        assert {one.name for one in offered} >= set(accepted)


@pytest.mark.parametrize("number", ["", "12,13", "1/../2", "abc", "１２"])
def test_an_id_that_is_no_number_is_never_sent(world: HuduWorld, number: str) -> None:
    """A slug or a path would ask for something else: such ids are the resources' fault."""
    company = world.add_organization("Contoso")
    with pytest.raises(SpecError):
        entries(world, RemoteId(number))
    with pytest.raises(SpecError):
        world.vault.read_password(company, RemoteId(number))
    assert world.requests() == 0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": "Bad credentials"}, "Bad credentials"),
        ({"error": "Parameter missing", "details": "name"}, "Parameter missing; name"),
        ({"errors": "Name can't be blank"}, "Name can't be blank"),
        ({"errors": ["a", "b", 7]}, "a; b"),
        ({"errors": {"name": ["can't be blank"]}}, "name can't be blank"),
        ({"error": "Invalid custom fields", "details": ["x"]}, "Invalid custom fields; x"),
        ({"errors": None}, ""),
        (["x"], ""),
        (None, ""),
    ],
)
def test_every_form_of_error_is_read(body: object, words: str) -> None:
    """Texts, lists, maps and nothing at all."""
    assert explain(body) == words
