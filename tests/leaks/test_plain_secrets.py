"""Somebody put a password into the tree: every output says where it is, and none shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.leaks.forms import find

from muster.cli.main import app
from muster.cli.shell import run

PLANTED = 'Zq7&"+/=Pl4nted<>ü'
QUOTED = "'" + PLANTED + "'"
FORMATS = (
    *("text", "json", "yaml", "junit", "sarif", "github", "gitlab", "markdown", "openreports"),
)
HEAD = "apiVersion: muster.dev/v1alpha1\nkind: Integration\nmetadata: {name: it-glue}\n"
IT_GLUE = "spec: {itGlue: {region: US, apiKeyRef: {name: it-glue, key: apiKey}}}\n"

TREES = {
    "in place of a reference": f"{HEAD}spec: {{itGlue: {{region: US, apiKeyRef: {QUOTED}}}}}\n",
    "in a field that is not there": f"{HEAD}spec: {{itGlue: {{region: US, apiKey: {QUOTED}}}}}\n",
    "as a password": f"{HEAD}spec:\n  itGlue:\n    region: US\n    password: {QUOTED}\n",
    "as a name of a secret": (
        f"{HEAD}spec: {{itGlue: {{region: US, apiKeyRef: {{name: {QUOTED}, key: k}}}}}}\n"
    ),
    "in a list": f"{HEAD}spec: {{itGlue: {{region: US, apiKeyRef: [{QUOTED}]}}}}\n",
    "as a Secret": (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: it-glue}\n"
        f"stringData:\n  apiKey: {QUOTED}\n---\n{HEAD}{IT_GLUE}"
    ),
    "in an annotation, which nobody reads": (
        f"{HEAD.replace('it-glue}', 'it-glue, annotations: {password: ' + QUOTED + '}}')}{IT_GLUE}"
    ),
    "in broken YAML": f"{HEAD}spec: {{itGlue: {{region: US, apiKey: {QUOTED}\n",
    "twice": f"{HEAD}spec:\n  itGlue:\n    apiKey: {QUOTED}\n    apiKey: {QUOTED}\n",
    "in a mail server's address": (
        f"{HEAD}spec: {{smtp: {{host: localhost, from: a@b.example, password: {QUOTED}}}}}\n"
    ),
    "in an address": (
        f"{HEAD}spec: {{itGlue: {{endpoint: 'https://me:{PLANTED}@itglue.example', "
        "apiKeyRef: {name: a, key: b}}}\n"
    ),
    "in an address of its own line": (
        f"{HEAD}spec:\n  itGlue:\n    endpoint: 'https://me:{PLANTED}@itglue.example'\n"
        "    apiKeyRef: {name: a, key: b}\n"
    ),
}


@pytest.mark.parametrize("tree", TREES)
def test_no_output_shows_a_plain_secret(
    tree: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In every format of validate, with --fix and --strict, and in what plan and apply refuse."""
    estate = tmp_path / "estate"
    estate.mkdir()
    (estate / "integrations.yaml").write_text(TREES[tree], encoding="utf-8")
    places = {}
    for form in FORMATS:
        run(app, ("validate", str(estate), "-o", form, "-o", f"{form}={tmp_path / form}"))
        places[f"validate -o {form}"] = "".join(capsys.readouterr()).encode()
        places[f"file of {form}"] = (tmp_path / form).read_bytes()
    for command in (("validate", "--strict"), ("plan", "-o", "json"), ("apply",)):
        run(app, (*command, str(estate)))
        places[" ".join(command)] = "".join(capsys.readouterr()).encode()
    assert find(places, {"planted": PLANTED}) == []
