"""The programs are found where people put them, and their absence says what to do."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.kube.binaries import BUILD, NEEDED, Binaries, BinariesMissing, find

PROGRAMS = (*NEEDED, "helm")


def fill(folder: Path, names: Iterable[str] = PROGRAMS) -> Binaries:
    """Put empty programs into a folder, and return what `find` should say of it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch(mode=0o755)
    return Binaries(
        kube_apiserver=folder / "kube-apiserver",
        etcd=folder / "etcd",
        kubectl=folder / "kubectl",
        helm=folder / "helm",
    )


def build(*args: str) -> subprocess.CompletedProcess[str]:
    """Run the build script in the environment as it is."""
    return subprocess.run(
        ["/bin/sh", BUILD, *args], capture_output=True, text=True, check=False, timeout=30
    )


@pytest.fixture(autouse=True)
def empty_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is in the cache folder, nothing is named, and PATH holds only basic tools."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "awk", "date", "dirname", "mkdir", "mktemp", "mv", "rm"):
        (tools / name).symlink_to(shutil.which(name) or pytest.fail(f"no {name} on PATH"))
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MUSTER_KUBE_ASSETS", raising=False)
    monkeypatch.delenv("MUSTER_KUBE_BUILD", raising=False)


def test_named_folder_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MUSTER_KUBE_ASSETS is taken, whatever else there is."""
    fill(Path(build("--where").stdout.strip()))
    expected = fill(tmp_path / "named")
    monkeypatch.setenv("MUSTER_KUBE_ASSETS", str(tmp_path / "named"))
    assert find() == expected


def test_cache_folder_comes_before_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without MUSTER_KUBE_ASSETS the cache folder of the pinned versions is taken."""
    fill(tmp_path / "tools")
    expected = fill(Path(build("--where").stdout.strip()))
    assert find() == expected


def test_path_comes_last(tmp_path: Path) -> None:
    """Programs on PATH are taken where the cache folder has none."""
    expected = fill(tmp_path / "tools")
    assert find() == expected


def test_helm_may_be_absent(tmp_path: Path) -> None:
    """A control plane without helm is a control plane."""
    fill(tmp_path / "tools", NEEDED)
    assert find().helm is None


@pytest.mark.parametrize("absent", NEEDED)
def test_named_folder_must_be_whole(
    absent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A named folder that lacks a program is refused, not filled up from elsewhere."""
    fill(tmp_path / "tools")
    fill(tmp_path / "named", set(NEEDED) - {absent})
    monkeypatch.setenv("MUSTER_KUBE_ASSETS", str(tmp_path / "named"))
    with pytest.raises(BinariesMissing, match=rf"^no {absent} in MUSTER_KUBE_ASSETS="):
        find()


def test_absence_says_how_to_get_them() -> None:
    """Where nothing is found, the reason names the script and both settings."""
    with pytest.raises(BinariesMissing, match=r"^no kube-apiserver, etcd, kubectl in") as refusal:
        find()
    for way in ("tests/kube/assets/build.sh", "MUSTER_KUBE_BUILD=1", "MUSTER_KUBE_ASSETS"):
        assert way in str(refusal.value)


def test_build_without_go_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no go command, a build that was asked for says so and leaves nothing."""
    monkeypatch.setenv("MUSTER_KUBE_BUILD", "1")
    with pytest.raises(BinariesMissing, match="needs the go command"):
        find()
    assert not Path(build("--where").stdout.strip()).exists()


def test_second_build_builds_nothing(tmp_path: Path) -> None:
    """A folder that is whole is left as it is, without go and without the network."""
    fill(tmp_path / "whole")
    done = build(str(tmp_path / "whole"))
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "whole").iterdir()) == sorted(PROGRAMS)
    assert [path.stat().st_size for path in (tmp_path / "whole").iterdir()] == [0, 0, 0, 0]


def pins() -> dict[str, str]:
    """Return the version of every module that go.mod pins."""
    lines = (BUILD.parent / "go.mod").read_text().splitlines()
    words = [line.split() for line in lines if line.startswith("\t")]
    return {word[0]: word[1] for word in words if len(word) > 1}


def test_cache_folder_is_named_by_the_pinned_versions() -> None:
    """Whoever raises a version in go.mod gets a new folder, not the old programs."""
    kubernetes, etcd, helm = (
        pins()[module].removeprefix("v")
        for module in ("k8s.io/kubernetes", "go.etcd.io/etcd/server/v3", "helm.sh/helm/v4")
    )
    expected = f"kubernetes-{kubernetes}-etcd-{etcd}-helm-{helm}"
    assert Path(build("--where").stdout.strip()).name == expected


def test_all_modules_of_kubernetes_are_of_one_release() -> None:
    """The modules that Kubernetes v1.N.P is cut into are pinned at v0.N.P, none left behind."""
    expected = pins()["k8s.io/kubernetes"].replace("v1.", "v0.")
    parts = {
        module: version
        for module, version in pins().items()
        if module.startswith("k8s.io/") and re.fullmatch(r"v0\.[1-9]\d*\.\d+", version)
    }
    assert len(parts) > 20
    assert set(parts.values()) == {expected}, parts
