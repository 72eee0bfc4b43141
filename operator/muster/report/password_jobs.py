"""Where a job's password is: what the finding of an open job says to a person."""

from __future__ import annotations

from dataclasses import dataclass

from muster.model.causes import Cause
from muster.model.names import DirectoryKind
from muster.model.passwords import (
    PasswordJob,
    Proof,
    TargetState,
    VaultState,
    cause_of,
    left_open_of,
    may_be_live,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """Where the password of an open job is live, and whether the vault's entry has it."""

    job: str
    live: tuple[DirectoryKind, ...]
    """Where that is proved."""
    perhaps_live: tuple[DirectoryKind, ...]
    in_entry: bool
    cause: Cause | None
    """What stands in its way; None where nothing does."""
    sentence: str

    @property
    def only_sealed(self) -> bool:
        """Whether the sealed copy may be the only one of a live password."""
        return bool(self.live or self.perhaps_live) and not self.in_entry


def whereabouts(job: PasswordJob) -> Whereabouts | None:
    """Return where an open job's password is; None for a job that is over."""
    if job.ended_at is not None:
        return None
    proved = [one.system for one in job.targets if one.state is TargetState.PROVED]
    perhaps = [
        one.system
        for one in job.targets
        if may_be_live(one) and one.state is not TargetState.PROVED
    ]
    in_entry = job.vault.state is VaultState.CONFIRMED
    return Whereabouts(
        job=job.id,
        live=tuple(proved),
        perhaps_live=tuple(perhaps),
        in_entry=in_entry,
        cause=cause_of(job),
        sentence=_sentence(job, proved, perhaps, in_entry=in_entry),
    )


def proof_text(proof: Proof | None) -> str:
    """Return a proof in words."""
    match proof:
        case Proof.BIND:
            return "proved by signing in"
        case Proof.TOKEN_REQUEST:
            return "proved by asking for a token"
        case Proof.CHANGE_DATE:
            return "known by the date of the change"
        case None:
            return "not proved"


def success_text(left_open: str) -> str:
    """Return how a job ended well, and why a date had to do for its proof."""
    well = "The directory has the new password, and so has the vault."
    return f"{well} The date of the change tells so: {left_open}" if left_open else well


def _sentence(
    job: PasswordJob, proved: list[DirectoryKind], perhaps: list[DirectoryKind], *, in_entry: bool
) -> str:
    if not proved and not perhaps:
        return f"The new password was not set yet: {_why(job)}"
    places = [f"is live in {', '.join(proved)}"] if proved else []
    places += [f"may be live in {', '.join(perhaps)}"] if perhaps else []
    text = f"The new password {' and '.join(places)}"
    if in_entry:
        return f"{text}, and the vault's entry {job.vault.entry} has it. {_why(job)}".strip()
    return (
        f"{text}, and the vault's entry {job.vault.entry} does not have it: it is sealed in "
        f"password job {job.id}. Reveal it there if somebody needs it now. {_why(job)}"
    ).strip()


def _why(job: PasswordJob) -> str:
    left_open = left_open_of(job)
    parts = [job.problem, *(one.problem for one in job.targets), job.vault.problem, left_open]
    unique = dict.fromkeys(part for part in parts if part and part not in job.problem[1:])
    return " ".join(unique) or "It goes on by itself."
