"""The pictures in a recording: where they lie, and other ones in their place. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fwtools.recording.tape import Transfer

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a picture: these bytes of this transfer."""

    transfer: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One picture as it went over the wire."""

    pieces: tuple[Piece, ...]
    payload: bytes


class Sensor(Protocol):
    """What one model's pictures are."""

    shots: list[Shot]

    def image(self, shot: Shot) -> Pixels:
        """Return the upright image that the driver makes of a picture."""

    def clear(self, shot: Shot) -> bytes:
        """Return its pixels in clear, each at its place in the payload; what is no pixel is left out."""

    def others(self, captured: int, finger: Pixels) -> list[bytes]:
        """Return other payloads for all shots, which the driver takes the same way; (400, 300) at 500 ppi."""


def shot_of(transfers: Sequence[Transfer], pieces: Sequence[Piece]) -> Shot:
    """Return the picture whose parts lie there."""
    parts = [transfers[piece.transfer].data[piece.start : piece.stop] for piece in pieces]
    return Shot(tuple(pieces), b"".join(parts))


def put_back(
    transfers: Sequence[Transfer], shots: Sequence[Shot], others: Sequence[bytes]
) -> dict[int, bytes]:
    """Return the transfers that change, with the other payloads in the places of the shots'."""
    changed: dict[int, bytearray] = {}
    for shot, other in zip(shots, others, strict=True):
        at = 0
        for piece in shot.pieces:
            data = changed.setdefault(piece.transfer, bytearray(transfers[piece.transfer].data))
            data[piece.start : piece.stop] = other[at : at + piece.stop - piece.start]
            at += piece.stop - piece.start
        assert at == len(other), "a payload is as long as the one it stands for"
    return {transfer: bytes(data) for transfer, data in changed.items()}


def alternated(
    count: int, captured: int, moved: Callable[[int], bool], choices: Mapping[bool, bytes]
) -> list[bytes]:
    """Return `choices[True]` for the captured shot, another choice wherever one and the next differ.

    `moved(i)`: whether the driver takes shots i and i + 1 for different.
    """
    same = [True] * count
    for index in range(captured - 1, -1, -1):
        same[index] = same[index + 1] ^ moved(index)
    for index in range(captured, count - 1):
        same[index + 1] = same[index] ^ moved(index)
    return [choices[one] for one in same]
