"""The rootDSE: what a domain controller says about itself to anybody who asks.

Source: MS-ADTS 3.1.1.3.2. Only controls and capabilities that the lab really has are listed.
"""

from __future__ import annotations

from muster.lab.directory.domain import LabDomain
from muster.lab.directory.entry import encode_attribute
from muster.lab.directory.identifiers import generalized_time
from muster.lab.directory.protocol import START_TLS, WHO_AM_I

PAGED_RESULTS = "1.2.840.113556.1.4.319"
DOMAIN_SCOPE = "1.2.840.113556.1.4.1339"
RANGE_NO_ERROR = "1.2.840.113556.1.4.1948"
MANAGE_DSA_IT = "2.16.840.1.113730.3.4.2"

SUPPORTED_CONTROLS = (PAGED_RESULTS, DOMAIN_SCOPE, RANGE_NO_ERROR, MANAGE_DSA_IT)

_FUNCTIONAL_LEVEL = "7"  # Windows Server 2016


def root_dse(domain: LabDomain, asked: tuple[str, ...], *, encrypted: bool) -> bytes:
    """Return the rootDSE's attributes, all of them or those asked for."""
    wanted = {name.lower() for name in asked}
    everything = not wanted or "*" in wanted
    return b"".join(
        encode_attribute(name, tuple(value.encode() for value in values))
        for name, values in _attributes(domain, encrypted=encrypted).items()
        if everything or name.lower() in wanted
    )


def _attributes(domain: LabDomain, *, encrypted: bool) -> dict[str, tuple[str, ...]]:
    names, schema = domain.names, domain.tree.schema_dn
    extensions = (WHO_AM_I,) if encrypted else (START_TLS, WHO_AM_I)
    return {
        "currentTime": (generalized_time(domain.tree.now()),),
        "defaultNamingContext": (names.dn,),
        "rootDomainNamingContext": (names.dn,),
        "configurationNamingContext": (names.configuration,),
        "schemaNamingContext": (schema,),
        "namingContexts": (names.dn, names.configuration, schema),
        "dnsHostName": (names.host,),
        "ldapServiceName": (f"{names.dns_name}:dc1$@{names.dns_name.upper()}",),
        "serverName": (names.server,),
        "dsServiceName": (f"CN=NTDS Settings,{names.server}",),
        "highestCommittedUSN": (str(domain.tree.usn),),
        "domainFunctionality": (_FUNCTIONAL_LEVEL,),
        "forestFunctionality": (_FUNCTIONAL_LEVEL,),
        "domainControllerFunctionality": (_FUNCTIONAL_LEVEL,),
        "isSynchronized": ("TRUE",),
        "isGlobalCatalogReady": ("TRUE",),
        "supportedLDAPVersion": ("3", "2"),
        "supportedControl": SUPPORTED_CONTROLS,
        "supportedCapabilities": ("1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1670"),
        "supportedExtension": extensions,
        "supportedLDAPPolicies": ("MaxPageSize", "MaxValRange"),
    }
