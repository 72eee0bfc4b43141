"""Where the programs are that render what deploy/ holds: helm and kubectl.

A folder that tests/kube builds goes before PATH. Where a program is missing, its tests are
skipped with the reason, or fail where real programs are required.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.kube.binaries import BUILD

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm" / "muster"


def find_program(name: str) -> Path:
    """Return a program, or end the test as the environment asks."""
    asked = subprocess.run(["sh", BUILD, "--where"], capture_output=True, text=True, check=True)
    found = shutil.which(name, path=asked.stdout.strip()) or shutil.which(name)
    if found:
        return Path(found)
    reason = f"{name} is missing: install it, or run tests/kube/assets/build.sh"
    if os.environ.get("MUSTER_REQUIRE_REAL") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
