"""Reconciles a customer and is killed before and after every call to a port, in turn.

Called by test_crash.py with a folder. It forks for every death, because a process of its own
for each would take longer than the story. After each death it runs again, three minutes
later, then once more, and prints one line of JSON: what is outside and what is known.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.engine.doubles import Fate, FileMailer, FilePsa, FileVault, Shelf, StillDirectory, mortal
from tests.plan.world import EVERYTHING, NOW, WELCOME, World, person, settings

from muster.model.names import CustomerName
from muster.ports import Ports
from muster.reconcile import Report, reconcile
from muster.registry.sqlite import SqliteRegistry

WORLD = World(
    users=(person("John", "Smith"), person("Anna", "Jones")),
    policies=(settings(options=replace(EVERYTHING, welcome_email=True), welcome=WELCOME),),
)
LATER = timedelta(minutes=3)


def run(folder: Path, fate: Fate, runs_before: int) -> Report:
    """Reconcile once, as a process of its own would."""
    mailer = mortal(FileMailer(Shelf(folder / "mail.json")), fate)
    with SqliteRegistry.open(folder / "state.sqlite") as registry:
        ports = Ports(
            registry=mortal(registry, fate),
            clock=lambda: NOW + runs_before * LATER,
            directory=mortal(StillDirectory(WORLD.snapshot), fate),
            vault=mortal(FileVault(Shelf(folder / "vault.json")), fate),
            psa=mortal(FilePsa(Shelf(folder / "psa.json")), fate),
            open_mailer=lambda _: mailer,
        )
        return reconcile(WORLD.desired, ports)


def dies(folder: Path, death: int, runs_before: int) -> bool:
    """Run in a child; say whether it was killed."""
    child = os.fork()
    if child == 0:
        run(folder, Fate(death), runs_before)
        os._exit(0)
    return os.waitpid(child, 0)[1] != 0


def tell(folder: Path, death: int) -> None:
    """Finish what was begun, and print how it stands."""
    run(folder, Fate(), 2)
    last = run(folder, Fate(), 3)
    with SqliteRegistry.open_for_reading(folder / "state.sqlite") as registry:
        known = registry.load(CustomerName("contoso"))
    line = {
        "death": death,
        "entries": [(row["username"], row["id"]) for row in Shelf(folder / "vault.json").rows()],
        "contacts": [(row["email"], row["id"]) for row in Shelf(folder / "psa.json").rows()],
        "mails": [row["to"] for row in Shelf(folder / "mail.json").rows()],
        "welcomes": {
            one.identity.email.address: one.welcome.state
            for one in known.records
            if one.identity.email
        },
        "links": {
            one.identity.sam: [one.vault.state, one.vault.id, one.psa.state, one.psa.id]
            for one in known.records
        },
        "intents": len(known.intents),
        "changes": len(last.proposal.plan.changes),
    }
    os.write(1, (json.dumps(line) + "\n").encode())


def main(root: Path) -> None:
    """Die at the first step, at the second, until a run ends alive; then die twice in a row."""
    for death in range(1, 1000):
        folder = root / str(death)
        folder.mkdir()
        died = dies(folder, death, 0)
        if died:
            # Another death in the next run, at a place that differs from row to row.
            dies(folder, death * 7 % 40 + 1, 1)
        tell(folder, death)
        if not died:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
