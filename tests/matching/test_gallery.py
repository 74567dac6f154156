"""Gallery: who is found, among whom, and who no longer."""

from dataclasses import replace

import pytest

from matching import iso19794, serial
from matching.compare import compare, prepare
from matching.extract import extract
from matching.gallery import FEWEST, Gallery
from matching.gallery_rows import FIRST, GalleryRows
from matching.kernels.ranking import LANES
from matching.search_code import encode, qualities_of
from matching.template import Template
from tests.matching.impressions import finger, picture, worn

FMR = 1e-3


@pytest.fixture
def gallery() -> Gallery:
    filled = Gallery()
    for subject in range(6):
        for position in (2, 7):
            filled.add(f"subject {subject}", position, finger(10 * subject + position))
    return filled


def test_the_right_finger_is_found_first(gallery: Gallery) -> None:
    probe = worn(finger(32), 1)
    for position in (2, None):
        found = gallery.search(probe, position, FMR)
        assert (found[0].key, found[0].position) == ("subject 3", 2)
        assert found[0].score == compare(probe, finger(32)).value
        assert all(candidate.decision.match for candidate in found)
    assert gallery.search(probe, 7, FMR) == []
    assert gallery.search(worn(finger(999), 1), None, 1e-4) == []


def test_results_are_sorted_and_complete(gallery: Gallery) -> None:
    gallery.add("again", 2, worn(finger(32), 5))
    found = gallery.search(finger(32), None, FMR)
    assert [candidate.key for candidate in found[:2]] == ["subject 3", "again"]
    assert [c.score for c in found] == sorted((c.score for c in found), reverse=True)
    assert len(gallery.search(finger(32), None, 0.9999)) >= len(found)


def test_removing_a_key_forgets_its_fingers(gallery: Gallery) -> None:
    assert len(gallery) == 12
    assert gallery.search(finger(32), 2, FMR)
    assert gallery.fingers_of("subject 3") == 2
    assert gallery.remove("subject 3") == 2
    assert gallery.fingers_of("subject 3") == 0
    assert gallery.remove("subject 3") == 0
    assert len(gallery) == 10
    assert gallery.search(finger(32), None, 1e-4) == []


def test_adding_again_replaces(gallery: Gallery) -> None:
    gallery.add("subject 3", 2, prepare(finger(500)))
    assert len(gallery) == 12
    assert gallery.search(finger(500), 2, FMR)[0].key == "subject 3"
    assert gallery.search(finger(32), 2, 1e-4) == []


def test_only_those_named_are_looked_at(gallery: Gallery) -> None:
    everyone = gallery.search(finger(32), None, 0.9999)
    some = gallery.search(finger(32), None, 0.9999, among=("subject 4", "subject 3", "nobody", "subject 3"))
    assert some == [found for found in everyone if found.key in ("subject 3", "subject 4")]
    assert {(one.key, one.position) for one in some} >= {("subject 3", 2)}
    at_two = gallery.search(finger(32), 2, 0.9999, among=["subject 3", "subject 4"])
    assert at_two == [found for found in some if found.position == 2]
    assert gallery.search(finger(32), 7, FMR, among=["subject 3"]) == []
    assert gallery.search(finger(32), None, 0.9999, among=[]) == []


def test_an_empty_gallery_finds_nothing() -> None:
    assert Gallery().search(finger(1)) == []


def test_records_and_whole_templates_are_decided_each_by_their_kind(gallery: Gallery) -> None:
    record = iso19794.read(iso19794.write(worn(finger(32), 1)))
    gallery.add("record", 2, record)
    found = {candidate.key: candidate for candidate in gallery.search(finger(32), 2, FMR)}
    assert found["record"].decision.threshold != found["subject 3"].decision.threshold
    assert gallery.search(record, 2, FMR)[0].key == "record"


def test_a_rate_that_is_none_is_refused(gallery: Gallery) -> None:
    with pytest.raises(ValueError, match="not between 0 and 1"):
        gallery.search(finger(1), None, 0.0)


def test_a_limit_and_a_rate_a_search(gallery: Gallery) -> None:
    gallery.add("again", 2, worn(finger(32), 5))
    everybody = gallery.search(finger(32), None, 0.9999)
    assert gallery.search(finger(32), None, 0.9999, limit=1) == everybody[:1]
    assert gallery.search(finger(32), None, 0.9999, limit=1000) == everybody
    found = gallery.search(finger(32), 2, fpir=0.01)
    assert [candidate.key for candidate in found] == ["subject 3", "again"]
    assert found[0].decision.fmr == pytest.approx(1 - 0.99 ** (1 / 7))
    for wrong in ({"limit": 0}, {"fpir": 0.0}, {"fpir": 0.1, "fmr": 0.1}):
        with pytest.raises(ValueError, match=r"limit is 0|not between 0 and 1|not both"):
            gallery.search(finger(32), 2, **wrong)


def test_a_position_that_is_none_is_refused(gallery: Gallery) -> None:
    for position in (-1, 255):
        with pytest.raises(ValueError, match="positions are 0 to 254"):
            gallery.add("nobody", position, finger(1))


def crowded(threads: int | None = None) -> tuple[Gallery, dict[str, bytes]]:
    """A gallery past what is compared exhaustively, its templates with the caller; every tenth a record."""
    stored: dict[str, bytes] = {}
    filled = Gallery(lambda wanted: [stored[key] for key, _ in wanted], threads)
    for number in range(FEWEST + 60):
        one = finger(number, 12)
        if number % 10 == 9:
            one = iso19794.read(iso19794.write(one))
        stored[f"subject {number:03d}"] = serial.to_bytes(one)
        filled.add(f"subject {number:03d}", number % 11, one)
    return filled, stored


@pytest.fixture(scope="module")
def crowd() -> tuple[Gallery, dict[str, bytes]]:
    return crowded()


def test_ranking_finds_what_exact_comparison_finds(crowd: tuple[Gallery, dict[str, bytes]]) -> None:
    asked: list[str] = []
    filled, stored = crowd

    def fetch(wanted: list[tuple[str, int]]) -> list[bytes]:
        asked.extend(key for key, _ in wanted)
        return [stored[key] for key, _ in wanted]

    counting = Gallery(fetch)
    for key, position, code in filled.codes():
        counting.add_code(key, position, code)
    for number in range(0, FEWEST + 60, 13):
        asked.clear()
        found = counting.search(worn(finger(number, 12), number, 0.1, 2), None, 1e-3)
        assert found[0].key == f"subject {number:03d}"
        assert FEWEST <= len(set(asked)) == len(asked) < len(counting)
        assert found == filled.search(worn(finger(number, 12), number, 0.1, 2), None, 1e-3)
        assert {key for key in stored if key.endswith("9")} <= set(asked)  # of records nothing is known


def test_crests_count_wherever_they_can_and_templates_as_bytes_score_as_whole_ones() -> None:
    known = {str(seed): extract(picture(seed % 6, 0.2 * (seed // 6), seed)) for seed in range(12)}
    stored = {key: serial.to_bytes(one) for key, one in known.items()}
    filled, flow_alone = Gallery(lambda wanted: [stored[key] for key, _ in wanted]), 0
    for key, one in known.items():
        filled.add(key, 2, one)
    for seed in range(6):
        probe = extract(picture(seed, -0.3, 40 + seed))
        found = {one.key: one.score for one in filled.search(probe, 2, 1 - 1e-9)}
        for key, one in known.items():
            assert found.get(key, 0.0) == compare(probe, one).value
            assert one.ridges is not None
            bare = replace(one, ridges=replace(one.ridges, crests=None))
            flow_alone += compare(probe, bare).value != compare(probe, one).value
    assert 0 < flow_alone < 6 * len(known) / 2


def test_threads_and_order_of_filling_change_nothing(
    crowd: tuple[Gallery, dict[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("matching.gallery.SPLIT", 40)
    monkeypatch.setattr("matching.gallery.WORTH", 30)
    filled, stored = crowd
    other = Gallery(lambda wanted: [stored[key] for key, _ in wanted], threads=3)
    for key, position, code in sorted(filled.codes(), reverse=True):
        other.add_code("late " + key, position, code)
        other.add_code(key, position, code)
    for key in stored:
        assert other.remove("late " + key) == 1
    for number in (0, 57, 123):
        probe = finger(number, 12)
        assert other.search(probe, None, 0.05) == filled.search(probe, None, 0.05)
        assert other.search(probe, 3, 0.5) == filled.search(probe, 3, 0.5)
    assert sorted(other.codes()) == sorted(filled.codes())


def test_a_template_that_is_gone_is_not_compared(crowd: tuple[Gallery, dict[str, bytes]]) -> None:
    filled, stored = crowd
    for lost in ({"subject 057"}, set(stored)):
        other = Gallery(lambda wanted, lost=lost: [b"" if key in lost else stored[key] for key, _ in wanted])
        for key, position, code in filled.codes():
            other.add_code(key, position, code)
        found = [one.key for one in other.search(finger(57, 12), None, 0.05)]
        assert "subject 057" not in found
        assert found == [c.key for c in filled.search(finger(57, 12), None, 0.05) if c.key not in lost]


def test_a_template_that_is_none_is_told_and_ends_nothing(crowd: tuple[Gallery, dict[str, bytes]]) -> None:
    filled, stored = crowd
    bad = {**stored, "subject 058": b"garbage", "subject 057": bytearray(stored["subject 057"])}
    other = Gallery(lambda wanted: [bad[key] for key, _ in wanted])
    for key, position, code in filled.codes():
        other.add_code(key, position, code)
    assert other.search(finger(57, 12), None, 0.05)[0].key == "subject 057"
    other.search(finger(58, 12), None, 0.05)
    assert [(key, "not a Vantay template" in why) for (key, _), why in other.unreadable.items()] == [
        ("subject 058", True)
    ]


def test_another_number_of_templates_than_asked_for_is_refused(
    crowd: tuple[Gallery, dict[str, bytes]],
) -> None:
    filled, stored = crowd
    for change in (lambda found: found[1:], lambda found: [*found, b""]):
        other = Gallery(lambda wanted, change=change: change([stored[key] for key, _ in wanted]))
        for key, position, code in filled.codes():
            other.add_code(key, position, code)
        with pytest.raises(ValueError, match="fetch gave"):
            other.search(finger(57, 12), None, 0.05)


def test_a_probe_of_nothing_finds_nobody_and_asks_for_nothing(
    crowd: tuple[Gallery, dict[str, bytes]],
) -> None:
    def fetch(_: list[tuple[str, int]]) -> list[bytes]:
        raise AssertionError

    other = Gallery(fetch)
    for key, position, code in crowd[0].codes():
        other.add_code(key, position, code)
    few = finger(3, 2)
    assert other.search(few) == []
    assert other.search(Template(few.minutiae[:0], 9, 9)) == []


def test_limits_below_one_are_refused(crowd: tuple[Gallery, dict[str, bytes]]) -> None:
    for limits in ({"limit": 0}, {"exactly": 0}, {"exactly": -5}):
        with pytest.raises(ValueError, match="it is at least 1"):
            crowd[0].search(finger(3), **limits)  # type: ignore[arg-type]


def test_codes_need_someone_who_has_the_templates() -> None:
    with pytest.raises(ValueError, match="needs whole templates"):
        Gallery().add_code("nobody", 2, b"")


def test_a_record_as_probe_is_compared_with_all(crowd: tuple[Gallery, dict[str, bytes]]) -> None:
    probe = iso19794.read(iso19794.write(finger(77, 12)))
    assert crowd[0].search(probe, None, 1e-3)[0].key == "subject 077"


def test_rows_are_used_again_and_grow_and_a_block_is_of_one_position() -> None:
    rows = GalleryRows()
    codes = [encode(prepare(finger(seed)), qualities_of(finger(seed))) for seed in range(3)]
    count = 3 * FIRST * LANES
    placed = [rows.put(f"{number // 10}", number % 10, codes[number % 3]) for number in range(count)]
    assert len(set(placed)) == len(rows) == count
    own = placed[50:60]
    assert rows.drop("5") == own
    assert rows.drop("5") == []
    assert len(rows) == count - 10
    assert not set(own) & set(rows.of(None))
    assert {rows.put("new", position, codes[0]) for position in range(10)} == set(own)
    assert set(rows.of(4)) == {row for _, position, row in rows if position == 4}
    assert not {row // LANES for row in rows.of(4)} & {row // LANES for row in rows.of(5)}
    assert (rows.code(own[5]).flows == codes[0].flows).all()
    assert (rows.code(placed[301]).around == codes[1].around).all()
    assert rows.keys[own[5]] == "new"
    assert rows.put("new", 3, codes[2]) == own[3]
    assert (rows.code(own[3]).known == codes[2].known).all()
    assert len(rows) == count
