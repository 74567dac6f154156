"""The journal: what is told is kept, and nothing can be changed, taken out or put in without being seen."""

import hashlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edge.cli import main
from edge.journal import GENESIS, Journal, JournalBroken, check_entry, entry_hash
from edge.messages import JournalEntry, canonical, parse
from edge.store import Store
from tests.edge.parts import AT, CLOCK, bodies, chain, steady, texts, undone, values, words

COLUMNS = ("seq", "at", "clock", "kind", "body", "previous_hash", "hash")


@contextmanager
def journal_of(store: Store, *contents: dict[str, Any]) -> Iterator[Journal]:
    journal = Journal(store)
    with undone(store):
        for content in contents:
            journal.append("test", content, AT, CLOCK)
        yield journal


@contextmanager
def tampered(store: Store, count: int = 5) -> Iterator[tuple[Journal, sqlite3.Connection]]:
    """A journal, and the hands of someone who has the file and knows SQLite."""
    with journal_of(store, *({"n": n, "name": "x" * n} for n in range(count))) as journal:
        for (trigger,) in store.db.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
        ).fetchall():
            store.db.execute(f"DROP TRIGGER {trigger}")
        yield journal, store.db


@steady(200)
@given(values)
def test_canonical_json_is_one_form_and_loses_nothing(value: Any) -> None:
    text = canonical(value)
    assert json.loads(text) == value
    assert canonical(json.loads(text)) == text


@steady()
@given(st.dictionaries(texts, values, max_size=6), st.randoms(use_true_random=False))
def test_canonical_json_does_not_depend_on_the_order_of_keys(body: dict[str, Any], random: Any) -> None:
    keys = list(body)
    random.shuffle(keys)
    assert canonical({key: body[key] for key in keys}) == canonical(body)


def test_canonical_json_refuses_what_json_cannot_say() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical({"x": float("nan")})


def test_the_hash_is_written_down_for_readers_elsewhere() -> None:
    clock = '{"boot":"b0","monotonic_ms":1000,"synchronised":true}'
    said = f'[1,"{AT}",{clock},"test",{{"a":"ệ","b":[1,2.5,null]}},"{GENESIS}"]'
    expected = hashlib.sha256(said.encode()).hexdigest()
    assert entry_hash(1, AT, CLOCK, "test", {"b": [1, 2.5, None], "a": "ệ"}, GENESIS) == expected
    assert expected == "126ca1a736ff46790b653f7518285b3abd1076a83f6438d51883229841725e01"


@steady(60)
@given(st.lists(st.tuples(words, bodies), max_size=6))
def test_what_was_appended_is_read_back_and_verifies(
    shared_store: Store, facts: list[tuple[str, dict[str, Any]]]
) -> None:
    with journal_of(shared_store) as journal:
        told = [journal.append(kind, body, AT, CLOCK) for kind, body in facts]
        assert list(journal.read()) == told
        assert [(e.kind, e.body) for e in told] == facts
        assert journal.verify() == len(facts)
        assert journal.tail() == ((told[-1].seq, told[-1].hash) if told else (0, GENESIS))
        assert [journal.hash_at(e.seq) for e in told] == [e.hash for e in told]
        assert journal.hash_at(0) == GENESIS
        assert journal.hash_at(len(facts) + 1) is None


@steady(300)
@given(bodies)
def test_an_entry_verifies_after_its_way_over_the_wire(body: dict[str, Any]) -> None:
    (entry,) = chain([body])
    arrived = parse(JournalEntry, entry.payload())
    assert arrived == entry
    assert check_entry(arrived)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_an_entry_with_a_number_that_json_does_not_know_does_not_verify(number: str) -> None:
    (entry,) = chain([{"x": 1.5}])
    arrived = parse(JournalEntry, entry.payload().replace(b"1.5", number.encode()))
    assert not check_entry(arrived)


@steady(200)
@given(
    bodies,
    st.sampled_from(["seq", "at", "clock", "kind", "body", "previous_hash", "hash"]),
    st.data(),
)
def test_an_entry_altered_on_its_way_does_not_verify(body: Any, field: str, data: st.DataObject) -> None:
    (entry,) = chain([body])
    other: Any = {
        "seq": st.integers(1, 2**53),
        "at": texts,
        "clock": st.fixed_dictionaries(
            {"synchronised": st.booleans(), "boot": texts, "monotonic_ms": st.integers(0, 2**40)}
        ),
        "kind": texts,
        "body": bodies,
        "previous_hash": st.text("0123456789abcdef", min_size=64, max_size=64),
        "hash": st.text("0123456789abcdef", min_size=64, max_size=64),
    }
    tree = entry.model_dump()
    new = data.draw(other[field])
    assume(canonical(new) != canonical(tree[field]))
    assert not check_entry(JournalEntry.model_validate({**tree, field: new}))


@steady(200)
@given(
    st.integers(0, 4),
    st.sampled_from(COLUMNS),
    st.one_of(texts, st.integers(-3, 9), values.map(lambda v: json.dumps(v))),
)
def test_an_altered_row_is_noticed(shared_store: Store, row: int, column: str, new: object) -> None:
    with tampered(shared_store) as (journal, raw):
        before = raw.execute("SELECT * FROM journal ORDER BY seq").fetchall()
        try:
            raw.execute(f"UPDATE journal SET {column} = ? WHERE seq = ?", (new, row + 1))
        except sqlite3.IntegrityError:  # a number that is taken, or text where a number must be
            assume(False)
        assume(raw.execute("SELECT * FROM journal ORDER BY seq").fetchall() != before)
        with pytest.raises(JournalBroken, match=r"entry|removed"):
            journal.verify()


@steady(40)
@given(st.integers(0, 4), st.data())
def test_one_changed_character_is_noticed(shared_store: Store, row: int, data: st.DataObject) -> None:
    with tampered(shared_store) as (journal, raw):
        column = data.draw(st.sampled_from(COLUMNS[1:]))
        (text,) = raw.execute(f"SELECT {column} FROM journal WHERE seq = ?", (row + 1,)).fetchone()
        place = data.draw(st.integers(0, len(text) - 1))
        other = data.draw(st.characters(exclude_characters=text[place], exclude_categories=["Cs"]))
        changed = text[:place] + other + text[place + 1 :]
        raw.execute(f"UPDATE journal SET {column} = ? WHERE seq = ?", (changed, row + 1))
        with pytest.raises(JournalBroken, match=f"entry {row + 1} "):
            journal.verify()


@pytest.mark.parametrize("row", [1, 2, 3, 4])
def test_a_removed_row_is_noticed(shared_store: Store, row: int) -> None:
    with tampered(shared_store) as (journal, raw):
        raw.execute("DELETE FROM journal WHERE seq = ?", (row,))
        with pytest.raises(JournalBroken, match=f"lacks entry {row}"):
            journal.verify()


@pytest.mark.parametrize("row", [1, 2, 3, 4])
def test_a_removed_row_is_noticed_when_the_others_move_up(shared_store: Store, row: int) -> None:
    with tampered(shared_store) as (journal, raw):
        raw.execute("DELETE FROM journal WHERE seq = ?", (row,))
        raw.execute("UPDATE journal SET seq = seq - 1 WHERE seq > ?", (row,))
        with pytest.raises(JournalBroken, match=f"entry {row} was altered"):
            journal.verify()


@pytest.mark.parametrize("place", [-7, 0, 1, 3, 5, 6])
def test_an_inserted_row_is_noticed(shared_store: Store, place: int) -> None:
    with tampered(shared_store) as (journal, raw):
        raw.execute("UPDATE journal SET seq = seq + 100 WHERE seq >= ?", (max(place, 1),))
        raw.execute("UPDATE journal SET seq = seq - 99 WHERE seq > 100")
        copied = raw.execute("SELECT * FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
        raw.execute("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)", (place, *copied[1:]))
        with pytest.raises(JournalBroken):
            journal.verify()


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("body", '{"n":9,"n":1}'),
        ("body", '{"n": 1}'),
        ("body", '{"n":NaN}'),
        ("body", '{"n":"\\ud800"}'),
        ("body", "[" * 100_000),
        ("body", "[1]"),
        ("clock", '{"boot":"b0","monotonic_ms":1000,"synchronised":true,"more":1}'),
        ("clock", "[]"),
    ],
)
def test_a_row_that_only_seems_to_say_the_same_is_noticed(
    shared_store: Store, column: str, text: str
) -> None:
    with tampered(shared_store, 1) as (journal, raw):
        raw.execute(f"UPDATE journal SET {column} = ?", (text,))
        with pytest.raises(JournalBroken, match="entry 1 was altered"):
            journal.verify()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM journal WHERE seq = 1",
        "DELETE FROM journal",
        "UPDATE journal SET kind = 'other' WHERE seq = 2",
        "UPDATE journal SET seq = 9 WHERE seq = 3",
        "REPLACE INTO journal SELECT 2, at, clock, kind, body, previous_hash, hash FROM journal WHERE seq=1",
        "INSERT INTO journal SELECT 9, at, clock, kind, body, previous_hash, hash FROM journal WHERE seq = 1",
    ],
)
def test_the_table_is_append_only_for_every_program(shared_store: Store, statement: str) -> None:
    with journal_of(shared_store, {"n": 1}, {"n": 2}, {"n": 3}) as journal:
        before = list(journal.read())
        with pytest.raises(sqlite3.DatabaseError, match="append-only"):
            journal.store.db.execute(statement)
        assert list(journal.read()) == before


def test_an_altered_row_stops_the_reader_with_a_sentence(shared_store: Store) -> None:
    with tampered(shared_store, 1) as (journal, raw):
        raw.execute("UPDATE journal SET body = 'no JSON'")
        with pytest.raises(JournalBroken, match="journal entry 1 was altered: it cannot be read"):
            list(journal.read())


def test_read_begins_after_a_number_and_ends_at_a_limit(store: Store) -> None:
    journal = Journal(store)
    for n in range(6):
        journal.append("test", {"n": n}, AT, CLOCK)
    assert [entry.seq for entry in journal.read(after=2, limit=3)] == [3, 4, 5]
    assert [entry.seq for entry in journal.read(after=4)] == [5, 6]


def test_last_of_and_answer_to_find_what_they_name(store: Store) -> None:
    journal = Journal(store)
    journal.append("enrolment.sealed", {}, AT, CLOCK)
    journal.append("command.answered", {"request_id": "a"}, AT, CLOCK)
    journal.append("attempt.made", {"request_id": "b"}, AT, CLOCK)
    assert journal.last_of("enrolment.sealed", "enrolment.abandoned") == 1
    assert journal.last_of("command.answered") == 2
    assert journal.last_of("never") == 0
    answer = journal.answer_to("a")
    assert answer is not None
    assert answer.seq == 2
    assert journal.answer_to("b") is None


def test_sealings_are_found_by_subject_and_by_packet(store: Store) -> None:
    journal = Journal(store)
    for subject, outcome, packet in (
        ("s1", "enrolled", "p1"),
        ("s2", "already-enrolled", "p2"),
        ("s1", "enrolled", "p3"),
        ("s1", "already-enrolled", "p4"),
    ):
        body: dict[str, Any] = {"subject": subject, "outcome": outcome, "packet": packet}
        journal.append("enrolment.sealed", body, AT, CLOCK)
    journal.append("enrolment.started", {"subject": "s9", "packet": "p9", "outcome": "enrolled"}, AT, CLOCK)
    last = journal.enrolled_before("s1")
    assert last is not None
    assert last.seq == 3
    assert journal.enrolled_before("s2") is None
    assert journal.enrolled_before("s9") is None
    sealing = journal.sealing_of("p2")
    assert sealing is not None
    assert sealing.seq == 2
    assert journal.sealing_of("p9") is None


def test_verify_and_show_are_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "booth.toml").write_text('booth = "b-1"\ndata = "."\nkeys = "keys"\n')
    config = ["--config", str(tmp_path / "booth.toml")]
    store = Store(tmp_path / "booth.db")
    journal = Journal(store)
    for n in range(3):
        journal.append("test", {"n": n}, AT, CLOCK)
    assert main(["journal", "verify", *config]) == 0
    assert capsys.readouterr().out == "3 entries, the chain is whole\n"
    assert main(["journal", "show", *config, "--after", "1"]) == 0
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(entry["seq"], entry["body"]) for entry in shown] == [(2, {"n": 1}), (3, {"n": 2})]
    store.db.execute("DROP TRIGGER journal_stands")
    store.db.execute("UPDATE journal SET kind = 'other' WHERE seq = 2")
    store.close()
    assert main(["journal", "verify", *config]) == 2
    assert capsys.readouterr().err == "vantay: journal entry 2 was altered: its hash does not verify\n"


@pytest.mark.system
def test_what_was_told_survives_kill_9(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.edge.append_and_die", str(tmp_path / "booth.db"), "60"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    told = [int(line) for line in done.stdout.split()]
    assert len(told) >= 60
    assert len(set(told)) == len(told), "a number was given twice: what was told under it had been lost"
    store = Store(tmp_path / "booth.db")
    journal = Journal(store)
    assert journal.verify() >= max(told)
    kept = {entry.seq: entry.body["pid"] for entry in journal.read()}
    assert set(told) <= set(kept)
    assert len(set(kept.values())) == 60, "every round had a process of its own"
    store.close()
