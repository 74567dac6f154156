"""Templates for tests: random ones from Hypothesis, and made-up ones from a seed."""

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from matching.template import CORE, DELTA, MINUTIA, SINGULAR, RidgeEvidence, Template


def minutiae_of(rows: list[tuple[float, float, float, int, int]]) -> NDArray[np.void]:
    """An array of MINUTIA from (x, y, angle, type, quality) rows."""
    return np.array(rows, MINUTIA)


@st.composite
def whole_pixel_templates(draw: st.DrawFn, angle_step: float, angle_count: int) -> Template:
    """Templates that a record holds without loss: whole pixels, angles in units of `angle_step` degrees."""
    width = draw(st.integers(1, 0x3FFF))
    height = draw(st.integers(1, 0x3FFF))
    minutia = st.tuples(
        st.integers(0, width - 1),
        st.integers(0, height - 1),
        st.integers(0, angle_count - 1).map(lambda unit: np.radians(unit * angle_step)),
        st.integers(0, 2),
        st.integers(0, 100),
    )
    rows = draw(st.lists(minutia, max_size=255))
    position, quality = draw(st.integers(0, 10)), draw(st.integers(0, 100))
    points = []
    for kind in (CORE, DELTA):
        for x, y, angle, _, _ in draw(st.lists(minutia, max_size=15)):
            points.append((x, y, angle, kind))
    return Template(
        minutiae_of(rows), width, height, None, position, quality, singular=np.array(points, SINGULAR)
    )


def random_minutiae(seed: int, count: int, width: int = 300, height: int = 300) -> NDArray[np.void]:
    """Minutiae scattered evenly, with every field at random."""
    rng = np.random.default_rng(seed)
    minutiae = np.zeros(count, MINUTIA)
    minutiae["x"] = rng.uniform(0, width, count)
    minutiae["y"] = rng.uniform(0, height, count)
    minutiae["angle"] = rng.uniform(0, 2 * np.pi, count) % np.float32(6.283185)
    minutiae["type"] = rng.integers(1, 3, count)
    minutiae["quality"] = rng.integers(1, 101, count)
    return minutiae


def random_template(seed: int, count: int, width: int = 300, height: int = 300) -> Template:
    """A template of scattered minutiae with a made-up smooth ridge flow."""
    rng = np.random.default_rng(seed)
    rows, columns = (height + 7) // 8, (width + 7) // 8
    y, x = np.mgrid[:rows, :columns]
    slope = rng.uniform(-4, 4, 4)
    orientation = (128 + slope[0] * x + slope[1] * y + slope[2] * x * y / 10).astype(int).astype(np.uint8)
    period = (144 + slope[3] * np.sin(x / 5)).astype(np.uint8)
    valid = (x - columns / 2) ** 2 + (y - rows / 2) ** 2 < (min(rows, columns) * 0.47) ** 2
    ridges = RidgeEvidence(orientation, period, valid)
    return Template(random_minutiae(seed, count, width, height), width, height, ridges, 2, 80)


def same(first: Template, second: Template) -> bool:
    """Whether two templates are equal to the last bit."""
    if (first.ridges is None) != (second.ridges is None):
        return False
    if first.ridges is not None and second.ridges is not None:
        for name in ("orientation", "period", "valid", "crests"):
            mine, other = getattr(first.ridges, name), getattr(second.ridges, name)
            if (mine is None) != (other is None) or not np.array_equal(mine, other):
                return False
    heads = [(t.width, t.height, t.position, t.quality, t.pattern) for t in (first, second)]
    return heads[0] == heads[1] and all(
        np.array_equal(getattr(first, name), getattr(second, name)) for name in ("minutiae", "singular")
    )
