"""Sets a password over real sockets, and is killed before and after every effect, in turn.

Called by dying.py with a file that says where the servers are. Each death has an
account and a registry of its own. After it the job is taken up again, two minutes later, until it
is over. Nothing is printed: what the servers hold is the proof.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.engine.doubles import Fate

from muster.adapters.active_directory import ActiveDirectoryPasswords
from muster.adapters.entra import EntraAdapter
from muster.adapters.entra.credentials import Credential
from muster.adapters.itglue import ItGlueVault
from muster.model.connections import Entra, ItGlue, SecretRef
from muster.model.names import AccountId, CustomerName, DirectoryKind, RemoteId
from muster.model.passwords import JobKind, Proof
from muster.model.secret import Secret
from muster.passwords.carry_out import Hands, JobRequest, carry_out, start
from muster.ports import PasswordDirectory
from muster.registry.sqlite import SqliteRegistry
from muster.sealing import KeyRing
from muster.transport.ldap_connect import LdapLogin
from muster.transport.options import HttpOptions

CONTOSO = CustomerName("contoso")
PLACE = "it-glue/1"
SLOT = "2026-11-21"
EFFECTS = frozenset(
    {
        *("open_job", "save_job", "close_job"),
        *("set_password", "prove", "write_password", "read_password"),
    }
)


class Mortal:
    """A port whose effects are each one step before they take place and one after."""

    def __init__(self, port: object, fate: Fate) -> None:
        self._port = port
        self._fate = fate

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        return self._stepped(method) if name in EFFECTS else method

    def _stepped(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self._fate.step()
            answer = method(*arguments, **named)
            self._fate.step()
            return answer

        return call


def login_from(told: dict[str, Any]) -> LdapLogin:
    """Return what the directory is opened with."""
    return LdapLogin(
        servers=(told["ldaps"],),
        user_name=told["user_name"],
        password=Secret(told["user_password"]),
        ca_pem=told["ldap_ca"],
    )


def vault_from(told: dict[str, Any]) -> ItGlueVault:
    """Return the vault."""
    settings = ItGlue(endpoint=told["vault"], api_key=SecretRef(name="it-glue", key="apiKey"))
    options = HttpOptions(
        ca_pem=told["vault_ca"], budget_share=100, retry_budget_s=0.2, first_delay_s=0.01
    )
    return ItGlueVault(settings, Secret(told["vault_key"]), options, 900)


def hands(told: dict[str, Any], registry: SqliteRegistry, fate: Fate, minutes: int) -> Hands:
    """Return everything a job is carried out with, as a process of its own would."""
    return hands_with(told, registry, vault_from(told), fate, minutes)


def entra_from(told: dict[str, Any]) -> EntraAdapter:
    """Return the tenant of a customer who has no domain."""
    settings = Entra(
        tenant_id=told["tenant"],
        client_id=told["client_id"],
        password_proof=Proof(told["proof"]),
        login_endpoint=told["graph"],
        graph_endpoint=told["graph"],
    )
    # A lost answer is the protocol's to settle, not the transport's.
    options = HttpOptions(ca_pem=told["graph_ca"], retry_budget_s=0)
    return EntraAdapter(settings, Credential(secrets=(Secret(told["client_secret"]),)), options)


def kind_of(told: dict[str, Any]) -> DirectoryKind:
    """Return which directory is told of."""
    return DirectoryKind.ENTRA if "tenant" in told else DirectoryKind.ACTIVE_DIRECTORY


def hands_with(
    told: dict[str, Any],
    registry: SqliteRegistry,
    vault: ItGlueVault,
    fate: Fate,
    minutes: int,
    entra: EntraAdapter | None = None,
) -> Hands:
    """Return the same with a vault, and perhaps a tenant, that is open already."""
    directory: PasswordDirectory
    if "tenant" in told:
        directory = (entra or entra_from(told)).passwords
    else:
        directory = ActiveDirectoryPasswords(login_from(told))
    mortal: Any = [Mortal(one, fate) for one in (registry, directory, vault)]
    return Hands(
        registry=mortal[0],
        clock=lambda: datetime.now(UTC) + timedelta(minutes=minutes),
        sealer=KeyRing.parse(Secret(told["ring"]), "the ring"),
        directories={kind_of(told): mortal[1]},
        vault=mortal[2],
        place=PLACE,
        organization=RemoteId(told["organization"]),
    )


def request(
    account: str, entry: str, system: DirectoryKind = DirectoryKind.ACTIVE_DIRECTORY
) -> JobRequest:
    """Return the rotation of one account."""
    return JobRequest(
        id=f"job-{account}",
        customer=CONTOSO,
        account=AccountId(account),
        kind=JobKind.ROTATION,
        slot=SLOT,
        requested_by="schedule",
        accounts=((system, AccountId(account)),),
        entry=RemoteId(entry),
    )


def run(told: dict[str, Any], number: int, fate: Fate, minutes: int) -> bool:
    """Begin the job, or go on with it; say whether it is over."""
    one = told["accounts"][number]
    path = Path(told["folder"]) / f"{number}.sqlite"
    with SqliteRegistry.open(path) as registry:
        known = registry.load(CONTOSO)
        if known.job_ends:
            return True
        with_what = hands(told, registry, fate, minutes)
        password = Secret(one["password"])
        job = known.jobs[0] if known.jobs else None
        asked = request(one["id"], one["entry"], kind_of(told))
        job = job or start(asked, password, with_what)
        return carry_out(replace(job), with_what).ended_at is not None


def dies(told: dict[str, Any], number: int) -> bool:
    """Run in a child; say whether it was killed."""
    child = os.fork()
    if child == 0:
        run(told, number, Fate(number + 1), 0)
        os._exit(0)
    return os.waitpid(child, 0)[1] != 0


def main(told: dict[str, Any]) -> None:
    """Die at the first step, at the second, until a run ends alive; finish what was begun."""
    for number in range(len(told["accounts"])):
        died = dies(told, number)
        later = iter(range(2, 60, 2))
        while not run(told, number, Fate(), next(later)):
            pass
        if not died:
            os.write(1, f"{number}\n".encode())
            return


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
