"""Soak every model of scanner on the software bus: captures with a random fault in one of ten.

    .venv/bin/python benchmarks/soak.py --captures 10000        # on each model: make test-soak

Each model has a process that captures and one that is the scanner (`vantay-fw virtual`), with USB/IP between
them. The last line has the figures; anything that hangs, leaks, is wrong, unnamed or left out ends it with 1.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fwtools.progress import Progress
from fwtools.virtual.models import MODELS

SOAKED = [model for model in MODELS if model not in ("fs80", "slap")]  # the models of proved drivers

SILENCE_SECONDS = 120.0  # of a process that captures: it hangs in a transfer
COUNTS, MEASURES = ("captures", "faults", "hangs", "wrong", "unnamed"), ("leaked_mib", "ms_per_capture")
MOST_LEAKED_MIB = 8.0  # growth that is no leak: the allocator's slack


@dataclass
class Worker:
    """The process that captures from one model, and what it told last."""

    process: "subprocess.Popen[str]"
    heard: float
    captures: int = 0
    report: dict[str, Any] = field(default_factory=dict)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--captures", type=int, default=10_000, help="on each model (%(default)s)")
    parser.add_argument("--model", choices=SOAKED, action="append", help="only this one, or these")
    parser.add_argument("--rate", type=float, default=0.1, help="of captures with a fault (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="%(default)s")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workers = {model: start(model, args, Path(folder) / model) for model in args.model or SOAKED}
        return judged(args.captures, soaked(workers, args.captures))


def start(model: str, args: argparse.Namespace, folder: Path) -> Worker:
    folder.mkdir()
    program = Path(__file__).with_name("soaking.py")
    command = [sys.executable, program, model, args.captures, args.rate, args.seed, folder]
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
    return Worker(process, time.monotonic())


def soaked(workers: dict[str, Worker], captures: int) -> dict[str, Worker]:
    """Wait for all; one that falls silent hangs, and is ended."""
    progress = Progress("soak", captures * len(workers), "captures")
    readers = [threading.Thread(target=listen, args=(worker, progress)) for worker in workers.values()]
    for reader in readers:
        reader.start()
    while any(reader.is_alive() for reader in readers):
        time.sleep(0.2)
        for worker in workers.values():
            if time.monotonic() - worker.heard > SILENCE_SECONDS and worker.process.poll() is None:
                worker.process.kill()
                worker.report = {"hangs": 1}
    progress.end()
    return workers


def listen(worker: Worker, progress: Progress) -> None:
    assert worker.process.stdout is not None
    for line in worker.process.stdout:
        told = json.loads(line)
        worker.heard = time.monotonic()
        worker.report = told.get("report", worker.report)
        if "captures" in told:
            progress.advance(told["captures"] - worker.captures)
            worker.captures = told["captures"]
    worker.process.wait()


def judged(captures: int, workers: dict[str, Worker]) -> int:
    """Say what each model did, then the one line; 0 when nothing broke a limit and nothing is missing."""
    total: dict[str, float] = dict.fromkeys(COUNTS, 0)
    broken = []
    for model, worker in workers.items():
        report = worker.report
        for name in COUNTS:
            total[name] += report.get(name, 0)
        leaked, seconds = report.get("leaked_mib", 0.0), report.get("seconds", 0.0)
        print(
            f"{model}: {report.get('captures', 0)} captures in {seconds:.0f} s, {leaked:.1f} MiB more, ",
            end="",
        )
        print(f"{report.get('occupied', 0)} times a finger lay there before; faults: ", end="")
        print(", ".join(f"{name} {n}" for name, n in report.get("outcomes", {}).items()) or "none")
        if worker.process.returncode or report.get("captures", 0) < captures:
            broken.append(f"{model}: {captures - report.get('captures', 0)} captures are missing")
        if leaked > MOST_LEAKED_MIB or report.get("more_threads_or_files"):
            broken.append(f"{model}: {leaked:.1f} MiB, or threads or files, grew")
    broken += [f"{total[name]} {name}" for name in ("hangs", "wrong", "unnamed") if total[name]]
    for sentence in broken:
        print(f"soak: {sentence}")
    leaked = max(worker.report.get("leaked_mib", 0.0) for worker in workers.values())
    spent = 1000 * sum(worker.report.get("seconds", 0.0) for worker in workers.values())
    total["leaked_mib"], total["ms_per_capture"] = leaked, spent / max(1, total["captures"])
    figures = {name: f"{value:.1f}" if name in MEASURES else value for name, value in total.items()}
    print(" ".join(f"{name}={value}" for name, value in figures.items()))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
