"""A customer's directories, side by side: those that were read whole, and what the others are.

An account's id is unique over both, and everything that holds for accounts of either directory
asks here for the user behind an id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from muster.model.directory import DirectoryUser
from muster.model.entra import EntraUser
from muster.model.names import AccountId, DirectoryKind, Source
from muster.model.observed import Observed
from muster.plan.directory_index import DirectoryIndex, index_directory
from muster.plan.entra_index import EntraIndex, index_entra

User = DirectoryUser | EntraUser

SOURCE_OF = {
    DirectoryKind.ACTIVE_DIRECTORY: Source.DIRECTORY,
    DirectoryKind.ENTRA: Source.ENTRA,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Directories:
    """What was read of a customer's directories."""

    active_directory: DirectoryIndex | None
    entra: EntraIndex | None
    unread: frozenset[DirectoryKind]
    """Connected, but not read whole: their accounts stay exactly as they are."""
    read: frozenset[DirectoryKind]
    """Those that were read whole."""
    by_id: Mapping[AccountId, User]
    """Every user of the directories that were read."""

    @property
    def netbios_name(self) -> str:
        """The domain part of `DOMAIN\\name`; empty where Active Directory was not read."""
        return self.active_directory.domain.netbios_name if self.active_directory else ""


def index_directories(observed: Observed) -> Directories:
    """Index the directories that were read whole."""
    reads = {kind: observed.read(source) for kind, source in SOURCE_OF.items()}
    snapshot, tenant = observed.directory, observed.entra
    domain = snapshot if reads[DirectoryKind.ACTIVE_DIRECTORY].usable else None
    cloud = tenant if reads[DirectoryKind.ENTRA].usable else None
    active_directory = index_directory(domain) if domain else None
    entra = index_entra(cloud) if cloud else None
    found: dict[DirectoryKind, object] = {
        DirectoryKind.ACTIVE_DIRECTORY: active_directory,
        DirectoryKind.ENTRA: entra,
    }
    return Directories(
        active_directory=active_directory,
        entra=entra,
        unread=frozenset(
            kind for kind, read in reads.items() if read.connected and found[kind] is None
        ),
        read=frozenset(kind for kind, index in found.items() if index is not None),
        by_id=_by_id(active_directory, entra),
    )


def _by_id(domain: DirectoryIndex | None, tenant: EntraIndex | None) -> Mapping[AccountId, User]:
    if tenant is None:
        return dict[AccountId, User](domain.by_id) if domain else {}
    if domain is None:
        return dict[AccountId, User](tenant.by_id)
    return {**tenant.by_id, **domain.by_id}
