"""What the guest runs, as root: the kernel rung. Results go to /mnt/results.

Install the project as README says, plug the virtual scanners in, then for each model: the device's file and
who may open it, a cable pulled in a transfer, one capture recorded; then an enrolment by the booth's unit,
and each model as a gadget (tests.kernel.gadgets).
"""

import json
import os
import stat
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.kernel import gadgets
from tests.kernel.enrolling import PLACE, USER, enrol, install, run
from tests.kernel.rack import MODELS, Plugged, Rack, rack

RESULTS = Path("/mnt/results")
SCANS = PLACE / "fingers"
IMAGE = "right-index.png"
KERNELS = PLACE / ".kernels"  # compiled on the host
PULLED_AFTER = {"hamster": 300_000, "nb1010": 20_000, "uru4500": 60_000}  # bytes: within a picture
NAMED = {"unplugged", "not found"}  # what may be said of a cable that is out
SPOILT = {"stall": "protocol", "die": "unplugged"}  # what a gadget's fault is told as
LEAST_ALIKE = 0.9  # correlation of two images of one finger that differ by noise
AS_USER = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs"]
FIND_KERNELS = """
from numba.core.caching import UserProvidedCacheLocator as Locator
from matching.kernels import _jit
print(_jit.cache_directory() / Locator.get_suitable_cache_subpath(_jit.__file__))
"""


@dataclass
class Told:
    """What is told to the host."""

    models: list[str] = field(default_factory=list)  # that did everything
    captures: int = 0
    replugs: int = 0
    unnamed: int = 0  # faults that do not say what happened
    recordings: list[str] = field(default_factory=list)
    gadgets: list[str] = field(default_factory=list)  # models that did everything as a gadget
    problems: list[str] = field(default_factory=list)


def say(text: str) -> None:
    """A line for the person at the host."""
    print(f"rung: {text}", flush=True)


def main() -> int:
    """Do everything, whatever fails; 1 when anything did."""
    told = Told()
    os.environ["PATH"] = f"{PLACE}/.venv/bin:{os.environ['PATH']}"
    with _step(told, "installing the booth as README says"):
        install()
        run("modprobe", "vhci-hcd")
        run("modprobe", "usbmon")
    with _step(told, "plugging the virtual scanners into vhci-hcd"), rack(SCANS) as scanners:
        for plugged in scanners.scanners.values():
            _one_model(told, scanners, plugged)
        with _step(told, "enrolling a person at the booth's unit, the cable pulled before the second finger"):
            _place_kernels()
            _enrol(told, scanners)
    _gadgets(told)
    (RESULTS / "told.json").write_text(json.dumps(asdict(told)))
    return 1 if told.problems else 0


@contextmanager
def _step(told: Told, what: str) -> Iterator[None]:
    began = time.monotonic()
    say(f"{what} …")
    try:
        yield
    except Exception as error:
        traceback.print_exc()
        told.problems.append(f"{what}: {error}")
        say(f"FAIL {what}: {error}")
    else:
        say(f"ok   {what}, {time.monotonic() - began:.0f} s")


def _one_model(told: Told, scanners: Rack, plugged: Plugged) -> None:
    before = len(told.problems)
    steps: list[tuple[str, Callable[[Told, Rack, Plugged], None]]] = [
        ("the device's file and who may open it", _node),
        ("capture, pull the cable in a transfer, put it back: twice", _pull),
        ("record one capture", _record),
    ]
    for what, do in steps:
        with _step(told, f"{plugged.model}: {what}"):
            do(told, scanners, plugged)
    if len(told.problems) == before:
        told.models.append(plugged.model)


def _node(_told: Told, _scanners: Rack, plugged: Plugged) -> None:
    """The udev rule gave it to the booth's group; a stranger is refused with the sentence that helps."""
    run("udevadm", "settle")
    found = plugged.node.stat()
    owner, mode = f"{plugged.node.owner()}:{plugged.node.group()}", stat.filemode(found.st_mode)
    assert (owner, mode) == (f"root:{USER}", "crw-rw----"), f"{plugged.node} is {owner} {mode}"
    opening = "import sys\nfrom drivers.session import open_scanner\nopen_scanner(sys.argv[1])"
    stranger = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    done = subprocess.run(
        [*stranger, "python", "-c", opening, f"usb:{plugged.port}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "permission: this user may not open" in done.stderr, f"a stranger was told: {done.stderr[-200:]}"


def _pull(told: Told, scanners: Rack, plugged: Plugged) -> None:
    """As the booth's user, with usbmon beside it."""
    host, port = scanners.control
    out = RESULTS / f"pulled-{plugged.model}"
    program = ["python", "-m", "tests.kernel.pulled", f"usb:{plugged.port}", host, str(port)]
    program += [plugged.busid, IMAGE, str(PULLED_AFTER[plugged.model])]
    said = run("vantay-fw", "record", "--usb", plugged.port, "--out", str(out), "--", *AS_USER, *program)
    _judge(told, plugged.model, said)


def _judge(told: Told, model: str, said: str) -> None:
    """What the program with the pulled cables says came of them."""
    result = json.loads(next(line for line in said.splitlines() if line.startswith('{"model"')))
    told.unnamed += sum(fault not in NAMED for fault in result["faults"])
    assert set(result["first"]) == {"unplugged"}, f"a cable was pulled, and the booth said {result['faults']}"
    assert result["alike"] > LEAST_ALIKE, f"the images are not of one finger: {result['alike']:.3f}"
    told.captures += 3
    told.replugs += 2
    say(f"{model}: {', '.join(result['faults'])}; the images agree by {result['alike']:.3f}")


def _record(told: Told, scanners: Rack, plugged: Plugged) -> None:
    out = RESULTS / f"recorded-{plugged.model}"
    scanners.order(plugged.busid, "put", image=IMAGE)
    said = run(
        *("vantay-fw", "record", "--usb", plugged.port, "--capture", "--occupied", "--settle", "0"),
        *("--source", "a virtual scanner of vantay-fw virtual, on vhci-hcd"),
        *("--finger", "a synthetic one of vantay-fw synthesise", "--out", str(out)),
    )
    scanners.order(plugged.busid, "lift")
    say(f"{plugged.model}: {said.strip()}")
    told.captures += 1
    told.recordings.append(out.name)


def _gadgets(told: Told) -> None:
    images: dict[str, str] = {}
    with _step(told, "gadgets: what is refused, and the images that they must give"):
        gadgets.load_modules()
        for expected, said in gadgets.refusals(SCANS, AS_USER).items():
            assert expected in said, f"{expected!r} was to be said, not {said!r}"
        assert not gadgets.left(), f"who refuses has left {gadgets.left()}"
        images |= gadgets.virtual_images(SCANS, IMAGE, RESULTS)
    for model in MODELS:
        before = len(told.problems)
        with _step(
            told, f"gadget {model}: the virtual scanner's image; two pulled cables, a stall, a torn plug"
        ):
            _one_gadget(told, model, images)
        if len(told.problems) == before:
            told.gadgets.append(model)


def _one_gadget(told: Told, model: str, images: dict[str, str]) -> None:
    """The Hamster is killed at its end: the next one clears away what that leaves."""
    with gadgets.gadget(model, SCANS) as one:
        run("udevadm", "settle")
        got = gadgets.capture(f"usb:{one.port}", one.hand, IMAGE, RESULTS / f"gadget-{model}.npy")
        assert got == images.get(model), f"the image is another one than the virtual scanner's: {got}"
        host, port = one.control
        place = [f"usb:{one.port}", host, str(port), one.busid, IMAGE]
        program = [*AS_USER, "python", "-m", "tests.kernel.pulled", *place, str(PULLED_AFTER[model])]
        _judge(told, model, run(*program))
        said = json.loads(run(*AS_USER, "python", "-m", "tests.kernel.spoilt", *place).splitlines()[-1])
        assert said["told"] == SPOILT, f"faults were told as {said['told']}"
        assert said["alike"] > LEAST_ALIKE, f"the images are not of one finger: {said['alike']:.3f}"
        told.captures += 1 + 1 + len(SPOILT)
        if model == "hamster":
            assert gadgets.begins_anew(f"usb:{one.port}"), "a picture began with what was left of another"
            one.kill()
            assert len(gadgets.left()) == 2, (
                f"a killed gadget leaves its tree and mount, not {gadgets.left()}"
            )


def _place_kernels() -> None:
    """Put the kernels that were compiled on the host where this place's are looked for."""
    os.environ.update(NUMBA_CPU_NAME="generic", VANTAY_CACHE_DIR="/var/cache/vantay")
    place = run("python", "-c", FIND_KERNELS).strip()
    run("cp", "-a", f"{KERNELS}/.", place)
    run("chown", "-R", f"{USER}:{USER}", "/var/cache/vantay")


def _enrol(told: Told, scanners: Rack) -> None:
    kinds = enrol(scanners, scanners.scanners["hamster"], {2: [IMAGE], 7: ["left-index.png"]}, say)
    say(f"journal: {', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))}")
    assert kinds["enrolment.sealed"] == 1, "the enrolment was not sealed"
    assert kinds["fault: unplugged"] == 1, "the pulled cable was not told as unplugged"
    told.unnamed += sum(
        count for kind, count in kinds.items() if kind.startswith("fault: ") and kind[7:] not in NAMED
    )
    told.captures += 3
    told.replugs += 1


if __name__ == "__main__":
    sys.exit(main())
