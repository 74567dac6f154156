"""What lies on the virtual platen, and who puts it there: commands, or the pictures taken of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import cycle
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fwtools.errors import ToolError
from fwtools.virtual.images import HEIGHT, WIDTH, finger_on_platen, pictures_of_roll
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
    """A platen with at most one finger; the first picture of a finger shows it landing.

    A file of several pages is a finger that rolls: each lit picture shows the next page, in the middle of the
    platen, and after the last one the finger is lifted. `window`: (height, width) of such pages, None where
    no finger is rolled.
    """

    def __init__(
        self,
        optics: Sight,
        size: tuple[int, int] = (HEIGHT, WIDTH),
        window: tuple[int, int] | None = None,
    ) -> None:
        self.image: str | None = None  # of the finger that lies
        self.artefact: int | None = None  # how much of one it is, for models that detect attacks
        self.pictures_since_put = 0
        self._optics = optics
        self._finger: tuple[Picture, Picture] | None = None
        self._roll: list[NDArray[np.uint8]] = []
        self._window = window
        self._pictures_of = lru_cache(CACHED_FINGERS)(
            lambda path: optics.finger(finger_on_platen(path, size))
        )

    def put(self, path: Path, name: str, artefact: int | None = None) -> None:
        """Lay the finger of an image down; it replaces the one that lies."""
        roll = pictures_of_roll(path)
        if roll and roll[0].shape != self._window:
            height, width = roll[0].shape
            takes = "{1}x{0}".format(*self._window) if self._window else "none"
            raise ToolError(f"{name!r} shows a roll of {width}x{height} pixels; this scanner takes {takes}")
        self._finger, self._roll = None if roll else self._pictures_of(path), roll
        self.image, self.pictures_since_put, self.artefact = name, 0, artefact

    def lift(self) -> None:
        """Take the finger away."""
        self._finger, self.image, self.artefact, self._roll = None, None, None, []

    def shoot(self, led: bool) -> bytes:
        """Take one picture, with the finger's light on or off."""
        if not led:
            return self._optics.shoot(self._optics.dark)
        if self._roll:
            return self._optics.shoot(self._rolling())
        if self._finger is None:
            return self._optics.shoot(self._optics.empty)
        self.pictures_since_put += 1
        landing, lying = self._finger
        return self._optics.shoot(landing if self.pictures_since_put == 1 else lying)

    def _rolling(self) -> Picture:
        """The platen with the next picture of the roll on it; with the last one the finger goes."""
        picture = self._optics.empty.copy()
        page = self._roll[self.pictures_since_put]
        top, left = ((whole - part) // 2 for whole, part in zip(picture.shape, page.shape, strict=True))
        picture[top : top + page.shape[0], left : left + page.shape[1]] = page
        self.pictures_since_put += 1
        if self.pictures_since_put == len(self._roll):
            self.lift()
        return picture


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
