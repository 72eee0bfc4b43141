"""Why LDAP did not work, in words that say what to do.

Decides which error of `muster.errors` a failure is; whether to go on with another server is
left to `ldap_connect` and to the adapter. No text here ever holds a password.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from typing import Any

from muster.errors import AccessDenied, Rejected, RemoteError, Unavailable, Unexpected

_BIND_CAUSES = {
    "525": ("there is no such user", "Correct userName"),
    "52e": (
        "wrong user name or password",
        "Correct userName (name@domain or DOMAIN\\name) or the password",
    ),
    "530": ("logon is not permitted at this hour", "Widen the account's logon hours"),
    "531": (
        "logon is not permitted from this computer",
        "Remove the workstation restriction of the account",
    ),
    "532": ("the password has expired", "Set a new password, there and in passwordRef"),
    "533": ("the account is disabled", "Enable it or name another account"),
    "701": ("the account has expired", "Extend it or name another account"),
    "773": (
        "the password must be changed first",
        "Set a password without `must change at next logon`, there and in passwordRef",
    ),
    "775": (
        "the account is locked out",
        "Unlock it, and look for what uses an old password",
    ),
}
"""Sub-codes of result 49. Source: MS-ERREF 2.2 for the codes, which Active Directory writes
after `data` in the diagnostic message (learn.microsoft.com, `Common Active Directory Bind
Errors`)."""

_BIND_CODE = re.compile(r"\bdata ([0-9a-f]+)", re.IGNORECASE)
_WIN32_CODE = re.compile(r"[0-9a-f]{8}(?=:)", re.IGNORECASE)
"""A refusal begins with the Win32 or directory service error in hex (MS-ERREF 2.2)."""

OUTAGES = frozenset({51, 52})
"""busy and unavailable, RFC 4511 4.1.9."""


class Outage(Unavailable):
    """A server that did not answer, or not to the end; another one may do better.

    `dropped` is true when an open connection ended, so that the same server is worth a
    second attempt.
    """

    def __init__(self, message: str, *, server: str, dropped: bool = False) -> None:
        super().__init__(message)
        self.server = server
        self.dropped = dropped


class WriteRefused(Rejected):
    """A write that a server refused. `win32` is its own code, such as `0000052D`, or empty."""

    def __init__(self, dn: str, server: str, result: Mapping[str, Any]) -> None:
        said = server_message(result)
        found = _WIN32_CODE.match(said)
        self.code = int(result["result"])
        self.win32 = found[0].upper() if found else ""
        self.said = f"result {self.code} {said}".strip()
        super().__init__(f"Active Directory refused to change {dn} at {server}: {self.said}")


class CertificateRefused(AccessDenied):
    """The server's certificate did not pass, so nothing was sent to it."""


def server_message(result: Mapping[str, Any]) -> str:
    """Return what a server said beside its result code, without its trailing NUL."""
    return str(result.get("message") or "").strip("\0 \n")


def bind_code(result: Mapping[str, Any]) -> str:
    """Return the sub-code of a refused bind in lower-case hex, or an empty text."""
    found = _BIND_CODE.search(server_message(result)) if int(result["result"]) == 49 else None
    return found[1].lower() if found else ""


def bind_failed(server: str, user_name: str, result: Mapping[str, Any]) -> RemoteError:
    """Return the error of a bind that was answered with something other than success."""
    code = int(result["result"])
    where = f"Active Directory refused the sign-in of {user_name} at {server}"
    if code == 49:
        return AccessDenied(f"{where}: {_bind_cause(server_message(result))}.")
    if code == 8:
        return AccessDenied(
            f"{where}: it requires signing or TLS (result 8). Use ldaps:// or startTls."
        )
    if code in {48, 50}:
        return AccessDenied(
            f"{where}: {_described(result)}. Grant the account the right to log on."
        )
    return Outage(f"{where}: {_described(result)}. Try again later.", server=server)


def _bind_cause(message: str) -> str:
    found = _BIND_CODE.search(message)
    code = found[1].lower() if found else ""
    cause, advice = _BIND_CAUSES.get(
        code, ("wrong credentials", "Check userName, the password and the account's state")
    )
    return f"{cause} (49/{code or 'no code'}). {advice}"


def search_failed(server: str, base: str, result: Mapping[str, Any]) -> RemoteError:
    """Return the error of a search that did not end in success."""
    code = int(result["result"])
    where = f"Active Directory did not answer a search below {base or 'the root'} at {server}"
    if code == 50:
        return AccessDenied(
            f"{where}: {_described(result)}. Grant the account read access to the domain."
        )
    if code == 8:
        return AccessDenied(
            f"{where}: it requires signing or TLS (result 8). Use ldaps:// or startTls."
        )
    text = f"{where}: {_described(result)}. What came before is not used; try again later."
    if code in OUTAGES:
        return Outage(text, server=server)
    return Unavailable(text)


def _described(result: Mapping[str, Any]) -> str:
    detail = server_message(result)
    named = f"result {result['result']} {result.get('description', '')}".strip()
    return f"{named}, {detail}" if detail else named


def unreachable(server: str, cause: BaseException | str) -> Outage:
    """Return the error of a server that cannot be reached."""
    return Outage(
        f"Active Directory cannot be reached at {server}: {cause}. "
        "Check the address, the port and the firewall.",
        server=server,
    )


def dropped(server: str, cause: BaseException) -> Outage:
    """Return the error of a connection that ended, or fell silent, before the answer did."""
    what = "fell silent" if isinstance(cause, TimeoutError) else "ended the connection"
    return Outage(
        f"Active Directory {what} at {server}: {cause}. "
        "What came before is not used; try again later.",
        server=server,
        dropped=True,
    )


def malformed(server: str, cause: BaseException | str) -> Unexpected:
    """Return the error of an answer that is not LDAP, or not as documented."""
    return Unexpected(
        f"Active Directory gave an answer at {server} that cannot be read: {cause}. "
        "Check that the address is a domain controller's; if it is, report this."
    )


def tls_failed(server: str, host: str, ca_name: str, cause: Exception) -> RemoteError:
    """Return the error of a TLS handshake: a refused certificate, or an outage."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return CertificateRefused(
            f"Active Directory's certificate at {server} was refused: {cause.verify_message} "
            f"(host {host}, checked against {ca_name}). "
            "Name the CA that issued it in caRef, and a host name that the certificate carries "
            "in servers. Nothing was sent."
        )
    return Outage(
        f"Active Directory did not complete TLS at {server}: {cause}. "
        "Check that the port speaks LDAPS or StartTLS and that the server has a certificate.",
        server=server,
    )


def none_left(failures: tuple[RemoteError, ...]) -> RemoteError:
    """Return one error that names every server that was tried, and why each failed.

    It is `AccessDenied` only where no server failed for a reason that may pass by itself.
    """
    text = f"Active Directory: none of {len(failures)} servers can be used. " + " ".join(
        str(failure) for failure in failures
    )
    if all(isinstance(failure, AccessDenied) for failure in failures):
        return CertificateRefused(text)
    return Outage(text, server="all servers")
