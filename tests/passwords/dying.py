"""Starts crash_child.py, which dies before and after every effect of a password job in turn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

CHILD = Path(__file__).parent / "crash_child.py"
ROOT = Path(__file__).parents[2]
MOST_DEATHS = 40
"""So many accounts are enough: each death has one of its own."""


def die_at_every_effect(told: dict[str, Any], folder: Path) -> int:
    """Run it against the servers that it is told of; return how often it was killed."""
    file = folder / "told.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps({**told, "folder": str(folder)}))
    done = subprocess.run(
        [sys.executable, str(CHILD), str(file)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)
