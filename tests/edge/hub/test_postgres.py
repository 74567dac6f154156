"""What only PostgreSQL can do to a hub: go away, be shared, be somebody else's or not keep its word."""

import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.campaign.events import CHAIN, event_key
from edge.cli import main
from edge.errors import BadSettings
from edge.hub import postgres as engine
from edge.hub import postgres_schema, reading
from edge.hub.ledger import SEALED, Ledger
from edge.hub.postgres import PostgresStore
from edge.hub.postgres_connection import translated
from edge.hub.reading import opened, writable
from edge.hub.standings import AHEAD
from edge.hub.store import HubStore
from edge.hub.tables import StoreAway
from edge.messages import JournalEntry, canonical
from edge.settings import HubSettings, read_settings
from tests.edge.hub.hubs import database
from tests.edge.hub.test_ledger import OF_EARLIER, sealed
from tests.edge.parts import AT, chain, steady, undone
from tests.edge.postgres import Postgres, program, somebody
from tests.edge.programs import VANTAY, until

COLUMNS = """
SELECT table_name AS name, column_name AS column FROM information_schema.columns
WHERE table_schema = current_schema() AND column_name <> 'rowid' ORDER BY table_name, ordinal_position
"""


@pytest.fixture
def store(postgres: Postgres) -> Iterator[PostgresStore]:
    with PostgresStore(postgres.fresh()) as store:
        yield store


def again(store: PostgresStore) -> PostgresStore:
    """Return another connection to the same database."""
    return PostgresStore(store.db._url)


def end_connection(store: PostgresStore, postgres: Postgres) -> None:
    """Let the server end a connection, and wait until it has."""
    pid = store.db.raw.info.backend_pid
    with psycopg.connect(postgres.url(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", (pid,))
        query = "SELECT 1 FROM pg_stat_activity WHERE pid = %s"
        until(lambda: other.execute(query, (pid,)).fetchone() is None, "its end")


# the tables


def test_its_tables_are_those_of_the_file_and_ahead(store: PostgresStore, tmp_path: Path) -> None:
    file = HubStore(tmp_path / "hub.db")
    query = "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'"
    wanted: dict[str, list[str]] = {}
    for table, column in file.db.execute(query):
        wanted.setdefault(table, []).append(column)
    file.close()
    found: dict[str, list[str]] = {}
    for row in store.db.execute(COLUMNS):
        found.setdefault(row["name"], []).append(row["column"])
    assert found.pop("vantay_schema") == ["step"]
    assert found.pop("ahead") == [*wanted["entry"], "received_at"]
    assert found == wanted


def test_each_step_is_carried_out_once(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    url = postgres.fresh()
    with pytest.raises(BadSettings, match="is empty: the hub has not run"):
        opened(url)
    writable(url).close()
    writable(url).close()
    steps = len(postgres_schema.STEPS)
    more = (*postgres_schema.STEPS, "CREATE TABLE added (n INTEGER); INSERT INTO added VALUES (1)")
    monkeypatch.setattr(engine, "STEPS", more)
    with pytest.raises(
        BadSettings,
        match=rf"by another release \(step {steps} of {steps + 1}\): start the hub of this release",
    ):
        opened(url)
    for _ in range(2):
        store = writable(url)
        assert [tuple(row) for row in store.db.execute("SELECT n FROM added")] == [(1,)]
        store.close()
    monkeypatch.undo()
    for opening in (opened, writable):
        with pytest.raises(BadSettings, match=rf"by another release \(step {steps + 1} of {steps}\)"):
            opening(url)


def test_events_get_the_keys_of_their_steps(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    url, names = (
        postgres.fresh(),
        [f"f:{step}" for step in CHAIN] + ["f:account-1", "stop", "f:SENT", "a:b:sent"],
    )
    monkeypatch.setattr(engine, "STEPS", postgres_schema.STEPS[:1])
    with PostgresStore(url) as before:
        rows = [(event_key(name) | 7, name) for name in names]  # the lowest bits had no meaning
        before.db.executemany("INSERT INTO campaign_event VALUES (?, ?, 0, 0, 'fault', '00091', '')", rows)
    monkeypatch.undo()
    with PostgresStore(url) as store:
        found = [tuple(row) for row in store.db.execute("SELECT id, step FROM campaign_event ORDER BY rowid")]
    assert found == [(name, event_key(name)) for name in names]


def test_whom_an_earlier_release_took_is_known(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    url = postgres.fresh()
    monkeypatch.setattr(engine, "STEPS", postgres_schema.STEPS[:7])
    with PostgresStore(url) as before:
        for n, (enrolment, facts) in enumerate(OF_EARLIER.items()):
            body = canonical(sealed(enrolment=enrolment, **facts)).decode()
            before.db.execute("INSERT INTO entry VALUES ('b-1', ?, '', '', ?, ?, '', '')", (n, SEALED, body))
    monkeypatch.undo()
    with PostgresStore(url) as store:
        assert [tuple(row) for row in store.db.execute("SELECT * FROM enrolled")] == [("s1", "b-1", "a")]


def test_several_may_begin_at_once(postgres: Postgres) -> None:
    url, failed = postgres.fresh(), []

    def begin() -> None:
        try:
            writable(url).close()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_who_looks_cannot_write(store: PostgresStore) -> None:
    looking = opened(store.db._url)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        looking.db.execute("INSERT INTO gap VALUES ('b-1', 'now')")
    looking.close()


# away


def test_a_lost_connection_leaves_nothing_and_is_made_anew(store: PostgresStore, postgres: Postgres) -> None:
    ledger, entries = Ledger(store), chain([{"n": n} for n in range(3)])

    def cut_off(using: Callable[[], AbstractContextManager[None]]) -> None:
        with using():
            ledger.take("b-1", entries[0], AT)
            end_connection(store, postgres)
            ledger.take("b-1", entries[1], AT)

    for using in (lambda: ledger.batch(["b-1"]), store.transaction):
        with pytest.raises(StoreAway, match="the hub's database is away: "):
            cut_off(using)
        assert ledger.standing("b-1").last_seq == 0
    with ledger.batch(["b-1"]):
        assert [ledger.take("b-1", entry, AT) for entry in entries] == ["new"] * 3
    assert ledger.standing("b-1").last_seq == 3


def test_a_connection_lost_between_two_uses_is_told_once(store: PostgresStore, postgres: Postgres) -> None:
    end_connection(store, postgres)
    with pytest.raises(StoreAway):
        store.leads()
    assert store.leads()


def test_a_mistake_of_ours_is_not_taken_for_an_outage(store: PostgresStore) -> None:
    def insert_twice() -> None:
        with store.batch(["b-1"]):
            for _ in range(2):
                store.db.execute("INSERT INTO gap VALUES ('b-1', 'now')")

    with pytest.raises(psycopg.errors.UniqueViolation):
        insert_twice()
    assert store.db.execute("SELECT count(*) FROM gap").fetchone()[0] == 0


def test_nobody_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "hub").mkdir()
    secret = "postgresql://vantay:secret@127.0.0.1:1/vantay"
    (tmp_path / "hub.toml").write_text(f'data = "hub"\ndatabase = "{secret}"\n')
    for words in (["hub"], ["hub", "status"]):
        assert main([*words, "--config", str(tmp_path / "hub.toml")]) == 2
        said = capsys.readouterr().err
        assert "the hub's database is away: " in said
        assert said.count("\n") == 1
        assert "secret" not in said


def test_without_psycopg_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "edge.hub.postgres", None)
    with pytest.raises(BadSettings, match=r"psycopg cannot be used here .*: pip install 'psycopg\[binary\]'"):
        reading.writable("postgresql://x/y")


# its word


def test_a_server_that_does_not_sync_is_refused(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url(), autocommit=True) as connection:

        def say(fsync: str) -> None:
            connection.execute(f"ALTER SYSTEM SET fsync = {fsync}")
            connection.execute("SELECT pg_reload_conf()")
            query = "SELECT current_setting('fsync')"
            until(lambda: connection.execute(query).fetchone() == (fsync,), "the server's obedience")

        say("off")
        try:
            with pytest.raises(BadSettings, match="runs with fsync = off: it may lose what it has committed"):
                writable(postgres.fresh())
        finally:
            say("on")


def test_a_commit_is_waited_for_whatever_the_server_is_told(postgres: Postgres) -> None:
    with PostgresStore(postgres.fresh() + "%20-csynchronous_commit%3Doff") as store:
        assert store.db.execute("SELECT current_setting('synchronous_commit')").fetchone()[0] == "on"


def test_a_database_that_cannot_hold_every_letter_is_refused(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE small ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(BadSettings, match="encoded in LATIN1: make one with ENCODING 'UTF8'"):
        writable(postgres.url().replace("/postgres?", "/small?"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('database = "mysql://x/y"', "a URL, postgresql://vantay@db.example/vantay"),
        ('share = "a"', "share needs database and packets"),
        ('share = "a"\ndatabase = "postgresql://x/y"', "share needs database and packets"),
        ('share = "a b"', "1 to 31 small letters, digits or hyphens"),
        (
            'share = "a"\npackets = "p"\ndatabase = "postgresql://x/y"\nbroker = {mqtt = "3.1.1"}',
            "share needs MQTT 5",
        ),
    ],
)
def test_settings_that_do_not_fit(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "hub.toml").write_text(f'data = "hub"\n{text}\n')
    with pytest.raises(BadSettings, match=sentence):
        read_settings(tmp_path / "hub.toml", HubSettings)


def test_a_database_of_somebody_else_is_refused(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("CREATE ROLE stranger LOGIN")
    url = postgres.fresh().replace("//vantay@", "//stranger@")
    with pytest.raises(BadSettings, match=r"cannot be used: .*: it must belong to whom the hub connects as"):
        writable(url)


def test_a_url_that_is_none_tells_no_password() -> None:
    with pytest.raises(BadSettings, match="no URL that PostgreSQL takes") as error:
        writable("postgresql://vantay:se%zzcret@db/vantay")
    assert "cret" not in str(error.value)


# shared


def test_a_booth_is_one_collectors_at_a_time(store: PostgresStore) -> None:
    other, taken = again(store), threading.Event()
    entries = chain([{"n": n} for n in range(2)])

    def take() -> None:
        ledger = Ledger(other)
        with ledger.batch(["b-2", "b-1"]):
            assert ledger.take("b-1", entries[1], AT) == "new"
        taken.set()

    ledger, thread = Ledger(store), threading.Thread(target=take)
    with ledger.batch(["b-1"]):
        assert ledger.take("b-1", entries[0], AT) == "new"
        thread.start()
        assert not taken.wait(0.3), "the other one waits"
    thread.join()
    assert taken.is_set()
    assert ledger.standing("b-1").last_seq == 2
    other.close()


def test_a_number_that_two_collectors_take_at_one_moment_is_an_alarm_once(store: PostgresStore) -> None:
    other, both = again(store), threading.Barrier(2, timeout=20)

    def take(booth: str, digit: str, using: PostgresStore) -> None:
        ledger = Ledger(using)
        (entry,) = chain([sealed(digit * 64, enrolment=f"e{digit}", subject="s1")], kind=SEALED)
        with ledger.batch([booth]):
            assert ledger.take(booth, entry, AT) == "new"
            both.wait()

    thread = threading.Thread(target=take, args=("b-2", "2", other))
    thread.start()
    take("b-1", "1", store)
    thread.join()
    ((said,),) = store.db.execute("SELECT text FROM alarm").fetchall()
    assert re.match(r"enrolment e(1 at b-1|2 at b-2) has the identity number of e(2 at b-2|1 at b-1), ", said)
    other.close()


def test_one_leads_until_it_is_gone(store: PostgresStore, postgres: Postgres) -> None:
    other = again(store)
    assert (store.leads(), other.leads()) == (True, False)
    store.close()

    def leads() -> bool:
        other._looked_at = float("-inf")
        return other.leads()

    until(leads, "the lead: the server lets go of the lock when it sees the other's end")
    other.close()


def test_who_counts_is_seen_by_the_others(store: PostgresStore) -> None:
    before = store.version()
    other = again(store)
    insert = "INSERT INTO campaign_event VALUES (1, 'x', 1, 1, 'collected', '00091', '')"
    with other.transaction():
        other.hold("the campaign")
        other.db.execute(insert)
        assert store.version() == before
    assert store.version() != before
    other.close()


@pytest.fixture(scope="module")
def shared(postgres: Postgres) -> Iterator[PostgresStore]:
    with PostgresStore(postgres.fresh()) as store:
        yield store


@steady(60)
@given(st.permutations(range(8)), st.lists(st.integers(0, 7), max_size=6), st.sets(st.integers(0, 14)))
def test_in_whatever_order_and_batches_entries_come_all_are_held(
    shared: PostgresStore, order: list[int], more: list[int], cuts: set[int]
) -> None:
    entries = chain([{"n": n} for n in range(8)])
    came = [*order[:5], *more, *order[5:]]
    edges = [0, *sorted(cut for cut in cuts if 0 < cut < len(came)), len(came)]
    with undone(shared):
        ledgers, new = [Ledger(shared, shared=True) for _ in range(2)], []
        for turn, (first, end) in enumerate(pairwise(edges)):
            ledger = ledgers[turn % 2]
            with ledger.batch(["b-1"]):
                for place in came[first:end]:
                    if ledger.take("b-1", entries[place], AT) == "new":
                        new.append(entries[place])
                        new += [entry for entry, _ in ledger.following("b-1")]
        rows = shared.db.execute("SELECT seq, hash FROM entry ORDER BY seq").fetchall()
        assert [tuple(row) for row in rows] == [(entry.seq, entry.hash) for entry in entries]
        assert new == entries, "each counted once, in order"
        assert shared.db.execute("SELECT count(*) FROM ahead").fetchone()[0] == 0
        assert shared.db.execute("SELECT count(*) FROM gap").fetchone()[0] == 0


def test_a_fork_that_was_ahead_is_refused_when_its_turn_comes(store: PostgresStore) -> None:
    ledger = Ledger(store, shared=True)
    mine, copy = chain([{"n": n} for n in range(3)]), chain([{"n": "other"}, {"n": 1}, {"n": 2}])
    with ledger.batch(["b-1"]):
        assert ledger.take("b-1", copy[1], AT) == "gap"
    with ledger.batch(["b-1"]):
        assert ledger.take("b-1", mine[0], AT) == "new"
        assert list(ledger.following("b-1")) == []
    why = "it does not follow the entry held before it"
    assert why in store.db.execute("SELECT text FROM alarm").fetchone()[0]
    assert [ledger.take("b-1", entry, AT) for entry in mine] == ["known", "new", "new"]


def test_only_so_many_are_put_ahead(store: PostgresStore) -> None:
    ledger = Ledger(store, shared=True)
    with ledger.batch(["b-1"]):
        for seq in (AHEAD, AHEAD + 1):
            (entry,) = chain([{}], seq=seq)
            assert ledger.take("b-1", entry, AT) == "gap"
    assert [row["seq"] for row in store.db.execute("SELECT seq FROM ahead")] == [AHEAD]


# from a file

NUMBERED = "WITH RECURSIVE one (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM one WHERE n < ?)"
PACKET = "printf('%064x', n), 'b-1', 'e' || n, 7, NULL, NULL"
WRITES = "SELECT 1 FROM pg_stat_activity WHERE query LIKE ?"


def test_a_file_is_carried_over_whole_or_not_at_all(
    postgres: Postgres, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub.toml").write_text('data = "hub"\n')
    config = ["--config", str(tmp_path / "hub.toml")]
    file = HubStore(tmp_path / "hub" / "hub.db")
    with file.transaction():
        for entry in chain([{"n": n} for n in range(3)]):
            Ledger(file).take("b-1", entry, AT)
        Ledger(file).take("b-2", chain([{}], seq=5)[0], AT)
        file.db.executemany(
            "INSERT INTO packet VALUES (?, 'b-1', ?, 7, NULL, NULL)",
            [(f"{n:064x}", f"e{n}") for n in (9, 3, 5)],
        )
    assert main(["hub", "move", *config]) == 2
    assert "names no database" in capsys.readouterr().err
    (tmp_path / "hub.toml").write_text(f'{database(postgres.fresh())}data = "hub"\n')
    settings = read_settings(tmp_path / "hub.toml", HubSettings)
    assert main(["hub", "move", *config]) == 0
    assert capsys.readouterr().out.startswith("booth=2 entry=3 gap=1 told=0 ")
    store = opened(settings.place)
    ledger, before = Ledger(store), Ledger(file)
    assert [ledger.standing(booth) for booth in ("b-1", "b-2")] == [
        before.standing(booth) for booth in ("b-1", "b-2")
    ]
    assert ledger.open_packets("b-1") == before.open_packets("b-1"), "in their order"
    store.close()
    assert main(["hub", "move", *config]) == 2
    assert "the database is not empty (table booth)" in capsys.readouterr().err
    file.db.execute("INSERT INTO told (booth, trouble) VALUES ('b-3', 'a' || char(0))")
    file.close()
    (tmp_path / "hub.toml").write_text(f'{database(postgres.fresh())}data = "hub"\n')
    assert main(["hub", "move", *config]) == 2
    assert "a text that PostgreSQL does not take" in capsys.readouterr().err
    with PostgresStore(str(read_settings(tmp_path / "hub.toml", HubSettings).place)) as empty:
        assert Ledger(empty).booths() == [], "all or nothing"


@pytest.mark.system
def test_a_move_killed_anywhere_leaves_nothing_and_is_done_again(postgres: Postgres, tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub.toml").write_text(f'{database(postgres.fresh())}data = "hub"\n')
    place = str(read_settings(tmp_path / "hub.toml", HubSettings).place)
    file, number = HubStore(tmp_path / "hub" / "hub.db"), 40_000
    with file.transaction():
        for table, values in (("entry", "'b-1', n, 'at', '{}', 'k', '{}', 'p', 'h'"), ("packet", PACKET)):
            file.db.execute(f"{NUMBERED} INSERT INTO {table} SELECT {values} FROM one", (number,))
    file.close()
    words = [VANTAY, "hub", "move", "--config", str(tmp_path / "hub.toml")]
    with PostgresStore(place) as store:
        for table in ("entry", "packet"):
            writing = f"INSERT INTO {table} %"
            move = subprocess.Popen(words, stdout=subprocess.DEVNULL)
            until(lambda said=writing: store.db.execute(WRITES, (said,)).fetchone(), f"a write to {table}")
            move.kill()
            assert move.wait() == -signal.SIGKILL, "it was under way"
            assert not store.db.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone()
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
        assert f"entry={number} " in done.stdout
        assert f"packet={number} " in done.stdout
        assert store.db.execute("SELECT count(*) FROM entry").fetchone()[0] == number


# the way in


@steady(100)
@given(st.text(max_size=20), st.text(max_size=20))
def test_a_text_is_held_as_it_is_or_refused_before_it_is_sent(
    shared: PostgresStore, text: str, name: str
) -> None:
    with undone(shared):
        try:
            shared.db.execute("INSERT INTO gap VALUES (?, ?)", (name, text))
        except ValueError:
            assert "\0" in text + name or re.search("[\ud800-\udfff]", text + name)
        else:
            row = shared.db.execute("SELECT * FROM gap").fetchone()
            assert (row["booth"], row[1], dict(row)) == (name, text, {"booth": name, "since": text})


def test_an_entry_that_cannot_be_held_is_dropped_alone(store: PostgresStore) -> None:
    ledger = Ledger(store)
    entries: list[JournalEntry] = chain([{"n": n} for n in range(2)])
    (nul,) = chain([{"n": 2}], "a\0b", seq=3, previous=entries[1].hash)
    with ledger.batch(["b-1"]):
        assert [ledger.take("b-1", entry, AT) for entry in entries] == ["new", "new"]
        with pytest.raises(ValueError, match="NUL"):
            ledger.take("b-1", nul, AT)
    assert ledger.standing("b-1").last_seq == 2


@pytest.mark.parametrize(
    ("query", "named", "wanted"),
    [
        ("SELECT ? LIKE '%'", False, b"SELECT %s LIKE '%%'"),
        ("VALUES (:booth, :heard_at)", True, b"VALUES (%(booth)s, %(heard_at)s)"),
        ("SELECT 1 FROM entry INDEXED BY entry_by_kind WHERE 1", False, b"SELECT 1 FROM entry WHERE 1"),
        ("SELECT 'a:b' || ?", False, b"SELECT 'a:b' || %s"),
    ],
)
def test_a_statement_is_written_once_for_both(query: str, named: bool, wanted: bytes) -> None:
    assert translated(query, named) == wanted


def test_a_stream_is_read_to_its_end(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "STREAMED", 7)
    with store.transaction():
        store.db.executemany("INSERT INTO gap VALUES (?, ?)", ((f"b-{n:03}", AT) for n in range(100)))
    for using in (store.reading, store.transaction):
        with using():
            names = [row["booth"] for row in store.stream("SELECT booth FROM gap ORDER BY booth")]
        assert names == [f"b-{n:03}" for n in range(100)]


def test_the_server_is_debians() -> None:
    """Not a stand-in: the version that the machine's packages bring."""
    said = subprocess.run(
        [program("postgres"), "--version"], capture_output=True, text=True, check=True, user=somebody()
    )
    assert int(re.search(r"\(PostgreSQL\) (\d+)", said.stdout)[1]) >= 13  # type: ignore[index]
