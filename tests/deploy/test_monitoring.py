"""Alerts, dashboard and scraping ask for metrics that exist, with labels that they have."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import promql_parser as promql
from prometheus_client.metrics import MetricWrapperBase
from tests.deploy.rendering import EVERYTHING, NAMESPACE, Object, render, the

from muster.kube.meters import Meters
from muster.model.plans import LinkCounts
from muster.model.reasons import Reason

TARGET_LABELS = {"namespace", "job", "pod", "le"}
"""Labels that scraping adds, and that of a histogram's buckets."""


_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}


class _Leads:
    held = frozenset({0})


class _Waits:
    def depth(self) -> int:
        return 1

    def oldest_s(self) -> float:
        return 2.0


class _Usage:
    requests = retries = 3
    throttled_s = 4.0


def known_metrics() -> dict[str, set[str]]:
    """Return each series that the operator can show, with its labels."""
    meters = Meters()
    queue: Any = _Waits()
    meters.watch(queue, _Leads(), lambda: [("it-glue", _Usage())], lambda: 7.0)
    # The registry shows no labels of a metric that has no series yet, so they are read inside.
    declared = {
        metric._name: set(metric._labelnames)
        for metric in vars(meters).values()
        if isinstance(metric, MetricWrapperBase)
    }
    found: dict[str, set[str]] = {"up": set()}
    for family in meters.registry.collect():
        labels = set(declared.get(family.name, ()))
        labels.update(*(sample.labels for sample in family.samples))
        for end in _SUFFIXES.get(family.type, ("",)):
            found[family.name + end] = labels
    return found


def selectors(text: str) -> list[promql.VectorSelector]:
    """Return what an expression selects; an expression that is none raises."""
    found: list[promql.VectorSelector] = []

    def note(expr: promql.Expr) -> None:
        if isinstance(expr, promql.VectorSelector):
            found.append(expr)

    promql.walk(promql.parse(text), note)
    return found


def alerts() -> list[Object]:
    """Return the alerts of the chart."""
    (group,) = the(render(EVERYTHING), "PrometheusRule")["spec"]["groups"]
    return list(group["rules"])


def dashboard() -> Object:
    """Return the dashboard as Grafana gets it."""
    config = the(render({"dashboard": {"enabled": True}}), "ConfigMap")
    loaded: Object = json.loads(config["data"]["muster.json"])
    return loaded


def questions() -> Iterable[str]:
    """Yield every expression of alerts and dashboard, its variables filled in."""
    yield from (rule["expr"] for rule in alerts())
    for panel in dashboard()["panels"]:
        for target in panel["targets"]:
            filled = target["expr"].replace("$__rate_interval", "5m")
            yield filled.replace("$namespace", NAMESPACE).replace("$customer", ".*")


def test_every_expression_asks_for_what_the_operator_shows() -> None:
    """Each metric in alerts and dashboard exists, and has the labels that are asked for."""
    known = known_metrics()
    wrong = []
    for text in questions():
        for selector in selectors(text):
            asked = {matcher.name for matcher in selector.matchers.matchers}
            if selector.name not in known:
                wrong.append(f"no metric {selector.name}")
            elif missing := asked - known[selector.name] - TARGET_LABELS:
                wrong.append(f"{selector.name} has no {missing}")
    assert wrong == []


def test_every_alert_stays_in_its_namespace() -> None:
    """Two releases in one cluster do not raise each other's alerts."""
    for rule in alerts():
        for selector in selectors(rule["expr"]):
            matchers = {(one.name, one.value) for one in selector.matchers.matchers}
            assert ("namespace", NAMESPACE) in matchers, rule["alert"]


def test_every_alert_says_what_to_do() -> None:
    """An alert has a severity, a patience, one sentence of summary and a description."""
    names = [rule["alert"] for rule in alerts()]
    assert len(names) == len(set(names))
    for rule in alerts():
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert rule["for"]
        assert rule["annotations"]["summary"].endswith(".")
        assert len(rule["annotations"]["description"]) > 60


def test_a_shard_without_leader_is_found() -> None:
    """The alert knows how many shards there should be: a missing series is no silence."""
    (rule,) = [rule for rule in alerts() if rule["alert"] == "MusterNoLeader"]
    assert rule["expr"].endswith(f"< {EVERYTHING['shards']}")
    assert "or vector(0)" in rule["expr"]


def test_prometheus_finds_the_service() -> None:
    """The ServiceMonitor selects the Service by its labels, and a port that it has."""
    objects = render(EVERYTHING)
    monitor, service = the(objects, "ServiceMonitor")["spec"], the(objects, "Service")
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["endpoints"][0]["port"] in {port["name"] for port in service["spec"]["ports"]}


def test_the_panels_of_the_dashboard_do_not_overlap() -> None:
    """Each panel has a number and a place of its own, and stays inside the 24 columns."""
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        grid = panel["gridPos"]
        assert grid["x"] + grid["w"] <= 24
        cells = {
            (x, y)
            for x in range(grid["x"], grid["x"] + grid["w"])
            for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert taken.isdisjoint(cells), panel["title"]
        taken |= cells


def test_failed_runs_are_found_by_their_name() -> None:
    """The alert asks for the word that the operator counts failed runs under."""
    (rule,) = [rule for rule in alerts() if rule["alert"] == "MusterRunsFail"]
    assert f'result="{Reason.RUN_FAILED}"' in rule["expr"]


def test_ambiguous_matches_are_found_by_their_name() -> None:
    """Alert and dashboard ask for a state that the operator counts matches under."""
    states = {field.name for field in fields(LinkCounts)}
    asked = {
        matcher.value
        for text in questions()
        for selector in selectors(text)
        for matcher in selector.matchers.matchers
        if matcher.name == "state"
    }
    assert asked
    assert asked <= states
