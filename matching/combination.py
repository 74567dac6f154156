"""The weights of the score: fitted data, with their provenance, read from combination.json.

`benchmarks/fit_comparison.py` writes that file.
"""

import json
from pathlib import Path

from matching.compare_parameters import Weights

FILE = Path(__file__).with_name("combination.json")


def load_weights() -> dict[str, Weights]:
    """Return the weights by kind of comparison: "full" and "minutiae_only"."""
    stored = json.loads(FILE.read_text("utf-8"))
    return {
        kind: Weights(**{name: float(stored[kind]["weights"][name]) for name in Weights._fields})
        for kind in ("full", "minutiae_only")
    }
