"""Find a domain's default containers, whatever they are called or moved to.

Decides which containers are the default ones; whether accounts in them are imported is left
to the policies.
Source for GUIDs and names: MS-ADTS 6.1.1.4, Well-Known Objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from muster.model.directory import HiddenContainer

_WELL_KNOWN = (
    ("A9D1CA15768811D1ADED00C04FD8D5CD", "Users", "CN=Users"),
    ("AA312825768811D1ADED00C04FD8D5CD", "Computers", "CN=Computers"),
    ("A361B2FFFFD211D1AA4B00C04FD7D83A", "Domain Controllers", "OU=Domain Controllers"),
    ("AB1D30F3768811D1ADED00C04FD8D5CD", "System", "CN=System"),
    (
        "22B70C67D56E4EFB91E9300FCA3DC1AA",
        "ForeignSecurityPrincipals",
        "CN=ForeignSecurityPrincipals",
    ),
    ("09460C08AE1E4A4EA0F64AEE7DAA1E5A", "Program Data", "CN=Program Data"),
    ("AB8153B7768811D1ADED00C04FD8D5CD", "LostAndFound", "CN=LostAndFound"),
    ("2FBAC1870ADE11D297C400C04FD8D5CD", "Infrastructure", "CN=Infrastructure"),
    ("6227F0AF1FC2410D8E3BB10615BB5B0F", "NTDS Quotas", "CN=NTDS Quotas"),
    ("18E2EA80684F11D2B9AA00C04F79F805", "Deleted Objects", "CN=Deleted Objects"),
    # Unconfirmed: this GUID. Domains before Windows Server 2016 have no such container.
    ("683A24E2E8164BD3AF86AC3C2CF3F981", "Keys", "CN=Keys"),
    (
        "1EB93889E40C45DF9F0C64D23BBB6237",
        "Managed Service Accounts",
        "CN=Managed Service Accounts",
    ),
)
"""GUID, English name and first place of each."""

_BY_NAME = (
    ("Builtin", "CN=Builtin"),
    ("TPM Devices", "CN=TPM Devices"),
    ("Microsoft Exchange System Objects", "CN=Microsoft Exchange System Objects"),
    ("Microsoft Exchange Security Groups", "OU=Microsoft Exchange Security Groups"),
)
"""Containers without a GUID of that kind. None of these names is localized; Builtin, which has
an object class of its own, is found by that where it can be."""


def well_known(values: Iterable[bytes]) -> dict[str, str]:
    """Return the DNs of `wellKnownObjects` and `otherWellKnownObjects` by GUID.

    A value reads `B:32:<GUID>:<DN>`. Source: MS-ADTS, Object(DN-Binary).
    """
    found: dict[str, str] = {}
    for raw in values:
        _, _, guid, dn = raw.decode().split(":", 3)
        found[guid.upper()] = dn
    return found


def hidden(
    domain_dn: str, known: Mapping[str, str], builtin: Iterable[str] = ()
) -> tuple[HiddenContainer, ...]:
    """Return the default containers of a domain; one that is not there does no harm."""
    return tuple(_hidden(domain_dn, known, tuple(builtin)))


def _hidden(
    domain_dn: str, known: Mapping[str, str], builtin: tuple[str, ...]
) -> Iterator[HiddenContainer]:
    for guid, name, place in _WELL_KNOWN:
        first_place = f"{place},{domain_dn}"
        yield HiddenContainer(dn=_unmoved(known.get(guid, first_place), first_place), name=name)
    for name, place in _BY_NAME:
        if name == "Builtin" and builtin:
            yield from (HiddenContainer(dn=dn, name=name) for dn in builtin)
        else:
            yield HiddenContainer(dn=f"{place},{domain_dn}", name=name)


def _unmoved(found: str, first_place: str) -> str:
    # redirusr and redircmp point the GUID at an organizational unit of the customer's choice
    # and leave the container itself where it was. Source: learn.microsoft.com, `Redirect users
    # and computers containers`.
    redirected = found[:3].upper() == "OU=" and not first_place.startswith("OU=")
    return first_place if redirected else found
