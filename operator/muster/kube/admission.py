"""What the webhook refuses: contradictions between resources, which CEL cannot see.

The rules are `muster validate`'s own. Only what the new resource itself makes wrong is refused,
so that an old fault does not block the change that would mend it. The operator is as safe
without the webhook: it holds what a contradiction touches (`view`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping

from muster.kube.view import Key, Parsed, Raw, View, look, parse, places, sentence
from muster.model.names import CustomerName, System
from muster.model.settings import AccountOverride, Customer
from muster.plan.context import place_of
from muster.plan.identity import selects
from muster.resources import Conflict

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
    old = {_signature(conflict) for conflict in before.conflicts}
    made_wrong = [
        sentence(conflict)
        for conflict in after.conflicts
        if key in places(conflict) and _signature(conflict) not in old
    ]
    made_wrong.extend(_newly_held(key, before, after))
    if isinstance(candidate.resource, AccountOverride):
        made_wrong.extend(_taken(candidate.resource, after.estate.customers, list_accounts))
    return tuple(dict.fromkeys(one for one in made_wrong if not _is_only_early(one)))


def _signature(conflict: Conflict) -> Hashable:
    """Return what stays the same while a fault between two resources is mended step by step."""
    if conflict.other is None:
        return conflict
    return places(conflict), conflict.advice


def _newly_held(key: Key, before: View, after: View) -> Iterable[str]:
    """Yield the contradictions that would stop the resource itself, or a customer that runs now.

    Such as a label of a customer that makes two policies meet.
    """
    contradictions = set(map(sentence, after.conflicts))
    for name, text in after.held.items():
        runs = name in before.desired or key == ("Customer", name)
        if runs and name not in before.held and text in contradictions:
            yield text


def _is_only_early(problem: str) -> bool:
    """Say whether a problem may go away by itself, when a resource arrives later.

    Tools apply the files of one commit in an order of their own.
    """
    return ": No customer is named" in problem or ": No integration is named" in problem


_STATUS = {"vault": "vault", "psa": "psa", "entra": "pair"}
"""Where an account's status holds the link to each system."""


def _taken(
    override: AccountOverride, customers: Iterable[Customer], list_accounts: Taken
) -> Iterable[str]:
    """Yield the records that the override pins and that belong to another account.

    An id counts where the customer's records are now: elsewhere it was another record's.
    """
    customer = next((one for one in customers if one.name == override.customer), None)
    pins = {
        system: link.pin
        for system, link in (
            ("vault", override.vault),
            ("psa", override.psa),
            ("entra", override.entra),
        )
        if link and link.pin
    }
    for account in list_accounts(override.customer) if pins else ():
        status = account.get("status") or {}
        if "releasedAt" in status or _is_meant(override, account):
            continue
        for system, pin in pins.items():
            link = status.get(_STATUS[system], {})
            here = place_of(System(system), customer) if customer else ""
            if link.get("id") == pin and link.get("place", here) in ("", here):
                name = account["metadata"]["name"]
                yield (
                    f"AccountOverride/{override.name}#/spec/{system}: {pin} is linked to Account "
                    f"{name}. Forbid it there with another AccountOverride first."
                )


def _is_meant(override: AccountOverride, account: Raw) -> bool:
    status, identity = account.get("status") or {}, account["spec"]["identity"]
    sam, upn = status.get("samAccountName"), status.get("userPrincipalName")
    return selects(override.account, identity["objectId"], sam, upn)
