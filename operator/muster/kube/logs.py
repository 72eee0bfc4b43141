"""Logs as JSON lines, with what looks like a credential masked.

No message holds a secret on purpose; the mask is for what other libraries say.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from enum import StrEnum

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


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, exception."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": mask(record.getMessage()),
        }
        if record.exc_info:
            line["exception"] = mask(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


class TextLines(logging.Formatter):
    """A line for people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        return mask(super().format(record))


def set_up_logging(form: LogFormat, *, verbose: bool = False) -> None:
    """Send logs to standard error; other libraries only speak up when something is wrong."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if form is LogFormat.JSON else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("muster").setLevel(logging.DEBUG if verbose else logging.INFO)
