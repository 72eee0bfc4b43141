"""The kustomizations build, and say the same as the chart."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from tests.deploy.rendering import Object, kustomize, of_kind, render, the
from tests.deploy.test_chart import FOREIGN, KUBERNETES
from tests.deploy.tools import DEPLOY, ROOT

KUSTOMIZE = DEPLOY / "kustomize"
BUILT = ("base", "overlays/one-namespace", "overlays/highly-available")
MONITORED = KUSTOMIZE / "kube-state-metrics" / "custom-resource-state.yaml"

SAME_AS_CHART: dict[str, Object] = {
    "overlays/one-namespace": {"webhook": {"enabled": False}},
    "overlays/highly-available": {
        "replicas": 3,
        "shards": 4,
        "webhook": {"certificate": {"source": "CertManager"}},
    },
}


@pytest.mark.parametrize("folder", BUILT)
def test_every_object_fits_kubernetes(folder: str) -> None:
    """Each object of each kustomization has the form that Kubernetes demands."""
    for item in kustomize(KUSTOMIZE / folder):
        if item["kind"] not in FOREIGN:
            kubernetes_validate.validate(item, KUBERNETES, strict=True)


@pytest.mark.parametrize("folder", SAME_AS_CHART)
def test_an_overlay_is_what_the_chart_installs(folder: str) -> None:
    """Overlay and chart give the same objects, but for the namespace and helm's labels."""
    ours = [item for item in kustomize(KUSTOMIZE / folder) if item["kind"] != "Namespace"]
    assert bare(ours) == bare(in_namespace_muster(render(SAME_AS_CHART[folder])))


def bare(objects: Iterable[Object]) -> dict[str, Object]:
    """Return everything but metadata, by kind and name."""
    return {
        f"{item['kind']}/{item['metadata']['name']}": {**item, "metadata": {}} for item in objects
    }


def in_namespace_muster(objects: Iterable[Object]) -> Iterator[Object]:
    """Yield the chart's objects as they would be in the overlays' namespace."""
    for item in objects:
        text = json.dumps(item).replace('"msp"', '"muster"').replace("muster.msp", "muster.muster")
        yield json.loads(text.replace("msp-muster", "muster-muster"))


def test_the_namespace_refuses_pods_with_more_rights() -> None:
    """The overlay's namespace enforces the restricted Pod Security Standard."""
    labels = the(kustomize(KUSTOMIZE / BUILT[1]), "Namespace")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_crds_can_be_applied_alone() -> None:
    """`kubectl apply -k deploy/crds` and `-f deploy/crds` bring the same CRDs."""
    built = of_kind(kustomize(DEPLOY / "crds"), "CustomResourceDefinition")
    files = [yaml.safe_load(path.read_text("utf-8")) for path in (DEPLOY / "crds").glob("*.yaml")]
    assert len(built) == len(files)
    assert {crd["metadata"]["name"] for crd in built} == {crd["metadata"]["name"] for crd in files}


def monitored() -> list[tuple[str, Object]]:
    """Return kind and metric of everything that kube-state-metrics shows."""
    config = yaml.safe_load(MONITORED.read_text("utf-8"))
    return [
        (resource["groupVersionKind"]["kind"], metric)
        for resource in config["spec"]["resources"]
        for metric in resource["metrics"]
    ]


def schema_of(kind: str) -> Object:
    """Return the schema of a kind as the CRD has it."""
    crds = (yaml.safe_load(path.read_text("utf-8")) for path in (DEPLOY / "crds").glob("*.yaml"))
    (crd,) = [crd for crd in crds if crd["spec"]["names"]["kind"] == kind]
    schema: Object = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


@pytest.mark.parametrize(
    ("kind", "metric"),
    monitored(),
    ids=lambda value: value if isinstance(value, str) else value["name"],
)
def test_kube_state_metrics_reads_fields_that_exist(kind: str, metric: Object) -> None:
    """Each path of the configuration is a field of the CRD, and a number, a boolean or a list."""
    gauge = metric["each"]["gauge"]
    field = schema_of(kind)
    for step in gauge["path"]:
        field = field["properties"][step]
    if "valueFrom" in gauge:
        below = field["items"]["properties"]
        paths = [gauge["valueFrom"], *gauge["labelsFromPath"].values()]
        assert [path for path in paths if path[0] not in below] == []
    else:
        assert field["type"] in {"integer", "boolean"}


def test_nothing_stands_twice() -> None:
    """A metric's name is unique for each kind."""
    names = [(kind, metric["name"]) for kind, metric in monitored()]
    assert len(names) == len(set(names))


def test_the_folders_are_all_tested() -> None:
    """Every kustomization under deploy/ is built by a test."""
    found = {path.parent for path in KUSTOMIZE.rglob("kustomization.yaml")}
    found |= {path.parent for path in DEPLOY.rglob("Kustomization")}
    known: set[Path] = {KUSTOMIZE / folder for folder in BUILT}
    known |= {KUSTOMIZE / "components" / "webhook", DEPLOY / "crds"}
    assert found == known, ROOT
