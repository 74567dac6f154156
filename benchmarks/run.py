"""Accuracy and speed on the FVC sets, beside NBIS in the same run, on one core.

    python benchmarks/run.py

Writes benchmarks/results.json and benchmarks/RESULTS.md. The exit code is 1 when a set, an image or the peer
was not there and something was left out; then nothing is written.
"""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from statistics import mean

from benchmarks.nbis_peer import Nbis, beside_nbis
from benchmarks.report import report
from edge.image_sets import Listed, list_images
from edge.measured import Evaluated, How, describe, evaluate, figures

HERE = Path(__file__).parent
DATA = Path(os.environ.get("VANTAY_DATA", "../shared/data")) / "fingerprints"
SETS = {
    "fvc2000/DB1_B": 500,
    "fvc2002/DB1_B": 500,
    "fvc2002/DB3_B": 500,
    "fvc2004/DB1_B": 500,
    "fvc2004/DB3_B": 512,
}
PEER_SET = "fvc2002/DB1_B"
Engine = Callable[[Listed, float], Evaluated]


def main() -> int:
    """Measure, print, write; say what was left out."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    left_out = [f"{name}: no such folder under {DATA}" for name in SETS if not (DATA / name).is_dir()]
    engines: dict[str, Engine] = {
        "full template": lambda listed, ppi: evaluate(listed, How(ppi)),
        "minutiae only": lambda listed, ppi: evaluate(listed, How(ppi, iso=True)),
    }
    try:
        engines["NBIS"] = Nbis().evaluate
    except ImportError:
        left_out.append("NBIS: nbis-py is not installed (it has no build for this machine, or: make setup)")
    accuracy = {}
    for engine, run in engines.items():
        accuracy[engine], unread = accuracy_of(engine, run)
        left_out += [f"{engine}: {complaint}" for complaint in unread]
    speed = beside_nbis(DATA / PEER_SET) if "NBIS" in engines and (DATA / PEER_SET).is_dir() else []
    for line in left_out:
        print(f"bench: left out: {line}", file=sys.stderr)
    if left_out:
        print(f"bench: {len(left_out)} things left out, nothing written")
        return 1
    results = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {"cpu": cpu_model(), "cores": len(cores), "used": 1},
        "versions": {name: metadata.version(name) for name in ("vantay", "numba", "numpy", "nbis-py")},
        "accuracy": accuracy,
        "speed": [row._asdict() for row in speed],
        "speed_set": PEER_SET,
    }
    (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    (HERE / "RESULTS.md").write_text(report(results), "utf-8")
    print(f"bench: {len(SETS)} sets, nothing left out; results.json and RESULTS.md are written")
    return 0


def accuracy_of(engine: str, run: Engine) -> tuple[dict[str, object], list[str]]:
    """Return an engine's figures on the sets that are there, and what it could not read."""
    evaluated = {
        name: run(list_images(DATA / name), float(ppi))
        for name, ppi in SETS.items()
        if (DATA / name).is_dir()
    }
    if not evaluated:
        return {}, []
    sets = [figures(name, [one]) for name, one in evaluated.items()]
    pooled = figures("pooled", list(evaluated.values()))
    for measured in (*sets, pooled):
        print(f"{engine}, {describe(measured)}", flush=True)
    means = {
        name: mean(getattr(one, name) for one in sets) for name in ("eer", "fmr100", "fmr1000", "zerofmr")
    }
    unread = [complaint for one in evaluated.values() for complaint in one.unread]
    return {"sets": [asdict(one) for one in sets], "mean": means, "pooled": asdict(pooled)}, unread


def cpu_model() -> str:
    """Return what the processor calls itself."""
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith(("model name", "Model")):
            return line.partition(":")[2].strip()
    return os.uname().machine


if __name__ == "__main__":
    sys.exit(main())
