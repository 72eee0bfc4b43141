"""Logs as JSON lines, with what looks like a credential masked.

No message holds a secret on purpose; the mask is for what other libraries say. Of an exception
that is not Muster's own only kind and place are written: its text may hold anything.
"""

from __future__ import annotations

import copy
import json
import logging
import re
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from muster.errors import MusterError

_NAMED = r"(?:api[-_]?key|password|passwd|token|private[-_]?key|client[-_]?secret)[\"']?\s*[:=,]\s*"

_QUOTED = re.compile(rf"""({_NAMED}b?(["']))(?:\\.|(?!\2).)*""", re.IGNORECASE)
"""`"password": "…"`, `('x-api-key', b'…')`: to the closing quote, whatever stands before it."""

_BARE = re.compile(
    rf"({_NAMED.replace(':=,', ':=')}|Bearer\s+|Basic\s+|ITG\.)[^\s\"',;]+", re.IGNORECASE
)

_IN_URL = re.compile(r"(://[^/\s:@]*:)[^/\s@]+@")


class LogFormat(StrEnum):
    """How logs are written."""

    TEXT = "text"
    JSON = "json"


def mask(text: str) -> str:
    """Return a text without what looks like a credential."""
    text = _QUOTED.sub(r"\1***", text)
    return _IN_URL.sub(r"\1***@", _BARE.sub(r"\1***", text))


class _Lines(logging.Formatter):
    """What both forms do with an exception."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's own name
        """Return where it struck and what came before it, the first one first."""
        return "\n".join(reversed([*_told(ei[1])]))

    def message_of(self, record: logging.LogRecord) -> str:
        """Return a record's message; where it repeats the text of its exception, only the kind."""
        message = record.getMessage()
        for error in _chain(record.exc_info[1] if record.exc_info else None):
            for text in () if isinstance(error, MusterError) else (repr(error), str(error)):
                # kopf words it so: Handler '…' failed with an exception: TEXT.
                message = message.replace(text, _kind(error)) if text else message
        return message


def _kind(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and those that led to it."""
    while error is not None:
        yield error
        hidden = error.__suppress_context__
        error = error.__cause__ or (None if hidden else error.__context__)


def _told(fault: BaseException | None) -> Iterator[str]:
    """Yield an exception and those that led to it, each without any variable's value."""
    for error in _chain(fault):
        lines = "".join(traceback.format_tb(error.__traceback__))
        text = f": {error}" if isinstance(error, MusterError) else ""
        yield f"{lines}{_kind(error)}{text}"


class JsonLines(_Lines):
    """One JSON object a line: time, level, logger, message, exception."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": mask(self.message_of(record)),
        }
        if record.exc_info:
            line["exception"] = mask(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


class TextLines(_Lines):
    """A line for people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        shown = copy.copy(record)
        shown.msg, shown.args = self.message_of(record), None
        shown.exc_text = None  # else what another formatter made of the exception is taken
        return mask(super().format(shown))


def set_up_logging(form: LogFormat, *, verbose: bool = False) -> None:
    """Send logs to standard error; other libraries only speak up when something is wrong."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if form is LogFormat.JSON else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    # A line that cannot be written would be printed as it is, with everything it was given.
    logging.raiseExceptions = False
    threading.excepthook = _log_of_thread
    logging.getLogger("muster").setLevel(logging.DEBUG if verbose else logging.INFO)


def _log_of_thread(fault: threading.ExceptHookArgs) -> None:
    """Log what ended a thread, in place of Python's own words, which would show its text."""
    name = fault.thread.name if fault.thread else "a thread"
    logging.getLogger("muster").error(
        "%s ended: this is a bug in Muster.", name, exc_info=fault.exc_value
    )
