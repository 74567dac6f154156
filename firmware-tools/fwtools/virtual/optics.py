"""The optics of one made-up Hamster Pro 20: its factory data, and what its sensor sees of a finger.

The inverse of what a driver does with the factory data, written from the fact sheet and sharing no code
with the driver: a picture that goes through both comes back as the finger's image.
"""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

RAW_WIDTH, RAW_HEIGHT, TRAILER = 956, 688, 192
BLACK = 18.0  # grey level of the sensor without light, as on the recording
FULL = 236.0  # grey level of a black ridge, short of saturation
STRAY = 3.0, 1.5  # light the LED throws on an empty platen: everywhere, and more in the middle
TARGET = 240
NOISE = 4  # noise is binomial(4, 1/2) - 2: standard deviation 1 grey level
FINE = 4  # steps of a grey level in the table that inverts the flat field
LANDING_LIGHT, LANDING_REACH = 0.6, 0.55  # a finger that lands: how strong, over which part of the platen

Picture = NDArray[np.uint8]  # (688, 956), NOISE / 2 below the true grey level


@dataclass(frozen=True, slots=True, eq=False)
class Device:
    """What the factory found out about this one device."""

    reference: NDArray[np.uint8]  # (100, 150)
    offsets: NDArray[np.int16]  # (2, 8), 1/100 grey level

    @classmethod
    def make(cls, seed: int) -> "Device":
        """Make a device up: a light field that falls off to the corners, offsets of each region."""
        rng = np.random.default_rng(seed)
        y, x = np.mgrid[-1:1:100j, -1:1:150j]
        centre_y, centre_x = rng.uniform(-0.2, 0.2, 2)
        field = 232 - 55 * ((x - centre_x) ** 2 + 0.6 * (y - centre_y) ** 2) + rng.normal(0, 0.7, x.shape)
        offsets = rng.integers(300, 1100, (2, 8))
        return cls(np.clip(field, 110, 239).astype(np.uint8), offsets.astype(np.int16))

    @classmethod
    def read(cls, factory: bytes) -> "Device":
        """Take a device's own factory data, 22,942 bytes."""
        offsets = np.frombuffer(factory, "<i2", 16, 0x000E).reshape(2, 8)
        return cls(
            np.frombuffer(factory, np.uint8, 15_000, 0x1DF8).reshape(100, 150), offsets.astype(np.int16)
        )

    def factory_data(self) -> bytes:
        """The 22,942 bytes of request 8."""
        data = bytearray(22_942)
        struct.pack_into("<16h", data, 0x000E, *self.offsets.ravel().tolist())
        data[0x1DF8 : 0x1DF8 + 15_000] = self.reference.tobytes()
        struct.pack_into("<HH", data, 0x5890, 1116, TARGET)  # exposure, grey level of the corrected field
        data[0x5894 : 0x5894 + 256] = WEIGHT.astype(np.uint8).tobytes()
        data[0x599C:0x599E] = bytes((38, 246))  # for sharpening, which a driver may leave alone
        return bytes(data)


WEIGHT = np.clip(np.round((np.arange(256) - 16) * 255 / 175), 0, 255)  # 0 below 17, 255 from 191
_WEIGHT = (WEIGHT / 255).astype(np.float32)


def _inverse() -> NDArray[np.float32]:
    """Of the flat field, (256, 256 * FINE): by reference and wanted grey, the grey before correction."""
    grey = np.arange(256)
    wanted = np.arange(256 * FINE) / FINE
    inverse = [np.interp(wanted, grey + (TARGET - reference) * WEIGHT / 255, grey) for reference in grey]
    return np.array(inverse, np.float32)


class Optics:
    """Turns what lies on the platen into raw pictures."""

    def __init__(self, device: Device, seed: int) -> None:
        self._reference = device.reference.repeat(4, 0).repeat(2, 1)
        self._inverse = _inverse()
        bands = [
            np.array_split(np.arange(length), parts) for length, parts in ((RAW_HEIGHT, 2), (RAW_WIDTH, 8))
        ]
        region_y, region_x = (
            np.concatenate([np.full(len(b), i) for i, b in enumerate(axis)]) for axis in bands
        )
        offsets = device.offsets[np.ix_(region_y, region_x)][::2] / 100
        self._offsets = offsets.astype(np.float32)
        y, x = np.mgrid[-1:1:400j, -1:1:300j]
        self._black = (BLACK + STRAY[0] + STRAY[1] * np.exp(-(x**2 + y**2))).astype(np.float32)
        y, x = np.mgrid[-1:1:688j, -1:1:956j]
        reach = (x**2 + y**2) / LANDING_REACH**2
        self._landing = (LANDING_LIGHT * np.exp(-(reach**2))).astype(np.float32)
        self._rng = np.random.default_rng(seed)
        size = RAW_WIDTH * RAW_HEIGHT
        self._noise = self._rng.binomial(NOISE, 0.5, size + 100_000).astype(np.uint8)
        self.dark = np.full((RAW_HEIGHT, RAW_WIDTH), BLACK - NOISE // 2, np.uint8)
        self.empty = self._sensor(np.full((400, 300), 255, np.uint8))

    def finger(self, image: NDArray[np.uint8]) -> tuple[Picture, Picture]:
        """What the sensor sees of an image (400, 300): while the finger lands, and when it lies."""
        lying = self._sensor(image)
        light = np.maximum(lying, self.empty) - self.empty
        return self.empty + (light * self._landing).astype(np.uint8), lying

    def shoot(self, picture: Picture) -> bytes:
        """One frame off the wire: the picture with fresh noise, and the trailer."""
        start = int(self._rng.integers(100_000))
        noisy = picture.ravel() + self._noise[start : start + picture.size]
        return noisy.tobytes() + b"\x80\x10" * (TRAILER // 2)

    def _sensor(self, image: NDArray[np.uint8]) -> Picture:
        """From an image (400, 300) to the raw picture."""
        wanted = (self._black + (np.float32(255) - image) / 255 * (FULL - self._black))[::-1, ::-1]
        light = self._inverse[self._reference, (wanted * FINE).astype(np.int32)]
        size = (RAW_WIDTH, RAW_HEIGHT)
        raw = np.array(Image.fromarray(light).resize(size, Image.Resampling.BICUBIC))
        raw[::2] -= self._offsets * _WEIGHT[np.clip(raw[::2], 0, 255).astype(np.uint8)]
        return (np.clip(raw + 0.5, NOISE // 2, 255 - NOISE // 2) - NOISE // 2).astype(np.uint8)
