"""Spans of every request, in a run with passwords, headers and bodies full of secrets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.leaks.conftest import CUSTOMER, WHY, MakeJourney

from muster.kube.tracing import trace_requests

CAPTURE = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST"


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """Collect the spans of every request, with every header, as somebody may ask for."""
    monkeypatch.setenv(CAPTURE, ".*")
    monkeypatch.setenv(CAPTURE.replace("CLIENT_REQUEST", "SANITIZE_FIELDS"), "")
    collected = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(collected))
    instrumentor = HTTPXClientInstrumentor()
    trace_requests(instrumentor, provider)
    yield collected
    instrumentor.uninstrument()
    provider.shutdown()


def test_no_span_holds_a_secret(exporter: InMemorySpanExporter, make_journey: MakeJourney) -> None:
    """Whatever of a request a span tells, keys, tokens and passwords are not in it."""
    journey = make_journey("hybrid-hudu-autotask")
    journey.ok("apply")
    journey("rotate", CUSTOMER, "--all", *WHY)
    spans = exporter.get_finished_spans()
    assert len(spans) > 10
    assert any("http.request.header" in str(one.to_json()) for one in spans)
    for one in spans:
        journey.search.add("spans", one.to_json())
    assert journey.leaks() == []
