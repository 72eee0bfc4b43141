"""How fast the Active Directory adapter reads, beside a bare ldap3 search.

Run by hand: `python benchmarks/ldap_read.py [USERS]`. Both sides speak LDAPS to the lab's
domain controller in a process of its own, ask for the same attributes of the same users in
pages of 1,000, and the best of three runs counts. The lab is Python too, so these are lower
bounds; what matters is the difference.
"""

from __future__ import annotations

import multiprocessing
import ssl
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection as Pipe

import ldap3
import trustme
from rich.console import Console
from rich.table import Table

from muster.adapters.active_directory import ActiveDirectoryAdapter
from muster.adapters.active_directory.decode import USER_ATTRIBUTES
from muster.lab.directory.domain import LabDomain
from muster.lab.directory.server import LdapServer
from muster.model.connections import ActiveDirectory, SecretRef
from muster.model.secret import Secret

READER = "svc-muster@corp.example.test"
PASSWORD = "benchmark"
RUNS = 3


def serve(pipe: Pipe, users: int, authority_pem: bytes, key_pem: bytes) -> None:
    """Serve a domain until the pipe says so."""
    domain = LabDomain("corp.example.test", "CORP")
    staff = domain.add_organizational_unit("OU=Staff")
    domain.add_user("svc-muster", "svc-muster", parent=staff, password=PASSWORD)
    for number in range(users):
        domain.add_user(
            f"User {number}",
            f"user{number}",
            parent=staff,
            given_name="User",
            surname=str(number),
            mail=f"user{number}@corp.example.test",
        )
    authority = trustme.CA.from_pem(authority_pem, key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with LdapServer(domain, tls=context) as server:
        pipe.send(server.ldaps_url)
        pipe.recv()


def bare_search(url: str, ca_pem: str) -> int:
    """Read the users with ldap3 and nothing else."""
    tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_data=ca_pem)
    server = ldap3.Server(url, get_info=ldap3.NONE, tls=tls)
    with ldap3.Connection(server, READER, PASSWORD, return_empty_attributes=False) as connection:
        found = connection.extend.standard.paged_search(
            "DC=corp,DC=example,DC=test",
            "(sAMAccountType=805306368)",
            attributes=list(USER_ATTRIBUTES),
            paged_size=1_000,
            generator=True,
        )
        return sum(1 for entry in found if entry["type"] == "searchResEntry")


def adapter_read(url: str, ca_pem: str) -> int:
    """Read the whole domain with the adapter: its users, groups and places, decoded."""
    settings = ActiveDirectory(
        servers=(url,), user_name=READER, password=SecretRef(name="ad", key="password")
    )
    adapter = ActiveDirectoryAdapter(settings, Secret(PASSWORD), ca_pem)
    return len(adapter.read(frozenset()).users)


def best_of(read: Callable[[str, str], int], url: str, ca_pem: str) -> tuple[int, float, float]:
    """Return how many users were read, and the best wall and CPU seconds."""
    timings = []
    for _ in range(RUNS):
        wall, cpu = time.perf_counter(), time.process_time()
        count = read(url, ca_pem)
        timings.append((time.perf_counter() - wall, time.process_time() - cpu))
    return count, min(wall for wall, _ in timings), min(cpu for _, cpu in timings)


def main(users: int) -> None:
    """Print the table."""
    authority = trustme.CA()
    ca_pem = authority.cert_pem.bytes()
    here, there = multiprocessing.Pipe()
    arguments = (there, users, ca_pem, authority.private_key_pem.bytes())
    server = multiprocessing.get_context("spawn").Process(target=serve, args=arguments)
    server.start()
    url = here.recv()
    table = Table("reader", "users", "wall s", "CPU s", "users/s", title=f"best of {RUNS}")
    for name, read in (("bare ldap3 search", bare_search), ("adapter, whole read", adapter_read)):
        count, wall, cpu = best_of(read, url, ca_pem.decode())
        table.add_row(name, f"{count:,}", f"{wall:.2f}", f"{cpu:.2f}", f"{count / wall:,.0f}")
    here.send("stop")
    server.join()
    Console().print(table)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
