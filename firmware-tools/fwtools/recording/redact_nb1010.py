"""Pictures of the NB-1010-U in a recording: 90 parts of two rows each. Pure."""

from collections.abc import Sequence

import numpy as np

from drivers.next_nb_1010_u import BLACK, HEAD_BYTES, HEIGHT, IN, MOVING, PART_BYTES, ROWS, WIDTH
from drivers.presence import change_between, light_over
from fwtools.recording.shots import Piece, Pixels, Shot, alternated, shot_of
from fwtools.recording.tape import Transfer
from fwtools.virtual.nb1010 import Thermal

_PART = bytes([0x80, 0x21])
_ELSEWHERE = HEIGHT // 4  # rows by which a finger that moved is shifted


class Nb1010Pictures:
    """The pictures of one recording."""

    def __init__(self, transfers: Sequence[Transfer]) -> None:
        parts = [
            Piece(index, HEAD_BYTES, HEAD_BYTES + ROWS * WIDTH)
            for index, one in enumerate(transfers)
            if one.endpoint == IN and len(one.data) == PART_BYTES and one.data[:2] == _PART
        ]
        each = HEIGHT // ROWS
        self.shots = [shot_of(transfers, parts[at : at + each]) for at in range(0, len(parts), each)]

    def image(self, shot: Shot) -> Pixels:
        """Return the upright image that the driver makes of a picture."""
        return np.frombuffer(shot.payload, np.uint8).reshape(-1, WIDTH)

    def clear(self, shot: Shot) -> bytes:
        """Return its pixels."""
        return shot.payload

    def others(self, captured: int, finger: Pixels) -> list[bytes]:
        """Return other payloads for all shots, which the driver takes the same way."""
        lying, _ = Thermal().finger(finger)
        choices = {True: lying.tobytes(), False: np.roll(lying, _ELSEWHERE, 0).tobytes()}
        others = alternated(len(self.shots), captured, self._moved, choices)
        return [other[: len(shot.payload)] for other, shot in zip(others, self.shots, strict=True)]

    def _moved(self, index: int) -> bool:
        before, after = (self.image(self.shots[at]) for at in (index, index + 1))
        if before.shape != after.shape:
            return True
        return change_between(before, after) > MOVING * light_over(~after, BLACK)
