"""Slaps: fingers found with names, boxes and turns; metamorphic; refusals; hostile pictures."""

from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray

from fwtools.synthesis.slap import Slap as Made
from matching import slap as module
from matching.errors import BadImage, WrongFingers
from matching.extract import extract
from matching.pattern import ridge_pattern
from matching.slap import IN_PICTURE, LEFT, RIGHT, UNDETERMINED, Slap, name_of, segment
from tests.fwtools.slaps import slap
from tests.fwtools.synthetic import needs_speed

HANDS = {13: RIGHT, 14: LEFT, 15: UNDETERMINED}


@lru_cache
def found(position: int, number: int = 1) -> tuple[Made, Slap]:
    made = slap(position, number)
    return made, segment(made.pixels, position)


@needs_speed
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("position", [13, 14, 15])
def test_what_was_shown_is_found(position: int, number: int) -> None:
    made, seen = found(position, number)
    assert tuple(finger.position for finger in seen.fingers) == IN_PICTURE[position]
    assert seen.hand == HANDS[position]
    assert seen.turn == pytest.approx(made.turn, abs=0.3)
    for finger, shown in zip(seen.fingers, made.fingers, strict=True):
        assert np.hypot(finger.x - shown.x, finger.y - shown.y) < 0.2 * shown.width
        assert finger.turn == pytest.approx(shown.turn, abs=0.3)
        assert finger.width == pytest.approx(shown.width, rel=0.3)
        # a second phalanx that lies close may be in the box in part
        assert 0.8 * shown.height < finger.height < 1.45 * shown.height


@needs_speed
def test_crops_are_upright_and_hold_minutiae() -> None:
    _, seen = found(13)
    for finger in seen.fingers:
        assert finger.pixels.dtype == np.uint8
        height, width = finger.pixels.shape
        assert (width, height) == pytest.approx((finger.width + 20, finger.height + 20), abs=1)
        assert len(extract(finger.pixels).minutiae) >= 12


@needs_speed
def test_without_a_position_the_hand_names_the_fingers() -> None:
    made, seen = found(14)
    alone = segment(made.pixels)
    assert [finger.position for finger in alone.fingers] == [10, 9, 8, 7]
    assert (alone.hand, alone.certainty) == (seen.hand, seen.certainty)
    thumbs = segment(slap(15).pixels)
    assert [finger.position for finger in thumbs.fingers] == [0, 0]


@needs_speed
def test_the_mirror_turns_left_into_right() -> None:
    made, seen = found(13)
    mirrored = segment(np.ascontiguousarray(made.pixels[:, ::-1]))
    assert (seen.hand, mirrored.hand) == (RIGHT, LEFT)
    assert [finger.position for finger in mirrored.fingers] == [10, 9, 8, 7]
    for finger, other in zip(seen.fingers, mirrored.fingers[::-1], strict=True):
        assert made.pixels.shape[1] - 1 - other.x == pytest.approx(finger.x, abs=16)
        assert other.y == pytest.approx(finger.y, abs=16)
        assert other.turn == pytest.approx(-finger.turn, abs=0.1)


@needs_speed
@pytest.mark.parametrize("shift", [(8, 16), (13, -21)])
def test_a_shift_shifts_the_boxes(shift: tuple[int, int]) -> None:
    pixels = np.pad(slap(13).pixels, 40, mode="edge")
    right, down = shift
    moved = np.roll(pixels, (down, right), (0, 1))
    for finger, other in zip(segment(pixels, 13).fingers, segment(moved, 13).fingers, strict=True):
        assert (other.x - right, other.y - down) == pytest.approx((finger.x, finger.y), abs=12)
        assert other.turn == pytest.approx(finger.turn, abs=0.1)


@needs_speed
@pytest.mark.parametrize("degrees", [-30, 15, 30])
def test_a_turned_picture_turns_the_fingers(degrees: int) -> None:
    pixels = slap(13, 3, most_turn=5.0).pixels
    turned = rotated(pixels, np.deg2rad(degrees))
    straight, seen = segment(pixels, 13), segment(turned, 13)
    assert seen.hand == straight.hand == RIGHT
    for finger, other in zip(straight.fingers, seen.fingers, strict=True):
        assert other.position == finger.position
        assert np.rad2deg(other.turn - finger.turn) == pytest.approx(degrees, abs=8)


def rotated(pixels: NDArray[np.uint8], turn: float) -> NDArray[np.uint8]:
    """A larger picture, turned counter-clockwise, nearest pixel."""
    height, width = pixels.shape
    side = int(np.hypot(height, width))
    y, x = np.mgrid[:side, :side] - side / 2
    column = np.rint(x * np.cos(turn) - y * np.sin(turn) + width / 2).astype(int)
    row = np.rint(x * np.sin(turn) + y * np.cos(turn) + height / 2).astype(int)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    return np.where(inside, pixels[row.clip(0, height - 1), column.clip(0, width - 1)], 238).astype(np.uint8)


@needs_speed
def test_another_resolution_gives_boxes_in_the_pictures_own_pixels() -> None:
    made, seen = found(15)
    larger = np.repeat(np.repeat(made.pixels, 2, axis=0), 2, axis=1)
    for finger, other in zip(seen.fingers, segment(larger, 15, ppi=1000.0).fingers, strict=True):
        assert (other.x / 2, other.y / 2) == pytest.approx((finger.x, finger.y), abs=16)
        assert other.pixels.shape == pytest.approx(finger.pixels.shape, abs=20)


@needs_speed
def test_missing_fingers_are_known_in_advance() -> None:
    made = slap(13, 4, frozenset({3}))
    seen = segment(made.pixels, 13, frozenset({3}))
    assert [finger.position for finger in seen.fingers] == [2, 4, 5]
    complaint = (
        r"3 fingers are seen and 4 are expected \(right index, right middle, right ring, right little\): "
        r"lay all of them down flat, or say which one is missing"
    )
    with pytest.raises(WrongFingers, match=complaint):
        segment(made.pixels, 13)


@needs_speed
@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize(("position", "index", "little"), [(13, 2, 5), (14, 7, 10)])
def test_a_finger_said_to_be_missing_that_is_another_is_told(
    position: int, index: int, little: int, number: int
) -> None:
    made = slap(position, number, frozenset({index}))
    assert len(segment(made.pixels, position, frozenset({index})).fingers) == 3
    side = "right" if position == 13 else "left"
    said = [f"{side} {kind}" for kind in ("index", "middle", "ring", "little")]
    seen, wanted = (", ".join(words if position == 13 else words[::-1]) for words in (said[1:], said[:3]))
    with pytest.raises(WrongFingers) as refused:
        segment(made.pixels, position, frozenset({little}))
    assert str(refused.value) == (
        f"the fingers look rather like {seen}, and {wanted} are expected: "
        "check which are missing and which hand it is, and lay them down flat and straight"
    )


@needs_speed
def test_more_fingers_than_expected_are_refused() -> None:
    made = slap(14)
    with pytest.raises(WrongFingers, match="4 fingers are seen and 3 are expected"):
        segment(made.pixels, 14, frozenset({7}))
    with pytest.raises(
        WrongFingers, match=r"4 fingers are seen and 2 are expected \(left thumb, right thumb\)"
    ):
        segment(made.pixels, 15)


def blobs(count: int) -> NDArray[np.uint8]:
    """So many discs of ridges in a row, dark on white."""
    page = np.full((500, 40 + 280 * max(count, 1)), 245, np.uint8)
    for number in range(count):
        page[120:360, 40 + 280 * number : 280 + 280 * number] = ridge_pattern()
    return page


@pytest.mark.parametrize(("count", "words"), [(0, "no finger is"), (1, "1 finger is"), (5, "5 fingers are")])
def test_another_number_than_four_is_refused(count: int, words: str) -> None:
    with pytest.raises(WrongFingers, match=f"^{words} seen and 4 are expected"):
        segment(blobs(count), 13)
    assert len(segment(blobs(count)).fingers) == count


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((800, 900), 255, np.uint8),
        np.zeros((800, 900), np.uint8),
        np.random.default_rng(1).integers(0, 256, (800, 900), dtype=np.uint8),
        np.random.default_rng(2).normal(200, 3, (800, 900)).astype(np.uint8),
        np.zeros((1, 1), np.uint8),
        np.full((1, 900), 128, np.uint8),
        np.tile(np.arange(256, dtype=np.uint8), (400, 3)),
        np.kron(np.indices((8, 8)).sum(axis=0) % 2, np.ones((100, 100))).astype(np.uint8) * 255,
    ],
    ids=["white", "black", "noise", "faint noise", "one pixel", "one row", "ramps", "chess"],
)
def test_what_shows_no_finger_is_refused(pixels: NDArray[np.uint8]) -> None:
    assert segment(pixels).fingers == ()
    with pytest.raises(WrongFingers, match=r"^no finger is seen"):
        segment(pixels, 14)


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((0, 10), np.uint8), np.zeros((20, 20, 3), np.uint8), np.zeros((20, 20), np.float32)],
    ids=["empty", "colour", "float"],
)
def test_what_is_no_grey_picture_is_refused(pixels: NDArray[np.uint8]) -> None:
    with pytest.raises(BadImage, match="8-bit grey levels"):
        segment(pixels, 13)


def test_a_huge_picture_is_refused_before_anything_is_computed() -> None:
    huge = np.broadcast_to(np.uint8(0), (100_000, 100_000))
    with pytest.raises(BadImage, match="100000 x 100000 pixels at 500 ppi is larger than any sensor"):
        segment(huge, 13)


def test_positions_that_are_no_slap_and_hands_without_fingers_are_refused() -> None:
    with pytest.raises(ValueError, match=r"position 2 is not 13 \(right four\)"):
        segment(blobs(1), 2)
    with pytest.raises(ValueError, match="every finger of position 15 is missing"):
        segment(blobs(1), 15, frozenset({1, 6}))


def test_fingers_have_names() -> None:
    assert [name_of(place) for place in (0, 1, 5, 6, 10)] == [
        "unknown finger", "right thumb", "right little", "left thumb", "left little",
    ]  # fmt: skip


def two_discs(gap: int, faint: float) -> NDArray[np.uint8]:
    """Two discs of ridges, so many px apart about x = 320; the right one's contrast is a share."""
    page, disc = np.full((400, 640), 235.0), ridge_pattern()[:, 10:230] - 255.0
    page[80:320, 320 - gap // 2 - 220 : 320 - gap // 2] += disc
    page[80:320, 320 + gap // 2 : 540 + gap // 2] += faint * disc
    noise = np.random.default_rng(5).normal(0, 6, page.shape)
    return np.clip(page + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("faint", [1.0, 0.5])
@pytest.mark.parametrize("gap", [16, 20])
def test_a_light_gap_is_found_that_the_skin_bridges_beside_faint_skin_too(gap: int, faint: float) -> None:
    spread, tensor = module.measure(two_discs(gap, faint))
    skin = module.find_skin(spread, tensor, module.SLAPS.skin)
    assert skin[22:28, 15:65].all()
    parted = module.without_gaps(skin, tensor, module.SLAPS.skin)
    assert not parted[22:28, 39:41].all(axis=1).any(), "the gap runs through"
    assert parted[22:28, 15:37].all()
    assert parted[22:28, 43:65].all()


def test_without_skin_there_are_no_gaps() -> None:
    nothing = np.zeros((20, 30), np.bool_)
    assert not module.without_gaps(nothing, np.ones((3, 20, 30), np.float32), module.SLAPS.skin).any()


def test_a_fingertip_is_cut_off_at_its_joint() -> None:
    rows, columns = np.mgrid[:60, :30]
    breadth = np.where(np.abs(rows - 34) < 3, 4, 13)
    inside = np.abs(columns - 15) < breadth
    y, x = (np.argwhere(inside) * 8 + 3.5).astype(np.float32).T
    whole = module.part_of(1, x, y, 0j)
    tip = module.above_joint(whole, 0.0, module.SLAPS.parts)
    assert tip.y.max() / 8 == pytest.approx(32, abs=3)
