"""The native vault keeps passwords in the registry and in a key-value engine, and shows none.

Its store in a cluster is tested beside the other things of the cluster, in tests/kube.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import trustme
from tests.contract.vault.native_suite import (
    CONTOSO,
    DRAFT,
    NEW,
    OLD,
    PLANTED,
    NativeContract,
    OpenStore,
    password_of,
    vault_of,
)

from muster.adapters.native_vault import NativeVaultAdapter, open_native_vault
from muster.adapters.native_vault.key_value import KeyValueStore
from muster.adapters.native_vault.vault import KEPT_REVISIONS
from muster.adapters.secrets import EnvironmentSecrets, variable_of
from muster.errors import (
    AccessDenied,
    RemoteError,
    SpecError,
    StateError,
    Unavailable,
    Unexpected,
)
from muster.lab.faults import CutBody, Disconnect, FaultKind, HtmlError, LostReply, ServerError
from muster.lab.key_value import KeyValueLab
from muster.model.connections import (
    Integration,
    KeyValue2,
    NativeVault,
    SecretRef,
    VaultBackend,
)
from muster.model.names import RemoteId
from muster.model.secret import Secret
from muster.ports import EntryStale, StoredEntry
from muster.registry.entry_store import SqliteEntryStore
from muster.registry.sqlite import SqliteRegistry
from muster.sealing import BrokenSeal
from muster.transport.options import HttpOptions

KEYS = SecretRef(name="vault", key="keys")
TOKEN = SecretRef(name="bao", key="token")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[SqliteRegistry]:
    """Return a registry that is open for writing."""
    with SqliteRegistry.open(tmp_path / "state.sqlite") as opened:
        yield opened


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """One authority for all labs of this file; making one is slow."""
    return trustme.CA()


@pytest.fixture
def lab(ca: trustme.CA) -> Iterator[KeyValueLab]:
    """Return a running key-value engine that wants every write checked."""
    with KeyValueLab(ca=ca, cas_required=True) as running:
        yield running


OpenEngine = Callable[..., KeyValueStore]


@pytest.fixture
def open_engine(lab: KeyValueLab) -> Iterator[OpenEngine]:
    """Return what opens a store in the engine, with another token or mount where asked."""
    with ExitStack() as stack:

        def opened(token: str = lab.token, mount: str = "secret", **more: object) -> KeyValueStore:
            ca_pem = more.get("ca_pem", lab.ca.cert_pem.bytes().decode())
            store = KeyValueStore(
                KeyValue2(endpoint=lab.endpoint, token=TOKEN, mount=mount),
                vault="native",
                token=Secret(token),
                ca_pem=ca_pem if isinstance(ca_pem, str) else None,
                options=HttpOptions(retry_budget_s=0.3, first_delay_s=0.01, read_timeout_s=2),
            )
            stack.callback(store.close)
            return store

        yield opened


class TestInTheRegistry(NativeContract):
    """The contract, in the registry's file."""

    @pytest.fixture
    def open_store(self, registry: SqliteRegistry) -> OpenStore:
        """Return what opens the store."""
        return lambda: SqliteEntryStore(registry, "native")


class TestInAKeyValueEngine(NativeContract):
    """The contract, in a simulated engine, through its client library."""

    @pytest.fixture
    def open_store(self, open_engine: OpenEngine) -> OpenStore:
        """Return what opens the store."""
        return open_engine


# ---------------------------------------------------------------- tampering


@pytest.mark.parametrize(
    "change",
    [{"category": 5}, {"mark": ["x"]}, {"name": None}, {"revisions": None}, {"format": 2}],
    ids=lambda change: next(iter(change)),
)
def test_a_document_of_another_form_is_no_entry(
    registry: SqliteRegistry, change: dict[str, object]
) -> None:
    """It is named and never taken for an entry, because a plan would be made of it."""
    store = SqliteEntryStore(registry, "native")
    vault = vault_of(store)
    entry = vault.create_entry(CONTOSO, DRAFT)
    vault.write_password(CONTOSO, entry, Secret(PLANTED))
    (stored,) = store.list_entries(CONTOSO)
    altered = {**stored.document, **change}
    store.put_entry(dataclasses.replace(stored, version=3, document=altered))
    _require_named(vault, entry)


@pytest.mark.parametrize("text", ["{nope", "[]", "null"])
def test_a_damaged_document_is_no_entry(registry: SqliteRegistry, text: str) -> None:
    """What is no JSON object is told as such by each command, also by the check."""
    vault = vault_of(SqliteEntryStore(registry, "native"))
    entry = vault.create_entry(CONTOSO, DRAFT)
    with registry.writing() as connection:
        connection.execute("UPDATE vault_entries SET document = ?", (text,))
    _require_named(vault, entry)


def _require_named(vault: NativeVaultAdapter, entry: RemoteId) -> None:
    for act in (
        lambda: list(vault.list_entries(CONTOSO)),
        lambda: vault.read_password(CONTOSO, entry),
        lambda: vault.write_password(CONTOSO, entry, Secret(PLANTED)),
    ):
        with pytest.raises(Unexpected, match=f"entry {entry} of contoso"):
            act()
    assert [one.name for one in vault.check() if not one.ok] == ["entries"]


def test_what_stands_in_place_of_a_key_is_not_shown(registry: SqliteRegistry) -> None:
    """The id of a key goes to people's terminals, so it is read as one or not at all."""
    store = SqliteEntryStore(registry, "native")
    vault = vault_of(store)
    entry = vault.create_entry(CONTOSO, DRAFT)
    vault.write_password(CONTOSO, entry, Secret(PLANTED))
    (stored,) = store.list_entries(CONTOSO)
    (revision,) = stored.document["revisions"]
    revision["sealed"] = "muster1.\x1b[2Jevil.AAAA.AAAA"
    store.put_entry(dataclasses.replace(stored, version=3))
    with pytest.raises(BrokenSeal) as caught:
        vault.read_password(CONTOSO, entry)
    assert "evil" not in str(caught.value)


# ---------------------------------------------------------------- revisions


def test_old_revisions_are_dropped(registry: SqliteRegistry) -> None:
    """Only so many are kept, and a number is never used again."""
    vault = vault_of(SqliteEntryStore(registry, "native"))
    entry = vault.create_entry(CONTOSO, DRAFT)
    for number in range(KEPT_REVISIONS + 3):
        vault.write_password(CONTOSO, entry, Secret(f"password {number}"))
    kept = vault.find_entry(CONTOSO, entry).revisions
    assert [int(one.id) for one in kept] == list(range(KEPT_REVISIONS + 3, 3, -1))


def test_a_moved_password_does_not_open(registry: SqliteRegistry) -> None:
    """Who may write the store cannot give one account another account's password."""
    store = SqliteEntryStore(registry, "native")
    vault = vault_of(store)
    mine = vault.create_entry(CONTOSO, DRAFT)
    theirs = vault.create_entry(CONTOSO, dataclasses.replace(DRAFT, mark="contoso/2"))
    for one in (mine, theirs):
        vault.write_password(CONTOSO, one, Secret(PLANTED))
    source, target = (store.find_entry(CONTOSO, one) for one in (theirs, mine))
    assert source is not None
    assert target is not None
    moved = target.document | {"revisions": source.document["revisions"]}
    store.put_entry(dataclasses.replace(target, version=target.version + 1, document=moved))
    with pytest.raises(BrokenSeal):
        vault.read_password(CONTOSO, mine)


@pytest.mark.parametrize(
    "document", [{}, {"format": 2}, {"format": 1, "name": "x"}, {"format": 1, "revisions": [{}]}]
)
def test_a_document_that_is_not_ours_is_an_error(
    registry: SqliteRegistry, document: dict[str, object]
) -> None:
    """It is never read as an entry without passwords."""
    store = SqliteEntryStore(registry, "native")
    store.put_entry(
        StoredEntry(organization=CONTOSO, id=RemoteId("e"), version=1, document=document)
    )
    with pytest.raises(Unexpected, match="entry e of contoso"):
        list(vault_of(store).list_entries(CONTOSO))


# ---------------------------------------------------------------- what lies on the disk


def test_no_password_lies_in_the_registry(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not in any file beside it, not in the log, not in what is printed of the objects."""
    caplog.set_level(logging.DEBUG)
    with SqliteRegistry.open(tmp_path / "state.sqlite") as registry:
        vault = vault_of(SqliteEntryStore(registry, "native"))
        entry = vault.create_entry(CONTOSO, DRAFT)
        vault.write_password(CONTOSO, entry, Secret(PLANTED))
        shown = repr(vault.find_entry(CONTOSO, entry)) + repr(list(vault.list_entries(CONTOSO)))
        files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    files += b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert DRAFT.mark.encode() in files, "the files that were looked at are the right ones"
    for secret in (PLANTED, OLD.reveal()):
        assert secret.encode() not in files
        assert secret not in shown + caplog.text


def test_a_reader_sees_entries_beside_a_writer_and_writes_none(tmp_path: Path) -> None:
    """A command that reads needs no lock while a daemon runs; a write without it is refused."""
    path = tmp_path / "state.sqlite"
    with SqliteRegistry.open(path) as writer:
        vault = vault_of(SqliteEntryStore(writer, "native"))
        entry = vault.create_entry(CONTOSO, DRAFT)
        vault.write_password(CONTOSO, entry, Secret(PLANTED))
        with SqliteRegistry.open_for_reading(path) as reader:
            beside = vault_of(SqliteEntryStore(reader, "native"))
            assert password_of(beside, entry) == PLANTED
            with pytest.raises(StateError):
                beside.write_password(CONTOSO, entry, Secret("other"))


def test_two_vaults_in_one_registry_are_apart(registry: SqliteRegistry) -> None:
    """Each integration has entries of its own."""
    vault_of(SqliteEntryStore(registry, "one")).create_entry(CONTOSO, DRAFT)
    assert list(vault_of(SqliteEntryStore(registry, "two")).list_organizations()) == []


def test_an_older_registry_gets_the_table(tmp_path: Path) -> None:
    """A file of the first version is brought up to date and keeps what it has."""
    from muster.registry.migrations import MIGRATIONS

    path = tmp_path / "state.sqlite"
    SqliteRegistry.open(path, MIGRATIONS[:1]).close()
    with SqliteRegistry.open_for_reading(path) as reader:
        assert SqliteEntryStore(reader, "native").list_organizations() == ()
    with SqliteRegistry.open(path) as registry:
        vault_of(SqliteEntryStore(registry, "native")).create_entry(CONTOSO, DRAFT)
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("SELECT count(*) FROM vault_entries").fetchone() == (1,)


# ---------------------------------------------------------------- the key-value engine


def test_no_password_reaches_the_engine(lab: KeyValueLab, open_engine: OpenEngine) -> None:
    """Its disk holds sealed values, and who made them."""
    vault = vault_of(open_engine())
    entry = vault.create_entry(CONTOSO, DRAFT)
    vault.write_password(CONTOSO, entry, Secret(PLANTED))
    stored = lab.stored()
    assert list(stored) == [f"muster/native/contoso/{entry}"]
    assert PLANTED not in json.dumps(stored)


@pytest.mark.parametrize(
    "fault",
    [ServerError(status=500), HtmlError(status=502), CutBody(), Disconnect()],
    ids=str,
)
def test_reads_survive_one_failure_and_no_more(
    lab: KeyValueLab, open_engine: OpenEngine, fault: FaultKind
) -> None:
    """A passing failure changes nothing; a lasting one is no empty list."""
    vault = vault_of(open_engine())
    entry = vault.create_entry(CONTOSO, DRAFT)
    lab.faults.add(fault, method="GET")
    assert [one.id for one in vault.list_entries(CONTOSO)] == [entry]
    lab.faults.add(fault, method="GET", times=-1)
    with pytest.raises(Unavailable):
        list(vault.list_entries(CONTOSO))


def test_a_lost_reply_is_settled_by_trying_again(lab: KeyValueLab, open_engine: OpenEngine) -> None:
    """The error says that the write may have happened; the next try finds it, and adds none."""
    vault = vault_of(open_engine())

    def create() -> object:
        return vault.create_entry(CONTOSO, DRAFT)

    def write() -> object:
        return vault.write_password(CONTOSO, _only(vault), Secret(PLANTED))

    for act in (create, write):
        lab.faults.add(LostReply(), method="POST")
        with pytest.raises(Unavailable) as caught:
            act()
        assert caught.value.maybe_applied
        act()
    assert len(vault.find_entry(CONTOSO, _only(vault)).revisions) == 1
    assert lab.writes() == 2


def test_threads_come_and_go_without_new_connections(
    lab: KeyValueLab, open_engine: OpenEngine
) -> None:
    """A daemon has new threads every few minutes; they take the connections that are there."""
    store = open_engine()
    for _ in range(5):
        with ThreadPoolExecutor(1) as pool:
            pool.submit(store.list_organizations).result()
    assert len(lab.requests) == 5
    assert store.idle == 1


def test_a_change_beside_muster_is_noticed(lab: KeyValueLab, open_engine: OpenEngine) -> None:
    """A write that a person made in the engine meanwhile is not overwritten unread."""
    store = open_engine()
    vault = vault_of(store)
    entry = vault.create_entry(CONTOSO, DRAFT)
    stored = store.find_entry(CONTOSO, entry)
    assert stored is not None
    lab.write(f"muster/native/contoso/{entry}", stored.document | {"name": "theirs"})
    with pytest.raises(EntryStale):
        store.put_entry(dataclasses.replace(stored, version=2))
    vault.write_password(CONTOSO, entry, Secret(PLANTED))
    (kept,) = vault.list_entries(CONTOSO)
    assert kept.name == "theirs"


def test_a_deleted_entry_is_gone_and_can_be_made_anew(
    lab: KeyValueLab, open_engine: OpenEngine
) -> None:
    """The engine still lists its name and keeps its version; the new one gets another id."""
    vault = vault_of(open_engine())
    first = vault.create_entry(CONTOSO, DRAFT)
    lab.delete(f"muster/native/contoso/{first}")
    assert list(vault.list_entries(CONTOSO)) == []
    second = vault.create_entry(CONTOSO, DRAFT)
    assert second != first
    assert [one.id for one in vault.list_entries(CONTOSO)] == [second]


def test_rights_that_are_missing_are_access_denied(
    lab: KeyValueLab, open_engine: OpenEngine
) -> None:
    """The message names the paths that the token's policy must have, and not the token."""
    for store, write in (
        (open_engine("hvs.unknown"), False),
        (open_engine(lab.read_only_token), True),
    ):
        vault = vault_of(store)
        with pytest.raises(AccessDenied, match=r"secret/data/muster/native/\*") as caught:
            vault.create_entry(CONTOSO, DRAFT) if write else list(vault.list_organizations())
        assert "hvs." not in f"{caught.value} {caught.value.__cause__}"
    checks = vault_of(open_engine("hvs.unknown")).check()
    assert [one.ok for one in checks] == [True, False]


@pytest.mark.parametrize(
    ("broken", "error", "says"),
    [
        (lambda lab: setattr(lab, "sealed", True), Unavailable, "sealed"),
        (lambda lab: setattr(lab, "redirects_to", "https://evil"), Unexpected, "not followed"),
        (lambda lab: lab.faults.add(HtmlError(status=404), times=-1), Unexpected, "mount"),
    ],
    ids=["sealed", "standby", "another server"],
)
def test_an_engine_that_cannot_serve_is_not_an_empty_one(
    lab: KeyValueLab,
    open_engine: OpenEngine,
    broken: Callable[[KeyValueLab], object],
    error: type[RemoteError],
    says: str,
) -> None:
    """Neither a sealed engine, nor a standby, nor a foreign page is taken for no entries."""
    broken(lab)
    with pytest.raises(error, match=says):
        list(vault_of(open_engine()).list_organizations())


def test_a_wrong_mount_is_not_an_empty_engine(open_engine: OpenEngine) -> None:
    """A path without an engine is named, with what to set."""
    with pytest.raises(Unexpected, match=r'does not know "other".*keyValue2\.mount'):
        list(vault_of(open_engine(mount="other")).list_organizations())


def test_a_server_of_an_unknown_authority_gets_no_token(
    lab: KeyValueLab, open_engine: OpenEngine
) -> None:
    """Without the private authority the connection is refused before anything is sent."""
    with pytest.raises(Unavailable, match="SSLError"):
        list(vault_of(open_engine(ca_pem=None)).list_organizations())
    assert lab.requests == []


# ---------------------------------------------------------------- opening


def open_with(
    backend: VaultBackend, keys: str = OLD.reveal(), engine: KeyValue2 | None = None
) -> object:
    """Open a vault in a shell that has no store of its own."""
    product = NativeVault(backend=backend, key=KEYS, key_value_2=engine)
    secrets = EnvironmentSecrets({variable_of(KEYS): keys, variable_of(TOKEN): "hvs.x"})
    return open_native_vault(Integration(name="native", product=product), secrets)


@pytest.mark.parametrize("backend", [VaultBackend.REGISTRY, VaultBackend.KUBERNETES_SECRETS])
def test_a_backend_that_the_shell_has_not_says_what_to_do(backend: VaultBackend) -> None:
    """The error names the integration, the backend, and what to set instead."""
    with pytest.raises(SpecError, match=f"native: the backend {backend}.*KeyValue2"):
        open_with(backend)


def test_a_wrong_key_is_named_without_showing_it() -> None:
    """The error says which secret and line, and no part of it."""
    with pytest.raises(SpecError, match='secret "vault", key "keys", line 2') as caught:
        open_with(VaultBackend.KEY_VALUE_2, f"{NEW.reveal()}\n{PLANTED}")
    assert PLANTED not in str(caught.value)


def test_plain_http_is_refused() -> None:
    """The token is not sent where everybody can read it."""
    engine = KeyValue2(endpoint="http://bao.msp.example", token=TOKEN)
    with pytest.raises(SpecError, match="https://"):
        open_with(VaultBackend.KEY_VALUE_2, engine=engine)


def _only(vault: NativeVaultAdapter) -> RemoteId:
    (entry,) = vault.list_entries(CONTOSO)
    return entry.id
