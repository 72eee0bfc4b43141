"""Password policies, writes and lock-out, as a domain controller applies them.

Source: MS-ADTS 3.1.1.3.1.5.1 (unicodePwd), 3.1.1.4.5.36 (msDS-ResultantPSO), MS-SAMR 3.1.1.7
(policy, history, lock-out). The lab does not end a lock-out by itself: somebody unlocks.
Unconfirmed: which of the two result codes Windows gives for a refused password; both are seen
in the field, so `LabDomain.refuses_passwords_with` chooses.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from muster.lab.directory.entry import Entry
from muster.lab.directory.identifiers import ticks
from muster.lab.directory.protocol import Code, LdapFailure, Modification
from muster.lab.directory.tree import Tree

POLICY_HINTS = frozenset({"1.2.840.113556.1.4.2239", "1.2.840.113556.1.4.2066"})
"""A reset that carries one of these is bound by history too (MS-ADTS 3.1.1.3.4.1)."""

_WRITABLE = frozenset({"unicodepwd", "pwdlastset", "lockouttime"})
_SEPARATORS = re.compile(r"[,.\-_#\s]+")  # of display names: MS-SAMR 3.1.1.7.2
_COMPLEX = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LabPolicy:
    """The rules that hold for one user."""

    min_length: int
    complexity: bool
    history: int
    lockout_threshold: int
    lockout_duration: int
    """Negative ticks; -2**63 is for ever."""
    max_age: int
    """Negative ticks; 0 and -2**63 mean never."""


def resultant_policy(tree: Tree, user: Entry) -> Entry | None:
    """Return the fine-grained policy of a user: its own before its groups', the lowest first."""
    own = [one for one in _applied(tree) if user in one.links.get(_APPLIES, {})]
    groups = set(_groups_of(user))
    through = [one for one in _applied(tree) if groups & set(one.links.get(_APPLIES, {}))]
    return min(own or through, key=_precedence, default=None)


def policy_of(tree: Tree, user: Entry) -> LabPolicy:
    """Return the rules that hold for a user."""
    fine = resultant_policy(tree, user)
    if fine is None:
        head = tree.head
        return LabPolicy(
            min_length=head.number("minpwdlength"),
            complexity=bool(head.number("pwdproperties") & _COMPLEX),
            history=head.number("pwdhistorylength"),
            lockout_threshold=head.number("lockoutthreshold"),
            lockout_duration=head.number("lockoutduration"),
            max_age=head.number("maxpwdage"),
        )
    return LabPolicy(
        min_length=fine.number("msds-minimumpasswordlength"),
        complexity=fine.text("msds-passwordcomplexityenabled") == "TRUE",
        history=fine.number("msds-passwordhistorylength"),
        lockout_threshold=fine.number("msds-lockoutthreshold"),
        lockout_duration=fine.number("msds-lockoutduration"),
        max_age=fine.number("msds-maximumpasswordage"),
    )


def replace_password(tree: Tree, user: Entry, password: str) -> None:
    """Make a password the live one; the former goes into the history, and pwdLastSet moves."""
    user.former_password = user.password
    if user.password is not None:
        user.old_passwords = (user.password, *user.old_passwords)
    user.password = password
    tree.set_attributes(user, {"pwdLastSet": [str(ticks(tree.now()))]})


def modify(
    tree: Tree,
    user: Entry,
    changes: tuple[Modification, ...],
    *,
    refusal: int,
    with_history: bool,
) -> None:
    """Carry out a write of password, must-change and unlock: all of it, or nothing.

    Raises:
        LdapFailure: the policy refuses the password, or something else was to be written.
    """
    wanted = {change.attribute.lower(): change.values for change in changes}
    if wanted.keys() - _WRITABLE or any(len(values) != 1 for values in wanted.values()):
        raise LdapFailure(Code.UNWILLING_TO_PERFORM, "the lab writes passwords only\n")
    for name, allowed in (("pwdlastset", {b"0", b"-1"}), ("lockouttime", {b"0"})):
        if name in wanted and wanted[name][0] not in allowed:
            raise _refused(Code.UNWILLING_TO_PERFORM, "00000057")
    if "unicodepwd" in wanted:
        password = _decoded(wanted["unicodepwd"][0])
        _check(tree, user, password, refusal=refusal, with_history=with_history)
        replace_password(tree, user, password)
    if "pwdlastset" in wanted:
        changed = 0 if wanted["pwdlastset"][0] == b"0" else ticks(tree.now())
        tree.set_attributes(user, {"pwdLastSet": [str(changed)]})
    if "lockouttime" in wanted:
        tree.set_attributes(user, {"lockoutTime": ["0"], "badPwdCount": ["0"]})


def count_wrong(tree: Tree, user: Entry, password: str) -> None:
    """Count a wrong attempt; one of the last two former passwords does not count.

    Source: https://learn.microsoft.com/previous-versions/windows/it-pro/windows-server-2003/
    cc780271(v=ws.10) (password history check, N-2).
    """
    if password in user.old_passwords[:2]:
        return
    threshold = policy_of(tree, user).lockout_threshold
    count = user.number("badpwdcount") + 1
    now = str(ticks(tree.now()))
    tree.set_attributes(user, {"badPwdCount": [str(count)], "badPasswordTime": [now]})
    if threshold and count >= threshold:
        tree.set_attributes(user, {"lockoutTime": [now]})


def count_right(tree: Tree, user: Entry) -> None:
    """Forget the wrong attempts before a right one."""
    if user.number("badpwdcount"):
        tree.set_attributes(user, {"badPwdCount": ["0"]})


_APPLIES = "msds-psoappliesto"


def _applied(tree: Tree) -> Iterator[Entry]:
    container = tree.get(f"CN=Password Settings Container,CN=System,{tree.head.dn}")
    for entry in tree.below(container) if container else ():
        if entry is not container:
            yield entry


def _groups_of(user: Entry) -> Iterator[Entry]:
    waiting = list(user.back_links.get("memberof", {}))
    seen: set[Entry] = set()
    while waiting:
        group = waiting.pop()
        if group not in seen:
            seen.add(group)
            waiting += group.back_links.get("memberof", {})
            yield group


def _precedence(policy: Entry) -> int:
    return policy.number("msds-passwordsettingsprecedence")


def _decoded(raw: bytes) -> str:
    try:
        text = raw.decode("utf-16-le")
    except UnicodeDecodeError:
        text = ""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        raise _refused(Code.UNWILLING_TO_PERFORM, "0000001F")
    return text[1:-1]


def _check(tree: Tree, user: Entry, password: str, *, refusal: int, with_history: bool) -> None:
    policy = policy_of(tree, user)
    former = (user.password, *user.old_passwords)[: policy.history]
    if (
        len(password) < policy.min_length
        or (policy.complexity and not _is_complex(user, password))
        or (with_history and password in former)
    ):
        raise _refused(refusal, "0000052D")


def _is_complex(user: Entry, password: str) -> bool:
    """Say whether three of five classes are there, and no part of the names (MS-SAMR 3.1.1.7.2)."""
    kinds = {_kind(character) for character in password}
    name = user.text("samaccountname").casefold()
    tokens = [one for one in _SEPARATORS.split(user.text("displayname").casefold()) if len(one) > 2]
    tokens += [name] if len(name) > 2 else []
    lower = password.casefold()
    return len(kinds) >= 3 and not any(token in lower for token in tokens)


def _kind(character: str) -> str:
    category = unicodedata.category(character)
    return {"Lu": "upper", "Ll": "lower", "Nd": "digit"}.get(
        category, "letter" if category.startswith("L") else "other"
    )


def _refused(code: int, win32: str) -> LdapFailure:
    if code == Code.CONSTRAINT_VIOLATION:
        return LdapFailure(
            code,
            f"{win32}: AtrErr: DSID-03190FC2, #1:\n\t0: {win32}: DSID-03190FC2, problem 1005 "
            "(CONSTRAINT_ATT_TYPE), data 0, Att 9005a (unicodePwd)\n\0",
        )
    return LdapFailure(
        code, f"{win32}: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0\n\0"
    )
