"""The files of a revision: which ones, and that nothing of the user's is touched or run."""

from __future__ import annotations

import os
import subprocess
from contextlib import chdir
from pathlib import Path

import pytest

from muster.cli.git_base import files_at
from muster.cli.git_objects import GitProblem

_WHO = ("-c", "user.name=Ada", "-c", "user.email=ada@example.test", "-c", "commit.gpgsign=false")


def git(directory: Path, *arguments: str) -> str:
    """Run git in a directory and return what it prints."""
    done = subprocess.run(
        ["git", *_WHO, *arguments], cwd=directory, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(directory: Path, message: str = "a change") -> str:
    """Commit everything, and return the commit's id."""
    git(directory, "add", "-A")
    git(directory, "commit", "-q", "--allow-empty", "-m", message)
    return git(directory, "rev-parse", "HEAD")


def put(file: Path, text: str = "a: 1\n") -> None:
    """Write a file, and its directories."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with an estate below it, as of `main`, and one more commit."""
    top = tmp_path / "msp"
    top.mkdir()
    git(top, "init", "-q", "-b", "main")
    put(top / "estate" / "policies" / "staff.yaml", "old: true\n")
    put(top / "estate" / "one name.yml")
    put(top / "estate" / "notes.txt")
    put(top / "elsewhere.yaml")
    commit(top)
    git(top, "checkout", "-q", "-b", "work")
    put(top / "estate" / "policies" / "staff.yaml", "new: true\n")
    put(top / "later" / "new.yaml")
    commit(top)
    return top


def state(top: Path) -> tuple[str, int, str]:
    """Return what must not change: the commit, when the index was written, what git sees."""
    written = (top / ".git" / "index").stat().st_mtime_ns
    return git(top, "rev-parse", "HEAD"), written, git(top, "diff-files", "--name-only")


def texts(directory: Path) -> dict[str, str]:
    """Return the files below a directory."""
    return {
        one.relative_to(directory).as_posix(): one.read_text()
        for one in sorted(directory.rglob("*"))
        if one.is_file()
    }


def test_the_files_are_those_of_the_revision(repository: Path) -> None:
    """YAML below the path comes out as it was, and is gone afterwards; nothing else moves."""
    put(repository / "estate" / "policies" / "staff.yaml", "not committed\n")
    put(repository / "estate" / "untracked.yaml")
    before = state(repository)
    with chdir(repository), files_at([Path("estate")], "main") as base:
        (copy,) = base.paths
        assert texts(copy) == {"one name.yml": "a: 1\n", "policies/staff.yaml": "old: true\n"}
        assert base.show(f"{copy}/policies/staff.yaml:1") == "estate/policies/staff.yaml:1"
        assert base.commit == git(repository, "rev-parse", "main")
        assert base.notes == ()
    assert not copy.exists()
    assert state(repository) == before


def test_a_file_and_the_current_directory_can_be_named(repository: Path) -> None:
    """A path may be one file of any name, or the directory one stands in."""
    with chdir(repository / "estate"):
        with files_at([Path("policies/staff.yaml")], "main") as base:
            assert base.paths[0].read_text() == "old: true\n"
            assert base.show(f"{base.paths[0]}:3") == "policies/staff.yaml:3"
        with files_at([Path()], "main") as base:
            assert base.show(f"{base.paths[0]}/policies/staff.yaml:1") == "policies/staff.yaml:1"


def test_paths_that_overlap_name_the_same_files(repository: Path) -> None:
    """A directory and one below it, or both named twice, are no two copies of a resource."""
    with chdir(repository), files_at([Path("estate"), Path("estate/policies")], "main") as base:
        outer, inner = base.paths
        assert inner == outer / "policies"
        assert base.show(f"{inner}/staff.yaml:1") == "estate/policies/staff.yaml:1"


def test_what_was_not_there_is_new(repository: Path) -> None:
    """A path without files at the revision has none, and a note says that all of it is new."""
    with files_at([repository / "later"], "main") as base:
        assert base.paths == ()
        assert "everything in it is new" in base.notes[0]


def test_a_branch_that_is_behind_is_told(repository: Path) -> None:
    """Where the revision went on meanwhile, a note says why its changes show as taken back."""
    git(repository, "checkout", "-q", "main")
    commit(repository)
    git(repository, "checkout", "-q", "work")
    with files_at([repository / "estate"], "main") as base:
        assert "git merge-base main HEAD" in base.notes[0]


@pytest.mark.parametrize(
    ("revision", "says"),
    [
        ("nowhere", 'git knows no commit "nowhere"'),
        ("main:estate", "git knows no commit"),
        ("", "is no revision"),
        ("--output=x", "is no revision"),
        ("-h", "is no revision"),
        ("main\nHEAD", "is no revision"),
        ("main HEAD", "is no revision"),
        ("$(touch gone)", "is no revision"),
        (";id", "git knows no commit"),
    ],
)
def test_what_is_no_revision_is_refused(repository: Path, revision: str, says: str) -> None:
    """A revision that git does not know, or that would be an option, runs nothing and is named."""
    with pytest.raises(GitProblem, match=says), files_at([repository / "estate"], revision):
        pass


def test_where_there_is_no_history_is_told(repository: Path, tmp_path: Path) -> None:
    """No repository, several of them, and standard input each say what is the matter."""
    outside = tmp_path / "outside"
    outside.mkdir()
    with pytest.raises(GitProblem, match="no working tree of git"), files_at([outside], "main"):
        pass
    git(outside, "init", "-q")
    paths = [repository / "estate", outside]
    with pytest.raises(GitProblem, match="several repositories"), files_at(paths, "main"):
        pass
    with pytest.raises(GitProblem, match="standard input"), files_at([Path("-")], "main"):
        pass


def test_a_shallow_clone_says_how_to_deepen_it(repository: Path, tmp_path: Path) -> None:
    """CI's shallow clones lack the base; the message names the command that fetches it."""
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth=1", "-b", "work", f"file://{repository}", str(shallow))
    for revision, command in (("main", "--depth=1 origin main"), ("HEAD~1", "--deepen")):
        deepen = pytest.raises(GitProblem, match=f"git fetch {command}")
        with deepen, files_at([shallow / "estate"], revision):
            pass


def test_no_hook_and_no_filter_runs(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither hooks, filters, attributes nor git's own environment change what comes out."""
    ran = repository / "ran"
    program = repository / "program"
    put(program, f"#!/bin/sh\ntouch '{ran}'\ncat\n")
    program.chmod(0o755)
    for name in ("post-checkout", "post-index-change", "reference-transaction"):
        hook = repository / ".git" / "hooks" / name
        put(hook, program.read_text())
        hook.chmod(0o755)
    git(repository, "config", "filter.odd.smudge", str(program))
    git(repository, "config", "core.fsmonitor", str(program))
    put(repository / ".git" / "info" / "attributes", "*.yaml filter=odd export-ignore\n")
    monkeypatch.setenv("GIT_DIR", os.devnull)
    with files_at([repository / "estate"], "main") as base:
        assert texts(base.paths[0])["policies/staff.yaml"] == "old: true\n"
    assert not ran.exists()


def test_links_are_followed_within_the_repository_only(repository: Path) -> None:
    """A link to a file of the revision has its content; one that leads out is left out."""
    estate = repository / "estate"
    (estate / "linked.yaml").symlink_to("policies/staff.yaml")
    (estate / "out.yaml").symlink_to("/etc/hostname")
    (estate / "lost.yaml").symlink_to("gone.yaml")
    commit(repository)
    with files_at([estate], "HEAD") as base:
        found = texts(base.paths[0])
        assert found["linked.yaml"] == "new: true\n"
        assert found.keys() == {"linked.yaml", "one name.yml", "policies/staff.yaml"}
        assert [note.partition(" ")[0] for note in base.notes] == ["lost.yaml", "out.yaml"]


def test_a_submodule_is_read_from_its_own_repository(repository: Path, tmp_path: Path) -> None:
    """A submodule's files are those of the commit that is pinned; one that is absent is told."""
    shared = tmp_path / "shared"
    shared.mkdir()
    git(shared, "init", "-q")
    put(shared / "common.yaml", "shared: 1\n")
    commit(shared)
    estate = repository / "estate"
    add = ("-c", "protocol.file.allow=always", "submodule", "--quiet", "add")
    git(repository, *add, str(shared), "estate/shared")
    pinned = commit(repository)
    put(estate / "shared" / "common.yaml", "shared: 2\n")
    commit(estate / "shared")
    commit(repository)
    with files_at([estate], pinned) as base:
        assert texts(base.paths[0])["shared/common.yaml"] == "shared: 1\n"
    git(repository, "submodule", "--quiet", "deinit", "-f", "estate/shared")
    with files_at([estate], pinned) as base:
        assert "shared/common.yaml" not in texts(base.paths[0])
        assert "not checked out" in base.notes[0]
