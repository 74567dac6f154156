"""The second phalanx of a made-up finger: straight ridges across it, without a pattern."""

from functools import lru_cache

import numpy as np

from fwtools.synthesis.finger import HEIGHT, RIM, SOFTEN, WIDTH, Finger, finger_grid, outline
from fwtools.synthesis.growth import grow
from fwtools.synthesis.noise import smooth_noise
from fwtools.synthesis.patterns import Pattern
from fwtools.synthesis.people import draw_person, stream
from fwtools.synthesis.period import LONGEST, SHORTEST
from fwtools.synthesis.skin import creases, pores, worn
from matching.template import MINUTIA

KINDS = 8  # different ones of a seed: nothing depends on whose they are
SLOPE = 0.22  # radians, spread; found by look
WAVES, WAVE_LENGTH = 0.18, 110.0  # radians, px
BROADER = 1.25  # than the usual period: ridges below the joint are broader
PATH = 20  # of the random numbers, beside the positions 1..10


@lru_cache(maxsize=KINDS)
def synthesise_phalanx(seed: int, kind: int) -> Finger:
    """Return the second phalanx of a kind (0..KINDS - 1) as a master without minutiae."""
    person, rng = draw_person(seed, kind), stream(seed, kind, PATH)
    x, y = finger_grid()
    orientation = rng.normal(0, SLOPE) + np.float32(WAVES) * smooth_noise(rng, x.shape, WAVE_LENGTH)
    orientation = np.mod(orientation, np.float32(np.pi)).astype(np.float32)
    period = np.full(x.shape, np.clip(BROADER * person.period, SHORTEST, LONGEST), np.float32)
    even, odd = grow(rng, orientation, period, outline(x, y, RIM), SHORTEST, LONGEST)
    shape = (HEIGHT, WIDTH)
    return Finger(
        seed=seed,
        subject=kind,
        position=0,
        pattern=Pattern.ARCH,
        person=person,
        ridges=(even / (np.hypot(even, odd) + SOFTEN)).astype(np.float32),
        pores=pores(rng, np.arctan2(odd, even), orientation, period),
        creases=creases(rng, shape, 2 * person.creases),
        texture=smooth_noise(rng, shape, 2.6),
        wear=worn(rng, shape, person.wear),
        minutiae=np.zeros(0, MINUTIA),
    )
