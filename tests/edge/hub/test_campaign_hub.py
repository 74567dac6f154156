"""The campaign in the hub: files imported once, journals counted, reports by the command that people use."""

import csv
import errno
import io
import json
import os
import random
import subprocess
import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import clock
from edge.booth import enrolment as core
from edge.booth.handover import HANDED_OVER, NOT_MATCHED
from edge.campaign.book import Scope
from edge.campaign.events import FIELDS, Event, event_key, event_of
from edge.campaign.tally import Tally
from edge.cli import main
from edge.errors import BadSettings
from edge.hub.campaign import CampaignBook, read_lists
from edge.hub.campaign_import import FIRST, HELD_SECONDS, LEAST, MOST, import_events, next_size
from edge.hub.campaign_journal import JournalCounter
from edge.hub.ledger import CLOSED, SEALED, Ledger
from edge.hub.publishing import made_of
from edge.hub.reading import opened as only_read
from edge.hub.reading import writable
from edge.hub.store import HubStore
from edge.hub.tables import Tables
from edge.journal import GENESIS, Journal
from edge.messages import Acknowledgement, Clock, HubStatus, JournalEntry, booth_topic, parse
from edge.settings import HubSettings, read_settings
from edge.store import Store
from tests.edge.booth.test_enrolment import new as enrolment
from tests.edge.hub.hubs import database
from tests.edge.parts import CLOCK, chain, steady, undone
from tests.edge.programs import VANTAY, Ear, Mosquitto, Program, ear, until

UNITS = """district_code,district,commune_code,commune,kind
003,Quận Tây Hồ,00091,Phường Phú Thượng,phuong
003,Quận Tây Hồ,00094,Phường Nhật Tân,phuong
272,Huyện Phúc Thọ,09718,Xã Vân Hà,xa
"""
CAMPAIGN = """data = "hub"
[campaign]
name = "Order 01"
legal_basis = ["Order 01 of 5-5-2023"]
start = 2023-05-05
units = "units.csv"
deadlines = {city = 2023-06-30}
[campaign.targets.all]
title = "the list of May"
file = "quota.csv"
[campaign.booths]
b-1 = {unit = "00091"}
b-2 = {unit = "09718", place = "mobile"}
[[campaign.fees]]
since = 2022-07-01
due = {exchange = 30000}
"""
MAY18 = "2023-05-18T09:30:00+07:00"


@pytest.fixture
def config(tmp_path: Path, url: str | None) -> Path:
    """hub.toml with its lists."""
    (tmp_path / "hub").mkdir()
    (tmp_path / "units.csv").write_text(UNITS)
    (tmp_path / "quota.csv").write_text("code,quota\n00091,3\n00094,2\n09718,4\n09718,4\n")
    (tmp_path / "hub.toml").write_text(database(url) + CAMPAIGN)
    return tmp_path / "hub.toml"


def write_anew(config: Path, text: str) -> None:
    """Write another hub.toml for the same database."""
    first = config.read_text().splitlines(keepends=True)[0]
    config.write_text((first if first.startswith("database") else "") + text)


def opened(config: Path) -> CampaignBook:
    settings = read_settings(config, HubSettings)
    assert settings.campaign
    book = CampaignBook(writable(settings.place), settings.campaign, read_lists(settings.campaign))
    book.prepare()
    return book


@pytest.fixture
def book(config: Path) -> CampaignBook:
    return opened(config)


def event(
    n: object, kind: str = "collected", unit: str = "00091", at: str = MAY18, **facts: Any
) -> dict[str, Any]:
    return {"id": f"f-{n}:{kind}", "at": at, "kind": kind, "unit": unit, **facts}


def written(folder: Path, *rows: dict[str, Any] | str) -> Path:
    path = folder / "events.jsonl"
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def counted(book: CampaignBook, cut_off: int | None = None) -> list[tuple[str, str, int, int]]:
    return sorted(book.book(cut_off).tally.cells())


Say = Callable[..., str]


@pytest.fixture
def vantay(config: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """`vantay hub …`, its output."""

    def say(*words: str, code: int = 0) -> str:
        capsys.readouterr()
        assert main(["hub", *words, "--config", str(config)]) == code
        out = capsys.readouterr()
        return out.out if code == 0 else out.err + out.out

    return say


def test_an_import_is_idempotent_and_a_conflict_is_refused(book: CampaignBook, tmp_path: Path) -> None:
    path = written(tmp_path, event(1), event(2, age=30), event(1), "", event(1, "sent"))
    first = import_events(book, path)
    assert (first.new, first.known, first.refused) == (3, 1, 0)
    before = counted(book)
    again = import_events(book, path)
    assert (again.new, again.known, again.refused, counted(book)) == (0, 4, 0, before)
    other = import_events(book, written(tmp_path, event(1, unit="00094"), event(3)))
    assert (other.new, other.reasons) == (
        1,
        ["line 1: another event is held under this id: nothing is overwritten"],
    )


def test_each_line_that_is_refused_is_named(book: CampaignBook, tmp_path: Path) -> None:
    bad: list[dict[str, Any] | str] = [
        "no JSON",
        "[]",
        event(1, unit="99999"),
        event(1, at="2023-05-05T02:59:59+07:00"),
        event(1, at="2033-05-05T09:00:00+07:00"),
        event(2),
        "[" * 100_000,
    ]
    outcome = import_events(book, written(tmp_path, *bad))
    assert outcome.new == 1
    assert [reason.split(":")[0] for reason in outcome.reasons] == [f"line {n}" for n in (1, 2, 3, 4, 5, 7)]
    assert outcome.reasons[3] == "line 4: the time is before the campaign's start or beyond its span"


LINE = f"{{id}}:collected,{MAY18},collected,00091\n"
BROKEN = (
    (b"\xff\xfe\n", "line 3: the line is not UTF-8"),
    (f'"{LINE}'.encode(), "line 3: a quote is not closed"),
    (b"x" * 200_000 + b",,,\n", "line 3: the line is no CSV (field larger than field limit"),
    (b'"a"b,,,\n', "line 3: the line is no CSV"),
)


@pytest.mark.parametrize(("broken", "told"), BROKEN, ids=["bytes", "open", "long", "quote"])
def test_a_broken_line_of_csv_costs_no_other_one(
    book: CampaignBook, tmp_path: Path, broken: bytes, told: str
) -> None:
    path, lines = tmp_path / "events.csv", [LINE.format(id=n).encode() for n in range(3)]
    path.write_bytes(b"".join([b"id,at,kind,unit\n", lines[0], broken, *lines[1:]]))
    outcome = import_events(book, path)
    assert (outcome.new, outcome.refused) == (3, 1)
    assert outcome.reasons[0].startswith(told)
    assert import_events(book, path).known == 3


def test_a_broken_line_of_json_costs_no_other_one(book: CampaignBook, tmp_path: Path) -> None:
    path, lines = tmp_path / "events.jsonl", [json.dumps(event(n)).encode() + b"\n" for n in range(3)]
    path.write_bytes(b"".join([lines[0], lines[1].replace(b"collected", b"\xe1", 1), *lines[1:]]))
    outcome = import_events(book, path)
    assert (outcome.new, outcome.reasons) == (3, ["line 2: the line is not UTF-8: save the file as UTF-8"])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"id": "f-2:collected", "id": "f-1:collected"', "the key 'id' is there twice"),
        ('{"id": "f-1:collected", "\\u0069d": "f-2:collected"', "the key 'id' is there twice"),
        ('{"id": "f-1:collected", "age": {"a": 1, "a": 2}', "the key 'a' is there twice"),
        ('{"id": "f-1:\\"collected"', "the id must be 1 to 120 letters"),
    ],
)
def test_a_key_that_is_there_twice_is_named(book: CampaignBook, tmp_path: Path, line: str, told: str) -> None:
    rest = f', "at": "{MAY18}", "kind": "collected", "unit": "00091"}}'
    outcome = import_events(book, written(tmp_path, line + rest, event(3)))
    assert outcome.new == 1
    assert outcome.reasons[0].startswith(f"line 1: {told}")


def test_a_column_that_is_there_twice_is_named(vantay: Say, tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text(
        f"id,at,kind,unit,unit\nf-1:collected,{MAY18},collected,00091,00094\n"
    )
    said = vantay("import", str(tmp_path / "events.csv"), code=2)
    assert "the column unit is there twice" in said
    assert said.count("\n") == 1


def test_another_kind_does_not_take_the_place_of_a_files_step(book: CampaignBook, tmp_path: Path) -> None:
    other = {**event(1, "cleaned"), "id": "f-1:sent"}
    outcome = import_events(book, written(tmp_path, event(1), other, event(1, "sent")))
    assert (outcome.new, outcome.refused) == (2, 1)
    assert outcome.reasons[0].startswith("line 2: an id that ends in :sent is of a file that was sent")


def test_csv_and_json_lines_are_the_same(config: Path, tmp_path: Path) -> None:
    rows = [event(1, place="mobile", age=33, issue="exchange"), event(2), event(1, "sent")]
    path = tmp_path / "events.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(rows)
    one = opened(config)
    assert import_events(one, path).new == 3
    assert import_events(one, written(tmp_path, *rows)).known == 3
    path.write_text("id,at,kind,unit\nf-9:collected,2023-05-18T09:30:00+07:00,collected\n")
    assert import_events(one, path).reasons == ["line 2: the line has another number of cells than the first"]


def test_counts_in_the_file_are_those_of_all_its_events(book: CampaignBook, tmp_path: Path) -> None:
    stamps = [f"2023-05-{day:02}T{hour:02}:15:00+07:00" for day in (8, 9) for hour in (1, 2, 3, 16, 17)]
    rows = [
        event(n, at=at, unit=("00091", "003")[n % 2], operator="binh", seconds=n)
        for n, at in enumerate(stamps)
    ]
    rows += [
        event(f"fee-{n}", "fee", operator="binh", issue="exchange", amount=n * 1000) for n in (30, 140, 90)
    ]
    for row in rows:
        assert import_events(book, written(tmp_path, row)).new == 1
    before = counted(book)
    book.db.execute("DELETE FROM campaign_count")
    book.db.execute("DELETE FROM campaign_definition")
    assert counted(book) == before, "folded anew for a reader that may not write"
    book.prepare()
    assert counted(book) == before
    four = book.campaign.begins(4) + 13 * 3600  # 16:00 on the ninth
    assert [book.book(four + more).done("collected", None, 9) for more in (0, 899, 900)] == [8, 8, 9]


def test_another_beginning_of_the_day_counts_anew(config: Path, tmp_path: Path) -> None:
    one = opened(config)
    import_events(one, written(tmp_path, event(1, at="2023-05-19T00:30:00+07:00")))
    assert one.book().daily("collected", None, 14)[13:] == [1, 0]
    one.store.close()
    write_anew(config, CAMPAIGN.replace("units =", "day_begins = 00:00:00\nunits ="))
    assert opened(config).book().daily("collected", None, 14)[13:] == [0, 1]


# journals


def packet(n: int) -> str:
    return f"{n:064x}"


def sealed(n: int, outcome: str = "enrolled") -> dict[str, Any]:
    return {"packet": packet(n), "enrolment": f"e{n}", "size": 7, "outcome": outcome, "samples": {"1": "a"}}


def tell(
    book: CampaignBook, counter: JournalCounter | None, booth: str, kind: str, body: dict[str, Any]
) -> None:
    """Let the hub take the next entry of a booth, as its collector does."""
    ledger = Ledger(book.store)
    standing = ledger.standing(booth)
    (entry,) = chain([body], kind, standing.last_seq + 1, standing.last_hash or GENESIS)
    with book.store.transaction():
        if ledger.take(booth, entry, "2023-05-18T03:00:00.000Z") == "new" and counter:
            counter.take(booth, unsynchronised(entry), "2023-05-18T03:00:00.000Z")


def unsynchronised(entry: JournalEntry) -> JournalEntry:
    return entry.model_copy(update={"clock": Clock(synchronised=False, boot="b", monotonic_ms=1)})


def test_a_sealed_enrolment_is_collected_and_its_packet_at_the_hub_is_not_sent(book: CampaignBook) -> None:
    counter = JournalCounter(book)
    tell(book, counter, "b-1", SEALED, sealed(1))
    tell(book, counter, "b-1", SEALED, sealed(2, "already-enrolled"))
    tell(book, counter, "b-2", SEALED, sealed(3))
    tell(book, counter, "b-1", CLOSED, {"packet": packet(1), "size": 7})
    tell(book, counter, "b-1", CLOSED, {"packet": packet(2), "size": 7})
    tell(book, counter, "b-9", SEALED, sealed(4))
    read = book.book()
    assert [read.done(kind, None, 13) for kind in ("collected", "sent")] == [2, 0]
    assert (read.done("collected", "00091", 13), read.done("place/mobile", "272", 13)) == (1, 1)
    assert "booth b-9 is not in [campaign.booths]: what it collected is not counted" in read.problems
    assert [(one.file, one.sent) for one in book.files(13)] == [(packet(1), False), (packet(3), False)]


def visits(journal: Journal, operator: str | None, number: int, overrides: int = 0, bare: int = 0) -> None:
    """Enrolments as a booth records them, the first with an override, and the first without a finger."""
    for n in range(number):
        name = f"{operator}-{n}"
        positions = () if n < bare else (1,)
        entries = core.start(None, enrolment(id=name, subject=name, operator=operator, positions=positions))
        if n < overrides and n >= bare:
            entries.append(core.note_listed_otherwise(enrolment(id=name), ["name"]))
        current = core.fold(entries)
        while current and current.alarm:
            entries += core.override(current, "looked at", "binh")
            current = core.fold(entries)
        if current and positions:
            entries += core.judge(current, core.SampleJudged(name, 1, f"sample {name}", 90, None, (), ()))
        entries += core.sealed(core.fold(entries), sha256(name.encode()).hexdigest(), 7)
        for kind, body in entries:
            journal.append(kind, body, "2023-05-18T03:00:00.000Z", CLOCK)


def test_an_operators_overrides_and_exceptions_are_counted_from_the_booths_journals(
    vantay: Say, config: Path, tmp_path: Path
) -> None:
    store = Store(tmp_path / "booth.db")
    journal = Journal(store)
    visits(journal, "an", 30, overrides=12, bare=6)
    visits(journal, "chi", 200, overrides=2)
    visits(journal, None, 1, overrides=1)
    book = opened(config)
    counter = JournalCounter(book)
    ledger = Ledger(book.store)
    for again in range(2):
        for entry in journal.read():
            with book.store.transaction():
                taken = ledger.take("b-1", entry, "2023-05-18T03:00:00.000Z")
                assert taken == ("known" if again else "new")
                counter.take("b-1", entry, "2023-05-18T03:00:00.000Z")
    store.close()
    assert counter.counted == 231 + 12 + 2 + 6
    JournalCounter(book)
    book.store.close()
    rows = json.loads(vantay("report", "operators", "--at", "2023-05-18", "--format", "json"))["rows"]
    told = {row["operator"]: (row["collected"], row["overrides"], row["exceptions"]) for row in rows}
    assert told == {"an": (30, 12, 6), "chi": (200, 2, 0)}
    assert [(row["operator"], row["outlier"]) for row in rows] == [("an", True), ("chi", False)]
    assert rows[0]["why"] == (
        "overrides in 40.0 % of files, everybody 6.1 %; exceptions in 20.0 % of files, everybody 2.6 %"
    )


def test_overrides_that_were_told_before_the_campaign_knew_the_booth_are_caught_up(config: Path) -> None:
    said = {"enrolment": "e1", "finding": "overridden", "position": 0, "operator": "an"}
    one = opened(config)
    tell(one, None, "b-1", "finding", said)
    tell(one, None, "b-1", "finding", {**said, "operator": "An\0"})  # no name of anybody
    tell(one, None, "b-1", "finding", {**said, "finding": "same-finger"})
    one.store.close()
    write_anew(config, CAMPAIGN.replace("2023-05-05\n", "2026-01-01\n"))
    later = opened(config)
    for _ in range(2):
        JournalCounter(later)
        assert later.book().tally.until("operator/override", "an", 20) == 1


def test_a_card_that_a_booth_gave_to_its_holder_is_handed_over_once(book: CampaignBook) -> None:
    counter = JournalCounter(book)
    tell(book, counter, "b-1", SEALED, sealed(1))
    tell(book, counter, "b-1", HANDED_OVER, {"packet": packet(1)})
    tell(book, counter, "b-1", HANDED_OVER, {"packet": packet(1)})
    tell(book, counter, "b-1", HANDED_OVER, {})  # the record was made elsewhere
    tell(book, counter, "b-1", HANDED_OVER, {"packet": "no digest"})
    tell(book, counter, "b-1", NOT_MATCHED, {"packet": packet(1)})
    assert [book.book().done(kind, None, 13) for kind in ("collected", "handed-over")] == [1, 1]


def test_what_was_told_before_the_campaign_knew_the_booth_is_caught_up_once(config: Path) -> None:
    one = opened(config)
    counter = JournalCounter(one)
    for n in range(3):
        tell(one, counter, "b-9", SEALED, sealed(n))
    tell(one, counter, "b-9", CLOSED, {"packet": packet(0), "size": 7})
    assert one.book().done("collected", None, 700) == 0
    one.store.close()
    write_anew(
        config,
        CAMPAIGN.replace("b-2 =", 'b-9 = {unit = "00094"}\nb-2 =').replace("2023-05-05\n", "2026-01-01\n"),
    )
    later = opened(config)
    for _ in range(2):
        JournalCounter(later)
        read = later.book()
        assert (read.done("collected", "00094", 9), read.done("sent", "00094", 9)) == (3, 0)


def test_a_clock_that_is_not_synchronised_counts_by_the_hubs(book: CampaignBook) -> None:
    counter = JournalCounter(book)
    tell(book, counter, "b-1", SEALED, sealed(1))  # the entry says 2026, the hub's clock 18 May 2023
    assert book.book().daily("collected", None, 20)[13] == 1


def test_nothing_is_counted_of_a_transaction_that_failed(book: CampaignBook) -> None:
    counter = JournalCounter(book)
    (entry,) = chain([sealed(1)], SEALED)

    def take_and_fail() -> None:
        with book.store.transaction():
            counter.take("b-1", unsynchronised(entry), "2023-05-18T03:00:00.000Z")
            raise KeyError

    with pytest.raises(KeyError):
        take_and_fail()
    assert counted(book) == []


def test_a_booth_whose_unit_nobody_knows_is_named(config: Path) -> None:
    write_anew(config, CAMPAIGN.replace('unit = "09718"', 'unit = "12345"'))
    one = opened(config)
    tell(one, JournalCounter(one), "b-2", SEALED, sealed(1))
    read = one.book()
    assert "booth b-2: no unit has the code 12345; what it collected is not counted" in read.problems
    assert read.done("collected", None, 20) == 0


@steady(60)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["collected", "sent"])), max_size=20),
    st.integers(0, 20),
)
def test_however_often_and_in_whatever_batches_events_come(
    shared_hub_store: Tables, rows: list[tuple[int, str]], cut: int
) -> None:
    with undone(shared_hub_store), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "units.csv").write_text(UNITS)
        (folder / "quota.csv").write_text("code,quota\n00091,3\n")
        (folder / "hub.toml").write_text(CAMPAIGN)
        settings = read_settings(folder / "hub.toml", HubSettings)
        assert settings.campaign
        one = CampaignBook(shared_hub_store, settings.campaign, read_lists(settings.campaign))
        one.prepare()
        for part in (rows[:cut], rows[cut:], rows):
            import_events(one, written(folder, *(event(n, kind) for n, kind in part)))
        for kind in ("collected", "sent"):
            assert one.book().done(kind, None, 20) == len({n for n, other in rows if other == kind})


# the commands


def test_import_and_reports_by_command(vantay: Say, tmp_path: Path) -> None:
    path = written(tmp_path, *(event(n) for n in range(3)), event(9, unit="09718"), event(0, "sent"))
    assert vantay("import", str(path)) == "new=5 known=0 refused=0\n"
    tree = json.loads(vantay("report", "finished", "--at", "2023-05-18", "--format", "json"))
    assert tree["rows"] == [
        {"week": "2023-W20", "day": "2023-05-18", "code": "00091", "unit": "Phường Phú Thượng",
         "district": "Quận Tây Hồ", "done": 3, "quota": 3}
    ]  # fmt: skip
    assert tree["notes"][0] == "1 of 3 units are finished (2023-W20: 1)"
    assert "quota.csv line 5: 09718 is a duplicate of line 4" in tree["notes"]
    assert "Legal basis: Order 01 of 5-5-2023" in vantay("report", "summary", "--at", "2023-05-18")
    rows = list(
        csv.DictReader(
            io.StringIO(vantay("report", "sent", "--at", "2023-05-18", "--format", "csv").lstrip("\ufeff"))
        )
    )
    assert [(row["code"], row["sent"]) for row in rows] == [("003", "1"), ("272", "0")]
    vantay("report", "ranking", "--at", "2023-05-18", "--format", "xlsx", "-o", str(tmp_path / "r.xlsx"))
    assert (tmp_path / "r.xlsx").read_bytes()[:2] == b"PK"


def test_one_event_more_is_another_report(vantay: Say, tmp_path: Path) -> None:
    vantay("import", str(written(tmp_path, *(event(n) for n in range(2)))))
    at = ("report", "finished", "--at", "2023-05-18", "--format", "json")
    assert json.loads(vantay(*at))["rows"] == []
    vantay("import", str(written(tmp_path, event(2))))
    assert len(json.loads(vantay(*at))["rows"]) == 1


def test_the_cut_off_is_a_time_of_day(vantay: Say, tmp_path: Path) -> None:
    hours = [
        event(n, at=f"2023-05-18T{hour}+07:00") for n, hour in enumerate(("15:59:59", "16:00:00", "16:00:01"))
    ]
    vantay("import", str(written(tmp_path, *hours)))

    def collected(at: str) -> int:
        rows = json.loads(vantay("report", "summary", "--at", at, "--format", "json"))["rows"]
        return int(rows[0]["number"])

    assert [collected(f"2023-05-18{part}") for part in ("T15:00+07:00", "T16:00+07:00", "T09:00Z", "")] == [
        0,
        2,
        2,
        3,
    ]


def test_a_report_says_where_it_stops(vantay: Say, config: Path) -> None:
    opened(config).store.close()
    words = ("report", "summary", "--at", "2023-05-18T09:00:00Z")
    tree = json.loads(vantay(*words, "--format", "json"))
    assert (tree["at"], tree["until"]) == ("2023-05-18", "2023-05-18T16:00:00+07:00")
    stops = "Order 01: everything, until 2023-05-18 16:00:00+07:00 of business day 2023-05-18"
    assert stops in vantay(*words)
    assert stops in vantay(*words, "--format", "html")
    whole = ("report", "summary", "--at", "2023-05-18")
    assert "until" not in json.loads(vantay(*whole, "--format", "json"))
    assert "Order 01: everything, end of business day 2023-05-18" in vantay(*whole)


def test_a_report_of_a_day_to_come_says_so(vantay: Say, config: Path) -> None:
    today = opened(config).campaign.day_index(int(clock.moment().timestamp()))
    start = (date(2023, 5, 5) + timedelta(days=today)).isoformat()  # of the campaign: today's business day
    write_anew(config, CAMPAIGN.replace("start = 2023-05-05", f"start = {start}"))
    opened(config).store.close()
    tomorrow = (date.fromisoformat(start) + timedelta(days=1)).isoformat()
    sentence = f"{tomorrow} is to come (this machine has {start})"
    assert sentence in vantay("report", "forecast", "--at", tomorrow)
    assert "is to come" not in vantay("report", "forecast", "--at", start)
    assert "is to come" not in vantay("report", "forecast")


def test_a_day_that_is_not_over_is_no_days_work_in_a_forecast(
    vantay: Say, config: Path, tmp_path: Path
) -> None:
    today = opened(config).campaign.day_index(int(clock.moment().timestamp()))
    start = date(2023, 5, 5) + timedelta(days=today - 2)
    write_anew(config, CAMPAIGN.replace("start = 2023-05-05", f"start = {start}"))
    book = opened(config)
    days = (0, 1)  # one each; nothing yet on the third, which runs
    lines = [event(n, at=f"{book.campaign.day(day)}T09:00:00+07:00") for n, day in enumerate(days, 1)]
    assert import_events(book, written(tmp_path, *lines)).new == 2
    book.store.close()
    said: dict[str, Any] = {}
    for at in ("now", str(book.campaign.day(2)), str(book.campaign.day(1))):
        words = () if at == "now" else ("--at", at)
        tree = json.loads(vantay("report", "forecast-total", *words, "--format", "json"))
        said[at] = tree["rows"][0]
    (made,) = [
        one
        for one in made_of(read_settings(config, HubSettings).place, book, 2)
        if one.report == "forecast-total"
    ]
    assert [row["daily"] for row in (*said.values(), made.rows[0])] == [1.0] * 4
    assert len({row["forecast"] for row in (*said.values(), made.rows[0])}) == 1
    assert "business days at most, without this one, which is not over" in vantay("report", "forecast")


def test_records_of_days_to_come_are_told(vantay: Say, config: Path, tmp_path: Path) -> None:
    today = opened(config).campaign.day_index(int(clock.moment().timestamp()))
    start = date(2023, 5, 5) + timedelta(days=today - 2)
    write_anew(config, CAMPAIGN.replace("start = 2023-05-05", f"start = {start}"))
    path = tmp_path / "events.csv"
    for name, days in (("a", 1), ("b", 9)):
        at = f"{start + timedelta(days=days)}T10:00:00+07:00"
        path.write_text(f"id,at,kind,unit\n{name}:collected,{at},collected,00091\n")
        vantay("import", str(path))
        told = "1 records are of days to come, after" in vantay("report", "summary")
        assert told == (name == "b")


@pytest.mark.parametrize("action", ["report", "export", "diagnose"])
@pytest.mark.parametrize(
    "own",
    ["hub.toml", "hub/hub.db", "hub/new.tar.gz", "packets/x.tar.gz", "units.csv", "quota.csv", "link.tar.gz"],
)
def test_nothing_is_written_over_what_the_hub_works_with(
    config: Path, capsys: pytest.CaptureFixture[str], action: str, own: str
) -> None:
    opened(config).store.close()
    config.write_text(config.read_text().replace('data = "hub"', 'data = "hub"\npackets = "packets"'))
    (config.parent / "packets").mkdir()
    (config.parent / "link.tar.gz").symlink_to("hub/hub.db")
    target = config.parent / own
    before = target.read_bytes() if target.exists() else None
    words = {
        "report": ["hub", "report", "summary", "--at", "2023-05-18"],
        "export": ["hub", "export"],
        "diagnose": ["diagnose"],
    }[action]
    assert main([*words, "--config", str(config), "-o", str(target)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "is what hub.toml works with; name another file" in said or "name it so" in said
    assert (target.read_bytes() if target.exists() else None) == before


def test_the_manifest_lists_the_days_files(vantay: Say, tmp_path: Path) -> None:
    rows = [
        event(1),
        event(1, "sent"),
        event(1, "acknowledged"),
        event(2),
        event(3, at="2023-05-19T09:00+07:00"),
    ]
    vantay("import", str(written(tmp_path, *rows)))
    tree = json.loads(vantay("report", "manifest", "--at", "2023-05-18", "--format", "json"))
    assert [(row["file"], row["sent"], row["acknowledged"]) for row in tree["rows"]] == [
        ("f-1", True, True),
        ("f-2", False, False),
    ]
    assert tree["notes"][1] == "1 sent, 1 acknowledged, 1 not yet acknowledged"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("report",), "name a report: summary, finished"),
        (("report", "nothing"), "name a report: summary, finished"),
        (("report", "summary", "--at", "soon"), "--at must be a date, 2023-05-18, or a time with its offset"),
        (
            ("report", "summary", "--at", "2023-05-01"),
            "2023-05-01 is not a day of the campaign, which began on 2023-05-05 and counts until 2025-05-03 "
            "(span_days = 730)",
        ),
        (
            ("report", "summary", "--at", "2025-05-04"),
            "2025-05-04 is not a day of the campaign, which began on",
        ),
        (
            ("report", "manifest", "--at", "2023-05-18T10:00+07:00"),
            "the manifest is of a whole day, and of",
        ),
        (
            ("report", "operators", "--at", "2023-05-18", "--unit", "003"),
            "operators is of the whole campaign",
        ),
        (("report", "summary", "--at", "2023-05-18", "--unit", "Tây Hồ"), "no unit has the code Tây Hồ"),
        (("report", "summary", "--at", "2023-05-18", "--target", "x"), "no target 'x'; there are all"),
        (("report", "summary", "--at", ""), "--at must be a date"),
        (("report", "summary", "--at", "0001-01-01T00:00:00+14:00"), "--at must be a date"),
        (("report", "summary", "--at", "9999-12-31T23:59:59-14:00"), "--at must be a date"),
        (("status", "extra"), "'extra' says nothing to vantay hub status: leave it out"),
        (("move", "hub.db"), "'hub.db' says nothing to vantay hub move: leave it out"),
        (("import",), "name the file: vantay hub import FILE"),
        (("import", "/nowhere.csv"), "cannot be read (No such file or directory)"),
        (("import", "/dev/zero"), "/dev/zero cannot be read (it is a pipe or a device, no file): 0 events"),
    ],
)
def test_one_sentence_for_each_mistake(
    vantay: Say, config: Path, words: tuple[str, ...], sentence: str
) -> None:
    opened(config).store.close()
    said = vantay(*words, code=2)
    assert sentence in said
    assert said.count("\n") == 1


def test_a_report_that_cannot_be_written_leaves_the_earlier_one(
    vantay: Say, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(config).store.close()
    path, words = tmp_path / "page.html", ("report", "summary", "--at", "2023-05-18", "-o")
    vantay(*words, str(path))
    before = path.read_bytes()
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(full))
        assert "page.html: cannot be written: No space left" in vantay(*words, str(path), code=2)
    assert path.read_bytes() == before
    for nowhere in (tmp_path, tmp_path / "no" / "folder.html", Path("/dev/full")):
        said = vantay(*words, str(nowhere), code=2)
        assert f"{nowhere}: cannot be written" in said
        assert said.count("\n") == 1


def test_a_full_disk_behind_the_output_is_one_sentence(config: Path) -> None:
    opened(config).store.close()
    command = [VANTAY, "hub", "report", "summary", "--at", "2023-05-18", "--config", str(config)]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "No space left on device" in done.stderr


def test_refused_lines_are_told_and_the_exit_code_says_so(vantay: Say, tmp_path: Path) -> None:
    said = vantay("import", str(written(tmp_path, event(1), event(2, unit="0"))), code=1)
    assert (
        said == "line 2: no unit has this code: units are named by official code\nnew=1 known=0 refused=1\n"
    )


def test_a_hub_without_a_campaign_says_so(vantay: Say, config: Path) -> None:
    opened(config).store.close()
    write_anew(config, 'data = "hub"\n')
    assert "hub.toml has no table [campaign]" in vantay("report", "summary", code=2)
    assert vantay("status") == "no booth has reported yet\n"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('file = "quota.csv"', "", "a target has either a file or a total"),
        ("due = {exchange = 30000}", "due = {exchange = -1}", "campaign.fees.0.due.exchange"),
        (
            'name = "Order 01"',
            'nam = "Order 01"',
            "unknown key 'campaign.nam'; known there: name, legal_basis",
        ),
        (
            'title = "the',
            'titel = "the',
            "unknown key 'campaign.targets.all.titel'; known there: title, file",
        ),
        (
            'title = "the',
            'measures = ["colected"]\ntitle = "the',
            "nothing is counted as 'colected': a measure is",
        ),
        ('title = "the', 'measures = ["age/14-18"]\ntitle = "the', "age/ and one of below-14, 14-17, 18-24"),
        (
            'title = "the',
            'measures = ["last/collected"]\ntitle = "the',
            "nothing is counted as 'last/collected'",
        ),
        ('title = "the', 'measures = []\ntitle = "the', "campaign.targets.all.measures"),
        ("deadlines =", "milestones_days = {far = 9999999}\ndeadlines =", "campaign.milestones_days.far"),
        ("start = 2023-05-05", "start = 9999-05-05", "campaign.start"),
        ('unit = "00091"', 'unit = "Phú Thượng"', "campaign.booths.b-1.unit' must be an official code"),
    ],
)
def test_mistakes_in_the_definition(config: Path, old: str, new: str, sentence: str) -> None:
    write_anew(config, CAMPAIGN.replace(old, new))
    with pytest.raises(BadSettings) as caught:
        read_settings(config, HubSettings)
    assert sentence in str(caught.value)


def test_a_list_that_is_not_there_is_named(config: Path, tmp_path: Path) -> None:
    (tmp_path / "quota.csv").unlink()
    with pytest.raises(BadSettings, match=r"quota\.csv cannot be read"):
        opened(config)


def test_a_report_reads_while_the_hub_writes(book: CampaignBook, vantay: Say, tmp_path: Path) -> None:
    import_events(book, written(tmp_path, event(1)))
    with book.store.transaction():
        assert '"number": 1' in vantay("report", "summary", "--at", "2023-05-18", "--format", "json")


def test_scope_of_a_district_has_its_own_and_its_communes(book: CampaignBook, tmp_path: Path) -> None:
    import_events(book, written(tmp_path, event(1, unit="003"), event(2), event(3, unit="09718")))
    read = book.book()
    assert read.codes(Scope(13, "003")) == ["00091", "00094"]
    assert [read.done("collected", code, 13) for code in ("003", "00091", "272", None)] == [2, 1, 1, 3]
    assert read.quota("all", "003") == 5


@pytest.mark.system
def test_what_booths_report_to_a_running_hub_is_in_the_report(
    vantay: Say, config: Path, mosquitto: Mosquitto, run: Callable[..., Program]
) -> None:
    at = f"[broker]\nport = {mosquitto.port}\n"
    write_anew(config, CAMPAIGN.replace("2023-05-05\n", "2026-01-01\n") + at)
    hub = run(VANTAY, "hub", "--config", str(config), name="hub")
    entries = chain([sealed(1), sealed(2)], SEALED)
    entries += chain([{"packet": packet(1), "size": 7}], CLOSED, 3, entries[-1].hash)
    with ear(mosquitto.broker(), "vantay/v1/booth/+/ack", "vantay/v1/hub/status") as booth:
        booth.wait("status", lambda payload: parse(HubStatus, payload).online)
        for entry in [*entries, *entries]:
            booth.publish(booth_topic("b-1", "journal"), entry.payload())
        booth.wait("/ack", lambda payload: parse(Acknowledgement, payload).seq == 3)
        rows = json.loads(vantay("report", "sent", "--at", "2026-01-05", "--format", "json"))["rows"]
        assert [(row["code"], row["collected"], row["sent"]) for row in rows] == [("003", 2, 0)]
        (late,) = chain([sealed(3)], SEALED, 4, entries[-1].hash)
        hub.kill()
        booth.publish(booth_topic("b-1", "journal"), late.payload())
        hub.start()
        booth.heard.clear()
        until(lambda: _said_until(booth, late, 4), "the acknowledgement of the last entry")
    rows = json.loads(vantay("report", "sent", "--at", "2026-01-05", "--format", "json"))["rows"]
    assert [(row["collected"], row["sent"]) for row in rows] == [(3, 0)]


def _said_until(booth: Ear, entry: JournalEntry, seq: int) -> bool:
    booth.publish(booth_topic("b-1", "journal"), entry.payload())
    return any(parse(Acknowledgement, word).seq == seq for word in booth.on("/ack"))


# how events are kept


def test_a_time_within_a_day_counts_what_happened_until_then(book: CampaignBook, tmp_path: Path) -> None:
    chance = random.Random(7)
    begins = book.campaign.begins(12)
    rows: list[dict[str, Any]] = []
    for n in range(150):
        at = datetime.fromtimestamp(begins + chance.randrange(3 * 86400), UTC).isoformat()
        kind, unit = (
            chance.choice(["collected", "sent", "account-2", "fee"]),
            chance.choice(["00091", "09718"]),
        )
        said = {"operator": "binh", "issue": "exchange", "amount": chance.choice([0, 30_000])}
        facts = said if kind == "fee" else chance.choice([{}, {"age": 30, "operator": "chi", "seconds": 60}])
        rows.append(event(n, kind, unit, at, **facts))
    assert import_events(book, written(tmp_path, *rows)).new == 150
    events = [event_of(row, book.lists.units) for row in rows]
    for moment in (begins, begins + 40_000, begins + 86_400, begins + 129_600, begins + 3 * 86_400):
        tally = Tally(book.campaign)
        tally.fold(one for one in events if one.at <= moment)
        assert counted(book, moment) == sorted(tally.cells())
        units = [cell for cell in tally.cells() if not cell[0].startswith("operator/")]
        found = book.book(moment, operators=False).tally.cells()
        assert sorted(cell for cell in found if not cell[0].startswith("operator/")) == sorted(units)


def test_ids_that_share_a_key_are_two_events(
    book: CampaignBook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.hub.campaign.event_key", lambda name: event_key(name) & 7)  # all files one
    rows = [event(1), event(2), event(1, "sent"), event(1, unit="00094"), event(2)]
    one = import_events(book, written(tmp_path, *rows))
    assert (one.new, one.known, one.reasons) == (
        3,
        1,
        ["line 4: another event is held under this id: nothing is overwritten"],
    )
    two = import_events(book, written(tmp_path, *reversed(rows)))
    assert (two.new, two.known, two.refused) == (0, 4, 1)
    day = book.campaign.day_index(1684377000)
    assert book.files(day) == [("f-1", "00091", True, False), ("f-2", "00091", False, False)]


@given(st.floats(1e-6, 1e-3))
def test_a_transaction_of_an_import_is_as_large_as_the_machine_is_fast(seconds_a_line: float) -> None:
    size = FIRST
    for _ in range(12):
        assert LEAST <= size <= MOST
        size = next_size(size, size * seconds_a_line)
    assert size * seconds_a_line <= HELD_SECONDS * 1.001 or size == LEAST
    assert size * seconds_a_line >= HELD_SECONDS * 0.99 or size == MOST


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["00091", "00094"])), max_size=12))
@steady(50)
def test_a_batch_is_taken_like_its_lines_one_by_one(pairs: list[tuple[int, str]]) -> None:
    events = [Event(f"f-{n}:collected", 1684377000, "collected", unit) for n, unit in pairs]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "units.csv").write_text(UNITS)
        (folder / "quota.csv").write_text("code,quota\n00091,3\n")
        (folder / "hub").mkdir()
        (folder / "hub.toml").write_text(CAMPAIGN)
        book = opened(folder / "hub.toml")
        with undone(book.store):
            at_once = book.take_all([book.row(one) for one in events])
        with undone(book.store):
            assert at_once == [book.take(one) for one in events]
        book.store.close()


def test_refusals_are_named_in_the_order_of_the_lines(book: CampaignBook, tmp_path: Path) -> None:
    rows: list[dict[str, Any] | str] = [
        event(1),
        event(1, unit="00094"),
        "no JSON",
        event(1, unit="003"),
        "[]",
    ]
    reasons = import_events(book, written(tmp_path, *rows)).reasons
    assert [reason.split(":")[0] for reason in reasons] == [f"line {n}" for n in (2, 3, 4, 5)]


BEFORE_KEYS = """
CREATE TABLE campaign_event (id TEXT PRIMARY KEY, day INTEGER NOT NULL, at INTEGER NOT NULL,
    kind TEXT NOT NULL, unit TEXT NOT NULL, facts TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX campaign_event_by_day ON campaign_event (day, at);
"""
BEFORE_STEPS = """
CREATE TABLE campaign_event (key INTEGER NOT NULL DEFAULT 5, id TEXT NOT NULL, day INTEGER NOT NULL,
    at INTEGER NOT NULL, kind TEXT NOT NULL, unit TEXT NOT NULL, facts TEXT NOT NULL) STRICT;
CREATE INDEX campaign_event_by_key ON campaign_event (key);
CREATE INDEX campaign_event_on_day ON campaign_event (day, kind);
"""


@pytest.mark.parametrize("before", [BEFORE_KEYS, BEFORE_STEPS])
@pytest.mark.parametrize("url", [None])
def test_an_earlier_file_is_carried_over(config: Path, tmp_path: Path, before: str) -> None:
    book = opened(config)
    import_events(book, written(tmp_path, event(1), event(2), event(1, "sent")))
    name = tmp_path / "hub" / "hub.db"
    rows = book.db.execute("SELECT id, day, at, kind, unit, facts FROM campaign_event").fetchall()
    assert isinstance(book.store, HubStore)
    book.store.db.executescript(f"DROP TABLE campaign_event; {before}")
    insert = "INSERT INTO campaign_event (id, day, at, kind, unit, facts) VALUES (?, ?, ?, ?, ?, ?)"
    book.db.executemany(insert, [tuple(row) for row in rows])
    book.store.close()
    with pytest.raises(BadSettings, match="campaign_event has no step"):
        only_read(name)
    for new, known in ((1, 3), (0, 4)):  # carried over once
        book = opened(config)
        again = import_events(book, written(tmp_path, event(1), event(2), event(1, "sent"), event(3)))
        assert (again.new, again.known, again.refused) == (new, known, 0)
        book.store.close()
    tables = HubStore(name).db.execute("SELECT name FROM sqlite_schema WHERE name LIKE '%before'").fetchall()
    assert not tables
    book = opened(config)
    assert book.book().done("collected", None, 13) == 3
    assert [one.sent for one in book.files(13)] == [True, False, False]
    for name, step in book.db.execute("SELECT id, step FROM campaign_event"):
        assert step == event_key(name)
