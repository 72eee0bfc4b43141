"""Where secrets come from, and what is said when one is missing or exposed."""

from __future__ import annotations

from pathlib import Path

import pytest

from muster.adapters.secrets import ChainedSecrets, EnvironmentSecrets, FileSecrets, variable_of
from muster.errors import SpecError
from muster.model.connections import SecretRef

REF = SecretRef(name="it-glue", key="apiKey")
VALUE = "ITG.planted-7781"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return a directory that holds one secret, readable for its owner."""
    write(tmp_path, VALUE.encode() + b"\n")
    return tmp_path


def write(directory: Path, content: bytes, mode: int = 0o600) -> Path:
    """Store the secret's file with a mode."""
    path = directory / REF.name / REF.key
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"abc", "abc"),
        (b"abc\n", "abc"),
        (b"abc\r\n", "abc"),
        (b"abc\n\n", "abc\n"),
        (b" abc ", " abc "),
        (b"-----BEGIN X-----\nabc\n-----END X-----\n", "-----BEGIN X-----\nabc\n-----END X-----"),
        ("pässwörd".encode(), "pässwörd"),
    ],
)
def test_a_file_is_read_without_its_last_line_break(
    tmp_path: Path, content: bytes, value: str
) -> None:
    """Editors add one line break at the end; everything else belongs to the value."""
    write(tmp_path, content)
    assert FileSecrets(tmp_path).read(REF).reveal() == value


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o666])
def test_a_file_for_everybody_is_refused(tmp_path: Path, mode: int) -> None:
    """The advice is the command that closes it; the value is not shown."""
    path = write(tmp_path, VALUE.encode(), mode)
    with pytest.raises(SpecError, match=f"chmod 600 {path}") as caught:
        FileSecrets(tmp_path).read(REF)
    assert VALUE not in str(caught.value)


def test_a_file_for_the_group_is_accepted(tmp_path: Path) -> None:
    """A service's group may read its secrets."""
    write(tmp_path, VALUE.encode(), 0o640)
    assert FileSecrets(tmp_path).read(REF).reveal() == VALUE


@pytest.mark.parametrize("content", [None, b"", b"\n"])
def test_a_missing_value_says_both_ways_to_supply_it(tmp_path: Path, content: bytes | None) -> None:
    """No file and an empty file are the same: nothing to present."""
    if content is not None:
        write(tmp_path, content)
    with pytest.raises(SpecError) as caught:
        FileSecrets(tmp_path).read(REF)
    assert str(tmp_path / "it-glue" / "apiKey") in str(caught.value)
    assert "MUSTER_SECRET_IT_GLUE_APIKEY" in str(caught.value)


def test_a_file_that_is_no_text_is_refused_unseen(tmp_path: Path) -> None:
    """Neither the message nor a chained error holds the content."""
    write(tmp_path, b"planted\xff\xfe")
    with pytest.raises(SpecError) as caught:
        FileSecrets(tmp_path).read(REF)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize("name", ["..", "../etc", "a/b", "", ".", "/etc"])
def test_a_reference_never_leaves_the_directory(directory: Path, name: str) -> None:
    """A name that is a path is refused before anything is opened."""
    with pytest.raises(SpecError, match="plain name"):
        FileSecrets(directory).read(SecretRef(name=name, key="apiKey"))
    with pytest.raises(SpecError, match="plain name"):
        FileSecrets(directory).read(SecretRef(name="it-glue", key=name))


@pytest.mark.parametrize(
    ("ref", "variable"),
    [
        (REF, "MUSTER_SECRET_IT_GLUE_APIKEY"),
        (SecretRef(name="contoso-ad", key="ca.crt"), "MUSTER_SECRET_CONTOSO_AD_CA_CRT"),
    ],
)
def test_the_variable_follows_from_the_reference(ref: SecretRef, variable: str) -> None:
    """Upper case, and an underscore for everything else."""
    assert variable_of(ref) == variable
    assert EnvironmentSecrets({variable: VALUE}).read(ref).reveal() == VALUE


def test_an_empty_variable_is_missing() -> None:
    """A variable that is set to nothing is a mistake, not a secret."""
    with pytest.raises(SpecError, match="MUSTER_SECRET_IT_GLUE_APIKEY"):
        EnvironmentSecrets({"MUSTER_SECRET_IT_GLUE_APIKEY": ""}).read(REF)


def test_the_first_source_that_has_the_value_gives_it(directory: Path) -> None:
    """The order of the chain decides; a source without the value is passed over."""
    environment = EnvironmentSecrets({"MUSTER_SECRET_IT_GLUE_APIKEY": "from-environment"})
    files = FileSecrets(directory)
    nothing = FileSecrets(directory / "none")
    assert ChainedSecrets(environment, files).read(REF).reveal() == "from-environment"
    assert ChainedSecrets(files, environment).read(REF).reveal() == VALUE
    assert ChainedSecrets(nothing, environment).read(REF).reveal() == "from-environment"


def test_a_chain_without_the_value_names_the_file(tmp_path: Path) -> None:
    """The message names the real directory, whatever the order of the sources."""
    files, environment = FileSecrets(tmp_path), EnvironmentSecrets({})
    for chain in (ChainedSecrets(files, environment), ChainedSecrets(environment, files)):
        with pytest.raises(SpecError, match=str(tmp_path)):
            chain.read(REF)


def test_an_exposed_file_is_not_passed_over(tmp_path: Path) -> None:
    """Falling back to another source would hide that a secret is readable for everybody."""
    write(tmp_path, VALUE.encode(), 0o644)
    environment = EnvironmentSecrets({"MUSTER_SECRET_IT_GLUE_APIKEY": "other"})
    with pytest.raises(SpecError, match="chmod"):
        ChainedSecrets(FileSecrets(tmp_path), environment).read(REF)
