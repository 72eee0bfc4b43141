"""The operator with options that the command line does not offer, such as short leases."""

from __future__ import annotations

import json
import sys

from muster.kube.api import KubeApi
from muster.kube.logs import LogFormat, set_up_logging
from muster.kube.operator import Operator, OperatorOptions

LEASE_PATIENCE_S = 1.0


def main() -> None:
    """Run until SIGTERM with the `OperatorOptions` that the one argument holds as JSON."""
    set_up_logging(LogFormat.TEXT)
    options = OperatorOptions(**json.loads(sys.argv[1]))
    Operator(options, KubeApi(), KubeApi(patience_s=LEASE_PATIENCE_S)).run()


if __name__ == "__main__":
    main()
