"""How alike every minutia of one impression is to every minutia of another, by their surroundings."""

import numpy as np
from numpy.typing import NDArray

from matching.compare_parameters import Similarity
from matching.kernels._jit import count_bits, kernel
from matching.kernels.prepared import FLOW_WORDS, SECTIONS, PreparedTemplate

LANES = 8  # words of a vector of the widest processors
UNKNOWN = np.float32(-1)  # too little is valid in both to tell


@kernel
def compare_surroundings(
    probe: PreparedTemplate, candidate: PreparedTemplate, constants: Similarity, alike: NDArray[np.float32]
) -> None:
    """Fill (n, m) float32 with likeness in 0..1; 0 where too little is known of either surrounding.

    `alike` may be wider than the candidate has minutiae, and is 0 there: whole vectors are faster.
    """
    width = alike.shape[1]
    cylinders = _widened(candidate.cylinders, width)
    _compare_cylinders(probe.cylinders, cylinders, constants.least_cells, alike)
    likeness = alike.ravel()
    if probe.has_flow and candidate.has_flow:
        flow = np.empty(alike.shape, np.float32)
        _compare_flows(probe.flows, _widened(candidate.flows, width), constants.least_points, flow)
        _join(flow.ravel(), constants, likeness)
    else:
        for pair in range(len(likeness)):
            value = np.float32(constants.bare_offset + constants.bare_slope * likeness[pair])
            likeness[pair] = min(max(value, np.float32(0)), np.float32(1))


@kernel
def _widened(words: NDArray[np.uint64], width: int) -> NDArray[np.uint64]:
    """Return a copy of (k, m) with zeros, which are never valid, up to the width."""
    wide = np.zeros((words.shape[0], width), np.uint64)
    for row in range(words.shape[0]):
        for column in range(min(words.shape[1], width)):
            wide[row, column] = words[row, column]
    return wide


@kernel
def _join(flow: NDArray[np.float32], constants: Similarity, likeness: NDArray[np.float32]) -> None:
    """Turn (n,) cylinder similarity, in place, into a clipped linear function of it and the flow agreement.

    0 where either is unknown or the flow differs.
    """
    offset, gate = np.float32(constants.offset), np.float32(constants.flow_gate)
    slope, flow_slope = np.float32(constants.cylinder_slope), np.float32(constants.flow_slope)
    for pair in range(len(likeness)):
        value = offset + slope * likeness[pair] + flow_slope * flow[pair]
        value = min(max(value, np.float32(0)), np.float32(1))
        known = likeness[pair] > UNKNOWN and flow[pair] >= gate
        likeness[pair] = value if known else np.float32(0)


@kernel
def _compare_cylinders(
    owns: NDArray[np.uint64], others: NDArray[np.uint64], least_cells: int, cylinder: NDArray[np.float32]
) -> None:
    """Fill (n, m) with the similarity 0..1 of bit cylinders over the cells valid in both (MCC, section 4.1).

    In one loop over both, because a view of each row costs as much as a row.
    """
    for own in range(cylinder.shape[0]):
        for other in range(cylinder.shape[1]):
            mask = owns[SECTIONS, own] & others[SECTIONS, other]
            differing, of_own, of_other = np.int32(0), np.int32(0), np.int32(0)
            for section in range(SECTIONS):
                first, second = owns[section, own] & mask, others[section, other] & mask
                differing += np.int32(count_bits(first ^ second))
                of_own += np.int32(count_bits(first))
                of_other += np.int32(count_bits(second))
            norm = np.sqrt(np.float32(of_own)) + np.sqrt(np.float32(of_other))
            value = np.float32(1) - np.sqrt(np.float32(differing)) / (norm if norm > 0 else np.float32(1))
            enough = np.int32(count_bits(mask)) >= least_cells and norm > 0
            cylinder[own, other] = value if enough else UNKNOWN


@kernel
def _compare_flows(
    owns: NDArray[np.uint64], others: NDArray[np.uint64], least_points: int, flow: NDArray[np.float32]
) -> None:
    """Fill (n, m) with the agreement -1..1 of circular codes over the points valid in both."""
    for own in range(flow.shape[0]):
        for other in range(flow.shape[1]):
            differing, known = np.int32(0), np.int32(0)
            for word in range(FLOW_WORDS):
                mask = owns[FLOW_WORDS + word, own] & others[FLOW_WORDS + word, other]
                known += np.int32(count_bits(mask))
                differing += np.int32(count_bits((owns[word, own] ^ others[word, other]) & mask))
            points = np.float32(max(known, np.int32(1)))
            value = np.float32(1) - np.float32(2) * np.float32(differing) / points
            flow[own, other] = value if known >= 8 * least_points else UNKNOWN
