"""placeholder"""


def demo() -> int:
    """Show."""
    return 0
