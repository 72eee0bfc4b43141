"""The password contract's domain in the lab."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.contract.directory import content
from tests.contract.directory.lab_house import LabHouse

from muster.adapters.active_directory import ActiveDirectoryPasswords
from muster.lab.directory.accounts import DISABLED, NORMAL
from muster.lab.directory.identifiers import guid_bytes, sid_bytes
from muster.model.names import AccountId

WRITER = "svc-passwords"
CHANGE_PASSWORD = guid_bytes("ab721a53-1e2f-11d0-9819-00aa0040529b")


@dataclass(slots=True)
class LabPasswords:
    """One lab domain, and an account in it that may reset passwords."""

    house: LabHouse
    url: str = ""

    def __post_init__(self) -> None:
        dn = self.house.domain.add_user(
            WRITER, WRITER, parent=content.SERVICES, password=content.PASSWORD
        )
        self.house.domain.delegate_passwords(dn)

    def passwords(self, before_write: Callable[[], None] | None = None) -> ActiveDirectoryPasswords:
        """Return the adapter with rights."""
        return self._as(f"{WRITER}@{content.DNS_NAME}", before_write)

    def powerless(self) -> ActiveDirectoryPasswords:
        """Return the adapter without rights."""
        return self._as(content.READER_UPN, None)

    def add_user(self, sam: str, password: str) -> AccountId:
        """Add a user."""
        dn = self.house.domain.add_user(sam, sam, parent=content.STAFF, password=password)
        return AccountId(self.house.domain.object_id(dn))

    def disable(self, account: AccountId) -> None:
        """Disable a user."""
        self._set(account, userAccountControl=str(NORMAL | DISABLED))

    def expire(self, account: AccountId) -> None:
        """Let a user's account expire."""
        self._set(account, accountExpires="132223104000000000")

    def deny_own_change(self, account: AccountId) -> None:
        """Set the denial that the console sets, behind an entry that grants something."""
        myself = sid_bytes("S-1-5-10")
        allow = struct.pack("<BBHI", 0, 0, 8 + len(myself), 0x10) + myself
        deny = struct.pack("<BBHII", 6, 0, 28 + len(myself), 0x100, 1) + CHANGE_PASSWORD + myself
        entries = struct.pack("<BBHHH", 4, 0, 8 + len(allow + deny), 2, 0) + allow + deny
        head = struct.pack("<BBHIIII", 1, 0, 0x8004, 0, 0, 0, 20)
        self._set(account, nTSecurityDescriptor=head + entries)

    def set_threshold(self, threshold: int) -> None:
        """Set the domain's lockout threshold."""
        domain = self.house.domain
        domain.set_attributes(domain.dn, {"lockoutThreshold": [str(threshold)]})

    def add_fine_policy(self, account: AccountId, name: str, min_length: int) -> None:
        """Add a fine-grained policy for one user."""
        self.house.domain.add_password_policy(
            name,
            precedence=10,
            applies_to=[self.dn(account)],
            min_length=min_length,
            history=12,
            lockout_threshold=4,
        )

    def dn(self, account: AccountId) -> str:
        """Return a user's name."""
        for entry in self.house.domain.tree.below(self.house.domain.tree.head):
            if str(entry.guid) == account:
                return entry.dn
        raise KeyError(account)

    def live(self, account: AccountId) -> str | None:
        """Return the password that lets a user sign in."""
        return self.house.domain.password(self.dn(account))

    def _as(
        self, user_name: str, before_write: Callable[[], None] | None
    ) -> ActiveDirectoryPasswords:
        login = replace(self.house.login(), user_name=user_name, before_write=before_write)
        return ActiveDirectoryPasswords(replace(login, connect_timeout_s=2, receive_timeout_s=10))

    def _set(self, account: AccountId, **values: str | bytes) -> None:
        attributes = {name: [value] for name, value in values.items()}
        self.house.domain.set_attributes(self.dn(account), attributes)
