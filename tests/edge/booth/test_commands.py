"""Commands: each is answered once, with one sentence, and nothing is recorded that should not be."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.booth import enrolment as core
from edge.booth.commands import ANSWERED, CommandDesk, Verdict
from edge.booth.enrolment import Enrolment
from edge.booth.shift import Shift
from edge.journal import Journal
from edge.keys import BoothKeys
from edge.messages import EXPIRES_AT
from edge.people import People
from edge.settings import BoothSettings, Plan
from edge.store import Store
from edge.vault import Vault
from tests.edge.parts import AT, CLOCK, NUMBER, steady, undone, values

SETTINGS = BoothSettings(booth="b-1", data=Path(), keys=Path())


def desk_of(store: Store, keys: BoothKeys, settings: BoothSettings = SETTINGS) -> CommandDesk:
    journal = Journal(store)
    vault = Vault(store, keys.vault)
    return CommandDesk(settings, keys, journal, Shift("b-1", People(vault), journal), vault=vault)


@dataclass
class Booth:
    """A desk, its journal, and who stands at the booth: what the runner does with a verdict."""

    desk: CommandDesk
    current: Enrolment | None = None
    at: str = AT
    heard: list[Verdict] = field(default_factory=list)

    def send(self, name: str, payload: dict[str, Any] | bytes) -> Verdict:
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        verdict = self.desk.judge(name, raw, self.current, self.at)
        for kind, body in verdict.entries:
            self.desk.journal.append(kind, body, self.at, CLOCK)
        self.current = core.fold(verdict.entries, self.current)
        self.heard.append(verdict)
        return verdict

    def everything_said(self) -> str:
        entries = [entry.payload() for entry in self.desk.journal.read()]
        replies = [verdict.reply.payload() for verdict in self.heard]
        return b"".join(entries + replies).decode()


@pytest.fixture
def booth(store: Store, keys: BoothKeys) -> Booth:
    return Booth(desk_of(store, keys))


def enrol(request_id: str = "r1", **more: Any) -> dict[str, Any]:
    return {"request_id": request_id, "identity_number": NUMBER, **more}


def test_enrol_begins_an_enrolment(booth: Booth, keys: BoothKeys) -> None:
    verdict = booth.send("enrol", enrol(missing={"4": "amputated", "9": "bandaged"}))
    assert booth.current is not None
    assert verdict.reply.model_dump() == {
        "request_id": "r1",
        "command": "enrol",
        "outcome": "accepted",
        "reason": f"enrolment {booth.current.id} has begun",
        "wants": None,
        "repeated": False,
        "at": AT,
        "progress": {
            "request_id": "r1",
            "command": "enrol",
            "state": "running",
            "reason": f"enrolment {booth.current.id} has begun",
            "at": AT,
        },
    }
    assert [kind for kind, _ in verdict.entries] == [core.STARTED, ANSWERED]
    assert booth.current.subject == keys.subject_of(NUMBER)
    assert booth.current.positions == (1, 2, 3, 5, 6, 7, 8, 10)
    assert booth.current.missing == {4: "amputated", 9: "bandaged"}
    assert verdict.identity is not None
    assert verdict.identity[0].id == booth.current.id
    assert verdict.identity[1] == NUMBER


def test_a_whole_visit_by_commands(booth: Booth) -> None:
    booth.send("enrol", enrol())
    assert (
        booth.send("mark-missing", {"request_id": "r2", "position": 2, "reason": "cut"}).reply.outcome
        == "accepted"
    )
    assert booth.current is not None
    assert booth.current.missing == {2: "cut"}
    assert booth.send("abandon", {"request_id": "r3", "reason": "went home"}).reply.outcome == "accepted"
    assert booth.current is None
    assert booth.send("enrol", enrol("r4")).reply.outcome == "accepted"


def show(booth: Booth, quality: int, same: tuple[int, ...] = ()) -> None:
    """Show the finger that is wanted, as the runner records it."""
    assert booth.current is not None
    position = booth.current.wanted() or 0
    event = core.SampleJudged(booth.current.id, position, f"sample{position}", quality, None, same, ())
    entries = core.judge(booth.current, event)
    for kind, body in entries:
        booth.desk.journal.append(kind, body, booth.at, CLOCK)
    booth.current = core.fold(entries, booth.current)


def test_before_sealing_the_operator_says_whose_record_it_is(booth: Booth) -> None:
    """Another person's number is noticed while the person is present; the number is told nobody."""
    portrait = {"sha256": "ab" * 32, "taken_at": "2026-01-05T08:00:00Z"}
    booth.send("enrol", enrol(missing=dict.fromkeys(map(str, range(3, 11)), "cut")))
    early = booth.send("review", {"request_id": "v1", "identity_number": NUMBER, "portrait": portrait})
    assert "is not captured yet" in early.reply.reason
    show(booth, 90)
    show(booth, 90)
    for _ in range(3):
        show(booth, 90)  # a stranger's, to confirm
    assert booth.current is not None
    assert booth.current.alarm
    overridden = booth.send("override", {"request_id": "o1", "reason": "a fresh burn"})
    assert overridden.reply.outcome == "accepted"
    other = booth.send(
        "review", {"request_id": "v2", "identity_number": "001090000002", "portrait": portrait}
    )
    assert other.reply.outcome == "refused"
    assert "this is not the identity number that enrolment" in other.reply.reason
    assert booth.current.findings[-1]["finding"] == core.NUMBER_DIFFERS, "the mix-up stays in the record"
    bare = booth.send("review", {"request_id": "v3", "identity_number": NUMBER})
    assert "the review needs the portrait" in bare.reply.reason
    assert not booth.current.closed
    done = booth.send("review", {"request_id": "v4", "identity_number": NUMBER, "portrait": portrait})
    assert (done.reply.outcome, done.reply.reason) == ("accepted", "the record is being sealed")
    assert booth.current.closed
    assert booth.current.reviewed == {"enrolment": booth.current.id, "portrait": portrait}
    assert NUMBER not in booth.everything_said()
    assert "001090000002" not in booth.everything_said()


@pytest.mark.parametrize(
    ("portrait", "sentence"),
    [
        ({"sha256": "ab"}, "'portrait."),
        ({"sha256": "AB" * 32, "taken_at": AT}, "'portrait.sha256'"),
        ({"sha256": "ab" * 32, "taken_at": "yesterday"}, "'portrait.taken_at'"),
        ({"sha256": "ab" * 32, "taken_at": "2026-01-05T07:59:00"}, "timezone"),
        ({"sha256": "ab" * 32, "taken_at": AT, "picture": "…"}, "unknown key 'portrait.picture'"),
        ("ab" * 32, "'portrait'"),
    ],
)
def test_a_portrait_is_bound_by_its_hash_and_its_moment(booth: Booth, portrait: Any, sentence: str) -> None:
    verdict = booth.send("review", {"request_id": "v1", "identity_number": NUMBER, "portrait": portrait})
    assert sentence in verdict.reply.reason
    assert verdict.entries == []


def test_someone_without_a_finger_of_the_plan_is_enrolled_when_a_supervisor_has_looked(booth: Booth) -> None:
    settings = SETTINGS.model_copy(update={"plan": Plan(name="two-index")})
    for desk, missing in (
        (booth.desk, dict.fromkeys(map(str, range(1, 11)), "amputated")),
        (desk_of(booth.desk.journal.store, booth.desk.keys, settings), {"2": "cut", "7": "cut"}),
    ):
        visit = Booth(desk)
        word = enrol(f"r{len(missing)}", missing=missing)
        assert visit.send("enrol", word).reply.outcome == "accepted"
        assert visit.current
        assert "no finger that the plan asks for" in (visit.current.alarm or "")
        review = {"identity_number": NUMBER, "no_portrait": "x"}
        early = visit.send("review", {**review, "request_id": f"v{len(missing)}"})
        assert "override it with a reason before the review" in early.reply.reason
        visit.send("override", {"request_id": f"o{len(missing)}", "reason": "I looked"})
        visit.send("review", {**review, "request_id": f"w{len(missing)}"})
        assert visit.current.closed
        assert visit.current.exception


def test_a_slap_is_taken_finger_by_finger_at_a_supervisors_word(booth: Booth) -> None:
    settings = SETTINGS.model_copy(update={"plan": Plan(name="four-four-two")})
    visit = Booth(desk_of(booth.desk.journal.store, booth.desk.keys, settings))
    word = {"slap": 13, "reason": "webbed"}
    assert "no subject is being" in visit.send("single-fingers", {**word, "request_id": "s0"}).reply.reason
    visit.send("enrol", enrol("r1"))
    done = visit.send("single-fingers", {**word, "request_id": "s1"}).reply
    assert (done.outcome, done.reason) == ("accepted", "the fingers are taken one by one")
    assert visit.current
    assert visit.current.wanted() == 2
    again = visit.send("single-fingers", {**word, "request_id": "s2"}).reply
    assert "are not awaited together" in again.reason


def said(payload: dict[str, Any]) -> bytes:
    return json.dumps(payload).encode()


MALFORMED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "is no valid JSON: Expecting value"),
    "no JSON": (b"{request_id: 1}", "is no valid JSON: Expecting property name"),
    "cut off": (b'{"request_id":"r1","identity', "is no valid JSON: Unterminated string"),
    "no UTF-8": (b'{"request_id":"r1\xff"}', "is no valid JSON: 'utf-8' codec can't decode byte 0xff"),
    "UTF-16": (json.dumps(enrol()).encode("utf-16"), "invalid JSON: expected value"),
    "a number": (b"7", "is no JSON object with a request_id"),
    "a list": (b'["request_id"]', "is no JSON object with a request_id"),
    "no request id": (b'{"identity_number":"001090000001"}', "is no JSON object with a request_id"),
    "an empty request id": (b'{"request_id":""}', "is no JSON object with a request_id"),
    "a request id with blanks": (b'{"request_id":"a b"}', "request_id of 1 to 64 letters, digits or ._:-"),
    "a request id that is no text": (b'{"request_id":"\\ud800"}', "request_id of 1 to 64 letters"),
    "a request id without end": (b'{"request_id":"' + b"r" * 65 + b'"}', "request_id of 1 to 64 letters"),
    "a number as request id": (b'{"request_id":7}', "is no JSON object with a request_id"),
    "unknown key": (said(enrol(nom="An")), "unknown key 'nom'; known there: request_id"),
    "missing key": (b'{"request_id":"r1"}', "'identity_number' is missing"),
    "short number": (said(enrol(identity_number="00109000001")), "'identity_number' must be 12 digits"),
    "not a number": (said(enrol(identity_number=[NUMBER])), "'identity_number': input should be a valid"),
    "lone surrogate": (
        b'{"request_id":"r1","identity_number":"\\ud800"}',
        "invalid JSON: unexpected end of hex escape",
    ),
    "not a number at all": (
        b'{"request_id":"r1","identity_number":NaN}',
        "'identity_number': input should be",
    ),
    "expired": (said(enrol(expires_at="2026-01-05T07:59:59Z")), "the command expired at 2026-01-05 07:59:59"),
    "expired at the beginning of time": (
        said(enrol(expires_at="0001-01-01T00:00:00+14:00")),
        "the command expired at 0001-01-01 00:00:00+14:00",
    ),
    "expires without a zone": (said(enrol(expires_at="2027-01-05T08:00:00")), "timezone"),
    "huge": (said(enrol(missing={"1": "x" * 10_000_000})), "bytes: at most 65536 are taken"),
    "many keys": (said({**enrol(), **{f"k{n}": n for n in range(3000)}}), "and 2997 more"),
    "a key twice": (
        said(enrol())[:-1] + b', "identity_number": "001090000002"}',
        "the key 'identity_number' is there twice: which one counts is not guessed; send it once",
    ),
    "a finger twice": (
        said(enrol())[:-1] + b', "missing": {"2": "cut off", "2": "bandaged"}}',
        "the key '2' is there twice",
    ),
    "a long key twice": (
        b'{"request_id":"r1","%s":1,"%s":2}' % (b"x" * 9000, b"x" * 9000),
        "is there twice",
    ),
    "a number without end": (
        b'{"request_id":"r1","x":' + b"9" * 5000 + b"}",
        "no valid JSON: Exceeds the limit",
    ),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed_is_refused_with_one_sentence_and_not_recorded(booth: Booth, name: str) -> None:
    payload, sentence = MALFORMED[name]
    verdict = booth.send("enrol", payload)
    assert verdict.reply.outcome == "refused"
    assert sentence in verdict.reply.reason
    assert "\n" not in verdict.reply.reason
    assert len(verdict.reply.reason) < 500
    assert verdict.entries == []
    assert verdict.identity is None
    assert NUMBER not in booth.everything_said()
    assert booth.send("enrol", enrol()).reply.outcome == "accepted", "the request id is still free"


def test_who_sends_a_key_twice_is_answered_under_the_request_id(booth: Booth) -> None:
    assert booth.send("enrol", MALFORMED["a key twice"][0]).reply.request_id == "r1"


def test_a_command_nested_as_deep_as_it_may_be_is_a_sentence(booth: Booth) -> None:
    """At the reader's limit the reader may still manage what the writer of the digest does not."""
    for depth in (10, 150, *range(180, 210), *range(850, 1010), 100_000 // 4):
        for opened, closed in ((b"[", b"]"), (b'{"a":', b"}")):
            nested = opened * depth + b"1" + closed * depth
            verdict = booth.send("enrol", b'{"request_id":"r1","x":' + nested + b"}")
            assert verdict.reply.outcome == "refused"
            assert verdict.entries == []


def test_an_unknown_command_is_named(booth: Booth) -> None:
    verdict = booth.send("reboot", {"request_id": "r1"})
    assert verdict.reply.reason == (
        "unknown command 'reboot': this booth knows enrol, mark-missing, abandon, override, single-fingers, "
        "review, login, logout, open-shift, close-shift, register-finger, hand-over, verify, settle"
    )
    assert (verdict.reply.outcome, verdict.reply.request_id, verdict.entries) == ("refused", "r1", [])


REFUSED_NOW: dict[str, tuple[str, dict[str, Any], str]] = {
    "no subject to mark": ("mark-missing", {"position": 2, "reason": "x"}, "no subject is being enrolled"),
    "no subject to abandon": ("abandon", {"reason": "x"}, "there is nothing to abandon"),
    "no alarm": ("override", {"reason": "x"}, "there is no alarm to override"),
    "no subject to review": ("review", {"identity_number": NUMBER}, "there is nothing to review"),
}


@pytest.mark.parametrize("name", REFUSED_NOW)
def test_what_cannot_be_done_now_is_refused_and_remembered(booth: Booth, name: str) -> None:
    command, payload, sentence = REFUSED_NOW[name]
    verdict = booth.send(command, {"request_id": "r1", **payload})
    assert verdict.reply.outcome == "refused"
    assert sentence in verdict.reply.reason
    assert [kind for kind, _ in verdict.entries] == [ANSWERED]
    again = booth.send(command, {"request_id": "r1", **payload})
    assert (again.reply.outcome, again.reply.repeated, again.reply.reason) == (
        "refused",
        True,
        verdict.reply.reason,
    )
    assert again.entries == []


def test_the_next_subject_waits_for_the_first(booth: Booth) -> None:
    booth.send("enrol", enrol("r1"))
    assert booth.current is not None
    first = booth.current.id
    verdict = booth.send("enrol", enrol("r2", identity_number="001090000002"))
    assert verdict.reply.outcome == "refused"
    assert f"enrolment {first} is not finished" in verdict.reply.reason
    assert verdict.identity is None
    assert booth.current.id == first


def test_a_repeated_request_is_answered_the_same_way_and_done_once(booth: Booth) -> None:
    first = booth.send("enrol", enrol())
    backwards = dict(reversed(enrol().items()))
    for payload in (said(enrol()), said(backwards), json.dumps(enrol(), indent=3).encode()):
        again = booth.send("enrol", payload)
        assert again.reply == first.reply.model_copy(update={"repeated": True})
        assert again.entries == []
        assert again.identity is None
    assert len([entry for entry in booth.desk.journal.read() if entry.kind == core.STARTED]) == 1


def test_a_command_that_comes_too_late_is_not_done_and_may_be_sent_again(booth: Booth) -> None:
    """A console then knows the booth's clock, and sends the same with another `expires_at`."""
    late = booth.send("enrol", enrol(expires_at="2026-01-05T07:59:59Z")).reply
    assert (late.outcome, late.wants, late.at) == ("refused", EXPIRES_AT, AT)
    assert booth.send("enrol", enrol(expires_at="2026-01-05T08:01:00Z")).reply.outcome == "accepted"


def test_a_repeated_request_is_answered_even_when_it_has_expired_meanwhile(booth: Booth) -> None:
    payload = enrol(expires_at="2026-01-05T08:00:01Z")
    assert booth.send("enrol", payload).reply.outcome == "accepted"
    booth.at = "2026-01-05T09:00:00.000Z"
    again = booth.send("enrol", payload)
    assert (again.reply.outcome, again.reply.repeated) == ("accepted", True)


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("enrol", enrol("r1", identity_number="001090000002")),
        ("enrol", enrol("r1", missing={"2": "cut"})),
        ("abandon", {"request_id": "r1", "reason": "x"}),
        ("reboot", {"request_id": "r1"}),
        ("enrol", {"request_id": "r1"}),
    ],
)
def test_a_request_id_used_again_for_something_else_is_refused(booth: Booth, name: str, payload: Any) -> None:
    booth.send("enrol", enrol("r1"))
    before = booth.current
    verdict = booth.send(name, payload)
    assert verdict.reply.reason == "request id r1 was used before, for another command: choose a new one"
    assert (verdict.reply.outcome, verdict.reply.repeated, verdict.entries) == ("refused", False, [])
    assert booth.current == before


def test_the_remembered_digest_does_not_betray_the_number(booth: Booth, keys: BoothKeys) -> None:
    """Twelve digits can be tried out: without the key the digest must not tell when they are right."""
    booth.send("enrol", enrol())
    (answer,) = [entry for entry in booth.desk.journal.read() if entry.kind == ANSWERED]
    stranger = keys.__class__(keys.vault, bytes(32), keys.signing, keys.ministry)
    other = desk_of(booth.desk.journal.store, stranger)
    assert other.judge("enrol", said(enrol()), None, AT).reply.reason.startswith("request id r1 was")
    assert answer.body["request_id"] == "r1"
    assert set(answer.body) == {"request_id", "command", "digest", "outcome", "reason", "wants", "runs"}


def seal(booth: Booth, outcome: str = core.ENROLLED) -> None:
    """End the enrolment at the booth as one that was captured and sealed."""
    assert booth.current is not None
    body: dict[str, Any] = {
        "enrolment": booth.current.id,
        "subject": booth.current.subject,
        "outcome": outcome,
    }
    booth.desk.journal.append(core.SEALED, body, booth.at, CLOCK)
    booth.current = None


def test_a_number_that_was_enrolled_before_is_refused_unless_with_a_reason(booth: Booth) -> None:
    booth.send("enrol", enrol("r1"))
    assert booth.current is not None
    earlier = booth.current.id
    seal(booth)
    refused = booth.send("enrol", enrol("r2"))
    assert refused.reply.outcome == "refused"
    assert f"was enrolled here before, at {AT}: check whose number it is" in refused.reply.reason
    assert refused.identity is None
    assert refused.reply.wants == "again"
    assert booth.send("enrol", enrol("r2")).reply.wants == "again", "also when it is repeated"
    taken = booth.send("enrol", enrol("r3", again="the card was misprinted"))
    assert taken.reply.outcome == "accepted"
    assert [kind for kind, _ in taken.entries] == [core.STARTED, core.FINDING, ANSWERED]
    assert booth.current is not None
    (finding,) = booth.current.findings
    assert (finding["finding"], finding["of"]) == (core.NUMBER_USED, earlier)
    assert "once more because: the card was misprinted" in finding["text"]
    assert NUMBER not in booth.everything_said()


@pytest.mark.parametrize("end", ["abandoned", "known by the fingers", "another number"])
def test_a_number_counts_as_enrolled_only_when_it_was(booth: Booth, end: str) -> None:
    if end == "another number":
        booth.send("enrol", enrol("r1", identity_number="001090000002"))
        seal(booth)
    else:
        booth.send("enrol", enrol("r1"))
        if end == "abandoned":
            booth.send("abandon", {"request_id": "r2", "reason": "x"})
        else:
            seal(booth, core.ALREADY_ENROLLED)
    verdict = booth.send("enrol", enrol("r3"))
    assert verdict.reply.outcome == "accepted"
    assert booth.current is not None
    assert booth.current.findings == ()


def test_in_trouble_nobody_is_enrolled_and_who_stands_there_is_finished(booth: Booth) -> None:
    booth.send("enrol", enrol("r1"))

    def send(name: str, payload: dict[str, Any]) -> Verdict:
        return booth.desk.judge(name, said(payload), booth.current, AT, "two boxes use this name")

    refused = send("enrol", enrol("r2"))
    assert refused.reply.reason == "nobody can be enrolled here: two boxes use this name; call a technician"
    assert refused.identity is None
    marked = send("mark-missing", {"request_id": "r3", "position": 2, "reason": "x"})
    assert marked.reply.outcome == "accepted"
    assert send("abandon", {"request_id": "r4", "reason": "x"}).reply.outcome == "accepted"


@steady(150)
@given(
    st.sampled_from(["enrol", "mark-missing", "abandon", "override", "review", "reboot", ""]),
    st.dictionaries(
        st.sampled_from(
            [
                "identity_number",
                "name",
                "birth",
                "sex",
                "missing",
                "expires_at",
                "position",
                "portrait",
                "no_portrait",
                "reason",
                "x",
            ]
        ),
        values
        | st.sampled_from(
            ["1990-05-17", "male", NUMBER, int(NUMBER), [NUMBER], {"1": [NUMBER]}, NUMBER + "0", f" {NUMBER}"]
        ),
    ),
    st.integers(0, 3),
)
def test_whatever_is_sent_the_number_is_never_told(
    shared_store: Store, keys: BoothKeys, name: str, payload: dict[str, Any], repeat: int
) -> None:
    with undone(shared_store):
        booth = Booth(desk_of(shared_store, keys))
        for n in range(repeat + 1):
            verdict = booth.send(name, {"request_id": f"r{n % 2}", **payload})
            assert "\n" not in verdict.reply.reason
            assert len(verdict.reply.reason) < 500
        assert NUMBER not in booth.everything_said()


@steady(200)
@given(st.sampled_from(["enrol", "abandon"]), st.binary(max_size=60) | st.text(max_size=60) | values)
def test_any_payload_is_answered(shared_store: Store, keys: BoothKeys, name: str, content: Any) -> None:
    with undone(shared_store):
        booth = Booth(desk_of(shared_store, keys))
        if isinstance(content, str):
            content = content.encode("utf-8", "surrogatepass")
        raw = (
            content
            if isinstance(content, bytes)
            else json.dumps({"request_id": "r", "reason": content}).encode()
        )
        verdict = booth.send(name, raw)
        assert verdict.reply.reason
        verdict.reply.payload()
