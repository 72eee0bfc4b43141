"""What Argo CD and Flux think of our resources, judged by the interpreters that they use.

Argo CD runs Lua 5.1 with the standard libraries closed, Flux evaluates CEL.
Sources: https://argo-cd.readthedocs.io/en/stable/operator-manual/health/ and
https://fluxcd.io/flux/components/kustomize/kustomizations/#health-check-expressions
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from cel_expr_python import cel
from lupa.lua51 import LuaRuntime
from tests.deploy.rendering import Object
from tests.deploy.tools import DEPLOY

from muster.kube.resources import FROM_GIT
from muster.resources.schemas import load_schema

ARGO = DEPLOY / "argocd"
SCRIPT = (ARGO / "health.lua").read_text("utf-8")
CASES = yaml.safe_load((ARGO / "health_test.yaml").read_text("utf-8"))["tests"]
EXPRESSIONS = yaml.safe_load((DEPLOY / "flux" / "health-check-exprs.yaml").read_text("utf-8"))


def name_of(case: Object) -> str:
    """Return the name of a test case."""
    return Path(case["inputPath"]).stem


def load(case: Object) -> Object:
    """Return the resource of a test case."""
    loaded: Object = yaml.safe_load((ARGO / case["inputPath"]).read_text("utf-8"))
    return loaded


def judged_by_argo(obj: Object) -> dict[str, str]:
    """Return the health that the script gives a resource; only `ipairs` and the like are open."""
    lua = LuaRuntime(unpack_returned_tuples=True)
    lua.execute("os, io, package, debug, require, dofile, loadfile, string, math, table = nil")
    lua.globals().obj = lua.table_from(obj, recursive=True)
    return dict(lua.execute(SCRIPT))


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_argo_cd_shows_the_health(case: Object) -> None:
    """The script gives each resource of testdata the health and message that it should."""
    assert judged_by_argo(load(case)) == case["healthStatus"]


def test_every_resource_of_testdata_is_judged() -> None:
    """health_test.yaml names every file of testdata, and every health but Missing and Unknown."""
    named = {ARGO / case["inputPath"] for case in CASES}
    assert named == set((ARGO / "testdata").glob("*.yaml"))
    shown = {case["healthStatus"]["status"] for case in CASES}
    assert shown == {"Healthy", "Progressing", "Degraded", "Suspended"}


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_testdata_is_of_our_kinds(case: Object) -> None:
    """The resources of testdata have only fields that the schemas know."""
    obj = load(case)
    schema = load_schema(obj["kind"])
    for part in ("spec", "status"):
        assert set(obj.get(part, {})) <= set(schema["properties"][part]["properties"])


def test_the_config_map_holds_the_script() -> None:
    """argocd-cm.yaml has health.lua word for word, under the only key that takes a wildcard."""
    config = yaml.safe_load((ARGO / "argocd-cm.yaml").read_text("utf-8"))
    assert set(config["data"]) == {"resource.customizations"}
    inner = yaml.safe_load(config["data"]["resource.customizations"])
    assert inner == {"muster.dev/*": {"health.lua": SCRIPT}}


def test_flux_knows_every_kind_that_people_write() -> None:
    """There is an entry for each kind that git holds, all of them the same."""
    assert [entry["kind"] for entry in EXPRESSIONS] == [kind.kind for kind in FROM_GIT]
    words = ("inProgress", "failed", "current")
    assert len({tuple(entry[word] for word in words) for entry in EXPRESSIONS}) == 1


FLUX = {"Healthy": "current", "Degraded": "failed", "Progressing": "inProgress"}


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_flux_agrees_with_argo_cd(case: Object) -> None:
    """Flux waits, fails and goes on where Argo CD shows Progressing, Degraded and Healthy.

    It differs in two: a resource that is not ready and not stalled is tried again, so Flux waits;
    and suspension is nothing to wait for, so the conditions count.
    """
    differing = {
        "not-ready": "inProgress",
        "suspended": "inProgress",
        "suspended-by-policy": "current",
    }
    expected = differing.get(name_of(case)) or FLUX[case["healthStatus"]["status"]]
    assert judged_by_flux(load(case)) == expected


def judged_by_flux(obj: Object) -> str:
    """Return the first expression that holds; when none does, Flux goes on waiting."""
    (entry,) = [one for one in EXPRESSIONS if one["kind"] == obj["kind"]]
    names = ("apiVersion", "kind", "metadata", "spec", "status")
    environment: Any = cel.NewEnv(variables=dict.fromkeys(names, cel.Type.DYN))
    data = {name: obj.get(name, {}) for name in names}
    for word in ("inProgress", "failed", "current"):
        if environment.compile(entry[word]).eval(data=data).value() is True:
            return word
    return "inProgress"
