"""The condition language of the simulated ConnectWise, without a server."""

from __future__ import annotations

from typing import Any

import pytest

from muster.lab.connectwise.comparison import Comparison, check_names
from muster.lab.connectwise.conditions import ConditionError, fixed_number, parse
from muster.lab.connectwise.knobs import ConnectWiseKnobs

RECORD: dict[str, Any] = {
    "id": 7,
    "firstName": "Zoë",
    "lastName": "O'Brien",
    "nick": 'Anne "Annie"',
    "title": None,
    "inactiveFlag": False,
    "company": {"id": 250, "name": "Nordwind"},
    "communicationItems": [
        {"value": "zoe@x.example", "communicationType": "Email"},
        {"value": "+4930123", "communicationType": "Phone"},
    ],
    "_info": {"lastUpdated": "2026-03-01T12:00:00Z"},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id=7", True),
        ("id = 8", False),
        ("id!=8", True),
        ("id<7 or id>7", False),
        ("id<=7 AND id>=7", True),
        ("id in (1, 7)", True),
        ("id not in (1,7)", False),
        ("not id=7", False),
        ('firstName="zoë"', True),
        ("firstName='Zoë'", True),
        ('firstName="Zoe"', False),
        ('lastName="O\'Brien"', True),
        (r'nick="Anne \"Annie\""', True),
        ('firstName contains "ZO"', True),
        ('firstName not contains "x"', True),
        ('firstName like "z%"', True),
        ('firstName like "%o"', False),
        ('firstName like "*ë"', True),
        ("title=null", True),
        ("title!=null", False),
        ('title="x"', False),
        ("inactiveFlag=false", True),
        ("inactiveFlag=True", False),
        ("company/id=250", True),
        ('company/id=250 and (firstName="x" or lastName like "O%")', True),
        ('id=1 or id=7 and firstName="x"', False),
        ("lastUpdated > [2026-03-01T11:59:59Z]", True),
        ("lastUpdated > [2026-03-01T12:00:00Z]", False),
        ("lastUpdated >= [2026-03-01T12:00:00Z]", True),
        ("lastUpdated = [2026-03-01T12:00:00.900Z]", True),
        ("lastUpdated > [2026-03-01T13:30:00+02:00]", True),
        ("lastUpdated < [2026-03-02]", True),
    ],
)
def test_condition(text: str, expected: bool) -> None:
    """Each operator, literal and logic word does what the vendor's guide says."""
    assert Comparison(ConnectWiseKnobs()).matches(parse(text), RECORD) is expected


@pytest.mark.parametrize(
    "text",
    [
        'firstName="open',
        "id=",
        "id=7 and",
        "(id=7",
        "id=7)",
        "id in 7",
        "id in (7",
        "id ~ 7",
        "=7",
        "firstName=Zoe",
        "lastUpdated > [yesterday]",
    ],
)
def test_unreadable_condition(text: str) -> None:
    """A quote or parenthesis left open, a bare word and a wrong date are refused."""
    with pytest.raises(ConditionError):
        Comparison(ConnectWiseKnobs()).matches(parse(text), RECORD)


@pytest.mark.parametrize(
    ("knobs", "text", "expected"),
    [
        ({"case_sensitive": True}, 'firstName="zoë"', False),
        ({"case_sensitive": True}, 'firstName contains "ZO"', False),
        ({"case_sensitive": True}, 'firstName like "z%"', False),
        ({"accent_sensitive": False}, 'firstName="Zoe"', True),
        ({"date_only": True}, "lastUpdated > [2026-03-01T11:00:00Z]", False),
        ({"date_only": True}, "lastUpdated >= [2026-03-01]", True),
    ],
)
def test_switches_of_comparison(knobs: dict[str, Any], text: str, expected: bool) -> None:
    """Case, accents and the precision of dates can be switched."""
    assert Comparison(ConnectWiseKnobs(**knobs)).matches(parse(text), RECORD) is expected


@pytest.mark.parametrize(
    ("same_item", "text", "expected"),
    [
        (False, 'communicationItems/value="zoe@x.example"', True),
        (True, 'communicationItems/value="ZOE@x.example"', True),
        (
            False,
            'communicationItems/value="+4930123" and communicationItems/communicationType="Email"',
            True,
        ),
        (
            True,
            'communicationItems/value="+4930123" and communicationItems/communicationType="Email"',
            False,
        ),
        (True, 'communicationItems/value like "%@x%"', True),
        (False, 'communicationItems/value="nobody"', False),
    ],
)
def test_child_condition(same_item: bool, text: str, expected: bool) -> None:
    """Two clauses on a child hold on one item, or each on any, as the switch says."""
    comparison = Comparison(ConnectWiseKnobs(child_same_item=same_item))
    assert comparison.matches_child(parse(text), RECORD) is expected


def test_unknown_name_is_refused() -> None:
    """A field that the resource does not have is named in the refusal."""
    with pytest.raises(ConditionError, match=r"nickname is not a recognized name\."):
        check_names(parse('id=7 and nickname="x"'), {"id"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("company/id=250", 250),
        ("company/id=250 and id=7", 250),
        ("company/id=250 or id=7", None),
        ("not company/id=250", None),
        ("company/id!=250", None),
        ("company/id=null", None),
        ("company/id=true", None),
    ],
)
def test_fixed_number_is_found_only_where_it_must_hold(text: str, expected: int | None) -> None:
    """The index by company is used only when no other company can match."""
    assert fixed_number(parse(text), "company/id") == expected
