"""Whole journeys through every kind of vault, PSA and directory; no secret is left anywhere.

Legitimate are the standard outputs of `reset --show`, `passwords reveal` and `vault show`, which
a person asks for with a reason, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.leaks.conftest import CUSTOMER, WHY, Journey, MakeJourney

from muster.lab.faults import ServerError
from muster.lab.mix import VaultMix
from muster.registry.sqlite import SqliteRegistry

MIXES = ("ad-itglue-connectwise", "hybrid-hudu-autotask", "ad-native-halopsa", "entra-hudu-halopsa")
TYPED = 'Zq7&"+/=typed\\<Pw>ü-kept'
"""Looks different in every encoding."""
DONE, WAITS = 0, 6
REFUSED = "contoso1-refused"


def look(journey: Journey, output: Path) -> None:
    """Run everything that only shows."""
    files = ("-o", f"sarif={output}.sarif", "-o", f"junit={output}.xml")
    journey("validate", "-o", "json", *files)
    journey("doctor", "-o", "json")
    journey.ok("plan", "-o", "json")
    journey.ok("plan", "-o", "markdown")
    journey.ok("plan", "--record", f"{output}.json")
    journey.ok("get", "customers", "-o", "json")
    journey.ok("describe", "customer", CUSTOMER)
    journey("matches", "-o", "json")
    journey.ok("digest")
    journey.ok("audit", "show", "-o", "json")
    journey.ok("audit", "verify")
    journey.ok("test", "--record", CUSTOMER, "--to", f"{output}.muster-test")


def set_passwords(journey: Journey, person: str, typed: Callable[[str], None]) -> None:
    """Set passwords in every way there is; Entra proves the first one a minute later."""
    done = {DONE, WAITS} if journey.lab.mix.has_tenant else {DONE}
    journey.known.add("typed", TYPED)
    typed(TYPED)
    assert journey("reset", CUSTOMER, person, "--stdin", "--must-change", *WHY).code in done
    journey.known.add("refused", REFUSED)
    typed(REFUSED)
    journey("reset", CUSTOMER, person, "--stdin", *WHY)
    journey("reset", CUSTOMER, person, "--passphrase", "--unlock", *WHY)
    journey.shown("reset", CUSTOMER, person, "--show", "--yes", *WHY)
    assert journey("rotate", CUSTOMER, "--all", *WHY).code in done
    journey("welcome", "send", CUSTOMER, person, "--again")


def leave_open(journey: Journey, person: str) -> None:
    """Let the vault be down while a password is set, look at what waits, and let it end."""
    for method in ("PATCH", "PUT"):
        journey.lab.faults.add(ServerError(status=503), method=method, path="passwords/", times=-1)
    state = journey.estate / ".muster" / "state.sqlite"
    with SqliteRegistry.open_for_reading(state):  # so that what is written stays unmerged
        assert journey("reset", CUSTOMER, person, *WHY).code in {WAITS, 1}
        for path in state.parent.glob("state.sqlite*"):
            journey.search.add(f"{path.name} of an open job", path.read_bytes())
    written = journey.search.places["state.sqlite-wal of an open job"]
    assert written or not journey.lab.mix.has_domain  # in Entra the first job may be open still
    waiting = journey.ok("passwords", "list", CUSTOMER, "-o", "json").data
    assert waiting[0]["where"]
    assert journey.shown("passwords", "reveal", CUSTOMER, person, *WHY).code == 0
    journey.lab.faults.clear()
    journey("passwords", "settle", CUSTOMER, person, "LookAgain", *WHY)
    journey.ok("apply")


@pytest.mark.parametrize("mix", MIXES)
def test_a_journey_leaves_no_secret(
    mix: str, make_journey: MakeJourney, typed: Callable[[str], None]
) -> None:
    """Nothing printed, logged at any level, mailed, recorded or left in a file holds a secret."""
    journey = make_journey(mix)
    output = journey.estate / "output"
    journey.ok("plan")
    journey.ok("apply")
    status = journey.accounts("EndUser")[0]["status"]
    person = status.get("samAccountName") or status["userPrincipalName"]
    set_passwords(journey, person, typed)
    if journey.lab.mix.vault is VaultMix.NATIVE:
        assert journey.shown("vault", "show", CUSTOMER, status["vault"]["id"], *WHY).code == 0
        journey.ok("vault", "list")
    else:
        leave_open(journey, person)
    look(journey, output)
    assert journey.leaks() == []
    assert journey.lab.mail.received
    assert {
        "mail",
        "log of muster.transport.sending",
        "file output.muster-test",
    } <= journey.search.places.keys(), sorted(journey.search.places)
