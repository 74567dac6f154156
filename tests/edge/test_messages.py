"""The wire's words: what is refused, how it is said, and that the page on top of the module is true."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import messages
from edge.messages import (
    Abandon,
    Acknowledgement,
    Enrol,
    HubStatus,
    JournalEntry,
    MarkMissing,
    PacketAcknowledgement,
    PacketWanted,
    Phase,
    Reply,
    Report,
    Resend,
    State,
    Status,
    parse,
    utc,
)
from tests.edge.parts import AT, CLOCK, bodies, chain, steady

DIGEST = "0" * 64

REPORTS: list[Report] = [
    Status(booth="b-1", online=True, release="0.1", at=AT),
    HubStatus(online=False, release="0.1", at=AT),
    State(
        booth="b-1",
        at=AT,
        phase=Phase.IDLE,
        prompt="ready",
        scanner="ready",
        matcher="ready",
        last_seq=1,
        acknowledged_seq=0,
    ),
    *chain([{"a": 1.5}]),
    Acknowledgement(seq=0, hash=DIGEST),
    Resend(from_seq=1),
    PacketWanted(packet=DIGEST, offset=0),
    PacketAcknowledgement(packet=DIGEST, size=1),
    Reply(request_id=None, command="enrol", outcome="refused", reason="ệ", at=AT),
    CLOCK,
]


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: type(report).__name__)
def test_a_report_survives_the_wire_and_ignores_what_a_newer_release_added(report: Report) -> None:
    payload = report.payload()
    assert parse(type(report), payload) == report
    assert parse(type(report), payload[:-1] + b',"added_later":[1]}') == report


@pytest.mark.parametrize(
    "command",
    [
        '{"request_id":"r","identity_number":"001090000001"}',
        '{"request_id":"r","identity_number":"001090000001","missing":{"4":" amputated "}}',
        '{"request_id":"r","identity_number":"001090000001","expires_at":"2026-01-05T08:00:00Z"}',
    ],
)
def test_enrol_is_taken(command: str) -> None:
    enrol = parse(Enrol, command.encode())
    assert enrol.identity_number == "001090000001"
    assert enrol.missing in ({}, {4: "amputated"})


def enrol_of(**changes: str) -> str:
    fields = {"request_id": '"r"', "identity_number": '"001090000001"', **changes}
    return "{" + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}"


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        (enrol_of(identity_number='"00109000000"'), "'identity_number' must be 12 digits"),
        (enrol_of(identity_number='"0010900000011"'), "'identity_number' must be 12 digits"),
        (enrol_of(identity_number='"٠٠١٠٩٠٠٠٠٠٠١"'), "'identity_number' must be 12 digits"),
        (enrol_of(identity_number='"001090000001\\n"'), "'identity_number' must be 12 digits"),
        (enrol_of(identity_number="1090000001"), "'identity_number': input should be a valid string"),
        (enrol_of(name='""'), "'name': string should have at least 1 character"),
        (enrol_of(birth='"17/5/1990"'), "'birth' must be a year, or year-month-day as 1990-05-17"),
        (enrol_of(birth="1990"), "'birth': input should be a valid string"),
        (enrol_of(sex='"nam"'), "'sex': input should be 'male' or 'female'"),
        (enrol_of(missing='{"11":"x"}'), "'missing.11.[key]': input should be less than or equal to 10"),
        (enrol_of(missing='{"2":" "}'), "'missing.2': string should have at least 1 character"),
        (
            enrol_of(missing='{"4":"cut"}', missing_why='{"4":"lost"}'),
            "'missing_why.4': input should be 'permanent', 'temporary', 'cannot-flatten' or 'other'",
        ),
        (
            enrol_of(missing='{"4":"cut"}', missing_why='{"9":"permanent"}'),
            "'missing_why' names the left ring, which 'missing' does not",
        ),
        (enrol_of(again='"a\\u0000b"'), "'again' must be one line of 1 to 200 characters, none of them a"),
        (enrol_of(again='"two\\nlines"'), "'again' must be one line of 1 to 200 characters"),
        (enrol_of(again='"\\u001b[2J"'), "'again' must be one line of 1 to 200 characters"),
        (enrol_of(expires_at='"tomorrow"'), "'expires_at': input should be a valid datetime"),
        (enrol_of(expires_at='"2026-01-05T08:00:00"'), "'expires_at': input should have timezone info"),
        (enrol_of(request_id='"a b"'), "'request_id' must be 1 to 64 letters, digits or ._:-"),
        (enrol_of(request_id=f'"{"a" * 65}"'), "'request_id' must be 1 to 64 letters, digits or ._:-"),
        (
            enrol_of(nom='"x"'),
            "unknown key 'nom'; known there: request_id, expires_at, identity_number, name, birth",
        ),
        ("{}", "'request_id' is missing; 'identity_number' is missing"),
        ("[]", "input should be an object"),
        ("", "invalid JSON: EOF while parsing a value at line 1 column 0"),
        ("\xff", "invalid JSON"),
    ],
)
def test_a_bad_enrol_is_one_sentence(payload: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)) as caught:
        parse(Enrol, payload.encode("latin-1" if payload == "\xff" else "utf-8"))
    assert "\n" not in str(caught.value)
    assert "001090000001" not in str(caught.value)


@pytest.mark.parametrize("sign", ["\x1b", "\x7f", "\u061c", "\u200f", "\u2028", "\u202e", "\u2066", "\u2069"])
def test_a_reason_has_nothing_that_turns_what_is_printed(sign: str) -> None:
    with pytest.raises(ValueError, match="'reason'"):
        parse(Abandon, json.dumps({"request_id": "r", "reason": f"a{sign}b"}).encode())


def test_a_reason_is_one_line_of_any_language() -> None:
    assert parse(Abandon, '{"request_id":"r","reason":" tay bị bỏng \\n"}'.encode()).reason == "tay bị bỏng"


@pytest.mark.parametrize("position", ["0", "11", "true", '"3"', "3.5", "null"])
def test_a_position_is_a_number_from_1_to_10(position: str) -> None:
    with pytest.raises(ValueError, match="'position': input should be"):
        parse(MarkMissing, f'{{"request_id":"r","reason":"x","position":{position}}}'.encode())


@pytest.mark.parametrize(
    ("model", "payload"),
    [
        (Acknowledgement, f'{{"seq":{10**30},"hash":"{DIGEST}"}}'),
        (Acknowledgement, f'{{"seq":-1,"hash":"{DIGEST}"}}'),
        (Acknowledgement, '{"seq":1,"hash":"' + "A" * 64 + '"}'),
        (PacketWanted, f'{{"packet":"{DIGEST}","offset":{2**63}}}'),
        (PacketWanted, f'{{"packet":"{DIGEST}","offset":-1}}'),
        (PacketWanted, '{"packet":"../../etc/passwd","offset":0}'),
        (PacketAcknowledgement, f'{{"packet":"{DIGEST}","size":{10**30}}}'),
        (Resend, '{"from_seq":0}'),
        (Resend, f'{{"from_seq":{2**63}}}'),
        (JournalEntry, chain([{}])[0].payload().decode().replace('"seq":1', f'"seq":{2**60}')),
        (JournalEntry, chain([{}])[0].payload().decode().replace('"body":{}', '"body":[]')),
    ],
)
def test_numbers_and_names_that_no_file_can_hold_are_refused(model: type[Report], payload: str) -> None:
    with pytest.raises(ValueError, match="should"):
        parse(model, payload.encode())


def test_a_sentence_stays_short_whatever_was_sent() -> None:
    many = {f"key{n}": n for n in range(5000)}
    payload = str({"request_id": "r", "reason": "x", "k" * 100_000: 1, **many}).replace("'", '"')
    with pytest.raises(ValueError, match=r"; and 4998 more$") as caught:
        parse(Abandon, payload.encode())
    assert len(str(caught.value)) < 500


@steady()
@given(st.datetimes(datetime(1971, 1, 1), datetime(9998, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_a_time_is_utc_with_milliseconds(moment: datetime, minutes: int) -> None:
    zoned = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    text = utc(zoned)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    assert timedelta(0) <= zoned - datetime.fromisoformat(text) < timedelta(milliseconds=1)
    assert datetime.fromisoformat(text).tzinfo == UTC


@steady()
@given(bodies, st.binary(max_size=30))
def test_garbage_is_a_sentence_never_another_error(body: dict[str, Any], garbage: bytes) -> None:
    (entry,) = chain([body])
    payload = entry.payload()
    for wrong in (garbage, payload[: len(payload) // 2], payload + garbage + b"x"):
        with pytest.raises(ValueError, match=r"invalid JSON|input should|is missing") as caught:
            parse(JournalEntry, wrong)
        assert "\n" not in str(caught.value)


def documented_topics() -> dict[str, str]:
    """Topic -> payload, as the module's docstring says it."""
    page = messages.__doc__ or ""
    below = re.findall(
        r"^    ([a-z][\w/-]*)  +(?:retained, last will|retained|QoS 1) +(\w+(?: \| \w+)*)$",
        page,
        re.MULTILINE,
    )
    return dict(below)


def test_the_page_names_every_topic_and_every_payload() -> None:
    topics = documented_topics()
    assert topics.keys() == {
        *messages.OUTBOUND,
        *(name for name in messages.INBOUND if "+" not in name),
        "command/NAME",
    }
    for payloads in topics.values():
        for payload in payloads.split(" | "):
            assert hasattr(messages, payload), payload
    assert messages.booth_topic("B", "ack") == "vantay/v1/booth/B/ack"
    assert messages.packet_topic("B", DIGEST, 7) == f"vantay-packet/v1/booth/B/{DIGEST}/7"
    for phrase in (
        "`vantay/v1/booth/B/`",
        "`vantay/v1/hub/status`",
        "vantay-packet/v1/booth/B/SHA256/OFFSET",
    ):
        assert phrase in (messages.__doc__ or "")
    assert messages.HUB_STATUS_TOPIC == "vantay/v1/hub/status"
    assert messages.CHUNK_BYTES == 256 * 1024
