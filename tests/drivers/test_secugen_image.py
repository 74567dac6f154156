"""The Hamster Pro 20's image: against a slow twin, by orientation, and on the recording of a real device."""

import math
import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drivers.secugen_image import FACTORY_BYTES, parse_calibration, render
from fwtools.virtual.optics import Device

FACTORY = Device.make(5).factory_data()


def plain_factory(offset: int = 0, reference: int = 240) -> bytes:
    """Factory data that change nothing, but for one offset everywhere and one even reference."""
    data = bytearray(FACTORY)
    struct.pack_into("<16h", data, 0x0E, *[offset] * 16)
    data[0x1DF8 : 0x1DF8 + 15_000] = bytes([reference]) * 15_000
    return bytes(data)


def slow_render(raw: NDArray[np.uint8], factory: bytes) -> NDArray[np.float64]:
    """One output pixel after the other, each from the raw pixels it covers; float, not rounded."""
    offsets = struct.unpack_from("<16h", factory, 0x0E)
    weight = factory[0x5894 : 0x5894 + 256]
    (target,) = struct.unpack_from("<H", factory, 0x5892)
    widths = [len(part) for part in np.array_split(range(956), 8)]
    borders = [sum(widths[:n]) for n in range(1, 9)]

    def level(y: int, x: int) -> float:
        value = int(raw[y, x])
        if y % 2 == 0:
            region = 8 * (y >= 344) + next(n for n, border in enumerate(borders) if x < border)
            return value + offsets[region] / 100 * weight[value] / 255
        return value

    def covered(start: float, end: float) -> list[tuple[int, float]]:
        return [(n, min(n + 1, end) - max(n, start)) for n in range(math.floor(start), math.ceil(end - 1e-9))]

    out = np.full((400, 300), np.nan)
    for y, x in [(0, 0), (399, 299), (0, 299), *((k * 37 % 400, k * 23 % 300) for k in range(60))]:
        rows = covered(y * 688 / 400, (y + 1) * 688 / 400)
        columns = covered(x * 956 / 300, (x + 1) * 956 / 300)
        light = sum(level(r, c) * a * b for r, a in rows for c, b in columns) / (688 / 400 * 956 / 300)
        light += (target - factory[0x1DF8 + y // 4 * 150 + x // 2]) * weight[min(int(light), 255)] / 255
        out[399 - y, 299 - x] = 255 - min(max(light, 0), 255)
    return out


@pytest.mark.parametrize("seed", [1, 2])
def test_equals_its_slow_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    raw = rng.integers(0, 256, (688, 956)).astype(np.uint8)
    fast = render(raw, parse_calibration(FACTORY)).astype(float)
    slow = slow_render(raw, FACTORY)
    seen = ~np.isnan(slow)
    # rounding, and where a light level sits on the border of two weights
    assert np.abs(fast - slow)[seen].max() <= 1.5
    assert np.abs(fast - slow)[seen].mean() < 0.3


@given(st.integers(0, 255))
@settings(max_examples=20)
def test_an_even_field_stays_even(grey: int) -> None:
    image = render(np.full((688, 956), grey, np.uint8), parse_calibration(plain_factory()))
    assert image.shape == (400, 300)
    assert image.dtype == np.uint8
    assert np.abs(image.astype(int) - (255 - grey)).max() <= 1


def test_the_flat_field_lifts_bright_pixels_only() -> None:
    calibration = parse_calibration(plain_factory(reference=140))
    assert render(np.full((688, 956), 10, np.uint8), calibration)[5, 5] == 245
    assert abs(int(render(np.full((688, 956), 140, np.uint8), calibration)[5, 5]) - (255 - 212)) <= 4
    assert render(np.full((688, 956), 200, np.uint8), calibration).max() == 0


def test_offsets_level_the_two_halves_of_the_rows() -> None:
    raw = np.full((688, 956), 200, np.uint8)
    raw[::2] = 190
    levelled = render(raw, parse_calibration(plain_factory(offset=1000)))
    left_alone = render(raw, parse_calibration(plain_factory()))
    assert levelled.std() < 0.5 < left_alone.std()


def test_it_is_turned_half_round() -> None:
    raw = np.full((688, 956), 20, np.uint8)
    raw[:43, :60] = 220  # the sensor's top left: the platen's bottom right
    image = render(raw, parse_calibration(plain_factory()))
    assert image[-1, -1] < 60
    assert image[0, 0] > 200
    assert image[-1, 0] > 200


@given(st.binary(max_size=40), st.integers(0, FACTORY_BYTES))
@settings(max_examples=50)
def test_any_factory_data_are_read_or_refused(noise: bytes, at: int) -> None:
    data = (FACTORY[:at] + noise + FACTORY[at + len(noise) :])[:FACTORY_BYTES]
    with suppress(ValueError):
        calibration = parse_calibration(data)
        assert np.isfinite(calibration.lift).all()
        render(np.full((688, 956), 128, np.uint8), calibration)


@pytest.mark.parametrize("length", [0, FACTORY_BYTES - 1, FACTORY_BYTES + 1])
def test_factory_data_of_another_length_are_refused(length: int) -> None:
    with pytest.raises(ValueError, match=f"{length} bytes"):
        parse_calibration(bytes(length))
