"""The demo's chapters about passwords: a rotation, one that is killed half-way, and its end."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from rich.console import Console

from muster.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from muster.lab.lab import Lab
    from muster.model.accounts import AccountRecord

_ROTATION = {"every": "30d", "window": {"start": "02:00", "timeZone": "America/Toronto"}}
_SLOW_S = 10.0
_PATIENCE_S = 30.0
_WHY = ("--reason", "a technician has left")

Tell = Callable[..., None]
"""Runs a command and notes whether it ended as it should."""


class PasswordStory:
    """Rotates, is killed, recovers; says at the end whether the vault has what works."""

    def __init__(self, lab: Lab, console: Console, muster: Tell) -> None:
        self._lab = lab
        self._console = console
        self._muster = muster

    def tell(self, customer: str, administrators: Sequence[AccountRecord]) -> bool:
        """Tell the chapters; return whether the story went as it should."""
        first, second = administrators[:2]
        self._write_policies()
        self._console.print(
            yaml.safe_dump({"rotation": _ROTATION}, sort_keys=False).rstrip(), markup=False
        )
        self._muster(ExitCode.OK, "apply", "--customer", customer)
        self._console.print("\nNobody waits for the window here: a person asks for it now.")
        self._muster(ExitCode.OK, "rotate", customer, first.identity.sam, *_WHY)
        self._console.print("\n[bold]── The next one is killed when the directory has said yes[/]")
        killed = self._kill_half_way(customer, second)
        self._console.print("Killed: the domain has a new password, and no vault has it.")
        self._muster(ExitCode.OK, "passwords", "list", customer)
        self._console.print("\nThe next run finds it, proves it, and puts it where it belongs:")
        self._muster(ExitCode.OK, "apply", "--customer", customer)
        self._muster(ExitCode.OK, "passwords", "list", customer)
        kept = self._is_kept(customer, second)
        self._console.print(f"The vault has the password that works: {'yes' if kept else 'no'}")
        return killed and kept

    def _write_policies(self) -> None:
        for file in (*Path("policies").glob("*.yaml"), *Path("customers").glob("*.yaml")):
            resource: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
            spec = resource["spec"]
            for body in spec.get("imports", [spec]):
                if body.get("accountType") == "Administrator":
                    body["options"]["rotation"] = _ROTATION
            text = yaml.safe_dump(resource, sort_keys=False, allow_unicode=True)
            file.write_text(text, encoding="utf-8")

    def _kill_half_way(self, customer: str, record: AccountRecord) -> bool:
        """Rotate in a process of its own, and kill it as soon as the domain has the password."""
        domain, faults = self._lab.domains[customer], self._lab.ldap[customer].faults
        dn = domain.find(record.identity.sam)
        before = domain.password(dn)
        faults.delay_modify(_SLOW_S)
        program = "from muster.cli.main import main; main()"
        arguments = ["rotate", customer, record.identity.sam, *_WHY]
        command = [sys.executable, "-c", program, *arguments]
        child = subprocess.Popen(  # noqa: S603 - our own program
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        words = " ".join(f'"{word}"' if " " in word else word for word in arguments)
        self._console.print(f"$ muster {words}", markup=False)
        until = time.monotonic() + _PATIENCE_S
        while domain.password(dn) == before and time.monotonic() < until:
            time.sleep(0.001)
        child.kill()
        child.wait()
        faults.clear()
        return domain.password(dn) != before

    def _is_kept(self, customer: str, record: AccountRecord) -> bool:
        """Look into the vault, as an engineer would, and sign in with what it says."""
        from contextlib import closing

        from muster.cli.session import open_session, place

        with open_session(place(None), write=False) as session:
            (desired,) = (one for one in session.estate.desired if one.customer.name == customer)
            ports = session.assembly.ports(desired)
            with closing(session.assembly):
                if ports.vault is None or desired.customer.vault is None or not record.vault.id:
                    return False
                organization = desired.customer.vault.organization_id
                password = ports.vault.read_password(organization, record.vault.id)
                domains = session.assembly.passwords(desired)
                account = record.identity.id
                return password is not None and domains[record.identity.source].prove(
                    account, password
                )
