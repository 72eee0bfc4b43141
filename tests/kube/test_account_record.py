"""An account's record survives the way into a cluster and back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contract.registry.suite import make_record

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
)
from muster.model.names import (
    AccountId,
    AccountType,
    CustomerName,
    DecisionState,
    DriftRemediation,
    LinkState,
    MatchKey,
    NameFallback,
    RemoteId,
    System,
    Uncategorized,
)
from muster.model.reasons import Reason
from muster.model.settings import Options, PsaOptions, VaultOptions
from muster.report.account_record import read_account
from muster.report.account_resource import render_account
from muster.resources import load_schema
from muster.resources.fitting import fit

TEXT = st.text(min_size=1, max_size=20)
"""An empty name or address is none: no directory holds one."""

NUMBERS = st.integers(1, 10**12).map(str).map(RemoteId)
TIMES = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.sampled_from((UTC,)),
)
SWITCHES = st.booleans()
CANDIDATES = st.builds(
    Candidate,
    id=NUMBERS,
    name=st.text(max_size=20),
    evidence=TEXT,
    detail=st.text(max_size=20),
    updated_at=st.none() | TIMES,
)
LINKS = st.builds(
    Link,
    state=st.sampled_from(LinkState),
    reason=st.sampled_from(Reason),
    id=st.none() | NUMBERS,
    key=st.none() | st.sampled_from(MatchKey),
    name=st.none() | TEXT,
    place=st.sampled_from(("", "it-glue/4711")),
    message=st.text(max_size=20),
    candidates=st.lists(CANDIDATES, max_size=2).map(tuple),
)
DRIFTS = st.builds(
    Drift,
    system=st.sampled_from((System.VAULT, System.PSA)),
    field=TEXT,
    desired=st.text(max_size=20),
    observed=st.text(max_size=20),
    demanded_by=TEXT,
)
OPTIONS = st.builds(
    Options,
    vault=st.builds(
        VaultOptions,
        match=SWITCHES,
        create_when_missing=SWITCHES,
        uncategorized=st.sampled_from(Uncategorized),
    ),
    psa=st.builds(
        PsaOptions,
        match=SWITCHES,
        create_when_missing=SWITCHES,
        name_fallback=st.sampled_from(NameFallback),
    ),
    drift_remediation=st.sampled_from(DriftRemediation),
)
IDENTITIES = st.builds(
    Identity,
    id=st.uuids().map(str).map(AccountId),
    sid=st.integers(1, 10**6).map("S-1-5-21-1-2-3-{}".format),
    sam=TEXT,
    upn=st.none() | TEXT,
    display_name=st.none() | TEXT,
    given_name=st.none() | TEXT,
    surname=st.none() | TEXT,
    email=st.none() | st.builds(Email, address=TEXT, source=st.sampled_from(EmailSource)),
)
RECORDS = st.builds(
    AccountRecord,
    name=st.just("contoso-jsmith-7c1e"),
    customer=st.just(CustomerName("contoso")),
    account_type=st.sampled_from(AccountType),
    identity=IDENTITIES,
    imported_with=st.builds(ImportedWith, policy=TEXT, options=OPTIONS, at=TIMES),
    decision=st.builds(
        Decision,
        state=st.sampled_from(DecisionState),
        reason=st.sampled_from(Reason),
        via=st.text(max_size=20),
    ),
    vault=LINKS,
    psa=LINKS,
    drift=st.lists(DRIFTS, max_size=2).map(tuple),
    leaving_since=st.none() | TIMES,
    released_at=st.none() | TIMES,
)
QUICK = settings(max_examples=150, deadline=timedelta(seconds=20))


def there_and_back(record: AccountRecord) -> AccountRecord:
    """Return a record as it comes back from JSON."""
    return read_account(json.loads(json.dumps(render_account(record))))


def to_the_second(record: AccountRecord) -> AccountRecord:
    """Return the record with whole seconds."""
    return replace(
        record,
        imported_with=replace(record.imported_with, at=_whole(record.imported_with.at)),
        vault=_link_to_the_second(record.vault),
        psa=_link_to_the_second(record.psa),
        leaving_since=_whole(record.leaving_since) if record.leaving_since else None,
        released_at=_whole(record.released_at) if record.released_at else None,
    )


def _link_to_the_second(link: Link) -> Link:
    candidates = (
        replace(one, updated_at=_whole(one.updated_at) if one.updated_at else None)
        for one in link.candidates
    )
    return replace(link, candidates=tuple(candidates))


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


@QUICK
@given(record=RECORDS)
def test_a_record_comes_back_to_the_second(record: AccountRecord) -> None:
    """Every field of every record comes back; only parts of a second are lost."""
    assert there_and_back(record) == to_the_second(record)


@QUICK
@given(record=RECORDS)
def test_what_came_back_is_written_the_same(record: AccountRecord) -> None:
    """A record that was read is no reason to write: its resource is equal."""
    assert render_account(there_and_back(record)) == render_account(record)


@QUICK
@given(record=RECORDS)
def test_the_schema_has_a_place_for_every_field(record: AccountRecord) -> None:
    """What fits into its limits is stored whole: nothing is left out as unknown."""
    resource = json.loads(json.dumps(render_account(record)))
    assert fit(resource, load_schema("Account")) == resource


def test_a_full_record_comes_back() -> None:
    """A record in which every field has a value, a tombstone, comes back to the second."""
    record = make_record()
    assert there_and_back(record) == to_the_second(record)
    assert not there_and_back(record).live


@pytest.mark.parametrize(
    "gone", [("spec",), ("status",), ("spec", "identity"), ("status", "vault")], ids="/".join
)
def test_a_foreign_shape_is_refused(gone: tuple[str, ...]) -> None:
    """A resource that lacks what Muster writes is an error, and no half record."""
    resource: dict[str, Any] = json.loads(json.dumps(render_account(make_record())))
    part = resource
    for step in gone[:-1]:
        part = part[step]
    del part[gone[-1]]
    with pytest.raises(KeyError):
        read_account(resource)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "accountType"), "Robot"),
        (("status", "decision", "reason"), "BecauseISaySo"),
        (("status", "vault", "state"), "Married"),
        (("status", "releasedAt"), "yesterday"),
    ],
)
def test_an_unknown_word_is_refused(path: tuple[str, ...], value: str) -> None:
    """A word that is not in a closed list is an error, and never taken for another."""
    resource: dict[str, Any] = json.loads(json.dumps(render_account(make_record())))
    part = resource
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    with pytest.raises(ValueError, match=value):
        read_account(resource)
