"""How records look on disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from tests.contract.registry.suite import NOW, ended, make_intent, make_job, make_record

from muster.errors import StateError
from muster.model.accounts import NO_PAIR, AccountRecord
from muster.model.passwords import end_of
from muster.model.secret import Secret
from muster.model.settings import DEFAULT_PAIRING
from muster.registry.encoding import (
    ACCOUNT,
    INTENT,
    JOB,
    JOB_END,
    Document,
    decode_json,
    encode_json,
)

GOLDEN = Path(__file__).parent / "account-v1.json"


def test_a_document_of_version_1_stays_readable() -> None:
    """A record that an earlier Muster wrote reads as it did; fields added since have defaults."""
    text = GOLDEN.read_text().rstrip("\n")
    record = replace(make_record(), pair=NO_PAIR, paired_user=None)
    assert ACCOUNT.decode(text, "golden") == record
    written = json.loads(ACCOUNT.encode(record))
    body = written["body"]
    assert [body[link].pop("place") for link in ("vault", "psa")] == ["", ""]
    assert body["identity"].pop("source") == "ActiveDirectory"
    assert body["imported_with"]["options"].pop("pairing") == list(DEFAULT_PAIRING)
    assert body.pop("pair")["reason"] == "NoEntra"
    assert body.pop("paired_user") is None
    assert body["identity"].pop("mobile") is None
    assert body.pop("welcome")["state"] == "NotWanted"
    assert body.pop("notices") == []
    options = body["imported_with"]["options"]
    assert (options.pop("welcome_email"), options.pop("self_serve")) == (False, False)
    assert options["vault"].pop("follow_edits") is False
    assert options.pop("rotation") is False
    assert body.pop("rotation")["reason"] == "RotationOff"
    assert written == json.loads(text)


def test_every_field_is_written() -> None:
    """A default that changes in a later version does not change a record that has it today."""
    body = json.loads(ACCOUNT.encode(make_record()))["body"]
    assert set(body) == {field.name for field in fields(AccountRecord)}


def test_an_intent_comes_back() -> None:
    """An intent is read as it was written."""
    assert INTENT.decode(INTENT.encode(make_intent()), "x") == make_intent()


def test_a_password_job_of_version_1_stays_readable() -> None:
    """A job that an earlier Muster wrote reads as it did: it may hold the only copy."""
    text = (GOLDEN.parent / "password-job-v1.json").read_text().rstrip("\n")
    job = make_job()
    old = replace(
        job,
        targets=tuple(replace(one, cause=None) for one in job.targets),
        vault=replace(job.vault, cause=None),
        cause=None,
    )
    assert JOB.decode(text, "golden") == old
    written = json.loads(JOB.encode(job))
    # What version 1 did not know yet.
    for part in (written["body"], *written["body"]["targets"], written["body"]["vault"]):
        part.pop("cause")
    for part in written["body"]["targets"]:
        part.pop("left_open")
    assert written == json.loads(text)


def test_an_end_without_a_cause_stays_readable() -> None:
    """The end of a job that an earlier Muster wrote has no cause, and is read all the same."""
    end = end_of(ended(make_job()))
    document = json.loads(JOB_END.encode(end))
    assert document["body"].pop("cause") == "OutcomeUnknown"
    assert JOB_END.decode(json.dumps(document), "end") == replace(end, cause=None)


@pytest.mark.parametrize("wrong", ["1", 1.5, True, None])
def test_a_count_is_a_whole_number(wrong: Any) -> None:
    """A number that is none is not read as one."""
    document = json.loads(JOB.encode(make_job()))
    document["body"]["vault"]["attempts"] = wrong
    with pytest.raises(StateError, match="no whole number"):
        JOB.decode(json.dumps(document), "job")


def test_what_a_job_holds_is_not_shown() -> None:
    """The text of a job in a log or an exception leaves its sealed password out."""
    assert make_job().sealed not in repr(make_job())


def test_time_is_written_in_utc() -> None:
    """One moment has one text, whatever time zone it was given in."""
    elsewhere = make_intent(opened_at=NOW.astimezone(timezone(timedelta(hours=5))))
    assert INTENT.encode(elsewhere) == INTENT.encode(make_intent())


def test_time_without_a_zone_is_not_written() -> None:
    """A time that could mean two moments is refused."""
    with pytest.raises(TypeError, match="without a time zone"):
        INTENT.encode(make_intent(opened_at=datetime(2026, 1, 1)))  # noqa: DTZ001 - the claim


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("v",), 2, "format version"),
        (("kind",), "Intent", "no AccountRecord"),
        (("more",), 1, "no Muster document"),
        (("body",), [], "AccountRecord is no object"),
        (("body", "newField"), 1, "AccountRecord has no field 'newField'"),
        (("body", "psa", "newField"), None, "Link has no field 'newField'"),
        (("body", "vault"), None, "Link is no object"),
        (("body", "name"), 5, "text is no string"),
        (("body", "drift"), {}, "list is no array"),
        (("body", "account_type"), "Robot", "AccountType does not have"),
        (("body", "account_type"), ["EndUser"], "AccountType does not have"),
        (("body", "imported_with", "options", "vault", "match"), 1, "neither true nor false"),
        (("body", "leaving_since"), "2026-01-01T00:00:00", "no time zone"),
        (("body", "leaving_since"), "soon", "isoformat"),
    ],
)
def test_what_is_not_understood_is_refused(path: tuple[str, ...], value: Any, message: str) -> None:
    """A document with an unknown field, or of another form, is refused and named."""
    document = json.loads(ACCOUNT.encode(make_record()))
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(StateError, match=rf"cannot be read: account 5: .*{message}"):
        ACCOUNT.decode(json.dumps(document), "account 5")


def test_a_field_that_has_a_default_may_be_missing() -> None:
    """The model may gain a field with a default without a migration."""
    document = json.loads(ACCOUNT.encode(make_record()))
    del document["body"]["drift"]
    assert ACCOUNT.decode(json.dumps(document), "x") == replace(make_record(), drift=())


def test_a_field_without_a_default_must_be_there() -> None:
    """A record without an identity is no record."""
    document = json.loads(ACCOUNT.encode(make_record()))
    del document["body"]["identity"]
    with pytest.raises(StateError, match="AccountRecord lacks a field"):
        ACCOUNT.decode(json.dumps(document), "x")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"'])
def test_text_that_is_no_document_is_refused(text: str) -> None:
    """A broken text is refused with the place where it was found."""
    with pytest.raises(StateError, match="account 5"):
        ACCOUNT.decode(text, "account 5")


@pytest.mark.parametrize("text", ["", "[]"])
def test_text_that_is_no_status_is_refused(text: str) -> None:
    """A broken status is refused with the customer that it belongs to."""
    with pytest.raises(StateError, match="customer x"):
        decode_json(text, "customer x")


def test_equal_statuses_have_equal_text() -> None:
    """The order in which a status was built does not make it differ."""
    assert encode_json({"a": 1, "b": 2}) == encode_json({"b": 2, "a": 1})


def with_each_leaf_replaced(value: Any, leaf: Any) -> Iterator[Any]:
    """Yield copies of a value in each of which one text, time, enum or switch is another value."""
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            for part in with_each_leaf_replaced(getattr(value, field.name), leaf):
                yield replace(value, **{field.name: part})
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            for part in with_each_leaf_replaced(item, leaf):
                yield (*value[:index], part, *value[index + 1 :])
    else:
        yield leaf


def test_a_secret_is_refused_in_every_field() -> None:
    """Wherever a secret is put into a record, the record is not written."""
    planted = list(with_each_leaf_replaced(make_record(), Secret("hunter2-planted")))
    assert len(planted) > 40
    for record in planted:
        with pytest.raises(TypeError, match="a Secret is not written"):
            ACCOUNT.encode(record)


@pytest.mark.parametrize("wrong", [5, None, b"x", ["x"], datetime(2026, 1, 1, tzinfo=UTC)])
def test_a_value_of_another_type_is_not_written(wrong: Any) -> None:
    """A field that holds something else than its type is refused when it is written."""
    with pytest.raises(TypeError, match="is not written to the registry"):
        ACCOUNT.encode(replace(make_record(), name=wrong))


def test_a_type_without_a_form_is_refused_at_once() -> None:
    """A model with a type that has no form is an error before the first record is written."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Odd:
        numbers: frozenset[int]

    with pytest.raises(TypeError, match="no form in the registry"):
        Document(Odd)
