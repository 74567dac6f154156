"""`vantay hub booths|gaps|export`: what the hub's file says, read while the hub runs, never written."""

import json
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from edge.cli import main
from edge.hub.ledger import Ledger
from edge.hub.packets import PacketFiles
from edge.hub.reading import writable
from edge.hub.store import HubStore
from edge.hub.tables import Place, Tables
from edge.hub.told import MOST_BOOTHS, Told, trouble_of
from edge.journal import GENESIS, check_entry
from edge.messages import FoundLater, JournalEntry, State, booth_topic, parse
from edge.store import Store
from tests.edge.hub.hubs import database, start_hub, state, status, tell
from tests.edge.parts import AT, chain
from tests.edge.programs import VANTAY, Mosquitto, Program, ear, until

Say = Callable[..., str]
LATER = "2026-01-05T08:10:00.000Z"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The hub's file below hub.toml, empty."""
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub.toml").write_text('data = "hub"\n')
    HubStore(tmp_path / "hub" / "hub.db").close()
    return tmp_path / "hub" / "hub.db"


@pytest.fixture
def place(file: Path, tmp_path: Path, url: str | None) -> Place:
    """The hub's database, with each engine, empty."""
    if url:
        (tmp_path / "hub.toml").write_text(f'{database(url)}data = "hub"\n')
        writable(url).close()
    return url or file


@pytest.fixture
def vantay(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> Say:
    """`vantay hub …`, its output; with another exit code its complaint."""

    def say(*words: str, code: int = 0) -> str:
        capfdbinary.readouterr()
        assert main(["hub", *words, "--config", str(tmp_path / "hub.toml")]) == code
        out, err = capfdbinary.readouterr()
        return (err if code else out).decode()

    return say


def take(place: Place, booth: str, *entries: JournalEntry, at: str = AT) -> None:
    store = writable(place)
    with store.transaction():
        for entry in entries:
            Ledger(store).take(booth, entry, at)
    store.close()


def told(place: Place, *words: tuple[str, str, bytes], at: str | None = LATER) -> list[str]:
    store = writable(place)
    keeper = Told(store)
    for booth, name, payload in words:
        keeper.take(booth, name, payload, at)
    wrong = keeper.write(10.0)
    store.close()
    return wrong


def held_as(lines: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.splitlines()]


def test_a_booth_with_its_release_backlog_and_trouble(place: Place, vantay: Say) -> None:
    assert vantay("booths") == "no booth has reported yet\n"
    take(
        place, "b-1", *chain([{"release": "0.0.9", "enrolment": None}, {"release": "0.1.0"}], "booth.started")
    )
    assert json.loads(vantay("booths", "--json")) == [
        {
            "booth": "b-1",
            "online": None,
            "heard_at": AT,
            "release": "0.1.0",
            "last_seq": 2,
            "backlog": 0,
            "trouble": None,
        }
    ]
    told(
        place, ("b-1", "status", status("b-1", True, "0.2.0")), ("b-1", "state", state("b-1", 9, trouble="x"))
    )
    told(place, ("b-2", "status", status("b-2", False)), at=None)
    take(place, "b-1", *chain([{"other": 1}]), at=LATER)  # a fork
    one, two = json.loads(vantay("booths", "--json"))
    assert (one["online"], one["heard_at"], one["release"], one["backlog"]) == (True, LATER, "0.2.0", 7)
    assert one["trouble"].startswith("x; entry 1 of booth b-1 was refused")
    assert (two["online"], two["heard_at"], two["last_seq"]) == (False, None, 0), (
        "kept by the broker: how old?"
    )
    head, row, _ = vantay("booths").splitlines()
    assert head.split() == [
        "booth",
        "online",
        "last",
        "heard",
        "(UTC)",
        "release",
        "last",
        "seq",
        "backlog",
        "trouble",
    ]
    assert row.split()[:6] == ["b-1", "yes", LATER, "0.2.0", "2", "7"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, None),
        ({"scanner": "starting"}, None),
        ({"scanner": "unplugged"}, "scanner: unplugged"),
        ({"matcher": "gone", "alarm": "a stranger"}, "a stranger; matcher: gone"),
        ({"trouble": "no good", "scanner": "no good"}, "no good"),
        ({"trouble": "no good", "notices": ["the disk fills up"]}, "no good; the disk fills up"),
        ({"found_later": [FoundLater(enrolment="e1", text="enrolled before")]}, "enrolled before"),
    ],
)
def test_what_counts_as_trouble(changes: dict[str, Any], said: str | None) -> None:
    assert trouble_of(parse(State, state("b-1", **changes))) == said


def test_a_word_that_is_none_is_told_and_the_others_are_kept(place: Place, vantay: Say) -> None:
    surrogate = state("b-3").replace(b'"trouble":null', b'"trouble":"\\ud800"')
    words = [("b-1", "state", b"[" * 100_000), ("b-2", "state", state("b-2", 5)), ("b-3", "state", surrogate)]
    wrong = told(place, *words, ("b-4", "status", b"\xff"))
    assert [sentence.split(" was dropped")[0] for sentence in wrong] == [
        "a state of booth b-1",
        "a state of booth b-3",
        "a status of booth b-4",
    ]
    assert [one["booth"] for one in json.loads(vantay("booths", "--json"))] == ["b-2"]


def test_words_are_written_at_a_bounded_rate_and_of_so_many_booths(hub_store: Tables) -> None:
    keeper = Told(hub_store)
    for n in range(MOST_BOOTHS + 9):
        keeper.take(f"b-{n}", "status", status(f"b-{n}", True), AT)
    keeper.write(10.0)
    assert hub_store.db.execute("SELECT count(*) FROM told").fetchone()[0] == MOST_BOOTHS
    keeper.take("b-1", "status", status("b-1", False), AT)
    for now, online in ((11.9, 1), (12.1, 0)):
        keeper.write(now)
        assert hub_store.db.execute("SELECT online FROM told WHERE booth = 'b-1'").fetchone()[0] == online


def test_a_gap_is_shown_since_it_was_seen_until_it_is_closed(place: Place, vantay: Say) -> None:
    entries = chain([{"n": n} for n in range(9)])
    take(place, "b-1", *entries[:2])
    take(place, "b-2", *entries)
    assert vantay("gaps") == "no gaps: every entry that was seen is held\n"
    take(place, "b-1", entries[5], at="2026-01-05T09:00:00.000Z")
    take(place, "b-1", entries[7], *entries[2:4], at=LATER)
    gap = {"booth": "b-1", "from_seq": 5, "to_seq": 8, "entries": 4, "since": "2026-01-05T09:00:00.000Z"}
    assert json.loads(vantay("gaps", "--json")) == [gap]
    assert vantay("gaps").splitlines()[1].split() == ["b-1", "5", "8", "4", gap["since"]]
    take(place, "b-1", *entries[4:8])
    assert json.loads(vantay("gaps", "--json")) == []
    take(place, "b-1", *chain([{}], seq=10), at=LATER)
    assert json.loads(vantay("gaps", "--json"))[0]["since"] == LATER, "another gap has another beginning"


def test_an_export_verifies_and_is_cut_where_asked(place: Place, vantay: Say, tmp_path: Path) -> None:
    entries = chain([{"n": n, "ä": "ộ"} for n in range(5)])
    take(place, "b-1", *entries)
    take(place, "b-2", *entries[:2])
    exported = held_as(vantay("export"))
    assert [(one["booth"], one["seq"]) for one in exported] == [
        *(("b-1", n) for n in range(1, 6)),
        ("b-2", 1),
        ("b-2", 2),
    ]
    read = [JournalEntry.model_validate(one) for one in exported[:5]]
    assert read == entries
    assert all(check_entry(entry) for entry in read)
    assert [one.previous_hash for one in read] == [GENESIS, *(one.hash for one in read[:-1])]

    def seqs(*words: str) -> list[int]:
        return [one["seq"] for one in held_as(vantay("export", "--booth", "b-1", *words))]

    assert seqs("--from", "2", "--to", "4") == [2, 3, 4]
    assert seqs("--from", AT[:10], "--to", AT[:10]) == seqs("--from", AT) == [1, 2, 3, 4, 5]
    assert seqs("--from", "2026-01-06") == seqs("--to", "2026-01-05T14:59:59+07:00") == []
    out = tmp_path / "out.jsonl"
    assert vantay("export", "-o", str(out)) == ""
    assert held_as(out.read_text()) == exported


def test_an_export_that_fails_leaves_the_file_as_it_was(place: Place, vantay: Say, tmp_path: Path) -> None:
    take(place, "b-1", *chain([{"n": n} for n in range(3)]))
    store = writable(place)
    store.db.execute("UPDATE entry SET body = '{' WHERE seq = 3")
    store.close()
    out = tmp_path / "out.jsonl"
    out.write_text("before")
    assert "entry 3 of booth b-1 cannot be read" in vantay("export", "-o", str(out), code=2)
    assert out.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hub", "hub.toml", "out.jsonl"]
    assert "cannot be written" in vantay("export", "-o", str(tmp_path / "no" / "out"), code=2)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--booth", "b-9"), "no booth 'b-9' has reported; there are b-1"),
        (("--from", "soon"), "--from must be a seq, a date (2026-01-05), or a time with its offset"),
        (("--to", "2026-01-05T08:00:00"), "--to must be a seq"),
        (("--to", "9" * 30), "--to must be a seq"),
        (("--from", "0001-01-01T00:00:00+14:00"), "--from must be a seq"),
    ],
)
def test_one_sentence_for_a_mistake(place: Place, vantay: Say, words: tuple[str, ...], sentence: str) -> None:
    take(place, "b-1", *chain([{}]))
    said = vantay("export", *words, code=2)
    assert sentence in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("action", ["status", "booths", "gaps", "export", "report"])
def test_no_file_and_another_releases_file_are_one_sentence(file: Path, vantay: Say, action: str) -> None:
    db = sqlite3.connect(file)
    db.execute("DROP TABLE gap")
    db.commit()
    said = vantay(action, code=2)
    assert "was made by another release (it has no table gap): start the hub of this release once" in said
    HubStore(file).close()
    db.execute("ALTER TABLE told DROP COLUMN trouble")
    db.commit()
    assert "(its table told has no trouble)" in vantay(action, code=2)
    db.close()
    file.unlink()
    Store(file).close()
    assert "was made by another release (it has no table booth)" in vantay(action, code=2)
    file.write_bytes(b"no database at all, and longer than a header of one " * 20)
    assert "cannot be opened: file is not a database" in vantay(action, code=2)
    file.write_bytes(b"")
    assert "is empty" in vantay(action, code=2)
    file.unlink()
    assert "hub.db does not exist: the hub has not run" in vantay(action, code=2)


@pytest.mark.system
def test_a_running_hub_is_read_and_not_disturbed(
    tmp_path: Path, mosquitto: Mosquitto, run: Callable[..., Program]
) -> None:
    with ear(mosquitto.broker(), booth_topic("+", "ack"), name="early") as one:  # kept before the hub came
        one.publish(booth_topic("b-1", "status"), status("b-1", True), retain=True)
        one.publish(booth_topic("b-1", "state"), state("b-1", 3), retain=True)
        start_hub(tmp_path, mosquitto, run, 'booths = ["b-1"]\n')

        def look(action: str) -> Any:
            command = [VANTAY, "hub", action, "--json", "--config", str(tmp_path / "hub.toml")]
            return json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)

        def kept() -> list[dict[str, Any]]:  # status and state come one after the other
            return [booth for booth in look("booths") if booth["online"] and booth["backlog"] == 3]

        before = until(kept, "what the broker had kept")[0]
        assert before["heard_at"] is None
        one.publish(booth_topic("b-9", "status"), status("b-9", True))
        entries = chain([{"n": n} for n in range(6)])
        tell(one, "b-1", *entries[:3])
        one.publish(booth_topic("b-1", "journal"), entries[5].payload())
        gap = until(lambda: look("gaps"), "the gap")[0]
        assert (gap["from_seq"], gap["to_seq"], gap["since"] is None) == (4, 6, False)
        reader = HubStore(tmp_path / "hub" / "hub.db", read_only=True)
        reader.db.execute("BEGIN")
        assert reader.db.execute("SELECT count(*) FROM entry").fetchone()[0] == 3
        tell(one, "b-1", *entries[3:])  # the hub goes on while somebody reads
        assert reader.db.execute("SELECT count(*) FROM entry").fetchone()[0] == 3
        reader.close()
        one.publish(booth_topic("b-1", "state"), state("b-1", 8, scanner="unplugged"))
        after = until(lambda: [b for b in look("booths") if b["trouble"]], "the trouble")
        assert [(b["booth"], b["trouble"], b["backlog"]) for b in after] == [("b-1", "scanner: unplugged", 2)]
        assert look("gaps") == []
    assert (tmp_path / "hub" / "hub.db").stat().st_mode & 0o777 == 0o600


def test_a_move_of_an_earlier_releases_file_says_how_it_is_brought_up(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute("DROP TABLE campaign_file")
    config = tmp_path / "moving.toml"
    config.write_text(f'database = "postgresql://nobody@127.0.0.1:9/none"\ndata = "{file.parent}"\n')
    assert main(["hub", "move", "--config", str(config)]) == 2
    said = capsys.readouterr().err
    assert (
        "was made by another release (it has no table campaign_file): start the hub of this release " in said
    )
    assert "once without `database` in hub.toml, then move" in said


def test_status_notices_that_files_of_packets_are_gone(place: Place, vantay: Say, tmp_path: Path) -> None:
    store, files = writable(place), PacketFiles(tmp_path / "hub" / "packets")
    for n in range(599):
        data = b"%d" % n
        digest = sha256(data).hexdigest()
        files.add(digest, 0, data, len(data))
        assert n % 2 or files.finish(digest, len(data))
        at = None if n % 2 else AT
        store.db.execute("INSERT INTO packet VALUES (?, 'b-1', ?, 1, ?, NULL)", (digest, f"e-{n}", at))
    store.close()
    assert "ALARM" not in vantay("status")
    told = json.loads(vantay("status", "--json"))
    wanted = told["packets_looked_for"]
    assert 256 < wanted <= 300
    assert told["packets_not_there"] == 0
    shutil.rmtree(tmp_path / "hub" / "packets" / digest[:2])
    said = vantay("status")
    assert re.search(
        rf"ALARM [1-9][0-9]* of {wanted} packets that were looked for: received, and not there;", said
    )
    shutil.rmtree(tmp_path / "hub" / "packets")
    assert f"ALARM {wanted} of {wanted} packets" in vantay("status")
    assert json.loads(vantay("status", "--json"))["packets_not_there"] == wanted
    assert not (tmp_path / "hub" / "packets").exists(), "a look makes nothing"
