"""Pictures of the Hamster Pro 20 in a recording: also those of the dark and of the empty platen. Pure."""

from collections.abc import Sequence

import numpy as np

from drivers.presence import change_between, light_over
from drivers.secugen_hamster_pro_20 import (
    EMPTY,
    FACTORY,
    FINGER_OFF,
    FINGER_ON,
    FRAME_BYTES,
    LED,
    MOVING,
    STREAM_ON,
    TRAILER,
)
from drivers.secugen_image import RAW_HEIGHT, RAW_WIDTH, parse_calibration, render
from fwtools.recording.pcapng import BadRecording
from fwtools.recording.shots import Piece, Pixels, Shot, alternated, shot_of
from fwtools.recording.tape import Transfer
from fwtools.virtual.optics import Device, Optics

_BULK = 0x82
_ELSEWHERE = RAW_HEIGHT // 4  # rows by which a finger that moved is shifted
_RAW_BYTES = RAW_WIDTH * RAW_HEIGHT
NOISE_SEED = 1162  # no virtual scanner's: the same noise would look like a remnant


class HamsterPictures:
    """The pictures of one recording."""

    def __init__(self, transfers: Sequence[Transfer]) -> None:
        self._factory = b"".join(one.data for one in transfers if one.setup[:2] == bytes([0xC0, FACTORY]))
        try:
            self._calibration = parse_calibration(self._factory)
        except ValueError as error:
            raise BadRecording(str(error)) from error
        self.shots: list[Shot] = []
        self._lit: list[bool] = []
        pieces: list[Piece] = []
        lit = False
        for index, one in enumerate(transfers):
            if one.endpoint == _BULK:
                pieces.append(Piece(index, 0, len(one.data)))
            elif one.setup[:2] == bytes([0x40, STREAM_ON]):
                self._add(transfers, pieces)
                self._lit.append(lit)
            elif one.setup[:2] == bytes([0x40, LED]):
                lit = one.setup[2] == 1
        self._add(transfers, pieces)
        self._lights = self._measured()

    def _add(self, transfers: Sequence[Transfer], pieces: list[Piece]) -> None:
        if len(self._lit) > len(self.shots):
            self.shots.append(shot_of(transfers, pieces))
        pieces.clear()

    def image(self, shot: Shot) -> Pixels:
        """Return the upright image that the driver makes of a picture."""
        return render(_raw(shot), self._calibration)

    def clear(self, shot: Shot) -> bytes:
        """Return its pixels, without what follows them."""
        return shot.payload[:_RAW_BYTES]

    def others(self, captured: int, finger: Pixels) -> list[bytes]:
        """Return other payloads for all shots, which the driver takes the same way."""
        optics = Optics(Device.read(self._factory), NOISE_SEED)
        _, lying = optics.finger(finger)
        choices = {True: lying.tobytes(), False: np.roll(lying, _ELSEWHERE, 0).tobytes()}
        fingers = alternated(len(self.shots), captured, self._moved, choices)
        others = []
        for shot, lit, light, chosen in zip(self.shots, self._lit, self._lights, fingers, strict=True):
            if light >= FINGER_ON:
                picture = np.frombuffer(chosen, np.uint8).reshape(lying.shape)
            elif light >= FINGER_OFF:
                picture = _weaker(lying, optics.empty, light)
            else:
                picture = optics.empty if lit else optics.dark
            others.append(_ended_as(shot, optics.shoot(picture)))
        return others

    def _measured(self) -> list[float]:
        """Each lit picture's light over the background, as the driver measures it."""
        lights: list[float] = []
        background: Pixels = np.zeros((RAW_HEIGHT, RAW_WIDTH), np.uint8)
        for shot, lit in zip(self.shots, self._lit, strict=True):
            light = light_over(_raw(shot), background) if lit else 0.0
            if light <= EMPTY:
                background = _raw(shot)
            lights.append(light)
        return lights

    def _moved(self, index: int) -> bool:
        before, after = (_raw(self.shots[at]) for at in (index, index + 1))
        return change_between(before, after) > MOVING * self._lights[index + 1]


def _raw(shot: Shot) -> Pixels:
    payload = shot.payload[:_RAW_BYTES].ljust(_RAW_BYTES, b"\0")
    return np.frombuffer(payload, np.uint8).reshape(RAW_HEIGHT, RAW_WIDTH)


def _weaker(lying: Pixels, empty: Pixels, light: float) -> Pixels:
    """A finger that gives only so much light."""
    share = light / max(light_over(lying, empty), light)
    return (empty + share * (lying.astype(np.float32) - empty)).astype(np.uint8)


def _ended_as(shot: Shot, picture: bytes) -> bytes:
    """A picture as long as the shot; what stands behind the pixels is noise where it was no trailer."""
    if not shot.payload.endswith(TRAILER):
        picture = picture[:_RAW_BYTES] + picture[: len(TRAILER)]
    assert len(picture) == FRAME_BYTES, "the model's picture has that many"
    return (picture * (len(shot.payload) // FRAME_BYTES + 1))[: len(shot.payload)]
