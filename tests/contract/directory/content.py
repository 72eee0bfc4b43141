"""What every directory under test holds: names that hurt, states that differ, and a crowd.

Plain data; the lab and Samba each have their own way to load it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DNS_NAME = "corp.example.test"
NETBIOS_NAME = "CORP"
DOMAIN_DN = "DC=corp,DC=example,DC=test"
PASSWORD = "Muster-Lab-7-änd"
"""Of every account that signs in; the umlaut shows that passwords travel as UTF-8."""

READER = "svc-muster"
READER_UPN = f"{READER}@{DNS_NAME}"
CROWD_SIZE = 1_600
"""More than one page of 1,000 and more members than one range of 1,500."""

STAFF = f"OU=Staff,{DOMAIN_DN}"
TORONTO = f"OU=Toronto,{STAFF}"
LEAVERS = f"OU=Leavers,{DOMAIN_DN}"
GROUPS = f"OU=Groups,{DOMAIN_DN}"
SERVICES = f"OU=Services,{DOMAIN_DN}"
CROWD = f"OU=Crowd,{DOMAIN_DN}"
USERS_CONTAINER = f"CN=Users,{DOMAIN_DN}"

PLACES = ("OU=Staff", "OU=Toronto,OU=Staff", "OU=Leavers", "OU=Groups", "OU=Services", "OU=Crowd")
"""Relative to the domain, parents first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user to be created; what is None stays absent."""

    name: str
    sam: str
    parent: str = STAFF
    upn: str | None = ""
    """Empty: made from the sAMAccountName."""
    given_name: str | None = None
    surname: str | None = None
    display_name: str | None = None
    mail: str | None = None
    password: str | None = None
    enabled: bool = True
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def principal(self) -> str | None:
        """The userPrincipalName."""
        return f"{self.sam}@{DNS_NAME}" if self.upn == "" else self.upn


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group to be created, with members by sAMAccountName."""

    name: str
    sam: str
    members: tuple[str, ...] = ()


USERS = (
    User(
        name="John Smith",
        sam="jsmith",
        given_name="John",
        surname="Smith",
        display_name="John Smith (Sales)",
        mail="j.smith@contoso.example",
        attributes={
            "proxyAddresses": (
                "smtp:js@contoso.example",
                "SMTP:John.Smith@contoso.example",
                "SIP:jsmith@contoso.example",
            )
        },
    ),
    User(
        name="Zoë Ångström-林",
        sam="zangstrom",
        parent=TORONTO,
        given_name="Zoë",
        surname="Ångström",
        display_name="Zoë Ångström",
    ),
    User(name='O, Brien #1 + (x)* "q" \\ <a>;=', sam="obrien", display_name="O, Brien"),
    User(name="#Hash", sam="hash"),
    User(name="Nora Nomail", sam="nomail", upn=None),
    User(name="Dora Disabled", sam="ddora", enabled=False),
    User(name="Ed Expired", sam="eexpired", attributes={"accountExpires": ("132223104000000000",)}),
    User(name="Nev Never", sam="nnever", attributes={"accountExpires": ("9223372036854775807",)}),
    User(
        name="Maximiliane Hippolyta Featherstonehaugh-Cholmondeley of Wrottesley",
        sam="mfeatherstonehaugh-c",
        upn=f"maximiliane.hippolyta.featherstonehaugh@{DNS_NAME}",
    ),
    User(name="Una Users", sam="uusers", parent=USERS_CONTAINER),
    User(name="Mo Mover", sam="mmover"),
    User(name="Gus Goner", sam="ggoner"),
    User(name="Max, the Roamer (II)", sam="mroamer"),
    User(name=READER, sam=READER, parent=SERVICES, password=PASSWORD),
    User(
        name="svc-disabled", sam="svc-disabled", parent=SERVICES, password=PASSWORD, enabled=False
    ),
    User(
        name="svc-expired",
        sam="svc-expired",
        parent=SERVICES,
        password=PASSWORD,
        attributes={"accountExpires": ("132223104000000000",)},
    ),
    User(
        name="svc-mustchange",
        sam="svc-mustchange",
        parent=SERVICES,
        password=PASSWORD,
        attributes={"pwdLastSet": ("0",)},
    ),
)

EXPIRED_AT = "2020-01-01T00:00:00+00:00"
"""What the ticks above mean."""

CROWD_SAMS = tuple(f"crowd{number:04}" for number in range(CROWD_SIZE))

GROUPS_HELD = (
    Group(name="Muster Nested", sam="Muster Nested", members=("zangstrom",)),
    Group(
        name="Muster Staff, all", sam="Muster Staff", members=("jsmith", "obrien", "Muster Nested")
    ),
    Group(name="Muster Empty", sam="Muster Empty"),
    Group(name="Muster Roamers", sam="Muster Roamers", members=("mroamer",)),
    Group(
        name="A group with a name beyond twenty characters",
        sam="A group with a name beyond twenty characters",
        members=("hash",),
    ),
    Group(name="Muster Crowd", sam="Muster Crowd", members=CROWD_SAMS),
)
"""Nested groups first."""

COMPUTER = "WS1"
CONTACT = "Carl Contact"
MANAGED_SERVICE_ACCOUNT = "gmsa1"
