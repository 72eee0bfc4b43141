"""`muster vault`: what is listed shows nothing secret, and what is shown is on the record."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from tests.cli.conftest import Shell

from muster.adapters.clock import utc_now
from muster.adapters.native_vault import NativeVaultAdapter
from muster.adapters.native_vault.vault import CATEGORIES
from muster.audit import verify
from muster.model.names import RemoteId
from muster.model.records import EntryDraft
from muster.model.secret import Secret
from muster.registry.entry_store import SqliteEntryStore
from muster.registry.sqlite import SqliteRegistry
from muster.sealing import KeyRing, new_key

PLANTED, OLDER = "planted-Secret-77", "planted-Secret-76"
ESTATE = """\
apiVersion: muster.dev/v1alpha1
kind: Integration
metadata: {name: native}
spec: {nativeVault: {backend: Registry, keyRef: {name: vault, key: keys}}}
---
apiVersion: muster.dev/v1alpha1
kind: Integration
metadata: {name: it-glue}
spec: {itGlue: {region: US, apiKeyRef: {name: it-glue, key: apiKey}}}
---
apiVersion: muster.dev/v1alpha1
kind: Customer
metadata: {name: contoso}
spec:
  displayName: Contoso
  vault: {integrationRef: {name: native}, organizationId: contoso}
---
apiVersion: muster.dev/v1alpha1
kind: Customer
metadata: {name: fabrikam}
spec:
  displayName: Fabrikam
  vault: {integrationRef: {name: it-glue}, organizationId: "1"}
"""
REASON = ("--reason", "ticket 20311")
KEY = new_key()


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    """An estate with a native vault that holds one entry with two passwords."""
    (tmp_path / "estate.yaml").write_text(ESTATE)
    write_keys(tmp_path, KEY)
    with SqliteRegistry.open(tmp_path / ".muster" / "state.sqlite") as registry:
        keys = KeyRing.parse(KEY, "test")
        vault = NativeVaultAdapter(SqliteEntryStore(registry, "native"), keys, utc_now)
        organization = RemoteId("contoso")
        draft = EntryDraft(
            name="Joan Smith AD", username="jsmith", category=CATEGORIES[0], mark="contoso/1"
        )
        entry = vault.create_entry(organization, draft)
        for password in (OLDER, PLANTED):
            vault.write_password(organization, entry, Secret(password))
    return tmp_path


def write_keys(estate: Path, *keys: Secret) -> None:
    """Write the key ring's secret."""
    file = estate / "secrets" / "vault" / "keys"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(key.reveal() for key in keys))
    file.chmod(0o600)


def audit(estate: Path) -> list[dict[str, str]]:
    """Return what was recorded, after a check that nobody changed it."""
    path = estate / ".muster" / "audit.jsonl"
    verify(path)
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_password_is_shown_on_the_record(muster: Shell, estate: Path) -> None:
    """Only the password is printed, and the line that was written before names no secret."""
    shown = muster.ok("vault", "show", "contoso", "jsmith", *REASON)
    assert shown.out == PLANTED + "\n"
    older = muster.ok("vault", "show", "contoso", "JOAN smith ad", "--revision", "1", *REASON)
    assert older.out == OLDER + "\n"
    first, second = audit(estate)
    assert (first["action"], first["customer"]) == ("ShowPassword", "contoso")
    assert (first["reason"], first["result"]) == ("ticket 20311", "Shown")
    assert second["subject"].endswith("revision 1")
    assert PLANTED not in json.dumps([first, second]) + shown.err


def test_what_cannot_be_recorded_is_not_shown(muster: Shell, estate: Path) -> None:
    """No audit file, no password."""
    (estate / ".muster" / "audit.jsonl").mkdir()
    result = muster("vault", "show", "contoso", "jsmith", *REASON)
    assert result.code == 1
    assert "audit file cannot be written" in result.err
    assert PLANTED not in result.out + result.err


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def test_a_terminal_needs_more_than_a_command(
    muster: Shell, estate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --reveal nothing is printed there, and without a yes neither."""
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    assert "--reveal" in muster("vault", "show", "contoso", "jsmith", *REASON).err
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    refused = muster("vault", "show", "contoso", "jsmith", "--reveal", *REASON)
    assert refused.code == 130
    assert PLANTED not in screen.getvalue()
    assert not (estate / ".muster" / "audit.jsonl").exists()
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    muster.ok("vault", "show", "contoso", "jsmith", "--reveal", *REASON)
    assert PLANTED in screen.getvalue()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("contoso", "jsmith"), "--reason"),
        (("contoso", "jsmith", "--reason", " "), "A reason is needed"),
        (("contoso", "nobody", *REASON), 'contoso has no entry "nobody"'),
        (("contoso", "jsmith", "--revision", "9", *REASON), "has no revision 9; it has 1 to 2"),
        (("fabrikam", "jsmith", *REASON), "fabrikam does not use the native vault"),
    ],
)
def test_a_wrong_question_shows_nothing(
    muster: Shell, arguments: tuple[str, ...], says: str
) -> None:
    """Each mistake is named, and no password is printed."""
    result = muster("vault", "show", *arguments)
    assert result.code != 0
    assert says in result.err
    assert PLANTED not in result.out + result.err


def test_lists_show_no_password(muster: Shell, estate: Path) -> None:
    """Entries and revisions are listed without a key, and nothing is recorded of that."""
    (entry,) = muster.ok("vault", "list", "-c", "contoso", "-o", "json").data
    assert (entry["customer"], entry["username"]) == ("contoso", "jsmith")
    assert entry["entry"] in muster.ok("vault", "list").out
    revisions = muster.ok("vault", "history", "contoso", entry["entry"], "-o", "json").data
    assert [one["revision"] for one in revisions] == ["2", "1"]
    assert {one["key"] for one in revisions} == set(KeyRing.parse(KEY, "x").key_ids)
    assert not (estate / ".muster" / "audit.jsonl").exists()


def test_keys_are_renewed(muster: Shell, estate: Path) -> None:
    """A new key above the old one, a reseal, and the old one is needed no more."""
    new = Secret(muster.ok("vault", "key").out.strip())
    write_keys(estate, new)
    failed = muster("vault", "show", "contoso", "jsmith", *REASON)
    assert (failed.code, failed.out) == (1, "")
    assert "is not in the key ring" in failed.err
    write_keys(estate, new, KEY)
    assert "2 passwords sealed anew" in muster.ok("vault", "reseal").err
    assert "0 passwords sealed anew" in muster.ok("vault", "reseal", "native").err
    write_keys(estate, new)
    assert muster.ok("vault", "show", "contoso", "jsmith", *REASON).out == PLANTED + "\n"
    results = [one["result"] for one in audit(estate)]
    assert results == ["UnknownKey", "Begun", "Begun", "Shown"]


def test_what_cannot_be_resealed_is_named(muster: Shell, estate: Path) -> None:
    """Without the key that sealed them, passwords stay as they are, and the command fails."""
    write_keys(estate, Secret(muster.ok("vault", "key").out.strip()))
    result = muster("vault", "reseal")
    assert result.code == 1
    assert "native, contoso, jsmith-" in result.err
    assert "is not in the key ring" in result.err


def test_a_show_works_beside_a_daemon_and_a_reseal_waits(muster: Shell, estate: Path) -> None:
    """Reading needs no lock; what writes says who has it."""
    with SqliteRegistry.open(estate / ".muster" / "state.sqlite"):
        assert muster.ok("vault", "show", "contoso", "jsmith", *REASON).out == PLANTED + "\n"
        busy = muster("vault", "reseal")
    assert busy.code == 5
    assert "is in use by process" in busy.err


def test_an_unknown_vault_is_named(muster: Shell) -> None:
    """The vaults that there are stand in the error."""
    result = muster("vault", "reseal", "it-glue")
    assert result.code == 1
    assert "The estate has: native." in result.err


def test_doctor_looks_at_the_vault(muster: Shell, estate: Path) -> None:
    """The keys and the entries are lines of the check, and a missing key fails it."""
    lines = {
        one["check"]: one["ok"]
        for one in muster("doctor", "-o", "json").data
        if one["system"] == "native"
    }
    assert lines == {"keys": True, "entries": True}
    write_keys(estate, new_key())
    assert "no key of the ring opens" in muster("doctor").out
