"""Which attributes and classes the lab's directory knows, and how their values compare.

A filter on an attribute that is not here is Undefined (RFC 4511, section 4.5.1.7), as on a
domain controller. Attributes that a test stores join the schema as text.
Source: MS-ADA1, MS-ADA2, MS-ADA3 (attributes), MS-ADSC (classes).
"""

from __future__ import annotations

from enum import Enum

from muster.lab.directory.dn import fold


class Syntax(Enum):
    """How an attribute's values compare."""

    TEXT = "text"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    OCTETS = "octets"
    SID = "sid"
    DN = "dn"
    TIME = "time"


_TEXT = """
cn name sn givenName displayName initials middleName mail userPrincipalName sAMAccountName
description title department division company telephoneNumber otherTelephone mobile otherMobile
homePhone ipPhone pager facsimileTelephoneNumber physicalDeliveryOfficeName streetAddress street
postOfficeBox postalCode l st co c o ou dc info comment employeeID employeeNumber employeeType
wWWHomePage url uid personalTitle generationQualifier preferredLanguage homeDirectory homeDrive
scriptPath profilePath userWorkstations location proxyAddresses mailNickname targetAddress
legacyExchangeDN textEncodedORAddress dNSHostName servicePrincipalName
operatingSystem operatingSystemVersion nETBIOSName dnsRoot gPLink displayNamePrintable
objectClass wellKnownObjects otherWellKnownObjects msDS-ExternalDirectoryObjectId
msDS-cloudExtensionAttribute1 msDS-AllowedDNSSuffixes ms-Mcs-AdmPwd msLAPS-Password
lDAPDisplayName uPNSuffixes canonicalName msDS-PrincipalName
"""
_INTEGER = """
userAccountControl groupType sAMAccountType primaryGroupID adminCount instanceType systemFlags
uSNChanged uSNCreated pwdLastSet accountExpires lockoutTime badPasswordTime badPwdCount lastLogon
lastLogoff lastLogonTimestamp logonCount countryCode codePage uidNumber gidNumber minPwdLength
pwdProperties pwdHistoryLength minPwdAge maxPwdAge lockoutThreshold lockoutDuration
lockOutObservationWindow ms-DS-MachineAccountQuota msDS-Behavior-Version
msDS-SupportedEncryptionTypes msExchRecipientTypeDetails msDS-ManagedPasswordInterval
ms-Mcs-AdmPwdExpirationTime
msDS-PasswordSettingsPrecedence msDS-MinimumPasswordLength msDS-PasswordHistoryLength
msDS-MinimumPasswordAge msDS-MaximumPasswordAge msDS-LockoutThreshold msDS-LockoutDuration
msDS-LockoutObservationWindow msLAPS-PasswordExpirationTime rIDAvailablePool
options msDS-User-Account-Control-Computed msDS-UserPasswordExpiryTimeComputed
primaryGroupToken serverState uASCompat modifiedCount creationTime forceLogoff nextRid
"""
_SYNTAXES: dict[Syntax, str] = {
    Syntax.TEXT: _TEXT + " ".join(f"extensionAttribute{number}" for number in range(1, 16)),
    Syntax.INTEGER: _INTEGER,
    Syntax.BOOLEAN: "isCriticalSystemObject showInAdvancedViewOnly isDeleted isRecycled "
    "msExchHideFromAddressLists msDS-UserPasswordExpired msDS-PasswordComplexityEnabled "
    "msDS-PasswordReversibleEncryptionEnabled",
    Syntax.OCTETS: "objectGUID mS-DS-ConsistencyGuid invocationId thumbnailPhoto jpegPhoto "
    "userCertificate logonHours unicodePwd dSASignature nTSecurityDescriptor",
    Syntax.SID: "objectSid sIDHistory tokenGroups",
    Syntax.DN: "distinguishedName objectCategory member memberOf manager directReports managedBy "
    "managedObjects nCName serverReference hasMasterNCs fSMORoleOwner homeMDB "
    "msDS-HostServiceAccount msDS-PSOAppliesTo msDS-PSOApplied msDS-ResultantPSO",
    Syntax.TIME: "whenCreated whenChanged dSCorePropagationData",
}

LINKS = {
    "member": "memberof",
    "manager": "directreports",
    "managedby": "managedobjects",
    "msds-psoappliesto": "msds-psoapplied",
}
"""Forward links and their back links (MS-ADTS 3.1.1.1.6), in lower case."""
BACK_LINKS = {back: forward for forward, back in LINKS.items()}
CONSTRUCTED = frozenset(
    {
        "canonicalname",
        "primarygrouptoken",
        "msds-principalname",
        "msds-user-account-control-computed",
        "msds-userpasswordexpirytimecomputed",
        "msds-resultantpso",
    }
)
"""Computed when asked for by name, and not allowed in a filter (MS-ADTS 3.1.1.4.5)."""
INDEXED = frozenset(
    {"samaccountname", "userprincipalname", "objectguid", "objectsid", "mail", "primarygroupid"}
)

_SUPERCLASS = {
    "person": "top",
    "organizationalPerson": "person",
    "user": "organizationalPerson",
    "inetOrgPerson": "user",
    "contact": "organizationalPerson",
    "computer": "user",
    "msDS-GroupManagedServiceAccount": "computer",
    "msDS-ManagedServiceAccount": "computer",
    "domainDNS": "domain",
}
_CATEGORY = {
    "user": "Person",
    "inetOrgPerson": "Person",
    "contact": "Person",
    "person": "Person",
    "organizationalPerson": "Person",
    "computer": "Computer",
    "group": "Group",
    "organizationalUnit": "Organizational-Unit",
    "container": "Container",
    "builtinDomain": "Builtin-Domain",
    "domain": "Domain",
    "domainDNS": "Domain-DNS",
    "foreignSecurityPrincipal": "Foreign-Security-Principal",
    "lostAndFound": "Lost-And-Found",
    "infrastructureUpdate": "Infrastructure-Update",
    "msDS-QuotaContainer": "ms-DS-Quota-Container",
    "msTPM-InformationObjectsContainer": "ms-TPM-Information-Objects-Container",
    "msDS-PasswordSettings": "ms-DS-Password-Settings",
    "msDS-PasswordSettingsContainer": "ms-DS-Password-Settings-Container",
    "msDS-GroupManagedServiceAccount": "ms-DS-Group-Managed-Service-Account",
    "msDS-ManagedServiceAccount": "ms-DS-Managed-Service-Account",
    "configuration": "Configuration",
    "dMD": "DMD",
    "crossRefContainer": "Cross-Ref-Container",
    "crossRef": "Cross-Ref",
    "sitesContainer": "Sites-Container",
    "site": "Site",
    "serversContainer": "Servers-Container",
    "server": "Server",
    "nTDSDSA": "NTDS-DSA",
}
_CATEGORY_OF_FOLDED = {fold(name): category for name, category in _CATEGORY.items()}


class Schema:
    """The attributes that one directory knows, by lower-case name."""

    def __init__(self) -> None:
        self._spelled = {n.lower(): n for text in _SYNTAXES.values() for n in text.split()}
        self._syntax = {
            name.lower(): syntax for syntax, text in _SYNTAXES.items() for name in text.split()
        }

    def define(self, name: str) -> str:
        """Make sure that an attribute is known; return its lower-case name."""
        lower = name.lower()
        self._spelled.setdefault(lower, name)
        self._syntax.setdefault(lower, Syntax.TEXT)
        return lower

    def spelling(self, lower: str) -> str:
        """Return the name as the schema spells it."""
        return self._spelled[lower]

    def syntax(self, lower: str) -> Syntax | None:
        """Return how values compare, or None for an attribute that nobody knows."""
        return self._syntax.get(lower)


def class_chain(object_class: str) -> tuple[str, ...]:
    """Return a class with all classes it inherits from, `top` first."""
    chain = [object_class]
    while chain[-1] != "top":
        chain.append(_SUPERCLASS.get(chain[-1], "top"))
    return tuple(reversed(chain))


def category_of(class_name: str) -> str | None:
    """Return the name of a class's category object, or None; case does not matter.

    `user` and `contact` share the category Person, which is why `(objectCategory=user)` also
    finds contacts (MS-ADTS 3.1.1.3.1.3.5).
    """
    return _CATEGORY_OF_FOLDED.get(fold(class_name))
