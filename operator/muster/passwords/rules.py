"""The rules for passwords that were read, and what they say of a refused one, in words. Pure."""

from __future__ import annotations

from muster.model.passwords import PasswordPolicy


def name_of(policy: PasswordPolicy) -> str:
    """Return what a person calls these rules."""
    named = f'the fine-grained policy "{policy.fine_grained}"'
    return named if policy.fine_grained else "the policy"


def explain(policy: PasswordPolicy, problem: str) -> str:
    """Return what a domain asks for that has refused a password, and what is wrong with this one.

    `problem` is what `typed.find_problem` says of it. A reset by others is not bound by history
    and minimum age (MS-SAMR 3.1.1.7.1), but a filter of somebody else's may bind it.
    """
    whose = "T" + name_of(policy)[1:] if policy.fine_grained else "The domain's policy"
    parts = (
        f"{whose} asks for {_asked(policy)}.",
        _UNREAD if policy.resultant_unreadable else "",
        _not_bound(policy),
        f"{problem} Choose another one." if problem else _kept(policy),
    )
    return " ".join(filter(None, parts))


_UNREAD = (
    "Stricter rules may hold for this user in a fine-grained policy that the account of Muster "
    "may not read: delegate read access to the Password Settings Container."
)


def _asked(policy: PasswordPolicy) -> str:
    length = f"at least {_count(policy.min_length, 'character')}" if policy.min_length else ""
    complexity = "three kinds of characters without any part of the user's names"
    asked = (length, complexity if policy.complexity else "")
    return " and ".join(filter(None, asked)) or "nothing"


def _not_bound(policy: PasswordPolicy) -> str:
    days = policy.min_age.days
    rules = [f"a history of {_count(policy.history, 'password')}"] if policy.history else []
    rules += [f"a minimum age of {_count(days, 'day')}"] if days else []
    return f"It has {' and '.join(rules)}, which do not bind a reset by others." if rules else ""


def _kept(policy: PasswordPolicy) -> str:
    unread = "those rules, or " if policy.resultant_unreadable else ""
    return (
        f"This password keeps what could be read, so {unread}a password filter on the domain "
        "controllers refused it, such as one with banned words or a history of its own. Choose "
        "another one, or look into that filter."
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
