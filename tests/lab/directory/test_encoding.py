"""Bytes and names: what the lab writes is what others read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.utils.dn import safe_dn
from pyasn1.codec.ber import decoder, encoder
from pyasn1.type.univ import Integer, OctetString

from muster.lab.directory import ber
from muster.lab.directory.dn import InvalidName, escape_value, key, parse_part, split
from muster.lab.directory.identifiers import guid_bytes, guid_text, sid_bytes


@given(st.integers(-(2**63), 2**63))
def test_integers(value: int) -> None:
    """Numbers are encoded in no more bytes than pyasn1 takes, and read back by both."""
    assert int(decoder.decode(ber.integer(value), asn1Spec=Integer())[0]) == value
    assert len(ber.integer(value)) <= len(encoder.encode(Integer(value)))
    assert ber.read_element(ber.integer(value))[0].number() == value


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65535, 65536])
def test_lengths(size: int) -> None:
    """Every form of length is read alike by pyasn1 and by us."""
    encoded = ber.octets(b"x" * size)
    assert bytes(decoder.decode(encoded, asn1Spec=OctetString())[0]) == b"x" * size
    assert ber.element_end(encoded) == len(encoded)
    assert ber.read_element(encoded)[0].content == b"x" * size


@given(st.binary(max_size=60))
def test_garbage_is_refused_or_read(data: bytes) -> None:
    """No bytes lead to any error but MalformedBer."""
    try:
        element, end = ber.read_element(data)
    except ber.MalformedBer:
        return
    assert len(element.content) < end <= len(data)


NAMES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), min_size=1, max_size=20
)


@given(NAMES, NAMES)
def test_names_survive_escaping(first: str, second: str) -> None:
    """Any two names can be put into a DN and taken out of it again."""
    dn = f"CN={escape_value(first)},OU={escape_value(second)},DC=x"
    parts = split(dn)
    assert [parse_part(part) for part in parts] == [("CN", first), ("OU", second), ("DC", "x")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CN=A,DC=x", "cn=a, dc=X"),
        ("CN=A\\, B,DC=x", "CN=A\\2c B,DC=x"),
        ("CN=A\\, B,DC=x", 'CN="A, B",DC=x'),
        ("CN=\\C3\\84,DC=x", "CN=ä,DC=x"),
        ("CN=a\\ ,DC=x", "CN=a\\20,DC=x"),
    ],
)
def test_same_names(one: str, other: str) -> None:
    """Spellings of one name compare equal (RFC 4514)."""
    assert key(one) == key(other)


@pytest.mark.parametrize("text", ["nonsense", "CN=a,,DC=x", "=a", "CN=a,DC=x,", "CN=\\ff,DC=x"])
def test_no_names(text: str) -> None:
    """What is no name is refused."""
    with pytest.raises(InvalidName):
        key(text)


def test_escapes_like_ldap3() -> None:
    """ldap3 finds nothing in our names to escape further."""
    dn = f"CN={escape_value('O, Brien #1 + (x)*')},OU=Staff"
    assert safe_dn(dn) == dn


def test_guid_and_sid() -> None:
    """The binary forms are those of Microsoft's published examples."""
    raw = bytes.fromhex("01db805063a64944a8d55dee16431514")
    assert guid_text(raw) == "5080db01-a663-4449-a8d5-5dee16431514"
    assert guid_bytes(guid_text(raw)) == raw
    assert sid_bytes("S-1-5-32-544").hex() == "01020000000000052000000020020000"


@pytest.mark.parametrize("text", ["S-1-5", "X-1-5-32", "S-1-5-99999999999", "S-1-5-x", "nonsense"])
def test_no_sids(text: str) -> None:
    """What is no SID is refused by its name."""
    with pytest.raises(ValueError, match=f"^{text} is no SID$"):
        sid_bytes(text)
