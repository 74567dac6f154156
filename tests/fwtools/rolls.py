"""Fingers from nail to nail and their rolls that several tests look at, each made once."""

from functools import cache

from fwtools.synthesis.finger import ROUND, Finger, flat_part, synthesise_finger
from fwtools.synthesis.rolled import Mishap, Roll, roll


@cache
def round_finger(subject: int = 1, position: int = 2, seed: int = 1) -> Finger:
    return synthesise_finger(seed, subject, position, ROUND)


@cache
def flat_finger(subject: int = 1, position: int = 2, seed: int = 1) -> Finger:
    return flat_part(round_finger(subject, position, seed))


@cache
def rolled(subject: int = 1, position: int = 2, index: int = 1, mishap: Mishap = Mishap.NONE) -> Roll:
    return roll(round_finger(subject, position), index, mishap)
