"""Spans: one for each run, with a child for each request, and nothing of a person."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from muster.kube.tracing import set_up_tracing, span, trace_requests

SANITIZED = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS"


@pytest.fixture(scope="module")
def provider() -> Iterator[TracerProvider]:
    """Make the provider of this process; it can be set only once."""
    provider = TracerProvider()
    trace.set_tracer_provider(provider)
    yield provider
    provider.shutdown()


@pytest.fixture
def exporter(provider: TracerProvider) -> InMemorySpanExporter:
    """Collect the spans of a test."""
    collected = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(collected))
    return collected


@pytest.fixture
def traced(provider: TracerProvider, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make a span of each request, as long as a test lasts."""
    monkeypatch.setenv(SANITIZED, "")
    instrumentor = HTTPXClientInstrumentor()
    trace_requests(instrumentor, provider)
    yield
    instrumentor.uninstrument()


def test_a_run_is_a_span_with_its_customer(exporter: InMemorySpanExporter) -> None:
    """The span names the customer, and a failure leaves no text of the exception."""
    with pytest.raises(ValueError, match="joan"), span("reconcile", customer="contoso"):
        raise ValueError("joan@contoso.example")
    (finished,) = exporter.get_finished_spans()
    assert finished.name == "reconcile"
    assert dict(finished.attributes or {}) == {"muster.customer": "contoso"}
    assert "joan" not in finished.to_json()


def test_a_request_is_a_span_without_its_query(
    exporter: InMemorySpanExporter, traced: None
) -> None:
    """People are looked for by their addresses there; the path tells what was asked for."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        where = f"http://127.0.0.1:{nobody.getsockname()[1]}/api/Users"
        with pytest.raises(httpx.ConnectError):
            httpx.get(where, params={"search": "joan@contoso.example"}, trust_env=False)
    (finished,) = exporter.get_finished_spans()
    assert where in (finished.attributes or {}).values()
    assert "joan" not in finished.to_json()


def test_nothing_is_sent_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an endpoint in the environment no exporter is made."""
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    assert set_up_tracing() is False
