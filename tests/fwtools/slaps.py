"""Synthetic slaps that several tests look at, each made once."""

from functools import lru_cache

from fwtools.synthesis.people import draw_person
from fwtools.synthesis.slap import MOST_TURN, Slap, synthesise_slap
from tests.fwtools.synthetic import finger


@lru_cache
def slap(
    position: int, number: int = 1, missing: frozenset[int] = frozenset(), most_turn: float = MOST_TURN
) -> Slap:
    def masters(place: int) -> object:
        return finger(1, place)

    return synthesise_slap(masters, draw_person(1, 1), position, (1, number), missing, most_turn)
