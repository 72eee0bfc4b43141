"""What commands about passwords and the digest read of a cluster, and the resets they write out.

In a cluster the operator alone sets passwords. A command writes the resource that asks for one,
and the cluster's own rights say who may create it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

from muster.cli.guessing import guess
from muster.cli.output import say
from muster.errors import SpecError

if TYPE_CHECKING:
    from muster.kube.api import KubeApi
    from muster.model.accounts import AccountRecord
    from muster.model.names import CustomerName
    from muster.rotations import PasswordOrder

Namespace = Annotated[
    str,
    typer.Option(
        "--namespace",
        "-n",
        metavar="NAMESPACE",
        help="Of a cluster, with your kubeconfig, instead of a state file.",
        show_default=False,
    ),
]


@contextmanager
def open_cluster() -> Iterator[KubeApi]:
    """Yield a connection as the user of the kubeconfig; it is closed afterwards."""
    from muster.cli.operating import need_operator_libraries

    need_operator_libraries()
    from muster.kube.api import KubeApi

    api = KubeApi()
    try:
        yield api
    finally:
        api.close()


def customers_in(api: KubeApi, namespace: str) -> list[CustomerName]:
    """Return the names of a namespace's customers."""
    from muster.kube.resources import CUSTOMER
    from muster.model.names import CustomerName

    found = api.list(CUSTOMER, namespace)
    return sorted(CustomerName(one["metadata"]["name"]) for one in found)


def records_in(api: KubeApi, namespace: str, customer: str) -> list[AccountRecord]:
    """Return the live accounts of a customer; raises SpecError where there is no such customer."""
    from muster.model.names import CustomerName

    names = customers_in(api, namespace)
    if customer not in names:
        raise SpecError(
            (f'There is no customer "{customer}" in {namespace}. {guess(customer, names)}',)
        )
    return live_records(api, namespace, CustomerName(customer))


def live_records(api: KubeApi, namespace: str, customer: CustomerName) -> list[AccountRecord]:
    """Return the live accounts of a customer that is known to be there."""
    from muster.kube.known import read_known

    return [one for one in read_known(api, namespace, customer).records if one.live]


def write_resets(records: list[AccountRecord], order: PasswordOrder, namespace: str) -> None:
    """Print a PasswordReset for each account, and say how they are created."""
    sys.stdout.write(yaml.safe_dump_all([_reset(one, order) for one in records], sort_keys=False))
    say(
        "Nothing is set yet: in a cluster the operator sets passwords. Create what was printed, "
        f"such as with: | kubectl create -n {namespace} -f -"
    )


def _reset(record: AccountRecord, order: PasswordOrder) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "accountRef": {"name": record.name},
        "generate": {"kind": str(order.generator.kind)},
        "reason": order.reason,
    }
    spec |= {"mustChange": True} if order.must_change else {}
    spec |= {"unlock": True} if order.unlock else {}
    return {
        "apiVersion": "muster.dev/v1alpha1",
        "kind": "PasswordReset",
        "metadata": {"generateName": f"{record.name}-"},
        "spec": spec,
    }
