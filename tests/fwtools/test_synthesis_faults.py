"""Impressions with one fault: what it does to the picture, and that the person is told."""

import numpy as np
import pytest

from fwtools.synthesis import impression
from fwtools.synthesis.faults import FAULTS, SOUND, Fault
from matching.quality import Quality, quality
from tests.fwtools.synthetic import finger, needs_speed

ADVICE = {
    "dry": {"moisten the finger"},
    "wet": {"dry the finger"},
    "light": {"press harder", "lay the finger down flat"},  # a light touch is a small one too
    "small": {"lay the finger down flat"},
    "off-centre": {"move the finger to the centre"},
}
OF = [(subject, position) for subject in (3, 4, 5, 6) for position in (1, 2, 3)]


def test_no_strength_is_no_fault_and_all_of_it_is_all():
    for fault in FAULTS.values():
        assert fault.weaker(0.0) == SOUND
        assert fault.weaker(1.0) == fault
    assert Fault(force=-1, moisture=2, shift=(10, 20), patch=0.5).weaker(0.5) == Fault(-0.5, 1, (5, 10), 0.75)


@needs_speed
def test_a_sound_impression_is_what_it_was_without_faults():
    np.testing.assert_array_equal(impression(finger(), 1)[0], impression(finger(), 1, fault=SOUND)[0])


@needs_speed
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_lowers_the_quality_and_more_of_it_more(name):
    means = [np.mean([one.score for one in judged(FAULTS[name].weaker(much))]) for much in (0.0, 0.5, 1.0)]
    assert means[0] > means[1] > means[2]
    assert means[0] > means[2] + 5


@needs_speed
@pytest.mark.parametrize("name", FAULTS)
def test_a_poor_impression_is_told_its_fault(name):
    hints = [one.hint for one in judged(FAULTS[name]) if one.hint is not None]
    assert len(hints) >= len(OF) / 3  # a light touch often leaves enough
    assert sum(one in ADVICE[name] for one in hints) >= 0.75 * len(hints)


@needs_speed
def test_a_sound_impression_is_hardly_told_of_a_fault():
    told = [one.hint for one in judged(SOUND) if one.hint in set().union(*ADVICE.values())]
    assert len(told) <= len(OF) / 6


def judged(fault: Fault) -> list[Quality]:
    return [quality(impression(finger(*one), 1, fault=fault)[0]) for one in OF]
