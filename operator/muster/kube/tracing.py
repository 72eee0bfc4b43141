"""OpenTelemetry, where it is installed and asked for: a span for each run of a customer.

`pip install 'muster[otel]'` and OTEL_EXPORTER_OTLP_ENDPOINT switch it on; requests to vendors
become child spans. Span attributes hold the customer's name and the outcome, nothing of a person:
neither a query, because HaloPSA is asked for addresses in it, nor a header's value, which is a key.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

logger = logging.getLogger("muster.tracing")

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_REDACTED = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS"
_URLS = ("http.url", "url.full")
"""Where a span has its request's URL, by the older and the newer semantic conventions."""


def set_up_tracing() -> bool:
    """Send spans where the environment says; return whether any are sent."""
    if not os.environ.get(_ENDPOINT):
        return False
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as missing:
        logger.warning("%s is set, but %s is not installed: muster[otel]", _ENDPOINT, missing.name)
        return False
    provider = TracerProvider(resource=Resource.create({"service.name": "muster"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    trace_requests(HTTPXClientInstrumentor(), provider)
    return True


def trace_requests(instrumentor: Any, provider: Any) -> None:
    """Make a span of each request, without its query; of headers only the names are kept."""
    os.environ[_REDACTED] = ".*"
    instrumentor.instrument(tracer_provider=provider, request_hook=_leave_out_query)


def _leave_out_query(request_span: Any, _: Any) -> None:
    shown = getattr(request_span, "attributes", None) or {}
    for name in _URLS:
        if name in shown:
            request_span.set_attribute(name, shown[name].partition("?")[0])


@contextmanager
def span(name: str, **attributes: str) -> Iterator[None]:
    """Cover what happens inside with a span; do nothing where tracing is not installed."""
    try:
        from opentelemetry import trace
    except ModuleNotFoundError:
        yield
        return
    tracer = trace.get_tracer("muster")
    with tracer.start_as_current_span(
        name, record_exception=False, set_status_on_exception=False
    ) as current:
        for key, value in attributes.items():
            current.set_attribute(f"muster.{key}", value)
        try:
            yield
        except Exception as error:
            # An exception's text may name a person, so only its type is kept.
            current.set_status(trace.StatusCode.ERROR, type(error).__name__)
            raise
