"""What Muster writes about an account follows the schema that people read it by."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from muster.model.accounts import (
    AccountRecord,
    Candidate,
    Decision,
    Drift,
    Email,
    EmailSource,
    Identity,
    ImportedWith,
    Link,
    PairedUser,
)
from muster.model.causes import Cause
from muster.model.mail import Welcome, WelcomeState
from muster.model.names import (
    AccountId,
    AccountType,
    CustomerName,
    DecisionState,
    DirectoryKind,
    LinkState,
    MatchKey,
    RemoteId,
    System,
)
from muster.model.passwords import Proof
from muster.model.reasons import Reason
from muster.model.rotation import Rotation
from muster.model.settings import Options
from muster.report.account_record import read_account
from muster.report.account_resource import render_account
from muster.resources import load_schema
from muster.resources.validate import find_faults

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
UNMATCHED = Link(state=LinkState.UNMATCHED, reason=Reason.NO_MATCH)
BARE = AccountRecord(
    name="contoso-jsmith-7c1e",
    customer=CustomerName("contoso"),
    account_type=AccountType.END_USER,
    identity=Identity(
        id=AccountId("4f6d2f0e-5b1c-4b7e-9a57-3c1d8c1f7c1e"),
        sid="S-1-5-21-1-2-3-1104",
        sam="jsmith",
    ),
    imported_with=ImportedWith(policy="AutomaticImportPolicy/staff", options=Options(), at=NOW),
    decision=Decision(state=DecisionState.IMPORTED, reason=Reason.IN_ORGANIZATIONAL_UNIT),
    vault=UNMATCHED,
    psa=UNMATCHED,
)
CLOUD = replace(
    BARE,
    identity=Identity(
        source=DirectoryKind.ENTRA, id=BARE.identity.id, upn="jsmith@contoso.example"
    ),
)
FULL = replace(
    BARE,
    identity=replace(
        BARE.identity,
        upn="jsmith@corp.contoso.example",
        display_name="John Smith",
        given_name="John",
        surname="Smith",
        email=Email(address="john@contoso.example", source=EmailSource.ACTIVE_DIRECTORY),
        mobile="+1 555 0100",
    ),
    imported_with=ImportedWith(
        policy="AutomaticImportPolicy/staff",
        options=Options(welcome_email=True, self_serve=True, rotation=True),
        at=NOW,
    ),
    welcome=Welcome(
        state=WelcomeState.UNKNOWN,
        reason=Reason.WELCOME_EMAIL_UNKNOWN,
        at=NOW,
        message="No answer came.",
    ),
    rotation=Rotation(
        enabled=True,
        reason=Reason.ROTATION_FAILED,
        since=NOW,
        last=NOW,
        next=NOW,
        slot="2026-11-21T02:00:00+00:00",
        proof=Proof.BIND,
        changed_at=NOW,
        stale=True,
        failures=3,
        failed_at=NOW,
        last_error="No right.",
        cause=Cause.DIRECTORY_DENIED,
        told_at=NOW,
    ),
    decision=Decision(
        state=DecisionState.RELEASED, reason=Reason.LEFT_SELECTION, via="OU=Staff,DC=contoso"
    ),
    vault=Link(
        state=LinkState.LINKED,
        reason=Reason.MATCHED,
        id=RemoteId("88123"),
        key=MatchKey.SAM_ACCOUNT_NAME,
        name="John Smith AD",
    ),
    psa=Link(
        state=LinkState.AMBIGUOUS,
        reason=Reason.SEVERAL_MATCHES,
        message="Two contacts fit.",
        candidates=(
            Candidate(id=RemoteId("5501"), name="John", evidence="Email", updated_at=NOW),
            Candidate(id=RemoteId("7310"), name="", evidence="Email, inactive", detail="a@b.c"),
        ),
    ),
    pair=Link(
        state=LinkState.LINKED,
        reason=Reason.MATCHED,
        id=RemoteId("0b1d6c7e-7f0a-4c1b-9d4e-2f5a6b7c8d9e"),
        key=MatchKey.IMMUTABLE_ID,
        name="John Smith",
    ),
    paired_user=PairedUser(upn="jsmith@contoso.example", enabled=True, synced=True),
    drift=(
        Drift(system=System.VAULT, field="username", desired="a", observed="", demanded_by="staff"),
    ),
    leaving_since=NOW,
    released_at=NOW,
)


@pytest.mark.parametrize("record", [BARE, FULL, CLOUD], ids=["bare", "full", "cloud"])
def test_a_rendered_account_follows_its_schema(record: AccountRecord) -> None:
    """Every field that is written is in the schema, and every required one is written."""
    written = json.loads(json.dumps(render_account(record)))
    assert find_faults("Account", written) == ()


@pytest.mark.parametrize("record", [BARE, FULL, CLOUD], ids=["bare", "full", "cloud"])
def test_a_rendered_account_is_read_back(record: AccountRecord) -> None:
    """A cluster's registry holds all of a record, whichever directory it comes from."""
    assert read_account(json.loads(json.dumps(render_account(record)))) == record


def test_an_account_from_before_entra_stays_readable() -> None:
    """A resource without pair and pairing is one of a customer without an Entra tenant."""
    resource = json.loads(json.dumps(render_account(BARE)))
    del resource["status"]["pair"], resource["spec"]["importedWith"]["options"]["pairing"]
    assert read_account(resource) == BARE


@pytest.mark.parametrize("part", ["spec", "status"])
def test_the_schema_holds_no_field_that_is_never_written(part: str) -> None:
    """A fully known account fills every field of the schema."""
    schema = load_schema("Account")["properties"][part]["properties"]
    assert set(render_account(FULL)[part]) == set(schema)


@pytest.mark.parametrize(
    ("system", "state"), [(s, state) for s in ("pair", "vault", "psa") for state in LinkState]
)
def test_every_link_state_has_its_word(system: str, state: LinkState) -> None:
    """The closed lists of schema and model are the same."""
    status = load_schema("Account")["properties"]["status"]["properties"][system]
    assert state in status["properties"]["state"]["enum"]
    assert set(status["properties"]["key"]["enum"]) == set(MatchKey)
