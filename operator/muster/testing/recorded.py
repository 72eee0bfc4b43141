"""Finishes a recording: proves that it plans like the original, and that it names nobody.

What the test expects is what its own plan says.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from muster.errors import MusterError
from muster.model.names import AccountId, Action, RemoteId, System
from muster.model.reasons import Reason
from muster.model.settings import Estate
from muster.plan.guard import guard
from muster.plan.keys import fold
from muster.plan.make import make_plan
from muster.plan.rotation import IN_TURN
from muster.resources.documents import read_documents
from muster.resources.schemas import load_schema
from muster.testing.compare import LINK_NAMES
from muster.testing.format import API_VERSION, KIND, NOT_SELECTED, SUFFIXES, Place, PolicyTest
from muster.testing.outcome import AccountSeen, LinkSeen, Outcome, see
from muster.testing.parse import parse_test
from muster.testing.pseudonyms import words
from muster.testing.redact import Redacted
from muster.testing.renaming import Original
from muster.testing.run import plan_test

_MOST_SHOWN = 5
_KNOWN_LENGTH = 4
"""Shorter words are syllables that any name may hold."""
_NO_WORDS = re.compile(
    r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\bSM_[0-9a-f]{12}|[A-Za-z0-9+/]{22}=="
)
"""GUIDs, names of mailbox-system accounts and immutable ids: drawn anew, and no words."""
_NAME = "recorded on"
_OF_NAMES = frozenset(
    {Reason.NAME_DIFFERS, Reason.OVERRIDE_STALE, Reason.OPTIONS_DIFFER, Reason.EDIT_REFUSED}
)
"""Findings about what a recording does not have."""
_IN_TURN = frozenset({"Send mail", "Rotate directory"})


class CannotRecord(MusterError):
    """The recording would be wrong or would tell too much; nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A finished recording."""

    text: str
    accounts: int
    differences: tuple[str, ...]
    """Where its plan is another one than the original's; for people, with the new names."""
    kept: tuple[str, ...]


def finish(original: Original, redacted: Redacted, estate: Estate, folder: Path) -> Recording:
    """Return the recording as a file's text.

    Raises:
        CannotRecord: a name of the original would stand in it.
    """
    test = _parsed({**redacted.body, "expect": {}}, folder)
    outcome = plan_test(test, estate)
    body = {**redacted.body, "expect": _expected(outcome, test)}
    text = _HEAD + write_yaml(body)
    leaks = find_leaks(text, redacted)
    if leaks:
        shown = ", ".join(leaks[:_MOST_SHOWN])
        raise CannotRecord(
            f"The recording was not written: it would hold words of the original ({shown}). "
            "This is a bug in Muster; please report it without these words."
        )
    return Recording(
        text=text,
        accounts=len(outcome.accounts),
        differences=tuple(differences(plan_original(original), outcome, redacted)),
        kept=redacted.kept,
    )


_HEAD = (
    "# Recorded by `muster test --record`. Names, addresses and ids are others than the\n"
    "# customer's; what was equal is equal here. Names that the policies use are kept.\n"
)


def write_yaml(body: Mapping[str, Any]) -> str:
    """Write a test; what has no parts of its own stands on one line."""
    text: str = yaml.safe_dump(
        body, sort_keys=False, allow_unicode=True, width=100, default_flow_style=None
    )
    return text


def plan_original(original: Original) -> Outcome:
    """Return what is planned for the customer itself."""
    desired, known, now = original.desired, original.known, original.now
    plan = make_plan(desired, original.observed, known, now)
    return see(guard(plan, desired, known, now), known)


def _parsed(body: Mapping[str, Any], folder: Path) -> PolicyTest:
    (document,) = read_documents(write_yaml(body))
    test = parse_test(Place(folder / f"recorded{SUFFIXES[0]}", document))
    if isinstance(test, PolicyTest):
        return test
    problems = "; ".join(str(fault.message) for fault in test[:_MOST_SHOWN])
    raise CannotRecord(f"The recording was not written: {problems}")


def _expected(outcome: Outcome, test: PolicyTest) -> dict[str, Any]:
    accounts = sorted(outcome.accounts.values(), key=lambda one: (one.user, one.account))
    names: defaultdict[AccountId, list[str]] = defaultdict(list)
    for name, found in test.names.items():
        if len(found) == 1:
            names[found[0]].append(name)
    return {
        "accounts": {_name(one, names[one.account], test): _account(one) for one in accounts},
        "totals": outcome.totals,
        "refused": sorted(set(outcome.refusals)),
    }


def _name(seen: AccountSeen, own: Sequence[str], test: PolicyTest) -> str:
    """Return the shortest name that means this account and no other."""
    gone = [] if own or fold(seen.user) in test.names else [seen.user]
    return min(
        (*own, *gone), key=lambda name: (name == seen.account, len(name)), default=seen.account
    )


def _account(seen: AccountSeen) -> dict[str, Any]:
    body: dict[str, Any] = {"decision": seen.decision, "reason": seen.reason, "type": seen.type}
    for system, link in seen.links.items():
        said: dict[str, Any] = {"state": link.state, "reason": link.reason}
        said |= {"id": link.id} if link.id else {}
        said |= {"key": link.key} if link.key else {}
        said |= {"candidates": list(link.candidates)} if link.candidates else {}
        body[LINK_NAMES[system]] = said
    return body | {"changes": list(seen.changes)}


def differences(before: Outcome, after: Outcome, redacted: Redacted) -> Iterator[str]:
    """Yield where two plans differ beyond the names; none is what is hoped for."""
    renamed = {redacted.accounts[one]: seen for one, seen in before.accounts.items()}
    for account in sorted({*renamed, *after.accounts}):
        old, new = renamed.get(account), after.accounts.get(account)
        parts = _differing(_effect(old, redacted.records), _effect(new, {}))
        if parts:
            yield f"{new.user if new else account}: {parts}"
    if before.refusals != after.refusals:
        yield f"refused: {_words(before.refusals)} → {_words(after.refusals)}"
    findings = _differing(_findings(before), _findings(after))
    if findings:
        yield f"findings: {findings}"


def _differing(old: Mapping[str, object], new: Mapping[str, object]) -> str:
    """Return the parts that differ, each by its name and with both values."""
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return ", ".join(f"{one} {_words(old.get(one))} → {_words(new.get(one))}" for one in names)


def _words(value: object) -> str:
    parts = value if isinstance(value, tuple) else (value,)
    return " + ".join(str(one) for one in parts if one) or "nothing"


def _effect(
    seen: AccountSeen | None, records: Mapping[RemoteId, RemoteId]
) -> dict[str, str | tuple[str, ...] | None]:
    """Return what must be equal, by its name; `via` is words for people."""
    if seen is None:
        return {"decision": NOT_SELECTED}
    # Whose turn it is first follows from names and ids, and they are others now.
    changes = tuple(one for one in seen.changes if one not in _IN_TURN)
    in_turn = str(Reason.ROTATION_SCHEDULED) if seen.rotation in IN_TURN else seen.rotation
    found: dict[str, str | tuple[str, ...] | None] = {
        "type": seen.type,
        "decision": seen.decision,
        "reason": seen.reason,
        "changes": changes,
        "drift": seen.drift,
        "rotation": in_turn,
    }
    for system, link in seen.links.items():
        for part, value in _link_effect(link, records).items():
            found[f"{LINK_NAMES[system]}.{part}"] = value
    return found


def _link_effect(
    link: LinkSeen, records: Mapping[RemoteId, RemoteId]
) -> dict[str, str | tuple[str, ...] | None]:
    def new(record: str) -> str:
        return records.get(RemoteId(record), record)

    return {
        "state": link.state,
        "reason": link.reason,
        "key": link.key,
        "id": new(link.id) if link.id else None,
        "candidates": tuple(sorted(new(one) for one in link.candidates)),
        "evidence": link.evidence,
    }


def _findings(outcome: Outcome) -> dict[str, int]:
    reasons = (one.reason for one in outcome.plan.findings if one.reason not in _OF_NAMES)
    return dict(sorted(Counter(str(one) for one in reasons).items()))


def find_leaks(text: str, redacted: Redacted) -> list[str]:
    """Return the words, GUIDs and SIDs of the original that stand in a recording."""
    allowed = _words_of_the_format() | redacted.harmless
    for policy in (
        *redacted.body["exampleCustomer"].get("policies", ()),
        *redacted.body["resources"],
    ):
        allowed |= set(words(policy))
    original = {word for word in redacted.original_words if len(word) >= _KNOWN_LENGTH}
    values = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    found = sorted((set(words(_NO_WORDS.sub(" ", values))) & original) - allowed)
    guids = {one for one in redacted.accounts if one not in redacted.kept}
    return found + [one for one in sorted(guids) if one in values]


@cache
def _words_of_the_format() -> frozenset[str]:
    """Return the words that are the same in every recording."""
    found: set[str] = set()

    def walk(node: Any) -> None:
        if isinstance(node, list):
            for one in node:
                walk(one)
        elif isinstance(node, dict):
            fields = node.get("properties", {})
            for name in (*fields, *node.get("enum", ())):
                found.update(words(name))
                found.update(words(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)))
            for one in node.values():
                walk(one)

    walk(load_schema(KIND))
    fixed = (*Reason, *Action, *System, f"{_NAME} {KIND} {API_VERSION} AutomaticImportPolicy spec")
    return frozenset(found.union(word for text in fixed for word in words(text)))


def relative(paths: Sequence[Path], folder: Path) -> list[str]:
    """Return paths as a test in `folder` names them."""
    import os

    return [Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix() for path in paths]
