"""What the webhook refuses: contradictions between resources, which CEL cannot see.

The rules are `muster validate`'s own. Only what the new resource itself makes wrong is refused,
so that an old fault does not block the change that would mend it. The operator is as safe
without the webhook: it holds what a contradiction touches (`view`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from muster.kube.view import Key, Parsed, Raw, View, look, parse
from muster.model.names import CustomerName
from muster.model.settings import AccountOverride
from muster.plan.keys import fold

Taken = Callable[[CustomerName], Iterable[Raw]]
"""Returns the `Account` objects of a customer."""


def find_refusals(
    raw: Raw, known: Mapping[Key, Parsed], before: View, list_accounts: Taken
) -> tuple[str, ...]:
    """Return why a new or changed resource must not be admitted; nothing when it may."""
    key = (str(raw["kind"]), str(raw["metadata"]["name"]))
    candidate = parse(raw)
    if candidate.resource is None:
        return candidate.problems
    after = look({**known, key: candidate})
    made_wrong = [
        problem
        for problem in after.problems.get(key, ())
        if problem not in before.problems.get(key, ()) and not _is_only_early(problem)
    ]
    if isinstance(candidate.resource, AccountOverride):
        made_wrong.extend(_taken(candidate.resource, list_accounts))
    return tuple(made_wrong)


def _is_only_early(problem: str) -> bool:
    """Say whether a problem may go away by itself, when a resource arrives later.

    Tools apply the files of one commit in an order of their own.
    """
    return ": No customer is named" in problem or ": No integration is named" in problem


def _taken(override: AccountOverride, list_accounts: Taken) -> Iterable[str]:
    """Yield the records that the override pins and that belong to another account."""
    pins = {
        system: link.pin
        for system, link in (("vault", override.vault), ("psa", override.psa))
        if link and link.pin
    }
    for account in list_accounts(override.customer) if pins else ():
        status = account.get("status") or {}
        if "releasedAt" in status or _is_meant(override, account):
            continue
        for system, pin in pins.items():
            if status.get(system, {}).get("id") == pin:
                name = account["metadata"]["name"]
                yield (
                    f"AccountOverride/{override.name}#/spec/{system}: {pin} is linked to Account "
                    f"{name}. Forbid it there with another AccountOverride first."
                )


def _is_meant(override: AccountOverride, account: Raw) -> bool:
    status, identity = account.get("status") or {}, account["spec"]["identity"]
    names = (status.get("userPrincipalName"), status.get("samAccountName"), identity["objectId"])
    return fold(str(override.account)) in map(fold, names)
