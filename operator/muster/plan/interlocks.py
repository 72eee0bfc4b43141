"""What must not go together: two systems that both set the same passwords.

`passwordAuthority: Muster` is for tenants that nothing synchronizes. Where Entra Connect does, a
password that is set in Entra is overwritten by the next one of Active Directory, and until then the
two differ. Source: MicrosoftDocs/entra-docs,
docs/identity/hybrid/connect/how-to-connect-password-hash-synchronization.md.
"""

from __future__ import annotations

from collections.abc import Iterator

from muster.model.names import AccountId, PasswordAuthority
from muster.model.plans import Finding, Refusal
from muster.model.reasons import Reason
from muster.plan.context import Context
from muster.plan.linking import Linking, is_linked

_MOST_NAMES = 5
_WHAT_TO_DO = (
    "Two systems would set the same passwords. Set spec.passwordAuthority to EntraConnect; "
    "no approval lifts this."
)


def contradictions(context: Context, pair: Linking) -> Iterator[Refusal]:
    """Yield why Muster must not be the authority over this customer's passwords."""
    customer, tenant = context.desired.customer, context.directories.entra
    if customer.password_authority is not PasswordAuthority.MUSTER or tenant is None:
        return
    says = f"spec.passwordAuthority of Customer {customer.name} is Muster, but Entra Connect"
    if tenant.tenant.synced:
        yield _refusal(f'{says} synchronizes the tenant "{tenant.tenant.name}".')
        return
    linked = (link.id for link in pair.links.values() if is_linked(link))
    users = (tenant.by_id.get(AccountId(record or "")) for record in linked)
    synced = sorted(user.upn for user in users if user and user.synced)
    if synced:
        more = f" and {len(synced) - _MOST_NAMES} more" if len(synced) > _MOST_NAMES else ""
        yield _refusal(f"{says} synchronizes {', '.join(synced[:_MOST_NAMES])}{more}.")


def _refusal(says: str) -> Refusal:
    return Refusal(reason=Reason.SYNC_MODE_CONFLICT, message=f"{says} {_WHAT_TO_DO}")


def unsynced_tenant(context: Context) -> Iterator[Finding]:
    """Yield that Entra Connect is said to carry the passwords where it does not synchronize."""
    customer, tenant = context.desired.customer, context.directories.entra
    connect = customer.password_authority is PasswordAuthority.ENTRA_CONNECT
    if connect and tenant and not tenant.tenant.synced:
        yield Finding(
            reason=Reason.TENANT_NOT_SYNCED,
            message="spec.passwordAuthority is EntraConnect, but nothing synchronizes the tenant "
            f'"{tenant.tenant.name}". Nothing carries passwords there; set Separate, or Muster to '
            "have both set.",
        )
