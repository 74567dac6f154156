"""Imported events: refused with one sentence, or taken as they are."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.campaign.events import FIELDS, Event, event_of
from edge.campaign.lists import read_units
from tests.edge.parts import steady, values

UNITS, _ = read_units(
    ["district_code,district,commune_code,commune,kind", "003,Tây Hồ,00091,Phú Thượng,phuong"]
)
GOOD = {"id": "f-1:collected", "at": "2023-05-18T09:30:00+07:00", "kind": "collected", "unit": "00091"}


def test_an_event_from_json_and_from_csv() -> None:
    facts = {"place": "mobile", "operator": "binh", "age": 30, "issue": "exchange", "seconds": 144}
    event = event_of({**GOOD, **facts}, UNITS)
    assert event == Event(
        "f-1:collected", 1684377000, "collected", "00091", "mobile", "binh", 30, "exchange", 144
    )
    texts = {name: str(value) for name, value in facts.items()}
    empty = dict.fromkeys(FIELDS, "")
    assert event_of({**empty, **GOOD, **texts}, UNITS) == event


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"id": ""}, "the id must be 1 to 120 letters"),
        ({"id": "f-1"}, "the id of a file's event is FILE:collected, so that it counts once"),
        ({"id": ":collected"}, "the id of a file's event is FILE:collected"),
        ({"id": "f-1:sent"}, "the id of a file's event is FILE:collected"),
        ({"id": "f-1:sent", "kind": "cleaned"}, "ends in :sent is of a file that was sent, not of cleaned"),
        ({"id": "f-1:handed-over", "kind": "account-1"}, "is of a file that was handed-over"),
        ({"id": 5}, "id must be text"),
        ({"at": "2023-05-18T09:30:00"}, "at must be a time with its offset"),
        ({"at": "yesterday"}, "at must be a time with its offset"),
        ({"kind": "stolen"}, "the kind must be one of collected, sent"),
        ({"unit": "Phú Thượng"}, "no unit has this code: units are named by official code"),
        ({"place": "home"}, "the place must be one of fixed, mobile"),
        ({"age": -1}, "age must be a whole number from 0 to 130"),
        ({"age": "13.5"}, "age must be a whole number"),
        ({"age": True}, "age must be a whole number"),
        ({"operator": "Bình"}, "the operator must be 1 to 31 small letters"),
        ({"name": "x"}, "unknown key name; known are id, at"),
        ({"id": "f-1:fee", "kind": "fee", "issue": "exchange", "amount": 15000}, "fee needs the operator"),
        ({"id": "f-1", "kind": "fee", "operator": "b"}, "a fee needs issue and amount"),
        (
            {"id": "f-1", "kind": "fault", "cause": "rain", "minutes": 3},
            "a fault needs minutes and a cause, one of scanner",
        ),
        ({"id": "f-1", "kind": "fault", "cause": "power"}, "a fault needs minutes and a cause"),
    ],
)
def test_one_sentence_for_each_mistake(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        event_of({**GOOD, **change}, UNITS)


@steady(300)
@given(st.dictionaries(st.sampled_from(FIELDS), values | st.sampled_from(sorted(GOOD.values())), max_size=12))
def test_whatever_comes_is_an_event_or_a_sentence(row: dict[str, Any]) -> None:
    said = ""
    try:
        assert event_of({**GOOD, **row}, UNITS).unit in UNITS
    except ValueError as error:
        said = str(error)
    assert "\n" not in said
