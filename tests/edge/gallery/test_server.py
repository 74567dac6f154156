"""The station's gallery as a program on a real broker: asked, killed, asked again; what it holds it finds."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from edge.booth.channel import Enrolled
from edge.cli import main
from edge.gallery.keeper import GalleryStore, Keeper
from edge.gallery.lines import RECORDS_TURN
from edge.gallery.question import MOST_BYTES, Finger, Head, Question, written
from edge.keys import make_gallery_keys, read_gallery_keys, read_key
from edge.messages import GalleryAnswer, GalleryStatus, booth_topic, gallery_topic, parse
from fwtools.synthesis.impressions import impression
from matching import serial
from matching.extract import extract
from tests.edge.programs import VANTAY, Ear, Mosquitto, Program, ear, kill_child, until
from tests.fwtools.synthetic import finger, needs_speed

pytestmark = [pytest.mark.system, pytest.mark.timeout(300), needs_speed]

FMR = 1e-5


@cache
def template(subject: int, position: int, number: int) -> bytes:
    pixels = impression(finger(subject, position), number)[0]
    return serial.to_bytes(extract(pixels, 500.0))


class Station:
    """A gallery, a broker and somebody who asks as a booth does."""

    def __init__(self, folder: Path, mosquitto: Mosquitto, line: Ear, program: Program) -> None:
        self.folder, self.mosquitto, self.line, self.program = folder, mosquitto, line, program
        self.key = read_key(folder / "keys" / "gallery.pub", secret=False)

    def status(self) -> GalleryStatus | None:
        said = self.line.on("gallery/status")
        return parse(GalleryStatus, said[-1]) if said else None

    def ready(self, people: int) -> None:
        def look() -> bool:
            status = self.status()
            return bool(status and status.online and status.people == people)

        until(look, f"a gallery of {people}: {self.program.said()}")

    def send(self, question: Question) -> None:
        self.line.publish(gallery_topic(question.booth), written(question, self.key))

    def answers(self, booth: str, name: str) -> list[GalleryAnswer]:
        told = [parse(GalleryAnswer, one) for one in self.line.on(booth_topic(booth, "gallery-answer"))]
        return [answer for answer in told if answer.question == name]

    def ask(self, question: Question) -> GalleryAnswer:
        before = len(self.answers(question.booth, question.id))
        self.send(question)
        until(lambda: len(self.answers(question.booth, question.id)) > before, "an answer")
        return self.answers(question.booth, question.id)[-1]


def question(
    name: int,
    kind: str,
    person: int,
    booth: str = "b-1",
    number: int = 1,
    positions: Sequence[int] = (2, 7),
    **more: Any,
) -> Question:
    """Ask with fingers of somebody, both index fingers if nothing is said."""
    return with_templates(name, kind, {p: template(person, p, number) for p in positions}, booth, **more)


def with_templates(
    name: int, kind: str, templates: dict[int, bytes], booth: str = "b-1", **more: Any
) -> Question:
    head = Head.model_validate(
        {
            "kind": kind,
            "enrolment": f"{name:016x}",
            "subject": f"{name:032x}",
            "fmr": FMR,
            "fingers": [Finger(position=p, length=len(data)) for p, data in templates.items()],
            **more,
        }
    )
    return Question(booth, f"{name:016x}", head, tuple(templates.values()))


@pytest.fixture
def station(tmp_path: Path, mosquitto: Mosquitto, run: Callable[..., Program]) -> Iterator[Station]:
    make_gallery_keys(tmp_path / "keys")
    (tmp_path / "data").mkdir()
    config = tmp_path / "gallery.toml"
    config.write_text(
        'data = "data"\nkeys = "keys"\nbooths = ["b-1", "b-2"]\n\n'
        f"[broker]\nport = {mosquitto.port}\nkeepalive = 5\n"
    )
    with ear(mosquitto.broker(), "vantay/#") as line:
        program = run(VANTAY, "gallery", "--config", str(config), name="gallery")
        yield Station(tmp_path, mosquitto, line, program)


def test_of_two_records_the_later_finds_the_earlier_across_a_kill(station: Station) -> None:
    station.ready(0)
    first = station.ask(question(1, "add", person=1))
    assert (first.people, first.hits, first.refused) == (0, [], None)
    station.ready(1)
    station.program.kill()
    until(lambda: (s := station.status()) is not None and not s.online, "the last will")
    station.send(question(2, "search", person=1, number=2))  # nobody is there: it is gone
    station.program.start()
    station.ready(1)
    assert station.answers("b-1", f"{2:016x}") == []
    found = station.ask(question(2, "add", person=1, booth="b-2", number=2))
    assert found.people == 1
    assert {(hit.shown, hit.position) for hit in found.hits} >= {(2, 2), (7, 7)}
    assert {(hit.subject, hit.booth) for hit in found.hits} == {(f"{1:032x}", "b-1")}
    assert station.ask(question(3, "search", person=2)).hits == []
    again = station.ask(question(2, "add", person=1, booth="b-2", number=2))
    assert (again.people, again.hits) == (1, found.hits), "adding twice is adding once; nobody finds himself"
    station.ready(2)
    held = [path for path in (station.folder / "data").iterdir() if path.name.startswith("gallery.db")]
    assert not any(template(1, 2, 1)[20:60] in path.read_bytes() for path in held)
    assert "Traceback" not in station.program.said()
    assert station.program.end() == 0


def test_what_cannot_be_answered_is_refused_in_words_and_the_next_one_is_answered(station: Station) -> None:
    station.ready(0)
    station.ask(question(1, "add", person=1))
    stolen = station.ask(question(1, "add", person=2, booth="b-2"))
    assert stolen.refused == "another booth has an enrolment of this id: call a technician"
    assert stolen.this_alone
    asked = question(4, "search", person=1)
    head = asked.head.model_copy(update={"fingers": (Finger(position=2, length=7),)})
    garbled = station.ask(Question("b-1", asked.id, head, (b"garbage",)))
    assert garbled.refused
    assert "a template cannot be compared" in garbled.refused
    assert garbled.this_alone
    other = read_key(station.folder / "keys" / "vault.key")  # no public key of this gallery
    station.line.publish(gallery_topic("b-1"), written(question(5, "search", person=1), other))
    until(lambda: station.answers("b-1", f"{5:016x}"), "a refusal")
    assert "copy the right one" in str(station.answers("b-1", f"{5:016x}")[0].refused)
    assert not station.answers("b-1", f"{5:016x}")[0].this_alone, "all of the booth's do not open"
    station.send(question(6, "search", person=1, booth="b-9"))  # not of this station
    station.line.publish(gallery_topic("b-1"), b"\xff" * 300)
    assert len(station.ask(question(7, "search", person=1, number=2)).hits) >= 2
    assert station.answers("b-9", f"{6:016x}") == []


def test_a_person_who_is_forgotten_is_not_found_any_more(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    station.ready(0)
    station.ask(question(1, "add", person=1))
    assert len(station.ask(question(2, "search", person=1, number=2)).hits) >= 2
    forget = ["gallery", "forget", f"{1:016x}", "--config", str(station.folder / "gallery.toml")]
    assert main(forget) == 0
    assert main(forget) == 1
    assert "is not held here" in capsys.readouterr().out
    station.ready(0)
    assert station.ask(question(3, "search", person=1, number=2)).hits == [], "while it runs"
    station.program.kill()
    station.program.start()
    station.ready(0)


def test_a_matcher_that_is_killed_is_started_again_with_everybody(station: Station) -> None:
    station.ready(0)
    station.ask(question(1, "add", person=1))
    station.line.heard.clear()
    assert kill_child(station.program.pid, "edge.booth.matcher_worker")
    until(lambda: (s := station.status()) is not None and not s.online, "away meanwhile")
    station.ready(1)
    assert len(station.ask(question(2, "search", person=1, number=2)).hits) >= 2


def test_who_stands_there_is_answered_between_two_fingers_of_a_record(station: Station) -> None:
    station.ready(0)
    names = range(2, RECORDS_TURN + 6)
    questions = [question(1, "add", person=1, positions=range(1, 11))]  # growing fingers takes a while
    questions += [question(name, "search", person=2, booth="b-2", positions=[2]) for name in names]
    assert kill_child(station.program.pid, "edge.booth.matcher_worker")  # all of these wait for the next one
    until(lambda: (s := station.status()) is not None and not s.online, "away meanwhile")
    for one in questions:
        station.send(one)
    until(lambda: station.answers("b-1", f"{1:016x}"), "the record's answer")
    heard = [m.topic for m in station.line.heard if m.topic.endswith("gallery-answer")]
    assert heard == [booth_topic("b-2", "gallery-answer")] * len(names) + [
        booth_topic("b-1", "gallery-answer")
    ]


def test_no_question_however_made_ends_the_matcher_or_keeps_others_waiting(station: Station) -> None:
    station.ready(0)
    station.ask(question(1, "add", person=1, subject="a" * 64))
    many = [f"{n:064x}" for n in range(1000)]
    answer = station.ask(question(2, "search", person=1, number=2, suspected=many, fmr=0.1))
    assert len(answer.hits) >= 2
    bare = serial.to_bytes(replace(serial.from_bytes(template(1, 2, 1)), ridges=None))
    assert "it has no ridges" in str(station.ask(with_templates(3, "add", {2: bare})).refused)
    station.line.publish(gallery_topic("b-1"), bytes(16) + b"\xff" * 2_000_000)
    station.line.publish(gallery_topic("b-1"), f"{4:016x}".encode() + b"\xff" * (MOST_BYTES - 16))
    until(lambda: station.answers("b-1", f"{4:016x}"), "a refusal")
    sealed = written(question(5, "search", person=1, number=2), station.key)
    for _ in range(3):
        station.line.publish(gallery_topic("b-1"), sealed)  # replayed: asked again
    station.line.publish(gallery_topic("b-2"), sealed)  # by another booth
    until(lambda: station.answers("b-2", f"{5:016x}"), "a refusal")
    assert "copy the right one" in str(station.answers("b-2", f"{5:016x}")[0].refused)
    assert len(station.ask(question(6, "search", person=1, number=2)).hits) >= 2
    assert "worker died" not in station.program.said()
    assert "Traceback" not in station.program.said()
    station.program.kill()
    station.program.start()
    station.ready(1)


def test_a_record_that_cannot_be_kept_is_refused_and_people_are_looked_for_all_the_same(
    station: Station,
) -> None:
    station.ready(0)
    station.ask(question(1, "add", person=1))
    holder = sqlite3.connect(station.folder / "data" / "gallery.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")  # as a disk that does not take it
    full = station.ask(question(2, "add", person=2))
    holder.execute("ROLLBACK")
    holder.close()
    assert "is locked: another program has been writing" in str(full.refused)
    assert not full.this_alone, "the next record would not be kept, either"
    assert len(station.ask(question(3, "search", person=1, number=2)).hits) >= 2
    assert station.ask(question(2, "add", person=2)).refused is None
    station.ready(2)


def test_codes_of_another_release_are_made_anew_once_also_where_it_is_killed_over_that(
    station: Station,
) -> None:
    station.ready(0)
    station.ask(question(1, "add", person=1))
    station.ask(question(2, "add", person=2))
    station.program.kill()
    store = GalleryStore(station.folder / "data" / "gallery.db")
    keeper = Keeper(store, read_gallery_keys(station.folder / "keys").vault)
    held = keeper.page(0, 9)[0]
    of = [
        Enrolled(enrolment=label.enrolment, subject=label.subject, position=label.position, length=0)
        for label, _ in held
    ]
    keeper.recode(of, [code[:4] + b"\x00" + code[5:] for _, code in held])
    station.program.start()
    until(lambda: "matcher" in station.program.said() or station.status(), "a first sign")
    station.program.kill()  # before, in or after the writing
    made = []
    for starts in (1, 2):
        station.line.heard.clear()
        station.program.start()
        station.ready(2)
        assert len(station.ask(question(2 + starts, "search", person=1, number=2)).hits) >= 2
        until(lambda: keeper.page(0, 9)[0] == held, "the codes as they were")
        made.append(station.program.said().count("search codes made anew"))
        station.program.kill()
    store.close()
    assert made[0] == made[1], "the second start has nothing left to make"
    assert "Traceback" not in station.program.said()
