"""A loopback lab: stand-ins for the systems Muster talks to, for tests and first steps."""
