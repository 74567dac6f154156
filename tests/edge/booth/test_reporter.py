"""Journal to hub over a line that loses, repeats and reorders: all arrives once and in order in the end."""

from typing import Any
from unittest import mock

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from edge.booth import reporter as module
from edge.booth.reporter import CURSOR, FIRST_PATIENCE, LONGEST_PATIENCE, SILENCE, WINDOW, Reporter
from edge.booth.wire import BoothWire
from edge.hub.ledger import Ledger
from edge.hub.tables import Tables
from edge.journal import Journal
from edge.messages import (
    CHUNK_BYTES,
    Acknowledgement,
    JournalEntry,
    PacketWanted,
    Resend,
    packet_topic,
    parse,
)
from edge.store import Store
from edge.vault import Vault
from tests.edge.parts import AT, CLOCK, steady

WIRE = BoothWire("b-1")
KEY = bytes(32)


class Line:
    """What was published, while it is up."""

    def __init__(self) -> None:
        self.up = True
        self.sent: list[tuple[str, bytes]] = []

    def publish(self, topic: str, payload: bytes) -> bool:
        if self.up:
            self.sent.append((topic, payload))
        return self.up

    def numbers(self) -> list[int]:
        """Take the entries that were sent since the last look."""
        assert all(topic == "vantay/v1/booth/b-1/journal" for topic, _ in self.sent)
        numbers = [parse(JournalEntry, payload).seq for _, payload in self.sent]
        self.sent.clear()
        return numbers


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def journal(store: Store) -> Journal:
    return Journal(store)


@pytest.fixture
def reporter(store: Store, journal: Journal, line: Line) -> Reporter:
    return Reporter(WIRE, journal, Vault(store, KEY), line.publish)


def grow(journal: Journal, count: int) -> None:
    with journal.store.transaction():
        for _ in range(count):
            journal.append("test", {"n": journal.tail()[0]}, AT, CLOCK)


def ack(journal: Journal, seq: int) -> Acknowledgement:
    return Acknowledgement(seq=seq, hash=journal.hash_at(seq) or "f" * 64)


def test_entries_are_sent_once_and_in_order(reporter: Reporter, journal: Journal, line: Line) -> None:
    grow(journal, 3)
    reporter.work(0.0)
    reporter.work(0.1)
    grow(journal, 2)
    reporter.work(0.2)
    assert line.numbers() == [1, 2, 3, 4, 5]


def test_only_the_window_is_sent_before_an_acknowledgement(
    reporter: Reporter, journal: Journal, line: Line
) -> None:
    grow(journal, WINDOW + 50)
    reporter.work(0.0)
    reporter.work(0.1)
    assert line.numbers() == list(range(1, WINDOW + 1))
    assert reporter.acknowledge(ack(journal, 30), 0.2) is None
    reporter.work(0.3)
    assert line.numbers() == list(range(WINDOW + 1, WINDOW + 31))


def test_what_is_not_acknowledged_is_sent_again_ever_more_patiently(
    reporter: Reporter, journal: Journal, line: Line
) -> None:
    grow(journal, 2)
    reporter.work(0.0)
    line.numbers()
    now = last = 0.0
    pauses: list[float] = []
    while len(pauses) < 7:
        now += 0.25
        reporter.work(now)
        if line.numbers() == [1, 2]:
            pauses.append(now - last)
            last = now
    assert pauses == [2.25, 4.25, 8.25, 16.25, 30.25, 30.25, 30.25]
    assert (FIRST_PATIENCE, LONGEST_PATIENCE) == (2.0, 30.0)
    assert reporter.acknowledge(ack(journal, 1), now) is None
    reporter.work(now + 2.0)
    assert line.numbers() == []
    reporter.work(now + 2.25)
    assert line.numbers() == [2], "an acknowledgement makes it hopeful again"


def test_nothing_is_sent_while_the_line_is_down_and_all_of_it_afterwards(
    reporter: Reporter, journal: Journal, line: Line
) -> None:
    grow(journal, 3)
    reporter.work(0.0)
    line.numbers()
    line.up = False
    grow(journal, 2)
    for now in range(1, 100):
        reporter.work(float(now))
    line.up = True
    reporter.link_up(100.0)
    reporter.work(100.0)
    assert line.numbers() == [1, 2, 3, 4, 5]


def test_the_cursor_survives_a_restart(
    reporter: Reporter, store: Store, journal: Journal, line: Line
) -> None:
    grow(journal, 5)
    reporter.work(0.0)
    assert reporter.acknowledge(ack(journal, 3), 0.1) is None
    line.numbers()
    again = Reporter(WIRE, journal, Vault(store, KEY), line.publish)
    assert again.acknowledged == 3
    again.work(0.2)
    assert line.numbers() == [4, 5]


@pytest.mark.parametrize(
    ("seq", "digest", "sentence"),
    [
        (2, "f" * 64, "another entry there"),
        (9, "f" * 64, "only 3 entries here"),
        (2**53, "0" * 64, "only 3 entries here"),
    ],
)
def test_a_word_about_another_journal_is_refused(
    reporter: Reporter, journal: Journal, line: Line, seq: int, digest: str, sentence: str
) -> None:
    grow(journal, 3)
    reporter.work(0.0)
    said = reporter.acknowledge(Acknowledgement(seq=seq, hash=digest), 0.1)
    assert said == (
        f"the hub holds another journal of this booth up to entry {seq} ({sentence}): "
        "two boxes use this booth's name, or an old copy of its data was restored"
    )
    assert reporter.fork == said
    assert reporter.acknowledged == 0
    assert journal.store.cursor_at(CURSOR) == 0


def test_an_old_word_changes_nothing(reporter: Reporter, journal: Journal) -> None:
    grow(journal, 3)
    reporter.work(0.0)
    assert reporter.acknowledge(ack(journal, 3), 0.1) is None
    assert reporter.acknowledge(ack(journal, 1), 0.2) is None
    assert reporter.acknowledge(Acknowledgement(seq=0, hash="0" * 64), 0.3) is None
    assert (reporter.acknowledged, journal.store.cursor_at(CURSOR)) == (3, 3)


def test_a_fork_is_remembered(reporter: Reporter, journal: Journal) -> None:
    grow(journal, 3)
    reporter.work(0.0)
    assert reporter.acknowledge(ack(journal, 3), 0.1) is None
    assert reporter.fork is None
    assert reporter.acknowledge(Acknowledgement(seq=2, hash="f" * 64), 0.2), "below the cursor as well"
    assert reporter.fork is not None
    assert (reporter.acknowledged, journal.store.cursor_at(CURSOR)) == (3, 3)


def test_a_hub_that_comes_up_hears_the_last_entry_again(
    reporter: Reporter, journal: Journal, line: Line
) -> None:
    reporter.greet()
    reporter.work(0.0)
    assert line.numbers() == [], "there is none"
    grow(journal, 3)
    reporter.work(0.0)
    assert reporter.acknowledge(ack(journal, 3), 0.1) is None
    line.numbers()
    reporter.greet()
    reporter.work(0.2)
    assert line.numbers() == [3]
    assert reporter.acknowledge(ack(journal, 3), 0.3) is None
    reporter.work(100.0)
    assert line.numbers() == []


@pytest.mark.parametrize(("asked", "sent"), [(1, [1, 2, 3, 4]), (3, [3, 4]), (4, [4]), (5, []), (9, [])])
def test_a_gap_is_sent_again(
    reporter: Reporter, journal: Journal, line: Line, asked: int, sent: list[int]
) -> None:
    grow(journal, 4)
    reporter.work(0.0)
    line.numbers()
    reporter.resend(Resend(from_seq=asked))
    reporter.work(0.1)
    assert line.numbers() == sent


def test_a_hub_that_lost_its_file_gets_everything_again(
    reporter: Reporter, journal: Journal, line: Line
) -> None:
    grow(journal, WINDOW + 5)
    for _ in range(2):
        reporter.work(0.0)
        reporter.acknowledge(ack(journal, journal.tail()[0] if _ else WINDOW), 0.0)
    assert reporter.acknowledged == WINDOW + 5
    line.numbers()
    reporter.resend(Resend(from_seq=1))
    reporter.work(1.0)
    assert line.numbers() == list(range(1, WINDOW + 1)), "the window holds then, too"
    assert reporter.acknowledge(ack(journal, WINDOW), 1.1) is None
    reporter.work(1.2)
    assert line.numbers() == list(range(WINDOW + 1, WINDOW + 6))


def test_the_hubs_silence_is_noticed_also_by_a_broker_that_hangs_up(
    reporter: Reporter, journal: Journal, line: Line
) -> None:
    grow(journal, 2)
    for second in range(0, 60, 3):  # a new connection every time, and nothing acknowledged
        reporter.link_up(float(second))
        reporter.work(float(second))
        assert not reporter.unheard(float(second))
    assert reporter.unheard(SILENCE + 1)
    assert reporter.acknowledge(ack(journal, 1), 70.0) is None
    assert not reporter.unheard(70.0 + SILENCE)
    assert reporter.unheard(71.0 + SILENCE), "entry 2 still waits"
    assert reporter.acknowledge(ack(journal, 2), 140.0) is None
    assert not reporter.unheard(1e6), "nothing waits"
    grow(journal, 1)
    reporter.work(200.0)
    reporter.link_up(1000.0)
    assert not reporter.unheard(1000.0), "a long outage is no silence"
    assert line.sent


def test_a_packet_is_sent_piece_by_piece(reporter: Reporter, store: Store, line: Line) -> None:
    data = bytes(range(256)) * 2500  # 640,000 bytes: three pieces
    packet = Vault(store, KEY).put_packet("e1", data)
    for offset in (0, CHUNK_BYTES, 2 * CHUNK_BYTES, 100, len(data), len(data) + 7):
        reporter.send_packet(PacketWanted(packet=packet, offset=offset))
    reporter.send_packet(PacketWanted(packet="f" * 64, offset=0))
    assert line.sent == [
        (packet_topic("b-1", packet, offset), data[offset : offset + CHUNK_BYTES])
        for offset in (0, CHUNK_BYTES, 2 * CHUNK_BYTES, 100)
    ]


class Life(RuleBasedStateMachine):
    """A booth and a hub with a bad line between them; both may be started again at any moment."""

    def __init__(self, store: Store, hub: Tables) -> None:
        super().__init__()
        self.store, self.hub = store, hub
        self.store.db.execute("BEGIN")
        self.hub.db.execute("BEGIN")
        self.window = mock.patch.object(module, "WINDOW", 5)  # small: it is met often
        self.window.start()

    @initialize()
    def begin(self) -> None:
        self.journal, self.ledger = Journal(self.store), Ledger(self.hub)
        self.now, self.up = 0.0, True
        self.to_hub: list[bytes] = []
        self.to_booth: list[Acknowledgement | Resend] = []
        self.start_booth()

    def start_booth(self) -> None:
        self.reporter = Reporter(WIRE, self.journal, Vault(self.store, KEY), self.publish)

    def publish(self, topic: str, payload: bytes) -> bool:
        assert topic == WIRE.journal
        if self.up:
            self.to_hub.append(payload)
        seq = parse(JournalEntry, payload).seq
        assert seq <= self.reporter.acknowledged + 5, "outside of the window"
        return self.up

    @rule(count=st.integers(1, 8))
    def something_is_recorded(self, count: int) -> None:
        grow(self.journal, count)
        self.reporter.work(self.now)

    @rule(seconds=st.sampled_from([0.25, 3.0, 40.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.reporter.work(self.now)

    def hub_hears(self, payload: bytes) -> None:
        """As the collector does: take, commit, then say how far it is; ask where something is missing."""
        taken = self.ledger.take("b-1", parse(JournalEntry, payload), AT)
        assert taken != "refused"
        standing = self.ledger.standing("b-1")
        self.to_booth.append(Acknowledgement(seq=standing.last_seq, hash=standing.last_hash))
        if taken == "gap":
            self.to_booth.append(Resend(from_seq=standing.last_seq + 1))

    def booth_hears(self, word: Acknowledgement | Resend) -> None:
        if isinstance(word, Acknowledgement):
            assert self.reporter.acknowledge(word, self.now) is None
        else:
            self.reporter.resend(word)
        self.reporter.work(self.now)

    @rule(data=st.data(), fate=st.sampled_from(["arrives", "arrives", "arrives", "again", "lost"]))
    def the_next_message_to_the_hub(self, data: st.DataObject, fate: str) -> None:
        if self.to_hub:
            place = data.draw(st.integers(0, len(self.to_hub) - 1) | st.just(0))
            payload = self.to_hub[place] if fate == "again" else self.to_hub.pop(place)
            if fate != "lost":
                self.hub_hears(payload)

    @rule(data=st.data(), fate=st.sampled_from(["arrives", "arrives", "arrives", "again", "lost"]))
    def the_next_message_to_the_booth(self, data: st.DataObject, fate: str) -> None:
        if self.to_booth:
            place = data.draw(st.integers(0, len(self.to_booth) - 1) | st.just(0))
            word = self.to_booth[place] if fate == "again" else self.to_booth.pop(place)
            if fate != "lost":
                self.booth_hears(word)

    @rule(way=st.sampled_from(["to the hub", "to the booth"]))
    def a_broker_is_killed(self, way: str) -> None:
        """What it had taken is gone."""
        (self.to_hub if way == "to the hub" else self.to_booth).clear()

    @rule(back=st.booleans())
    def the_line_changes(self, back: bool) -> None:
        if back and not self.up:
            self.reporter.link_up(self.now)
        self.up = back

    @rule()
    def the_hub_comes_up(self) -> None:
        self.reporter.greet()
        self.reporter.work(self.now)

    @rule()
    def the_booth_is_killed(self) -> None:
        self.start_booth()

    @invariant()
    def the_hub_holds_the_beginning_of_the_journal(self) -> None:
        rows = self.hub.db.execute("SELECT seq, hash FROM entry ORDER BY seq").fetchall()
        mine = [(entry.seq, entry.hash) for entry in self.journal.read(limit=len(rows))]
        assert [(row["seq"], row["hash"]) for row in rows] == mine

    @invariant()
    def nothing_is_taken_for_arrived_that_is_not(self) -> None:
        standing = self.ledger.standing("b-1")
        assert self.reporter.acknowledged <= standing.last_seq
        assert self.store.cursor_at(CURSOR) <= standing.last_seq

    def teardown(self) -> None:
        try:
            if hasattr(self, "journal"):
                self.settle()
        finally:
            self.window.stop()
            self.hub.db.execute("ROLLBACK")
            self.store.db.execute("ROLLBACK")

    def settle(self) -> None:
        """What was under way is lost, then the line is good: everything arrives, and the booth knows it."""
        self.to_hub.clear()
        self.to_booth.clear()
        self.the_line_changes(back=True)
        last = self.journal.tail()[0]
        for _ in range(40 + 4 * last):
            if self.reporter.acknowledged == last:
                break
            self.time_passes(3.0)
            while self.to_hub:
                self.hub_hears(self.to_hub.pop(0))
            while self.to_booth:
                self.booth_hears(self.to_booth.pop(0))
        assert self.reporter.acknowledged == last, "it never arrived"
        self.the_hub_holds_the_beginning_of_the_journal()
        assert self.hub.db.execute("SELECT count(*) FROM entry").fetchone()[0] == last
        assert self.hub.db.execute("SELECT count(*) FROM alarm").fetchone()[0] == 0


@pytest.mark.parametrize("shared_hub_store", ["sqlite"], indirect=True)
def test_everything_arrives_once_and_in_order(shared_store: Store, shared_hub_store: Tables) -> None:
    factory: Any = lambda: Life(shared_store, shared_hub_store)  # noqa: E731 - wanted as a class
    run_state_machine_as_test(factory, settings=settings(steady(120), stateful_step_count=50))
