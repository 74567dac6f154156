"""What is said of a finger that lies badly: on synthetic fingers, step by step, and on anything at all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drivers.api import Captured, Event, FingerOff, FingerOn, Frame, Opened, PlatenOccupied, Preview, Rolled
from drivers.presentation import Advice, Limits, Presentation, lies_badly, measure
from edge.booth.view import LIES
from edge.messages import PresentationFault
from fwtools.synthesis.faults import FAULTS, Fault
from fwtools.synthesis.impressions import impression
from tests.drivers.bench import ridges
from tests.fwtools.synthetic import finger, needs_speed

LIGHT_OR_DRY, HEAVY_OR_WET = {Advice.TOO_LIGHT, Advice.DRY}, {Advice.TOO_HEAVY, Advice.WET}
EMPTY = np.full((400, 300), 240, np.uint8)


def frame(pixels: NDArray[np.uint8]) -> Frame:
    return Frame(pixels, 500.0, 500.0)


def say(
    presentation: Presentation, *events: Event | None, every: float = 0.1, start: float = 0.0
) -> list[str]:
    """What is said after each event, as words."""
    return [str(presentation.take(event, start + n * every) or "") for n, event in enumerate(events)]


def stripes(share: float, top: int = 60, bottom: int = 340) -> NDArray[np.uint8]:
    """An upright patch of straight ridges, nine pixels a period, this share of them dark."""
    y, x = np.mgrid[0:400, 0:300]
    wave = ((y * 0.8 + x * 0.6) / 9) % 1
    inside = (x > 60) & (x < 240) & (y > top) & (y < bottom)
    return np.where(inside, np.where(wave < share, 40, 220), 240).astype(np.uint8)


@needs_speed
@pytest.mark.parametrize(
    ("fault", "allowed"),
    [
        (FAULTS["dry"], {Advice.DRY}),
        (FAULTS["light"], LIGHT_OR_DRY),
        (FAULTS["wet"], HEAVY_OR_WET),
        (Fault(force=2.0), HEAVY_OR_WET),
        (Fault(shift=(120.0, 80.0)), {Advice.OFF_CENTRE}),
    ],
)
def test_a_synthetic_finger_with_a_fault_is_told_so(fault: Fault, allowed: set[Advice]) -> None:
    """The figures on people that nothing was tuned on are benchmarks/presentations.py's."""
    told = [lies_badly(frame(impression(finger(1, p), 1, fault=fault)[0])) for p in (1, 2, 7, 8)]
    assert sum(one in allowed for one in told) >= 3, told


def test_the_share_of_dark_pixels_is_that_of_the_ridges() -> None:
    for share in (0.25, 0.45, 0.65):
        found = measure(frame(stripes(share)))
        assert found.dark == pytest.approx(share, abs=0.1)
        assert found.area == pytest.approx(180 * 280 * (25.4 / 500) ** 2, rel=0.2), "in blocks"
        assert found.coherence > 0.8
    assert lies_badly(frame(stripes(0.45))) is None
    assert lies_badly(frame(stripes(0.25))) is Advice.TOO_LIGHT
    assert lies_badly(frame(stripes(0.75))) in HEAVY_OR_WET
    assert lies_badly(frame(EMPTY)) is None


def test_measures_equal_a_slow_twin() -> None:
    """Pixel by pixel, in plain Python."""
    pixels = ridges(3)[120:184, 60:140]
    found, p = measure(frame(pixels)), Limits()
    half = [
        [sum(int(pixels[2 * y + j, 2 * x + i]) for j in (0, 1) for i in (0, 1)) // 4 for x in range(40)]
        for y in range(32)
    ]
    ground = int(np.percentile([row[::3] for row in half[::3]], 95))
    shares, contrasts = [], []
    for top in range(0, 32, 8):
        for left in range(0, 40, 8):
            block = sorted(half[y][x] for y in range(top, top + 8) for x in range(left, left + 8))
            middle = sum(block) / 64
            spread = (sum(v * v for v in block) / 64 - middle**2) ** 0.5
            if spread > p.spread or middle < ground - p.dark:
                low, high = block[6], block[57]
                assert high - low >= p.flat, "the twin knows ridges only"
                shares.append(sum(v < (low + high) // 2 for v in block) / 64)
                contrasts.append(high - low)
    assert found.dark == pytest.approx(sum(shares) / len(shares))
    assert found.smeared == pytest.approx(sum(s > 0.85 for s in shares) / len(shares))
    assert found.contrast == pytest.approx(float(np.median(contrasts)))
    assert found.area == pytest.approx(len(shares) * (16 * 25.4 / 500) ** 2)


def test_nothing_is_said_of_a_finger_that_comes_down_and_two_frames_must_agree() -> None:
    light = Preview(frame(stripes(0.25)))
    coming = [Preview(frame(stripes(0.25, top, 340))) for top in (280, 220, 160)]
    assert say(Presentation(), FingerOn(), *coming, light, light, light) == [
        "",
        "",
        "",
        "",
        "",
        "",
        "too-light",
    ]


def test_a_light_finger_that_does_not_help_itself_is_called_dry() -> None:
    light = Preview(frame(stripes(0.25)))
    said = say(Presentation(), FingerOn(), *[light] * 30)
    assert said[3] == "too-light"
    assert said[-1] == "dry"
    assert said.index("dry") - said.index("too-light") == 20, "two seconds"
    heavy = Preview(frame(stripes(0.75)))
    assert say(Presentation(), FingerOn(), *[heavy] * 30)[-1] == "wet"


def test_a_finger_that_moves_is_told_to_hold_still() -> None:
    shown = [Preview(frame(np.roll(stripes(0.45), 3 * (n % 2), axis=0))) for n in range(6)]
    assert say(Presentation(), FingerOn(), *shown)[-1] == "moved"
    assert say(Presentation(), FingerOn(), *[shown[0]] * 6)[-1] == ""


def test_what_lies_there_before_it_was_asked_for_is_a_finger_or_a_print_of_one() -> None:
    sound = stripes(0.45)
    print_of_it = (240 - (240 - sound.astype(int)) // 6).astype(np.uint8)
    nearly_gone = (240 - (240 - sound.astype(int)) // 20).astype(np.uint8)
    for pixels, word in ((sound, "not-lifted"), (print_of_it, "ghost"), (nearly_gone, "ghost")):
        presentation = Presentation()
        assert say(presentation, PlatenOccupied(), Preview(frame(pixels)), FingerOff()) == ["", word, ""]


def test_a_finger_that_stays_after_its_picture_is_not_lifted() -> None:
    sound = frame(stripes(0.45))
    said = say(Presentation(), FingerOn(), Captured(sound), *[Preview(sound)] * 40, FingerOff())
    assert said.index("not-lifted") == 31, "three seconds after the picture"
    assert said[-2:] == ["not-lifted", ""]


def test_after_a_roll_the_platen_should_be_empty_as_after_a_picture() -> None:
    sound, left = frame(stripes(0.45)), frame((240 - (240 - stripes(0.45).astype(int)) // 8).astype(np.uint8))
    for stays, word in ((sound, "not-lifted"), (left, "ghost")):
        presentation = Presentation()
        presentation.take(FingerOn(), 0.0)
        presentation.take(Rolled((sound,)), 1.0)
        assert presentation.take(Preview(stays), 1.1) is None
        assert presentation.take(Preview(stays), 4.5) == word


def test_a_faint_finger_that_stays_is_a_finger_and_what_it_leaves_is_not() -> None:
    faint = (240 - (240 - stripes(0.45).astype(int)) // 4).astype(np.uint8)
    left = (240 - (240 - stripes(0.45).astype(int)) // 8).astype(np.uint8)
    black = np.where(stripes(0.45) < 240, 20, 240).astype(np.uint8)
    assert lies_badly(frame(faint)) in LIGHT_OR_DRY
    for captured, stays, word in (
        (faint, faint, "not-lifted"),
        (faint, left, "ghost"),
        (black, black, "not-lifted"),
    ):
        presentation = Presentation()
        presentation.take(Captured(frame(captured)), 0.0)
        assert presentation.take(Preview(frame(stays)), 5.0) == word


def test_a_frame_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="a frame of 300 x 31 pixels is too small: 32 x 32 at least"):
        measure(frame(EMPTY[:31]))


def test_the_wire_has_a_word_and_a_sentence_for_everything_that_is_said() -> None:
    assert [one.value for one in Advice] == [one.value for one in PresentationFault]
    assert LIES.keys() == set(PresentationFault)


SHAPES = st.tuples(st.integers(32, 90), st.integers(32, 90))


@st.composite
def anything(draw: st.DrawFn) -> Event | None:
    kind = draw(st.sampled_from(["on", "off", "opened", "occupied", "captured", "preview", "nothing"]))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    low, high = sorted((draw(st.integers(0, 255)), draw(st.integers(0, 255))))
    pixels = rng.integers(low, high + 1, draw(SHAPES)).astype(np.uint8)
    made: dict[str, Event | None] = {
        "on": FingerOn(),
        "off": FingerOff(),
        "opened": Opened("", ""),
        "occupied": PlatenOccupied(),
        "captured": Captured(frame(pixels)),
        "preview": Preview(frame(pixels)),
        "nothing": None,
    }
    return made[kind]


@settings(max_examples=60, deadline=None)
@given(st.lists(anything(), max_size=12))
def test_any_frames_in_any_order_are_taken(events: list[Event | None]) -> None:
    presentation = Presentation()
    for n, event in enumerate(events):
        said = presentation.take(event, n / 10)
        assert said is None or said in Advice
        if isinstance(event, FingerOn | FingerOff | Opened):
            assert said is None, "another finger: nothing of the last one is left"
