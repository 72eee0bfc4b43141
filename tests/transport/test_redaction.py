"""Secrets in JSON: dropped while an answer is parsed, wrapped on demand, sent as they are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from muster.model.secret import Secret
from muster.transport.redaction import Redactor, read_json, revealed, secrets_in

KEYS = frozenset({"password", "otp_secret"})


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ({"password": "x", "name": "n"}, {"name": "n"}),
        ({"rows": [{"password": "x"}, {"a": {"otp_secret": "y"}}]}, {"rows": [{}, {"a": {}}]}),
        ([{"password": None}, {"password": 7}], [{}, {}]),
        ({"Password": "x"}, {"Password": "x"}),
        ({"errors": {"password": ["is blank"]}}, {"errors": {"password": ["is blank"]}}),
        (None, None),
    ],
)
def test_secret_keys_are_dropped_at_any_depth(said: Any, seen: Any) -> None:
    """No value of such a key is left; a list of that name in an error is no value."""
    assert read_json(json.dumps(said).encode(), KEYS) == seen


def test_a_secret_that_is_asked_for_is_wrapped() -> None:
    """Whoever asks gets no text either: a password is a Secret, and null stays null."""
    said = b'{"password": "x", "rows": [{"password": null}], "otp_secret": 7}'
    seen = read_json(said, KEYS, with_secrets=True)
    assert repr(seen) == "{'password': ***, 'rows': [{'password': None}]}"
    assert seen["password"].reveal() == "x"


def test_secrets_in_a_body_are_sent_and_redacted() -> None:
    """What leaves has the texts; what comes back about it has not."""
    body = {"record": {"password": Secret("hush-1"), "list": [1, Secret("hush-2")]}}
    assert revealed(body) == {"record": {"password": "hush-1", "list": [1, "hush-2"]}}
    redactor = Redactor((Secret("key-1"),)).also(tuple(secrets_in(body)))
    assert redactor.clean("key-1: hush-1 and hush-2 are weak") == "***: *** and *** are weak"
