"""Finds the policies of a customer without asking every policy.

Thousands of customers and hundreds of policies make most questions useless: a policy is asked
only where its names, or one label that it requires, may fit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from muster.model.names import CustomerName
from muster.model.settings import AutomaticImportPolicy, Customer
from muster.resources.labels import labels_fit


def covers(policy: AutomaticImportPolicy, customer: Customer) -> bool:
    """Return whether a policy names or selects a customer; a default policy does neither."""
    who = policy.customers
    if who.selector:
        return labels_fit(who.selector, dict(customer.labels))
    return customer.name in who.names


class Covering:
    """The policies of an estate, found by name and by label; they keep their order."""

    def __init__(self, policies: Iterable[AutomaticImportPolicy]) -> None:
        self.policies: Sequence[AutomaticImportPolicy] = tuple(policies)
        self.defaults = tuple(one for one in self.policies if one.customers.default)
        self._by_name: dict[CustomerName, list[int]] = defaultdict(list)
        self._by_label: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._others: list[int] = []
        for index, policy in enumerate(self.policies):
            self._enter(index, policy)

    def of(self, customer: Customer) -> tuple[AutomaticImportPolicy, ...]:
        """Return the policies that name or select a customer."""
        possible = {*self._others, *self._by_name.get(customer.name, ())}
        for label in customer.labels:
            possible.update(self._by_label.get(label, ()))
        found = (self.policies[index] for index in sorted(possible))
        return tuple(policy for policy in found if covers(policy, customer))

    def _enter(self, index: int, policy: AutomaticImportPolicy) -> None:
        who = policy.customers
        if not who.selector:
            for name in who.names:
                self._by_name[name].append(index)
            return
        required = next((one for one in who.selector if one.operator == "In"), None)
        if required is None:
            self._others.append(index)
            return
        for value in required.values:
            self._by_label[(required.key, value)].append(index)
