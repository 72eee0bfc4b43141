"""How Muster talks to other systems: time-outs, retries, request budgets, redaction."""
