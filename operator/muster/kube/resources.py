"""The kinds the operator reads and writes, and where their API lives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of the Kubernetes API."""

    group: str
    version: str
    plural: str
    kind: str

    @property
    def api_version(self) -> str:
        """`group/version`, or the version alone in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        """Return the URL path of a collection, an object or its subresource."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"
        parts = [root, "namespaces", namespace, self.plural, name, subresource]
        return "/".join(part for part in parts if part)


GROUP = "muster.dev"
VERSION = "v1alpha1"


def _ours(plural: str, kind: str) -> Kind:
    return Kind(group=GROUP, version=VERSION, plural=plural, kind=kind)


CUSTOMER = _ours("customers", "Customer")
INTEGRATION = _ours("integrations", "Integration")
POLICY = _ours("automaticimportpolicies", "AutomaticImportPolicy")
OVERRIDE = _ours("accountoverrides", "AccountOverride")
ACCOUNT = _ours("accounts", "Account")

FROM_GIT = (CUSTOMER, INTEGRATION, POLICY, OVERRIDE)
"""The kinds that people write; Muster writes nothing of them but their status."""

PASSWORD_RESET = _ours("passwordresets", "PasswordReset")

FROM_PEOPLE = (*FROM_GIT, PASSWORD_RESET)
"""Those, and what people ask for once."""

SECRET = Kind(group="", version="v1", plural="secrets", kind="Secret")
LEASE = Kind(group="coordination.k8s.io", version="v1", plural="leases", kind="Lease")
EVENT = Kind(group="events.k8s.io", version="v1", plural="events", kind="Event")
