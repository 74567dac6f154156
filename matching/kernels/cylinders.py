"""Minutia cylinders as bits: who else is around a minutia, where and pointing where.

Cappelli, Ferrara and Maltoni, Minutia Cylinder-Code, IEEE PAMI 32(12), 2010, sections 3.1 to 3.3 and 3.5.
"""

import math

import numpy as np
from numpy.typing import NDArray

from matching.compare_parameters import Cylinder
from matching.kernels._jit import kernel
from matching.kernels.prepared import CELL, SECTIONS

TURNS = 256  # steps of a full turn in the table of sections


def section_table(shape: Cylinder) -> NDArray[np.float32]:
    """Return (256, sections): how much a neighbour turned by a step of 2 pi/256 counts in each section.

    The Gaussian of the turn integrated over the section (MCC, equation 11), circular.
    """
    turns = 2 * np.pi * np.arange(TURNS) / TURNS
    width = 2 * np.pi / shape.sections
    table = np.zeros((TURNS, shape.sections))
    for section in range(shape.sections):
        away = (turns - (section + 0.5) * width + np.pi) % (2 * np.pi) - np.pi
        for row, middle in enumerate(away):
            low, high = (middle - width / 2) / shape.turn, (middle + width / 2) / shape.turn
            table[row, section] = 0.5 * (math.erf(high / math.sqrt(2)) - math.erf(low / math.sqrt(2)))
    return table.astype(np.float32)


@kernel
def encode_cylinders(
    minutiae: NDArray[np.float32], inside: NDArray[np.bool_], table: NDArray[np.float32], shape: Cylinder
) -> NDArray[np.uint64]:
    """(3, n) minutiae, (rows, columns) cells that count -> (7, n) words: sections, then the mask."""
    count = minutiae.shape[1]
    words = np.zeros((SECTIONS + 1, count), np.uint64)
    filled = np.empty((SECTIONS, 64), np.float32)
    for index in range(count):
        words[SECTIONS, index] = _valid_cells(minutiae[:, index], inside, shape)
        filled[:] = 0
        _fill(minutiae, index, table, shape, filled)
        for section in range(SECTIONS):
            word = np.uint64(0)
            for cell in range(64):
                if filled[section, cell] > shape.full:
                    word |= np.uint64(1) << np.uint64(cell)
            words[section, index] = word & words[SECTIONS, index]
    return words


@kernel
def _valid_cells(minutia: NDArray[np.float32], inside: NDArray[np.bool_], shape: Cylinder) -> np.uint64:
    """Return the cells within the cylinder's radius whose centre lies where cells count."""
    cosine, sine = math.cos(minutia[2]), math.sin(minutia[2])
    pitch = 2 * shape.radius / shape.side
    word = np.uint64(0)
    for cell in range(shape.side * shape.side):
        along = (cell % shape.side + 0.5) * pitch - shape.radius
        across = (cell // shape.side + 0.5) * pitch - shape.radius
        if along * along + across * across > shape.radius * shape.radius:
            continue
        column = math.floor((minutia[0] + cosine * along - sine * across) / CELL)
        row = math.floor((minutia[1] + sine * along + cosine * across) / CELL)
        if 0 <= row < inside.shape[0] and 0 <= column < inside.shape[1] and inside[row, column]:
            word |= np.uint64(1) << np.uint64(cell)
    return word


@kernel
def _fill(
    minutiae: NDArray[np.float32],
    index: int,
    table: NDArray[np.float32],
    shape: Cylinder,
    filled: NDArray[np.float32],
) -> None:
    """Add what every other minutia contributes to (sections, 64): Gaussian in place, table in turn."""
    cosine, sine = math.cos(minutiae[2, index]), math.sin(minutiae[2, index])
    pitch, reach = 2 * shape.radius / shape.side, 3 * shape.spread
    peak = 1 / (shape.spread * math.sqrt(2 * math.pi))
    for other in range(minutiae.shape[1]):
        if other == index:
            continue
        dx, dy = minutiae[0, other] - minutiae[0, index], minutiae[1, other] - minutiae[1, index]
        along = (cosine * dx + sine * dy + shape.radius) / pitch - 0.5  # in cells, from the first centre
        across = (cosine * dy - sine * dx + shape.radius) / pitch - 0.5
        turn = math.floor((minutiae[2, other] - minutiae[2, index]) * TURNS / (2 * math.pi) + 0.5) % TURNS
        for row in range(
            max(0, math.ceil(across - reach / pitch)), min(shape.side, math.floor(across + reach / pitch) + 1)
        ):
            for column in range(
                max(0, math.ceil(along - reach / pitch)),
                min(shape.side, math.floor(along + reach / pitch) + 1),
            ):
                misses = ((row - across) ** 2 + (column - along) ** 2) * pitch * pitch
                weight = np.float32(peak * math.exp(-misses / (2 * shape.spread * shape.spread)))
                for section in range(SECTIONS):
                    filled[section, row * shape.side + column] += weight * table[turn, section]
