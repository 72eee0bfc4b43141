"""What the exit codes mean. They are documented in docs/reference/exit-codes.md."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """One meaning per number."""

    OK = 0
    """Everything was read and done; for `plan --detailed-exitcode`: nothing to do."""
    ERROR = 1
    """Resources are wrong, a system could not be read whole, or a change failed."""
    CHANGES = 2
    """`plan --detailed-exitcode` only: there are changes; with `--base`, because of the files."""
    AMBIGUOUS = 3
    """`plan --detailed-exitcode` only: no changes, but matches wait for a person."""
    REFUSED = 4
    """A guard refused a plan; nothing of it was written."""
    BUSY = 5
    """Another Muster process uses the same state."""
    UNSETTLED = 6
    """A password may be live that the vault does not have yet: see `muster passwords list`."""
    USAGE = 64
    """The command line itself is wrong."""
    INTERRUPTED = 130
    """Ctrl-C; what was done is recorded, and the next run goes on from there."""
