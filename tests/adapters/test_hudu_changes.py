"""Reading only what changed in Hudu gives what reading everything gives, and never costs more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from tests.contract.vault.any_vault import draft
from tests.contract.vault.hudu_world import HuduWorld
from tests.vendor.exchanges import Exchange, record

from muster.adapters.hudu import HuduVault
from muster.errors import AccessDenied, RateLimited, Rejected, RemoteError, Unavailable, Unexpected
from muster.lab.faults import (
    Disconnect,
    FaultKind,
    HtmlError,
    LostReply,
    Meanwhile,
    ServerError,
    Throttle,
    WrongRow,
)
from muster.lab.hudu import HuduKnobs, HuduLab, KeyRights, TimeFilter
from muster.model.names import RemoteId
from muster.model.records import EntryChange, VaultCategory, VaultEntry
from muster.model.secret import Secret

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CATEGORY = VaultCategory(id=RemoteId("Active Directory"), name="Active Directory")
CHANGES = "updated_at="


@dataclass(slots=True)
class Company:
    """One company whose entries are a month old, an adapter, and a clock that tests move."""

    world: HuduWorld
    said: list[Exchange]
    id: RemoteId
    ids: list[RemoteId]
    vault: HuduVault
    now: datetime = NOW

    def read(self) -> dict[RemoteId, VaultEntry]:
        """Read the entries with the adapter that is kept."""
        return {one.id: one for one in self.vault.list_entries(self.id)}

    def whole(self) -> dict[RemoteId, VaultEntry]:
        """Read the entries as a process that was just started does."""
        return {one.id: one for one in self.world.open(self.lab.key).list_entries(self.id)}

    def asked(self, act: Callable[[], object]) -> tuple[int, int, int]:
        """Return how many whole lists' pages, pages of changes and rows an act costs."""
        before = len(self.said)
        act()
        lists = [one for one in self.said[before:] if one.path.endswith("/asset_passwords")]
        lists = [one for one in lists if one.method == "GET"]
        changes = sum("updated_at" in one.query for one in lists)
        rows = sum(len(one.answer.get("asset_passwords", ())) for one in lists)
        return len(lists) - changes, changes, rows

    @property
    def is_whole(self) -> bool:
        """Whether the next read is that of the whole list."""
        return self.asked(self.read)[0] > 0

    @property
    def lab(self) -> HuduLab:
        """The simulated Hudu."""
        return self.world.lab


Open = Callable[..., Company]


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """One authority for all labs of this file."""
    return trustme.CA()


@pytest.fixture
def open_company(ca: trustme.CA) -> Iterator[Open]:
    """Return a function that starts a Hudu with a company of some size, and reads it once."""
    with ExitStack() as stack:

        def start(size: int = 6, most_entries: int = 100_000, **knobs: object) -> Company:
            quirks = HuduKnobs(requests_per_window=None, **knobs)  # type: ignore[arg-type]
            lab = stack.enter_context(HuduLab(ca=ca, knobs=quirks))
            world = HuduWorld(lab, stack)
            number = world.add_organization("Contoso")
            lab.clock = lambda: NOW - timedelta(days=30)
            ids = [world.add_entry(number, f"entry {n}", password="x") for n in range(size - 1)]
            lab.clock = lambda: NOW - timedelta(days=29)
            ids.append(world.add_entry(number, "the last", password="x"))
            vault = world.open(lab.key, retry_budget_s=0.1, most_entries=most_entries)
            company = Company(world=world, said=record(lab), id=number, ids=ids, vault=vault)
            lab.clock = lambda: company.now
            company.read()
            return company

        yield start


@pytest.fixture
def company(open_company: Open) -> Company:
    """A company of six entries that was read once, so that changes are followed from now on."""
    return open_company()


@pytest.mark.parametrize(
    ("size", "whole", "rows"), [(6, 1, 6), (24, 1, 24), (25, 2, 25), (1030, 6, 2060)]
)
def test_nothing_new_costs_one_request_and_one_row(
    open_company: Open, size: int, whole: int, rows: int
) -> None:
    """Whatever the size: never more than the list costs, and no password but that of one row."""
    company = open_company(size)
    assert company.asked(company.whole) == (whole, 0, rows)
    assert company.asked(company.read) == (0, 1, 1)
    assert len(company.read()) == size


def test_changes_come_to_what_a_whole_read_shows(company: Company) -> None:
    """New, edited twice, archived, brought back, moved in: the list is the same."""
    lab, ids = company.lab, company.ids
    foreign = company.world.add_entry(company.world.add_organization("Fabrikam"), "foreign")
    for step in range(2):
        company.now += timedelta(minutes=10)
        lab.edit_password(ids[0], name=f"edited {step}", username="jsmith")
        lab.edit_password(ids[1], archived=not step)
        lab.edit_password(ids[2], archived=True)
        lab.add_password(company.id, "new", description="Ours\n[muster:contoso/1]")
        if step:
            lab.move_password(foreign, company.id)
        assert company.asked(company.read)[0] == 0
        assert company.read() == company.whole()
    assert {ids[1], foreign} < company.read().keys()
    assert ids[2] not in company.read()


def test_a_deletion_is_seen_after_an_hour_at_the_latest(company: Company) -> None:
    """Changes show neither what is deleted nor what is moved away; the whole list does."""
    company.lab.delete_password(company.ids[0])
    company.lab.move_password(company.ids[1], company.world.add_organization("Fabrikam"))
    company.now += HOUR - timedelta(seconds=1)
    assert list(company.read()) == company.ids
    company.now += timedelta(seconds=1)
    assert company.is_whole
    assert list(company.read()) == company.ids[2:]


@pytest.mark.parametrize("happen", ["deleted", "moved"])
def test_the_last_edit_is_missed_at_once(company: Company, happen: str) -> None:
    """The row that each answer must hold is gone, so that the whole list is read, and trusted."""
    if happen == "deleted":
        company.lab.delete_password(company.ids[-1])
    else:
        company.lab.move_password(company.ids[-1], company.world.add_organization("Fabrikam"))
    assert list(company.read()) == company.ids[:-1]
    assert company.asked(company.read)[:2] == (0, 1)


def test_an_edit_that_is_dated_earlier_and_seen_later_is_not_lost(company: Company) -> None:
    """A slow edit, or a second server of Hudu's whose clock is behind, by some minutes."""
    company.lab.edit_password(company.ids[-1], name="dated 12:00")
    company.read()
    company.now += timedelta(minutes=3)
    company.lab.clock = lambda: NOW - timedelta(minutes=1)
    late = company.world.add_entry(company.id, "dated 11:59")
    company.lab.clock = lambda: company.now
    assert late in company.read()


def test_the_overlap_is_read_once_more_and_then_no_longer(company: Company) -> None:
    """After a busy minute the rows of that minute are not asked for again and again."""
    for n in range(20):
        company.lab.edit_password(company.ids[0], name=f"edit {n}")
        company.world.add_entry(company.id, f"imported {n}")
        company.now += timedelta(seconds=2)
    company.lab.edit_password(company.ids[0], name="the end of it")
    rows = []
    for _ in range(3):
        rows.append(company.asked(company.read)[2])
        company.now += timedelta(minutes=6)
    assert rows == [22, 21, 1]


def test_what_changes_during_a_whole_read_is_not_lost(open_company: Open) -> None:
    """A row that was read before its edit comes again, although later ones were read after."""
    company = open_company(size=1030)
    company.now += HOUR

    def happen() -> None:
        company.lab.edit_password(company.ids[0], name="edited meanwhile")
        company.now += timedelta(minutes=1)
        company.lab.edit_password(company.ids[-1], name="edited after it")

    for _ in range(2):
        company.world.faults.add(Meanwhile(action=happen), path=r"archived=false&page=1&")
    company.read()
    company.now += timedelta(minutes=30)
    assert company.read() == company.whole()


@pytest.mark.parametrize(
    ("time_filter", "cost"),
    [
        (TimeFilter.IGNORED, (1, 1, 12)),
        (TimeFilter.REFUSED, (1, 1, 6)),
        (TimeFilter.EXACT, (1, 1, 6)),
    ],
)
def test_a_hudu_that_does_not_filter_is_read_whole(
    open_company: Open, time_filter: TimeFilter, cost: tuple[int, int, int]
) -> None:
    """One question shows it; for a day there is no other one, for no company of that Hudu."""
    company = open_company(time_filter=time_filter)
    company.lab.edit_password(company.ids[0], name="edited")
    assert company.asked(company.read) == cost
    assert company.read() == company.whole()
    company.now += DAY - timedelta(seconds=1)
    for _ in range(2):
        assert company.asked(company.read) == (1, 0, 6)
    company.lab.delete_password(company.ids[0])
    assert list(company.read()) == company.ids[1:]
    company.now += timedelta(seconds=1)
    assert [company.asked(company.read)[1] for _ in range(2)] == [0, 1]


@pytest.mark.parametrize("time_filter", [TimeFilter.IGNORED, TimeFilter.REFUSED])
def test_the_check_says_that_nothing_is_filtered(
    open_company: Open, time_filter: TimeFilter
) -> None:
    """It works all the same, so that it is told and no failure."""
    for how, told in ((time_filter, True), (TimeFilter.RANGE, False)):
        check = open_company(time_filter=how).vault.check()[-1]
        assert check.ok
        assert ("does not filter" in check.detail) is told


def test_the_check_sees_no_password(company: Company) -> None:
    """It asks for what nobody can have edited."""
    assert company.asked(company.vault.check) == (0, 1, 0)


def test_an_archive_that_lists_do_not_show_is_seen_after_an_hour(open_company: Open) -> None:
    """Unconfirmed: that lists show archived entries when they are not asked otherwise."""
    company = open_company(archived_in_lists=False)
    company.lab.edit_password(company.ids[0], archived=True)
    company.read()
    company.now += HOUR
    assert list(company.read()) == company.ids[1:]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (ServerError(status=503), Unavailable),
        (HtmlError(status=502), Unavailable),
        (Disconnect(), Unavailable),
        (Throttle(retry_after=1), RateLimited),
    ],
    ids=str,
)
def test_changes_that_cannot_be_read_are_an_error(
    company: Company, fault: FaultKind, error: type[RemoteError]
) -> None:
    """An outage is no "nothing new". The memory stays, and goes on where it was."""
    company.lab.edit_password(company.ids[0], name="edited")
    company.world.faults.add(fault, path=CHANGES, times=-1)
    hasty = company.world.open(company.lab.key, retry_budget_s=0, pause_s=lambda: 0)
    company.vault = hasty
    list(hasty.list_entries(company.id))
    with pytest.raises(error):
        company.read()
    company.world.faults.clear()
    if error is not RateLimited:
        assert company.asked(company.read)[:2] == (0, 1)
        assert company.read() == company.whole()


def test_the_second_page_of_changes_that_fails_changes_nothing(open_company: Open) -> None:
    """Either all changes are taken over, or none."""
    company = open_company(size=60, max_page=25)
    for number in company.ids[:40]:
        company.lab.edit_password(number, name="edited")
    company.world.faults.add(ServerError(), path=CHANGES + r".*page=2&", times=-1)
    with pytest.raises(Unavailable):
        company.read()
    company.world.faults.clear()
    assert company.asked(company.read)[0] == 0
    assert company.read() == company.whole()


def test_changes_of_another_company_are_an_error(company: Company) -> None:
    """Nothing of such an answer is used, and the next read is a whole one."""
    company.world.add_entry(company.world.add_organization("Fabrikam"), "foreign")
    company.world.faults.add(WrongRow(), path=CHANGES)
    with pytest.raises(Unexpected, match="belongs to"):
        company.read()
    assert company.is_whole


def test_a_key_that_lost_its_right_ends_the_memory(company: Company) -> None:
    """What it may see once it is back need not be what it saw."""
    rights = KeyRights(passwords=False)
    company.lab.grant(company.lab.key, rights)
    with pytest.raises(AccessDenied):
        company.read()
    company.lab.grant(company.lab.key, KeyRights())
    assert company.is_whole


@pytest.mark.parametrize("happen", ["deleted", "moved"])
def test_a_remembered_entry_gets_no_password_that_is_not_its_own(
    company: Company, happen: str
) -> None:
    """A write looks first: what is gone or another company's is refused, and the list read."""
    stale, theirs = company.ids[0], company.world.add_organization("Fabrikam")
    if happen == "deleted":
        company.lab.delete_password(stale)
    else:
        company.lab.move_password(stale, theirs)
    assert stale in company.read()
    with pytest.raises(Rejected):
        company.vault.write_password(company.id, stale, Secret("new"))
    assert company.world.writes() == 0
    assert [row["password"] for row in company.world.stored(theirs)] in ([], ["x"])
    assert company.is_whole
    assert stale not in company.read()


def _create(company: Company) -> None:
    company.vault.create_entry(company.id, draft(CATEGORY))


def _update(company: Company) -> None:
    company.vault.update_entry(company.id, company.ids[0], EntryChange(name="corrected"))


def _lose(company: Company) -> None:
    company.world.faults.add(LostReply(), method="POST")
    with pytest.raises(Unavailable):
        _create(company)


@pytest.mark.parametrize("write", [_create, _update, _lose])
def test_what_muster_wrote_is_looked_for_in_the_whole_list(
    company: Company, write: Callable[[Company], None]
) -> None:
    """Nothing that decides over a second create rests on a filter by time."""
    write(company)
    assert company.is_whole
    assert company.read() == company.whole()


def test_the_second_before_the_first_change_is_asked_for_whole(company: Company) -> None:
    """The filter knows whole seconds, so that it shows what was edited early in the first one."""
    company.now += timedelta(milliseconds=200)
    company.lab.edit_password(company.ids[0], name="early")
    company.now += timedelta(minutes=5, milliseconds=500)
    company.lab.edit_password(company.ids[1], name="late")
    company.read()
    assert company.asked(company.read) == (0, 1, 2)
    assert company.read() == company.whole()


def test_a_read_that_took_long_is_not_remembered(company: Company) -> None:
    """What was edited while it lasted might be dated before the last edit that it showed."""

    def wait() -> None:
        company.now += timedelta(minutes=3)

    company.world.faults.add(Meanwhile(action=wait), path=CHANGES)
    company.read()
    assert company.is_whole


def test_a_clock_that_is_set_back_makes_no_memory_last_longer(company: Company) -> None:
    """Nobody knows how old it is by then."""
    company.now -= timedelta(minutes=30)
    assert company.is_whole
    assert not company.is_whole


def test_a_write_during_a_read_ends_its_memory_too(company: Company) -> None:
    """What was read before the write is returned, and not remembered."""
    company.world.faults.add(Meanwhile(action=lambda: _update(company)), path=CHANGES)
    company.read()
    assert company.is_whole


def _edited_in_the_future(company: Company) -> None:
    company.lab.clock = lambda: NOW + DAY
    company.lab.edit_password(company.ids[0], name="edited tomorrow")
    company.lab.clock = lambda: company.now


def _clock_set_back(company: Company) -> None:
    company.now -= HOUR


@pytest.mark.parametrize("happen", [_edited_in_the_future, _clock_set_back])
def test_clocks_that_cannot_be_right_lead_to_whole_reads(
    company: Company, happen: Callable[[Company], None]
) -> None:
    """A date of tomorrow would hide what is edited today; a clock set back, an old memory."""
    happen(company)
    company.read()
    company.lab.edit_password(company.ids[1], name="edited now")
    assert company.read() == company.whole()


def test_an_empty_company_is_read_whole(open_company: Open) -> None:
    """It costs nothing, and there is no edit from which changes could begin."""
    company = open_company(size=1)
    company.lab.delete_password(company.ids[0])
    for _ in range(2):
        assert company.is_whole
    company.world.add_entry(company.id, "first")
    assert company.read() == company.whole() != {}


def test_what_is_kept_has_a_limit(open_company: Open) -> None:
    """A list that does not fit is read whole; those that are kept stay, until they are old."""
    company = open_company(size=6, most_entries=10)
    other = company.world.add_organization("Fabrikam")
    for n in range(5):
        company.world.add_entry(other, f"theirs {n}")
    for _ in range(2):
        cost = company.asked(lambda: list(company.vault.list_entries(other)))
        assert cost == (1, 0, 5)
    assert company.asked(company.read) == (0, 1, 1)
    company.now += HOUR
    for cost in ((1, 0, 5), (0, 1, 5)):
        assert company.asked(lambda: list(company.vault.list_entries(other))) == cost


def test_threads_do_not_disturb_each_other(company: Company) -> None:
    """Reads and writes of several companies at once end in what Hudu holds."""
    others = [company.world.add_organization(f"Customer {n}") for n in range(3)]
    owned = {other: company.world.add_entry(other, "entry") for other in others}

    def work(turn: int) -> None:
        other = others[turn % len(others)]
        if turn % 4 == 0:
            company.lab.edit_password(owned[other], username=f"user{turn}")
        if turn % 7 == 0:
            company.vault.update_entry(other, owned[other], EntryChange(name=f"name {turn}"))
        assert [one.id for one in company.vault.list_entries(other)] == [owned[other]]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(60)))
    fresh = company.world.open(company.lab.key)
    for other in others:
        assert list(company.vault.list_entries(other)) == list(fresh.list_entries(other))
