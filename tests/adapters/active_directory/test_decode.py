"""Active Directory's bytes, decoded."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from muster.adapters.active_directory import containers, decode
from muster.errors import AccessDenied, Unexpected
from muster.model.names import AccountId
from muster.transport.ldap import Entry

ROOT = "DC=corp,DC=example,DC=test"
GUID = AccountId("5080db01-a663-4449-a8d5-5dee16431514")
RAW_GUID = bytes.fromhex("01db805063a64944a8d55dee16431514")


def test_guid_is_little_endian_in_its_first_three_fields() -> None:
    """The bytes of an objectGUID become the text that Windows shows."""
    assert decode.guid(RAW_GUID) == GUID


def test_guid_filter_escapes_every_byte() -> None:
    """The filter holds the bytes, each escaped, so that none is taken for a wildcard."""
    escaped = r"\01\db\80\50\63\a6\49\44\a8\d5\5d\ee\16\43\15\14"
    assert decode.guid_filter(GUID) == f"(objectGUID={escaped})"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("01020000000000052000000020020000", "S-1-5-32-544"),
        ("010100000000000512000000", "S-1-5-18"),
        (
            "0105000000000005150000000100000002000000ffffffff4f040000",
            "S-1-5-21-1-2-4294967295-1103",
        ),
    ],
)
def test_sid(raw: str, text: str) -> None:
    """The authority is big-endian, the parts are unsigned and little-endian."""
    assert decode.sid(bytes.fromhex(raw)) == text


@pytest.mark.parametrize(
    ("raw", "time"),
    [
        (None, None),
        (b"", None),
        (b"0", None),
        (b"9223372036854775807", None),
        (b"9223372036854775806", None),
        (b"132223104000000000", datetime(2020, 1, 1, tzinfo=UTC)),
        (b"132223104000000019", datetime(2020, 1, 1, 0, 0, 0, 1, tzinfo=UTC)),
    ],
)
def test_filetime(raw: bytes | None, time: datetime | None) -> None:
    """Ticks become UTC; absent, zero, the greatest number and what no calendar holds are never."""
    assert decode.filetime(raw) == time


@pytest.mark.parametrize(
    ("values", "address"),
    [
        ((), None),
        ((b"smtp:alias@x.example",), None),
        ((b"smtp:alias@x.example", b"SMTP:main@x.example"), "main@x.example"),
        ((b"SMTP:",), None),
        ((b"SMTP: ", b"SMTP:main@x.example"), "main@x.example"),
        ((b"SIP:main@x.example", b"x500:/o=x"), None),
    ],
)
def test_primary_address(values: tuple[bytes, ...], address: str | None) -> None:
    """Only `SMTP:` in capitals marks the primary address."""
    entry = _user(proxyaddresses=values)
    assert decode.user(entry).primary_smtp == address


@pytest.mark.parametrize("blank", [(), (b"",), (b"  ",)])
def test_blank_is_absent(blank: tuple[bytes, ...]) -> None:
    """An empty or blank value is as good as none."""
    assert decode.user(_user(mail=blank)).mail is None


@pytest.mark.parametrize(
    ("state", "enabled"), [(b"512", True), (b"514", False), (b"546", False), (b"66048", True)]
)
def test_enabled(state: bytes, enabled: bool) -> None:
    """Bit 2 of userAccountControl, and no other, disables."""
    assert decode.user(_user(useraccountcontrol=(state,))).enabled is enabled


@pytest.mark.parametrize(
    ("group_type", "security"),
    [(b"-2147483646", True), (b"-2147483643", True), (b"2", False), (b"8", False)],
)
def test_security_groups(group_type: bytes, security: bool) -> None:
    """The sign bit of groupType tells a security group from a distribution list."""
    entry = _user(grouptype=(group_type,), cn=(b"Staff",))
    assert decode.group(entry, ()).security is security


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("objectguid", b"short"),
        ("objectsid", b"\x01\x05"),
        ("primarygroupid", b"many"),
        ("displayname", b"\xff\xfe"),
        ("accountexpires", b"soon"),
    ],
)
def test_malformed_value_names_the_object(attribute: str, value: bytes) -> None:
    """A value that is not of its form is Unexpected and names the object, not a Python error."""
    with pytest.raises(Unexpected, match="gave CN=x"):
        decode.user(_user(**{attribute: (value,)}))


@pytest.mark.parametrize("values", [(), (b"",)], ids=["absent", "empty"])
@pytest.mark.parametrize("attribute", ["samaccountname", "useraccountcontrol", "primarygroupid"])
def test_hidden_attribute_is_a_missing_right(attribute: str, values: tuple[bytes, ...]) -> None:
    """An attribute that every user has is absent only where it may not be read."""
    with pytest.raises(AccessDenied, match="does not let the account read"):
        decode.user(_user(**{attribute: values}))


def test_default_containers_without_any_guid() -> None:
    """Where no GUID can be read the default places are hidden, and Builtin by name."""
    hidden = {container.name: container.dn for container in containers.hidden(ROOT, {})}
    assert hidden["Users"] == f"CN=Users,{ROOT}"
    assert hidden["Builtin"] == f"CN=Builtin,{ROOT}"
    assert hidden["Microsoft Exchange Security Groups"].startswith("OU=")


@pytest.mark.parametrize(
    ("name", "guid", "found", "expected"),
    [
        ("Users", "A9D1CA15768811D1ADED00C04FD8D5CD", "OU=Staff", "CN=Users"),
        ("Users", "A9D1CA15768811D1ADED00C04FD8D5CD", "ou=Staff,OU=x", "CN=Users"),
        ("Users", "a9d1ca15768811d1aded00c04fd8d5cd", "CN=Benutzer", "CN=Benutzer"),
        ("Computers", "AA312825768811D1ADED00C04FD8D5CD", "OU=PCs", "CN=Computers"),
        ("Domain Controllers", "A361B2FFFFD211D1AA4B00C04FD7D83A", "OU=DCs", "OU=DCs"),
    ],
)
def test_redirected_and_renamed_containers(name: str, guid: str, found: str, expected: str) -> None:
    """A container that was redirected to an OU stays hidden where it is; a renamed one moves."""
    known = containers.well_known([f"B:32:{guid}:{found},{ROOT}".encode()])
    hidden = {container.name: container.dn for container in containers.hidden(ROOT, known)}
    assert hidden[name] == f"{expected},{ROOT}"


@pytest.mark.parametrize(
    ("values", "anchor"),
    [((RAW_GUID,), GUID), ((), None), ((b"",), None), ((b"employee 4711",), None)],
)
def test_the_consistency_guid_is_read(values: tuple[bytes, ...], anchor: str | None) -> None:
    """Sixteen bytes are a GUID as in objectGUID; anything else is nobody's anchor."""
    entry = _user(**{"ms-ds-consistencyguid": values})
    assert decode.user(entry).consistency_guid == anchor


def _user(**values: tuple[bytes, ...]) -> Entry:
    return Entry(
        dn=f"CN=x,{ROOT}",
        values={
            "objectguid": (RAW_GUID,),
            "objectsid": (bytes.fromhex("01020000000000052000000020020000"),),
            "samaccountname": (b"x",),
            "primarygroupid": (b"513",),
            "useraccountcontrol": (b"512",),
            **values,
        },
    )
