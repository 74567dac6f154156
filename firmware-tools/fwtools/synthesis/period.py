"""The distance from ridge to ridge over a finger."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fwtools.synthesis.noise import smooth_noise
from fwtools.synthesis.patterns import Layout

SHORTEST, LONGEST = 6.5, 13.0  # pixels at 500 ppi that a ridge and its valley may take in an adult
BY_FINGER = (1.06, 1.0, 1.0, 0.98, 0.93)  # thumb .. little: thumbs have the broadest ridges
OWN = 0.03  # spread of fingers around the person's usual period
BROADER = (0.10, 0.28)  # share by which ridges are broader below the deltas
NO_DELTA = -90.0  # pixels above the middle, where an arch's ridges become broader
GRADUAL = 28.0  # pixels over which they do
UNEVEN, UNEVEN_SIZE = 0.055, 70.0  # deviation of the period as a share, and over how many pixels


def period_map(
    rng: Generator,
    position: int,
    usual: float,
    layout: Layout,
    x: NDArray[np.float32],
    y: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return (h, w) float32, pixels at 500 ppi, at (x, y) right of and above the finger's middle, one apart.

    Ridges are broader below the deltas than above the cores (Maltoni et al., Handbook, 6.4); nowhere even.
    """
    own = usual * BY_FINGER[(position - 1) % 5] * rng.normal(1.0, OWN)
    crease = min((delta[1] for delta in layout.deltas), default=NO_DELTA)
    below = rng.uniform(*BROADER) / (1 + np.exp((y - (crease - 20)) / GRADUAL))
    uneven = UNEVEN * smooth_noise(rng, x.shape, UNEVEN_SIZE)
    period: NDArray[np.float32] = np.clip(own * (1 + below + uneven), SHORTEST, LONGEST).astype(np.float32)
    return period
