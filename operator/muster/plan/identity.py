"""Who an account is: its identity from the directory, its e-mail, its readable name.

A user's own e-mail is its mail field, else its primary SMTP address; an AccountOverride supplies
what is missing or corrects it.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from muster.model.accounts import AccountRecord, Email, EmailSource, Identity
from muster.model.entra import EntraUser
from muster.model.names import AccountId, CustomerName, DirectoryKind
from muster.model.plans import Finding
from muster.model.reasons import Reason
from muster.model.settings import AccountOverride, AccountSelector
from muster.plan.directories import User
from muster.plan.keys import fold

_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")

_NAME_LIMIT = 63
"""A label value's length in Kubernetes; names stay within it."""


def identify(user: User, override: AccountOverride | None) -> Identity:
    """Return the identity of a user of either directory."""
    email = email_of(user, override)
    if isinstance(user, EntraUser):
        return Identity(
            source=DirectoryKind.ENTRA,
            id=user.id,
            upn=user.upn,
            display_name=user.display_name,
            given_name=user.given_name,
            surname=user.surname,
            email=email,
        )
    return Identity(
        id=user.id,
        sid=user.sid,
        sam=user.sam,
        upn=user.upn,
        display_name=user.display_name,
        given_name=user.given_name,
        surname=user.surname,
        email=email,
    )


def email_of(user: User, override: AccountOverride | None) -> Email | None:
    """Return a user's own e-mail; that of a pair is the business of `emails`."""
    if override and override.email:
        return Email(address=override.email, source=EmailSource.OVERRIDE)
    address = (user.mail or "").strip() or (user.primary_smtp or "").strip()
    if not address:
        return None
    cloud = isinstance(user, EntraUser)
    source = EmailSource.ENTRA if cloud else EmailSource.ACTIVE_DIRECTORY
    return Email(address=address, source=source)


def user_name(user: User) -> str:
    """Return the name people know a user by: the UPN, else the sAMAccountName."""
    if isinstance(user, EntraUser):
        return user.upn
    return user.upn or user.sam


def name_accounts(
    customer: CustomerName, users: Iterable[User], taken: Iterable[str]
) -> dict[AccountId, str]:
    """Return the names of new accounts; `taken` are those that other accounts have."""
    names: dict[AccountId, str] = {}
    used = set(taken)
    for user in sorted(users, key=lambda user: user.id):
        names[user.id] = account_name(customer, user, used)
        used.add(names[user.id])
    return names


def account_name(
    customer: CustomerName, account: Identity | User, taken: Collection[str] = ()
) -> str:
    """Return a name such as `contoso-jsmith-7c1e`: readable, unique, fit for Kubernetes."""
    decomposed = unicodedata.normalize("NFKD", _short_name(account).casefold())
    letters = decomposed.encode("ascii", "ignore").decode()
    slug = _NOT_IN_NAMES.sub("-", letters).strip("-") or "account"
    digest = hashlib.sha256(account.id.encode()).hexdigest()
    for length in (4, 8, 16, 32):
        room = _NAME_LIMIT - len(customer) - length - 2
        name = f"{customer}-{slug[:room].strip('-')}-{digest[:length]}"
        if name not in taken:
            return name
    return name


def _short_name(account: Identity | User) -> str:
    match account:
        case EntraUser(upn=upn):
            return upn.partition("@")[0]
        case Identity():
            return account.short_name
    return account.sam


def find_overridden(
    overrides: tuple[AccountOverride, ...],
    present: Iterable[Identity | User],
    records: Mapping[AccountId, AccountRecord],
    considered: Collection[AccountId],
) -> tuple[dict[AccountId, AccountOverride], list[Finding]]:
    """Return the override of each account, and a finding for each that is not followed.

    `present` are the users that were read, and the kept accounts of an unread directory. A name
    that fits several of them means the one that is selected or kept. Of several overrides
    that name one account by different names none is followed: they may contradict each other,
    and their order means nothing.
    """
    if not overrides:
        return {}, []
    wanted = {_name_in(override.account) for override in overrides}
    ids = _ids_by_name(wanted, present, records)
    named: defaultdict[AccountId, list[AccountOverride]] = defaultdict(list)
    problems = []
    for override in overrides:
        found = ids.get(_name_in(override.account), set())
        meant = [one for one in found if one in considered] if len(found) > 1 else list(found)
        if len(meant) == 1:
            named[meant[0]].append(override)
        else:
            problems.append(_unclear(override, found) if found else _stale(override))
    problems += [_doubled(several) for several in named.values() if len(several) > 1]
    return {account: one for account, (one, *more) in named.items() if not more}, problems


def _ids_by_name(
    wanted: Collection[_Named],
    present: Iterable[Identity | User],
    records: Mapping[AccountId, AccountRecord],
) -> dict[_Named, set[AccountId]]:
    """Return who is meant by each name; an old record counts where nobody present has the name."""
    recorded = _by_name(wanted, (record.identity for record in records.values()))
    return {**recorded, **_by_name(wanted, present)}


def _by_name(
    wanted: Collection[_Named], accounts: Iterable[Identity | User]
) -> dict[_Named, set[AccountId]]:
    ids: defaultdict[_Named, set[AccountId]] = defaultdict(set)
    for account in accounts:
        for name in _names_of(account):
            if name in wanted:
                ids[name].add(account.id)
    return ids


def selects(selector: AccountSelector, object_id: str, sam: str | None, upn: str | None) -> bool:
    """Say whether a selector names an account; each of its fields fits only its own kind."""
    field, wanted = _name_in(selector)
    return fold({"objectId": object_id, "samAccountName": sam}.get(field, upn)) == wanted


_Named = tuple[str, str]
"""A field of an `AccountSelector`, and a folded name."""


def _name_in(selector: AccountSelector) -> _Named:
    if selector.object_id:
        return "objectId", fold(selector.object_id)
    if selector.user_principal_name:
        return "userPrincipalName", fold(selector.user_principal_name)
    return "samAccountName", fold(selector.sam_account_name)


def _names_of(account: Identity | User) -> Iterator[_Named]:
    yield "objectId", fold(account.id)
    if not isinstance(account, EntraUser) and account.sam:
        yield "samAccountName", fold(account.sam)
    if account.upn:
        yield "userPrincipalName", fold(account.upn)


def _stale(override: AccountOverride) -> Finding:
    return Finding(
        reason=Reason.OVERRIDE_STALE,
        user=str(override.account),
        message=f"AccountOverride {override.name} names {override.account}, which is no account "
        f"of {override.customer}. Correct it, or remove it.",
    )


def _unclear(override: AccountOverride, found: Collection[AccountId]) -> Finding:
    ids = ", ".join(sorted(found))
    return Finding(
        reason=Reason.OVERRIDE_INVALID,
        user=str(override.account),
        message=f"AccountOverride {override.name} names {override.account}, which several accounts "
        f"of {override.customer} have ({ids}). Name the one that is meant by its objectId.",
    )


def _doubled(several: list[AccountOverride]) -> Finding:
    names = ", ".join(sorted(override.name for override in several))
    return Finding(
        reason=Reason.OVERRIDE_INVALID,
        user=min(str(override.account) for override in several),
        message=f"AccountOverrides {names} name the same account, so none of them is followed. "
        "Put everything about the account into one.",
    )
