"""Spans: one for each run, with a child for each request, and nothing of a person."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from muster.kube.tracing import set_up_tracing, span


@pytest.fixture(scope="module")
def exporter() -> Iterator[InMemorySpanExporter]:
    """Collect the spans of this process; a provider can be set only once."""
    collected = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(collected))
    trace.set_tracer_provider(provider)
    yield collected
    provider.shutdown()


def test_a_run_is_a_span_with_its_customer(exporter: InMemorySpanExporter) -> None:
    """The span names the customer, and a failure leaves no text of the exception."""
    with pytest.raises(ValueError, match="joan"), span("reconcile", customer="contoso"):
        raise ValueError("joan@contoso.example")
    (finished,) = exporter.get_finished_spans()
    assert finished.name == "reconcile"
    assert dict(finished.attributes or {}) == {"muster.customer": "contoso"}
    assert "joan" not in finished.to_json()


def test_nothing_is_sent_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an endpoint in the environment no exporter is made."""
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    assert set_up_tracing() is False
