"""Synthetic fingers that several tests look at, each grown once."""

from functools import lru_cache

import pytest

from fwtools.synthesis import Finger, synthesise_finger
from matching.kernels._jit import JITTED

needs_speed = pytest.mark.skipif(not JITTED, reason="growing a finger takes minutes without compiled kernels")


@lru_cache
def finger(subject: int = 1, position: int = 2, seed: int = 1) -> Finger:
    return synthesise_finger(seed, subject, position)
