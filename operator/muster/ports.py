"""What the core needs from the world. Adapters implement these; nothing else does I/O.

Every method may raise the `RemoteError` family of `muster.errors`. A list that cannot be
read to its end raises; it never ends early, because an early end would read as absence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from muster.audit import UNRECORDED, Trail
from muster.errors import Rejected
from muster.model.accounts import AccountRecord, Intent, Known
from muster.model.connections import SecretRef
from muster.model.directory import DirectorySnapshot
from muster.model.entra import EntraQuestion, EntraSnapshot
from muster.model.mail import MailMessage
from muster.model.names import AccountId, CustomerName, DirectoryKind, RemoteId, Source
from muster.model.passwords import PasswordJob, PasswordPolicy, PasswordState, Proof
from muster.model.records import (
    ContactChange,
    ContactDraft,
    EntryChange,
    EntryDraft,
    Organization,
    PsaContact,
    VaultCategory,
    VaultEntry,
)
from muster.model.secret import Secret
from muster.sync_port import SyncWish


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of `muster doctor`: what was tried, whether it works, what to do if not."""

    name: str
    ok: bool
    detail: str
    advice: str = ""


class Directory(Protocol):
    """A customer's directory."""

    def read(self, known: frozenset[AccountId], *, states: bool = False) -> DirectorySnapshot:
        """Read the whole domain: users, groups with all members, places.

        With `states` also who is locked, and when passwords expire.

        An account of `known` that the sweep did not show is looked up by its id, so that
        one which moved between two pages is not taken for gone.
        """
        ...

    def check(self) -> tuple[Check, ...]:
        """Try connection, certificate, sign-in and rights; raises nothing."""
        ...


class EntraDirectory(Protocol):
    """A customer's Entra tenant."""

    def read(self, question: EntraQuestion, known: frozenset[AccountId]) -> EntraSnapshot:
        """Read every user, and the groups and roles that the question names.

        A user of `known` that the list did not show is looked up by its id, because lists
        are eventually consistent.
        """
        ...

    def check(self, *, sets_passwords: bool = False) -> tuple[Check, ...]:
        """Try sign-in, consent and each permission; raises nothing.

        `sets_passwords` says whether git asks for passwords to be set in the tenant.
        """
        ...


class PasswordDirectory(Protocol):
    """The passwords of a customer's directory."""

    @property
    def proves_by(self) -> Proof:
        """What `prove` does; `ChangeDate` where the directory cannot check a password."""
        ...

    def read_policy(self, account: AccountId) -> PasswordPolicy:
        """Return the rules that hold for an account; raises NotFound."""
        ...

    def read_password_state(self, account: AccountId) -> PasswordState:
        """Return how an account's password stands; raises NotFound."""
        ...

    def set_password(
        self, account: AccountId, password: Secret, *, must_change: bool, unlock: bool
    ) -> None:
        """Set the password, in one request with the other two; no repeat if it may have worked.

        Raises:
            PasswordRefused: the rules refuse it.
            NotFound: there is no such account.
            AccessDenied: rights are missing.
            RemoteError: with `maybe_applied` when it was sent and not answered.
        """
        ...

    def prove(self, account: AccountId, password: Secret) -> bool:
        """Say whether this is the live password; a wrong one counts towards lockout.

        For an hour the password before the live one may be accepted too.

        Raises:
            Untold: it was asked, and the answer leaves it open: it can be proved otherwise only.
            RemoteError: nobody said; `maybe_applied` when the attempt may have been counted.
        """
        ...


OpenPasswords = Callable[[], Mapping[DirectoryKind, PasswordDirectory]]
"""Returns the directories in which passwords can be set; raises SpecError for a missing secret."""


class Sealer(Protocol):
    """Seals and opens secret values; `muster.sealing.KeyRing` is one."""

    def seal(self, plain: Secret, context: str) -> str:
        """Return a value as text that may be stored."""
        ...

    def open(self, sealed: str, context: str) -> Secret:
        """Return the value; raises MusterError when it does not open."""
        ...


OpenSealer = Callable[[], Sealer]
"""Returns what seals passwords in the journal; raises SpecError for a missing key."""


class Vault(Protocol):
    """Password entries in one documentation system."""

    def list_organizations(self) -> Iterator[Organization]:
        """Yield every organization the key may see."""
        ...

    def find_organization(self, organization: RemoteId) -> Organization | None:
        """Return the organization, or None when the vault says that it does not exist."""
        ...

    def list_categories(self) -> tuple[VaultCategory, ...]:
        """Return every category; an adapter may remember them for some minutes."""
        ...

    def list_entries(self, organization: RemoteId) -> Iterator[VaultEntry]:
        """Yield every live entry of the organization, and of no other."""
        ...

    def create_entry(self, organization: RemoteId, draft: EntryDraft) -> RemoteId:
        """Create an entry that carries the draft's mark, and return its id. Never repeated."""
        ...

    def update_entry(self, organization: RemoteId, entry: RemoteId, change: EntryChange) -> None:
        """Change the named fields of an entry and no others."""
        ...

    def write_password(
        self, organization: RemoteId, entry: RemoteId, password: Secret
    ) -> str | None:
        """Set the entry's password; return its new revision's id where the vault keeps some.

        Repeating it with the same password is safe.
        """
        ...

    def read_password(self, organization: RemoteId, entry: RemoteId) -> Secret | None:
        """Return the entry's password; only to settle a write that was not answered.

        None: the entry has no password.
        """
        ...

    def check(self) -> tuple[Check, ...]:
        """Try connection, key and rights; raises nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordEdit:
    """When an entry's password was last set, and by whom, as the vault says."""

    at: datetime
    by: str = ""


@runtime_checkable
class FollowsEdits(Protocol):
    """A vault that knows when a password was set, so that edits can be followed."""

    def find_edit(self, organization: RemoteId, entry: RemoteId) -> PasswordEdit | None:
        """Return an entry's last edit, without the password.

        None: there is no such entry, it never had a password, or no program may read it.
        """
        ...


class Psa(Protocol):
    """Contacts in one PSA."""

    def list_companies(self) -> Iterator[Organization]:
        """Yield every company the key may see."""
        ...

    def find_company(self, company: RemoteId) -> Organization | None:
        """Return the company, or None when the PSA says that it does not exist."""
        ...

    def list_contacts(self, company: RemoteId) -> Iterator[PsaContact]:
        """Yield every contact of the company, inactive ones too, and of no other company."""
        ...

    def create_contact(self, company: RemoteId, draft: ContactDraft) -> RemoteId:
        """Create a contact and return its id. Never repeated."""
        ...

    def update_contact(self, company: RemoteId, contact: PsaContact, change: ContactChange) -> None:
        """Change the named fields of a contact and no others."""
        ...

    def check(self) -> tuple[Check, ...]:
        """Try connection, keys and rights; raises nothing."""
        ...


class Mailer(Protocol):
    """Takes mails and hands them on. It writes to nobody on its own account."""

    def send(self, message: MailMessage) -> None:
        """Hand a mail over, once; never repeated after anything of it was said.

        Raises:
            Rejected: this mail or its recipient is refused for good.
            Unavailable: it was not taken; a later run may try again.
            AccessDenied: certificate, sign-in or the right to send is missing.
            RemoteError: with `maybe_applied` when it was handed over and not answered.
        """
        ...

    def check(self) -> tuple[Check, ...]:
        """Try connection, certificate and sign-in, and send nothing; raises nothing."""
        ...


OpenMailer = Callable[[str], Mailer]
"""Returns the mailer of an integration by its name; raises SpecError for a missing secret."""


class Registry(Protocol):
    """What Muster remembers between runs. One writer at a time."""

    def load(self, customer: CustomerName) -> Known:
        """Return everything known about a customer."""
        ...

    def save(
        self,
        customer: CustomerName,
        records: Iterable[AccountRecord],
        sizes: Iterable[tuple[Source, int]] = (),
        status: dict[str, Any] | None = None,
    ) -> None:
        """Write records, sizes and status in one transaction; what is not named stays."""
        ...

    def open_intent(self, intent: Intent) -> None:
        """Write an intent so that it survives a crash that follows at once."""
        ...

    def close_intent(self, intent: Intent, record: AccountRecord | None = None) -> None:
        """Write an intent's end and, in the same transaction, the record that it led to."""
        ...

    def open_job(self, job: PasswordJob) -> None:
        """Write a new password job so that it survives a crash that follows at once.

        Raises:
            ValueError: it is over, another job of the account is open, or its due date was
                served.
        """
        ...

    def save_job(self, job: PasswordJob) -> None:
        """Write how far an open job has come, as durably; raises ValueError for one not open."""
        ...

    def close_job(self, job: PasswordJob) -> None:
        """Write a job's end and, in the same transaction, drop its sealed password.

        Raises:
            ValueError: the job is still open.
        """
        ...

    def list_customers(self) -> tuple[CustomerName, ...]:
        """Return the names of all customers that have a record or a status."""
        ...


class Marks(Protocol):
    """Small facts that must survive a restart, by name."""

    def read_mark(self, name: str) -> str:
        """Return a mark; empty when there is none."""
        ...

    def write_mark(self, name: str, value: str) -> None:
        """Write a mark so that it survives a crash that follows at once."""
        ...


class Secrets(Protocol):
    """Where secret values are kept."""

    def read(self, ref: SecretRef) -> Secret:
        """Return a value; raises SpecError with how to supply it when it is missing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry:
    """One entry of the native vault as its store holds it: what is secret in it is sealed."""

    organization: RemoteId
    id: RemoteId
    version: int
    """1 when it is made, and one more with each put."""
    document: dict[str, Any]


class EntryStale(Rejected):
    """Somebody else put the entry meanwhile: read it again. Nothing was written."""


class EntryStore(Protocol):
    """Where one native vault keeps its entries. It sees no secret and decides nothing."""

    def list_organizations(self) -> tuple[RemoteId, ...]:
        """Return every organization that has an entry."""
        ...

    def list_entries(self, organization: RemoteId) -> tuple[StoredEntry, ...]:
        """Return every entry of the organization, in the order of ids."""
        ...

    def find_entry(self, organization: RemoteId, entry: RemoteId) -> StoredEntry | None:
        """Return one entry, or None when there is none of this id."""
        ...

    def put_entry(self, entry: StoredEntry) -> None:
        """Write an entry whose version follows the one that is stored; 1 makes it.

        Raises:
            EntryStale: another version is stored, or none.
        """
        ...


Clock = Callable[[], datetime]
"""Returns the current time, aware and in UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The systems of one customer. None: not connected."""

    registry: Registry
    clock: Clock
    directory: Directory | None = None
    entra: EntraDirectory | None = None
    vault: Vault | None = None
    psa: Psa | None = None
    open_mailer: OpenMailer | None = None
    """Mail is opened only when there is something to send."""
    open_passwords: OpenPasswords | None = None
    """Likewise, when a password is to be set."""
    open_sealer: OpenSealer | None = None
    sync: SyncWish | None = None
    """What carries passwords on from Active Directory, where somebody set that up."""
    audit: Trail = UNRECORDED
    """Where every effect is recorded."""
    problems: tuple[tuple[Source, str], ...] = ()
    """Systems that are configured but could not be opened, such as for a missing secret."""
