"""Decides how password jobs and their ends lie in tables.

A job is open or it is gone: its document holds a sealed password, and what stays of it is its
end. When rows are written is decided in `sqlite.py`.
"""

from __future__ import annotations

from typing import Any

from muster.model.passwords import JobEnd, PasswordJob, end_of
from muster.registry.encoding import JOB, JOB_END

SELECT_JOBS = "SELECT id, document FROM password_jobs"
SELECT_ENDS = "SELECT object_id, document FROM password_job_ends"
FIND_JOB = "SELECT 1 FROM password_jobs WHERE id = ? AND customer = ?"

UPSERT_JOB = """
    INSERT INTO password_jobs (id, customer, object_id, document) VALUES (?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET document = excluded.document
    WHERE document <> excluded.document
"""
DELETE_JOB = "DELETE FROM password_jobs WHERE id = ?"
UPSERT_END = """
    INSERT INTO password_job_ends (customer, object_id, kind, was_set, document)
    VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (customer, object_id, kind, was_set) DO UPDATE SET document = excluded.document
    WHERE document <> excluded.document
"""


def job_row(job: PasswordJob) -> tuple[Any, ...]:
    """Return the row of an open job."""
    return (job.id, job.customer, job.account, JOB.encode(job))


def end_row(job: PasswordJob) -> tuple[Any, ...]:
    """Return the row of a job's end."""
    end = end_of(job)
    return (end.customer, end.account, end.kind.value, int(end.was_set), JOB_END.encode(end))


def read_job(text: str, where: str) -> PasswordJob:
    """Read an open job; raises StateError."""
    return JOB.decode(text, where)


def read_end(text: str, where: str) -> JobEnd:
    """Read a job's end; raises StateError."""
    return JOB_END.decode(text, where)
