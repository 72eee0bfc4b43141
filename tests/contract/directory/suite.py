"""What it means to be a `Directory`, as tests that run against every directory we have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

import pytest
from tests.contract.directory import content
from tests.contract.directory.content import DOMAIN_DN

from muster.adapters.active_directory.sweep import read_domain
from muster.errors import AccessDenied
from muster.model.directory import DirectoryGroup, DirectorySnapshot, DirectoryUser
from muster.model.dn import dn_key, first_value, parent_key
from muster.model.names import AccountId
from muster.ports import Directory
from muster.transport.ldap import Entry, LdapSession
from muster.transport.ldap_connect import LdapLogin, endpoints, open_first

NOBODY: frozenset[AccountId] = frozenset()


class House(Protocol):
    """A directory that holds the content, and ways to change it."""

    def directory(
        self, *, user_name: str = content.READER_UPN, password: str = content.PASSWORD
    ) -> Directory:
        """Return the port, signed in as somebody."""
        ...

    def login(self) -> LdapLogin:
        """Return what a session is opened with."""
        ...

    def move(self, dn: str, new_parent: str) -> str:
        """Move an object; return its new DN."""
        ...

    def delete(self, dn: str) -> None:
        """Delete an object."""
        ...


class HidingSession(LdapSession):
    """Leaves one user out of the first answer, as if it had moved between two pages."""

    def __init__(self, session: LdapSession, hidden: str) -> None:
        super().__init__(session._connection, server=session.server)
        self.hidden = hidden

    def search(self, base: str, search_filter: str, attributes: Sequence[str]) -> Iterator[Entry]:
        """Yield what is there, except, once, the hidden user."""
        hidden, self.hidden = self.hidden, ""
        for entry in super().search(base, search_filter, attributes):
            if entry.first("sAMAccountName") != hidden.encode():
                yield entry


class MovingSession(LdapSession):
    """Lets something happen once the first search, for the users, has ended."""

    def __init__(self, session: LdapSession, meddle: Callable[[], object]) -> None:
        super().__init__(session._connection, server=session.server)
        self.waiting = [meddle]

    def search(self, base: str, search_filter: str, attributes: Sequence[str]) -> Iterator[Entry]:
        """Yield what is there, then meddle, once."""
        yield from super().search(base, search_filter, attributes)
        if self.waiting:
            self.waiting.pop()()


def user(snapshot: DirectorySnapshot, sam: str) -> DirectoryUser:
    """Return the one user of this sAMAccountName."""
    (found,) = (user for user in snapshot.users if user.sam == sam)
    return found


def group(snapshot: DirectorySnapshot, sam: str) -> DirectoryGroup:
    """Return the one group of this sAMAccountName."""
    (found,) = (group for group in snapshot.groups if group.sam == sam)
    return found


class DirectoryContract:
    """Subclasses give a class-scoped fixture `house`; tests that change it use own objects."""

    @pytest.fixture(scope="class")
    @classmethod
    def snapshot(cls, house: House) -> DirectorySnapshot:
        """Return one read of everything, for the tests that only look."""
        return house.directory().read(NOBODY)

    def test_domain_is_named(self, snapshot: DirectorySnapshot) -> None:
        """The domain has its DN, its DNS name, its NetBIOS name and a SID."""
        domain = snapshot.domain
        assert dn_key(domain.dn) == dn_key(DOMAIN_DN)
        assert domain.dns_name == content.DNS_NAME
        assert domain.netbios_name == content.NETBIOS_NAME
        assert domain.sid.startswith("S-1-5-21-")

    def test_every_user_beyond_one_page_is_read(self, snapshot: DirectorySnapshot) -> None:
        """A domain with more than 1,000 users is read to its last user, each once."""
        sams = [user.sam for user in snapshot.users]
        assert len(sams) == len(set(sams))
        assert set(sams) >= set(content.CROWD_SAMS) | {user.sam for user in content.USERS}

    def test_every_member_beyond_one_range_is_read(self, snapshot: DirectorySnapshot) -> None:
        """A group with more than 1,500 members has all of them, each once."""
        members = group(snapshot, "Muster Crowd").members
        crowd = {dn_key(user.dn) for user in snapshot.users if user.sam in content.CROWD_SAMS}
        assert len(members) == content.CROWD_SIZE
        assert set(map(dn_key, members)) == crowd

    def test_only_people_are_users(self, snapshot: DirectorySnapshot) -> None:
        """Computers, managed service accounts and contacts are no users."""
        names = {first_value(user.dn) for user in snapshot.users}
        assert not names & {content.COMPUTER, content.CONTACT, content.MANAGED_SERVICE_ACCOUNT}

    def test_attributes_arrive(self, snapshot: DirectorySnapshot) -> None:
        """A user has the names and addresses that it was given, and the domain's SID."""
        john = user(snapshot, "jsmith")
        assert john.upn == f"jsmith@{content.DNS_NAME}"
        assert (john.given_name, john.surname) == ("John", "Smith")
        assert john.display_name == "John Smith (Sales)"
        assert john.mail == "j.smith@contoso.example"
        assert john.primary_smtp == "John.Smith@contoso.example"
        assert john.sid.rpartition("-")[0] == snapshot.domain.sid
        assert john.enabled
        assert not john.critical

    def test_absent_attributes_are_none(self, snapshot: DirectorySnapshot) -> None:
        """What a user does not have is None, never an empty text."""
        nora = user(snapshot, "nomail")
        assert nora.upn is None
        assert nora.mail is None
        assert nora.primary_smtp is None
        assert nora.given_name is None
        assert nora.surname is None

    @pytest.mark.parametrize("sam", [user.sam for user in content.USERS])
    def test_names_survive(self, snapshot: DirectorySnapshot, sam: str) -> None:
        """Commas, hashes, quotes, other scripts and long names arrive as they were given."""
        (given,) = (user for user in content.USERS if user.sam == sam)
        found = user(snapshot, sam)
        assert first_value(found.dn) == given.name
        assert parent_key(dn_key(found.dn)) == dn_key(given.parent)
        assert found.upn == given.principal

    @pytest.mark.parametrize(
        ("sam", "enabled"), [("jsmith", True), ("ddora", False), ("eexpired", True)]
    )
    def test_enabled_is_one_bit(self, snapshot: DirectorySnapshot, sam: str, enabled: bool) -> None:
        """Disabled is what userAccountControl says; an expired account is still enabled."""
        assert user(snapshot, sam).enabled is enabled

    def test_expiry_is_a_time_or_never(self, snapshot: DirectorySnapshot) -> None:
        """An expiry date is read in UTC, and both spellings of never are None."""
        expired_at = datetime.fromisoformat(content.EXPIRED_AT)
        assert user(snapshot, "eexpired").expires == expired_at
        assert user(snapshot, "nnever").expires is None
        assert user(snapshot, "jsmith").expires is None

    def test_built_in_accounts_are_marked(self, snapshot: DirectorySnapshot) -> None:
        """Administrator, Guest and krbtgt are read, by RID, and marked as critical."""
        critical = {user.rid for user in snapshot.users if user.critical}
        assert critical >= {500, 501, 502}

    def test_primary_group_is_not_a_membership(self, snapshot: DirectorySnapshot) -> None:
        """Domain Users lists nobody whose primary group it is; the user names it by RID."""
        john = user(snapshot, "jsmith")
        (domain_users,) = (g for g in snapshot.groups if g.sid.endswith("-513"))
        assert john.primary_group_rid == 513
        assert dn_key(john.dn) not in map(dn_key, domain_users.members)

    def test_members_are_direct_and_escaped(self, snapshot: DirectorySnapshot) -> None:
        """A group lists users with difficult names and a nested group, not its members."""
        expected = {
            dn_key(user(snapshot, "jsmith").dn),
            dn_key(user(snapshot, "obrien").dn),
            dn_key(group(snapshot, "Muster Nested").dn),
        }
        staff = group(snapshot, "Muster Staff")
        assert set(map(dn_key, staff.members)) == expected
        assert staff.name == "Muster Staff, all"
        assert staff.security
        assert not staff.critical

    def test_empty_and_long_named_groups(self, snapshot: DirectorySnapshot) -> None:
        """A group without members has none, and a long name is whole."""
        assert group(snapshot, "Muster Empty").members == ()
        long = group(snapshot, "A group with a name beyond twenty characters")
        assert list(map(dn_key, long.members)) == [dn_key(user(snapshot, "hash").dn)]

    def test_default_groups_are_critical(self, snapshot: DirectorySnapshot) -> None:
        """Domain Admins and the builtin Administrators are among the groups, by SID."""
        critical = {group.sid for group in snapshot.groups if group.critical}
        assert critical >= {f"{snapshot.domain.sid}-512", "S-1-5-32-544"}

    def test_places_are_listed(self, snapshot: DirectorySnapshot) -> None:
        """Every organizational unit is listed, empty ones too, and the containers."""
        places = set(map(dn_key, snapshot.organizational_units))
        assert places >= {dn_key(f"{place},{DOMAIN_DN}") for place in content.PLACES}
        assert dn_key(f"CN=Users,{DOMAIN_DN}") in places

    def test_hidden_containers_are_found(self, snapshot: DirectorySnapshot) -> None:
        """The default containers are known by their English names, Builtin among them."""
        hidden = {container.name: dn_key(container.dn) for container in snapshot.domain.hidden}
        assert hidden["Users"] == dn_key(f"CN=Users,{DOMAIN_DN}")
        assert hidden["Builtin"] == dn_key(f"CN=Builtin,{DOMAIN_DN}")
        assert hidden["Domain Controllers"] == dn_key(f"OU=Domain Controllers,{DOMAIN_DN}")
        assert hidden["Managed Service Accounts"] == dn_key(
            f"CN=Managed Service Accounts,{DOMAIN_DN}"
        )

    def test_the_end_of_passwords_is_told_where_it_is_asked_for(
        self, house: House, snapshot: DirectorySnapshot
    ) -> None:
        """The server computes it from the policy in force; unasked it computes nothing."""
        assert {one.password_expires for one in snapshot.users} == {None}
        told = user(house.directory().read(NOBODY, states=True), content.READER)
        assert told.password_changed_at is not None
        assert told.password_expires is not None
        assert told.password_expires > told.password_changed_at
        assert told.locked_since is None

    def test_moved_user_keeps_its_id(self, house: House, snapshot: DirectorySnapshot) -> None:
        """A user that was moved is the same account at another place."""
        before = user(snapshot, "mmover")
        moved = house.move(before.dn, content.LEAVERS)
        after = user(house.directory().read(frozenset({before.id})), "mmover")
        assert after.id == before.id
        assert dn_key(after.dn) == dn_key(moved)

    def test_deleted_user_is_gone(self, house: House, snapshot: DirectorySnapshot) -> None:
        """A deleted user is not read, not even when its id is asked for."""
        goner = user(snapshot, "ggoner")
        house.delete(goner.dn)
        read = house.directory().read(frozenset({goner.id}))
        assert goner.id not in {user.id for user in read.users}

    def test_known_account_that_slipped_through_is_looked_up(
        self, house: House, snapshot: DirectorySnapshot
    ) -> None:
        """A known account that the sweep did not show is found by its id."""
        nora = user(snapshot, "nomail")
        login = house.login()
        found = []
        for known in (NOBODY, frozenset({nora.id})):
            with HidingSession(open_first(login, endpoints(login)), "nomail") as session:
                found.append(nora.id in {user.id for user in read_domain(session, known).users})
        assert found == [False, True]

    def test_member_that_moves_during_a_read_stays_a_member(
        self, house: House, snapshot: DirectorySnapshot
    ) -> None:
        """A user moved between the reading of users and of groups has one name in both."""
        before = user(snapshot, "mroamer")
        login = house.login()
        session = open_first(login, endpoints(login))
        with MovingSession(session, lambda: house.move(before.dn, content.LEAVERS)) as moving:
            read = read_domain(moving, NOBODY)
        after = user(read, "mroamer")
        assert after.id == before.id
        assert dn_key(after.dn) != dn_key(before.dn)
        assert dn_key(after.dn) in map(dn_key, group(read, "Muster Roamers").members)

    def test_unknown_ids_are_no_error(self, house: House, snapshot: DirectorySnapshot) -> None:
        """Many ids that nobody has add nobody, and need no error."""
        strangers = frozenset(
            AccountId(f"00000000-0000-4000-8000-{number:012}") for number in range(120)
        )
        read = house.directory().read(strangers)
        assert not strangers & {user.id for user in read.users}

    @pytest.mark.parametrize(
        "user_name", [content.READER_UPN, f"{content.NETBIOS_NAME}\\{content.READER}"]
    )
    def test_both_forms_of_name_sign_in(self, house: House, user_name: str) -> None:
        """An account signs in as `name@domain` and as `DOMAIN\\name`."""
        assert all(check.ok for check in house.directory(user_name=user_name).check())

    @pytest.mark.parametrize(
        ("sam", "password", "cause"),
        [
            (content.READER, "not-the-password", "wrong user name or password"),
            ("svc-disabled", content.PASSWORD, "the account is disabled"),
            ("svc-expired", content.PASSWORD, "the account has expired"),
            ("svc-mustchange", content.PASSWORD, "the password must be changed first"),
        ],
    )
    def test_refused_sign_in_names_the_cause(
        self, house: House, sam: str, password: str, cause: str
    ) -> None:
        """A refused sign-in raises AccessDenied with its cause, and without the password."""
        directory = house.directory(user_name=f"{sam}@{content.DNS_NAME}", password=password)
        with pytest.raises(AccessDenied, match=cause) as caught:
            directory.read(NOBODY)
        assert password not in str(caught.value)
        failed = [check for check in directory.check() if not check.ok]
        assert cause in failed[0].detail

    def test_empty_password_is_refused(self, house: House) -> None:
        """An empty password, which a server would take for an anonymous visitor, is never sent."""
        with pytest.raises(AccessDenied, match="password is empty"):
            house.directory(password="").read(NOBODY)
