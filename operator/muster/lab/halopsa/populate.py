"""Put a planned customer into the simulated HaloPSA, through the same calls that tests use."""

from __future__ import annotations

from muster.lab.generate.seeds import PlannedCustomer
from muster.lab.halopsa.lab import HaloPsaLab


def populate_halopsa(lab: HaloPsaLab, customer: PlannedCustomer) -> str:
    """Add the customer's client with its users; return the client's id."""
    client = lab.add_client(customer.facts.display_name)
    for contact in customer.contacts:
        lab.add_user(
            client,
            contact.given_name,
            contact.surname,
            emails=contact.emails[:3],
            active=contact.active,
        )
    return client
