"""A station whose booth has the virtual slap scanner, and the hands of one made-up person before it."""

import os
import signal
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from edge.booth import enrolment as core
from edge.demo.person import Hand
from edge.journal import Journal
from edge.messages import Phase, State
from edge.store import Store
from fwtools.synthesis.files import png
from fwtools.synthesis.hand import IN_PICTURE
from fwtools.synthesis.people import draw_person
from fwtools.synthesis.slap import synthesise_slap
from tests.edge.programs import children
from tests.fwtools.synthetic import finger
from tests.system.production import Console, MosquittoStage

LIFTED_SECONDS = 0.3
JUDGED = (core.ATTEMPT, core.SLAP, core.ROLLED, core.CONFIRMATION)
WORKERS = ("edge.booth.scanner_worker", "edge.booth.matcher_worker")


@dataclass
class SlapStage(MosquittoStage):
    """The same station, with another scanner and plan."""

    model: str = "slap"
    plan: str = "four-four-two"

    def _configure(self) -> None:
        super()._configure()
        with (self.folder / "booth.toml").open("a") as file:
            file.write(f'unproved = true\n\n[plan]\nname = "{self.plan}"\n')


@cache
def laid_down(fingers: tuple[int, ...], impression: int = 1, subject: int = 1) -> bytes:
    """Return a picture (PNG) of these fingers of one hand, or of thumbs, on the scanner."""
    (position,) = [p for p, all_of_it in IN_PICTURE.items() if set(fingers) <= set(all_of_it)]
    missing = frozenset(IN_PICTURE[position]) - set(fingers)
    slap = synthesise_slap(
        lambda p: finger(subject, p),
        draw_person(1, subject),
        position,
        (1, subject, impression),
        missing,
        15.0,
    )
    return png(slap.pixels)


class Hands:
    """Lays fingers down for as long as it takes to judge them."""

    def __init__(self, stage: MosquittoStage, console: Console) -> None:
        self._folder, self._console, self._hand = stage.scans, console, Hand(stage.control)
        self._database = stage.folder / "booth" / "booth.db"

    def picture(self, fingers: tuple[int, ...], impression: int, subject: int) -> bytes:
        """Return what these fingers look like on the scanner (PNG)."""
        return laid_down(fingers, impression, subject)

    def place(
        self, *fingers: int, impression: int = 1, subject: int = 1, artefact: int | None = None
    ) -> State:
        """Lay these down when fingers are wanted, lift them when they were judged; return the state then."""
        name = f"{subject}-{'-'.join(map(str, fingers))}-{impression}.png"
        return self._show(name, self.picture(fingers, impression, subject), artefact)

    def _show(self, name: str, picture: bytes, artefact: int | None = None) -> State:
        before = self._judged()
        (self._folder / name).write_bytes(picture)
        while self._judged() == before:  # who comes before the first look at the platen is asked to lift
            self._console.until(lambda: self._console.shows(Phase.PLACE), "the wish for fingers")
            self._hand.put(name, artefact)
            self._console.until(lambda: self._judged() > before or self._console.shows(Phase.LIFT), "a look")
            self._hand.lift()
            self._console.until(lambda: self._judged() > before or self._console.shows(Phase.PLACE), "a word")
        judged = self._judged()
        self._console.until(lambda: self.journal() >= judged, "the state with the judgement")
        time.sleep(LIFTED_SECONDS)
        self._console.listen()
        assert self._console.state
        return self._console.state

    def journal(self) -> int:
        """Return how many entries the booth says it has."""
        return self._console.state.last_seq if self._console.state else 0

    def _judged(self) -> int:
        """Return the number of the journal's last entry about what was shown."""
        store = Store(self._database, read_only=True)
        found = [entry.seq for kind in JUDGED for entry in Journal(store).of_kind(kind)]
        store.close()
        return max(found, default=0)

    def close(self) -> None:
        """Leave the platen empty."""
        self._hand.close()


def cut_power(stage: MosquittoStage, console: Console) -> None:
    """Kill all that runs in the box, and wait until it stands there again."""
    pid = stage.processes["booth"].pid
    workers = [child for module in WORKERS for child in children(pid, module)]
    stage.kill("booth")
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    stage.kill("box")
    console.forget()
    stage.start_broker("box")
    stage.start_booth()
    console.until(lambda: console.state is not None, "the booth after a power cut")


def folder_of_scans(folder: Path) -> Path:
    """Make a folder with one picture, which the virtual scanner insists on."""
    scans = folder / "scans"
    scans.mkdir()
    (scans / "first.png").write_bytes(laid_down((2, 3, 4, 5)))
    return scans
