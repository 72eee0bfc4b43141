"""Where the programs of a Kubernetes control plane are found, and what to do when they are not.

Decides only where to look: `MUSTER_KUBE_ASSETS` when it is set, else the cache folder that
`assets/build.sh` fills, then PATH. Building is that script's work; `cluster.py` runs what is found.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

BUILD = Path(__file__).parent / "assets" / "build.sh"
NEEDED = ("kube-apiserver", "etcd", "kubectl")
"""The layout of envtest: https://book.kubebuilder.io/reference/envtest"""

_HOW = (
    "run tests/kube/assets/build.sh (Go 1.21 or newer, about fifteen minutes once), "
    "set MUSTER_KUBE_BUILD=1 to have the tests run it, "
    "or set MUSTER_KUBE_ASSETS to a folder that holds kube-apiserver, etcd and kubectl"
)


class BinariesMissing(Exception):
    """A program of the control plane is not there; the message says which and how to get it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """The programs of one control plane."""

    kube_apiserver: Path
    etcd: Path
    kubectl: Path
    helm: Path | None
    """None where no helm was found: charts are then checked without it."""


def find() -> Binaries:
    """Return the programs; build them first when `MUSTER_KUBE_BUILD` is 1.

    Raises:
        BinariesMissing: one of `NEEDED` is nowhere, and was not to be built.
    """
    named = os.environ.get("MUSTER_KUBE_ASSETS")
    folder = Path(named) if named else _cache_folder()
    if os.environ.get("MUSTER_KUBE_BUILD") == "1" and not named:
        _build(folder)
    found = {name: _locate(name, folder, on_path=not named) for name in NEEDED}
    absent = [name for name, path in found.items() if path is None]
    if absent:
        place = f"MUSTER_KUBE_ASSETS={named}" if named else "its cache folder and PATH"
        raise BinariesMissing(f"no {', '.join(absent)} in {place}: {_HOW}")
    server, etcd, kubectl = (path for path in found.values() if path is not None)
    helm = _locate("helm", folder) or _locate("helm", _cache_folder())
    return Binaries(kube_apiserver=server, etcd=etcd, kubectl=kubectl, helm=helm)


def _cache_folder() -> Path:
    where = subprocess.run(["sh", BUILD, "--where"], capture_output=True, text=True, check=True)
    return Path(where.stdout.strip())


def _build(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Test processes that start together build once; the others wait here.
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        done = subprocess.run(["sh", BUILD], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BinariesMissing(f"the build failed: {done.stderr[-2000:]}")


def _locate(name: str, folder: Path, *, on_path: bool = True) -> Path | None:
    within = shutil.which(name, path=str(folder))
    found = within or (shutil.which(name) if on_path else None)
    return Path(found).absolute() if found else None
