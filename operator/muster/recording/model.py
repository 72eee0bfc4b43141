"""What a recording holds. Its file has this form, so a changed field changes the file.

Left out on purpose: password jobs, which carry sealed passwords, and the last status. No plan
looks at either.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from muster.errors import MusterError
from muster.model.accounts import AccountRecord, Intent, Known
from muster.model.directory import DirectorySnapshot
from muster.model.entra import EntraQuestion, EntraSnapshot
from muster.model.names import CustomerName, Source
from muster.model.records import Organization, PsaContact, VaultCategory, VaultEntry


class NotRecorded(MusterError):
    """The recording does not hold what a plan asks; live systems may answer it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRead:
    """What one source answered through one connection."""

    source: Source
    connection: str
    """Tells connections apart: a digest over their settings, without any secret's value."""
    complete: bool = True
    problem: str = ""
    """Why it could not be read whole."""
    access_denied: bool = False
    question: EntraQuestion | None = None
    """What a tenant was asked beside its users."""
    directory: DirectorySnapshot | None = None
    entra: EntraSnapshot | None = None
    organization: Organization | None = None
    """None: the vault says that it does not exist."""
    categories: tuple[VaultCategory, ...] = ()
    entries: tuple[VaultEntry, ...] = ()
    company: Organization | None = None
    """None: the PSA says that it does not exist, or it is not active."""
    contacts: tuple[PsaContact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSize:
    """How many rows a source had when it was last read whole."""

    source: Source
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCustomer:
    """One customer at one moment: what is known of it, and what its systems answered."""

    name: CustomerName
    at: datetime
    records: tuple[AccountRecord, ...] = ()
    intents: tuple[Intent, ...] = ()
    sizes: tuple[RecordedSize, ...] = ()
    reads: tuple[RecordedRead, ...] = ()

    @property
    def known(self) -> Known:
        """What the registry knew, as far as plans look at it."""
        sizes = tuple((one.source, one.size) for one in self.sizes)
        return Known(records=self.records, intents=self.intents, sizes=sizes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Some customers, in the order of their names."""

    customers: tuple[RecordedCustomer, ...] = ()

    def find(self, name: CustomerName) -> RecordedCustomer:
        """Return a customer; of one that is not among them nothing is known and nothing read.

        Raises:
            NotRecorded: the recording holds no customer at all.
        """
        if not self.customers:
            raise NotRecorded("The recording holds no customer. Record again.")
        found = (one for one in self.customers if one.name == name)
        return next(found, RecordedCustomer(name=name, at=self.customers[0].at))
