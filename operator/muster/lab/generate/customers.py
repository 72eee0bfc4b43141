"""The MSP's customers: their names, domains and the way their directories are laid out."""

from __future__ import annotations

from muster.lab.generate.seeds import CustomerFacts, EndUsersBy

_NAMES = (
    ("contoso", "Contoso Ltd"),
    ("fabrikam", "Fabrikam, Inc."),
    ("tailspin", "Tailspin Spielwaren GmbH"),
    ("northwind", "Northwind Traders"),
    ("adventure-works", "Adventure Works Cycles"),
    ("wingtip", "Wingtip Möbel AG"),
    ("litware", "Litware, Inc."),
    ("proseware", "Proseware LLP"),
    ("lucerne", "Lucerne Verlag & Söhne"),
)

_LAYOUTS = (
    EndUsersBy.ORGANIZATIONAL_UNIT,
    EndUsersBy.GROUP,
    EndUsersBy.OWN_IMPORTS,
)

DEPARTMENTS = {
    EndUsersBy.ORGANIZATIONAL_UNIT: ("", "Sales", "Accounts", "Warehouse"),
    EndUsersBy.GROUP: ("London", "Leeds", "Cardiff"),
    EndUsersBy.OWN_IMPORTS: ("Vertrieb", "Buchhaltung", "Lager", "Geschäftsführung"),
}
"""The units below the staff place that hold people; the empty one is the place itself."""


def draw_customers(count: int) -> tuple[CustomerFacts, ...]:
    """Return the facts of `count` customers; from the tenth on their names carry a number."""
    return tuple(_customer(index) for index in range(count))


def _customer(index: int) -> CustomerFacts:
    turn, place = divmod(index, len(_NAMES))
    base, display_name = _NAMES[place]
    suffix = f"-{turn + 1}" if turn else ""
    name = base + suffix
    display = f"{display_name} {turn + 1}" if turn else display_name
    netbios = base.replace("-", "").upper()[: 15 - len(suffix)] + suffix
    match _LAYOUTS[index % len(_LAYOUTS)]:
        case EndUsersBy.ORGANIZATIONAL_UNIT:
            return _by_organizational_unit(name, display, netbios)
        case EndUsersBy.GROUP:
            return _by_group(name, display, netbios)
        case EndUsersBy.OWN_IMPORTS:
            return _german(name, display, netbios)


def _by_organizational_unit(name: str, display_name: str, netbios: str) -> CustomerFacts:
    return CustomerFacts(
        name=name,
        display_name=display_name,
        dns_name=f"corp.{name}.example",
        netbios_name=netbios,
        upn_suffix=f"corp.{name}.example",
        mail_domain=f"{name}.example",
        end_users_by=EndUsersBy.ORGANIZATIONAL_UNIT,
        staff_place="OU=Staff",
        staff_group="Muster Staff",
        admins_place="OU=Admins",
    )


def _by_group(name: str, display_name: str, netbios: str) -> CustomerFacts:
    return CustomerFacts(
        name=name,
        display_name=display_name,
        dns_name=f"ad.{name}.example",
        netbios_name=f"AD-{netbios}"[:15],
        upn_suffix=f"{name}.example",
        mail_domain=f"{name}.example",
        end_users_by=EndUsersBy.GROUP,
        staff_place="OU=People,OU=Sites",
        staff_group="Muster Staff",
        admins_place="OU=Admins",
    )


def _german(name: str, display_name: str, netbios: str) -> CustomerFacts:
    return CustomerFacts(
        name=name,
        display_name=display_name,
        dns_name=f"{name}.test",
        netbios_name=netbios,
        upn_suffix=f"{name}.test",
        mail_domain=f"{name}.example",
        end_users_by=EndUsersBy.OWN_IMPORTS,
        staff_place="OU=Mitarbeiter,OU=Benutzer",
        staff_group="Muster Mitarbeiter",
        admins_place="OU=Administratoren",
    )
