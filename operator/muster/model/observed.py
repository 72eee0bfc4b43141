"""One immutable snapshot of a customer's systems, together with its completeness."""

from __future__ import annotations

from dataclasses import dataclass

from muster.model.directory import DirectorySnapshot
from muster.model.entra import EntraSnapshot
from muster.model.names import Source
from muster.model.records import Organization, PsaContact, VaultCategory, VaultEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRead:
    """How one source was read.

    `connected` is false where the customer has no such system. An incomplete source proves
    nothing: nothing is created, unlinked or released because of what it does not show.
    """

    source: Source
    connected: bool = True
    complete: bool = True
    problem: str = ""
    """What went wrong and what to do, for people."""
    access_denied: bool = False
    """Whether a person must act; otherwise Muster tries again."""
    link_broken: bool = False
    """Whether the organization or company that the customer pins does not exist."""
    suspended: bool = False
    """Whether its integration is suspended, so that nothing is written to it."""
    size: int = 0

    @property
    def usable(self) -> bool:
        """Whether decisions may rest on this source."""
        return self.connected and self.complete and not self.link_broken


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What the systems of one customer answered."""

    directory: DirectorySnapshot | None = None
    entra: EntraSnapshot | None = None
    entries: tuple[VaultEntry, ...] = ()
    categories: tuple[VaultCategory, ...] = ()
    organization: Organization | None = None
    contacts: tuple[PsaContact, ...] = ()
    company: Organization | None = None
    reads: tuple[SourceRead, ...] = ()

    def read(self, source: Source) -> SourceRead:
        """Return how a source was read; a source that is not listed is not connected."""
        for read in self.reads:
            if read.source is source:
                return read
        return SourceRead(source=source, connected=False)
