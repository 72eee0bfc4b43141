"""The ends of a range that servers are known to give, as canned answers.

Neither the lab nor Samba gives all of them. Source for the shapes: MS-ADTS 3.1.1.3.1.3.3, and
github.com/ldapjs/node-ldapjs/issues/582 for the empty `member` beside a range.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from ldap3 import MOCK_SYNC, Connection

from muster.adapters.active_directory.members import read_members
from muster.errors import Unavailable
from muster.transport.ldap import Entry, LdapSession

GROUP = "CN=Staff,DC=corp,DC=example,DC=test"


def answer(usn: bytes | None = b"7", **ranges: tuple[bytes, ...]) -> Entry:
    """Return a group; `r0_1` stands for `member;range=0-1`, `r2_end` for `member;range=2-*`."""
    values = {
        "member"
        if name == "plain"
        else f"member;range={name[1:].replace('_end', '-*').replace('_', '-')}": members
        for name, members in ranges.items()
    }
    return Entry(dn=GROUP, values=values | ({"usnchanged": (usn,)} if usn else {}))


class CannedSession(LdapSession):
    """Gives prepared answers, the same ones again for every attempt."""

    def __init__(self, answers: Sequence[Entry | None]) -> None:
        super().__init__(Connection("canned", client_strategy=MOCK_SYNC), server="ldaps://dc1")
        self.answers = answers
        self.asked: list[str] = []

    def read(
        self,
        dn: str,
        attributes: Sequence[str],
        *,
        controls: tuple[str, ...] = (),
        access_list: bool = False,
    ) -> Entry | None:
        """Return the next answer."""
        self.asked.append(attributes[0])
        return self.answers[(len(self.asked) - 1) % len(self.answers)]


FOUND = Entry(
    dn=GROUP,
    values={
        "objectguid": (bytes(16),),
        "member": (),
        "member;range=0-1": (b"CN=a", b"CN=b"),
        "usnchanged": (b"7",),
    },
)
"""The group as the sweep shows it: an empty `member` beside the first range."""

FIRST = answer(plain=(), r0_1=(b"CN=a", b"CN=b"))


@pytest.mark.parametrize(
    ("answers", "members"),
    [
        ((FIRST, answer(r2_end=(b"CN=c",))), "abc"),
        ((FIRST, answer(r2_3=(b"CN=c", b"CN=d")), answer(r4_end=(b"CN=e",))), "abcde"),
        ((FIRST, answer(r2_end=())), "ab"),
        ((FIRST, answer()), "ab"),
        ((answer(plain=(b"CN=a",)),), "a"),
        ((answer(r0_end=(b"CN=a",)),), "a"),
        ((answer(),), ""),
    ],
)
def test_whole_lists(answers: tuple[Entry, ...], members: str) -> None:
    """Every documented end of a range gives the whole list, by the fewest requests."""
    session = CannedSession(answers)
    assert read_members(session, FOUND) == tuple(f"CN={name}" for name in members)
    assert len(session.asked) == len(answers)


@pytest.mark.parametrize(
    "answers",
    [
        (FIRST, answer(b"8", r2_end=(b"CN=c",))),
        (FIRST, answer(None)),
        (answer(None, plain=(), r0_1=(b"CN=a", b"CN=b")), answer(None)),
        (FIRST, answer(plain=(b"CN=c",))),
        (FIRST, answer(r2_3=())),
        (FIRST, None),
        (None,),
    ],
    ids=[
        "changed",
        "end unproved",
        "never proved",
        "all or rest",
        "nothing, not last",
        "vanished",
        "invisible",
    ],
)
def test_doubtful_lists(answers: tuple[Entry | None, ...]) -> None:
    """A list whose end is in doubt is read three times, and then there is none."""
    session = CannedSession(answers)
    with pytest.raises(Unavailable, match="members of CN=Staff"):
        read_members(session, FOUND)
    assert len(session.asked) == 3 * len(answers)


def test_next_range_starts_where_the_last_one_ended() -> None:
    """Each request names the number of members that it has."""
    session = CannedSession((FIRST, answer(r2_end=(b"CN=c",))))
    read_members(session, FOUND)
    assert session.asked == ["member;range=0-*", "member;range=2-*"]
