"""For `kopf run -m muster.kube.kopf_run --standalone -n NAMESPACE`, instead of `muster operator`.

Takes MUSTER_NAMESPACE, POD_NAME, MUSTER_SHARDS, MUSTER_HTTP_PORT and MUSTER_LOG_FORMAT (json or
text) from the environment. Logs are ours whatever `kopf run --log-format` says: kopf's own would
show the text of exceptions, which may hold anything.
"""

from __future__ import annotations

import os
import socket
from typing import Any

import kopf

from muster.kube.api import KubeApi
from muster.kube.logs import LogFormat, set_up_logging
from muster.kube.operator import Operator, OperatorOptions
from muster.kube.tracing import set_up_tracing

# kopf has set its own up before it loads this module.
set_up_logging(LogFormat(os.environ.get("MUSTER_LOG_FORMAT", LogFormat.JSON)))
set_up_tracing()

_operator = Operator(
    OperatorOptions(
        namespace=os.environ.get("MUSTER_NAMESPACE", "muster"),
        identity=os.environ.get("POD_NAME") or f"{socket.gethostname()}-{os.getpid()}",
        shards=int(os.environ.get("MUSTER_SHARDS", "1")),
        http_port=int(os.environ.get("MUSTER_HTTP_PORT", "8080")),
    ),
    KubeApi(),
    KubeApi(patience_s=2.0, timeout_s=3.0),
)
_operator.register(kopf.get_default_registry())


@kopf.on.startup()
def begin(settings: kopf.OperatorSettings, **_: Any) -> None:
    """Start everything beside kopf's watch."""
    _operator.configure(settings)
    _operator.start()


@kopf.on.cleanup()
def end(**_: Any) -> None:
    """Finish what is under way."""
    _operator.stop()
