"""What a domain holds before anybody adds anything to it.

Names, RIDs and flags are those of a fresh domain. Source: MS-ADTS 6.1.1 (special objects),
https://learn.microsoft.com/windows-server/identity/ad-ds/manage/understand-security-groups.
Unconfirmed: that DnsAdmins and DnsUpdateProxy lack isCriticalSystemObject.
"""

from __future__ import annotations

from dataclasses import dataclass

from muster.lab.directory import accounts
from muster.lab.directory.accounts import (
    BUILTIN_LOCAL,
    CRITICAL,
    DISABLED,
    DOMAIN_LOCAL,
    GLOBAL,
    NO_EXPIRY,
    NO_PASSWORD_NEEDED,
    NORMAL,
    UNIVERSAL,
)
from muster.lab.directory.entry import Entry
from muster.lab.directory.identifiers import sid_bytes
from muster.lab.directory.tree import Tree, Values

HOST = "DC1"
FIRST_FREE_RID = 1103


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names that a domain's first domain controller is given."""

    dn: str
    dns_name: str
    netbios_name: str
    sid: str

    @property
    def configuration(self) -> str:
        """The configuration naming context."""
        return f"CN=Configuration,{self.dn}"

    @property
    def server(self) -> str:
        """The domain controller's place in its site."""
        site = f"CN=Default-First-Site-Name,CN=Sites,{self.configuration}"
        return f"CN={HOST},CN=Servers,{site}"

    @property
    def host(self) -> str:
        """The domain controller's DNS name."""
        return f"{HOST.lower()}.{self.dns_name}"


WELL_KNOWN = {
    "CN=Users": "A9D1CA15768811D1ADED00C04FD8D5CD",
    "CN=Computers": "AA312825768811D1ADED00C04FD8D5CD",
    "OU=Domain Controllers": "A361B2FFFFD211D1AA4B00C04FD7D83A",
    "CN=System": "AB1D30F3768811D1ADED00C04FD8D5CD",
    "CN=ForeignSecurityPrincipals": "22B70C67D56E4EFB91E9300FCA3DC1AA",
    "CN=Program Data": "09460C08AE1E4A4EA0F64AEE7DAA1E5A",
    "CN=Microsoft,CN=Program Data": "F4BE92A4C777485E878E9421D53087DB",
    "CN=LostAndFound": "AB8153B7768811D1ADED00C04FD8D5CD",
    "CN=Infrastructure": "2FBAC1870ADE11D297C400C04FD8D5CD",
    "CN=NTDS Quotas": "6227F0AF1FC2410D8E3BB10615BB5B0F",
    "CN=Deleted Objects": "18E2EA80684F11D2B9AA00C04F79F805",
}
"""Well-known containers by name (MS-ADTS 6.1.1.4); redirusr may point the first elsewhere.

Deleted Objects has a pointer but no entry, since it is invisible to an ordinary search.
"""
OTHER_WELL_KNOWN = {"CN=Managed Service Accounts": "1EB93889E40C45DF9F0C64D23BBB6237"}

_PLACES = {
    "CN=Users": "container",
    "CN=Computers": "container",
    "OU=Domain Controllers": "organizationalUnit",
    "CN=System": "container",
    "CN=ForeignSecurityPrincipals": "container",
    "CN=Program Data": "container",
    "CN=Microsoft,CN=Program Data": "container",
    "CN=LostAndFound": "lostAndFound",
    "CN=Infrastructure": "infrastructureUpdate",
    "CN=NTDS Quotas": "msDS-QuotaContainer",
    "CN=Builtin": "builtinDomain",
    "CN=Managed Service Accounts": "container",
    "CN=Keys": "container",
    "CN=TPM Devices": "msTPM-InformationObjectsContainer",
    "CN=AdminSDHolder,CN=System": "container",
    "CN=Password Settings Container,CN=System": "msDS-PasswordSettingsContainer",
    "CN=Policies,CN=System": "container",
}
_PLAIN_PLACES = {"CN=Program Data", "CN=Microsoft,CN=Program Data", "CN=Managed Service Accounts"}

_DOMAIN_GROUPS = {
    498: ("Enterprise Read-only Domain Controllers", UNIVERSAL),
    512: ("Domain Admins", GLOBAL),
    513: ("Domain Users", GLOBAL),
    514: ("Domain Guests", GLOBAL),
    515: ("Domain Computers", GLOBAL),
    516: ("Domain Controllers", GLOBAL),
    517: ("Cert Publishers", DOMAIN_LOCAL),
    518: ("Schema Admins", UNIVERSAL),
    519: ("Enterprise Admins", UNIVERSAL),
    520: ("Group Policy Creator Owners", GLOBAL),
    521: ("Read-only Domain Controllers", GLOBAL),
    522: ("Cloneable Domain Controllers", GLOBAL),
    525: ("Protected Users", GLOBAL),
    526: ("Key Admins", GLOBAL),
    527: ("Enterprise Key Admins", UNIVERSAL),
    553: ("RAS and IAS Servers", DOMAIN_LOCAL),
    571: ("Allowed RODC Password Replication Group", DOMAIN_LOCAL),
    572: ("Denied RODC Password Replication Group", DOMAIN_LOCAL),
    1101: ("DnsAdmins", DOMAIN_LOCAL),
    1102: ("DnsUpdateProxy", GLOBAL),
}
_BUILTIN_GROUPS = {
    544: "Administrators",
    545: "Users",
    546: "Guests",
    548: "Account Operators",
    549: "Server Operators",
    550: "Print Operators",
    551: "Backup Operators",
    552: "Replicator",
    554: "Pre-Windows 2000 Compatible Access",
    555: "Remote Desktop Users",
    556: "Network Configuration Operators",
    557: "Incoming Forest Trust Builders",
    558: "Performance Monitor Users",
    559: "Performance Log Users",
    560: "Windows Authorization Access Group",
    561: "Terminal Server License Servers",
    562: "Distributed COM Users",
    568: "IIS_IUSRS",
    569: "Cryptographic Operators",
    573: "Event Log Readers",
    574: "Certificate Service DCOM Access",
    575: "RDS Remote Access Servers",
    576: "RDS Endpoint Servers",
    577: "RDS Management Servers",
    578: "Hyper-V Administrators",
    579: "Access Control Assistance Operators",
    580: "Remote Management Users",
    582: "Storage Replica Administrators",
}
_MEMBERS = {
    "Administrators": ("Administrator", "Domain Admins", "Enterprise Admins"),
    "Domain Admins": ("Administrator",),
    "Enterprise Admins": ("Administrator",),
    "Schema Admins": ("Administrator",),
    "Group Policy Creator Owners": ("Administrator",),
    "Users": ("Domain Users",),
    "Guests": ("Domain Guests", "Guest"),
    "Denied RODC Password Replication Group": (
        "krbtgt",
        "Cert Publishers",
        "Domain Admins",
        "Domain Controllers",
        "Enterprise Admins",
        "Group Policy Creator Owners",
        "Read-only Domain Controllers",
        "Schema Admins",
    ),
}
_UNUSED = DISABLED | NORMAL | NO_PASSWORD_NEEDED | NO_EXPIRY
_USERS = {
    500: ("Administrator", NORMAL, 513),
    501: ("Guest", _UNUSED, 514),
    502: ("krbtgt", NORMAL | DISABLED, 513),
    503: ("DefaultAccount", _UNUSED, 513),
}
_FOREIGN_MEMBERS = {
    "S-1-5-4": ("Users",),
    "S-1-5-9": ("Windows Authorization Access Group",),
    "S-1-5-11": ("Users", "Pre-Windows 2000 Compatible Access"),
    "S-1-5-17": ("IIS_IUSRS",),
}
"""Principals of Windows itself, and the built-in groups that they are members of."""
_PROTECTED = {512, 516, 518, 519, 521, 526, 527, 544, 548, 549, 550, 551, 552, 500, 502}
"""RIDs that AdminSDHolder guards: adminCount is 1 (MS-ADTS 3.1.1.6.1)."""


def provision(tree: Tree, names: Names) -> None:
    """Fill an empty tree with a domain, its configuration and its first domain controller."""
    tree.schema_dn = f"CN=Schema,{names.configuration}"
    tree.netbios_name = names.netbios_name
    head = tree.add(names.dn, "", "domainDNS", _policy(names), head=True)
    for place, object_class in _PLACES.items():
        part, _, above = place.partition(",")
        marks = {} if place in _PLAIN_PLACES else CRITICAL
        parent = f"{above},{names.dn}" if above else names.dn
        tree.add(part, parent, object_class, marks)
    tree.set_attributes(
        head,
        {
            "wellKnownObjects": _pointers(WELL_KNOWN, names.dn),
            "otherWellKnownObjects": _pointers(OTHER_WELL_KNOWN, names.dn),
        },
    )
    _add_principals(tree, names)
    _add_configuration(tree, names)


def _policy(names: Names) -> Values:
    day = 24 * 60 * 60 * 10_000_000
    return {
        **CRITICAL,
        "objectSid": [sid_bytes(names.sid)],
        "minPwdLength": ["7"],
        "pwdProperties": ["1"],
        "pwdHistoryLength": ["24"],
        "minPwdAge": [str(-day)],
        "maxPwdAge": [str(-42 * day)],
        "lockoutThreshold": ["0"],
        "lockoutDuration": [str(-day // 48)],
        "lockOutObservationWindow": [str(-day // 48)],
        "ms-DS-MachineAccountQuota": ["10"],
        "msDS-Behavior-Version": ["7"],
    }


def _pointers(places: dict[str, str], dn: str) -> list[str]:
    return [f"B:32:{guid}:{place},{dn}" for place, guid in places.items()]


def _add_principals(tree: Tree, names: Names) -> None:
    users, builtin = f"CN=Users,{names.dn}", f"CN=Builtin,{names.dn}"
    made: dict[str, Entry] = {}
    for rid, (name, control, primary) in _USERS.items():
        born = accounts.user(
            f"{names.sid}-{rid}", name, control=control, primary_group=primary, born=tree.now()
        )
        made[name] = tree.add(f"CN={name}", users, "user", {**born, **CRITICAL, **_guarded(rid)})
    for rid, (name, group_type) in _DOMAIN_GROUPS.items():
        born = accounts.group(f"{names.sid}-{rid}", name, group_type)
        marks = CRITICAL if rid < 1000 else {}
        made[name] = tree.add(f"CN={name}", users, "group", {**born, **marks, **_guarded(rid)})
    for rid, name in _BUILTIN_GROUPS.items():
        born = {**accounts.group(f"S-1-5-32-{rid}", name, BUILTIN_LOCAL), **CRITICAL}
        made[name] = tree.add(f"CN={name}", builtin, "group", {**born, **_guarded(rid)})
    for name, members in _MEMBERS.items():
        tree.link(made[name], "member", [made[member] for member in members])
    _add_foreign(tree, names, made)


def _add_foreign(tree: Tree, names: Names, groups: dict[str, Entry]) -> None:
    place = f"CN=ForeignSecurityPrincipals,{names.dn}"
    for sid, holders in _FOREIGN_MEMBERS.items():
        born = {"objectSid": [sid_bytes(sid)]}
        entry = tree.add(f"CN={sid}", place, "foreignSecurityPrincipal", born)
        for name in holders:
            tree.link(groups[name], "member", [entry])


def _guarded(rid: int) -> Values:
    return {"adminCount": ["1"]} if rid in _PROTECTED else {}


def _add_configuration(tree: Tree, names: Names) -> None:
    tree.add("CN=Configuration", names.dn, "configuration", {}, head=True)
    tree.add("CN=Schema", names.configuration, "dMD", {}, head=True)
    for part, parent, object_class in (
        ("CN=Partitions", names.configuration, "crossRefContainer"),
        ("CN=Sites", names.configuration, "sitesContainer"),
        ("CN=Default-First-Site-Name", f"CN=Sites,{names.configuration}", "site"),
        ("CN=Servers", names.server.split(",", 2)[2], "serversContainer"),
        (f"CN={HOST}", names.server.split(",", 1)[1], "server"),
    ):
        tree.add(part, parent, object_class, {})
    _add_partitions(tree, names)
    born = accounts.computer(f"{names.sid}-1000", f"{HOST}$", controller=True, born=tree.now())
    place = f"OU=Domain Controllers,{names.dn}"
    tree.add(f"CN={HOST}", place, "computer", {**born, **CRITICAL, "dNSHostName": [names.host]})
    tree.set_attributes(tree.require(names.server), {"dNSHostName": [names.host]})
    invocation = tree.new_guid().bytes_le
    tree.add("CN=NTDS Settings", names.server, "nTDSDSA", {"invocationId": [invocation]})


def _add_partitions(tree: Tree, names: Names) -> None:
    place = f"CN=Partitions,{names.configuration}"
    domain = {
        "nCName": [names.dn],
        "nETBIOSName": [names.netbios_name],
        "dnsRoot": [names.dns_name],
        "systemFlags": ["3"],
    }
    tree.add(f"CN={names.netbios_name}", place, "crossRef", domain)
    for name, context in (
        ("Enterprise Configuration", names.configuration),
        ("Enterprise Schema", tree.schema_dn),
    ):
        other = {"nCName": [context], "dnsRoot": [names.dns_name], "systemFlags": ["1"]}
        tree.add(f"CN={name}", place, "crossRef", other)
