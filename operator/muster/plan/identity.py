"""Who an account is: its identity from the directory, its e-mail, its readable name.

The e-mail of an account of Active Directory is its mail field, else its primary SMTP
address; an AccountOverride supplies what is missing or corrects it.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from muster.model.accounts import AccountRecord, Email, EmailSource, Identity
from muster.model.directory import DirectoryUser
from muster.model.names import AccountId, CustomerName
from muster.model.plans import Finding
from muster.model.reasons import Reason
from muster.model.settings import AccountOverride, AccountSelector
from muster.plan.keys import fold

_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")

_NAME_LIMIT = 63
"""A label value's length in Kubernetes; names stay within it."""


def identify(user: DirectoryUser, override: AccountOverride | None) -> Identity:
    """Return the identity of a directory user."""
    return Identity(
        id=user.id,
        sid=user.sid,
        sam=user.sam,
        upn=user.upn,
        display_name=user.display_name,
        given_name=user.given_name,
        surname=user.surname,
        email=_email(user, override),
    )


def _email(user: DirectoryUser, override: AccountOverride | None) -> Email | None:
    if override and override.email:
        return Email(address=override.email, source=EmailSource.OVERRIDE)
    address = (user.mail or "").strip() or (user.primary_smtp or "").strip()
    if not address:
        return None
    return Email(address=address, source=EmailSource.ACTIVE_DIRECTORY)


def name_accounts(
    customer: CustomerName, users: Iterable[DirectoryUser], taken: Iterable[str]
) -> dict[AccountId, str]:
    """Return the names of new accounts; `taken` are those that other accounts have."""
    names: dict[AccountId, str] = {}
    used = set(taken)
    for user in sorted(users, key=lambda user: user.id):
        names[user.id] = account_name(customer, user, used)
        used.add(names[user.id])
    return names


def account_name(
    customer: CustomerName, account: Identity | DirectoryUser, taken: Collection[str] = ()
) -> str:
    """Return a name such as `contoso-jsmith-7c1e`: readable, unique, fit for Kubernetes."""
    letters = unicodedata.normalize("NFKD", account.sam.casefold()).encode("ascii", "ignore")
    slug = _NOT_IN_NAMES.sub("-", letters.decode()).strip("-") or "account"
    digest = hashlib.sha256(account.id.encode()).hexdigest()
    for length in (4, 8, 16, 32):
        room = _NAME_LIMIT - len(customer) - length - 2
        name = f"{customer}-{slug[:room].strip('-')}-{digest[:length]}"
        if name not in taken:
            return name
    return name


def find_overridden(
    overrides: tuple[AccountOverride, ...],
    users: Iterable[DirectoryUser],
    records: Mapping[AccountId, AccountRecord],
) -> tuple[dict[AccountId, AccountOverride], list[Finding]]:
    """Return the override of each account, and a finding for each that is not followed.

    Of several that name one account by different names none is followed: they may contradict
    each other, and their order means nothing.
    """
    if not overrides:
        return {}, []
    ids: dict[_Named, AccountId] = {}
    for record in records.values():
        ids.update(dict.fromkeys(_names_of(record.identity), record.identity.id))
    for user in users:
        ids.update(dict.fromkeys(_names_of(user), user.id))
    named: defaultdict[AccountId, list[AccountOverride]] = defaultdict(list)
    problems = []
    for override in overrides:
        account = ids.get(_name_in(override.account))
        if account is None:
            problems.append(_stale(override))
        else:
            named[account].append(override)
    problems += [_doubled(several) for several in named.values() if len(several) > 1]
    return {account: one for account, (one, *more) in named.items() if not more}, problems


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


def _names_of(account: Identity | DirectoryUser) -> Iterator[_Named]:
    yield "objectId", fold(account.id)
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


def _doubled(several: list[AccountOverride]) -> Finding:
    names = ", ".join(sorted(override.name for override in several))
    return Finding(
        reason=Reason.OVERRIDE_INVALID,
        user=min(str(override.account) for override in several),
        message=f"AccountOverrides {names} name the same account, so none of them is followed. "
        "Put everything about the account into one.",
    )
