"""What a recording keeps, what it answers, and what it does not pretend to know."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pytest
from tests.plan.world import (
    CLOUD_CUSTOMER,
    CONTOSO,
    EVERYTHING,
    HYBRID_CUSTOMER,
    MICROSOFT_365,
    NOW,
    ROOT,
    TENANT,
    World,
    by_cloud_groups,
    cloud,
    cloud_group,
    contact,
    entry,
    intent,
    link,
    override,
    person,
    record,
    role,
    settings,
    synced,
)

from muster.model.connections import ItGlue
from muster.model.entra import EntraQuestion, EntraSnapshot
from muster.model.names import AccountType, CustomerName, RemoteId, Source
from muster.model.reasons import Reason
from muster.model.settings import OrganizationalUnit, SelectActiveDirectory, SelectEntra
from muster.observe import observe
from muster.recording.connections import connection
from muster.recording.file import BadRecording, read_recording, write_recording
from muster.recording.model import (
    NotRecorded,
    RecordedCustomer,
    RecordedRead,
    RecordedSize,
    Recording,
)
from muster.recording.pseudonymize import differs, pseudonymize
from muster.recording.replay import RecordedSystems, narrowed, plan_recorded

ANNA = person("Anna", "Berg")
WORLD = World(
    users=(ANNA,),
    cloud=(synced(ANNA), cloud("kim")),
    entries=(entry(1, "aberg"),),
    contacts=(contact(2, "Anna Berg", "anna.berg@example.test"),),
    records=(record(ANNA),),
    intents=(intent(ANNA),),
    sizes=((Source.DIRECTORY, 1), (Source.VAULT, 1)),
    customer=HYBRID_CUSTOMER,
)
QUESTION = EntraQuestion(privileged=True)


def recorded(world: World) -> RecordedCustomer:
    """Return a world as a recording of it."""
    seen, desired = world.observed, world.desired

    def read(source: Source, **fields: object) -> RecordedRead:
        key = connection(source, desired)
        return replace(RecordedRead(source=source, connection=key), **fields)  # type: ignore[arg-type]

    return RecordedCustomer(
        name=CONTOSO,
        at=world.now,
        records=world.records,
        intents=world.intents,
        sizes=tuple(RecordedSize(source=source, size=size) for source, size in world.sizes),
        reads=(
            read(Source.DIRECTORY, directory=seen.directory),
            read(Source.ENTRA, entra=seen.entra, question=QUESTION),
            read(
                Source.VAULT,
                organization=seen.organization,
                categories=seen.categories,
                entries=seen.entries,
            ),
            read(Source.PSA, company=seen.company, contacts=seen.contacts),
        ),
    )


def test_a_recording_is_observed_like_the_systems() -> None:
    """What is observed of it, and the plan that follows, are those of the systems."""
    kept = recorded(WORLD)
    systems = RecordedSystems.of(WORLD.desired, kept)
    assert observe(WORLD.desired, kept.known, systems) == WORLD.observed
    assert plan_recorded(WORLD.desired, kept) == WORLD.verdict()


@pytest.mark.parametrize("name", ["plain.json", "packed.json.gz"])
def test_a_file_gives_back_what_was_written(tmp_path: Path, name: str) -> None:
    """A recording comes back whole, the same one gives the same bytes, and only we may read it."""
    recording = Recording(customers=(recorded(WORLD),))
    write_recording(recording, tmp_path / name)
    first = (tmp_path / name).read_bytes()
    write_recording(recording, tmp_path / name)
    assert (tmp_path / name).read_bytes() == first
    assert read_recording(tmp_path / name) == recording
    assert (tmp_path / name).stat().st_mode & 0o077 == 0
    assert [one.name for one in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.json", b"{}"),
        ("a.json", b"not json"),
        ("a.json", b"\xff\xfe"),
        ("a.json", b'{"v": 2, "kind": "Recording", "body": {"customers": []}}'),
        ("a.json.gz", b"{}"),
        ("a.json.gz", gzip.compress(b"{" * 5000, mtime=0)[:-20]),
        ("missing.json", None),
    ],
    ids=["no document", "no JSON", "no text", "newer", "not packed", "cut", "missing"],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, name: str, data: bytes | None) -> None:
    """A damaged, foreign or missing file is named, with how to make one."""
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(BadRecording, match=rf"{name}: .*--record"):
        read_recording(tmp_path / name)


def test_another_connection_is_not_answered() -> None:
    """Settings that lead elsewhere find a source that could not be read, not an empty one."""
    assert HYBRID_CUSTOMER.vault is not None
    vault = replace(HYBRID_CUSTOMER.vault, organization_id=RemoteId("999"))
    moved = replace(WORLD, customer=replace(HYBRID_CUSTOMER, vault=vault))
    plan = plan_recorded(moved.desired, recorded(WORLD)).plan
    (read,) = (one for one in plan.reads if one.source is Source.VAULT)
    assert not read.usable
    assert "does not hold the vault of contoso" in read.problem
    assert not plan.complete


def test_only_what_leads_elsewhere_is_another_connection() -> None:
    """An integration's name, budget and suspension answer nothing else; its address does."""
    same = replace(WORLD, vault=replace(WORLD.vault, name="x", budget_share=5, suspend=True))
    assert isinstance(WORLD.vault.product, ItGlue)
    product = replace(WORLD.vault.product, endpoint="https://elsewhere.example.test")
    other = replace(WORLD, vault=replace(WORLD.vault, product=product))
    key = connection(Source.VAULT, WORLD.desired)
    assert connection(Source.VAULT, same.desired) == key
    assert connection(Source.VAULT, other.desired) != key
    assert connection(Source.ENTRA, World().desired) == ""


def test_a_tenant_that_was_not_asked_is_not_answered() -> None:
    """A policy that names another group finds an unread tenant, and releases nobody."""
    asking = replace(WORLD, policies=(settings(select=by_cloud_groups("Everybody")),))
    plan = plan_recorded(asking.desired, recorded(WORLD)).plan
    (read,) = (one for one in plan.reads if one.source is Source.ENTRA)
    assert "Everybody" in read.problem
    assert Reason.SOURCE_INCOMPLETE in {finding.reason for finding in plan.findings}


def test_a_narrower_question_gets_a_narrower_answer() -> None:
    """Roles and groups that only another policy asked for do not colour this one's answer."""
    kim, lea = cloud("kim"), cloud("lea")
    inner = cloud_group("Inner", lea)
    ours, theirs = cloud_group("Ours", kim, inner), cloud_group("Theirs", kim)
    reader, writer = role("Reader", kim), role("Writer", lea)
    wide = EntraSnapshot(
        tenant=TENANT, users=(kim, lea), groups=(inner, ours, theirs), roles=(reader, writer)
    )
    answer = narrowed(wide, EntraQuestion(groups=("OURS",), roles=(writer.template_id,)))
    assert answer.groups == (inner, ours)
    assert answer.roles == (writer,)
    assert answer.users == wide.users


CLOUD = (cloud("kim", mail="kim@example.test"), cloud("root"), cloud("odd"))
CLOUD_WORLD = World(
    cloud=CLOUD,
    cloud_groups=(cloud_group("Everybody", *CLOUD),),
    roles=(role("Reader", CLOUD[1]),),
    categories=(MICROSOFT_365,),
    entries=(entry(1, "kim@contoso.test", "Microsoft 365"),),
    contacts=(contact(2, "Kim", "kim@example.test"),),
    customer=CLOUD_CUSTOMER,
    policies=(
        settings(select=by_cloud_groups("Everybody"), options=EVERYTHING),
        settings(AccountType.ADMINISTRATOR, select=SelectEntra(roles=("Reader",))),
    ),
    overrides=(override(CLOUD[2], exclude=True),),
)


@pytest.mark.parametrize("world", [WORLD, CLOUD_WORLD], ids=["hybrid", "cloud"])
def test_other_names_plan_alike(world: World) -> None:
    """Under other names the same is planned for the same ids, and nobody is called as before."""
    kept = recorded(world)
    entra = next(one for one in kept.reads if one.source is Source.ENTRA)
    question = EntraQuestion(groups=("Everybody",), roles=("Reader",), nested=True, privileged=True)
    reads = tuple(replace(one, question=question) if one is entra else one for one in kept.reads)
    kept = replace(kept, reads=reads)
    renamed = pseudonymize(kept, (world.desired,), b"salt")
    assert not differs(world.desired, kept, renamed)
    assert pseudonymize(kept, (world.desired,), b"salt") == renamed
    assert pseudonymize(kept, (world.desired,), b"other") != renamed
    shown = repr(renamed).casefold()
    assert [word for word in ("anna", "berg", "kim") if word in shown] == []
    assert renamed.name == CONTOSO


def test_what_plans_otherwise_under_other_names_is_noticed() -> None:
    """A policy that names a place by its full DN does not find it again, and that is said."""
    full = SelectActiveDirectory(
        organizational_units=(OrganizationalUnit(path=f"OU=Staff,{ROOT}"),)
    )
    world = replace(WORLD, policies=(settings(select=full),))
    kept = recorded(world)
    assert differs(world.desired, kept, pseudonymize(kept, (world.desired,), b"salt"))


def test_no_text_is_kept_that_is_not_known_to_be_harmless() -> None:
    """Whatever field of a recording is not on the list comes out renamed."""
    note = "Anna Berg called"
    linked = replace(link(1), message=note, name="Anna Berg")
    kept = replace(recorded(WORLD), records=(record(ANNA, vault=linked),))
    odd = replace(kept.reads[0], complete=False, problem=note)
    renamed = pseudonymize(replace(kept, reads=(odd, *kept.reads[1:])), (WORLD.desired,), b"salt")
    assert "Berg" not in repr(renamed)
    assert renamed.reads[0].problem == "It could not be read when it was recorded."


def test_a_customer_that_was_not_there_is_unread() -> None:
    """Of a customer that the recording lacks nothing is known; an empty recording says so."""
    recording = Recording(customers=(recorded(WORLD),))
    found = recording.find(CustomerName("new"))
    assert (found.at, found.reads, found.records) == (NOW, (), ())
    with pytest.raises(NotRecorded, match="holds no customer"):
        Recording().find(CONTOSO)
