"""Which entry a webhook's body names, in whatever form it is said."""

from __future__ import annotations

import json

import pytest

from muster.webhook.notice import Unreadable, read_notice

ADDRESS = "https://msp.itglue.com/4711/passwords/88120045"


@pytest.mark.parametrize(
    "body",
    [
        {"organization_id": 4711, "resource_id": 88120045},
        {"organization-id": "4711", "id": "88120045", "type": "passwords"},
        {"data": {"id": "88120045", "attributes": {"organization-id": 4711}}},
        {"event": "updated", "resource_url": ADDRESS},
        {"text": f"Password changed: <{ADDRESS}|AD - Joan>"},
        {"attachments": {"fields": {"link": ADDRESS + "#history"}}},
    ],
)
def test_an_entry_is_found(body: dict[str, object]) -> None:
    """Fields by every spelling that the API has, and the address of the entry."""
    assert read_notice(json.dumps(body).encode()) == ("4711", "88120045")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'"text"',
        b"{}",
        b'{"organization_id": true, "id": 1}',
        b'{"organization_id": "4711; drop", "id": 1}',
        b'{"organization_id": 1e400, "id": 1}',
        b'{"organization_id": -5, "id": 1}',
        b'{"organization_id": 12345678901234567890123, "id": 1}',
        b'{"url": "https://msp.itglue.com/4711/passwords/88/99"}',
        b'{"url": "http://msp.itglue.com/4711/passwords/88"}',
        b"[" * 60_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    ],
)
def test_anything_else_is_unreadable(body: bytes) -> None:
    """What names no entry, or is made to harm, is an error and no crash."""
    with pytest.raises(Unreadable):
        read_notice(body)
