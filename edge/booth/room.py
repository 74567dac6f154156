"""Room on the disk for one more person: set aside before the first finger, whatever fills the disk later.

Everything that an enrolment writes goes through SQLite's write-ahead log, and only from there into the file.
So the log is made as long as all of it can come to, by blocks that the file system gives away to nobody else
(posix_fallocate), and is not cut off while the enrolment lasts. On a full disk what was committed stays in
the log: a checkpoint that finds no room is tried again with the next commit. Zeros behind the log's last
frame are no frames. Its index (-shm) grows with it and is made as long; that file stays open here until the
program ends, for closing it would let go of SQLite's locks on it (POSIX, fcntl).
"""

import os
from pathlib import Path

from edge.booth.plan import EnrolmentPlan
from edge.store import Database

PLAIN, ROLLED, SLAP = 512 * 512, 800 * 750, 1600 * 1500  # bytes of a picture, not compressed
BESIDE = 64 * 1024  # of a finger's template, record and search code
BASE64 = 4 / 3  # a packet's growth
OTHERS = 16 * 1024 * 1024  # the journal, cursors, and what other people's packets and lists change meanwhile
MARGIN = 1.2  # pages that are written twice, and their inner nodes
FRAME, REGION, FRAMES = 4096 + 24, 32 * 1024, 4000  # a page in the log; its index: so many frames a region
MEGA = 1_000_000
RETRY_SECONDS = 5.0


def bytes_for(plan: EnrolmentPlan) -> int:
    """Return what one enrolment by a plan writes at most: every attempt, the packet, every attempt purged."""
    plain, rolled, slaps = len(plan.positions), len(plan.rolled), len(plan.slaps)
    pictures = plain * PLAIN + rolled * ROLLED + slaps * SLAP
    beside = (plain + rolled) * BESIDE
    kept = plan.attempts * (pictures + beside)
    return int(MARGIN * (2 * kept + BASE64 * (pictures + beside)) + beside) + OTHERS


class Room:
    """What is set aside in one booth's data folder; `trouble` says why nothing is."""

    def __init__(self, store: Database, path: Path) -> None:
        self._store, self._log = store, path.with_name(f"{path.name}-wal")
        self._index = os.open(path.with_name(f"{path.name}-shm"), os.O_RDWR)
        self.held = False
        self.trouble: str | None = None
        self._tried_at = 0.0

    def take(self, wanted: int, begun: bool = False) -> bool:
        """Set bytes aside; False with `trouble` where there are not as many.

        `begun`: for an enrolment that a former life of this program began, whose room may still be there.
        """
        self.trouble = None
        try:
            if begun and self._log.stat().st_size >= wanted:
                self._set_aside(self._index, wanted // FRAME // FRAMES * REGION + 2 * REGION)
            else:
                if not self.held:
                    self._store.empty_log()
                self._lengthen(wanted)
        except OSError as error:
            self.trouble = (
                f"the disk has no room for one more person ({error.strerror}): {wanted // MEGA + 1} MB are "
                f"needed, {_free(self._log.parent) // MEGA} MB are free; make room there"
            )
            return False
        self.held = True
        return True

    def keep(self, wanted: int, now: float) -> None:
        """Set aside anew what is gone: another program may have cut the log off just before the beginning."""
        if self.trouble and now - self._tried_at < RETRY_SECONDS:
            return
        if not self.held or self._log.stat().st_size < wanted:
            self._tried_at = now
            self.take(wanted)

    def give_back(self) -> None:
        """The enrolment is over: let the disk have what was not needed."""
        self.held, self.trouble = False, None
        self._store.empty_log()

    def _lengthen(self, wanted: int) -> None:
        length = self._log.stat().st_size + wanted
        self._set_aside(self._index, length // FRAME // FRAMES * REGION + 2 * REGION)
        log = os.open(self._log, os.O_RDWR)
        try:
            self._set_aside(log, length)
        finally:
            os.close(log)

    def _set_aside(self, file: int, length: int) -> None:
        more = length - os.fstat(file).st_size
        if more > _free(
            self._log.parent
        ):  # asked first: a file system may keep what it could give of too much
            raise OSError(28, "No space left on device")
        if more > 0:
            os.posix_fallocate(file, 0, length)


def _free(folder: Path) -> int:
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize
