"""The `EntraDirectory` port: which part of Graph serves which method.

Reads decide nothing: ids, names and dates are translated, and who is selected is the core's.
"""

from __future__ import annotations

from dataclasses import replace

from muster.adapters.clock import utc_now
from muster.adapters.entra import doctor
from muster.adapters.entra.changes import WORTHWHILE_PAGES, UserReader
from muster.adapters.entra.clouds import addresses_of
from muster.adapters.entra.credentials import Credential, read_credential
from muster.adapters.entra.graph import Graph
from muster.adapters.entra.groups import read_groups
from muster.adapters.entra.login_http import Application
from muster.adapters.entra.password_directory import EntraPasswords
from muster.adapters.entra.roles import read_roles
from muster.adapters.entra.signin import SignIn
from muster.adapters.entra.tenant import read_tenant
from muster.adapters.entra.token_proof import TokenProof
from muster.adapters.entra.users import look_up, require_shown, user_of
from muster.model.connections import Entra
from muster.model.entra import EntraQuestion, EntraSnapshot
from muster.model.names import AccountId
from muster.model.passwords import Proof
from muster.ports import Check, Clock, Secrets
from muster.transport.budget import Usage
from muster.transport.options import HttpOptions


def open_entra(
    settings: Entra, secrets: Secrets, options: HttpOptions | None = None
) -> EntraAdapter:
    """Return the adapter of a tenant; nothing is sent yet.

    Raises:
        SpecError: a secret is missing or cannot be used.
    """
    ca_pem = secrets.read(settings.ca).reveal() if settings.ca else None
    return EntraAdapter(
        settings,
        read_credential(settings, secrets),
        replace(options or HttpOptions(), ca_pem=ca_pem),
    )


class EntraAdapter:
    """One tenant; safe to use from many threads, and made to be kept: it holds its token."""

    def __init__(
        self,
        settings: Entra,
        credential: Credential,
        options: HttpOptions | None = None,
        *,
        clock: Clock = utc_now,
        worthwhile_pages: int = WORTHWHILE_PAGES,
    ) -> None:
        options = options or HttpOptions()
        application = Application(
            tenant_id=settings.tenant_id,
            client_id=settings.client_id,
            addresses=addresses_of(settings),
            credential=credential,
        )
        self._settings = settings
        self._options = options
        self._clock = clock
        self._signin = SignIn(application, options, clock)
        self._graph = Graph(self._signin, options)
        self.users = UserReader(self._graph, clock, worthwhile_pages)
        """Holds the cursor of changes."""

    def read(self, question: EntraQuestion, known: frozenset[AccountId]) -> EntraSnapshot:
        """Read every user, and the groups and roles that the question names.

        Whoever is known, a member or a holder and was not listed is looked up: lists lag
        behind (https://learn.microsoft.com/graph/aad-advanced-queries).

        Raises:
            AccessDenied: credential, consent or a permission; a person must act.
            Unavailable, RateLimited: nothing of what was read is used.
            Unexpected: an answer that is not Graph's, or of another tenant.
        """
        try:
            return self._read(question, known)
        finally:
            self._graph.rest()

    def _read(self, question: EntraQuestion, known: frozenset[AccountId]) -> EntraSnapshot:
        tenant = read_tenant(self._graph, self._signin.application.tenant_id)
        users = self.users.read()
        permissions = self._signin.permissions()
        groups = read_groups(
            self._graph, question.groups, nested=question.nested, permissions=permissions
        )
        roles = read_roles(self._graph, question)
        named = {user for group in groups for user in group.users}
        named |= {user for role in roles for user in role.users}
        users |= look_up(self._graph, (known | named) - users.keys())
        require_shown(users.values())
        return EntraSnapshot(
            tenant=tenant,
            users=tuple(user_of(record) for record in users.values()),
            groups=groups,
            roles=roles,
        )

    def check(self, *, sets_passwords: bool = False) -> tuple[Check, ...]:
        """Try sign-in, consent and each permission; raises nothing."""
        try:
            return doctor.check(
                self._signin,
                self._graph,
                self._clock,
                sets_passwords=sets_passwords,
                proof=self._settings.password_proof,
            )
        finally:
            self._graph.rest()

    @property
    def passwords(self) -> EntraPasswords:
        """The passwords of the tenant's cloud users, as the protocol of passwords needs them."""
        asks = self._settings.password_proof is Proof.TOKEN_REQUEST
        proof = TokenProof(self._signin.application, self._options) if asks else None
        return EntraPasswords(self._graph, cloud=self._settings.cloud, proof=proof)

    @property
    def usage(self) -> Usage:
        """Requests, retries and waiting time until now; a batch is one request."""
        return self._graph.usage

    def close(self) -> None:
        """Close the connections."""
        self._graph.close()
        self._signin.close()
