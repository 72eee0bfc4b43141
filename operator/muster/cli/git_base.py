"""The files of an estate as they were at a revision, taken out of git beside the working tree.

What the files mean is decided elsewhere.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from muster.cli.git_objects import (
    SUBMODULE,
    SYMLINK,
    GitProblem,
    Repository,
    TreeRow,
    open_repository,
)
from muster.resources.files import is_yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class GitBase:
    """The files of some paths at a revision; they are gone when the context ends."""

    revision: str
    commit: str
    places: tuple[tuple[Path, Path], ...]
    """For each path that has files there: where they lie now, and the path that was named."""
    notes: tuple[str, ...]
    """What a person should know about the two sides."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """What to load."""
        return tuple(copy for copy, _ in self.places)

    def show(self, text: str) -> str:
        """Return a text with the paths as they were named."""
        for copy, named in self.places:
            prefix = "" if named == Path() else f"{named}/"
            text = text.replace(f"{copy}{os.sep}", prefix)
            text = text if named.is_dir() else text.replace(str(copy), str(named))
        return text


@contextmanager
def files_at(paths: Sequence[Path], revision: str) -> Iterator[GitBase]:
    """Take the files of the paths at a revision into a directory that lives as long as the block.

    A path that was not there yet has no files, and a note says so.

    Raises:
        GitProblem: there is no git, no repository or no such revision.
    """
    repository = open_repository(paths)
    commit = repository.find_commit(revision)
    notes = [*repository.apart(commit, revision)]
    with tempfile.TemporaryDirectory(prefix="muster-base-") as directory:
        places = []
        for path in paths:
            # Laid out as in the repository, so that paths which overlap name the same files.
            within = repository.within(path)
            copy = Path(directory).resolve() / within
            found = _take_out(repository, commit, within, copy)
            notes += found.notes
            if found.files:
                places.append((copy, path))
            else:
                notes.append(f"{path} holds no resources at {revision}: everything in it is new.")
        yield GitBase(revision=revision, commit=commit, places=tuple(places), notes=tuple(notes))


@dataclass(slots=True)
class _Found:
    files: int = 0
    notes: list[str] = field(default_factory=list)


def _take_out(repository: Repository, commit: str, named: str, copy: Path) -> _Found:
    """Write the YAML files at a place of a commit, and say what was left out."""
    if "\n" in named:
        raise GitProblem("--base: a path with a line break in its name cannot be looked up.")
    (found,) = repository.resolve([f"{commit}:{named}"])
    if found is None:
        return _Found()
    if found.kind == "blob":
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(next(repository.read_blobs([found.id])))
        return _Found(files=1)
    prefix = f"{named}/" if named else ""
    return _take_out_tree(repository, f"{commit}:{prefix}", found.id, copy)


def _take_out_tree(repository: Repository, place: str, tree: str, copy: Path) -> _Found:
    rows = [row for row in repository.list_tree(tree) if _is_safe(row.path)]
    wanted = {row.path: row.id for row in rows if _is_file(row)}
    found = _Found()
    links = [row.path for row in rows if row.mode == SYMLINK and is_yaml(Path(row.path))]
    links = [path for path in links if "\n" not in path]
    for path, target in zip(
        links, repository.resolve([f"{place}{path}" for path in links]), strict=True
    ):
        if target and target.kind == "blob":
            wanted[path] = target.id
        else:
            found.notes.append(f"{path} is a link to nothing in the repository; left out.")
    for path, data in zip(wanted, repository.read_blobs(list(wanted.values())), strict=True):
        file = copy / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    found.files = len(wanted)
    for row in rows:
        if row.mode == SUBMODULE:
            _take_out_submodule(repository, place, row, copy, found)
    return found


def _take_out_submodule(
    repository: Repository, place: str, row: TreeRow, copy: Path, found: _Found
) -> None:
    """Take the files of a submodule out of its own repository, where it is checked out."""
    directory = repository.top / place.partition(":")[2] / row.path
    if not (directory / ".git").exists():
        found.notes.append(f"{row.path} is a submodule that is not checked out; left out.")
        return
    inner = Repository(directory.resolve())
    (tree,) = inner.resolve([f"{row.id}:"])
    if tree is None:
        raise GitProblem(
            f"--base: the submodule {row.path} lacks its commit {row.id[:12]}. "
            f"Fetch it: git -C {directory} fetch origin {row.id}"
        )
    within = _take_out_tree(inner, f"{row.id}:", tree.id, copy / row.path)
    found.files += within.files
    found.notes += within.notes


def _is_file(row: TreeRow) -> bool:
    return row.mode not in {SYMLINK, SUBMODULE} and is_yaml(Path(row.path))


def _is_safe(path: str) -> bool:
    """Refuse what no checkout of git would write: a tree may be made to lead out of itself."""
    parts = path.split("/")
    backslash = os.sep == "\\" and "\\" in path
    return not backslash and not any(part in {"", ".", ".."} for part in parts)
