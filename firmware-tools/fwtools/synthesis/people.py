"""Made-up people: what the ten fingers of one subject share, and the random numbers of everything."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator, SeedSequence, default_rng


@dataclass(frozen=True, slots=True)
class Person:
    """What the ten fingers of one subject share."""

    period: float  # pixels at 500 ppi, ridge to ridge
    size: float  # of the fingers, 1 is usual
    moisture: float  # about -1 dry to 1 wet
    creases: float  # usual number on a finger
    wear: float  # 0 unused to 1 worn down by work or age


def stream(seed: int, *path: int) -> Generator:
    """Return the random numbers of one thing, named by its path, whatever else is made."""
    return default_rng(SeedSequence(entropy=seed, spawn_key=path))


def draw_person(seed: int, subject: int) -> Person:
    """Draw one subject, an adult: ridges 0.42 to 0.54 mm apart (Maltoni et al., Handbook, 3.1: about 0.5)."""
    rng = stream(seed, subject)
    return Person(
        period=float(np.clip(rng.normal(9.3, 0.5), 8.2, 10.6)),
        size=float(np.clip(rng.normal(1.0, 0.06), 0.88, 1.14)),
        moisture=float(np.clip(rng.normal(0.0, 0.45), -1, 1)),
        creases=float(rng.gamma(1.2, 2.3)),
        wear=float(rng.beta(1.4, 2.4)),
    )
