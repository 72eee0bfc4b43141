"""A real Active Directory domain controller: Samba, provisioned on a loopback address.

Provisions, loads content offline, starts, and stops by the process it started. Needs root and
Samba's packages; `missing` says what is not there.
"""

from __future__ import annotations

import base64
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import trustme
from ldap3 import NONE, Connection, Server, Tls
from ldap3.utils.dn import escape_rdn
from tests.contract.directory import content

HOST = f"dc1.{content.DNS_NAME}"
ADMIN_PASSWORD = "Passw0rd-Admin!"
PORTS = (389, 636, 3268, 3269)
"""Samba's LDAP ports cannot be chosen."""

_CONF = """[global]
  netbios name = DC1
  workgroup = {netbios}
  realm = {realm}
  server role = active directory domain controller
  private dir = {folder}/private
  lock directory = {folder}
  state directory = {folder}/state
  cache directory = {folder}/cache
  pid directory = {folder}/run
  ncalrpc dir = {folder}/run/ncalrpc
  ntp signd socket directory = {folder}/run/ntp
  winbindd socket directory = {folder}/run/winbindd
  interfaces = {address}/8
  bind interfaces only = yes
  disable netbios = yes
  server services = ldap
  log file = {folder}/log/log.%m
  logging = file
  tls enabled = yes
  tls certfile = {folder}/private/tls/host.pem
  tls keyfile = {folder}/private/tls/host.key
  tls cafile = {folder}/private/tls/ca.pem
"""


def missing() -> str:
    """Return why Samba cannot be run here; empty when it can."""
    if os.geteuid() != 0:
        return "needs root: Samba listens on ports below 1024 and sets security attributes"
    absent = [tool for tool in ("samba", "samba-tool", "ldbadd") if shutil.which(tool) is None]
    if absent:
        return f"needs {', '.join(absent)}: run tests/real/install_samba.sh"
    return ""


def own_address() -> str:
    """Return a loopback address that no other test process uses."""
    return f"127.{64 + os.getpid() // 65536 % 64}.{os.getpid() // 256 % 256}.{os.getpid() % 256}"


@dataclass(frozen=True, slots=True)
class SambaDomain:
    """One domain controller, in a folder of its own."""

    folder: Path
    address: str
    ca_pem: str

    @property
    def conf(self) -> Path:
        """Its smb.conf."""
        return self.folder / "smb.conf"


def provision(folder: Path, address: str) -> SambaDomain:
    """Make a domain with our own certificate; it is not started."""
    check_ports_free(address)
    _run(
        "samba-tool",
        *("domain", "provision", "--configfile=/dev/null", f"--targetdir={folder}"),
        f"--realm={content.DNS_NAME.upper()}",
        f"--domain={content.NETBIOS_NAME}",
        f"--adminpass={ADMIN_PASSWORD}",
        *("--server-role=dc", "--dns-backend=NONE", "--host-name=dc1", f"--host-ip={address}"),
        *(f"--option=interfaces={address}/8", "--option=bind interfaces only=yes"),
    )
    for name in ("run", "cache", "log", "private/tls"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    _write_certificate(folder / "private/tls", authority, address)
    domain = SambaDomain(folder, address, authority.cert_pem.bytes().decode())
    domain.conf.write_text(
        _CONF.format(
            folder=folder,
            address=address,
            netbios=content.NETBIOS_NAME,
            realm=content.DNS_NAME.upper(),
        )
    )
    return domain


def check_ports_free(address: str) -> None:
    """Raise when something already listens where Samba will."""
    for port in PORTS:
        with socket.socket() as probe:
            if probe.connect_ex((address, port)) == 0:
                raise RuntimeError(f"port {port} of {address} is taken; Samba cannot listen there")


def _write_certificate(folder: Path, authority: trustme.CA, address: str) -> None:
    certificate = authority.issue_cert(HOST, "localhost", address)
    (folder / "ca.pem").write_bytes(authority.cert_pem.bytes())
    (folder / "host.pem").write_bytes(b"".join(p.bytes() for p in certificate.cert_chain_pems))
    (folder / "host.key").touch(mode=0o600)
    (folder / "host.key").write_bytes(certificate.private_key_pem.bytes())


def load(domain: SambaDomain) -> None:
    """Load the content offline; a few small transactions are faster than one large one."""
    for number, chunk in enumerate(batched_ldif(_records(), 250)):
        path = domain.folder / f"content-{number}.ldif"
        path.write_text(chunk)
        database = domain.folder / "private/sam.ldb"
        _run("ldbadd", f"--configfile={domain.conf}", "--nosync", "-H", str(database), str(path))


def start(domain: SambaDomain) -> subprocess.Popen[bytes]:
    """Start the domain controller and wait until it accepts connections."""
    process = subprocess.Popen(
        [
            *("samba", "--foreground", "--no-process-group", "--model=single"),
            f"--configfile={domain.conf}",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((domain.address, 636)) == 0:
                return process
        time.sleep(0.05)
    stop(process)
    raise RuntimeError(f"Samba did not start; see {domain.folder}/log")


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop the process that `start` gave."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def admin(domain: SambaDomain) -> Iterator[Any]:
    """Give an ldap3 connection that may change everything; its writing methods are untyped."""
    server = Server(domain.address, port=636, use_ssl=True, get_info=NONE, tls=Tls(validate=0))
    user = f"administrator@{content.DNS_NAME}"
    connection = Connection(server, user=user, password=ADMIN_PASSWORD, auto_bind="NO_TLS")
    try:
        yield connection
    finally:
        connection.unbind()


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr[-2000:]}")


Record = tuple[str, Mapping[str, Iterable[str | bytes]]]


def batched_ldif(records: Iterable[Record], size: int) -> Iterator[str]:
    """Yield LDIF texts of at most so many records each."""
    waiting = iter(records)
    while chunk := tuple(islice(waiting, size)):
        yield "\n".join(_ldif(dn, attributes) for dn, attributes in chunk)


def _ldif(dn: str, attributes: Mapping[str, Iterable[str | bytes]]) -> str:
    lines = [_line("dn", dn)]
    for name, values in attributes.items():
        lines += (_line(name, value) for value in values)
    return "\n".join(lines) + "\n"


def _line(name: str, value: str | bytes) -> str:
    raw = value if isinstance(value, bytes) else value.encode()
    return f"{name}:: {base64.b64encode(raw).decode()}"


def _dn(name: str, parent: str) -> str:
    return f"CN={escape_rdn(name)},{parent}"


def _records() -> Iterator[Record]:
    for place in content.PLACES:
        yield f"{place},{content.DOMAIN_DN}", {"objectClass": ["organizationalUnit"]}
    crowd = (content.User(name=sam, sam=sam, parent=content.CROWD) for sam in content.CROWD_SAMS)
    dns = {}
    for user in (*content.USERS, *crowd):
        dns[user.sam] = _dn(user.name, user.parent)
        yield dns[user.sam], _user(user)
    yield from _others()
    for group in content.GROUPS_HELD:
        dns[group.sam] = _dn(group.name, content.GROUPS)
        members = {"member": [dns[sam] for sam in group.members]} if group.members else {}
        yield (
            dns[group.sam],
            {
                "objectClass": ["group"],
                "sAMAccountName": [group.sam],
                "groupType": ["-2147483646"],
                **members,
            },
        )


def _user(user: content.User) -> dict[str, Iterable[str | bytes]]:
    optional = {
        "userPrincipalName": user.principal,
        "givenName": user.given_name,
        "sn": user.surname,
        "displayName": user.display_name,
        "mail": user.mail,
    }
    state = 512 if user.password else 544
    attributes: dict[str, Iterable[str | bytes]] = {
        "objectClass": ["user"],
        "sAMAccountName": [user.sam],
        "userAccountControl": [str(state if user.enabled else state + 2)],
        **{name: [value] for name, value in optional.items() if value is not None},
        **user.attributes,
    }
    if user.password:
        attributes["unicodePwd"] = [f'"{user.password}"'.encode("utf-16-le")]
    return attributes


def _others() -> Iterator[Record]:
    computers = f"CN=Computers,{content.DOMAIN_DN}"
    yield (
        _dn(content.COMPUTER, computers),
        {
            "objectClass": ["computer"],
            "sAMAccountName": [f"{content.COMPUTER}$"],
            "userAccountControl": ["4096"],
        },
    )
    yield _dn(content.CONTACT, content.STAFF), {"objectClass": ["contact"]}
    yield (
        _dn(content.MANAGED_SERVICE_ACCOUNT, f"CN=Managed Service Accounts,{content.DOMAIN_DN}"),
        {
            "objectClass": ["msDS-GroupManagedServiceAccount"],
            "sAMAccountName": [f"{content.MANAGED_SERVICE_ACCOUNT}$"],
            "dNSHostName": [f"{content.MANAGED_SERVICE_ACCOUNT}.{content.DNS_NAME}"],
            "msDS-ManagedPasswordInterval": ["30"],
            "userAccountControl": ["4096"],
        },
    )
