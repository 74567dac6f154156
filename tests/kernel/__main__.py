"""The kernel rung: `python -m tests.kernel [--keep DIR] [--recordings DIR]`, what `make test-kernel` runs.

A guest with Debian's kernel, in which the booth captures from every virtual scanner through the real USB
stack (tests.kernel.inside), and from every one as a gadget; then each recording made there is replayed here,
to the identical image. The last line is `models=… gadgets=… captures=… replugs=… recordings=… identical=…
unnamed=0 skipped=0 s=…`; the exit code is 1 when anything failed or was skipped.
"""

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.commands.demo import Bar, synthetic_people
from fwtools.recording.folder import PCAPNG
from fwtools.recording.urb import BULK, COMPLETED, read_urbs
from tests.kernel.guest import run_in_guest
from tests.kernel.kept import keep
from tests.kernel.kernels import compiled_kernels
from tests.kernel.programs import NoGuest
from tests.kernel.rack import MODELS
from tests.kernel.rootfs import cache_folder

SECONDS = 900.0  # most that the guest may take
MARKS = ("rung: ", "guest: ")  # of lines worth showing
SCRIPT = "cd /opt/vantay && .venv/bin/python -m tests.kernel.inside"
FINGERS = {"right-index.png": "0001_02_1.png", "left-index.png": "0001_07_1.png"}


def main() -> int:
    """Run the rung and say what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.kernel")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="copy console and recordings there")
    parser.add_argument(
        "--recordings", type=Path, metavar="DIR", help="keep the recordings there, compressed"
    )
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):  # leave as on Ctrl-C: the guest ends
        signal.signal(number, signal.default_int_handler)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vantay-rung-") as temporary:
        results = Path(temporary)
        try:
            told = _in_guest(results)
        except NoGuest as error:
            print(f"test-kernel: {error}")
            told = {"problems": [str(error)]}
        for model in told.get("models", []):
            if not _is_torn(results / f"pulled-{model}"):
                told["problems"].append(f"{model}: usbmon did not see the cable pulled")
        recordings = [results / name for name in told.get("recordings", [])]
        identical = sum(_is_identical(recording) for recording in recordings)
        if arguments.recordings and identical == len(recordings):
            for recording in recordings:
                print(f"test-kernel: kept as {keep(recording, arguments.recordings)}")
        if arguments.keep:
            shutil.copytree(results, arguments.keep, dirs_exist_ok=True)
    return verdict(told, identical, time.monotonic() - began)


def _in_guest(results: Path) -> dict[str, Any]:
    """Run the guest; return what it told."""
    with (results / "console.log").open("w") as console:
        status = run_in_guest(SCRIPT, results, SECONDS, _shower(console.write), _add)
    try:
        told: dict[str, Any] = json.loads((results / "told.json").read_text())
    except OSError:
        last = (results / "console.log").read_text().splitlines()[-5:]
        raise NoGuest(
            f"the guest's program ended with {status} and told nothing: {' / '.join(last)}"
        ) from None
    return told


def _shower(log: Callable[[str], object]) -> Callable[[str], None]:
    def show(line: str) -> None:
        log(line + "\n")
        if line.startswith(MARKS):
            print(f"test-kernel: {line.removeprefix(MARKS[0])}", flush=True)

    return show


def _add(project: Path) -> None:
    """What else the guest has: fingers, and compiled kernels."""
    people = synthetic_people(Bar())
    (project / "fingers").mkdir()
    for name, source in FINGERS.items():
        shutil.copy(people / source, project / "fingers" / name)
    kernels = compiled_kernels(
        project, cache_folder(), lambda text: print(f"test-kernel: {text}", flush=True)
    )
    shutil.copytree(kernels, project / ".kernels")


def _is_torn(recording: Path) -> bool:
    """Whether usbmon saw a bulk transfer end because the cable was pulled."""
    urbs = read_urbs((recording / PCAPNG).read_bytes())
    return any(urb.kind == BULK and urb.event == COMPLETED and urb.status < 0 for urb in urbs)


def _is_identical(recording: Path) -> bool:
    """Whether a recording replays here to the image that was captured there."""
    program = Path(sys.executable).parent / "vantay-fw"
    done = subprocess.run([program, "replay", recording], capture_output=True, text=True, check=False)
    print(f"test-kernel: {(done.stdout or done.stderr).strip()}", flush=True)
    return done.returncode == 0 and done.stdout.strip().endswith(": as expected")


def verdict(told: dict[str, Any], identical: int, seconds: float) -> int:
    """Say what came of it, in words and in the last line; 0 when everything was done and went well."""
    recordings, models, gadgets = (told.get(name, []) for name in ("recordings", "models", "gadgets"))
    for problem in told["problems"]:
        print(f"test-kernel: FAIL {problem}")
    skipped = 2 * len(MODELS) - len(models) - len(gadgets)
    print(
        f"models={len(models)} gadgets={len(gadgets)} captures={told.get('captures', 0)} "
        f"replugs={told.get('replugs', 0)} "
        f"recordings={len(recordings)} identical={identical} unnamed={told.get('unnamed', 0)} "
        f"skipped={skipped} s={seconds:.0f}"
    )
    good = not told["problems"] and not told["unnamed"] and not skipped
    return 0 if good and identical == len(recordings) == len(MODELS) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("test-kernel: stopped")
