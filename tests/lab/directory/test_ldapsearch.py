"""OpenLDAP's own client reads the lab: an implementation that shares no code with ours."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.lab.directory.wire import PASSWORD, READER

from muster.lab.directory.domain import LabDomain
from muster.lab.directory.server import LdapServer

LDAPSEARCH = shutil.which("ldapsearch")
pytestmark = pytest.mark.skipif(LDAPSEARCH is None, reason="ldapsearch is not installed")


def ldapsearch(url: str, ca_file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ldapsearch as the reader, trusting our authority only."""
    assert LDAPSEARCH
    # libldap compares a certificate with the machine's name where we say localhost.
    address = url.replace("//localhost:", "//127.0.0.1:")
    sign_in = ("-x", "-H", address, "-D", READER, "-w", PASSWORD)
    environment = {**os.environ, "LDAPTLS_CACERT": str(ca_file)}
    return subprocess.run(
        [LDAPSEARCH, *sign_in, "-LLL", "-o", "ldif-wrap=no", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_pages_through_2500_users(domain: LabDomain, server: LdapServer, ca_file: Path) -> None:
    """ldapsearch pages over LDAPS through 2,500 users in three pages and misses none."""
    place = domain.add_organizational_unit("OU=Crowd")
    for number in range(2500):
        domain.add_user(f"U\\, {number}", f"crowd{number}", parent=place)
    url = server.ldaps_url or ""
    paged = ("-E", "pr=1000/noprompt", "-b", domain.dn)
    run = ldapsearch(url, ca_file, *paged, "(sAMAccountName=crowd*)", "sAMAccountName")
    assert run.returncode == 0, run.stderr
    found = [line for line in run.stdout.splitlines() if line.startswith("sAMAccountName: ")]
    assert len(found) == len(set(found)) == 2500
    assert server.requests["search"] == 3


def test_unpaged_search_is_cut(domain: LabDomain, server: LdapServer, ca_file: Path) -> None:
    """Without paging ldapsearch gets 1,000 entries and exit status 4."""
    place = domain.add_organizational_unit("OU=Crowd")
    for number in range(1001):
        domain.add_contact(f"C{number}", parent=place)
    run = ldapsearch(server.ldaps_url or "", ca_file, "-b", place, "(objectClass=*)", "1.1")
    assert run.returncode == 4
    assert run.stdout.count("dn: ") == 1000


def test_start_tls_and_filters(domain: LabDomain, server: LdapServer, ca_file: Path) -> None:
    """Over StartTLS, a nested filter, a bit rule and a Unicode value find the one right user."""
    place = domain.add_organizational_unit("OU=Staff2")
    domain.add_user("Zoë O'Brien (1)", "zoe", parent=place, mail="zoe@acme.test")
    wanted = (
        "(&(|(cn=zoë*\\281\\29)(cn=x))(!(userAccountControl:1.2.840.113556.1.4.803:=2))"
        "(!(proxyAddresses=*))(mail=*@ACME.*))"
    )
    run = ldapsearch(server.ldap_url, ca_file, "-ZZ", "-b", place, wanted, "mail")
    assert run.returncode == 0, run.stderr
    assert "mail: zoe@acme.test" in run.stdout.splitlines()
    assert run.stdout.count("mail:") == 1


def test_refuses_a_foreign_authority(server: LdapServer, tmp_path: Path) -> None:
    """With another authority ldapsearch does not talk to the server at all."""
    empty = tmp_path / "none.pem"
    empty.write_text("")
    run = ldapsearch(server.ldaps_url or "", empty, "-b", "", "-s", "base")
    assert run.returncode != 0
    assert server.requests["bind"] == 0
