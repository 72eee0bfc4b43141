"""Logs: one JSON object a line, and nothing that looks like a credential."""

from __future__ import annotations

import io
import json
import logging
import sys
from typing import NoReturn

import pytest

from muster.kube.logs import JsonLines, TextLines, mask

SECRET = "s3cr3t-Pl4nted/+=="


def record(message: str, *values: object, error: bool = False) -> logging.LogRecord:
    """Return a log record, with the exception that is being handled when asked."""
    exception = sys.exc_info() if error else None
    return logging.LogRecord("lib", logging.WARNING, __file__, 1, message, values, exception)


def fail(text: str) -> NoReturn:
    """Raise an error that says this."""
    raise RuntimeError(text)


@pytest.mark.parametrize("lines", [JsonLines(), TextLines()], ids=["json", "text"])
@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {SECRET}",
        f"authorization: Basic {SECRET}",
        f"x-api-key: {SECRET}",
        "the key is ITG.{SECRET}",
        f"X-API-KEY={SECRET}",
        f"password={SECRET}",
        f"Password: {SECRET}",
        f"bindPassword='{SECRET}'",
        f'{{"password": "{SECRET}", "user": "svc"}}',
        f'{{"password": "with, a \\" {SECRET}"}}',
        f"{{'privateKey': '{SECRET}'}}",
        f"client_secret={SECRET}&grant=x",
        f"access_token={SECRET}",
        f"[(b'x-api-key', b'{SECRET}')]",
        f"https://svc:{SECRET.replace('/', '')}@host.example/path",
    ],
)
def test_a_planted_credential_is_masked(lines: logging.Formatter, text: str) -> None:
    """However a library words it, the value is not in the log; neither is it in a traceback."""
    text = text.replace("{SECRET}", SECRET)
    shown = lines.format(record("before %s after", text))
    try:
        fail(text)
    except RuntimeError:
        shown += lines.format(record("failed", error=True))
    assert "Pl4nted" not in shown
    assert "***" in shown
    assert "before" in shown


@pytest.mark.parametrize(
    "text",
    [
        'Secret "contoso-ad" has no key "password". Add it.',
        "The token, which was refused, is read again.",
        "contoso: InAgreement in 1.5 s",
        "https://api.itglue.com/passwords?page=2 answers 429",
        "at 12:30:15 jsmith@contoso.example",
    ],
)
def test_what_is_no_credential_stays(text: str) -> None:
    """Our own messages are not spoilt."""
    assert mask(text) == text


def test_a_json_line_is_one_object_on_one_line() -> None:
    """Time, level, logger and message, with line breaks escaped and letters as they are."""
    line = JsonLines().format(record("Jürgen\n%s", "next"))
    assert "\n" not in line
    assert "Jürgen" in line
    shown = json.loads(line)
    assert shown.keys() == {"time", "level", "logger", "message"}
    assert shown["level"] == "WARNING"
    assert shown["time"].endswith("+00:00")


def test_a_handler_writes_masked_lines() -> None:
    """Through a real logger and handler the credential does not come out."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logger = logging.Logger("library")
    logger.addHandler(handler)
    logger.warning("sent %s", {"Authorization": f"Bearer {SECRET}"})
    assert "Pl4nted" not in stream.getvalue()
    assert json.loads(stream.getvalue())["logger"] == "library"


@pytest.mark.parametrize("lines", [JsonLines(), TextLines()], ids=["json", "text"])
def test_a_message_does_not_repeat_the_text_of_its_exception(lines: logging.Formatter) -> None:
    """kopf puts an exception's text into its own words; there only the kind is left of it."""
    try:
        try:
            fail(f"{SECRET} came before")
        except RuntimeError as cause:
            raise ValueError(f"it said {SECRET}") from cause
    except ValueError as error:
        logged = record("Handler 'seen' failed: %s, %r", error, error.__cause__, error=True)
        logging.Formatter().format(logged)  # as a second handler does, which leaves its own words
        shown = lines.format(logged)
    assert "Pl4nted" not in shown
    assert "Handler 'seen' failed: builtins.ValueError, builtins.RuntimeError" in shown
