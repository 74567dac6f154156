"""From skin on glass to darkness: pressure and moisture, grain, wear, pores and creases."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fwtools.synthesis.finger import Finger
from fwtools.synthesis.kernels import sample
from fwtools.synthesis.noise import smooth_noise
from fwtools.synthesis.parameters import INK
from fwtools.synthesis.placing import Placing

Image = NDArray[np.float32]
EVEN = 0.05  # level of a clean impression: ridges a little broader than valleys
FADE = 3  # pixels over which the contact ends


@dataclass(frozen=True, slots=True)
class Condition:
    """How a finger was on one presentation; each about -1 to 1."""

    force: float  # a touch to pressed hard
    moisture: float  # dry to wet

    @property
    def dry(self) -> float:
        """0 to about 1."""
        return max(0.0, -self.moisture)

    @property
    def wet(self) -> float:
        """0 to about 1."""
        return max(0.0, self.moisture)


def clean_ink(finger: Finger, placing: Placing, depth: Image) -> Image:
    """Return (h, w) float32, 0 to 1: how dark each pixel is for a perfect, even contact."""
    ridges = sample(finger.ridges, placing.skin_x, placing.skin_y)
    return _touching(ridges, np.full_like(ridges, EVEN)) * np.clip(depth / FADE, 0, 1)


def ink(rng: Generator, finger: Finger, placing: Placing, depth: Image, condition: Condition) -> Image:
    """Return (h, w) float32, 0 to 1: how dark each pixel is.

    The higher the level, the broader the ridges, until valleys close (wet, hard); the lower, the thinner,
    until only grains of the crest touch (dry, light). The rim of the patch is pressed less.
    """
    return pressed(lay(rng, finger, placing, condition), depth)


class Laid(NamedTuple):
    """Skin over the glass, (h, w) each, before it is known which part of it touches."""

    profile: Image  # -1 valley to 1 crest
    level: NDArray[np.float64]  # added by pressure and moisture
    tone: NDArray[np.float64]  # darkness of what touches
    opened: Image  # 0 to 1: where pores and creases leave the glass free


def lay(rng: Generator, finger: Finger, placing: Placing, condition: Condition) -> Laid:
    """Return the skin of a finger as it lies over the glass in this moment."""
    profile = _skin(rng, finger, placing, condition)
    level = _level(rng, profile.shape, condition)
    mean, less, uneven = INK.pale
    pale = mean - less * condition.force + uneven * smooth_noise(rng, profile.shape, INK.pale_size)
    return Laid(profile, level, 1 - np.clip(pale, 0, 0.4), _opened(finger, placing, condition))


def pressed(laid: Laid, depth: Image) -> Image:
    """Return (h, w) float32, 0 to 1: how dark each pixel is where the skin touches; see `contact_depth`."""
    rim = INK.rim * np.exp(-np.maximum(depth, 0) / INK.rim_width)
    touching = _touching(laid.profile, (laid.level - rim).astype(np.float32))
    dark: Image = (touching * (laid.tone * np.clip(depth / FADE, 0, 1)) * (1 - laid.opened)).astype(
        np.float32
    )
    return dark


def _touching(skin: Image, level: Image) -> Image:
    touching: Image = 1 / (1 + np.exp(-(skin + level) / np.float32(INK.soft)))
    return touching


def _level(rng: Generator, shape: tuple[int, ...], condition: Condition) -> NDArray[np.float64]:
    """Return what pressure and moisture add to the profile of the skin, away from the patch's rim."""
    height, width = shape
    level = INK.level + INK.by_force * condition.force + INK.by_moisture * condition.moisture
    blotches = (INK.blotch + INK.wet_blotch * condition.wet) * smooth_noise(
        rng, (height, width), INK.blotch_size
    )
    right, down = rng.normal(0, INK.lean, 2)
    lean = np.linspace(-right, right, width)[None, :] + np.linspace(-down, down, height)[:, None]
    whole: NDArray[np.float64] = level + blotches + lean
    return whole


def _skin(rng: Generator, finger: Finger, placing: Placing, condition: Condition) -> Image:
    """Return the profile of the skin: ridges, flatter where worn, their texture, the moment's grain."""
    at = placing.skin_x, placing.skin_y
    shape = placing.skin_x.shape
    grain = (INK.grain[0] + INK.grain[1] * condition.dry) * smooth_noise(rng, shape, INK.grain_size)
    off = np.minimum(smooth_noise(rng, shape, INK.patch_size), 0)
    patches = (INK.patches[0] + INK.patches[1] * condition.dry) * off
    wear = sample(finger.wear, *at)
    rough = INK.rough[0] + INK.rough[1] * condition.dry + INK.rough[2] * wear
    profile: Image = (1 - wear) * sample(finger.ridges, *at) + rough * sample(finger.texture, *at)
    return (profile + grain + patches).astype(np.float32)


def _opened(finger: Finger, placing: Placing, condition: Condition) -> Image:
    """Return 0 to 1: where pores and creases leave the glass free."""
    at = placing.skin_x, placing.skin_y
    pores = (INK.pores[0] - INK.pores[1] * condition.wet) * sample(finger.pores, *at)
    creases = (INK.creases[0] - INK.creases[1] * condition.force) * sample(finger.creases, *at)
    opened: Image = np.clip(np.maximum(pores, creases), 0, 1)
    return opened
