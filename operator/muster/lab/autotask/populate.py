"""Put a planned customer into the simulated Autotask, through the calls that tests use."""

from __future__ import annotations

from muster.lab.autotask.lab import EMAIL_SLOTS, AutotaskLab
from muster.lab.generate.seeds import PlannedCustomer


def populate_autotask(lab: AutotaskLab, customer: PlannedCustomer) -> str:
    """Add the customer's company with its contacts; return the company's id.

    Names longer than 20 letters are stored cut, as a technician could only type them.
    """
    company = lab.add_company(customer.facts.display_name)
    for contact in customer.contacts:
        lab.add_contact(
            company,
            contact.given_name,
            contact.surname,
            emails=contact.emails[: len(EMAIL_SLOTS)],
            active=contact.active,
        )
    return company
