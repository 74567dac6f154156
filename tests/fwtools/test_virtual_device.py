"""The made-up device: its optics, its platen, its requests; the driver's eye is in tests/drivers."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from drivers.secugen_image import parse_calibration, render
from fwtools.virtual.hamster import HamsterPro20
from fwtools.virtual.optics import Device, Optics
from fwtools.virtual.platen import Pace, Platen, Presenter
from fwtools.virtual.requests import Stall
from fwtools.virtual.uru4500 import Uru4500
from tests.drivers.bench import optics, ridges

FRAME = 956 * 688 + 192


def pixels(frame: bytes) -> NDArray[np.uint8]:
    assert len(frame) == FRAME
    return np.frombuffer(frame, np.uint8, 956 * 688).reshape(688, 956)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for n in range(2):
        Image.fromarray(ridges(n)).save(tmp_path / f"{n}.png")
    return tmp_path


def test_the_same_seed_gives_the_same_device_and_noise() -> None:
    a, b, c = Optics(Device.make(7), 7), Optics(Device.make(7), 7), Optics(Device.make(7), 8)
    frames = [o.shoot(o.empty) for o in (a, b, c)]
    assert frames[0] == frames[1] != frames[2]
    assert a.shoot(a.empty) != frames[0], "the noise of two frames differs"
    assert Device.make(7).factory_data() == Device.make(7).factory_data() != Device.make(8).factory_data()


def test_the_light_on_an_empty_platen_is_weak_and_uneven() -> None:
    dark, empty = pixels(optics().shoot(optics().dark)), pixels(optics().shoot(optics().empty))
    assert abs(dark.mean() - 18) < 0.1
    assert 0.7 < dark.std() < 1.3
    assert 2 < empty.mean() - dark.mean() < 5
    assert empty[300:390, 400:550].mean() - empty[:60, :60].mean() > 0.5


@pytest.mark.parametrize("grey", [30, 90, 150, 210, 255])
def test_a_drivers_correction_makes_an_even_grey_even_again(grey: int) -> None:
    raw = pixels(optics().shoot(optics().finger(np.full((400, 300), grey, np.uint8))[1]))
    assert raw.std() > 1.2, "the sensor's own picture is uneven"
    image = render(raw, parse_calibration(Device.make(1).factory_data()))
    assert image.std() < 0.9
    assert abs(image.mean() - (19 + grey * 216 / 255)) < 4


def test_a_landing_finger_is_lighter_and_smaller() -> None:
    landing, lying = optics().finger(ridges())
    light = [picture.astype(int) - optics().empty for picture in (landing, lying)]
    assert 0 < light[0].sum() < 0.6 * light[1].sum()
    assert (light[0] > 20).sum() < (light[1] > 20).sum()
    assert (light[0] <= np.maximum(light[1], 0)).all()


def test_presentations_follow_the_pictures_taken_in_the_light(folder: Path) -> None:
    platen = Platen(optics())
    presenter = Presenter(platen, sorted(folder.iterdir()), Pace(2, 3), loop=False)
    seen = []
    for _ in range(14):
        presenter.shoot(False)
        presenter.shoot(True)
        seen.append(platen.image)
    assert seen == [None, None, *["0.png"] * 3, None, None, *["1.png"] * 3, None, None, None, None]


def test_presentations_in_a_loop(folder: Path) -> None:
    platen = Platen(optics())
    presenter = Presenter(platen, sorted(folder.iterdir()), Pace(1, 1), loop=True)
    seen = [platen.image for _ in islice(iter(lambda: presenter.shoot(True), None), 8)]
    assert seen == [None, "0.png", None, "1.png", None, "0.png", None, "1.png"]


def test_the_first_picture_of_each_finger_is_of_its_landing(folder: Path) -> None:
    platen = Platen(optics())
    for name in ("0.png", "1.png"):
        platen.put(folder / name, name)
        sums = [int(pixels(platen.shoot(True)).sum()) for _ in range(3)]
        assert platen.pictures_since_put == 3
        assert sums[0] < 0.9 * sums[1]
        assert abs(sums[1] - sums[2]) < 0.01 * sums[1]


def device(shots: list[bool]) -> HamsterPro20:
    def shoot(led: bool) -> bytes:
        shots.append(led)
        return bytes([len(shots)]) * FRAME

    return HamsterPro20("SERIAL", bytes(range(250)) * 90 + bytes(442), shoot)


def request(kind: int, number: int, value: int = 0, index: int = 0, length: int = 0) -> bytes:
    words = b"".join(word.to_bytes(2, "little") for word in (value, index, length))
    return bytes([kind, number]) + words


def test_the_stream_runs_from_on_to_off_and_only_after_a_start() -> None:
    shots: list[bool] = []
    hamster = device(shots)
    hamster.control(request(0x40, 1), b"")
    assert hamster.read(10) is None, "no start, no stream"
    hamster.control(request(0x40, 17, value=1), b"")
    hamster.control(request(0x40, 5, value=1), b"")
    hamster.control(request(0x40, 1), b"")
    got = [hamster.read(65_536) for _ in range(12)]
    assert [len(piece or b"") for piece in got] == [*[65_536] * 10, 2_560, 65_536]
    assert shots == [True, True]
    assert got[10] == b"\1" * 2_560
    hamster.control(request(0x40, 2), b"")
    assert hamster.read(10) is None
    hamster.control(request(0x40, 1), b"")
    assert hamster.read(10) is None, "a new frame needs a new start"


def test_registers_and_factory_data_are_kept() -> None:
    hamster = device([])
    hamster.control(request(0x40, 34, 0x37, 0x41, 1), b"\x5a")
    assert hamster.control(request(0xC0, 34, 0x37, 0x41, 1), b"") == b"\x5a"
    read = b"".join(
        hamster.control(request(0xC0, 8, 0, address, 4096 if address < 0x7000 else 2462), b"")
        for address in range(0x2000, 0x8000, 0x1000)
    )
    assert read == bytes(range(250)) * 90 + bytes(442)
    assert hamster.control(request(0xC0, 37, 0, 0, 30), b"").decode("utf-16-le") == "SERIAL         "
    assert hamster.control(request(0xC0, 22, 0, 0, 4), b"") == bytes(4)
    hamster.reset()
    assert hamster.control(request(0xC0, 34, 0x37, 0x41, 1), b"") == b"\0"


@given(st.binary(min_size=8, max_size=8), st.binary(max_size=8))
def test_any_request_is_answered_within_its_length_or_refused(setup: bytes, data: bytes) -> None:
    hamster = device([])
    try:
        answer = hamster.control(setup, data)
    except Stall:
        return
    assert len(answer) <= int.from_bytes(setup[6:8], "little")
    assert not answer or setup[0] & 0x80


def test_a_u_are_u_does_nothing_without_power_and_refuses_what_it_does_not_know() -> None:
    device = Uru4500(lambda led: b"\xff" * (384 * 290))

    def write(register: int, *data: int) -> None:
        device.control(bytes([0x40, 4, register, 0, 0, 0, len(data), 0]), bytes(data))

    def status() -> bytes:
        return device.control(bytes([0xC0, 4, 7, 0, 0, 0, 1, 0]), b"")

    for mode in (0x10, 0x20):
        write(0x4E, mode)
        device.tick()
        assert (device.led, device.message(), device.read(1 << 20)) == (False, None, None)
    write(0x07, 0x81)
    assert status() == b"\x81"
    write(0x07, 0x01)
    assert [(device.message() or b"")[:2] for _ in range(4)] == [b"\x56\xaa"] * 3 + [b""]
    write(0x4E, 0x10)
    for _ in range(3):
        device.tick()
    assert [(device.message() or b"")[:2] for _ in range(2)] == [b"\1\1", b""], "told once"
    write(0x4E, 0x20)
    assert len(device.read(1 << 20) or b"") == 111_040
    device.control(bytes([0x23, 3, 4, 0, 1, 0, 0, 0]), b"")
    assert (device.led, device.message()) == (False, None), "the port was reset"
    for setup in ((0xC0, 4, 9, 0, 0, 0, 1, 0), (0x40, 4, 9, 0, 0, 0, 1, 0), (0xC0, 5, 7, 0, 0, 0, 1, 0)):
        with pytest.raises(Stall):
            device.control(bytes(setup), b"\0")
    with pytest.raises(Stall):
        device.write(b"")
