"""The example repositories hold together: what one file names, another one has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from tests.deploy.rendering import Object
from tests.deploy.test_health import EXPRESSIONS
from tests.deploy.test_values import SCHEMA
from tests.deploy.tools import CHART, ROOT

from muster.cli.main import app
from muster.cli.shell import run

ARGO = ROOT / "examples" / "gitops-argocd"
FLUX = ROOT / "examples" / "gitops-flux"
CHART_PATH = CHART.relative_to(ROOT).as_posix()


def documents(folder: Path) -> list[Object]:
    """Return every object of a folder's YAML files."""
    return [
        document
        for file in sorted(folder.rglob("*.yaml"))
        if not file.name.startswith(".")
        for document in yaml.safe_load_all(file.read_text("utf-8"))
    ]


def secrets_named(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield name and key of every secret reference."""
    if isinstance(value, dict):
        if key.endswith("Ref") and "key" in value:
            yield value["name"], value["key"]
        for name, below in value.items():
            yield from secrets_named(below, name)
    elif isinstance(value, list):
        for below in value:
            yield from secrets_named(below)


def named(objects: list[Object], name: str) -> Object:
    """Return the object of a name."""
    (found,) = [item for item in objects if item["metadata"]["name"] == name]
    return found


@pytest.mark.parametrize("example", [ARGO, FLUX], ids=lambda path: path.name)
def test_the_estate_is_sound(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`muster validate`, as the README says it, finds nothing."""
    assert run(app, ["validate", str(example / "estate")]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("example", [ARGO, FLUX], ids=lambda path: path.name)
def test_no_secret_is_in_git(example: Path) -> None:
    """The examples hold no Secret, only what says where one is."""
    assert [item for item in documents(example) if item["kind"] == "Secret"] == []


def test_argo_cd_applies_what_is_there() -> None:
    """Each Application names a folder of the example, or the chart with values that it takes."""
    applications = documents(ARGO / "argocd")
    paths = {item["spec"]["source"]["path"] for item in applications}
    assert paths == {CHART_PATH, "secrets", "estate"}
    chart = named(applications, "muster")["spec"]["source"]
    jsonschema.validate(chart["helm"]["valuesObject"], SCHEMA)
    assert {item["spec"]["destination"]["namespace"] for item in applications} == {"muster"}


def test_argo_cd_needs_no_exception() -> None:
    """No Application ignores a difference; the one with the CRDs neither prunes nor cascades."""
    applications = documents(ARGO / "argocd")
    assert [item for item in applications if "ignoreDifferences" in item["spec"]] == []
    operator = named(applications, "muster")
    assert "finalizers" not in operator["metadata"]
    assert "prune" not in operator["spec"]["syncPolicy"]["automated"]


def test_argo_cd_does_not_make_a_certificate_each_time() -> None:
    """The webhook's certificate is not generated: Argo CD cannot look for the one before."""
    values = named(documents(ARGO / "argocd"), "muster")["spec"]["source"]["helm"]["valuesObject"]
    assert values["webhook"]["certificate"]["source"] == "CertManager"


def test_every_credential_is_provided() -> None:
    """Each secret reference of the Argo CD estate has an ExternalSecret with that key."""
    provided = {
        (item["metadata"]["name"], entry["secretKey"])
        for item in documents(ARGO / "secrets")
        for entry in item["spec"]["data"]
    }
    assert set(secrets_named(documents(ARGO / "estate"))) == provided


def test_the_flux_example_names_its_credentials() -> None:
    """The README lists every Secret and key that the Flux estate asks for."""
    text = (FLUX / "README.md").read_text("utf-8")
    for name, key in secrets_named(documents(FLUX / "estate")):
        assert f"`{name}`" in text
        assert f"`{key}`" in text


def test_flux_applies_what_is_there() -> None:
    """Each Kustomization names a folder, a source and predecessors that exist."""
    objects = documents(FLUX / "flux")
    sources = {item["metadata"]["name"] for item in objects if item["kind"] == "GitRepository"}
    kustomizations = {
        item["metadata"]["name"]: item["spec"]
        for item in objects
        if item["kind"] == "Kustomization"
    }
    for spec in kustomizations.values():
        assert (FLUX / spec["path"]).is_dir()
        assert spec["sourceRef"]["name"] in sources
        assert {one["name"] for one in spec.get("dependsOn", [])} <= set(kustomizations)


def test_flux_installs_the_chart() -> None:
    """The HelmRelease names the chart's folder and gives values that it takes."""
    release = named(documents(FLUX / "operator")[:1], "muster")
    spec = release["spec"]
    assert spec["chart"]["spec"]["chart"] == CHART_PATH
    jsonschema.validate(spec["values"], SCHEMA)


def test_flux_waits_by_the_tested_expressions() -> None:
    """The example's healthCheckExprs are those of deploy/flux, which have tests of their own."""
    spec = named(documents(FLUX / "flux"), "muster-estate")["spec"]
    assert spec["wait"] is True
    assert spec["healthCheckExprs"] == EXPRESSIONS
