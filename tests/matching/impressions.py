"""Made-up impressions of made-up fingers: templates for fast tests, pictures where extraction takes part."""

import numpy as np
from numpy.typing import NDArray

from matching.template import BLOCK, MINUTIA, RidgeEvidence, Template


def finger(seed: int, count: int = 24, side: int = 240) -> Template:
    """A finger of scattered minutiae that follow a smooth made-up ridge flow."""
    rng = np.random.default_rng(seed)
    flow = rng.uniform(-1, 1, 6)
    places: list[tuple[float, float]] = []
    while len(places) < count:
        x, y = rng.uniform(12, side - 12, 2)
        if all((x - other_x) ** 2 + (y - other_y) ** 2 > 12**2 for other_x, other_y in places):
            places.append((x, y))
    minutiae = np.zeros(count, MINUTIA)
    minutiae["x"], minutiae["y"] = np.array(places).T
    along = _ridge_angle(minutiae["x"], minutiae["y"], flow, side)
    minutiae["angle"] = (along + np.pi * rng.integers(0, 2, count)) % (2 * np.pi)
    minutiae["type"], minutiae["quality"] = 1, 60
    cells = (np.arange(side // BLOCK) + 0.5) * BLOCK
    angle = _ridge_angle(cells[None, :], cells[:, None], flow, side)
    orientation = (np.floor(angle / np.pi * 256).astype(int) % 256).astype(np.uint8)
    ridges = RidgeEvidence(orientation, np.full_like(orientation, 144), np.ones(orientation.shape, np.bool_))
    return Template(minutiae, side, side, ridges, 2, 70)


def _ridge_angle(
    x: NDArray[np.floating], y: NDArray[np.floating], flow: NDArray[np.float64], side: int
) -> NDArray[np.float64]:
    u, v = x / side - 0.5, y / side - 0.5
    bent = flow[2] * u * u + flow[3] * u * v + flow[4] * v * v
    return 3 * (flow[0] * u + flow[1] * v + 2 * bent) + 3 * flow[5]


def moved(template: Template, turn: float, shift: tuple[float, float] = (0.0, 0.0)) -> Template:
    """The template turned counter-clockwise about its middle and shifted; ridges by the nearest cell."""
    middle = np.array([template.width, template.height]) / 2
    cosine, sine = np.cos(turn), np.sin(turn)
    forward = np.array([[cosine, sine], [-sine, cosine]])  # y grows down
    places = np.stack([template.minutiae["x"], template.minutiae["y"]], 1) - middle
    minutiae = template.minutiae.copy()
    side = 2 * int(np.hypot(*middle)) + 16
    new_middle = np.array([side / 2, side / 2]) + shift
    minutiae["x"], minutiae["y"] = (places @ forward.T + new_middle).T
    minutiae["angle"] = (template.minutiae["angle"].astype(float) + turn) % (2 * np.pi)
    ridges = None
    if template.ridges is not None:
        cells = (np.arange(side // BLOCK) + 0.5) * BLOCK
        target = np.stack(np.broadcast_arrays(cells[None, :], cells[:, None]), -1)
        column, row = np.moveaxis(np.floor(((target - new_middle) @ forward + middle) / BLOCK), -1, 0).astype(
            int
        )
        rows, columns = template.ridges.valid.shape
        inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
        row, column = np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1)
        turned = template.ridges.orientation[row, column].astype(int) + round(turn / np.pi * 256)
        ridges = RidgeEvidence(
            (turned % 256).astype(np.uint8),
            template.ridges.period[row, column],
            inside & template.ridges.valid[row, column],
        )
    return Template(minutiae, side, side, ridges, template.position, template.quality)


def worn(template: Template, seed: int, lost: float = 0.2, added: int = 4, jitter: float = 1.5) -> Template:
    """The template with minutiae lost, others added, and places and directions a little off."""
    rng = np.random.default_rng(seed)
    minutiae = template.minutiae[rng.random(len(template.minutiae)) >= lost].copy()
    extra = np.zeros(added, MINUTIA)
    extra["x"], extra["y"] = rng.uniform(0, template.width, added), rng.uniform(0, template.height, added)
    extra["angle"] = rng.uniform(0, 6.28, added)
    minutiae = np.concatenate([minutiae, extra])
    for field, sigma in (("x", jitter), ("y", jitter), ("angle", 0.08)):
        minutiae[field] += rng.normal(0, sigma, len(minutiae))
    minutiae["angle"] %= 2 * np.pi
    return Template(minutiae, template.width, template.height, template.ridges, template.position, 60)


def picture(seed: int, turn: float = 0.0, noise: int = 0, side: int = 288) -> NDArray[np.uint8]:
    """A round patch of ridges of 9 px with dislocations, which extraction finds as minutiae; (h, w) uint8.

    The phase of a plane wave plus the angle around each dislocation (Larkin and Fletcher, A coherent
    framework for fingerprint analysis, Optics Express 15(14), 2007).
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] - side / 2
    x, y = np.cos(turn) * x - np.sin(turn) * y, np.sin(turn) * x + np.cos(turn) * y
    direction = rng.uniform(0, np.pi)
    bend = rng.uniform(-0.004, 0.004)
    along, across = (
        np.cos(direction) * x + np.sin(direction) * y,
        np.cos(direction) * y - np.sin(direction) * x,
    )
    phase = 2 * np.pi / 9 * (across + bend * along**2)
    for _ in range(26):
        radius, angle = 0.4 * side * np.sqrt(rng.random()), rng.uniform(0, 2 * np.pi)
        around = np.arctan2(y - radius * np.sin(angle), x - radius * np.cos(angle))
        phase += around if rng.random() < 0.5 else -around
    grey = 140 + 90 * np.cos(phase) + np.random.default_rng(noise).normal(0, 12, x.shape)
    inside = np.hypot(x, y) < 0.46 * side
    shown: NDArray[np.uint8] = np.where(inside, np.clip(grey, 0, 255), 255).astype(np.uint8)
    return shown
