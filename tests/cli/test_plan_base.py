"""`muster plan --base`: what a pull request changes, live or from a recording, until the merge."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cli.conftest import Result, Shell
from tests.plan.world import EVERYTHING, NOW, World, person, settings

from muster.cli.markdown import MARK, MARKDOWN_LIMIT, code
from muster.cli.plan_markdown import comparison_markdown, plan_markdown
from muster.lab.lab import Lab
from muster.model.names import CustomerName
from muster.model.plans import Approved
from muster.plan.compare import Side, compare
from muster.report.comparison_document import Comparison

_WHO = ("-c", "user.name=Ada", "-c", "user.email=ada@example.test", "-c", "commit.gpgsign=false")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab of two customers that only the last test writes to."""
    with Lab(customers=2, people=12) as running:
        yield running


@pytest.fixture
def git(estate: Path) -> Callable[..., str]:
    """Git in the estate, whose first commit is `main`."""

    def call(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *_WHO, *arguments], cwd=estate, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    call("init", "-q", "-b", "main")
    commit(call)
    return call


def commit(git: Callable[..., str]) -> str:
    """Commit everything, and return the commit's id."""
    git("add", "-A")
    git("commit", "-q", "--allow-empty", "-m", "a change")
    return git("rev-parse", "HEAD")


def edit(muster: Shell, name: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the spec of a resource in its file."""
    file = muster.estate / name
    resource = yaml.safe_load(file.read_text())
    change(resource["spec"])
    file.write_text(yaml.safe_dump(resource, sort_keys=False))


def no_contacts(spec: dict[str, Any]) -> None:
    """Let a policy leave the PSA alone."""
    spec["options"]["psa"] = {"match": False, "createWhenMissing": False}


def move(place: str, spec: dict[str, Any]) -> None:
    """Lead a customer to another organization of its vault."""
    spec["vault"]["organizationId"] = place


STAFF = "policies/staff.yaml"


def customer(result: Result, name: str) -> dict[str, Any]:
    """Return one customer of a comparison."""
    found: dict[str, Any] = next(one for one in result.data["customers"] if one["name"] == name)
    return found


def keys_of(value: Any) -> set[str]:
    """Return every key of a JSON document."""
    children = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list):
        return set()
    own = set(value) if isinstance(value, dict) else set[str]()
    return own.union(*map(keys_of, children))


def names(result: Result) -> set[str]:
    """Return every account that a plan names."""
    return {
        one["account"] for found in result.data["customers"] for one in found.get("decisions", ())
    }


def test_only_what_the_change_does_is_told(muster: Shell, git: Callable[..., str]) -> None:
    """What is due without the change is pending; the tree, the index and the state stay."""
    assert muster("plan", "--base", "main", "--detailed-exitcode").code == 0
    edit(muster, STAFF, no_contacts)
    before = git("status", "--porcelain")
    result = muster("plan", "--base", "main", "--detailed-exitcode", "-o", "json")
    assert result.code == 2, result.err
    contoso, fabrikam = customer(result, "contoso"), customer(result, "fabrikam")
    assert {one["system"] for one in contoso["dropped"]} == {"psa"}
    page = (Path(__file__).parents[2] / "docs" / "reference" / "plan-document.md").read_text()
    assert [key for key in keys_of(result.data) if f"`{key}`" not in page] == []
    assert contoso["added"] == []
    assert contoso["counts"]["pending"] > 10
    assert fabrikam["counts"]["pending"] > 10
    assert (fabrikam["added"], fabrikam["dropped"], fabrikam["accounts"]) == ([], [], [])
    (at,) = {one["at"].partition(":")[0] for one in contoso["dropped"]}
    assert (at, contoso["dropped"][0]["at"][-8:]) == (STAFF, " at main")
    text = muster.ok("plan", "--base", "main").out
    assert "Already pending, not because of this change" in text
    assert text.splitlines()[-1].endswith(result.data["digest"])
    assert "fabrikam" not in text
    assert git("status", "--porcelain") == before
    assert not (muster.estate / ".muster").exists()


def test_each_system_is_asked_once(muster: Shell, lab: Lab, git: Callable[..., str]) -> None:
    """Both sides share an observation; a customer that moved is read in both places, and told."""
    edit(muster, STAFF, no_contacts)
    lab.itglue.reset_log()
    muster.ok("plan")
    once = len(lab.itglue.requests)
    lab.itglue.reset_log()
    muster.ok("plan", "--base", "main")
    assert len(lab.itglue.requests) == once
    ours, theirs = (lab.organization_ids[name] for name in ("contoso", "fabrikam"))
    for name, place in (("contoso", theirs), ("fabrikam", ours)):
        edit(muster, f"customers/{name}.yaml", partial(move, place))
    lab.itglue.reset_log()
    result = muster("plan", "--base", "main", "-o", "json")
    assert [one["elsewhere"] for one in result.data["customers"]] == [["vault"], ["vault"]]
    assert len(lab.itglue.requests) > once
    assert "this was read twice: vault" in muster("plan", "--base", "main").out


def test_a_recording_plans_without_any_system(
    muster: Shell, lab: Lab, git: Callable[..., str], tmp_path: Path
) -> None:
    """From a recording comes the live plan, byte by byte; and it holds no secret."""
    file = tmp_path / "seen.json.gz"
    live = muster.ok("plan", "--record", str(file), "-o", "json")
    assert live.out == muster.ok("plan", "-o", "json").out
    secrets = [one.read_text() for one in (muster.estate / "secrets").rglob("*") if one.is_file()]
    text = gzip.decompress(file.read_bytes()).decode()
    assert not any(one.strip() in text for one in secrets)
    edit(muster, STAFF, no_contacts)
    compared = muster.ok("plan", "--base", "main", "-o", "json").data
    (muster.estate / "secrets").rename(tmp_path / "secrets-gone")
    lab.itglue.reset_log()
    offline = muster.ok("plan", "--from", str(file), "--base", "main", "-o", "json").data
    assert offline.pop("recordedAt") > "2020"
    assert compared.pop("recordedAt") == ""
    assert offline == compared
    git("checkout", "-q", "--", STAFF)
    assert muster.ok("plan", "--from", str(file), "-o", "json").out == live.out
    assert lab.itglue.requests == []
    assert "Planned from what was recorded at" in muster.ok("plan", "--from", str(file)).out


def test_a_recording_does_not_guess(muster: Shell, git: Callable[..., str], tmp_path: Path) -> None:
    """A customer or connection that it lacks is not read whole, which ends with 1."""
    file = tmp_path / "seen.json"
    muster.ok("plan", "--record", str(file), "-c", "contoso")
    result = muster("plan", "--from", str(file), "-o", "json")
    assert result.code == 1
    assert customer(result, "contoso")["complete"]
    fabrikam = customer(result, "fabrikam")
    assert not fabrikam["complete"]
    assert fabrikam["changes"] == []
    assert "does not hold the directory of fabrikam" in str(fabrikam["findings"])
    compared = muster("plan", "--from", str(file), "--base", "main")
    assert compared.code == 1
    assert "1 customer not read whole" in compared.out
    assert compared.out.count("does not hold the directory of fabrikam") == 1
    hidden = muster("plan", "--from", str(file), "--base", "main", "--anonymous")
    assert "1 customer not read whole" in hidden.out
    assert "does not hold" not in hidden.out


def test_a_pseudonymized_recording_plans_alike_and_names_nobody(
    muster: Shell, git: Callable[..., str], tmp_path: Path
) -> None:
    """The same is done to the same accounts under other names, and no person's name is left."""
    open_, file = tmp_path / "open.json", tmp_path / "seen.json"
    muster.ok("plan", "--record", str(open_))
    live = muster.ok("plan", "--record", str(file), "--pseudonymize", "-o", "json")
    text = file.read_text()
    told = names(live) | set(of_people(json.loads(open_.read_text())))
    assert len(told) > 100
    assert [one for one in told if one in text] == []
    found = muster.ok("plan", "--from", str(file), "-o", "json")
    for ours, theirs in zip(live.data["customers"], found.data["customers"], strict=True):
        assert done_by_id(theirs) == done_by_id(ours)
        assert theirs["counts"] == ours["counts"]
    assert muster("plan", "--pseudonymize").code == 64


def of_people(value: Any) -> Iterator[str]:
    """Yield names and addresses of people; syllables and `admin` are anybody's."""
    if isinstance(value, list):
        for one in value:
            yield from of_people(one)
    for key, one in value.items() if isinstance(value, dict) else ():
        if isinstance(one, str) and key in {"surname", "upn", "mail", "address", "username"}:
            yield from [one] if len(one) > 4 and "admin" not in one.casefold() else []
        yield from of_people(one)


def done_by_id(one: dict[str, Any]) -> set[tuple[str, ...]]:
    """Return what a plan does, by ids and not by names."""
    return {tuple(row[key] for key in _WITHOUT_NAMES) for row in one["changes"]}


_WITHOUT_NAMES = ("system", "action", "objectId", "reason", "because")


def test_anonymous_output_names_nobody(muster: Shell, git: Callable[..., str]) -> None:
    """With --anonymous no account stands in any form, and the counts are the same."""
    everybody = names(muster.ok("plan", "-o", "json"))
    edit(muster, STAFF, lambda spec: spec.update(limits={"create": {"percent": 0, "floor": 0}}))
    (muster.estate / "policies" / "administrators.yaml").unlink()
    open_ = muster("plan", "--base", "main", "-o", "json")
    assert any(one in open_.out for one in everybody)
    for form in ("text", "json", "yaml", "markdown"):
        hidden = muster("plan", "--base", "main", "--anonymous", "-o", form)
        assert hidden.code == open_.code == 4
        assert [one for one in everybody if one in hidden.out] == []
        if form == "json":
            pairs = zip(hidden.data["customers"], open_.data["customers"], strict=True)
            assert all(one["counts"] == two["counts"] for one, two in pairs)
    alone = muster("plan", "--anonymous", "-o", "markdown")
    assert [one for one in everybody if one in alone.out] == []
    assert muster("plan", "--anonymous").code == 64
    assert muster("plan", "--record", "a.json", "--from", "b.json").code == 64


def test_a_base_that_cannot_be_loaded_is_told(muster: Shell, git: Callable[..., str]) -> None:
    """Wrong files at the revision, or a wrong revision, are errors that name the place."""
    good = (muster.estate / STAFF).read_text()
    edit(muster, STAFF, lambda spec: spec.update(mode="Maybe"))
    broken = commit(git)
    (muster.estate / STAFF).write_text(good)
    result = muster("plan", "--base", broken)
    assert result.code == 1
    assert f"The files at {broken} have problems" in result.err
    assert f"{STAFF}:" in result.err
    assert "muster-base-" not in result.err
    assert muster("plan", "--base", "nowhere").code == 1
    assert "is no revision" in muster("plan", "--base", "").err
    assert muster("plan", ".", "policies", "--base", "main~1").code == 0
    assert muster("plan", "--base", "main", "-c", "nobody").code == 1


def test_a_customer_that_leaves_git_is_released_by_nobody(
    muster: Shell, git: Callable[..., str]
) -> None:
    """A deleted customer is told, also by -c; a new one has everything added."""
    (muster.estate / "customers" / "fabrikam.yaml").unlink()
    gone = customer(muster("plan", "--base", "main", "-c", "fabrikam", "-o", "json"), "fabrikam")
    assert (gone["standing"], gone["added"], gone["accounts"]) == ("Removed", [], [])
    assert "no longer in git" in muster.ok("plan", "--base", "main").out
    without = commit(git)
    git("checkout", "-q", "main~1", "--", "customers/fabrikam.yaml")
    new = customer(muster("plan", "--base", without, "-o", "json"), "fabrikam")
    assert new["standing"] == "New"
    assert new["counts"]["gained"] > 0
    assert new["counts"]["pending"] == 0


def test_apply_takes_the_digest_of_the_comparison(
    muster: Shell, lab: Lab, git: Callable[..., str]
) -> None:
    """After the merge exactly the reviewed plan is applied; another change in between refuses."""
    edit(muster, STAFF, no_contacts)
    commit(git)
    muster.ok("apply")
    git("checkout", "-q", "-b", "work")
    edit(muster, STAFF, lambda spec: spec["options"]["psa"].update(match=True))
    reviewed = muster.ok("plan", "--base", "main", "-o", "json").data
    (contoso,) = (one for one in reviewed["customers"] if one["name"] == "contoso")
    assert {(one["action"], one["system"]) for one in contoso["added"]} == {("Link", "psa")}
    commit(git)
    git("checkout", "-q", "main")
    git("merge", "-q", "--ff-only", "work")
    edit(muster, STAFF, lambda spec: spec.update(exclude={"accounts": ["jsmith"]}))
    commit(git)
    refused = muster("apply", "--expect", reviewed["digest"])
    assert refused.code == 1
    assert "The plan has changed" in refused.err
    git("revert", "--no-edit", "HEAD")
    done = muster.ok("apply", "--expect", reviewed["digest"])
    assert "contoso" in done.out
    assert muster.ok("plan", "-o", "json").data["customers"][0]["changes"] == []


# ---------------------------------------------------------------- Markdown

HOSTILE = "a|b`c`<img src=x>@everyone](https://x.test)\x1b[2J"


def _sides(count: int, people: int) -> dict[CustomerName, Side]:
    """Return many customers with many new accounts each, one of them with an odd name."""
    crowd = tuple(person("Kim", f"Lang{number}") for number in range(people))
    odd = replace(person("Odd", "One"), upn=HOSTILE)
    world = World(users=(*crowd, odd), policies=(settings(options=EVERYTHING),))
    plan = world.plan()
    found = {CustomerName(f"customer-{number:03}") for number in range(count)}
    return {
        name: Side(verdict=Approved(replace(plan, customer=name)), covered=True) for name in found
    }


def _comparison(head: dict[CustomerName, Side], **fields: Any) -> Comparison:
    return Comparison(
        radius=compare({}, head),
        revision="main",
        commit="0" * 40,
        locate=lambda _: "estate/policies/staff.yaml:12",
        locate_base=lambda _: None,
        recorded_at=NOW,
        **fields,
    )


@pytest.mark.parametrize(("count", "people"), [(1, 3), (3, 400), (60, 40), (2000, 1)])
def test_a_comment_is_never_too_long(count: int, people: int) -> None:
    """However large the change: below the limit, every fold closed, the same in any order."""
    head = _sides(count, people)
    text = comparison_markdown(_comparison(head))
    assert len(text) < 65_000 == MARKDOWN_LIMIT
    assert text.startswith(MARK)
    assert text.count("<details>") == text.count("</details>") > 0
    back = dict(reversed(list(head.items())))
    assert comparison_markdown(_comparison(back)) == text
    plan = plan_markdown([one.verdict for one in head.values()], lambda _: None, anonymous=False)
    assert len(plan) < MARKDOWN_LIMIT
    assert plan.count("<details>") == plan.count("</details>") > 0
    if count == 2000:
        assert re.search(r"… and \d+ more customers", text)


def test_one_more_customer_moves_nothing_above_it() -> None:
    """A customer at the end of the list leaves the parts of the others as they were."""
    few, many = _sides(3, 5), _sides(4, 5)
    parts = comparison_markdown(_comparison(few)).split("<details>")[1:]
    assert comparison_markdown(_comparison(many)).split("<details>")[1:4][:2] == parts[:2]


def test_a_name_is_only_text() -> None:
    """Nothing that a name holds becomes a link, a mention, HTML, a cell or a control character."""
    text = comparison_markdown(_comparison(_sides(1, 0)))
    rows = [line for line in text.splitlines() if "img src" in line]
    assert rows
    for line in rows:
        outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", line)
        assert not re.search(r"[<@\x1b]|\]\(", outside)
        assert len(re.findall(r"(?<!\\)\|", line)) in {5, 7}
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "`plain`"),
        ("", "–"),
        ("a|b", "`a\\|b`"),
        ("a`b", "`` a`b ``"),
        ("a\nb", "`a\\nb`"),
        ("x" * 300, f"`{'x' * 200}…`"),
    ],
)
def test_foreign_text_is_shown_as_code(text: str, shown: str) -> None:
    """Code spans are closed whatever they hold, stay on one line and in one cell."""
    assert code(text) == shown


def test_an_anonymous_comment_counts() -> None:
    """Without names the table and the policy lines remain."""
    text = comparison_markdown(_comparison(_sides(1, 3), anonymous=True))
    assert "klang" not in text
    assert "| `customer-000` | 4 |" in text
    assert "estate/policies/staff.yaml:12" in text
