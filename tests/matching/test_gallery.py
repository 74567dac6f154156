"""Gallery: who is found, among whom, and who no longer."""

import pytest

from matching import iso19794
from matching.compare import compare, prepare
from matching.gallery import Gallery
from tests.matching.impressions import finger, worn

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
    assert gallery.remove("subject 3") == 2
    assert gallery.remove("subject 3") == 0
    assert len(gallery) == 10
    assert gallery.search(finger(32), None, 1e-4) == []


def test_adding_again_replaces(gallery: Gallery) -> None:
    gallery.add("subject 3", 2, prepare(finger(500)))
    assert len(gallery) == 12
    assert gallery.search(finger(500), 2, FMR)[0].key == "subject 3"
    assert gallery.search(finger(32), 2, 1e-4) == []


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
