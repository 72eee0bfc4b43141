"""What "the passwords of a directory" means: Active Directory, simulated and real, passes this.

Every test makes users of its own, so that one directory serves them all.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Protocol

import pytest

from muster.errors import AccessDenied, NotFound, PasswordRefused, StateError, Unavailable
from muster.model.names import AccountId
from muster.model.passwords import Proof
from muster.model.secret import Secret
from muster.ports import PasswordDirectory

BORN = "Born-With-Th1s-one"
NEW, NEWER = Secret("Quite-Another-0ne"), Secret("And-The-Next-0ne")
NOBODY = AccountId("00000000-0000-4000-8000-000000000000")
THRESHOLD = 5

_numbers = count(1)


class House(Protocol):
    """A domain that tests may change."""

    def passwords(self, before_write: Callable[[], None] | None = None) -> PasswordDirectory:
        """Return the adapter, signed in as an account that may reset passwords."""
        ...

    def powerless(self) -> PasswordDirectory:
        """Return the adapter, signed in as an account that may only read."""
        ...

    def add_user(self, sam: str, password: str) -> AccountId:
        """Add an enabled user."""
        ...

    def disable(self, account: AccountId) -> None:
        """Disable a user."""
        ...

    def expire(self, account: AccountId) -> None:
        """Let a user's account expire."""
        ...

    def deny_own_change(self, account: AccountId) -> None:
        """Set `User cannot change password`."""
        ...

    def set_threshold(self, threshold: int) -> None:
        """Set the domain's lockout threshold."""
        ...

    def add_fine_policy(self, account: AccountId, name: str, min_length: int) -> None:
        """Add a fine-grained policy for one user: 4 attempts, 12 in the history."""
        ...


class PasswordContract:
    """The tests; subclass it with a `house` fixture."""

    @pytest.fixture
    def directory(self, house: House) -> PasswordDirectory:
        """Return the adapter with rights."""
        return house.passwords()

    @pytest.fixture
    def user(self, house: House) -> AccountId:
        """Return a new user."""
        return house.add_user(f"pw{next(_numbers)}", BORN)

    def test_a_reset_is_live_at_once(self, directory: PasswordDirectory, user: AccountId) -> None:
        """The new password signs in, the one before the last does not, and the date moves.

        The former one may still be accepted for an hour.
        """
        before = directory.read_password_state(user)
        directory.set_password(user, NEW, must_change=False, unlock=False)
        after = directory.read_password_state(user)
        assert directory.proves_by is Proof.BIND
        assert directory.prove(user, NEW)
        directory.set_password(user, NEWER, must_change=False, unlock=False)
        assert not directory.prove(user, Secret(BORN))
        assert before.changed_at
        assert after.changed_at
        assert after.changed_at > before.changed_at
        assert not after.must_change
        assert after.enabled

    def test_the_same_password_may_be_set_again(
        self, directory: PasswordDirectory, user: AccountId
    ) -> None:
        """A reset is not bound by history or age, so a lost answer is settled by repeating it."""
        for password in (NEW, NEW, Secret(BORN), NEW):
            directory.set_password(user, password, must_change=False, unlock=False)
        assert directory.prove(user, NEW)

    @pytest.mark.parametrize(
        "text",
        ['Quotes "in" the-middle-1', "Ümläute-ß-и-林-7", " Blanks-around-1 ", "x" * 60 + "A1"],
    )
    def test_any_character_travels(
        self, directory: PasswordDirectory, user: AccountId, text: str
    ) -> None:
        """What was set is what signs in, in every script."""
        directory.set_password(user, Secret(text), must_change=False, unlock=False)
        assert directory.prove(user, Secret(text))

    @pytest.mark.parametrize("weak", ["Sh0rt", "onlylowerletters", ""])
    def test_a_weak_password_is_refused_and_changes_nothing(
        self, directory: PasswordDirectory, user: AccountId, weak: str
    ) -> None:
        """1.28 no. 21: the error carries the code and what to do, and the old one stays live."""
        before = directory.read_password_state(user)
        with pytest.raises(PasswordRefused, match="Choose") as caught:
            directory.set_password(user, Secret(weak), must_change=True, unlock=True)
        asked = "The domain's policy asks for at least 7 characters and three kinds"
        assert (asked in str(caught.value)) is bool(weak)
        assert caught.value.code == ("0000052D" if weak else "")
        assert not caught.value.maybe_applied
        assert directory.read_password_state(user) == before
        assert directory.prove(user, Secret(BORN))

    def test_half_a_character_is_never_sent(
        self, directory: PasswordDirectory, user: AccountId
    ) -> None:
        """A password that could not sign in is refused, and the error does not hold it."""
        with pytest.raises(PasswordRefused) as caught:
            directory.set_password(user, Secret("Half-\ud800-1"), must_change=False, unlock=False)
        assert "Half" not in repr(caught.value)

    def test_must_change_is_set_with_the_password(
        self, directory: PasswordDirectory, user: AccountId
    ) -> None:
        """The date is hidden then, and the password is proved all the same (773)."""
        directory.set_password(user, NEW, must_change=True, unlock=False)
        state = directory.read_password_state(user)
        assert (state.must_change, state.changed_at) == (True, None)
        assert directory.prove(user, NEW)
        assert not directory.prove(user, NEWER)

    def test_unlock_is_set_with_the_password(
        self, house: House, directory: PasswordDirectory, user: AccountId
    ) -> None:
        """Wrong proofs count and lock; a locked account proves nothing until it is unlocked."""
        house.set_threshold(THRESHOLD)
        try:
            assert directory.read_policy(user).lockout_threshold == THRESHOLD
            for wrong in range(1, THRESHOLD + 1):
                assert not directory.prove(user, Secret(f"Wrong-{wrong}"))
                assert directory.read_password_state(user).failed_attempts == wrong
            assert directory.read_password_state(user).locked
            directory.set_password(user, NEW, must_change=False, unlock=False)
            with pytest.raises(Unavailable, match="locked out") as caught:
                directory.prove(user, NEW)
            assert not caught.value.maybe_applied
            directory.set_password(user, NEWER, must_change=False, unlock=True)
            assert not directory.read_password_state(user).locked
            assert directory.prove(user, NEWER)
        finally:
            house.set_threshold(0)

    def test_the_rules_of_the_domain(self, directory: PasswordDirectory, user: AccountId) -> None:
        """Where no other policy applies, the domain's does."""
        policy = directory.read_policy(user)
        assert (policy.min_length, policy.complexity, policy.history) == (7, True, 24)
        assert (policy.fine_grained, policy.lockout_threshold) == ("", 0)
        assert policy.min_age.days == 1

    def test_a_fine_grained_policy_comes_first(
        self, house: House, directory: PasswordDirectory, user: AccountId
    ) -> None:
        """It is named and read, and the domain controller goes by it."""
        house.add_fine_policy(user, f"Strict for {user}", min_length=20)
        policy = directory.read_policy(user)
        assert policy.fine_grained == f"Strict for {user}"
        assert (policy.min_length, policy.history, policy.lockout_threshold) == (20, 12, 4)
        assert not policy.resultant_unreadable
        with pytest.raises(PasswordRefused) as caught:
            directory.set_password(user, NEW, must_change=False, unlock=False)
        assert f'"Strict for {user}" asks for at least 20 characters' in str(caught.value)
        assert "It has a history of 12 passwords" in str(caught.value)
        assert "It has 17 characters" in str(caught.value)
        longer = Secret("Quite-Another-And-Longer-0ne")
        directory.set_password(user, longer, must_change=False, unlock=False)
        assert directory.prove(user, longer)

    @pytest.mark.parametrize("harm", ["disable", "expire"])
    def test_an_account_that_may_not_sign_in_still_proves(
        self, house: House, directory: PasswordDirectory, user: AccountId, harm: str
    ) -> None:
        """533 and 701 are told only to who has the right password; anybody else gets 52e."""
        getattr(house, harm)(user)
        directory.set_password(user, NEW, must_change=False, unlock=False)
        assert directory.prove(user, NEW)
        assert not directory.prove(user, NEWER)
        state = directory.read_password_state(user)
        assert not state.enabled or state.expires_at

    def test_user_cannot_change_password_is_seen(
        self, house: House, directory: PasswordDirectory, user: AccountId
    ) -> None:
        """It is a denial in the access list, which no flag shows."""
        assert not directory.read_password_state(user).cannot_change
        house.deny_own_change(user)
        assert directory.read_password_state(user).cannot_change
        directory.set_password(user, NEW, must_change=False, unlock=False)
        assert directory.prove(user, NEW)

    def test_without_the_right_nothing_is_set(self, house: House, user: AccountId) -> None:
        """The error says which rights to delegate."""
        reader = house.powerless()
        with pytest.raises(AccessDenied, match="Delegate") as caught:
            reader.set_password(user, NEW, must_change=False, unlock=False)
        assert not caught.value.maybe_applied
        assert reader.prove(user, Secret(BORN))

    def test_a_fine_grained_policy_that_may_not_be_read_is_told(
        self, house: House, user: AccountId
    ) -> None:
        """An account without rights learns the rules, or that others may hold than it reads."""
        house.add_fine_policy(user, f"For {user}", min_length=20)
        policy = house.powerless().read_policy(user)
        assert (policy.min_length, policy.fine_grained, policy.resultant_unreadable) in (
            (20, f"For {user}", False),
            (7, "", True),
        )

    def test_who_is_not_there_is_not_found(self, directory: PasswordDirectory) -> None:
        """Every question about an account that does not exist is answered by NotFound."""
        for ask in (directory.read_policy, directory.read_password_state):
            with pytest.raises(NotFound):
                ask(NOBODY)
        with pytest.raises(NotFound):
            directory.set_password(NOBODY, NEW, must_change=False, unlock=False)
        with pytest.raises(NotFound):
            directory.prove(NOBODY, NEW)

    def test_a_writer_without_its_lease_sends_nothing(self, house: House, user: AccountId) -> None:
        """The guard is asked right before a write and before a proof, and what it says holds."""

        def lost() -> None:
            raise StateError("the lease was lost")

        fenced = house.passwords(lost)
        for act in (
            lambda: fenced.set_password(user, NEW, must_change=False, unlock=False),
            lambda: fenced.prove(user, NEW),
        ):
            with pytest.raises(StateError, match="lease"):
                act()
        directory = house.passwords()
        assert directory.prove(user, Secret(BORN))
        assert directory.read_password_state(user).failed_attempts == 0
