"""The `PasswordDirectory` port for cloud users of Entra.

An application cannot check a password: the only flow that could, with the user's own name and
password, needs a public client and fails where a second factor is asked for
(https://learn.microsoft.com/entra/identity-platform/v2-oauth-ropc). So what is known of a
password that was set is its date.
"""

from __future__ import annotations

from muster.adapters.entra import passwords
from muster.adapters.entra.graph import Graph
from muster.adapters.json_values import moment_or_none
from muster.errors import Unavailable
from muster.model.names import AccountId
from muster.model.passwords import PasswordPolicy, PasswordState, Proof
from muster.model.secret import Secret

_RULES = PasswordPolicy(min_length=8, complexity=True, history=1, lockout_threshold=10)
"""What holds for every cloud user; a tenant can only ban more words. Source:
https://learn.microsoft.com/entra/identity/authentication/concept-sspr-policy and
https://learn.microsoft.com/entra/identity/authentication/howto-password-smart-lockout"""

_STATE = "id,accountEnabled,lastPasswordChangeDateTime"


class EntraPasswords:
    """Passwords of one tenant's cloud users; threads may share an instance."""

    proves_by = Proof.CHANGE_DATE

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def read_policy(self, account: AccountId) -> PasswordPolicy:
        """Return the rules of every cloud user; raises NotFound."""
        passwords.require(self._graph, account, "id")
        return _RULES

    def read_password_state(self, account: AccountId) -> PasswordState:
        """Return how a password stands; its date lags behind by some seconds."""
        record = passwords.require(self._graph, account, _STATE)
        return PasswordState(
            changed_at=moment_or_none(record.get("lastPasswordChangeDateTime")),
            enabled=record.get("accountEnabled") is not False,
        )

    def set_password(
        self,
        account: AccountId,
        password: Secret,
        *,
        must_change: bool,
        unlock: bool,  # noqa: ARG002 - Entra ends its lock-outs by itself
    ) -> None:
        """Set a cloud user's password.

        Raises:
            PasswordRefused: the policy or a banned word.
            Rejected: the user is synchronized; nothing was sent.
            NotFound, AccessDenied: nothing was changed.
            RemoteError: with `maybe_applied` when it was sent and not answered.
        """
        passwords.set_password(self._graph, account, password, must_change=must_change)

    def prove(self, account: AccountId, password: Secret) -> bool:  # noqa: ARG002
        """Raise Unavailable: an application cannot check a password."""
        raise Unavailable("Entra does not let an application check a password.")
