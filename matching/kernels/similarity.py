"""How alike every minutia of one impression is to every minutia of another, by their surroundings."""

import numpy as np
from numpy.typing import NDArray

from matching.compare_parameters import Similarity
from matching.kernels._jit import count_bits, kernel
from matching.kernels.prepared import FLOW_WORDS, SECTIONS, PreparedTemplate

UNKNOWN = np.float32(-1)  # too little is valid in both to tell


@kernel
def compare_surroundings(
    probe: PreparedTemplate, candidate: PreparedTemplate, constants: Similarity, alike: NDArray[np.float32]
) -> None:
    """Fill (n, m) float32 with likeness in 0..1; 0 where too little is known of either surrounding."""
    count = candidate.minutiae.shape[1]
    cylinder = np.empty(count, np.float32)
    flow = np.empty(count, np.float32)
    for index in range(probe.minutiae.shape[1]):
        _compare_cylinders(probe.cylinders[:, index], candidate.cylinders, constants.least_cells, cylinder)
        if probe.has_flow and candidate.has_flow:
            _compare_flows(probe.flows[:, index], candidate.flows, constants.least_points, flow)
            _join(cylinder, flow, constants, alike[index])
        else:
            for other in range(count):
                likeness = np.float32(constants.bare_offset + constants.bare_slope * cylinder[other])
                alike[index, other] = min(max(likeness, np.float32(0)), np.float32(1))


@kernel
def _join(
    cylinder: NDArray[np.float32],
    flow: NDArray[np.float32],
    constants: Similarity,
    likeness: NDArray[np.float32],
) -> None:
    """Fill (m,) with a clipped linear function of both; 0 where either is unknown or the flow differs."""
    offset, gate = np.float32(constants.offset), np.float32(constants.flow_gate)
    slope, flow_slope = np.float32(constants.cylinder_slope), np.float32(constants.flow_slope)
    for other in range(len(likeness)):
        value = offset + slope * cylinder[other] + flow_slope * flow[other]
        value = min(max(value, np.float32(0)), np.float32(1))
        known = cylinder[other] > UNKNOWN and flow[other] >= gate
        likeness[other] = value if known else np.float32(0)


@kernel
def _compare_cylinders(
    own: NDArray[np.uint64], others: NDArray[np.uint64], least_cells: int, cylinder: NDArray[np.float32]
) -> None:
    """Similarity 0..1 of bit cylinders over the cells valid in both (MCC, section 4.1)."""
    for other in range(others.shape[1]):
        mask = own[SECTIONS] & others[SECTIONS, other]
        differing, of_own, of_other = np.int32(0), np.int32(0), np.int32(0)
        for section in range(SECTIONS):
            first, second = own[section] & mask, others[section, other] & mask
            differing += np.int32(count_bits(first ^ second))
            of_own += np.int32(count_bits(first))
            of_other += np.int32(count_bits(second))
        norm = np.sqrt(np.float32(of_own)) + np.sqrt(np.float32(of_other))
        value = np.float32(1) - np.sqrt(np.float32(differing)) / (norm if norm > 0 else np.float32(1))
        enough = np.int32(count_bits(mask)) >= least_cells and norm > 0
        cylinder[other] = value if enough else UNKNOWN


@kernel
def _compare_flows(
    own: NDArray[np.uint64], others: NDArray[np.uint64], least_points: int, flow: NDArray[np.float32]
) -> None:
    """Agreement -1..1 of circular codes over the points valid in both."""
    for other in range(others.shape[1]):
        differing, known = np.int32(0), np.int32(0)
        for word in range(FLOW_WORDS):
            mask = own[FLOW_WORDS + word] & others[FLOW_WORDS + word, other]
            known += np.int32(count_bits(mask))
            differing += np.int32(count_bits((own[word] ^ others[word, other]) & mask))
        value = np.float32(1) - np.float32(2) * np.float32(differing) / np.float32(max(known, np.int32(1)))
        flow[other] = value if known >= 8 * least_points else UNKNOWN
