"""The seed interface of the lab's directory: one believable domain, held in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Literal, TypedDict, Unpack
from uuid import UUID

from muster.lab.directory import accounts, passwords
from muster.lab.directory.accounts import DISABLED, NORMAL
from muster.lab.directory.builtin import FIRST_FREE_RID, Names, provision
from muster.lab.directory.dn import parse_part, split
from muster.lab.directory.entry import Entry
from muster.lab.directory.identifiers import guid_text, sid_text
from muster.lab.directory.passwords import replace_password
from muster.lab.directory.protocol import Code, LdapFailure, Modification
from muster.lab.directory.tree import Tree, Values, part_of


class UserOptions(TypedDict, total=False):
    """What may be said about a new user; what is not said stays absent."""

    password: str | None
    """None: nobody can sign in as this user."""
    upn: str | None
    """"" or not given: `sam@dns_name`; None: the user has no userPrincipalName."""
    given_name: str | None
    surname: str | None
    display_name: str | None
    """Not given: the name; None: absent."""
    mail: str | None
    enabled: bool
    """Not given: True."""
    primary_group_rid: int
    """Not given: 513, Domain Users."""
    attributes: Values
    object_class: Literal["user", "inetOrgPerson"]


class GroupOptions(TypedDict, total=False):
    """What may be said about a new group."""

    sam: str | None
    """Not given: the name."""
    group_type: int
    """Not given: a global security group (MS-ADTS 2.2.12)."""


class LabDomain:
    """A freshly provisioned Active Directory domain that tests fill; safe between threads.

    Methods take full DNs and raise KeyError for one that does not exist, ValueError for a
    name that is taken. The same seed and the same calls give the same GUIDs and SIDs.
    """

    def __init__(
        self,
        dns_name: str,
        netbios_name: str,
        *,
        seed: int = 0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.dns_name = dns_name
        self.netbios_name = netbios_name
        self.dn = ",".join(f"DC={label}" for label in dns_name.split("."))
        self.tree = Tree(seed=f"{dns_name}/{seed}", clock=clock)
        draw = Random(f"{dns_name}/{seed}/sid").getrandbits  # noqa: S311 - must repeat itself
        self.sid = f"S-1-5-21-{draw(32)}-{draw(32)}-{draw(32)}"
        self.names = Names(dn=self.dn, dns_name=dns_name, netbios_name=netbios_name, sid=self.sid)
        self.refuses_passwords_with: int = Code.UNWILLING_TO_PERFORM
        """The result code of a password that the policy refuses; 19 is seen in the field too."""
        self.old_password_lives = timedelta(hours=1)
        """How long a former password signs in beside the live one."""
        self._password_writers: dict[UUID, bool] = {}
        self._next_rid = FIRST_FREE_RID
        provision(self.tree, self.names)

    def add_organizational_unit(self, path: str) -> str:
        """Add `OU=Toronto,OU=Staff`, relative to the domain; return its full DN."""
        part, *above = split(path)
        name = parse_part(part)[1]
        parent = ",".join([*above, self.dn])
        return self._add(part_of("OU", name), parent, "organizationalUnit", {})

    def add_container(self, name: str) -> str:
        """Add a container such as `Microsoft Exchange System Objects` at the domain's head."""
        return self._add(part_of("CN", name), self.dn, "container", {})

    def add_user(self, name: str, sam: str, *, parent: str, **options: Unpack[UserOptions]) -> str:
        """Add a user under the full DN `parent`; return the user's DN."""
        with self.tree.lock:
            self._require_free(sam)
            born = accounts.user(
                self._new_sid(),
                sam,
                control=NORMAL if options.get("enabled", True) else NORMAL | DISABLED,
                primary_group=options.get("primary_group_rid", 513),
                born=self.tree.now(),
            )
            attributes = {**born, **self._person(name, sam, options)}
            attributes.update(options.get("attributes", {}))
            object_class = options.get("object_class", "user")
            dn = self._add(part_of("CN", name), parent, object_class, attributes)
            self.tree.require(dn).password = options.get("password")
            return dn

    def add_group(
        self,
        name: str,
        *,
        parent: str,
        members: Iterable[str] = (),
        **options: Unpack[GroupOptions],
    ) -> str:
        """Add a group with members by DN; return its DN."""
        with self.tree.lock:
            sam = options.get("sam") or name
            self._require_free(sam)
            group_type = options.get("group_type", accounts.GLOBAL)
            attributes = accounts.group(self._new_sid(), sam, group_type)
            dn = self._add(part_of("CN", name), parent, "group", attributes)
            self.add_members(dn, *members)
            return dn

    def add_computer(self, name: str, *, parent: str) -> str:
        """Add a computer; return its DN."""
        return self._add_machine(name, "computer", parent)

    def add_contact(
        self, name: str, *, parent: str, mail: str | None = None, attributes: Values | None = None
    ) -> str:
        """Add a contact; return its DN."""
        born: Values = {"displayName": [name], "mail": [mail] if mail else []}
        return self._add(part_of("CN", name), parent, "contact", {**born, **(attributes or {})})

    def add_managed_service_account(
        self, name: str, *, parent: str, kind: Literal["group", "standalone"] = "group"
    ) -> str:
        """Add a managed service account; return its DN."""
        classes = {
            "group": "msDS-GroupManagedServiceAccount",
            "standalone": "msDS-ManagedServiceAccount",
        }
        return self._add_machine(name, classes[kind], parent)

    def add_members(self, group_dn: str, *members: str) -> None:
        """Add members by DN; those already present stay."""
        with self.tree.lock:
            if members:
                targets = [self.tree.require(member) for member in members]
                self.tree.link(self.tree.require(group_dn), "member", targets)

    def remove_members(self, group_dn: str, *members: str) -> None:
        """Remove members by DN; those absent are passed over."""
        with self.tree.lock:
            targets = [self.tree.require(member) for member in members]
            self.tree.unlink(self.tree.require(group_dn), "member", targets)

    def move(self, dn: str, new_parent: str) -> str:
        """Move an object and all below it under another parent; return its new DN."""
        with self.tree.lock:
            entry = self.tree.require(dn)
            self.tree.relocate(entry, split(entry.dn)[0], self.tree.require(new_parent))
            return entry.dn

    def rename(self, dn: str, new_name: str) -> str:
        """Give an object another name, unescaped and without type; return its new DN."""
        with self.tree.lock:
            entry = self.tree.require(dn)
            if entry.parent is None:
                raise ValueError(f"{dn} is the head of a naming context and cannot be renamed")
            kind, _ = parse_part(split(entry.dn)[0])
            self.tree.relocate(entry, part_of(kind, new_name), entry.parent)
            return entry.dn

    def delete(self, dn: str) -> None:
        """Delete an object and all below it; no tombstone stays behind."""
        with self.tree.lock:
            self.tree.remove(self.tree.require(dn))

    def set_attributes(self, dn: str, attributes: Values) -> None:
        """Replace the named attributes; an empty sequence removes one."""
        with self.tree.lock:
            self.tree.set_attributes(self.tree.require(dn), attributes)

    def set_password(self, dn: str, password: str) -> None:
        """Let a user sign in with this password only, from now on; pwdLastSet moves."""
        with self.tree.lock:
            entry = self.tree.require(dn)
            replace_password(self.tree, entry, password)
            entry.former_password = None

    def password(self, dn: str) -> str | None:
        """Return the password that lets a user sign in; None: nobody can."""
        with self.tree.lock:
            return self.tree.require(dn).password

    def delegate_passwords(self, dn: str, *, protected: bool = False) -> None:
        """Let a user reset passwords; those of protected accounts (adminCount) only if said."""
        with self.tree.lock:
            self._password_writers[self.tree.require(dn).guid] = protected

    def add_password_policy(
        self, name: str, *, precedence: int, applies_to: Iterable[str], **rules: int
    ) -> str:
        """Add a fine-grained password policy for users or groups by DN; return its DN.

        Rules: `min_length`, `history`, `lockout_threshold`, and `complexity` as 0 or 1.
        """
        with self.tree.lock:
            parent = f"CN=Password Settings Container,CN=System,{self.dn}"
            attributes: Values = {
                "msDS-PasswordSettingsPrecedence": [str(precedence)],
                "msDS-MinimumPasswordLength": [str(rules.get("min_length", 7))],
                "msDS-PasswordComplexityEnabled": [
                    "TRUE" if rules.get("complexity", 1) else "FALSE"
                ],
                "msDS-PasswordHistoryLength": [str(rules.get("history", 24))],
                "msDS-MinimumPasswordAge": ["0"],
                "msDS-MaximumPasswordAge": [str(-(2**63))],
                "msDS-LockoutThreshold": [str(rules.get("lockout_threshold", 0))],
            }
            dn = self._add(part_of("CN", name), parent, "msDS-PasswordSettings", attributes)
            targets = [self.tree.require(one) for one in applies_to]
            self.tree.link(self.tree.require(dn), "msds-psoappliesto", targets)
            return dn

    def modify(
        self,
        writer: Entry | None,
        name: str,
        changes: tuple[Modification, ...],
        *,
        controls: Set[str] = frozenset(),
    ) -> None:
        """Carry out a client's write; raises LdapFailure. Only passwords may be written."""
        with self.tree.lock:
            user = self.tree.get(name)
            if user is None:
                raise LdapFailure(
                    Code.NO_SUCH_OBJECT,
                    "0000208D: NameErr: DSID-03100245, problem 2001 (NO_OBJECT), data 0, "
                    f"best match of:\n\t'{self.dn}'\n\0",
                )
            protected = bool(user.number("admincount"))
            granted = self._password_writers.get(writer.guid) if writer else None
            if granted is None or (protected and not granted):
                raise LdapFailure(
                    Code.INSUFFICIENT_ACCESS,
                    "00000005: SecErr: DSID-031A1256, problem 4003 (INSUFF_ACCESS_RIGHTS), "
                    "data 0\n\0",
                )
            passwords.modify(
                self.tree,
                user,
                changes,
                refusal=self.refuses_passwords_with,
                with_history=bool(controls & passwords.POLICY_HINTS),
            )

    def find(self, sam: str) -> str:
        """Return the DN of a sAMAccountName; raises KeyError."""
        with self.tree.lock:
            for entry in self.tree.with_sam(sam):
                return entry.dn
        raise KeyError(sam)

    def object_id(self, dn: str) -> str:
        """Return an object's objectGUID as lower-case text with hyphens."""
        with self.tree.lock:
            return guid_text(self.tree.require(dn).values("objectguid")[0])

    def object_sid(self, dn: str) -> str:
        """Return an object's objectSid as text."""
        with self.tree.lock:
            return sid_text(self.tree.require(dn).values("objectsid")[0])

    def _person(self, name: str, sam: str, options: UserOptions) -> Values:
        upn = options.get("upn", "")
        if upn == "":
            upn = f"{sam}@{self.dns_name}"
        texts = {
            "displayName": options.get("display_name", name),
            "userPrincipalName": upn,
            "givenName": options.get("given_name"),
            "sn": options.get("surname"),
            "mail": options.get("mail"),
        }
        return {spelled: [text] for spelled, text in texts.items() if text}

    def _add_machine(self, name: str, object_class: str, parent: str) -> str:
        with self.tree.lock:
            self._require_free(f"{name}$")
            attributes = accounts.computer(
                self._new_sid(), f"{name}$", controller=False, born=self.tree.now()
            )
            host = {"dNSHostName": [f"{name.lower()}.{self.dns_name}"]}
            return self._add(part_of("CN", name), parent, object_class, {**attributes, **host})

    def _add(self, part: str, parent: str, object_class: str, attributes: Values) -> str:
        with self.tree.lock:
            return self.tree.add(part, parent, object_class, attributes).dn

    def _new_sid(self) -> str:
        self._next_rid += 1
        return f"{self.sid}-{self._next_rid - 1}"

    def _require_free(self, sam: str) -> None:
        if any(self.tree.with_sam(sam)):
            raise ValueError(f"the sAMAccountName {sam} is already in use")
