"""A git repository that is only read: its commits, trees and blobs.

Only object-reading commands are run: they touch no index and no file of the user's, and run no
hook, filter or attribute. Which files are wanted is decided by the caller.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from muster.errors import MusterError
from muster.resources.files import STDIN

SUBMODULE, SYMLINK = "160000", "120000"
"""Modes of rows that are no files."""

_ELSEWHERE = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
)
"""Set within git's own hooks, where they would outrank the paths that we were given."""

_OUR_OWN = ("MUSTER_", "OTEL_")
"""How the names of variables begin that are for us, and may hold passwords and keys."""

_NO_OBJECT = ("missing", "ambiguous")
_ODD_LINK = ("symlink", "dangling", "loop", "notdir")
"""What `git cat-file --follow-symlinks` says of a link that leads to nothing in the tree."""


class GitProblem(MusterError):
    """The files at a revision cannot be had."""


@dataclass(frozen=True, slots=True)
class GitObject:
    """A blob or tree of git's."""

    id: str
    kind: str


@dataclass(frozen=True, slots=True)
class TreeRow:
    """One row of a tree, with its path below it."""

    mode: str
    id: str
    path: str


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository that is only read."""

    top: Path

    def within(self, path: Path) -> str:
        """Return a path's place in the repository, in git's form; empty for its top."""
        place = PurePosixPath(path.resolve().relative_to(self.top).as_posix())
        return "" if str(place) == "." else str(place)

    def find_commit(self, revision: str) -> str:
        """Return the id of a revision's commit; raises GitProblem."""
        plain = revision and not revision.startswith("-") and revision.isprintable()
        if not plain or any(one.isspace() for one in revision):
            raise GitProblem(f'--base: "{revision}" is no revision of git.')
        asked = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        done = _git(self.top, *asked)
        if done.returncode:
            raise GitProblem(f'--base: git knows no commit "{revision}". {self._advice(revision)}')
        return done.stdout.decode().split()[-1]

    def _advice(self, revision: str) -> str:
        shallow = _git(self.top, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true"
        if shallow:
            # A server knows branches and commits; what is counted from one needs the way there.
            counted = "^" in revision or "~" in revision
            fetch = "--deepen=50" if counted else f"--depth=1 origin {revision}"
            return (
                f"This clone is shallow: fetch it with `git fetch {fetch}`, "
                "or let CI clone with the whole history (fetch-depth: 0)."
            )
        return "Check its name, or fetch it: a branch of the server is origin/NAME here."

    def differs(self, paths: Sequence[Path]) -> bool:
        """Say whether files at the paths are changed, new or gone since the last commit."""
        asked = ("status", "--porcelain", "--untracked-files=normal", "--ignore-submodules=none")
        places = (f":(top,literal){self.within(path)}" for path in paths)
        own = ":(top,exclude,glob)**/.muster/**"  # the registry, which is no resource
        return bool(self._must(*asked, "--", *places, own).strip())

    def apart(self, commit: str, revision: str) -> Iterator[str]:
        """Yield a note when the revision has commits that the working tree lacks."""
        done = _git(self.top, "merge-base", "--is-ancestor", commit, "HEAD")
        if done.returncode == 1:
            yield (
                f"{revision} has commits that this branch lacks, and they show as if they were "
                "taken back. Merge or rebase first, or compare with "
                f"--base $(git merge-base {revision} HEAD)."
            )

    def resolve(self, names: Sequence[str]) -> list[GitObject | None]:
        """Return the objects of names such as `COMMIT:PATH`, symbolic links followed."""
        asked = "".join(f"{name}\n" for name in names).encode(errors="surrogateescape")
        options = ("--batch-check", "--follow-symlinks")
        answer = self._must("cat-file", *options, text=asked)
        found: list[GitObject | None] = []
        while answer:
            line, _, answer = answer.partition(b"\n")
            words = line.decode(errors="surrogateescape").rsplit(" ", 2)
            if words[0] in _ODD_LINK:
                answer = answer[int(words[-1]) + 1 :]
                found.append(None)
            else:
                odd = words[-1] in _NO_OBJECT
                found.append(None if odd else GitObject(words[0], words[1]))
        return found

    def list_tree(self, tree: str) -> Iterator[TreeRow]:
        """Yield every file below a tree, submodules and links too."""
        answer = self._must("ls-tree", "-r", "-z", "--full-tree", "--end-of-options", tree)
        for row in answer.split(b"\0")[:-1]:
            head, _, path = row.partition(b"\t")
            mode, _, id_ = head.decode().split(" ")
            yield TreeRow(mode, id_, os.fsdecode(path))

    def read_blobs(self, ids: Sequence[str]) -> Iterator[bytes]:
        """Yield the contents of blobs, in the order of ids."""
        answer = self._must("cat-file", "--batch", text="".join(f"{one}\n" for one in ids).encode())
        start = 0
        for _ in ids:
            end = answer.index(b"\n", start)
            word = answer[start:end].rsplit(b" ", 1)[1]
            if not word.isdigit():  # a partial clone that cannot reach its server
                raise GitProblem("--base: git lacks a file of that revision. Fetch it again.")
            size = int(word)
            yield answer[end + 1 : end + 1 + size]
            start = end + size + 2

    def _must(self, *arguments: str, text: bytes = b"") -> bytes:
        done = _git(self.top, *arguments, text=text)
        if done.returncode:
            raise GitProblem(f"--base: git {arguments[0]} failed: {_said(done)}")
        return done.stdout


def open_repository(paths: Sequence[Path]) -> Repository:
    """Return the one repository that all paths lie in."""
    tops = set()
    for path in paths:
        if path == STDIN:
            raise GitProblem("--base: standard input has no history. Name files or directories.")
        if not path.exists():
            raise GitProblem(f"{path}: The path does not exist. Check the path.")
        near = path if path.is_dir() else path.parent
        done = _git(near.resolve(), "rev-parse", "--show-toplevel")
        if done.returncode:
            raise GitProblem(f"--base: {path} lies in no working tree of git: {_said(done)}")
        tops.add(Path(os.fsdecode(done.stdout.rstrip(b"\r\n"))).resolve())
    if len(tops) > 1:
        raise GitProblem("--base: the paths lie in several repositories. Plan them one by one.")
    return Repository(tops.pop())


def _git(directory: Path, *arguments: str, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    program = shutil.which("git")
    if program is None:
        raise GitProblem("--base needs the program git, and it is not installed.")
    environment = {
        name: one
        for name, one in os.environ.items()
        if name not in _ELSEWHERE and not name.startswith(_OUR_OWN)
    }
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    safe = ("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false")
    # No shell; what comes from outside stands behind --end-of-options or on standard input.
    return subprocess.run(  # noqa: S603
        [program, "-C", str(directory), *safe, *arguments],
        input=text,
        capture_output=True,
        env={**environment, **quiet},
        check=False,
    )


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return what git said about its failure, as one line."""
    return " ".join(done.stderr.decode(errors="replace").split()) or "it did not say why."
