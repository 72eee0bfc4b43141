"""kubectl reads YAML as the command line does, or stops where the command line stops.

What the values mean is judged in test_crds; here it is about the text alone.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.kube.cluster import Cluster
from tests.kube.verdicts import (
    CORPUS,
    KUBECTL_CANNOT_READ,
    KUBECTL_TAKES,
    read_by_kubectl,
    resources,
    texts,
)

from muster.resources.crds import FACES

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kube")]

CRDS = CORPUS.parents[1] / "deploy" / "crds"


@pytest.fixture(scope="module")
def judging(cluster: Cluster) -> str:
    """Give a namespace beside the CRDs; nothing is ever stored in it."""
    cluster.kubectl("apply", "--server-side", "-f", str(CRDS))
    names = [f"crd/{face.plural}.muster.dev" for face in FACES.values()]
    cluster.kubectl("wait", "--for=condition=Established", *names, "--timeout=60s")
    return cluster.create_namespace("texts")


@pytest.mark.parametrize("text", texts(), ids=lambda text: text.stem)
def test_kubectl_refuses_the_texts_that_mislead(cluster: Cluster, judging: str, text: Path) -> None:
    """A text that `muster validate` refuses for its YAML is refused on the way to a cluster too.

    Those that are not have a reason: there `muster validate` is the stricter one.
    """
    words = ("create", "-n", judging, "--dry-run=server", "--validate=strict", "-f", str(text))
    done = cluster.kubectl(*words, check=False)
    assert (done.returncode == 0) == (text.stem in KUBECTL_TAKES), done.stdout + done.stderr


@pytest.mark.parametrize("file", sorted(CORPUS.glob("good/*.yaml")), ids=lambda file: file.stem)
@pytest.mark.usefixtures("judging")
def test_kubectl_reads_the_same_values(cluster: Cluster, file: Path) -> None:
    """Anchors, merge keys, quotes and folded text mean to kubectl what they mean to Muster."""
    if file.stem in KUBECTL_CANNOT_READ:
        with pytest.raises(RuntimeError, match="failed: error: "):
            read_by_kubectl(cluster, file)
        return
    theirs = [one["spec"] for one in read_by_kubectl(cluster, file)]
    assert theirs == [one["spec"] for one in resources(file)]


def test_every_exception_is_still_one() -> None:
    """An exception whose file has gone is removed from the list."""
    assert set(KUBECTL_CANNOT_READ) <= {file.stem for file in CORPUS.glob("good/*.yaml")}
    assert set(KUBECTL_TAKES) <= {text.stem for text in texts()}
