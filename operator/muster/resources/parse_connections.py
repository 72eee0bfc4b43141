"""Reads integrations' products and customers' directories into the model."""

from __future__ import annotations

from datetime import time

from muster.model.connections import (
    ActiveDirectory,
    Autotask,
    Cloud,
    ConnectWise,
    Entra,
    EntraConnect,
    GraphMail,
    HaloPsa,
    Hudu,
    ItGlue,
    KeyValue2,
    MailSecurity,
    NativeVault,
    Smtp,
    VaultBackend,
    WinRmTransport,
)
from muster.model.mail import DigestSettings, MailSender
from muster.model.passwords import Proof
from muster.resources.tables import Json, Table, read, secret_ref

# IT Glue help center, "Getting started with the IT Glue API": one address per region. The
# Australian one is the one that Celerium's PowerShell wrapper uses.
IT_GLUE_ENDPOINTS = {
    "US": "https://api.itglue.com",
    "EU": "https://api.eu.itglue.com",
    "AU": "https://api.au.itglue.com",
}

# RFC 6409 (submission) and RFC 8314 (submission within TLS).
_PORTS = {"StartTls": 587, "Tls": 465}

IT_GLUE: Table = {
    "region": ("endpoint", IT_GLUE_ENDPOINTS.__getitem__),
    "endpoint": ("endpoint", str),
    "apiKeyRef": ("api_key", secret_ref),
    "caRef": ("ca", secret_ref),
    "webhook": ("webhook_token", lambda body: secret_ref(body["tokenRef"])),
}
HUDU: Table = {
    "endpoint": ("endpoint", str),
    "apiKeyRef": ("api_key", secret_ref),
    "caRef": ("ca", secret_ref),
}
KEY_VALUE_2: Table = {
    "endpoint": ("endpoint", str),
    "tokenRef": ("token", secret_ref),
    "mount": ("mount", str),
    "caRef": ("ca", secret_ref),
}
NATIVE_VAULT: Table = {
    "backend": ("backend", VaultBackend),
    "keyRef": ("key", secret_ref),
    "keyValue2": ("key_value_2", lambda body: KeyValue2(**read(KEY_VALUE_2, body))),
}
CONNECT_WISE: Table = {
    "endpoint": ("endpoint", str),
    "companyId": ("company_id", str),
    "clientId": ("client_id", str),
    "publicKeyRef": ("public_key", secret_ref),
    "privateKeyRef": ("private_key", secret_ref),
    "caRef": ("ca", secret_ref),
}
AUTOTASK: Table = {
    "endpoint": ("endpoint", str),
    "userName": ("user_name", str),
    "secretRef": ("secret", secret_ref),
    "integrationCodeRef": ("integration_code", secret_ref),
    "caRef": ("ca", secret_ref),
}
HALO_PSA: Table = {
    "endpoint": ("endpoint", str),
    "authorizationEndpoint": ("authorization_endpoint", str),
    "tenant": ("tenant", str),
    "clientId": ("client_id", str),
    "clientSecretRef": ("client_secret", secret_ref),
    "caRef": ("ca", secret_ref),
}
SMTP: Table = {
    "host": ("host", str),
    "port": ("port", int),
    "security": ("security", MailSecurity),
    "userName": ("user_name", str),
    "passwordRef": ("password", secret_ref),
    "caRef": ("ca", secret_ref),
}
MAIL_SENDER: Table = {
    "from": ("address", str),
    "fromName": ("name", str),
    "replyTo": ("reply_to", str),
}
DIGEST: Table = {
    "to": ("to", tuple),
    "at": ("at", time.fromisoformat),
    "timeZone": ("time_zone", str),
}


def _smtp(body: Json) -> Smtp:
    sender, port = MailSender(**read(MAIL_SENDER, body)), _PORTS[body.get("security", "StartTls")]
    return Smtp(**{"port": port, "sender": sender, **read(SMTP, body)})


def _graph_mail(body: Json) -> GraphMail:
    return GraphMail(
        tenant=Entra(**read(ENTRA, body)), sender=MailSender(**read(MAIL_SENDER, body))
    )


INTEGRATION: Table = {
    "itGlue": ("product", lambda body: ItGlue(**read(IT_GLUE, body))),
    "hudu": ("product", lambda body: Hudu(**read(HUDU, body))),
    "nativeVault": ("product", lambda body: NativeVault(**read(NATIVE_VAULT, body))),
    "autotask": ("product", lambda body: Autotask(**read(AUTOTASK, body))),
    "haloPsa": ("product", lambda body: HaloPsa(**read(HALO_PSA, body))),
    "connectWise": ("product", lambda body: ConnectWise(**read(CONNECT_WISE, body))),
    "smtp": ("product", _smtp),
    "graphMail": ("product", _graph_mail),
    "suspend": ("suspend", bool),
    "digest": ("digest", lambda body: DigestSettings(**read(DIGEST, body))),
}

ENTRA_CONNECT: Table = {
    "host": ("host", str),
    "port": ("port", int),
    "userName": ("user_name", str),
    "passwordRef": ("password", secret_ref),
    "configurationName": ("configuration_name", str),
    "transport": ("transport", WinRmTransport),
    "caRef": ("ca", secret_ref),
}
ACTIVE_DIRECTORY: Table = {
    "servers": ("servers", tuple),
    "userName": ("user_name", str),
    "passwordRef": ("password", secret_ref),
    "caRef": ("ca", secret_ref),
    "startTls": ("start_tls", bool),
    "entraConnect": ("entra_connect", lambda body: EntraConnect(**read(ENTRA_CONNECT, body))),
}
ENTRA: Table = {
    "tenantId": ("tenant_id", str.lower),
    "clientId": ("client_id", str),
    "clientSecretRef": ("client_secret", secret_ref),
    "certificateRef": ("certificate", secret_ref),
    "cloud": ("cloud", Cloud),
    "passwordProof": ("password_proof", Proof),
    "loginEndpoint": ("login_endpoint", str),
    "graphEndpoint": ("graph_endpoint", str),
    "caRef": ("ca", secret_ref),
}
DIRECTORIES: Table = {
    "entra": ("entra", lambda body: Entra(**read(ENTRA, body))),
    "activeDirectory": (
        "active_directory",
        lambda body: ActiveDirectory(**read(ACTIVE_DIRECTORY, body)),
    ),
}
