"""How to reach systems: the MSP's own integrations, and the directories of a customer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from muster.model.mail import DigestSettings, MailSender
from muster.model.passwords import Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRef:
    """Names one value of one secret; never the value."""

    name: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItGlue:
    """An IT Glue account."""

    endpoint: str
    api_key: SecretRef
    ca: SecretRef | None = None
    webhook_token: SecretRef | None = None
    """What its workflow proves itself with; absent: it is not listened to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hudu:
    """A Hudu instance."""

    endpoint: str
    api_key: SecretRef
    ca: SecretRef | None = None


class VaultBackend(StrEnum):
    """Where the native vault keeps its sealed entries."""

    REGISTRY = "Registry"
    """The database of the registry, on one machine."""
    KUBERNETES_SECRETS = "KubernetesSecrets"
    KEY_VALUE_2 = "KeyValue2"
    """A KV secrets engine, version 2, of OpenBao or HashiCorp Vault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyValue2:
    """A KV secrets engine, version 2."""

    endpoint: str
    token: SecretRef
    mount: str = "secret"
    ca: SecretRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeVault:
    """Muster's own vault: entries sealed with a key that the MSP holds."""

    backend: VaultBackend
    key: SecretRef
    """One key per line, the newest first: the first seals, all of them open."""
    key_value_2: KeyValue2 | None = None
    """With the backend KeyValue2 only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectWise:
    """A ConnectWise PSA tenant."""

    endpoint: str
    company_id: str
    """The MSP's own login company, not a client's."""
    client_id: str
    public_key: SecretRef
    private_key: SecretRef
    ca: SecretRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Autotask:
    """An Autotask PSA database."""

    user_name: str
    """The API user's, such as `api@msp.example`; it also decides the zone."""
    secret: SecretRef
    integration_code: SecretRef
    endpoint: str | None = None
    """The zone's address. Absent: asked for by the user name."""
    ca: SecretRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HaloPsa:
    """A HaloPSA tenant."""

    endpoint: str
    client_id: str
    client_secret: SecretRef
    tenant: str | None = None
    authorization_endpoint: str | None = None
    """Absent: what the tenant names as its authorization server."""
    ca: SecretRef | None = None


class MailSecurity(StrEnum):
    """How a connection to a mail server is encrypted; without it nothing is sent."""

    START_TLS = "StartTls"
    """From within, before anything else is said (RFC 3207)."""
    TLS = "Tls"
    """From the first byte (RFC 8314)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Smtp:
    """A mail server that takes mail from us."""

    host: str
    sender: MailSender
    port: int = 587
    security: MailSecurity = MailSecurity.START_TLS
    user_name: str | None = None
    """Absent: the server knows us by our address."""
    password: SecretRef | None = None
    ca: SecretRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphMail:
    """A mailbox in the MSP's own Microsoft 365, through Microsoft Graph."""

    tenant: Entra
    sender: MailSender
    """The mailbox's address, or its user name; Exchange writes the name of the mailbox."""


VaultProduct = ItGlue | Hudu | NativeVault
PsaProduct = ConnectWise | Autotask | HaloPsa
MailProduct = Smtp | GraphMail
Product = VaultProduct | PsaProduct | MailProduct


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """One connection of the MSP's own."""

    name: str
    product: Product
    budget_share: int = 50
    """Percent of the vendor's documented request limit that Muster may use."""
    suspend: bool = False
    digest: DigestSettings | None = None
    """A daily mail to the MSP; of a mail integration only."""


class WinRmTransport(StrEnum):
    """How a connection to Windows Remote Management is protected."""

    HTTPS = "Https"
    """TLS with a certificate that is checked; Kerberos or NTLM signs in."""
    KERBEROS = "Kerberos"
    """Kerberos signs in and encrypts; nothing weaker is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntraConnect:
    """The server of Entra Connect, and the constrained endpoint on it."""

    host: str
    user_name: str
    password: SecretRef
    configuration_name: str
    transport: WinRmTransport = WinRmTransport.HTTPS
    port: int | None = None
    """Absent: the transport's own."""
    ca: SecretRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveDirectory:
    """How to read a customer's Active Directory."""

    servers: tuple[str, ...]
    """`ldaps://host[:port]` or, with `start_tls`, `ldap://host[:port]`; tried in order."""
    user_name: str
    password: SecretRef
    ca: SecretRef | None = None
    start_tls: bool = False
    entra_connect: EntraConnect | None = None
    """Where a delta cycle is started after passwords were set."""


class Cloud(StrEnum):
    """The national clouds of Microsoft; each has its own addresses."""

    GLOBAL = "Global"
    US_GOVERNMENT = "UsGovernment"
    CHINA = "China"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entra:
    """How to read a customer's Entra tenant; a client secret or a certificate, not both."""

    tenant_id: str
    client_id: str
    client_secret: SecretRef | None = None
    certificate: SecretRef | None = None
    """Private key and certificate in one PEM."""
    cloud: Cloud = Cloud.GLOBAL
    password_proof: Proof = Proof.CHANGE_DATE
    """How a password that was set here is proved; never `Bind`."""
    login_endpoint: str | None = None
    """Instead of the cloud's own, such as that of the lab."""
    graph_endpoint: str | None = None
    ca: SecretRef | None = None
