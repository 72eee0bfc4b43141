"""The Dockerfile keeps the rules of the deployment. No image is built: that needs an engine."""

from __future__ import annotations

import json
import shlex
import subprocess
import sysconfig
import tomllib
from pathlib import Path

from tests.deploy.rendering import render, the
from tests.deploy.tools import ROOT

DOCKERFILE = ROOT / "Dockerfile"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def instructions() -> list[tuple[str, str]]:
    """Return instruction and words of each line, lines joined and comments left out."""
    lines = DOCKERFILE.read_text("utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    joined = text.replace("\\\n", " ")
    return [
        (line.split()[0], line.partition(" ")[2].strip()) for line in joined.splitlines() if line
    ]


def last_stage() -> dict[str, list[str]]:
    """Return what the final image is made of, by instruction."""
    found: dict[str, list[str]] = {}
    for word, rest in instructions():
        if word == "FROM":
            found = {}
        found.setdefault(word, []).append(rest)
    return found


def test_the_linter_is_content() -> None:
    """hadolint, which parses as the engine does, finds nothing."""
    linter = Path(sysconfig.get_path("scripts")) / "hadolint"
    done = subprocess.run([linter, DOCKERFILE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_runs_as_the_user_of_the_deployment() -> None:
    """The user is a number, not root, and the chart's."""
    pod = the(render(), "Deployment")["spec"]["template"]["spec"]["securityContext"]
    assert last_stage()["USER"] == [f"{pod['runAsUser']}:{pod['runAsGroup']}"]
    assert pod["runAsUser"] > 0


def test_the_user_has_a_name() -> None:
    """A number without an entry in /etc/passwd gets name and home from the environment.

    Otherwise `getpass.getuser`, with which kopf names its process, raises.
    """
    words = dict(pair.split("=", 1) for pair in " ".join(last_stage()["ENV"]).split())
    assert words["USER"]
    assert words["HOME"] == "/tmp"


def test_the_final_stage_runs_nothing() -> None:
    """The final image takes the installed package from the first stage, with no cache or tool."""
    stage = last_stage()
    assert "RUN" not in stage
    assert "ADD" not in stage
    assert all(copy.startswith("--from=build ") for copy in stage["COPY"])
    assert stage["HEALTHCHECK"] == ["NONE"]


def test_the_container_starts_a_command_that_exists() -> None:
    """The entry point is the project's script, and the chart's arguments begin with `operator`."""
    (entry,) = last_stage()["ENTRYPOINT"]
    (script,) = json.loads(entry)
    assert script in PROJECT["project"]["scripts"]
    container = the(render(), "Deployment")["spec"]["template"]["spec"]["containers"][0]
    assert container["args"][0] == "operator"
    assert "command" not in container


def test_the_ports_are_those_of_the_chart() -> None:
    """EXPOSE names what the chart's container listens on."""
    container = the(render(), "Deployment")["spec"]["template"]["spec"]["containers"][0]
    (ports,) = last_stage()["EXPOSE"]
    assert ports.split() == [str(port["containerPort"]) for port in container["ports"]]


def test_the_version_is_the_projects() -> None:
    """Image, chart and package have one version."""
    version = PROJECT["project"]["version"]
    labels = dict(pair.split("=", 1) for pair in shlex.split(" ".join(last_stage()["LABEL"])))
    assert labels["org.opencontainers.image.version"] == version
    assert labels["org.opencontainers.image.licenses"] == PROJECT["project"]["license"]
    container = the(render(), "Deployment")["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == f"muster:{version}"


def test_what_is_copied_exists_and_is_let_in() -> None:
    """Every path of COPY is in the checkout and passes .dockerignore; nothing else does."""
    copied = {
        path
        for word, rest in instructions()
        if word == "COPY" and not rest.startswith("--from")
        for path in rest.split()[:-1]
    }
    ignore = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert {line[1:] for line in ignore if line.startswith("!")} == copied
    assert [path for path in copied if not (ROOT / path).exists()] == []
    assert "*" in ignore
