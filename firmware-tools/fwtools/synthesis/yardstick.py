"""An engine that is not ours: NIST's NBIS (mindtct and bozorth3), through nbis-py."""

from collections.abc import Iterable
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fwtools.errors import ToolError

DISTANCE = 10.0  # pixels at 500 ppi between a minutia and the one found for it: about a ridge period
TURN = np.deg2rad(30)  # between their directions; mindtct's own step is 11.25 degrees


class Found(NamedTuple):
    """How many minutiae of the ground truth an engine found."""

    truth: int
    found: int  # of them
    reported: int  # by the engine, in the truth or not


class Nbis:
    """Minutiae and comparison scores by NBIS; ToolError when nbis-py is not installed or does not load."""

    def __init__(self) -> None:
        try:
            import nbis
        except (ImportError, OSError) as error:
            raise ToolError(
                f"NBIS is needed and does not load ({error}): install the bench tools, nbis-py; x86-64 only"
            ) from error
        settings = nbis.NbisExtractorSettings(
            min_quality=0.0, get_center=False, check_fingerprint=False, compute_nfiq2=False, ppi=500.0
        )
        self._extractor = nbis.new_nbis_extractor(settings)

    def extract(self, image: Path) -> Any:
        """Return NBIS's own minutiae of an image file."""
        return self._extractor.extract_minutiae_from_image_file(str(image))

    @staticmethod
    def places(minutiae: Any) -> NDArray[np.float64]:
        """Return (n, 3) float64: x and y in pixels, y growing down, direction in radians (y up)."""
        places = [(minutia.x(), minutia.y(), np.deg2rad(minutia.angle())) for minutia in minutiae.get()]
        return np.array(places, np.float64).reshape(-1, 3)

    @staticmethod
    def scores(pairs: Iterable[tuple[Any, Any]]) -> NDArray[np.float64]:
        """Return the bozorth3 score of each pair."""
        return np.array([probe.compare(candidate) for probe, candidate in pairs], np.float64)


def count_found(truth: NDArray[np.void], places: NDArray[np.float64]) -> Found:
    """Pair minutiae of the truth, (n,) of MINUTIA, with an engine's places: nearest first, each once."""
    distance = np.hypot(truth["x"][:, None] - places[:, 0], truth["y"][:, None] - places[:, 1])
    turn = np.abs(np.mod(truth["angle"][:, None] - places[:, 2] + np.pi, 2 * np.pi) - np.pi)
    possible = np.argwhere((distance <= DISTANCE) & (turn <= TURN))
    nearest_first = possible[np.argsort(distance[possible[:, 0], possible[:, 1]], kind="stable")]
    taken_truth: set[int] = set()
    taken_place: set[int] = set()
    for i, j in nearest_first.tolist():
        if i not in taken_truth and j not in taken_place:
            taken_truth.add(i)
            taken_place.add(j)
    return Found(len(truth), len(taken_truth), len(places))


def genuine_and_impostor(fingers: list[list[Any]]) -> tuple[list[tuple[Any, Any]], list[tuple[Any, Any]]]:
    """Return all pairs of impressions of each finger, and all pairs of two fingers' first impressions."""
    genuine = [pair for finger in fingers for pair in combinations(finger, 2)]
    impostor = list(combinations([finger[0] for finger in fingers], 2))
    return genuine, impostor
