"""One to many: a probe against every enrolled finger, or against those of one position."""

from dataclasses import dataclass

import numpy as np

from matching.calibration import Decision, decide, threshold
from matching.compare import CONSTANTS, FULL, MINUTIAE_ONLY, PreparedTemplate, prepare
from matching.kernels.packed import HAS_FLOW, Packed, pack
from matching.kernels.scoring import score_one_to_many
from matching.template import Template


@dataclass(frozen=True, slots=True)
class Candidate:
    """One finger of the gallery that a search found."""

    key: str
    position: int
    score: float
    decision: Decision


class Gallery:
    """Fingers in memory, each under a key and a position; a finger added again is replaced.

    Searches are exhaustive. Not for use by two threads at once.
    """

    def __init__(self) -> None:
        self._fingers: dict[tuple[str, int], PreparedTemplate] = {}
        self._packed: tuple[list[tuple[str, int]], Packed] | None = None

    def __len__(self) -> int:
        """Return the number of fingers."""
        return len(self._fingers)

    def add(self, key: str, position: int, template: Template | PreparedTemplate) -> None:
        """Keep a finger; BadRecord where the template cannot be compared."""
        prepared = prepare(template) if isinstance(template, Template) else template
        self._fingers[key, position] = prepared
        self._packed = None

    def remove(self, key: str) -> int:
        """Forget every finger of a key and return how many there were."""
        gone = [name for name in self._fingers if name[0] == key]
        for name in gone:
            del self._fingers[name]
        self._packed = None
        return len(gone)

    def search(
        self, probe: Template | PreparedTemplate, position: int | None = None, fmr: float = 1e-5
    ) -> list[Candidate]:
        """Return the fingers of one position, or of all, that match at `fmr` a comparison, best first."""
        first = prepare(probe) if isinstance(probe, Template) else probe
        names, packed = self._whole()
        chosen = np.array(
            [place for place, name in enumerate(names) if position is None or name[1] == position], np.int64
        )
        scores = score_one_to_many(first, packed, chosen, CONSTANTS)
        full = first.has_flow & (packed.heads[chosen, HAS_FLOW] != 0)
        found = []
        for kind, of_kind in ((FULL, full), (MINUTIAE_ONLY, ~full)):
            for place in np.flatnonzero(of_kind & (scores >= threshold(fmr, kind)) & (scores > 0)):
                score = float(scores[place])
                key, of = names[chosen[place]]
                found.append(Candidate(key, of, score, decide(score, fmr, kind)))
        return sorted(found, key=lambda candidate: (-candidate.score, candidate.key, candidate.position))

    def _whole(self) -> tuple[list[tuple[str, int]], Packed]:
        """Return the fingers packed, built again after a change."""
        if self._packed is None:
            self._packed = list(self._fingers), pack(list(self._fingers.values()))
        return self._packed
