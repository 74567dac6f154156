"""Virtual scanners as they stand on the bench: each with its platen, its folder of images, its port."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fwtools.errors import ToolError
from fwtools.virtual.faults import Fault
from fwtools.virtual.images import list_images
from fwtools.virtual.models import MODELS, Model, Ppi
from fwtools.virtual.platen import Pace, Platen, Presenter, Sight
from fwtools.virtual.script import ScannerScript
from fwtools.virtual.server import Bus, Port
from fwtools.virtual.slap import SlapScanner


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a scanner is to be."""

    model: str
    serial: str
    folder: Path
    seed: int = 1
    script: ScannerScript | None = None
    ppi: Ppi | None = None  # of this unit; None: as the model has


@dataclass(frozen=True, slots=True)
class Presentation:
    """One finger of a script, or only a fault; seconds after the one before, and that it lies."""

    path: Path | None
    after: float
    lies: float
    fault: Fault | None
    artefact: int | None = None


@dataclass(frozen=True, slots=True)
class Bench:
    """One virtual scanner."""

    wanted: Wanted
    platen: Platen
    port: Port
    script: tuple[Presentation, ...] = ()

    def find(self, name: str) -> Path:
        """An image or a folder of images under this scanner's folder; ToolError when there is none."""
        return _find(self.wanted.folder, name)


def build(wanted: Sequence[Wanted], pace: Pace | None = None, loop: bool = False) -> list[Bench]:
    """Put the scanners on the bench, bus ids 1-1, 1-2 …; with a pace they present their images themselves."""
    serials = [one.serial for one in wanted]
    for serial in serials:
        if serials.count(serial) > 1:
            raise ToolError(f"two scanners have the serial number {serial}: give each its own")
    return [_bench(one, number, pace, loop) for number, one in enumerate(wanted, 1)]


def _bench(one: Wanted, number: int, pace: Pace | None, loop: bool) -> Bench:
    model, images = MODELS[one.model], list_images(one.folder)
    platen = Platen(_sight(model, one), model.size, model.window)
    shoot = platen.shoot if pace is None else Presenter(platen, images, pace, loop).shoot
    device = model.device(one.serial, one.seed, shoot)
    if isinstance(device, SlapScanner):
        device.artefact = lambda: platen.artefact
    port = Port(device, f"1-{number}", number, one.seed)
    return Bench(one, platen, port, _script(one))


def _sight(model: Model, one: Wanted) -> Sight:
    if one.ppi is None:
        return model.sight(one.seed)
    if model.measured is None:
        fitting = ", ".join(name for name, other in MODELS.items() if other.measured)
        raise ToolError(f"a virtual {one.model} has one resolution: --ppi is for {fitting}")
    return model.measured(one.ppi)


def _script(one: Wanted) -> tuple[Presentation, ...]:
    """The script with a folder's images one after another; a bad name is told now."""
    script = []
    for finger in one.script.finger if one.script else ():
        paths: list[Path | None] = [None]
        if finger.image is not None:
            path = _find(one.folder, finger.image)
            paths = [*(list_images(path) if path.is_dir() else [path])]
        if finger.artefact is not None:
            check_detects(one.model)
        script += [
            Presentation(path, finger.after, finger.lies, finger.fault, finger.artefact) for path in paths
        ]
    return tuple(script)


def check_detects(model: str) -> None:
    """Refuse an artefact for a model without attack detection: none that one can buy is known to have it."""
    if model != "slap":
        raise ToolError(f"a virtual {model} detects no attacks: 'artefact' is for slap")


def _find(folder: Path, name: str) -> Path:
    folder = folder.resolve()
    try:
        path = (folder / name).resolve()
        found = path.exists()
    except (OSError, ValueError):  # a name no file can have
        path, found = folder, False
    if not path.is_relative_to(folder):
        raise ToolError(f"{name!r} lies outside the folder of images")
    if not found:
        raise ToolError(f"there is no image {name!r} in {folder}")
    return path


def bus_of(benches: Sequence[Bench]) -> Bus:
    """The bus that all of them are on."""
    return Bus([bench.port for bench in benches])
