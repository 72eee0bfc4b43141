"""Whom the policies in force reach, policy by policy and directory by directory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from muster.model.names import DirectoryKind
from muster.model.plans import Finding
from muster.model.reasons import Reason
from muster.model.settings import ImportSettings, ImportSource
from muster.plan.directories import Directories
from muster.plan.entra_exclusions import EntraSurroundings, entra_surroundings
from muster.plan.entra_selectors import select_entra
from muster.plan.exclusions import Surroundings, surroundings
from muster.plan.selectors import Selection, select

NOT_CONNECTED = {
    DirectoryKind.ACTIVE_DIRECTORY: Reason.NO_ACTIVE_DIRECTORY,
    DirectoryKind.ENTRA: Reason.NO_ENTRA,
}
_BLOCK = {
    DirectoryKind.ACTIVE_DIRECTORY: "activeDirectory",
    DirectoryKind.ENTRA: "entra",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSelection:
    """One policy in one directory: whom it reaches, and what it compares them with."""

    source: ImportSource
    directory: DirectoryKind
    selection: Selection
    around: Surroundings | EntraSurroundings | None
    """None where the directory was not read."""

    @property
    def settings(self) -> ImportSettings:
        """The policy's settings."""
        return self.source.settings


def select_all(
    sources: Iterable[ImportSource], directories: Directories, now: datetime
) -> tuple[SourceSelection, ...]:
    """Resolve every policy of a customer, once per directory that it selects in."""
    return tuple(
        _select(source, kind, directories, now)
        for source in sources
        for kind in source.settings.select.directories or (DirectoryKind.ACTIVE_DIRECTORY,)
    )


def _select(
    source: ImportSource, kind: DirectoryKind, directories: Directories, now: datetime
) -> SourceSelection:
    settings = source.settings
    selection = Selection(whole=False)
    found: Surroundings | EntraSurroundings | None = None
    if kind is DirectoryKind.ACTIVE_DIRECTORY and directories.active_directory:
        selection = select(settings, directories.active_directory)
        found = surroundings(settings, directories.active_directory, now)
    elif kind is DirectoryKind.ENTRA and directories.entra:
        selection = select_entra(settings, directories.entra)
        found = entra_surroundings(settings, directories.entra)
    elif kind not in directories.unread:
        selection = Selection(findings=(_not_connected(settings, kind),), whole=False)
    return SourceSelection(source=source, directory=kind, selection=selection, around=found)


def _not_connected(settings: ImportSettings, kind: DirectoryKind) -> Finding:
    block = _BLOCK[kind]
    return Finding(
        reason=NOT_CONNECTED[kind],
        message=f"{settings.origin.at(f'select/{block}')} selects nobody here, because the "
        f"customer has no spec.directories.{block}. Nobody is released because of it.",
    )


def selection_findings(selections: Iterable[SourceSelection]) -> list[Finding]:
    """Return what the selectors found wrong, once each."""
    return list(dict.fromkeys(finding for one in selections for finding in one.selection.findings))
