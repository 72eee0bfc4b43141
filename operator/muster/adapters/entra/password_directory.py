"""The `PasswordDirectory` port for cloud users of Entra.

What is known of a password that was set is its date, unless the customer lets Muster ask for a
token with it (`passwordProof: TokenRequest`).
"""

from __future__ import annotations

from dataclasses import replace

from muster.adapters.entra import passwords
from muster.adapters.entra.graph import Graph
from muster.adapters.entra.token_proof import TokenProof
from muster.adapters.json_values import moment_or_none
from muster.errors import Untold
from muster.model.connections import Cloud
from muster.model.names import AccountId
from muster.model.passwords import PasswordPolicy, PasswordState, Proof
from muster.model.secret import Secret

_RULES = PasswordPolicy(min_length=8, complexity=True, history=1)
"""What holds for every cloud user; a tenant can only ban more words.
Source: https://learn.microsoft.com/entra/identity/authentication/concept-sspr-policy"""

_THRESHOLDS = {Cloud.GLOBAL: 10, Cloud.US_GOVERNMENT: 3, Cloud.CHINA: 10}
"""After how many wrong sign-ins smart lockout begins, where a tenant did not set it. The same
wrong password counts once, and Muster tries one for a job. Source:
https://learn.microsoft.com/entra/identity/authentication/howto-password-smart-lockout"""

_STATE = "id,accountEnabled,lastPasswordChangeDateTime"


class EntraPasswords:
    """Passwords of one tenant's cloud users; threads may share an instance."""

    def __init__(
        self, graph: Graph, *, cloud: Cloud = Cloud.GLOBAL, proof: TokenProof | None = None
    ) -> None:
        self._graph = graph
        self._policy = replace(_RULES, lockout_threshold=_THRESHOLDS[cloud])
        self._proof = proof

    @property
    def proves_by(self) -> Proof:
        """What the customer allows; where Entra leaves it open, the date decides all the same."""
        return Proof.TOKEN_REQUEST if self._proof else Proof.CHANGE_DATE

    def read_policy(self, account: AccountId) -> PasswordPolicy:
        """Return the rules of every cloud user; raises NotFound."""
        passwords.require(self._graph, account, "id")
        return self._policy

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
        """Set a cloud user's password; not sent again where the first request may have worked.

        Raises:
            PasswordRefused: the policy or a banned word.
            Rejected: the user is synchronized; nothing was sent.
            NotFound, AccessDenied: nothing was changed.
            RemoteError: with `maybe_applied` when it was sent and not answered.
        """
        passwords.set_password(self._graph, account, password, must_change=must_change)

    def prove(self, account: AccountId, password: Secret) -> bool:
        """Say whether this is the live password; a wrong one counts towards lockout.

        Raises:
            Untold: the customer does not allow it, or Entra left it open.
            NotFound: there is no such user.
            RemoteError: nobody said; `maybe_applied` when the attempt may have been counted.
        """
        if self._proof is None:
            raise Untold(
                "Muster may not check a password in this tenant (passwordProof: ChangeDate)."
            )
        # A name may have changed since the account was imported; the id has not.
        record = passwords.require(self._graph, account, "id,userPrincipalName")
        return self._proof.ask(account, str(record.get("userPrincipalName") or ""), password)
