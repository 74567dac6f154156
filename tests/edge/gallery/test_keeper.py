"""What the station's gallery keeps: once, encrypted, across a restart, until it is forgotten."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.booth.channel import Enrolled, GalleryFinger
from edge.gallery.keeper import GalleryStore, Keeper, Whose
from tests.edge.gallery.test_question import ENROLMENT, SUBJECT, question

KEY = bytes(range(32))
FINGERS = {2: b"the template of a right index", 7: b"the template of a left index"}
CODES = [b"code of two", b"code of seven"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gallery.db"


@pytest.fixture
def store(file: Path) -> Iterator[GalleryStore]:
    store = GalleryStore(file)
    yield store
    store.close()


def test_a_person_is_kept_once_and_across_a_restart(store: GalleryStore) -> None:
    keeper = Keeper(store, KEY)
    kept = keeper.add(question(FINGERS), CODES)
    assert [(label.position, code) for label, code in kept] == [(2, CODES[0]), (7, CODES[1])]
    assert keeper.add(question(FINGERS), CODES) == []
    again = Keeper(store, KEY)
    assert again.whose == {ENROLMENT: Whose(SUBJECT, "b-1")}
    page, _ = again.page(0, 10)
    assert [(label.enrolment, label.subject, label.position, code) for label, code in page] == [
        (ENROLMENT, SUBJECT, 2, CODES[0]),
        (ENROLMENT, SUBJECT, 7, CODES[1]),
    ]
    assert again.template(GalleryFinger(enrolment=ENROLMENT, position=7)) == FINGERS[7]


def test_nothing_of_a_finger_is_in_the_file_in_clear_and_nothing_of_one_forgotten(
    store: GalleryStore, file: Path
) -> None:
    keeper = Keeper(store, KEY)
    keeper.add(question(FINGERS), CODES)
    held = b"".join(path.read_bytes() for path in file.parent.iterdir())
    assert not any(data in held for data in (*FINGERS.values(), *CODES))
    sealed = [bytes(row["data"]) for row in store.db.execute("SELECT data FROM vault")]
    assert len(sealed) == 5
    assert all(one in held for one in sealed)
    running = Keeper(store, KEY)
    assert keeper.forget(ENROLMENT)
    assert not keeper.forget(ENROLMENT)
    held = b"".join(path.read_bytes() for path in file.parent.iterdir())
    assert not any(one in held for one in sealed), "not even what was encrypted"
    assert running.template(GalleryFinger(enrolment=ENROLMENT, position=2)) == b"", "found no more at once"


def test_who_is_forgotten_by_another_process_is_nobody_here(store: GalleryStore, file: Path) -> None:
    keeper = Keeper(store, KEY)
    keeper.add(question(FINGERS), CODES)
    other = GalleryStore(file)
    assert Keeper(other, KEY).forget(ENROLMENT)
    other.close()
    assert keeper.whose == {}
    assert keeper.add(question(FINGERS), CODES) == []


def test_one_who_was_forgotten_is_not_kept_again_by_a_record_that_comes_once_more(
    store: GalleryStore,
) -> None:
    keeper = Keeper(store, KEY)
    keeper.add(question(FINGERS), CODES)
    assert Keeper(store, KEY).forget(ENROLMENT)
    again = Keeper(store, KEY)
    assert again.add(question(FINGERS), CODES) == []
    assert again.whose == {}
    assert again.page(0, 10) == ([], 0)


def test_a_code_made_anew_stands_in_place_of_the_one_before_and_of_nobody_forgotten(
    store: GalleryStore, file: Path
) -> None:
    keeper = Keeper(store, KEY)
    keeper.add(question(FINGERS), CODES)
    made = [
        Enrolled(enrolment=ENROLMENT, subject=SUBJECT, position=position, length=4) for position in FINGERS
    ]
    keeper.recode(made[1:], [b"anew"])
    assert [code for _, code in Keeper(store, KEY).page(0, 10)[0]] == [CODES[0], b"anew"]
    other = GalleryStore(file)
    assert Keeper(other, KEY).forget(ENROLMENT)  # by `vantay gallery forget`, while the program runs
    other.close()
    keeper.recode(made, [b"late", b"late"])
    assert store.db.execute("SELECT count(*) FROM vault WHERE kind LIKE 'enrolled%'").fetchone()[0] == 0
