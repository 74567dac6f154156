"""Template to what comparison works on: one frame, the codes of every minutia, the area covered."""

import zlib

import numpy as np
from numpy.typing import NDArray

from matching.compare_parameters import COVERAGE, CYLINDER
from matching.errors import BadRecord
from matching.kernels.coverage import convex_hull, mark_near
from matching.kernels.cylinders import encode_cylinders, section_table
from matching.kernels.flow_codes import circular_codes, encode_flows, ring_points
from matching.kernels.laying import Evidence, lay_ridges
from matching.kernels.prepared import CELL, POINTS, PreparedTemplate
from matching.template import MAXIMUM_MINUTIAE, Template

MAXIMUM_SPAN = 1 << 14  # px, what a record can hold: bounds the memory a hostile template can ask for
PADDING = 6  # cells of the grid around the minutiae: no less than the cylinders' margin
SECTIONS_BY_TURN = section_table(CYLINDER)
FLOW_POINTS = ring_points()
FLOW_LEVELS = circular_codes()
NO_CRESTS = np.zeros((0, 0), np.bool_)


def prepare(template: Template) -> PreparedTemplate:
    """Return the template ready for comparison; about 0.15 ms, once an impression.

    BadRecord where it has more than 255 minutiae, one that is not a finite number, or some too far apart.
    """
    minutiae = template.minutiae[np.argsort(template.minutiae["y"], kind="stable")]
    if len(minutiae) > MAXIMUM_MINUTIAE:
        raise BadRecord(f"a template of {len(minutiae)} minutiae, at most {MAXIMUM_MINUTIAE} are compared")
    left, top, columns, rows = _grid(minutiae)
    frame = np.empty((3, len(minutiae)), np.float32)
    frame[0] = minutiae["x"] - left * CELL
    frame[1] = minutiae["y"] - top * CELL
    frame[2] = (np.pi - minutiae["angle"]) % (2 * np.pi) - np.pi  # the frame's y grows down
    covered = np.zeros((rows, columns), np.bool_)
    around = np.zeros((rows, columns), np.bool_)
    if len(minutiae) > 0:
        corners = convex_hull(frame[0], frame[1])
        mark_near(corners, COVERAGE.margin, covered)
        mark_near(corners, CYLINDER.margin, around)
    orientation = np.full((rows, columns), -1, np.int16)
    crests = np.zeros((POINTS * rows, POINTS * columns), np.int8)
    if template.ridges is not None:
        ridges = template.ridges
        known = ridges.crests if ridges.crests is not None else NO_CRESTS
        turns, valid = np.ascontiguousarray(ridges.orientation), np.ascontiguousarray(ridges.valid)
        evidence = Evidence(turns, valid, np.ascontiguousarray(known))
        lay_ridges(evidence, left, top, orientation, crests)
    return PreparedTemplate(
        frame,
        encode_cylinders(frame, around, SECTIONS_BY_TURN, CYLINDER),
        encode_flows(frame, orientation, FLOW_POINTS, FLOW_LEVELS),
        np.searchsorted(frame[1], np.arange(rows) * CELL).astype(np.int16),
        covered,
        crests,
        template.ridges is not None,
        zlib.crc32(frame.tobytes()),
    )


def _grid(minutiae: NDArray[np.void]) -> tuple[int, int, int, int]:
    """Return left, top, columns and rows, in cells of the image, of the grid around the minutiae."""
    if len(minutiae) == 0:
        return 0, 0, 1, 1
    edges = []
    for field in ("x", "y"):
        if not (np.isfinite(minutiae[field]).all() and np.isfinite(minutiae["angle"]).all()):
            raise BadRecord("a template with a minutia that is not a finite number")
        if minutiae[field].max() - minutiae[field].min() > MAXIMUM_SPAN:
            raise BadRecord(f"a template with minutiae more than {MAXIMUM_SPAN} pixels apart")
        first = int(minutiae[field].min() // CELL) - PADDING
        edges += [first, int(minutiae[field].max() // CELL) + 1 + PADDING - first]
    return edges[0], edges[2], edges[1], edges[3]
