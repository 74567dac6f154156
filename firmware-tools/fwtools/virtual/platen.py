"""What lies on the virtual platen, and who puts it there: commands, or the pictures taken of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import cycle
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fwtools.virtual.images import HEIGHT, WIDTH, finger_on_platen
from fwtools.virtual.optics import Picture

CACHED_FINGERS = 8  # 1.3 MB each


class Sight(Protocol):
    """How a sensor sees the platen."""

    empty: Picture
    dark: Picture

    def finger(self, pixels: NDArray[np.uint8]) -> tuple[Picture, Picture]:
        """Return a finger landing and lying; pixels (400, 300), or the platen's own size, at 500 ppi."""

    def shoot(self, picture: Picture) -> bytes:
        """Take one picture."""


class Platen:
    """A platen with at most one finger; the first picture of a finger shows it landing."""

    def __init__(self, optics: Sight, size: tuple[int, int] = (HEIGHT, WIDTH)) -> None:
        self.image: str | None = None  # of the finger that lies
        self.artefact: int | None = None  # how much of one it is, for models that detect attacks
        self.pictures_since_put = 0
        self._optics = optics
        self._finger: tuple[Picture, Picture] | None = None
        self._pictures_of = lru_cache(CACHED_FINGERS)(
            lambda path: optics.finger(finger_on_platen(path, size))
        )

    def put(self, path: Path, name: str, artefact: int | None = None) -> None:
        """Lay the finger of an image down; it replaces the one that lies."""
        self._finger = self._pictures_of(path)
        self.image, self.pictures_since_put, self.artefact = name, 0, artefact

    def lift(self) -> None:
        """Take the finger away."""
        self._finger, self.image, self.artefact = None, None, None

    def shoot(self, led: bool) -> bytes:
        """Take one picture, with the finger's light on or off."""
        if not led:
            return self._optics.shoot(self._optics.dark)
        if self._finger is None:
            return self._optics.shoot(self._optics.empty)
        self.pictures_since_put += 1
        landing, lying = self._finger
        return self._optics.shoot(landing if self.pictures_since_put == 1 else lying)


@dataclass(frozen=True, slots=True)
class Pace:
    """How many lit pictures see the platen empty before each finger, and then the finger."""

    empty: int
    finger: int


class Presenter:
    """Puts the images on one after the other, by lit pictures; without images it leaves the platen alone."""

    def __init__(self, platen: Platen, images: list[Path], pace: Pace, loop: bool) -> None:
        self._platen = platen
        self._script = self._fingers(cycle(images) if loop else iter(images), pace)

    def shoot(self, led: bool) -> bytes:
        """Let the person act, then take one picture."""
        if led:
            next(self._script)
        return self._platen.shoot(led)

    def _fingers(self, images: Iterator[Path], pace: Pace) -> Iterator[None]:
        for path in images:
            for _ in range(pace.empty):
                yield
            self._platen.put(path, path.name)
            for _ in range(pace.finger):
                yield
            self._platen.lift()
        while True:
            yield
