"""What a cluster holds of a customer, for a command that runs beside the operator and reads."""

from __future__ import annotations

from muster.kube.api import KubeApi
from muster.kube.journal import Journals
from muster.kube.registry import CUSTOMER_LABEL, read_record
from muster.kube.resources import ACCOUNT, CUSTOMER
from muster.kube.status_writer import as_reported
from muster.model.accounts import Known
from muster.model.names import CustomerName


def read_known(api: KubeApi, namespace: str, customer: CustomerName) -> Known:
    """Return the accounts, the journal of passwords and the last status of a customer.

    Raises:
        StateError: somebody else has written them.
        RemoteError: the API server did not answer, or refused.
    """
    items = api.list(ACCOUNT, namespace, f"{CUSTOMER_LABEL}={customer}")
    journal = Journals(api, namespace).read(customer)
    head = api.read(CUSTOMER, namespace, customer) or {}
    return Known(
        records=tuple(read_record(item) for item in items if "status" in item),
        jobs=tuple(journal.jobs.values()),
        job_ends=tuple(journal.job_ends.values()),
        status=as_reported(head.get("status") or {}),
    )
