"""What IT Glue says about the password of one entry: its value, and its revisions."""

from __future__ import annotations

from typing import Any

from muster.adapters.itglue.entries import entry_of, is_host_proof, is_live
from muster.adapters.itglue.pages import Row
from muster.adapters.json_values import id_text, moment_or_none
from muster.errors import AccessDenied, Rejected, RemoteError
from muster.model.secret import Secret
from muster.ports import PasswordEdit
from muster.transport.http import Transport

SHOWN = (("show_password", "true"),)
"""Lower case, as in `vault`. Without it the default differs between verbs."""

_REVISIONS = (("show_password", "false"), ("include", "recent_versions"))


def password_of(row: Row) -> Secret | None:
    """Return the password of an entry that was read with its secrets.

    Raises:
        Rejected: it is host-proof, so that only people's browsers can decrypt it.
        AccessDenied: IT Glue left it out, as it does for a key without Password Access.
    """
    if is_host_proof(row):
        raise Rejected(f"IT Glue: entry {row.id} is host-proof; no program can read its password.")
    if "password" in row.attributes:
        secret = row.attributes["password"]
        return secret if isinstance(secret, Secret) and secret else None
    raise AccessDenied(
        f"IT Glue shows no password for entry {row.id}; give the key Password Access"
        " (IT Glue: Account > Settings > API keys)."
    )


def edit_of(row: Row) -> PasswordEdit | None:
    """Return when the password was last set, and by whom; None where it cannot be followed.

    `updated-at` moves with any edit, `password-updated-at` with the password only. Who edited the
    entry last need not be who set the password. Source: Private-Universe/itglue passwords.go.
    """
    at = moment_or_none(row.attributes.get("password-updated-at"))
    entry = entry_of(row)
    if at is None or not entry.usable or not is_live(row):
        return None
    by = id_text(row.attributes.get("updated-by"))
    return PasswordEdit(at=at, by=f"user {by}" if by else "")


def newest_revision(transport: Transport, path: str) -> str | None:
    """Return the id of an entry's newest revision; None when IT Glue does not say.

    The write that led to it is done, so a failure here is no error.

    Source: `include=recent_versions` of itglue/powershellwrapper, Passwords.ps1.
    Unconfirmed: the type of an included revision, and that ids grow with time.
    """
    try:
        body = transport.get(path, _REVISIONS).body
    except RemoteError:
        return None
    included = body.get("included") if isinstance(body, dict) else None
    numbers = [_number(one) for one in included] if isinstance(included, list) else []
    newest = max(numbers, default=0)
    return str(newest) if newest else None


def _number(resource: Any) -> int:
    """Return the id of a revision, and 0 for any other resource."""
    if not isinstance(resource, dict) or "version" not in str(resource.get("type")):
        return 0
    text = id_text(resource.get("id"))
    return int(text) if text.isdecimal() else 0
