"""What an application proves itself with: a client secret, or a certificate with its key."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from muster.errors import SpecError
from muster.model.connections import Entra
from muster.model.secret import Secret
from muster.ports import Secrets

_BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One credential, checked to be usable."""

    secrets: tuple[Secret, ...] = field(repr=False)
    """What must not appear in a message."""
    expires: datetime | None = None
    """Known of certificates only."""
    certificate: str | None = field(default=None, repr=False)

    def for_msal(self) -> Any:
        """Return it in the form that msal takes; msal works out the thumbprint itself."""
        value = self.secrets[0].reveal()
        if self.certificate is None:
            return value
        return {"private_key": value, "public_certificate": self.certificate}


def read_credential(settings: Entra, secrets: Secrets) -> Credential:
    """Return the credential that the settings name.

    Raises:
        SpecError: it is missing, or no usable PEM.
    """
    if settings.certificate is not None:
        return certificate_of(secrets.read(settings.certificate))
    if settings.client_secret is not None:
        return Credential(secrets=(secrets.read(settings.client_secret),))
    raise SpecError(
        (
            f"Entra tenant {settings.tenant_id}: there is no credential;"
            " set clientSecretRef or certificateRef.",
        )
    )


def certificate_of(pem: Secret) -> Credential:
    """Return the credential in a PEM text that holds a private key and its certificate."""
    blocks = {match[1]: match[0] for match in _BLOCK.finditer(pem.reveal())}
    key = next((text for kind, text in blocks.items() if kind.endswith("PRIVATE KEY")), None)
    certificate = blocks.get("CERTIFICATE")
    if key is None or certificate is None:
        missing = "private key" if key is None else "certificate"
        raise _unusable(f"holds no {missing}")
    problem, expires = _fitting(key, certificate)
    if expires is None:
        raise _unusable(problem)
    return Credential(secrets=(Secret(key), pem), expires=expires, certificate=certificate)


def _fitting(key_pem: str, certificate_pem: str) -> tuple[str, datetime | None]:
    """Return when a pair expires, or what is wrong with it.

    It raises nothing: the library's errors may carry a part of the key. Entra takes RSA only
    (https://learn.microsoft.com/entra/identity-platform/certificate-credentials).
    """
    try:
        key = load_pem_private_key(key_pem.encode(), password=None)
        certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return "cannot be read, or the key has a pass phrase", None
    if not isinstance(key, RSAPrivateKey):
        return "holds a key that is not RSA", None
    if key.public_key() != certificate.public_key():
        return "holds a key that is not the certificate's", None
    return "", certificate.not_valid_after_utc


def _unusable(why: str) -> SpecError:
    return SpecError(
        (
            f"Entra: the secret of certificateRef {why}; supply one PEM text with the private key,"
            " without a pass phrase, and the certificate below it.",
        )
    )
