"""Run every benchmark and print its tables; nothing is asserted.

`python -m benchmarks [NAME ...]` with names among planning, ldap_read and one_customer.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping

from benchmarks import ldap_read, one_customer, planning
from rich.console import Console

BENCHMARKS: Mapping[str, Callable[[], None]] = {
    "planning": planning.main,
    "ldap_read": lambda: ldap_read.main(10_000),
    "one_customer": one_customer.main,
}


def main(names: list[str]) -> None:
    """Run the named benchmarks, or all of them."""
    console = Console(width=100)
    for name in names or BENCHMARKS:
        started = time.perf_counter()
        BENCHMARKS[name]()
        console.print(f"{name} took {time.perf_counter() - started:.0f} s\n")


if __name__ == "__main__":
    main(sys.argv[1:])
