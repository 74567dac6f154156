"""`vantay demo`: the main job end to end on this machine; no hardware, no root, no broker to install."""

import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from importlib import metadata
from pathlib import Path

from edge.errors import VantayError

SEED = 20210101  # the campaign's first day
PEOPLE, IMPRESSIONS = 5, 3
MARK = ".made-by-vantay-demo"


def configure(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--scans",
        type=Path,
        metavar="DIR",
        help="real images FINGER_IMPRESSION.png instead of synthetic ones",
    )


def run(arguments: Namespace) -> int:
    """Play, check, and say what happened; 1 when anything is not as it should be."""
    from edge.demo.script import read_people, write_visits  # late: --help stays quick
    from edge.demo.story import play

    began = time.monotonic()
    for number in (signal.SIGTERM, signal.SIGHUP):  # leave as on Ctrl-C: every process that was started ends
        signal.signal(number, signal.default_int_handler)
    bar = Bar()
    scans = (arguments.scans or synthetic_people(bar)).resolve()
    people = read_people(scans)
    folder = _fresh_folder()
    findings = play(folder, scans, write_visits(people), bar.show)
    bar.end()
    good = all(finding.good for finding in findings)
    for finding in findings:
        print(f"  {'ok  ' if finding.good else 'FAIL'} {finding.text}")
    _where_next(folder, scans / people[0][1][0])
    seconds = time.monotonic() - began
    verdict = "everything is as it should be" if good else "NOT everything is as it should be"
    print(f"demo: {verdict}: {sum(f.good for f in findings)} of {len(findings)} checks, {seconds:.0f} s")
    return 0 if good else 1


class Bar:
    """A progress bar on a terminal, a line for each new thing elsewhere; on standard error."""

    def __init__(self) -> None:
        self._terminal, self._last = sys.stderr.isatty(), ""

    def show(self, done: int, total: int, text: str) -> None:
        """Say how far it is and what happens."""
        if self._terminal:
            filled = 30 * done // max(total, 1)
            line = f"\r[{'#' * filled}{'.' * (30 - filled)}] {done:2}/{total} fingers  {text}"
            print(line[:100].ljust(100), end="", file=sys.stderr, flush=True)
        elif text != self._last:
            print(f"  {done:2}/{total} fingers  {text}", file=sys.stderr, flush=True)
        self._last = text

    def end(self) -> None:
        """Leave the bar's line."""
        if self._terminal:
            print(file=sys.stderr)


def synthetic_people(bar: Bar) -> Path:
    """Return the folder of the demo's synthetic people; made once for each release, the same every time."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "vantay"
    folder = cache / f"demo-people-{metadata.version('vantay')}-{SEED}-{PEOPLE}x{IMPRESSIONS}"
    if folder.is_dir():
        return folder
    bar.show(0, PEOPLE * 10, "making five synthetic people (once)")
    try:
        cache.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix="people-", dir=cache))
    except OSError as error:
        raise VantayError(
            f"the folder {cache} cannot be used ({error.strerror}): set XDG_CACHE_HOME"
        ) from None
    tool = str(Path(sys.executable).parent / "vantay-fw")
    sizes = ["--subjects", str(PEOPLE), "--impressions", str(IMPRESSIONS), "--seed", str(SEED)]
    made = subprocess.run(
        [tool, "synthesise", *sizes, str(work)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        shutil.rmtree(work)
        raise VantayError(f"the synthetic people could not be made: {made.stderr.strip()}")
    try:
        work.rename(folder)
    except OSError:  # another demo was quicker
        shutil.rmtree(work)
    return folder


def _fresh_folder() -> Path:
    """Return an empty folder for this run; the one of the last run goes, unless it is still in use."""
    folder = Path(tempfile.gettempdir()) / f"vantay-demo-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700)
        (folder / MARK).touch()
    except FileExistsError:
        if not _is_ours(folder):
            return Path(tempfile.mkdtemp(prefix="vantay-demo-"))
    lock = os.open(folder / MARK, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held until this process ends
    except OSError:
        return Path(tempfile.mkdtemp(prefix="vantay-demo-"))
    for old in folder.iterdir():
        if old.name != MARK:
            shutil.rmtree(old) if old.is_dir() and not old.is_symlink() else old.unlink()
    return folder


def _is_ours(folder: Path) -> bool:
    """Whether an earlier demo of this user made the folder: only then may its content be thrown away."""
    about = folder.lstat()
    private = stat.S_ISDIR(about.st_mode) and about.st_uid == os.getuid() and not about.st_mode & 0o077
    return private and (folder / MARK).is_file()


def _where_next(folder: Path, image: Path) -> None:
    program = Path(sys.executable).parent / "vantay"
    packet = next((folder / "hub" / "packets").glob("??/*.packet"), Path("…"))
    print(f"""
Where to look next (the demo's files stay in {folder} until the next run):
  {program} hub status --config {folder}/hub.toml
  {program} journal show --config {folder}/booth.toml | less
  {program} packet open {packet} --key {folder}/ministry/ministry.key
  {program} show {image} -o stages.png
  the topics: edge/messages.py; on a real station: mosquitto_sub -v -t 'vantay/v1/#'
""")
