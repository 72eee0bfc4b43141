"""Decides the names of imported customers: valid in Kubernetes, unique, the same every time."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable

from muster.model.names import RemoteId
from muster.model.records import Organization

MOST_CHARACTERS = 63
"""What a label's value may hold in Kubernetes; `metadata.name` of a Customer is one."""

_LETTERS = str.maketrans(
    {"æ": "ae", "ø": "o", "œ": "oe", "ß": "ss", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)
"""Latin letters that Unicode does not take apart into a base letter and a mark."""


def choose_slugs(
    organizations: Iterable[Organization], taken: Collection[str]
) -> dict[RemoteId, str]:
    """Return a name for each organization.

    Where two organizations, or an organization and a customer, would have the same name, the id
    is added. So the name does not depend on which of them are chosen, nor on their order.
    """
    organizations = tuple(organizations)
    bases = {one.id: slug_of(one.name) for one in organizations}
    longer = {one.id: _with_id(bases[one.id], one.id) for one in organizations}
    count = Counter(base for base in bases.values() if base)
    avoided = {*taken, *longer.values()}
    unique = {base for base, times in count.items() if times == 1 and base not in avoided}
    return {one: base if base in unique else longer[one] for one, base in bases.items()}


def slug_of(name: str) -> str:
    """Return a name in lower-case Latin letters, digits and hyphens.

    Accents are dropped. Empty where less than half of the letters and digits would be left, as
    of a name in another script.
    """
    folded = unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS))
    letters = [one for one in folded if one.isalnum()]
    text = re.sub(r"[^a-z0-9]+", "-", _without_marks(folded)).strip("-")
    kept = sum(one != "-" for one in text)
    return text[:MOST_CHARACTERS].strip("-") if 2 * kept >= len(letters) else ""


def _without_marks(text: str) -> str:
    """Drop accents and apostrophes, which are no gap between two words."""
    return "".join(one for one in text if not unicodedata.combining(one) and one not in "'’")


def _with_id(base: str, record: RemoteId) -> str:
    """Return the name with the record's id at its end."""
    end = re.sub(r"[^a-z0-9]+", "-", record.casefold()).strip("-") or "0"
    start = (base or "customer")[: MOST_CHARACTERS - len(end) - 1].strip("-")
    return f"{start}-{end}"[-MOST_CHARACTERS:].strip("-")
