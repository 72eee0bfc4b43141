"""`muster operator`: puts the parts together and gives kopf the main thread.

kopf watches, logs in and serves admission; its handlers only hand on what they see. Every kind
is listed once before the first worker starts, because acting on half of the resources would
release accounts; and again every ten minutes, because a watch can die without a word.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import kopf

from muster.adapters.clock import utc_now
from muster.assembly import SEALING_KEYS, Assembly
from muster.errors import RemoteError
from muster.garbage import collect_rarely
from muster.kube.admission import find_refusals
from muster.kube.api import KubeApi, find_login
from muster.kube.audit_sinks import open_trails
from muster.kube.controller import Controller, Parts
from muster.kube.digests import DigestDesk, SecretMarks
from muster.kube.edits import EditOptions, Edits
from muster.kube.endpoints import Endpoints
from muster.kube.entry_store import VAULT_LABEL, KubeEntryStore
from muster.kube.events import EventRecorder
from muster.kube.guarded_registry import GuardedRegistry
from muster.kube.leases import LeaseOptions, ShardLeases
from muster.kube.meters import Meters
from muster.kube.registry import CUSTOMER_LABEL, KubeRegistry
from muster.kube.resources import ACCOUNT, FROM_GIT, FROM_PEOPLE, SECRET, Kind
from muster.kube.secret_watch import SecretWatch
from muster.kube.secrets import KubeSecrets
from muster.kube.shards import shard_of
from muster.kube.status_writer import StatusWriter
from muster.kube.store import Store
from muster.kube.work_queue import WorkQueue
from muster.kube.write_guard import WriteGuard
from muster.model.connections import SecretRef, VaultBackend
from muster.model.names import CustomerName
from muster.transport.options import HttpOptions
from muster.webhook.notices import Notices

logger = logging.getLogger("muster.operator")

RELIST_EVERY_S = 600.0
_STUCK_S = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorOptions:
    """How the operator runs."""

    namespace: str
    identity: str
    shards: int = 1
    workers: int = 4
    http_port: int = 8080
    webhook_port: int = 9443
    webhook_certificates: Path | None = None
    """A directory with tls.crt and tls.key; None: no webhook."""
    edits: EditOptions | None = None
    """How IT Glue's webhook is listened to; None: it is not."""
    audit_directory: Path | None = None
    """Where a file of this replica is kept too; None: the audit is on standard output only."""
    sealing: SecretRef = SEALING_KEYS
    """The secret with the keys that seal passwords while they are set."""
    lease_duration_s: float = 15.0
    relist_every_s: float = RELIST_EVERY_S


class Operator:
    """One replica of the operator."""

    def __init__(self, options: OperatorOptions, api: KubeApi, lease_api: KubeApi) -> None:
        self._options = options
        self._api = api
        self._store = Store()
        self._secrets = SecretWatch()
        self._queue = WorkQueue()
        self._meters = Meters()
        self._leases = self._shard_leases(lease_api)
        guard = WriteGuard(self._leases)
        writer = StatusWriter(api, options.namespace, self._store)
        records = KubeRegistry(api, options.namespace, self._store, writer)
        registry = GuardedRegistry(records, guard)
        self._kube_secrets = secrets = KubeSecrets(api, options.namespace)
        stores = {
            VaultBackend.KUBERNETES_SECRETS: partial(KubeEntryStore, api, options.namespace),
        }
        self._assembly = Assembly(
            secrets,
            registry,
            utc_now,
            HttpOptions(before_write=guard),
            entry_stores=stores,
            trail_of=open_trails(self._store, options.identity, options.audit_directory),
        )
        self._edits = Edits(self._store, self._queue, self._leases.holds, Notices())
        self._assembly.sealing = options.sealing
        self.controller: Controller = Controller(
            Parts(
                store=self._store,
                queue=self._queue,
                writer=writer,
                events=EventRecorder(api, options.namespace, options.identity),
                assembly=self._assembly,
                leases=self._leases,
                guard=guard,
                meters=self._meters,
                edits=self._edits,
                digests=self._digest_desk(writer),
            ),
            options.workers,
        )
        self._ended = threading.Event()
        self._listed_at = 0.0
        self._meters.watch(self._queue, self._leases, self._assembly.usage, self._listed_age_s)
        checks = {"/healthz": self.health, "/readyz": self.readiness}
        self._endpoints = Endpoints(options.http_port, checks, self._meters.text)

    def _shard_leases(self, lease_api: KubeApi) -> ShardLeases:
        options = self._options
        return ShardLeases(
            lease_api,
            options.namespace,
            shards=options.shards,
            identity=options.identity,
            options=LeaseOptions(
                duration_s=options.lease_duration_s,
                renew_every_s=options.lease_duration_s / 3,
                on_change=self._shards_changed,
                is_idle=self._is_idle,
            ),
        )

    def _digest_desk(self, writer: StatusWriter) -> DigestDesk:
        """Return what sends digests. It reads through registries of its own, one per customer.

        The one of the runs holds what a run began with, which a second reader would replace.
        """
        api, namespace = self._api, self._options.namespace
        return DigestDesk(
            SecretMarks(api, namespace),
            lambda name: KubeRegistry(api, namespace, self._store, writer).load(name),
            self._assembly.mailer,
        )

    def run(self, stop: threading.Event | None = None) -> None:
        """Run until SIGTERM, Ctrl-C or `stop`; end with every begun change finished."""
        registry = kopf.OperatorRegistry()
        self.register(registry)
        self.start()
        settings = kopf.OperatorSettings()
        self.configure(settings)
        try:
            kopf.run(
                registry=registry,
                settings=settings,
                standalone=True,
                # Else kopf asks for the user's name, and a container's user id has none.
                identity=self._options.identity,  # type: ignore[arg-type]
                namespaces=[self._options.namespace],
                stop_flag=stop,
            )
        finally:
            self.stop()

    def start(self) -> None:
        """List every kind, and begin; kopf's watch follows."""
        options = self._options
        collect_rarely()
        self._endpoints.start()
        self.relist()
        self._leases.start()
        self.controller.start()
        if options.edits is not None:
            port = self._edits.listen(options.edits, self._kube_secrets.read)
            logger.info("Listening for IT Glue's webhook on port %d.", port)
        threading.Thread(target=self._keep_relisting, name="relist", daemon=True).start()
        logger.info("Reconciling namespace %s as %s.", options.namespace, options.identity)

    def stop(self) -> None:
        """Finish what is under way, let the leases go, and end."""
        self._ended.set()
        self._edits.stop()
        self.controller.stop()
        self._leases.stop(release=True)
        self._assembly.close()
        self._endpoints.stop()
        logger.info("Ended; everything that was done is recorded.")

    def _shards_changed(self, held: frozenset[int]) -> None:
        self.controller.shards_changed(held)

    def _relist_secrets(self) -> None:
        """Take up changed Secrets; without them the rest goes on, and each run reads its own."""
        try:
            # The native vault's entries may be many, and no resource refers to them.
            listed = self._api.list(SECRET, self._options.namespace, f"!{VAULT_LABEL}")
            changed = self._secrets.take_up(listed)
        except RemoteError as error:
            logger.warning("Secrets cannot be listed: %s", error)
            return
        if self._listed_at:
            self.controller.secrets_changed(changed)

    def _is_idle(self, shard: int) -> bool:
        running = self._queue.list_running()
        return all(shard_of(name, self._options.shards) != shard for name in running)

    def relist(self) -> int:
        """List every kind and take up what the watch has not told; return the differences."""
        differences = 0
        for kind in FROM_PEOPLE:
            moment = self._store.moment
            items = list(self._api.list(kind, self._options.namespace))
            differences += self._store.replace_all(kind.kind, items, moment)
        self._relist_secrets()
        self._listed_at = time.monotonic()
        return differences

    def _listed_age_s(self) -> float:
        return time.monotonic() - self._listed_at if self._listed_at else 0.0

    def _keep_relisting(self) -> None:
        while not self._ended.wait(self._options.relist_every_s):
            try:
                missed = self.relist()
            except RemoteError as error:
                logger.warning("Listing failed: %s", error)
                continue
            self._meters.missed(missed)
            if missed:
                logger.warning("The watch had missed %d changes; they are taken up now.", missed)
                self.controller.resources_changed()

    def configure(self, settings: kopf.OperatorSettings) -> None:
        """Set kopf up; each line has its reason in docs/explanation/operator.md."""
        settings.scanning.disabled = True
        settings.peering.standalone = True
        settings.posting.enabled = False
        settings.watching.server_timeout = 300
        settings.watching.client_timeout = 330
        settings.watching.connect_timeout = 10
        settings.watching.chunk_size = 500
        settings.queueing.worker_limit = 100
        settings.queueing.idle_timeout = 1
        settings.networking.error_backoffs = (1, 2, 5, 10, 20, 30, 60, 60, 60, 60, 60, 60)
        settings.process.ultimate_exiting_timeout = 20
        certificates = self._options.webhook_certificates
        if certificates is not None:
            settings.admission.server = kopf.WebhookServer(
                port=self._options.webhook_port,
                certfile=certificates / "tls.crt",
                pkeyfile=certificates / "tls.key",
            )

    # ------------------------------------------------------------ health

    def health(self) -> str:
        """Return why the process should be restarted; empty when it should not."""
        if not self.controller.alive():
            return "a worker or the planner is dead"
        if self._queue.longest_run_s() > _STUCK_S:
            return "a run has been stuck for half an hour"
        if time.monotonic() - self._listed_at > 3 * self._options.relist_every_s:
            return "resources have not been listed for long"
        if not self._leases.healthy(10 * self._options.lease_duration_s):
            return "the leases have not been renewed for long"
        return ""

    def readiness(self) -> str:
        """Return why the replica is not ready; empty when it is."""
        return self.health() if self._listed_at else "the resources are not listed yet"

    # ------------------------------------------------------------ what kopf sees

    def register(self, registry: kopf.OperatorRegistry) -> None:
        """Put our handlers into a registry of kopf's."""

        @kopf.on.login(registry=registry)
        def log_in(**_: Any) -> kopf.ConnectionInfo:
            return find_login()

        for kind in FROM_PEOPLE:
            self._watch(registry, kind)
        self._watch_secrets(registry)
        if self._options.webhook_certificates is not None:
            for kind in FROM_GIT:
                self._admit(registry, kind)

    def _watch(self, registry: kopf.OperatorRegistry, kind: Kind) -> None:
        @kopf.on.event(kind.group, kind.version, kind.plural, registry=registry, id=kind.plural)
        async def seen(event: kopf.RawEvent, name: str | None, **_: Any) -> None:
            raw: Any = event["object"]
            if event["type"] == "DELETED":
                self.controller.deleted(kind, str(name))
            else:
                self.controller.changed({**raw, "kind": kind.kind, "apiVersion": kind.api_version})

    def _watch_secrets(self, registry: kopf.OperatorRegistry) -> None:
        @kopf.on.event(SECRET.version, SECRET.plural, registry=registry, id="secrets")
        async def seen(event: kopf.RawEvent, name: str | None, **_: Any) -> None:
            if event["type"] == "DELETED":
                self._secrets.remove(str(name))
                return
            raw: Any = event["object"]
            self.controller.secrets_changed(self._secrets.take_up([raw]))

    def _admit(self, registry: kopf.OperatorRegistry, kind: Kind) -> None:
        @kopf.on.validate(kind.group, kind.version, kind.plural, registry=registry, id=kind.plural)
        def check(body: kopf.Body, **request: Any) -> None:
            if request["operation"] not in ("CREATE", "UPDATE"):
                return
            raw: Mapping[str, Any] = {**body, "kind": kind.kind, "apiVersion": kind.api_version}
            refusals = find_refusals(
                raw, self._store.parsed(), self._store.view(), self._list_accounts
            )
            if refusals:
                raise kopf.AdmissionError(" ".join(refusals), code=422)

    def _list_accounts(self, customer: CustomerName) -> Iterator[dict[str, Any]]:
        selector = f"{CUSTOMER_LABEL}={customer}"
        return self._api.list(ACCOUNT, self._options.namespace, selector)
