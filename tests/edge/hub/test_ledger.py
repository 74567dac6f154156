"""The ledger: every entry once and in order, whatever order they come in; nothing that does not belong."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.hub import sums
from edge.hub.ledger import CLOSED, LARGEST_PACKET, SEALED, Ledger
from edge.hub.status import readable, status_of
from edge.hub.store import HubStore
from edge.hub.tables import Tables
from edge.journal import GENESIS
from edge.messages import JournalEntry, parse
from tests.edge.parts import AT, chain, steady, undone

DIGEST = "ab" * 32
OF_EARLIER: dict[str, dict[str, Any]] = {
    "a": {"subject": "s1"},
    "b": {"subject": "s1", "outcome": "already-enrolled"},
    "c": {"subject": "s\0"},
    "d": {"subject": 7},
    "e": {},
}


@pytest.fixture
def ledger(hub_store: Tables) -> Ledger:
    return Ledger(hub_store)


def held(ledger: Ledger, booth: str = "b-1") -> list[tuple[int, str]]:
    rows = ledger.db.execute("SELECT seq, hash FROM entry WHERE booth = ? ORDER BY seq", (booth,))
    return [(row["seq"], row["hash"]) for row in rows]


def alarms(ledger: Ledger) -> list[str]:
    return [row["text"] for row in ledger.db.execute("SELECT text FROM alarm ORDER BY rowid")]


def test_entries_are_taken_in_order_and_known_the_second_time(ledger: Ledger) -> None:
    assert (ledger.standing("b-1").last_seq, ledger.standing("b-1").last_hash) == (0, GENESIS)
    entries = chain([{"n": n} for n in range(4)])
    assert [ledger.take("b-1", entry, AT) for entry in entries] == ["new"] * 4
    assert [ledger.take("b-1", entry, AT) for entry in entries] == ["known"] * 4
    assert held(ledger) == [(entry.seq, entry.hash) for entry in entries]
    assert (ledger.standing("b-1").last_seq, ledger.standing("b-1").last_hash) == (4, entries[3].hash)
    assert alarms(ledger) == []


def test_a_gap_is_noticed_and_nothing_behind_it_is_taken(ledger: Ledger, hub_store: Tables) -> None:
    entries = chain([{"n": n} for n in range(6)])
    assert [ledger.take("b-1", entries[n], AT) for n in (0, 1, 4, 3)] == ["new", "new", "gap", "gap"]
    assert ledger.standing("b-1").last_seq == 2
    (booth,) = status_of(hub_store)["booths"]
    assert (booth["last_seq"], booth["missing_entries"]) == (2, 3)
    assert [ledger.take("b-1", entries[n], AT) for n in (2, 3, 4)] == ["new"] * 3
    assert status_of(hub_store)["booths"][0]["missing_entries"] == 0


def test_a_hub_that_never_heard_of_a_booth_sees_the_gap_before_its_first_word(ledger: Ledger) -> None:
    entries = chain([{"n": n} for n in range(3)])
    assert ledger.take("b-1", entries[2], AT) == "gap"
    assert held(ledger) == []
    assert ledger.booths() == ["b-1"]


@steady(150)
@given(st.lists(st.tuples(st.sampled_from(["b-1", "b-2"]), st.integers(0, 7)), max_size=60))
def test_whatever_comes_twice_late_or_never_the_beginning_is_held(
    shared_hub_store: Tables, deliveries: list[tuple[str, int]]
) -> None:
    sent = {booth: chain([{"booth": booth, "n": n} for n in range(8)]) for booth in ("b-1", "b-2")}
    with undone(shared_hub_store):
        ledger = Ledger(shared_hub_store)
        count = {"b-1": 0, "b-2": 0}
        for booth, place in deliveries:
            taken = ledger.take(booth, sent[booth][place], AT)
            expected = "new" if place == count[booth] else "known" if place < count[booth] else "gap"
            assert taken == expected
            count[booth] += taken == "new"
        for booth, number in count.items():
            assert held(ledger, booth) == [(entry.seq, entry.hash) for entry in sent[booth][:number]]
            assert ledger.standing(booth).last_seq == number
        assert alarms(ledger) == []


def test_another_entry_under_a_number_that_is_held_is_refused(ledger: Ledger) -> None:
    mine = chain([{"n": n} for n in range(3)])
    for entry in mine:
        ledger.take("b-1", entry, AT)
    other = chain([{"n": 0}, {"n": "other"}])[1]
    assert [ledger.take("b-1", other, AT) for _ in range(3)] == ["refused"] * 3
    assert held(ledger) == [(entry.seq, entry.hash) for entry in mine]
    (alarm,) = alarms(ledger)  # told once
    assert alarm.startswith("entry 2 of booth b-1 was refused: another entry is held under this number: ")


def test_an_entry_that_follows_another_is_refused(ledger: Ledger) -> None:
    """An old copy of the booth's data was restored and went its own way."""
    mine = chain([{"n": n} for n in range(3)])
    for entry in mine:
        ledger.take("b-1", entry, AT)
    copy = chain([{"n": 0}, {"n": 1}, {"n": "other"}, {"n": 3}])
    assert ledger.take("b-1", copy[3], AT) == "refused"
    (alarm,) = alarms(ledger)
    assert alarm.startswith("entry 4 of booth b-1 was refused: it does not follow the entry held before it: ")
    assert ledger.standing("b-1").last_seq == 3


def test_a_first_entry_follows_nothing(ledger: Ledger) -> None:
    (entry,) = chain([{}], previous=DIGEST)
    assert ledger.take("b-1", entry, AT) == "refused"


@pytest.mark.parametrize(
    "change",
    [
        {"body": {"n": 7}},
        {"kind": "other"},
        {"at": "2027"},
        {"hash": DIGEST},
        {"previous_hash": DIGEST},
        {"seq": 2},
    ],
)
def test_an_altered_entry_is_refused(ledger: Ledger, change: dict[str, Any]) -> None:
    (entry,) = chain([{"n": 1}])
    assert ledger.take("b-1", entry.model_copy(update=change), AT) == "refused"
    assert held(ledger) == []
    assert len(alarms(ledger)) == 1
    assert "its hash does not verify: it was altered on the way" in alarms(ledger)[0]
    assert ledger.take("b-1", entry, AT) == "new", "the true one is still taken"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_numbers_that_json_does_not_know_are_refused(ledger: Ledger, number: str) -> None:
    (entry,) = chain([{"x": 1.5}])
    arrived = parse(JournalEntry, entry.payload().replace(b"1.5", number.encode()))
    assert ledger.take("b-1", arrived, AT) == "refused"


def test_a_transaction_that_fails_leaves_nothing(ledger: Ledger, hub_store: Tables) -> None:
    class Trouble(Exception):
        pass

    def take_and_fail() -> None:
        with hub_store.transaction():
            for entry in chain([{"n": n} for n in range(3)]):
                ledger.take("b-1", entry, AT)
            raise Trouble

    with pytest.raises(Trouble):
        take_and_fail()
    assert ledger.standing("b-1").last_seq == 0
    assert ledger.booths() == []


# packets


def sealed(packet: object = DIGEST, **changes: Any) -> dict[str, Any]:
    body = {"packet": packet, "enrolment": "e1", "size": 700, "outcome": "enrolled", "samples": {"1": "a"}}
    return {**body, **changes}


def tell(ledger: Ledger, kind: str, body: dict[str, Any], booth: str = "b-1") -> str:
    standing = ledger.standing(booth)
    (entry,) = chain([body], kind, standing.last_seq + 1, standing.last_hash)
    return ledger.take(booth, entry, AT)


def test_a_packet_is_wanted_held_and_over(ledger: Ledger) -> None:
    assert ledger.packet(DIGEST) is None
    assert tell(ledger, SEALED, sealed()) == "new"
    (packet,) = ledger.open_packets("b-1")
    assert (packet.hash, packet.booth, packet.size, packet.complete) == (DIGEST, "b-1", 700, False)
    ledger.packet_complete(DIGEST, AT)
    (packet,) = ledger.open_packets("b-1")
    assert packet.complete
    assert tell(ledger, CLOSED, {"packet": DIGEST, "size": 700}) == "new"
    assert ledger.open_packets("b-1") == []
    known = ledger.packet(DIGEST)
    assert known is not None
    assert known.complete


def test_a_packet_that_was_let_go_and_is_not_held_is_not_forgotten(ledger: Ledger) -> None:
    """The hub's file was lost and is made anew from the booth's journal, which has the whole story."""
    tell(ledger, SEALED, sealed())
    tell(ledger, CLOSED, {"packet": DIGEST})
    (packet,) = ledger.open_packets("b-1")
    assert (packet.complete, packet.closed) == (False, True)
    ledger.packet_complete(DIGEST, AT)
    assert ledger.open_packets("b-1") == []


def test_packets_are_asked_for_in_the_order_they_were_sealed(ledger: Ledger) -> None:
    digests = [f"{n:064x}" for n in (9, 3, 5)]
    for n, digest in enumerate(digests):
        tell(ledger, SEALED, sealed(digest, enrolment=f"e{n}"))
    assert [packet.hash for packet in ledger.open_packets("b-1")] == digests
    assert ledger.open_packets("b-2") == []


def test_a_booth_cannot_end_the_packet_of_another(ledger: Ledger) -> None:
    tell(ledger, SEALED, sealed())
    assert tell(ledger, CLOSED, {"packet": DIGEST}, booth="b-2") == "new"
    assert len(ledger.open_packets("b-1")) == 1


def test_a_copy_under_another_name_is_an_alarm(ledger: Ledger) -> None:
    tell(ledger, SEALED, sealed())
    tell(ledger, SEALED, sealed("cd" * 32, enrolment="e2"))
    assert alarms(ledger) == []
    for packet, enrolment in ((DIGEST, "e1"), ("cd" * 32, "e2")):
        assert tell(ledger, SEALED, sealed(packet, enrolment=enrolment), booth="b-2") == "new"
    (said,) = alarms(ledger)
    assert "booth b-2 tells of packet abababababab, which is booth b-1's" in said
    assert ledger.open_packets("b-2") == []
    assert len(ledger.open_packets("b-1")) == 2


def test_a_number_that_two_booths_enrolled_is_an_alarm_unless_the_person_was_compared(ledger: Ledger) -> None:
    def seals(booth: str, n: int, **facts: Any) -> list[str]:
        before = alarms(ledger)
        packet = f"{n:02}" * 32
        assert tell(ledger, SEALED, sealed(packet, enrolment=f"e{n}", subject="s1") | facts, booth) == "new"
        return [text for text in alarms(ledger) if text not in before]

    assert seals("b-1", 1) == []
    assert seals("b-1", 2) == [], "that booth knows its own"
    assert seals("b-2", 3, outcome="already-enrolled", duplicate_of="s1") == []
    (said,) = seals("b-2", 4, renewal="same", renews=[])
    assert said == (
        "enrolment e4 at b-2 has the identity number of e1 at b-1, e2 at b-1, and the person was compared "
        "with a record that was brought, which names no number: look whether it is one person"
    )
    assert seals("b-2", 9, renewal="same", renews=["e4"]) == [], "of e4 it was told"
    (said,) = seals("b-2", 10, renewal="same", renews=["e3"])
    assert "a record that was brought" in said, "e3 is none of this number here"
    assert seals("b-3", 5, subject="s2") == []
    assert seals("b-3", 6, subject=["s1"]) == []
    (said,) = seals("b-3", 7)
    assert said == (
        "enrolment e7 at b-3 has the identity number of e1 at b-1, e2 at b-1, e10 at b-2 and 2 more, "
        "and no comparison of fingers said that it is one person: look whether it is"
    )
    (said,) = seals("b-4", 8, renewal="another")
    assert "e10 at b-2 and 3 more, and no comparison" in said


def test_a_number_is_no_alarm_where_the_station_found_the_persons_record_of_it(ledger: Ledger) -> None:
    def seals(booth: str, n: int, **facts: Any) -> list[str]:
        before = alarms(ledger)
        body = sealed(f"{n:02}" * 32, enrolment=f"e{n}", subject="s1") | facts
        assert tell(ledger, SEALED, body, booth) == "new"
        return [text for text in alarms(ledger) if text not in before]

    brought: dict[str, Any] = {"renewal": "same", "renews": []}
    assert seals("b-1", 1) == []
    assert seals("b-2", 2, **brought, same_at=["b-1"]) == []
    (said,) = seals("b-3", 3, **brought, same_at=["b-1"])
    assert "has the identity number of e2 at b-2, and the person" in said
    assert seals("b-1", 4, renewal="same", renews=["e1"]) == []
    (said,) = seals("b-4", 5, **brought, same_at=["b-1", "b-2", "b-3"])
    assert "of e1 at b-1, e4 at b-1, and" in said, "which of the two it was, the station does not say"
    (said,) = seals("b-5", 6, renewal="same", renews=7, same_at=[7, ["b-1"]])
    assert "and 2 more" in said, "no booth of ours writes such a one"


def test_whom_an_earlier_release_took_is_known(tmp_path: Path) -> None:
    with closing(HubStore(tmp_path / "hub.db")) as store:
        for enrolment, facts in OF_EARLIER.items():
            tell(Ledger(store), SEALED, sealed(enrolment * 64, enrolment=enrolment, **facts))
        store.db.execute("DROP TABLE enrolled")
    with closing(HubStore(tmp_path / "hub.db")) as store:
        assert [tuple(row) for row in store.db.execute("SELECT * FROM enrolled")] == [("s1", "b-1", "a")]


def test_an_enrolment_that_is_sealed_again_with_another_packet_is_an_alarm(ledger: Ledger) -> None:
    tell(ledger, SEALED, sealed())
    tell(ledger, SEALED, sealed(), booth="b-2")  # a copy: another alarm, below
    before = alarms(ledger)
    assert tell(ledger, SEALED, sealed("cd" * 32)) == "new"
    (said,) = [text for text in alarms(ledger) if text not in before]
    assert said == (
        "booth b-1 sealed enrolment e1 again, with another packet (cdcdcdcdcdcd), which is not fetched: "
        "keep that booth's data for the technician"
    )
    assert [packet.hash for packet in ledger.open_packets("b-1")] == [DIGEST]
    assert tell(ledger, SEALED, sealed("cd" * 32)) == "new"
    assert len(alarms(ledger)) == 2, "one of a kind"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (SEALED, {}),
        (SEALED, sealed("../../../../etc/passwd")),
        (SEALED, sealed("AB" * 32)),
        (SEALED, sealed(packet=7)),
        (SEALED, sealed(enrolment=None)),
        (SEALED, sealed(size=0)),
        (SEALED, sealed(size=-1)),
        (SEALED, sealed(size="700")),
        (SEALED, sealed(size=True)),
        (SEALED, sealed(size=1.5)),
        (SEALED, sealed(size=LARGEST_PACKET + 1)),
        (SEALED, sealed(size=2**70)),
        (SEALED, sealed(samples=["a"])),
        (SEALED, {k: v for k, v in sealed().items() if k != "samples"}),
        (CLOSED, {}),
        (CLOSED, {"packet": ["x"]}),
        (CLOSED, {"packet": "../x"}),
    ],
)
def test_what_the_hub_cannot_act_on_is_refused(
    ledger: Ledger, hub_store: Tables, kind: str, body: dict[str, Any]
) -> None:
    assert tell(ledger, kind, body) == "refused"
    assert ledger.open_packets("b-1") == []
    assert alarms(ledger) == [
        f"entry 1 of booth b-1 was refused: a {kind} must name its packet, enrolment, size and samples"
    ]
    assert status_of(hub_store)["booths"][0]["samples"] == 0


def test_open_packets_are_found_without_reading_those_that_are_over(tmp_path: Path) -> None:
    asked: list[str] = []
    store = HubStore(tmp_path / "hub.db")
    store.db.set_trace_callback(asked.append)
    Ledger(store).open_packets("b-1")
    store.db.set_trace_callback(None)
    (step,) = store.db.execute(f"EXPLAIN QUERY PLAN {asked[0]}").fetchall()
    assert "packet_open" in step["detail"]
    store.close()


def test_what_the_station_says_after_sealing_is_counted_and_an_alarm(
    ledger: Ledger, hub_store: Tables
) -> None:
    def sealed(enrolment: str, station: str | None) -> dict[str, Any]:
        word = {"station": station} if station else {}
        packet = enrolment[-1] * 64
        return {
            "enrolment": enrolment,
            "packet": packet,
            "size": 9,
            "outcome": "enrolled",
            "samples": {},
        } | word

    said = "the person of enrolment e2 is enrolled already\0"
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("enrolment.sealed", sealed("e1", "unsettled")),
        ("enrolment.sealed", sealed("e2", "unsettled")),
        ("enrolment.sealed", sealed("e3", "settled")),
        ("enrolment.sealed", sealed("e4", None)),
        ("station.settled", {"enrolment": "e2", "known_as": "s9", "text": said}),
        ("station.settled", {"enrolment": "e3", "known_as": None}),
    ]
    seq, previous = 1, GENESIS
    for kind, body in bodies:
        (entry,) = chain([body], kind, seq, previous)
        with hub_store.transaction():
            assert ledger.take("b-1", entry, AT) == "new"
            assert ledger.take("b-1", entry, AT) == "known", "and raises no second alarm"
        seq, previous = seq + 1, entry.hash
    (booth,) = status_of(hub_store)["booths"]
    assert (booth["unsettled"], booth["found_later"]) == (1, 1)
    assert alarms(ledger) == [said.replace("\0", " ")]
    assert "found later" in readable(status_of(hub_store))


def test_a_record_that_the_gallery_does_not_take_is_an_alarm(ledger: Ledger) -> None:
    body = {"enrolment": "e1", "subject": "s1", "reason": "it cannot be compared\0"}
    assert tell(ledger, "station.set-aside", body) == "new"
    assert alarms(ledger) == [
        "the station's gallery does not take enrolment e1 of booth b-1: it cannot be compared "
    ]


def test_words_that_no_index_holds_stop_no_hub(ledger: Ledger) -> None:
    word = "".join(chr(0x4E00 + 7919 * n % 20000) for n in range(3000))  # that no compression makes short
    with pytest.raises(ValueError, match="kind of an entry with 3000 characters"):
        tell(ledger, word, {})
    assert tell(ledger, SEALED, sealed(enrolment=word)) == "refused"
    assert tell(ledger, SEALED, sealed(subject=word)) == "new"
    assert tell(ledger, "station.settled", {"enrolment": "e1", "known_as": "x", "text": word}) == "new"
    assert alarms(ledger)[-1] == word
    assert ledger.standing("b-1").last_seq == 2


@pytest.mark.parametrize("kept", [None, 0, 3])
def test_the_status_reads_only_what_the_sums_have_not_come_to(
    hub_store: Tables, monkeypatch: pytest.MonkeyPatch, kept: int | None
) -> None:
    monkeypatch.setattr(sums, "SLICE", 4)
    ledger = Ledger(hub_store)
    facts = {"size": 7, "outcome": "enrolled", "samples": {"1": "a", "2": "b"}, "station": "unsettled"}
    told: list[tuple[str, dict[str, Any]]] = [
        ("enrolment.sealed", {"packet": f"{n:064x}", "enrolment": f"e{n}", **facts}) for n in range(10)
    ]
    told[3:3] = [("station.settled", {"enrolment": "e0", "known_as": "x", "text": "t"})]
    told += [("enrolment.abandoned", {}), ("station.settled", {"enrolment": "e9"})]
    previous = GENESIS
    for seq, (kind, body) in enumerate(told, 1):
        (entry,) = chain([body], kind, seq, previous)
        previous = entry.hash
        with hub_store.transaction():
            assert ledger.take("b-1", entry, AT) == "new"
        if seq == 6 and kept is not None:
            sums.keep_sums(hub_store, kept)
    if kept is not None:
        sums.keep_sums(hub_store, kept)
    query = "SELECT seq FROM booth_sum"
    assert [row[0] for row in hub_store.db.execute(query).fetchall()] == {None: [], 0: [13], 3: [12]}[kept]
    for _ in range(2):
        (booth,) = status_of(hub_store)["booths"]
        figures = ("enrolled", "already_enrolled", "abandoned", "samples", "unsettled", "found_later")
        assert [booth[name] for name in figures] == [10, 0, 1, 20, 8, 1]
        if kept == 0:  # nothing is read of entries whose sums are kept
            hub_store.db.execute("DELETE FROM entry WHERE kind = 'enrolment.sealed'")
