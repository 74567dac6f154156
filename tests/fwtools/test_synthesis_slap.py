"""Synthetic slaps: anatomy, ground truth that agrees with the picture, files, refusals."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fwtools.cli import main
from fwtools.synthesis.hand import draw_hand
from fwtools.synthesis.people import draw_person, stream
from fwtools.synthesis.slap import SIZE, synthesise_slap
from tests.fwtools.slaps import slap
from tests.fwtools.synthetic import finger, needs_speed


@pytest.mark.parametrize(("position", "order"), [(13, [2, 3, 4, 5]), (14, [10, 9, 8, 7]), (15, [6, 1])])
def test_hands_are_as_anatomy_has_them(position: int, order: list[int]) -> None:
    hands = [
        draw_hand(stream(1, number), draw_person(1, number), position, frozenset(), 0.0, 1.0)
        for number in range(60)
    ]
    for hand in hands:
        assert [digit.position for digit in hand.digits] == order
        assert np.all(np.diff([digit.place[0] for digit in hand.digits]) > 0)
    tips = {
        place: np.mean(
            [d.place[1] - d.contact.axes[1] for h in hands for d in h.digits if d.position == place]
        )
        for place in order
    }
    if position < 15:
        little, middle = order[3 if position == 13 else 0], order[2 if position == 14 else 1]
        assert min(tips, key=tips.__getitem__) == middle, "the middle finger is the longest"
        assert max(tips, key=tips.__getitem__) == little, "the little finger is the lowest"
    assert {hand.touching for hand in hands} == {True, False}


def test_missing_fingers_are_left_out() -> None:
    hand = draw_hand(stream(1), draw_person(1, 1), 13, frozenset({3, 7}), 0.0, 1.0)
    assert [digit.position for digit in hand.digits] == [2, 4, 5]


@needs_speed
@pytest.mark.parametrize("position", [13, 14, 15])
def test_the_ground_truth_is_where_the_skin_is(position: int) -> None:
    made = slap(position)
    assert made.pixels.shape == SIZE[::-1]
    assert made.pixels.dtype == np.uint8
    assert abs(made.turn) <= np.pi / 4
    dark = made.pixels < 120
    for shown in made.fingers:
        x, y = np.meshgrid(np.arange(SIZE[0]) - shown.x, np.arange(SIZE[1]) - shown.y)
        across = np.abs(x * np.cos(shown.turn) - y * np.sin(shown.turn)) * 2 / shown.width
        along = np.abs(x * np.sin(shown.turn) + y * np.cos(shown.turn)) * 2 / shown.height
        assert dark[(across < 0.6) & (along < 0.6)].mean() > 0.15
        assert 150 < shown.width < 400
        assert 180 < shown.height < 500


@needs_speed
def test_the_same_path_gives_the_same_bytes_and_another_one_others() -> None:
    def masters(place: int) -> object:
        return finger(1, place)

    again = synthesise_slap(masters, draw_person(1, 1), 15, (1, 1))
    assert again.fingers == slap(15).fingers
    np.testing.assert_array_equal(again.pixels, slap(15).pixels)
    assert (slap(15, 2).pixels != again.pixels).any()


def test_what_does_not_fit_or_is_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="do not fit into 400 x 400 pixels"):
        synthesise_slap(finger, draw_person(1, 1), 13, (1, 1), size=(400, 400))
    with pytest.raises(ValueError, match="no finger is left to show"):
        synthesise_slap(finger, draw_person(1, 1), 15, (1, 1), frozenset({1, 6}))


@needs_speed
def test_the_command_writes_pictures_with_ground_truth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "slaps"
    usual = ["synthesise", "--slaps", "--subjects", "1", "--impressions", "1", "--seed", "1"]
    assert main([*usual, "--missing", "3,6,7,8,9,10", "--turn", "10", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "0001_13_1.json", "0001_13_1.png", "0001_15_1.json", "0001_15_1.png",
    ]  # fmt: skip
    truth = json.loads((out / "0001_13_1.json").read_text())
    assert (truth["position"], truth["hand"], truth["missing"]) == (13, "right", [3])
    assert [shown["position"] for shown in truth["fingers"]] == [2, 4, 5]
    assert abs(truth["turn"]) <= 10
    with Image.open(out / "0001_13_1.png") as image:
        assert image.size == (truth["width"], truth["height"]) == SIZE
        assert image.info["dpi"] == pytest.approx((500, 500), abs=0.01)
    assert "2 slaps of 1600x1500 pixels with ground truth" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (["--missing", "3"], "--missing is for slaps and rolls: give --slaps or --rolled, too"),
        (["--slaps", "--clean"], "--clean is for single fingers: leave it out with --slaps and --rolled"),
        (["--slaps", "--turn", "61"], "--turn is 61: give degrees from 0 to 60"),
        (["--slaps", "--missing", "1,2,3,4,5,6,7,8,9,10"], "--missing names all ten fingers: leave one"),
        (["--slaps", "--size", "400x400"], "0001_13_1.png: the fingers do not fit into 400 x 400 pixels"),
    ],
)
def test_what_cannot_be_made_is_one_sentence(
    tmp_path: Path, changed: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = ["synthesise", "--subjects", "1", "--impressions", "1", "--seed", "1"]
    assert main([*usual, *changed, str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert f"vantay-fw: {sentence}" in err
    assert sum(line.startswith("vantay-fw:") for line in err.splitlines()) == 1
