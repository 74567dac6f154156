"""Map NFIQ 2 to Vantay quality by quantiles over real and synthetic images; needs nbis-py.

    python benchmarks/fit_quality_scale.py CACHE

takes the images of benchmarks/discard.py (CACHE as there) and writes matching/quality_scale.json; run it
after any change of the quality or of extraction. Real and synthetic images count by their
numbers. Images for which NFIQ 2 could not be computed are left out.
"""

import json
import re
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.discard import FVC, MIXED, SUBJECTS, read_sets
from benchmarks.mixed import SEED
from matching.quality_scale import FILE

SHARES = (0.01, 0.02, 0.04, 0.06, 0.08, *np.arange(0.1, 0.91, 0.05).tolist(), 0.93, 0.96, 0.98, 0.99)
Floats = NDArray[np.float64]


def main() -> None:
    """Measure, write."""
    if len(sys.argv) != 2:
        sys.exit(
            "fit_quality_scale: name the folder of the cache: python benchmarks/fit_quality_scale.py CACHE"
        )
    sets, left_out = read_sets(Path(sys.argv[1]), (*FVC, MIXED))
    if left_out:
        sys.exit(f"fit_quality_scale: {left_out[0]}")
    nfiq2 = np.concatenate([one.nfiq2[one.known] for one in sets])
    vantay = np.concatenate([one.ours[one.known] for one in sets])
    content = {
        "date": datetime.now(UTC).date().isoformat(),
        "versions": {name: metadata.version(name) for name in ("vantay", "nbis-py", "numpy")},
        "data": {
            one.name: {"images": len(one.ours), "without NFIQ 2": int((~one.known).sum())} for one in sets
        },
        "synthetic": f"benchmarks/mixed.py, seed {SEED}, {SUBJECTS} subjects",
        "correlation of ranks": round(float(np.corrcoef(ranks(nfiq2), ranks(vantay))[0, 1]), 3),
        "columns": ["share of the images below", "NFIQ 2", "Vantay quality"],
        "points": quantiles(nfiq2, vantay),
    }
    text = re.sub(
        r"\[([^][]*)\]", lambda row: "[" + " ".join(row[1].split()) + "]", json.dumps(content, indent=1)
    )
    FILE.write_text(text + "\n", "utf-8")
    print(f"wrote {FILE.name}: {len(nfiq2)} images")


def quantiles(nfiq2: Floats, vantay: Floats) -> list[list[float]]:
    """Return share and both quantiles, strictly rising in both, from 0 to 100."""
    points = [[0.0, 0.0, 0.0]]
    for share in SHARES:
        one, other = (round(float(np.quantile(smooth(values), share)), 2) for values in (nfiq2, vantay))
        if points[-1][1] < one < 100 and points[-1][2] < other < 100:
            points.append([round(share, 2), one, other])
    return [*points, [1.0, 100.0, 100.0]]


def smooth(values: Floats) -> Floats:
    """Return whole numbers spread evenly over the unit that was rounded to them, in order."""
    order = np.argsort(values, kind="stable")
    _, start, count = np.unique(values[order], return_index=True, return_counts=True)
    place = np.arange(len(values)) - np.repeat(start, count)
    spread = np.empty(len(values))
    spread[order] = values[order] - 0.5 + (place + 0.5) / np.repeat(count, count)
    return spread


def ranks(values: Floats) -> Floats:
    """Return the place of each in rising order, equals at their mean."""
    _, group, count = np.unique(values, return_inverse=True, return_counts=True)
    mean: Floats = (np.cumsum(count) - (count + 1) / 2)[group]
    return mean


if __name__ == "__main__":
    main()
