"""Passwords: the protocol that sets one without ever losing it, and the generators."""
