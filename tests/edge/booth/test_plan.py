"""Plans as data: every one that comes with the release can be read and asks for what a booth can do."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.booth.entries import (
    ATTENDANT_FINGER,
    MISSING_FINGERS,
    NO_PORTRAIT,
    OVERRIDES,
    SIGNABLE,
    UNDETERMINED,
)
from edge.booth.plan import EnrolmentPlan, enrolling_plans, plan_named, plan_names
from edge.errors import BadSettings
from edge.messages import POSITION_NAMES
from edge.settings import BoothSettings, read_settings
from matching.quality_scale import vantay_quality_of
from tests.edge.parts import steady

FINGERS = {"thumb": (1, 6), "index": (2, 7), "middle": (3, 8), "ring": (4, 9), "little": (5, 10)}


@pytest.mark.parametrize("name", enrolling_plans())
def test_every_plan_can_be_read_and_notices_a_mix_up_before_sealing(name: str) -> None:
    plan = plan_named(name)
    assert (plan.confirm, plan.review, plan.portrait, plan.attempts) == (True, True, True, 3)
    assert set(plan.positions) <= set(POSITION_NAMES)
    assert plan.quality.rolled or not any(c.impression == "rolled" for c in plan.captures)
    assert plan.title
    assert plan.basis


def test_what_the_two_plans_ask_for() -> None:
    assert plan_named("ten-flats").positions == tuple(range(1, 11))
    assert plan_named("two-index").positions == (2, 7)


def test_the_plan_that_verifies_asks_for_one_finger_and_enrols_nobody(tmp_path: Path) -> None:
    plan = plan_named("verify")
    assert (plan.purpose, plan.attempts, plan.positions[:2]) == ("verify", 3, (2, 7))
    assert set(plan.positions) == set(POSITION_NAMES), "whatever finger the record has"
    assert (plan.confirm, plan.review, plan.portrait) == (False, False, False)
    assert set(plan_names()) - set(enrolling_plans()) == {"verify"}
    file = tmp_path / "booth.toml"
    file.write_text('booth = "b-1"\ndata = "d"\nkeys = "k"\n[plan]\nname = "verify"\n')
    with pytest.raises(BadSettings, match="must be one of circular-60-2021"):
        read_settings(file, BoothSettings)


@steady(30)
@given(st.fixed_dictionaries(dict.fromkeys(FINGERS, st.integers(0, 100))))
def test_each_finger_has_its_own_threshold(quality: dict[str, int]) -> None:
    plain = {"plain": {"scale": "Vantay", **quality}}
    read = EnrolmentPlan.model_validate(plan_named("ten-flats").model_dump() | {"quality": plain})
    for finger, positions in FINGERS.items():
        assert [read.quality.plain.of(position) for position in positions] == [quality[finger]] * 2


def test_thresholds_are_those_of_bsi_on_its_scale() -> None:
    """BSI TR-03121-3 volume 4, table 4.7: NFIQ 2 of 30, 30, 20, 10, 10."""
    quality = plan_named("ten-flats").quality.plain
    published = {1: 30, 2: 30, 3: 20, 4: 10, 5: 10, 6: 30, 7: 30, 8: 20, 9: 10, 10: 10}
    assert {p: quality.of(p) for p in published} == {p: vantay_quality_of(n) for p, n in published.items()}
    assert quality.of(2) > quality.of(3) > quality.of(4) > 0


def test_whoever_is_verified_is_asked_for_less_quality_by_finger() -> None:
    """BSI TR-03121-3 volume 4, table 4.8: NFIQ 2 of 20, 20, 20, 10, 10 for control and identification."""
    quality = plan_named("verify").quality.plain
    published = {1: 20, 2: 20, 3: 20, 4: 10, 5: 10, 6: 20, 7: 20, 8: 20, 9: 10, 10: 10}
    assert {p: quality.of(p) for p in published} == {p: vantay_quality_of(n) for p, n in published.items()}


@pytest.mark.parametrize("name", enrolling_plans())
def test_every_plan_names_what_a_supervisor_signs(name: str) -> None:
    whole = plan_named(name).model_dump()
    signed = {*OVERRIDES, MISSING_FINGERS, NO_PORTRAIT, UNDETERMINED}
    assert set(whole.pop("supervisor")) == signed == set(SIGNABLE)
    assert EnrolmentPlan.model_validate(whole).supervisor == SIGNABLE, "where a plan says nothing"


@pytest.mark.parametrize(
    ("signed", "sentence"),
    [
        ([ATTENDANT_FINGER, "no-hat"], "a supervisor signs none of no-hat"),
        ([MISSING_FINGERS], "'attendant-finger' is missing: nobody says alone that it is their own finger"),
        ("attendant-finger", "valid tuple"),
    ],
)
def test_a_plan_that_has_signed_what_cannot_be_meant_is_refused(signed: object, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        EnrolmentPlan.model_validate(plan_named("ten-flats").model_dump() | {"supervisor": signed})


def test_the_legal_plan_is_slaps_and_then_ten_rolled_fingers() -> None:
    """Circular 60/2021/TT-BCA, article 5(3); thresholds of BSI TR-03121-3 volume 4, table 4.9."""
    plan = plan_named("circular-60-2021")
    assert (plan.slaps, plan.rolled) == ((13, 14, 15), tuple(range(1, 11)))
    assert plan.quality.rolled
    published = {1: 20, 2: 15, 3: 15, 4: 10, 5: 5}
    assert {p: plan.quality.rolled.of(p) for p in published} == {
        p: vantay_quality_of(n) for p, n in published.items()
    }


def captures(impression: str, *positions: int) -> dict[str, object]:
    return {"captures": [{"impression": impression, "positions": positions}]}


def quality(**values: object) -> dict[str, object]:
    return {"quality": {"plain": {"scale": "Vantay", **dict.fromkeys(FINGERS, 30), **values}}}


@pytest.mark.parametrize(
    "change",
    [
        captures("plain", 1, 1),
        captures("plain"),
        captures("plain", 11),
        captures("latent", 1),
        captures("rolled", 1),
        {"captures": [{"impression": kind, "positions": (1,)} for kind in ("rolled", "plain")]},
        {"captures": [{"impression": kind, "positions": (1,)} for kind in ("plain", "rolled")]},
        {"captures": []},
        {"attempts": 0},
        {"colour": "red"},
        {"quality": {"plain": {"thumb": 30}}},
        quality(thumb=101),
        quality(scale="NFIQ 1"),
    ],
)
def test_a_plan_that_cannot_be_meant_is_refused(change: dict[str, object]) -> None:
    whole = plan_named("ten-flats").model_dump()
    with pytest.raises(ValidationError):
        EnrolmentPlan.model_validate(whole | change)


@pytest.mark.parametrize(
    ("name", "impressions", "fingers", "lacking"),
    [
        ("ten-flats", ("plain",), 1, None),
        ("two-index", ("plain", "rolled"), 4, None),
        ("four-four-two", ("plain",), 1, "4 fingers at once are asked for, and the scanner takes 1"),
        ("four-four-two", ("plain",), 2, "4 fingers at once are asked for, and the scanner takes 2"),
        ("circular-60-2021", ("plain",), 4, "rolled impressions are asked for, and the scanner takes none"),
        ("circular-60-2021", ("plain", "rolled"), 4, None),
    ],
)
def test_what_a_scanner_lacks_for_a_plan(
    name: str, impressions: tuple[str, ...], fingers: int, lacking: str | None
) -> None:
    assert plan_named(name).lacking(impressions, fingers) == lacking
