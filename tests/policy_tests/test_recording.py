"""A recording plans like its original, and names nobody of it."""

from __future__ import annotations

import base64
import re
import unicodedata
import uuid
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from muster.adapters.secrets import FileSecrets
from muster.assembly import Assembly
from muster.cli.main import app
from muster.cli.shell import run
from muster.lab.lab import Lab
from muster.lab.mix import Mix
from muster.model.directory import DirectoryUser
from muster.model.entra import EntraUser
from muster.model.records import ContactEmail, PsaContact, VaultEntry
from muster.model.rotation import Rotation
from muster.plan.keys import fold
from muster.reconcile import propose
from muster.registry.sqlite import SqliteRegistry
from muster.resources import LoadedEstate, load_estate
from muster.testing.pseudonyms import Pseudonyms
from muster.testing.recorded import CannotRecord, finish, relative
from muster.testing.redact import redact
from muster.testing.renaming import Original
from muster.testing.rotations import underway

SALT = b"the same for every test"
_EVERYWHERE = ("Administrator", "Guest", "krbtgt", "Muster")
"""Names that stand in every recording, whoever is called so."""
ROTATION = {"every": "30d", "window": {"start": "02:00", "timeZone": "America/Toronto"}}
PLANTED = ("Zebulon", "Quatermain", "quatermain-holdings", "ZQUATERM")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The estate of a hybrid lab that was applied once, so that there are earlier runs."""
    estate = tmp_path_factory.mktemp("recording") / "estate"
    with Lab(customers=3, people=6, mix=Mix.parse("hybrid-itglue-connectwise")) as lab:
        lab.write_estate(estate)
        _rotate_administrators(estate)
        assert run(app, ["apply", str(estate)]) == 0
        yield estate


def _rotate_administrators(estate: Path) -> None:
    for file in (*estate.glob("policies/*.yaml"), *estate.glob("customers/*.yaml")):
        resource = yaml.safe_load(file.read_text(encoding="utf-8"))
        for body in resource["spec"].get("imports", [resource["spec"]]):
            if body.get("accountType") == "Administrator":
                body["options"]["rotation"] = ROTATION
        file.write_text(yaml.safe_dump(resource), encoding="utf-8")


def _originals(folder: Path) -> Iterator[tuple[Original, LoadedEstate]]:
    """Yield what is read of each customer, before anything was known and after a run."""
    loaded = load_estate([folder])
    for state in (folder / "none.sqlite", folder / ".muster" / "state.sqlite"):
        with SqliteRegistry.open_for_reading(state) as registry:
            assembly = Assembly(FileSecrets(folder / "secrets"), registry)
            for desired in loaded.checked().desired:
                made = propose(desired, assembly.ports(desired))
                placed = loaded.places["Customer", str(desired.customer.name)]
                yield (
                    Original(
                        desired=desired,
                        observed=made.scene.observed,
                        known=made.scene.known,
                        now=made.at,
                        imports=placed.value["spec"].get("imports", ()),
                    ),
                    loaded,
                )
            assembly.close()


@pytest.fixture(scope="module")
def originals(folder: Path) -> list[tuple[Original, LoadedEstate]]:
    """All customers, before and after a first run."""
    return list(_originals(folder))


def test_a_recording_plans_like_its_original_and_names_nobody(
    folder: Path, originals: list[tuple[Original, LoadedEstate]]
) -> None:
    """Decisions, links, candidates and changes are the same; no name, address or id is."""
    assert len(originals) == 6
    for original, loaded in originals:
        redacted = redact(original, relative([folder], folder), SALT)
        recording = finish(original, redacted, loaded.estate, folder)
        assert recording.differences == ()
        assert recording.accounts > 5
        text = recording.text.casefold()
        kept = {fold(one) for one in (*redacted.kept, *redacted.harmless, *_EVERYWHERE)}
        for word in _identifying(original):
            assert fold(word) in kept or fold(word) not in text, word


def _identifying(original: Original) -> Iterator[str]:
    domain, tenant = original.observed.directory, original.observed.entra
    assert domain
    assert tenant
    yield from (domain.domain.dns_name, domain.domain.dn, domain.domain.sid, tenant.tenant.id)
    yield from (str(original.desired.customer.name), original.desired.customer.display_name)
    users: tuple[DirectoryUser | EntraUser, ...] = (*domain.users, *tenant.users)
    for user in users:
        yield from (user.id, user.upn or user.id, user.mail or user.id)
        yield from (text for text in (user.surname, user.display_name) if text and len(text) > 4)
    for person in domain.users:
        yield from (person.sid, person.dn)
        yield from ([person.sam] if len(person.sam) > 3 else [])
        yield base64.b64encode(uuid.UUID(person.id).bytes_le).decode()
    for entry in original.observed.entries:
        yield entry.name
    for contact in original.observed.contacts:
        yield from (email.address for email in contact.emails)


def test_planted_names_are_gone_and_still_match(
    folder: Path, originals: list[tuple[Original, LoadedEstate]]
) -> None:
    """A person with telling records everywhere is linked as before, under other names."""
    original, loaded = originals[0]
    domain = original.observed.directory
    assert domain
    place = next(user for user in domain.users if "OU=Staff" in user.dn)
    person = replace(
        place,
        id=type(place.id)(str(uuid.uuid4())),
        sid=f"{domain.domain.sid}-998877",
        dn=place.dn.replace("CN=", "CN=Zebulon ", 1),
        sam="ZQUATERM",
        upn="zebulon@quatermain-holdings.example",
        given_name="Zebulon",
        surname="Quatermain",
        display_name="Zebulon Quatermain",
        mail="Zebulon.Quatermain@quatermain-holdings.example",
    )
    entry = VaultEntry(
        id=type(original.observed.entries[0].id)("424242"),
        name="Zebulon's laptop at Quatermain",
        username=f"{domain.domain.netbios_name}\\zquaterm",
        category="Active Directory",
    )
    address = "zebulon.quatermain@QUATERMAIN-HOLDINGS.example"
    contact = PsaContact(
        id=entry.id,
        given_name="Zeb",
        surname="Q.",
        emails=(ContactEmail(id=entry.id, address=address),),
    )
    planted = replace(
        original,
        observed=replace(
            original.observed,
            directory=replace(domain, users=(*domain.users, person)),
            entries=(*original.observed.entries, entry),
            contacts=(*original.observed.contacts, contact),
        ),
    )
    redacted = redact(planted, relative([folder], folder), SALT)
    recording = finish(planted, redacted, loaded.estate, folder)
    assert recording.differences == ()
    assert [word for word in PLANTED if word.casefold() in recording.text.casefold()] == []
    body = yaml.safe_load(recording.text)
    number = redacted.records[entry.id]
    linked = [one for one in body["expect"]["accounts"].values() if _links_to(one, number)]
    assert len(linked) == 1


def _links_to(account: dict[str, dict[str, str]], record: str) -> bool:
    vault, psa = account.get("vault", {}), account.get("psa", {})
    return vault.get("id") == record and psa.get("id") == record


def test_a_leak_is_refused(folder: Path, originals: list[tuple[Original, LoadedEstate]]) -> None:
    """Were a name to stay, the recording would not be written."""
    original, loaded = originals[0]
    redacted = redact(original, relative([folder], folder), SALT)
    leaking = replace(redacted, body={**redacted.body, "name": "as seen at Contoso"})
    with pytest.raises(CannotRecord, match="contoso"):
        finish(original, leaking, loaded.estate, folder)


def test_a_recorded_file_passes_as_a_test(folder: Path) -> None:
    """`--record` writes a file that `muster test` runs and passes."""
    file = folder / "tests" / "recorded.muster-test"
    assert run(app, ["test", str(folder), "--record", "contoso", "--to", str(file)]) == 0
    assert run(app, ["test", str(file)]) == 0
    assert "contoso" not in re.sub("^#.*", "", file.read_text(encoding="utf-8")).casefold()


_STRANGE = st.lists(
    st.sampled_from(
        ["jsmith", "Jsm\u0456th", "Mu\u0308ller", "müller", "Straße", "ﬁsh", "Ångström"]
    )
    | st.sampled_from(["ς", "Σ", "ª", "０1", "12", "\u200b", ".", " ", "ĳ", "İ", "x", "smith²"]),
    min_size=1,
    max_size=4,
).map("".join)


@given(st.lists(_STRANGE, min_size=2, max_size=8))
@settings(max_examples=60, deadline=None)
def test_renaming_keeps_what_is_equal_and_what_is_not(texts: list[str]) -> None:
    """Whatever the letters: two texts compare equal afterwards exactly when they did before."""
    names = Pseudonyms(SALT)
    other = [names.text(text) for text in (*texts, *map(str.upper, texts))]
    folded = [fold(text) for text in (*texts, *map(str.upper, texts))]
    for one, two in combinations(range(len(folded)), 2):
        assert (folded[one] == folded[two]) == (fold(other[one]) == fold(other[two]))


_TEXTS = [
    "jsmith",
    "JSmith",
    "CORP\\jsmith",
    "ｊｓｍｉｔｈ",
    "jsmіth",
    "Müller",
    "Mu\u0308ller",
    "MÜLLER",
    "Muller",
    "Mueller",
    "Straße",
    "STRASSE",
    " jsmith\u200b",
    "js\u200bmith",
    "jsmith2",
    "jsmith3",
    "Иванов",
    "田中",
    "j.smith@contoso.example",
    "J.Smith@CONTOSO.example",
]


def test_other_names_are_equal_exactly_where_the_originals_are() -> None:
    """Capitals, full-width letters, accents and look-alikes keep their meaning for matching."""
    names = Pseudonyms(SALT)
    other = {text: names.text(text) for text in _TEXTS}
    for one in _TEXTS:
        for two in _TEXTS:
            assert (fold(one) == fold(two)) == (fold(other[one]) == fold(other[two])), (one, two)
    assert unicodedata.normalize("NFC", other["Mu\u0308ller"]) == other["Müller"]
    assert unicodedata.normalize("NFC", other["Mu\u0308ller"]) != other["Mu\u0308ller"]
    assert other["jsmіth"].isascii() is False
    assert [text for text in _TEXTS if text == other[text]] == []
    assert names.text("MSOL_0f") != Pseudonyms(b"another salt").text("MSOL_0f")
    assert names.text("HealthMailbox12").startswith("HealthMailbox")


def test_a_customer_that_is_mailed_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other names put others first in the queue of e-mails; the plan is the original's still."""
    with Lab(customers=1, people=20) as lab:
        lab.write_estate(tmp_path)
        policy = tmp_path / "policies" / "staff.yaml"
        text = policy.read_text()
        text = text.replace("enabled: false", "enabled: true\n      maxPerRun: 5")
        policy.write_text(text)
        monkeypatch.chdir(tmp_path)
        assert run(app, ["test", "--record", "contoso", "--to", "a.muster-test"]) == 0
    assert (tmp_path / "a.muster-test").read_text().count("Send mail") == 5
    assert run(app, ["test", "a.muster-test"]) == 0


def test_passwords_that_are_being_set_are_recorded(
    folder: Path, originals: list[tuple[Original, LoadedEstate]]
) -> None:
    """Jobs, failures and a password of somebody else's are planned alike, under other names."""
    original, loaded = originals[3]
    admins = [one for one in original.known.records if one.rotation.enabled][:3]
    states = (
        Rotation(failures=2, failed_at=original.now, last_error="Zebulon's entry is locked."),
        Rotation(last=original.now, stale=True),
        Rotation(),
    )
    rotations = {one.name: state for one, state in zip(admins, states, strict=True)}
    records = (
        replace(one, rotation=rotations.get(one.name, one.rotation))
        for one in original.known.records
    )
    known = replace(
        original.known,
        records=tuple(records),
        jobs=tuple(underway({"unkept": True}, admins[2])),
    )
    planted = replace(original, known=known)
    recording = finish(planted, redact(planted, ["."], SALT), loaded.estate, folder)
    assert recording.differences == ()
    assert "Zebulon" not in recording.text
    said = [one.get("rotation") for one in yaml.safe_load(recording.text)["registry"]["accounts"]]
    assert [one.keys() - {"since"} for one in said if one and one.keys() - {"since"}] == [
        {"failures", "failedAt"},
        {"last", "stale"},
        {"unkept"},
    ]


def test_what_is_planned_otherwise_is_named(
    folder: Path, originals: list[tuple[Original, LoadedEstate]]
) -> None:
    """A difference says which part of the plan it is, with both values, and nothing else."""
    original, loaded = originals[3]
    account = next(one for one in original.known.records if one.rotation.enabled)
    known = replace(original.known, jobs=tuple(underway({"underway": True}, account)))
    recorded = redact(original, ["."], SALT)
    planted = replace(original, known=known)
    (line,) = finish(planted, recorded, loaded.estate, folder).differences
    name, _, parts = line.partition(": ")
    assert parts == "rotation PasswordUnderway → RotationScheduled"
    assert name.casefold() not in {one.identity.user.casefold() for one in known.records}
