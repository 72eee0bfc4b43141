"""Renders the chart and the kustomizations as a user would, and picks objects from the result."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from tests.deploy.tools import CHART, find_program

Object = dict[str, Any]

RELEASE = "muster"
NAMESPACE = "msp"

EVERYTHING: Object = {
    "replicas": 3,
    "shards": 2,
    "commonLabels": {"team": "identity"},
    "image": {"digest": "sha256:" + "0" * 64, "pullSecrets": [{"name": "images"}]},
    "rbac": {"aggregateToView": True, "aggregateToEdit": True},
    "serviceAccount": {"annotations": {"example.com/role": "muster"}},
    "podAnnotations": {"example.com/note": "yes"},
    "podLabels": {"zone": "inner"},
    "priorityClassName": "system-cluster-critical",
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "gpu", "operator": "Exists"}]}]
            }
        }
    },
    "extraArgs": ["--log-format=text"],
    "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
    "extraVolumes": [{"name": "authorities", "configMap": {"name": "authorities"}}],
    "extraVolumeMounts": [{"name": "authorities", "mountPath": "/etc/authorities"}],
    "service": {"annotations": {"example.com/scrape": "yes"}},
    "networkPolicy": {
        "metricsFrom": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
        "extraEgress": [{"ports": [{"port": 8443, "protocol": "TCP"}]}],
    },
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
    "dashboard": {"enabled": True, "annotations": {"grafana_folder": "MSP"}},
    "receiver": {
        "enabled": True,
        "secretName": "receiver-tls",
        "from": [{"ipBlock": {"cidr": "203.0.113.0/24"}}],
    },
    "audit": {"existingClaim": "muster-audit"},
    "extraObjects": [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "{{ .Release.Name }}-extra"},
            "data": {"key": "value"},
        }
    ],
}
"""Values that switch on what is off, and set what is empty."""


def render(values: Object | None = None, *, release: str = RELEASE) -> tuple[Object, ...]:
    """Return the objects of the chart."""
    return _render(json.dumps(values or {}, sort_keys=True), release)


def refusal(values: Object) -> str:
    """Return what helm says against some values; empty when it takes them."""
    done = _template(json.dumps(values), RELEASE)
    return done.stderr if done.returncode else ""


def kustomize(folder: Path) -> tuple[Object, ...]:
    """Return the objects of a kustomization, in order."""
    program = find_program("kubectl")
    done = subprocess.run(
        [program, "kustomize", folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return _documents(done.stdout)


def of_kind(objects: Iterable[Object], kind: str) -> list[Object]:
    """Return the objects of one kind."""
    return [item for item in objects if item["kind"] == kind]


def the(objects: Iterable[Object], kind: str) -> Object:
    """Return the only object of a kind."""
    (found,) = of_kind(objects, kind)
    return found


@cache
def _render(values: str, release: str) -> tuple[Object, ...]:
    done = _template(values, release)
    assert done.returncode == 0, done.stderr
    return _documents(done.stdout)


def _template(values: str, release: str) -> subprocess.CompletedProcess[str]:
    words = ("template", release, CHART, "--namespace", NAMESPACE, "--values", "-")
    program = find_program("helm")
    return subprocess.run(
        [program, *words], input=values, capture_output=True, text=True, check=False
    )


def _documents(text: str) -> tuple[Object, ...]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return tuple(item for item in yaml.load_all(text, Loader=loader) if item)
