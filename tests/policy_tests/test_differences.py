"""Each kind of difference between what is expected and what is planned."""

from __future__ import annotations

import pytest
from tests.policy_tests.conftest import GOLD, Tree

WORLD = (
    GOLD
    + """\
directory:
  users:
    - {name: jsmith, groups: [Muster Staff], mail: j@example.test, givenName: John, surname: Smith}
    - {name: boss, groups: [Muster Board, Domain Admins]}
    - {name: svc-scan, groups: [Muster Staff]}
    - {name: other}
vault:
  entries:
    - {id: "1", username: jsmith}
    - {id: "2", username: jsmith@corp.example.test}
psa:
  contacts: [{id: "7", name: John Smith, emails: [J@example.test]}]
"""
)
RIGHT = """\
expect:
  accounts:
    jsmith:
      decision: Imported
      reason: InGroup
      via: Muster Staff
      type: EndUser
      vault: {state: Ambiguous, reason: SeveralMatches, candidates: ["1", "2"]}
      psa: {state: Linked, id: "7", key: Email}
      pair: {state: Skipped}
      changes: [Import registry, Link psa]
      drift: []
    boss: {reason: ExcludedPrivileged}
    svc-scan: {reason: ExcludedExplicit}
    other: {decision: NotSelected}
  totals: {imported: 1, excluded: 2, ambiguous: 1, created: 0}
"""


def test_what_is_as_expected_passes(tree: Tree) -> None:
    """No difference where everything is right."""
    assert tree.differences(WORLD + RIGHT) == []


_CHANGED = [
    ("decision: Imported", "decision: Excluded", "jsmith decision Excluded Imported"),
    ("reason: InGroup", "reason: InOrganizationalUnit", "jsmith reason InOrganizationalUnit"),
    ("via: Muster Staff", "via: Muster", "jsmith via Muster Muster Staff"),
    ("type: EndUser", "type: Administrator", "jsmith type Administrator EndUser"),
    ("state: Ambiguous", "state: Linked", "jsmith vault.state Linked Ambiguous"),
    ('"2"]', '"3"]', "jsmith vault.candidates 1, 3 1, 2"),
    ('id: "7"', 'id: "8"', "jsmith psa.id 8 7"),
    ("key: Email", "key: Name", "jsmith psa.key Name Email"),
    ("SeveralMatches", "SharedMatch", "jsmith vault.reason SharedMatch SeveralMatches"),
    ("pair: {state: Skipped", "pair: {state: Linked", "jsmith pair.state Linked Skipped"),
    (", Link psa", "", "jsmith changes Import registry Import registry, Link psa"),
    ("drift: []", "drift: [vault username]", "jsmith drift vault username nothing"),
    ("decision: NotSelected", "decision: Imported", "other decision Imported NotSelected"),
    ("    svc-scan: {reason: ExcludedExplicit}\n", "", "svc-scan@corp.example.test decision not"),
    ("imported: 1", "imported: 2", " totals.imported 2 1"),
    ("  totals", "  findings: [SourceShrunken]\n  totals", " findings SourceShrunken"),
    ("  totals", "  refused: [LimitExceeded]\n  totals", " refused LimitExceeded approved"),
]


@pytest.mark.parametrize(("old", "new", "told"), _CHANGED, ids=[row[2] for row in _CHANGED])
def test_each_difference_is_told_once(tree: Tree, old: str, new: str, told: str) -> None:
    """One wrong expectation is one difference, with what is expected and what is planned."""
    assert old in RIGHT
    found = tree.differences(WORLD + RIGHT.replace(old, new, 1))
    assert [" ".join(one).startswith(told) for one in found] == [True], found


def test_a_difference_says_why_and_where(tree: Tree) -> None:
    """The plan's own reason stands beside a difference, and the line of the expectation."""
    ((result,), _) = tree.run(WORLD + RIGHT.replace("ExcludedPrivileged", "InGroup"))
    (one,) = result.differences
    assert one.why == "Excluded: ExcludedPrivileged Domain Admins"
    text = result.test.place.file.read_text(encoding="utf-8").splitlines()
    line = int(result.test.place.locate(one.path).rpartition(":")[2])
    assert "boss" in text[line - 1]


def test_without_exact_only_listed_accounts_count(tree: Tree) -> None:
    """`exact: false` lets other accounts be."""
    assert tree.differences(WORLD + "expect: {exact: false}\n") == []


def test_a_refused_plan_must_be_expected(tree: Tree) -> None:
    """A guard's no is a difference, and none when the test says so."""
    users = ", ".join(f"{{name: u{number}, groups: [Muster Staff]}}" for number in range(3))
    world = f"{GOLD}directory: {{users: [{users}]}}\nvault: {{}}\n"
    expect = "expect: {exact: false, refused: [LimitExceeded]}\n"
    ((_, field, expected, actual),) = tree.differences(world + "expect: {exact: false}\n")
    assert (field, expected, actual) == ("refused", "approved", "LimitExceeded")
    assert tree.differences(world + expect) == []


def test_earlier_runs_overrides_and_unread_systems_are_part_of_a_world(tree: Tree) -> None:
    """What the registry holds is kept or retained; a pinned entry is linked; unread is unknown."""
    world = (
        GOLD
        + """\
directory:
  users:
    - {name: jsmith, groups: [Muster Staff]}
    - {name: mdoe}
  groups: [{name: Muster Board}]
vault:
  entries: [{id: "1", username: somebody}]
psa: {unread: true}
overrides: [{account: jsmith, vault: {entryId: "1"}}]
registry:
  accounts:
    - {account: mdoe, vault: {id: "9"}, psa: {id: "5"}}
    - {account: gone@corp.example.test}
expect:
  accounts:
    jsmith: {vault: {state: LinkedByOverride, id: "1"}, psa: {state: Unknown}}
    mdoe: {decision: Retained, reason: RetainedByPolicy, vault: {state: MatchLost}, psa: {id: "5"}}
    gone@corp.example.test: {decision: Retained}
  findings: [SourceIncomplete]
"""
    )
    assert tree.differences(world) == []


def test_entra_and_pairs_are_part_of_a_world(tree: Tree) -> None:
    """A synchronized user is paired, its address counts; a cloud user is found by its UPN."""
    world = """\
exampleCustomer:
  passwordAuthority: EntraConnect
  policies: [staff]
  imports:
    - {accountType: Administrator, select: {entra: {roles: [Global Administrator]}}}
directory:
  users: [{name: jsmith, groups: [Muster Staff]}]
entra:
  users:
    - {upn: john.smith@example.test, syncedFrom: jsmith}
    - {upn: adm@example.test, roles: [Global Administrator], mailbox: false}
vault:
  entries: [{id: "1", username: ADM@example.test, category: Azure AD}]
psa:
  contacts: [{id: "7", emails: [john.smith@example.test]}]
expect:
  accounts:
    jsmith: {pair: {state: Linked, key: ImmutableId}, psa: {id: "7"}}
    adm@example.test: {type: Administrator, reason: InRole, vault: {id: "1"}}
"""
    assert tree.differences(world) == []


def test_a_made_up_customer_may_have_another_vault_or_psa(tree: Tree) -> None:
    """In the native vault an administrator's password is always kept; Autotask cuts names."""
    world = """\
exampleCustomer:
  vault: NativeVault
  psa: Autotask
  imports:
    - accountType: Administrator
      mode: Enforce
      select: {activeDirectory: {builtInGroups: [DomainAdmins]}}
      options: {vault: {match: false}}
    - {accountType: EndUser, select: {activeDirectory: {accounts: [jsmith]}}}
directory:
  users:
    - {name: adm, groups: [Domain Admins]}
    - {name: jsmith, givenName: Maximiliane-Theodora, surname: Wolfeschlegelsteinhausen}
vault: {}
psa: {contacts: [{id: "7", givenName: Maximiliane-Theodora, surname: Wolfeschlegelsteinha}]}
expect:
  accounts:
    adm: {changes: [Import registry, Create vault]}
    jsmith: {psa: {id: "7", key: Name}}
"""
    assert tree.differences(world) == []
