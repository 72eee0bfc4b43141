"""Whose e-mail address an account has.

| account | its e-mail is that of |
| --- | --- |
| of Active Directory, paired | its Entra user; where that has none, its own |
| of Active Directory, not paired | its own |
| of Entra | its own |

An AccountOverride wins over all of them. While Entra is unread, an address from there stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from muster.model.accounts import Email, EmailSource, PairedUser
from muster.model.names import AccountId
from muster.plan.context import Context, Kept
from muster.plan.identity import email_of
from muster.plan.linking import Linking, is_linked


def with_emails(
    kept: Mapping[AccountId, Kept], pair: Linking, context: Context
) -> Mapping[AccountId, Kept]:
    """Return the accounts with the e-mail of their pair; all others are the same objects."""
    if context.desired.customer.entra is None:
        return kept
    return {account: _with_email(one, pair, context) for account, one in kept.items()}


def _with_email(one: Kept, pair: Linking, context: Context) -> Kept:
    if one.frozen or not is_linked(pair.links[one.identity.id]):
        return one
    email = _paired_email(one, pair, context)
    if email == one.identity.email:
        return one
    identity = replace(one.identity, email=email)
    before = one.before.identity if one.before else None
    return replace(one, identity=before if before and before == identity else identity)


def _paired_email(one: Kept, pair: Linking, context: Context) -> Email | None:
    own = one.identity.email
    if own and own.source is EmailSource.OVERRIDE:
        return own
    if not pair.usable:
        before = one.before.identity.email if one.before else None
        return before if before and before.source is EmailSource.ENTRA else own
    tenant = context.directories.entra
    user = tenant.by_id.get(AccountId(pair.links[one.identity.id].id or "")) if tenant else None
    return (email_of(user, None) if user else None) or own


def paired_user(one: Kept, pair: Linking, context: Context) -> PairedUser | None:
    """Return the Entra user of a pair as it is, or as it was last seen where Entra is unread."""
    link = pair.links[one.identity.id]
    if link.id is None or not is_linked(link):
        return None
    tenant = context.directories.entra
    user = tenant.by_id.get(AccountId(link.id)) if tenant else None
    if user is None:
        return one.before.paired_user if one.before else None
    return PairedUser(upn=user.upn, enabled=user.enabled, synced=user.synced)
