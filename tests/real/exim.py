"""A real Exim on loopback for as long as a test needs it; it delivers into files."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

USER, PASSWORD = "muster@msp.example", "a real $word, 密"

_PATIENCE_S = 20.0

_CONFIG = r"""
primary_hostname = localhost
spool_directory = {folder}/spool
log_file_path = {folder}/%slog
pid_file_path = {folder}/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {start_tls} : {tls}
tls_on_connect_ports = {tls}
tls_advertise_hosts = *
tls_certificate = {folder}/cert.pem
tls_privatekey = {folder}/key.pem
auth_advertise_hosts = ${{if def:tls_in_cipher {{*}}{{}}}}
smtputf8_advertise_hosts = *
acl_smtp_mail = check_mail
acl_smtp_rcpt = check_rcpt
acl_smtp_data = check_data
keep_environment =
never_users =

begin acl
check_mail:
  deny !authenticated = *
       message = 5.7.0 Authentication required
  deny !sender_domains = msp.example
       message = 5.7.60 You may not send as this sender
  accept
check_rcpt:
  defer local_parts = grey
        message = 4.7.1 Greylisted, come back later
  accept domains = contoso.example
         local_parts = john : jörg
  deny message = 5.1.1 No such user here
check_data:
  deny condition = ${{if match {{$h_subject:}}{{SPAM}}}}
       message = 5.7.515 Not this one
  accept

begin routers
keep:
  driver = accept
  transport = file

begin transports
file:
  driver = appendfile
  directory = {folder}/mail
  maildir_format
  create_directory
  user = {owner}
  group = {group}

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and {{{{eq {{$auth2}}{{{user}}}}}{{eq {{$auth3}}{{{password}}}}}}}}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exim:
    """A running server."""

    start_tls: int
    tls: int
    ca_pem: str
    folder: Path

    def mails(self) -> list[bytes]:
        """Return what was delivered, waiting until nothing is on its way any more."""
        until = time.monotonic() + _PATIENCE_S
        while time.monotonic() < until and list((self.folder / "spool" / "input").glob("*-H")):
            time.sleep(0.05)
        delivered = sorted((self.folder / "mail" / "new").glob("*"))
        return [one.read_bytes() for one in delivered]


def missing() -> str:
    """Return why no server can be had here; empty when one can."""
    if _program() is None:
        return "exim4 is not installed; tests/real/install_exim.sh installs it"
    return "" if os.getuid() == 0 else "Exim needs root"


@contextmanager
def running(folder: Path) -> Iterator[Exim]:
    """Run a server whose files are all in one folder."""
    for above in (folder, *folder.parents[:3]):
        above.chmod(above.stat().st_mode | 0o055)  # Exim works as a user of its own
    ca = trustme.CA()
    certificate = ca.issue_cert("localhost", "127.0.0.1")
    chain = b"".join(one.bytes() for one in certificate.cert_chain_pems)
    (folder / "cert.pem").write_bytes(chain)
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    for name in ("spool", "mail", "spool/input"):
        (folder / name).mkdir(exist_ok=True)
    for one in (folder, *folder.rglob("*")):
        shutil.chown(one, "Debian-exim", "Debian-exim")
    ports = _free_port(), _free_port()
    config = folder / "exim.conf"
    config.write_text(_config(folder, *ports), encoding="utf-8")
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(
            [str(_program()), "-bdf", "-q1m", "-C", str(config)], stdout=out, stderr=out
        )
        try:
            _wait(process, ports[0], folder)
            ca_pem = ca.cert_pem.bytes().decode()
            yield Exim(start_tls=ports[0], tls=ports[1], ca_pem=ca_pem, folder=folder)
        finally:
            process.terminate()
            process.wait(20)


def _config(folder: Path, start_tls: int, tls: int) -> str:
    return _CONFIG.format(
        folder=folder,
        start_tls=start_tls,
        tls=tls,
        owner="Debian-exim",
        group="Debian-exim",
        user=USER,
        password=PASSWORD.replace("$", r"\$"),
    )


def _wait(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("Exim did not start:\n" + (folder / "out").read_text()[-2000:])


def _program() -> str | None:
    return shutil.which("exim4", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
