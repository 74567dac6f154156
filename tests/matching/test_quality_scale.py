"""The mapping between NFIQ 2 and Vantay quality."""

import json

import numpy as np
import pytest

from matching.quality_scale import FILE, points, vantay_quality_of


def test_both_scales_rise_strictly_from_end_to_end():
    for scale in points():
        assert (scale[0], scale[-1]) == (0, 100)
        assert (np.diff(scale) > 0).all()


def test_a_higher_threshold_stays_a_higher_or_equal_one():
    values = [vantay_quality_of(value) for value in range(101)]
    assert values == sorted(values)
    assert (values[0], values[-1]) == (0, 100)


@pytest.mark.parametrize("point", range(1, 20))
def test_a_stored_quantile_maps_onto_its_partner(point):
    stored = json.loads(FILE.read_text("utf-8"))["points"][point]
    before, after = (vantay_quality_of(int(stored[1])), vantay_quality_of(int(stored[1]) + 1))
    assert before - 1 <= stored[2] <= after + 1


@pytest.mark.parametrize("value", [-1, 101, 255])
def test_what_is_no_quality_is_refused(value):
    with pytest.raises(ValueError, match=f"a quality of {value} is not 0..100"):
        vantay_quality_of(value)


def test_the_provenance_is_stored():
    stored = json.loads(FILE.read_text("utf-8"))
    assert sum(one["images"] for one in stored["data"].values()) >= 800
    assert {"vantay", "nbis-py"} <= set(stored["versions"])
    assert stored["date"]
