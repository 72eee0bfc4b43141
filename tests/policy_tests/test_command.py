"""`muster test` as people call it: what it prints, what it writes, how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
import xmlschema
from tests.policy_tests.conftest import GOLD, Tree

from muster.cli.main import app
from muster.cli.shell import run

XSD = Path(__file__).parents[1] / "validation" / "schemas" / "junit-10.xsd"
WORLD = (
    GOLD
    + "directory: {users: [{name: jsmith, groups: [Muster Staff]}]}\n"
    + "vault: {entries: [{id: '1', username: jsmith}]}\n"
)
RIGHT = WORLD + "expect: {accounts: {jsmith: {reason: InGroup}}}\n"
WRONG = WORLD + "expect: {accounts: {jsmith: {vault: {id: '2'}}}}\n"


def test_failures_end_with_one_and_say_why(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    """A difference is a row with the account, both values and the reason; the exit code is 1."""
    assert run(app, ["test", str(tree.write(RIGHT, WRONG))]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "pass test 0" in printed
    assert "jsmith vault.id 2 1 Linked: Matched" in printed
    assert "2 tests, 1 passed, 1 failed." in printed
    assert run(app, ["test", str(tree.write(RIGHT))]) == 0


def test_the_reports_of_one_run_agree(tree: Tree, tmp_path: Path) -> None:
    """JSON and JUnit tell of the same tests, and name the line of the expectation."""
    file = tree.write(RIGHT, WRONG, "customer: nobody\nexpect: {}\n")
    (tree.folder / "bad.muster-test").write_text("- x\n", encoding="utf-8")
    data, junit = tmp_path / "out.json", tmp_path / "out.xml"
    arguments = ["-o", f"json={data}", "-o", f"junit={junit}", "--coverage", "--mutate"]
    assert run(app, ["test", str(tree.folder), *arguments]) == 1
    report = json.loads(data.read_text(encoding="utf-8"))
    assert [one["passed"] for one in report["tests"]] == [True, False, False]
    assert len(report["problems"]) == 1
    (difference,) = report["tests"][1]["differences"]
    line = int(difference["place"].rpartition(":")[2])
    assert "id: '2'" in file.read_text(encoding="utf-8").splitlines()[line - 1]
    assert report["coverage"]["percent"] < 100
    assert report["mutation"]["survivors"]
    suite = ElementTree.parse(junit).getroot()[0]
    assert dict(suite.attrib) | {"tests": "4", "failures": "1", "errors": "2"} == dict(suite.attrib)
    assert len(suite.findall("testcase")) == 4


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--coverage",), 0),
        (("--coverage-min", "10"), 0),
        (("--coverage-min", "100"), 1),
        (("--mutate",), 0),
        (("--mutate", "--strict"), 1),
        (("-o", "xml"), 64),
        (("-o", "junit="), 64),
        (("-o", "json", "-o", "text=-"), 64),
    ],
)
def test_what_is_asked_for_decides_the_exit_code(
    tree: Tree, arguments: tuple[str, ...], code: int
) -> None:
    """Too little coverage fails; survivors fail only under --strict; an unknown format is usage."""
    assert run(app, ["test", str(tree.write(RIGHT)), *arguments]) == code


def test_a_report_follows_its_schema_whatever_the_names_are(tree: Tree, tmp_path: Path) -> None:
    """Control characters in names are written out: the XSD of Jenkins accepts every ending."""
    odd = "\\x1b[2J\\u2028]]>"
    failing = f'{GOLD}directory: {{users: [{{name: "{odd}"}}]}}\n'
    file = tree.write(
        RIGHT,
        f'{failing}expect: {{accounts: {{"{odd}": {{decision: Imported}}}}}}\n',
        f'customer: "{odd}"\nexpect: {{}}\n',
    )
    file.write_text(file.read_text(encoding="utf-8").replace("name: test 1", f'name: "{odd}"'))
    (tree.folder / "bad.muster-test").write_text("- x\n", encoding="utf-8")
    junit = tmp_path / "out.xml"
    assert run(app, ["test", str(tree.folder), "-o", f"junit={junit}"]) == 1
    xmlschema.XMLSchema(str(XSD)).validate(str(junit))
    text = junit.read_text(encoding="ascii")
    assert r"\x1b[2J" in text
    tags = [child.tag for case in ElementTree.fromstring(text)[0] for child in case]
    assert sorted(tags) == ["error", "error", "failure"]


def test_wrong_resources_are_an_error_of_the_test(
    tree: Tree, capsys: pytest.CaptureFixture[str]
) -> None:
    """A policy that `validate` refuses lets no test run, and the problem is shown."""
    (tree.folder / "staff.yaml").write_text("apiVersion: muster.dev/v1alpha1\nkind: X\n")
    assert run(app, ["test", str(tree.write(RIGHT))]) == 1
    assert "Unknown kind `X`" in capsys.readouterr().out
