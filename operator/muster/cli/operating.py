"""`muster operator` and `muster reconcile`: the same engine in a Kubernetes cluster."""

from __future__ import annotations

import os
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from muster.cli import options
from muster.cli.exit_codes import ExitCode
from muster.cli.listening import ReceiverPort
from muster.cli.output import complain, say
from muster.errors import MusterError

if TYPE_CHECKING:
    from muster.kube.api import KubeApi

_LOOK_EVERY_S = 0.5

_LEASE_PATIENCE_S = 2.0
"""One thread renews all leases, so a slow answer must not keep it from the next."""

_LEASE_TIMEOUT_S = 3.0

Namespace = Annotated[
    str,
    typer.Option("--namespace", "-n", envvar="MUSTER_NAMESPACE", help="The namespace."),
]

BehindIngress = Annotated[
    Path | None,
    typer.Option(
        help="Directory with tls.crt and tls.key for IT Glue's webhook; plain HTTP, for an "
        "ingress that ends TLS, when left out."
    ),
]
AuditDirectory = Annotated[
    Path | None,
    typer.Option(
        help="Keep the audit in a file of this directory too; on standard output it always is."
    ),
]


def operator(
    namespace: Namespace = "muster",
    shards: Annotated[int, typer.Option(min=1, help="Parts that replicas share.")] = 1,
    workers: Annotated[int, typer.Option(min=1, help="Customers at once.")] = 4,
    http_port: Annotated[int, typer.Option(help="For /healthz, /readyz and /metrics.")] = 8080,
    webhook_port: Annotated[int, typer.Option(help="For the admission webhook.")] = 9443,
    webhook_certificates: Annotated[
        Path | None,
        typer.Option(help="Directory with tls.crt and tls.key; no webhook when left out."),
    ] = None,
    receiver_port: ReceiverPort = 0,
    receiver_certificates: BehindIngress = None,
    audit_directory: AuditDirectory = None,
    log_format: Annotated[str, typer.Option(help="json or text.")] = "json",
    identity: Annotated[
        str, typer.Option(envvar="POD_NAME", help="This replica's name; unique.")
    ] = "",
) -> int:
    """Reconcile the customers of one namespace of a Kubernetes cluster.

    \b
    muster operator --namespace muster
    """
    need_operator_libraries()
    from muster.cli.session import sealing_ref
    from muster.kube.api import KubeApi
    from muster.kube.edits import EditOptions
    from muster.kube.logs import LogFormat, set_up_logging
    from muster.kube.operator import Operator, OperatorOptions
    from muster.kube.tracing import set_up_tracing

    set_up_logging(LogFormat(log_format))
    set_up_tracing()
    edits = EditOptions(port=receiver_port, certificates=receiver_certificates)
    chosen = OperatorOptions(
        namespace=namespace,
        identity=identity or f"{socket.gethostname()}-{os.getpid()}",
        shards=shards,
        workers=workers,
        http_port=http_port,
        webhook_port=webhook_port,
        webhook_certificates=webhook_certificates,
        edits=edits if receiver_port else None,
        audit_directory=audit_directory,
        sealing=sealing_ref(),
    )
    Operator(
        chosen, KubeApi(), KubeApi(patience_s=_LEASE_PATIENCE_S, timeout_s=_LEASE_TIMEOUT_S)
    ).run()
    return ExitCode.OK


def reconcile(
    customer: options.CustomerArgument,
    namespace: Namespace = "muster",
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the run has ended.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait at most.")] = 300.0,
) -> int:
    """Ask the operator to reconcile a customer now.

    \b
    muster reconcile contoso --wait
    """
    need_operator_libraries()
    from muster.kube.api import KubeApi
    from muster.kube.resources import CUSTOMER
    from muster.kube.status_writer import RECONCILE_ANNOTATION

    api = KubeApi()
    now = datetime.now(UTC).isoformat()
    change = {"metadata": {"annotations": {RECONCILE_ANNOTATION: now}}}
    if api.merge(CUSTOMER, namespace, customer, change) is None:
        raise MusterError(f'There is no Customer "{customer}" in {namespace}.')
    if not wait:
        say(f"Asked for {customer}; see: kubectl get customer {customer} -n {namespace}")
        return ExitCode.OK
    return _wait(api, namespace, customer, now, time.monotonic() + timeout)


def _wait(api: KubeApi, namespace: str, customer: str, asked: str, until: float) -> int:
    from muster.kube.resources import CUSTOMER

    while time.monotonic() < until:
        found: Any = api.read(CUSTOMER, namespace, customer) or {}
        status = found.get("status") or {}
        if status.get("handledReconcileAt") == asked:
            ready = next(one for one in status["conditions"] if one["type"] == "Ready")
            say(f"{customer}: {ready['reason']}: {ready['message']}")
            return ExitCode.OK if ready["status"] == "True" else ExitCode.ERROR
        time.sleep(_LOOK_EVERY_S)
    complain(f"{customer} was not reconciled in time. Is the operator running?")
    return ExitCode.ERROR


def need_operator_libraries() -> None:
    """Raise MusterError, with what to install, where the cluster's libraries are missing."""
    try:
        import kopf  # noqa: F401 - only to see whether it is there
    except ModuleNotFoundError as missing:
        raise MusterError(
            f"The operator needs {missing.name}, which is not installed. "
            "Install it with: pip install 'muster[operator]'"
        ) from missing
