"""Gives the people of a recording other names, so that it may lie where more can read it.

Every text is renamed unless it is known to be harmless, so that a field which is added later
cannot leak. Kept are ids, SIDs and record numbers (overrides and links hold by them), and what
the files in git say anyway: customers, policies' groups and units, and whom overrides are about.
Texts that were equal stay equal, so that the plan is the same but for the names in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

from muster.model.names import AccountType
from muster.model.plans import Verdict
from muster.model.settings import (
    Desired,
    Exclude,
    ImportSettings,
    ImportSource,
    Options,
    Origin,
    ResolvedFrom,
    Select,
)
from muster.observe import observe
from muster.plan.entra_index import is_object_id
from muster.recording.model import RecordedCustomer
from muster.recording.replay import RecordedSystems, plan_recorded
from muster.testing.pseudonyms import Pseudonyms
from muster.testing.renaming import Original, Renaming

_KEPT_FIELDS = frozenset(
    {
        "id",
        "sid",
        "account",
        "connection",
        "customer",
        "category",
        "consistency_guid",
        "demanded_by",
        "evidence",
        "field",
        "immutable_id",
        "mark",
        "on_premises_sid",
        "place",
        "policy",
        "question",
        "remote_id",
        "template_id",
    }
)
_KEPT_NAMES = frozenset({"RecordedCustomer", "VaultCategory", "HiddenContainer", "EntraRole"})
"""Types whose `name` is public: in git, or the same at every customer."""
_DROPPED = frozenset({"url", "mobile", "message"})
_PLACES = frozenset({"dn", "members", "organizational_units"})
_OF_PEOPLE = frozenset({"display_name", "given_name", "surname"})
_UNREAD = "It could not be read when it was recorded."


def pseudonymize(
    recorded: RecordedCustomer, sides: Sequence[Desired], salt: bytes
) -> RecordedCustomer:
    """Return the customer under other names; the same salt gives the same names."""
    desired = replace(sides[0], sources=tuple(_naming(sides)))
    known = recorded.known
    observed = observe(desired, known, RecordedSystems.of(desired, recorded))
    original = Original(desired=desired, observed=observed, known=known, now=recorded.at)
    renamed: RecordedCustomer = _renamed(recorded, Renaming(original, salt).names)
    return renamed


def differs(desired: Desired, recorded: RecordedCustomer, renamed: RecordedCustomer) -> bool:
    """Say whether another plan follows, names aside."""
    before, after = (_shape(plan_recorded(desired, one)) for one in (recorded, renamed))
    return before != after


def _shape(verdict: Verdict) -> tuple[Any, ...]:
    plan = verdict.plan
    changes = {(one.system, one.action, one.account, one.because) for one in plan.changes}
    decisions = {(one.account, one.decision.state, one.decision.reason) for one in plan.decisions}
    return type(verdict), plan.complete, changes, decisions


def _naming(sides: Sequence[Desired]) -> Iterator[ImportSource]:
    """Yield settings that name all which the files in git name, a customer's own imports too."""
    public = Origin(kind="AutomaticImportPolicy", name="public")
    for side in sides:
        for source in side.sources:
            yield replace(source, settings=replace(source.settings, origin=public))
    about = [one for side in sides for one in side.overrides]
    names = [text for one in about for text in (str(one.account), one.email) if text]
    yield ImportSource(
        resolved_from=ResolvedFrom.POLICY,
        settings=ImportSettings(
            origin=public,
            account_type=AccountType.END_USER,
            select=Select(),
            exclude=Exclude(accounts=tuple(names)),
        ),
    )


def _renamed(value: Any, names: Pseudonyms) -> Any:
    changed: dict[str, Any] = {}
    for field in fields(value):
        part = getattr(value, field.name)
        public = field.name == "name" and type(value).__name__ in _KEPT_NAMES
        if not public and field.name not in _KEPT_FIELDS:
            changed[field.name] = _part(field.name, part, names)
    return replace(value, **changed)


def _part(field: str, part: Any, names: Pseudonyms) -> Any:
    """Return one field's value; what is no text and holds none comes back as it is."""
    if isinstance(part, tuple):
        return tuple(_part(field, one, names) for one in part)
    if is_dataclass(part) and not isinstance(part, Options):
        return _renamed(part, names)
    if not isinstance(part, str) or isinstance(part, Enum) or not part or is_object_id(part):
        return part
    if field in _DROPPED:
        return ""
    return _UNREAD if field == "problem" else _rename(field, names)(part)


def _rename(field: str, names: Pseudonyms) -> Callable[[str], str]:
    if field in _PLACES:
        return names.place
    return names.person if field in _OF_PEOPLE else names.text
