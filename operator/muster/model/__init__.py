"""Frozen data: what git asks for, what systems answered, what Muster decided."""
