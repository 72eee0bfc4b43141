"""A real Kubernetes control plane for tests: etcd and kube-apiserver on loopback, RBAC on.

Starts, stops and kills the two by the processes it started, and speaks to them as any user.
Who may do what is left to the RBAC objects that a test applies.

There is no controller manager, scheduler or kubelet. So a deleted namespace stays Terminating (take
a fresh one from `create_namespace`), owner references delete nothing, a namespace gets no default
ServiceAccount, and Deployments and Jobs are stored but never run.
"""

from __future__ import annotations

import json
import os
import secrets
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx
import trustme
from tests.kube import audit
from tests.kube.binaries import Binaries
from tests.kube.processes import Processes, free_ports

ADMIN = "admin"
SERVICE_ACCOUNT = "system:serviceaccount:"
"""How a service account's user name begins; its namespace, a colon and its name follow."""

_ADDRESS = "127.0.0.1"


class Cluster:
    """One control plane in a folder of its own; a context manager, ready when it is entered."""

    def __init__(self, folder: Path, binaries: Binaries) -> None:
        self.folder = folder
        self.binaries = binaries
        self._token = secrets.token_urlsafe(24)
        self._groups: dict[str, tuple[str, ...]] = {}
        self._processes = Processes(folder)
        self._etcd_port, self._peer_port, self._port = free_ports(_ADDRESS, 3)
        self._open = ExitStack()

    @property
    def url(self) -> str:
        """Where the API server is; the same after a restart."""
        return f"https://{_ADDRESS}:{self._port}"

    @property
    def ca(self) -> Path:
        """The PEM file of the authority that signed the API server's certificate."""
        return self.folder / "ca.pem"

    @property
    def audit_log(self) -> Path:
        """One JSON event for each answered request, at level Metadata."""
        return self.folder / "audit.log"

    @property
    def processes(self) -> tuple[subprocess.Popen[bytes], ...]:
        """What runs now: etcd, then the API server unless it was stopped."""
        return self._processes.running

    def tls(self) -> ssl.SSLContext:
        """Return what a client trusts the API server by."""
        return ssl.create_default_context(cafile=self.ca)

    def __enter__(self) -> Self:
        self._prepare()
        self._client = self._open.enter_context(self.open_client())
        try:
            self._start_etcd()
            self.start_api()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._processes.end("kube-apiserver")
        self._processes.end("etcd")
        self._open.close()

    def start_api(self) -> None:
        """Start the API server and wait until it is ready; the port and the data stay the same."""
        self._processes.start(
            "kube-apiserver",
            (self.binaries.kube_apiserver, *self._api_flags()),
            lambda: self.api("GET", "/readyz").is_success,
        )

    def stop_api(self) -> None:
        """Stop the API server in order; it ends the watches first."""
        self._processes.end("kube-apiserver")

    def kill_api(self) -> None:
        """Kill the API server in the middle of what it does, as a crash would."""
        self._processes.kill("kube-apiserver")

    def create_user(self, name: str, groups: tuple[str, ...] = ()) -> None:
        """Let a user be named in `api`, `kubectl`, `helm` and `kubeconfig`; RBAC binds it.

        The administrator impersonates it: the API server authorises every request as that user
        alone, with no right of the administrator's left.
        Source: https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/
        """
        self._groups[name] = groups

    def service_account_token(self, namespace: str, name: str) -> str:
        """Return a token of one hour for a service account that exists."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        token: str = self.api("POST", path, json=body).raise_for_status().json()["status"]["token"]
        return token

    def create_namespace(self, prefix: str = "test") -> str:
        """Make a namespace that no other test uses, and return its name."""
        name = f"{prefix}-{secrets.token_hex(4)}"
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        self.api("POST", "/api/v1/namespaces", json=body).raise_for_status()
        return name

    def api(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        user: str = ADMIN,
        params: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> httpx.Response:
        """Send one request and return the answer, whatever its status code.

        A PATCH needs its own content type, such as `application/merge-patch+json`.
        """
        headers = [("Content-Type", content_type), *self._credentials(user)]
        return self._client.request(method, path, json=json, params=params, headers=headers)

    def open_client(self, user: str | None = None, *, token: str | None = None) -> httpx.Client:
        """Return a client for streams and foreign tokens; without either it is nobody's."""
        headers = [] if user is None else list(self._credentials(user))
        if token is not None:
            headers = [("Authorization", f"Bearer {token}")]
        return httpx.Client(
            base_url=self.url, verify=self.tls(), headers=headers, timeout=30, trust_env=False
        )

    def kubeconfig(self, user: str = ADMIN) -> Path:
        """Write the kubeconfig of a user and return where it lies.

        The user is `admin`, one that `create_user` knows, or a service account by its user name,
        `system:serviceaccount:NAMESPACE:NAME`, which gets a fresh token.
        """
        cluster = {"server": self.url, "certificate-authority": str(self.ca)}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": user, "user": self._kubeconfig_user(user)}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
            "current-context": "test",
        }
        path = self.folder / f"kubeconfig-{user.replace(':', '-')}"
        _write_private(path, json.dumps(content))  # JSON is YAML
        return path

    def kubectl(
        self, *args: str, input: str | None = None, user: str = ADMIN, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl as a user.

        Raises:
            RuntimeError: it failed and `check` is true; holds what it wrote to stderr.
        """
        return self._run(self.binaries.kubectl, args, input=input, user=user, check=check)

    def helm(
        self, *args: str, input: str | None = None, user: str = ADMIN, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run helm as a user, as `kubectl` does; ask `binaries.helm` first whether there is one."""
        if self.binaries.helm is None:
            raise RuntimeError("no helm was found: run tests/kube/assets/build.sh")
        return self._run(self.binaries.helm, args, input=input, user=user, check=check)

    def logs(self, name: str = "kube-apiserver") -> str:
        """Return what `kube-apiserver` or `etcd` has written so far."""
        return self._processes.log(name)

    def requests(self, user: str) -> Iterator[audit.Request]:
        """Yield what the API server answered to a user, oldest first."""
        return audit.read(self.audit_log, user)

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        serving = authority.issue_cert(_ADDRESS, "localhost")
        chain = b"".join(pem.bytes() for pem in serving.cert_chain_pems)
        self.ca.write_bytes(authority.cert_pem.bytes())
        (self.folder / "serving.pem").write_bytes(chain)
        _write_private(self.folder / "serving.key", serving.private_key_pem.bytes().decode())
        signing = authority.issue_cert("service-accounts.test")
        _write_private(self.folder / "signing.key", signing.private_key_pem.bytes().decode())
        _write_private(
            self.folder / "tokens.csv", f'{self._token},{ADMIN},{ADMIN},"system:masters"\n'
        )
        (self.folder / "audit-policy.yaml").write_text(json.dumps(audit.POLICY))

    def _start_etcd(self) -> None:
        client, peer = (f"http://{_ADDRESS}:{p}" for p in (self._etcd_port, self._peer_port))
        flags = (
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
        )
        health = f"{client}/health"
        self._processes.start(
            "etcd", (self.binaries.etcd, *flags), lambda: self._client.get(health).is_success
        )

    def _api_flags(self) -> tuple[str, ...]:
        return (
            f"--etcd-servers=http://{_ADDRESS}:{self._etcd_port}",
            f"--bind-address={_ADDRESS}",
            f"--advertise-address={_ADDRESS}",
            f"--secure-port={self._port}",
            f"--cert-dir={self.folder / 'certificates'}",
            f"--tls-cert-file={self.folder / 'serving.pem'}",
            f"--tls-private-key-file={self.folder / 'serving.key'}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.folder / 'signing.key'}",
            f"--service-account-signing-key-file={self.folder / 'signing.key'}",
            "--service-cluster-ip-range=10.0.0.0/24",
            # Both wait for controllers that are not here.
            "--disable-admission-plugins=ServiceAccount",
            "--endpoint-reconciler-type=none",
            # Without it a stop waits for watches that nobody ends.
            "--shutdown-watch-termination-grace-period=2s",
            f"--audit-policy-file={self.folder / 'audit-policy.yaml'}",
            f"--audit-log-path={self.audit_log}",
        )

    def _credentials(self, user: str) -> Iterator[tuple[str, str]]:
        for key, value in self._kubeconfig_user(user).items():
            match key:
                case "token":
                    yield "Authorization", f"Bearer {value}"
                case "as":
                    yield "Impersonate-User", value
                case _:
                    yield from (("Impersonate-Group", group) for group in value)

    def _kubeconfig_user(self, user: str) -> dict[str, Any]:
        if user == ADMIN:
            return {"token": self._token}
        if user.startswith(SERVICE_ACCOUNT):
            namespace, name = user.removeprefix(SERVICE_ACCOUNT).split(":")
            return {"token": self.service_account_token(namespace, name)}
        if user not in self._groups:
            raise KeyError(f"no user {user!r}: call create_user first")
        return {"token": self._token, "as": user, "as-groups": list(self._groups[user])}

    def _run(
        self, program: Path, args: tuple[str, ...], *, input: str | None, user: str, check: bool
    ) -> subprocess.CompletedProcess[str]:
        # HOME keeps the caches of both in the folder; nothing of the caller's settings is read.
        home = {"HOME": str(self.folder), "KUBECONFIG": str(self.kubeconfig(user))}
        done = subprocess.run(
            [program, *args],
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            env={"PATH": os.environ["PATH"], **home},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if check and done.returncode:
            said = f"{program.name} {' '.join(args)} failed: {done.stderr}"
            raise RuntimeError(said)
        return done


def _write_private(path: Path, content: str) -> None:
    path.touch(mode=0o600)
    path.write_text(content)
