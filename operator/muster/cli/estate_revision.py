"""Names the state of an estate's files, for the audit: git's commit, where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from muster.cli.git_objects import GitProblem, open_repository


def revision_of(paths: Sequence[Path]) -> str:
    """Return the commit that the files are of, `+changes` where they differ from it.

    Empty without git, outside of a working tree, and before the first commit.
    """
    try:
        repository = open_repository(paths)
        commit = repository.find_commit("HEAD")
        return commit + ("+changes" if repository.differs(paths) else "")
    except (GitProblem, OSError, ValueError):
        return ""
