"""The limits and switches that an administrator of a domain controller may set."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LdapLimits:
    """What a Windows domain controller does when nobody has changed anything.

    Source: MS-ADTS 3.1.1.3.4.6 (LDAP policies) and
    https://learn.microsoft.com/windows-server/identity/ad-ds/ldap-signing (encryption).
    """

    max_page_size: int = 1000
    """MaxPageSize: entries in one answer, paged or not."""
    max_value_range: int = 1500
    """MaxValRange: values of one attribute in one answer."""
    require_encryption: bool = True
    """Whether a simple bind without TLS is refused, as on Windows Server 2025."""
    refer_elsewhere: bool = True
    """Whether a base outside the domain gets a referral; Samba says noSuchObject."""
    search_references: bool = True
    """Whether a search from the domain's head ends with references to other partitions."""
