"""What is listed of a day's misses: the journal's words, and scores of what was shown."""

from pathlib import Path

from benchmarks.booth_day import against_before, in_words
from benchmarks.people import Finger, make_finger
from tests.edge.parts import chain
from tests.fwtools.synthetic import needs_speed


def test_a_sample_of_the_day_is_told_with_its_scores() -> None:
    scores = [{"subject": None, "position": 3, "score": 9.5}, {"subject": "s1", "position": 2, "score": 7.0}]
    attendants = [{"person": "an", "score": 12.1}]
    body = {
        "position": 2,
        "decision": "wrong-finger",
        "quality": 50,
        "scores": scores,
        "attendants": attendants,
    }
    entries = chain([body, {"position": 2, "decision": "refused"}])
    assert [in_words(entry) for entry in entries] == [
        "2: wrong-finger q50 hits 3=9.5 s1=7.0 an=12.1",
        "2: refused q-",
    ]


@needs_speed
def test_an_image_is_listed_with_its_score_against_the_first_of_its_finger(tmp_path: Path) -> None:
    one, other = Finger(1, 2), Finger(1, 3)
    for finger in (one, other):
        make_finger(tmp_path, finger)
    images = [
        ("e0", 2, (one, 1)),
        ("e1", 2, (one, 1)),
        ("e1", 3, (one, 3)),
        ("e1", 4, (other, 1)),
        ("e2", 2, (one, 2)),
    ]
    (line,) = against_before(images, "e1", tmp_path)
    words, score = line.rsplit(" ", 1)
    assert words == "shown as 3: 1/2 own", "not the same image, and not a finger shown for the first time"
    assert float(score) > 10
