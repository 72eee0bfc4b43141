"""The adapter connects to a real domain controller only as it should."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import trustme
from tests.contract.directory import content
from tests.contract.directory.suite import NOBODY
from tests.real import samba
from tests.real.conftest import SambaHouse

from muster.errors import AccessDenied, Unavailable

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("samba")]

DEAD = "ldaps://127.0.0.1:9"
"""Nothing listens on the discard port."""


def test_ldaps_and_start_tls_read_the_same(samba_house: SambaHouse) -> None:
    """LDAPS and StartTLS give the same users."""
    over_ldaps = samba_house.adapter(samba_house.ldaps).read(NOBODY)
    over_start_tls = samba_house.adapter(samba_house.ldap, start_tls=True).read(NOBODY)
    assert {user.id for user in over_ldaps.users} == {user.id for user in over_start_tls.users}


def test_plain_ldap_is_refused(samba_house: SambaHouse) -> None:
    """Without TLS nothing is sent, whatever the server would accept."""
    with pytest.raises(AccessDenied, match="in the clear"):
        samba_house.adapter(samba_house.ldap).read(NOBODY)


@pytest.mark.parametrize("start_tls", [False, True])
def test_untrusted_certificate_is_refused(samba_house: SambaHouse, start_tls: bool) -> None:
    """A certificate of another CA is refused, by LDAPS and by StartTLS; caRef is named."""
    server = samba_house.ldap if start_tls else samba_house.ldaps
    stranger = trustme.CA().cert_pem.bytes().decode()
    adapter = samba_house.adapter(server, start_tls=start_tls, ca_pem=stranger)
    with pytest.raises(AccessDenied, match=r"certificate.*refused.*caRef ad/ca\.crt"):
        adapter.read(NOBODY)


def test_fail_over_from_a_dead_server(samba_house: SambaHouse) -> None:
    """A server that is down is passed over, and `check` says which one it is."""
    adapter = samba_house.adapter(DEAD, samba_house.ldaps)
    assert len(adapter.read(NOBODY).users) > content.CROWD_SIZE
    failed = {check.name.split(": ")[0] for check in adapter.check() if not check.ok}
    assert failed == {DEAD}


def test_wrong_password_does_not_fail_over(samba_house: SambaHouse) -> None:
    """Refused credentials are not tried on the next server: that would lock the account."""
    adapter = samba_house.adapter(samba_house.ldaps, DEAD, password="wrong")
    with pytest.raises(AccessDenied) as caught:
        adapter.read(NOBODY)
    assert DEAD not in str(caught.value)


def test_all_servers_down_names_each(samba_house: SambaHouse) -> None:
    """When no server answers, the error names every one of them."""
    other = "ldaps://127.0.0.1:19"
    with pytest.raises(Unavailable) as caught:
        samba_house.adapter(DEAD, other).read(NOBODY)
    assert DEAD in str(caught.value)
    assert other in str(caught.value)


def test_threads_may_share_an_adapter(samba_house: SambaHouse) -> None:
    """Two reads at once, by one adapter, give the same users."""
    adapter = samba_house.directory()
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(adapter.read, [NOBODY, NOBODY])
    assert {user.id for user in first.users} == {user.id for user in second.users}


def test_redirected_users_container(samba_house: SambaHouse) -> None:
    """After redirusr the chosen OU is not hidden; CN=Users itself still is."""
    head = content.DOMAIN_DN
    guid = "A9D1CA15768811D1ADED00C04FD8D5CD"
    old, new = (f"B:32:{guid}:{dn}" for dn in (content.USERS_CONTAINER, content.STAFF))
    with samba.admin(samba_house.domain) as connection:
        swap = {"wellKnownObjects": [("MODIFY_DELETE", [old]), ("MODIFY_ADD", [new])]}
        assert connection.modify(head, swap), connection.result
        try:
            hidden = samba_house.directory().read(NOBODY).domain.hidden
        finally:
            back = {"wellKnownObjects": [("MODIFY_DELETE", [new]), ("MODIFY_ADD", [old])]}
            assert connection.modify(head, back), connection.result
    assert content.USERS_CONTAINER in {container.dn for container in hidden}
    assert content.STAFF not in {container.dn for container in hidden}


def test_primary_group_other_than_domain_users(samba_house: SambaHouse) -> None:
    """A user's primary group is told by its RID, and does not list the user."""
    user_dn, group_dn = f"CN=Nev Never,{content.STAFF}", f"CN=Muster Empty,{content.GROUPS}"
    with samba.admin(samba_house.domain) as connection:
        snapshot = samba_house.directory().read(NOBODY)
        (rid,) = (g.sid.rpartition("-")[2] for g in snapshot.groups if g.dn == group_dn)
        assert connection.modify(group_dn, {"member": [("MODIFY_ADD", [user_dn])]})
        try:
            change = {"primaryGroupID": [("MODIFY_REPLACE", [rid])]}
            assert connection.modify(user_dn, change), connection.result
            snapshot = samba_house.directory().read(NOBODY)
        finally:
            connection.modify(user_dn, {"primaryGroupID": [("MODIFY_REPLACE", ["513"])]})
            connection.modify(group_dn, {"member": [("MODIFY_REPLACE", [])]})
    (nev,) = (user for user in snapshot.users if user.sam == "nnever")
    (group,) = (group for group in snapshot.groups if group.dn == group_dn)
    assert str(nev.primary_group_rid) == rid
    assert group.members == ()
