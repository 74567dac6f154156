"""Room on the disk for one more person: set aside before the first finger, whatever fills the disk later.

Everything that an enrolment writes goes through SQLite's write-ahead log, and only from there into the file.
So the log is made as long as all of it can come to, by blocks that the file system gives away to nobody else
(posix_fallocate), and is not cut off while the enrolment lasts. On a full disk what was committed stays in
the log: a checkpoint that finds no room is tried again with the next commit. Zeros behind the log's last
frame are no frames. Its index (-shm) grows with it and is made as long; that file stays open here until the
program ends, for closing it would let go of SQLite's locks on it (POSIX, fcntl).
"""

import os
from errno import ENOSPC
from pathlib import Path

from edge.booth.plan import EnrolmentPlan
from edge.store import Database

PLAIN, ROLLED, SLAP = 512 * 512, 800 * 750, 1600 * 1500  # bytes of a picture, not compressed
BESIDE = 64 * 1024  # of a finger's template, record and search code
BASE64 = 4 / 3  # a packet's growth
OTHERS = 16 * 1024 * 1024  # the journal, cursors, and what other people's packets and lists change meanwhile
MARGIN = 1.2  # pages that are written twice, and their inner nodes
HEADER, FRAME = 32, 4096 + 24  # of the log; a page in it
REGION, FRAMES = 32 * 1024, 4000  # of its index: so many frames a region
MEGA = 1_000_000
SPARE = MEGA  # of the log, for its index, that a start on a full disk has to lengthen again
RETRY_SECONDS, NEVER = 5.0, float("-inf")
LEAST_DISTANCE = 2  # enrolments between the beginning of the warning and its end


def bytes_for(plan: EnrolmentPlan) -> int:
    """Return what one enrolment by a plan writes at most: every attempt, the packet, every attempt purged."""
    plain, rolled, slaps = len(plan.positions), len(plan.rolled), len(plan.slaps)
    pictures = plain * PLAIN + rolled * ROLLED + slaps * SLAP
    beside = (plain + rolled) * BESIDE
    kept = plan.attempts * (pictures + beside)
    return int(MARGIN * (2 * kept + BASE64 * (pictures + beside)) + beside) + OTHERS


def is_short(left: int, least: int, short: bool) -> bool:
    """Whether fewer than `least` enrolments find room; once that was so, until a quarter more do."""
    return left < least + (max(LEAST_DISTANCE, least // 4) if short and least else 0)


class Room:
    """What is set aside in one booth's data folder.

    `trouble` says why nothing is; `notice`, before it comes to that, that the disk fills up.
    """

    def __init__(self, store: Database, path: Path) -> None:
        self._store, self._log = store, path.with_name(f"{path.name}-wal")
        self._index = os.open(path.with_name(f"{path.name}-shm"), os.O_RDWR)
        self.held = False
        self.trouble: str | None = None
        self.notice: str | None = None
        self._tried_at = NEVER
        store.has_room = True

    def take(self, wanted: int, begun: bool = False) -> bool:
        """Set bytes aside; False with `trouble` where there are not as many.

        `begun`: somebody is being enrolled, and nothing that is set aside for them is let go of.
        """
        self.trouble = None
        try:
            if not begun:
                self._store.empty_log()
            if not begun or self._length() < wanted:
                self._lengthen(self._used() + wanted + SPARE)
            self._lengthen_index()
        except OSError as error:
            self.trouble = self._no_room(wanted, error.strerror)
            return False
        self.held = True
        return True

    def keep(self, wanted: int, now: float) -> None:
        """Set aside anew what is gone: another program may have cut the log off just before the beginning."""
        if self.trouble and now - self._tried_at < RETRY_SECONDS:
            return
        if not self.held or self._length() < wanted:
            self._tried_at = now
            self.take(wanted, begun=True)

    def look(self, wanted: int) -> None:
        """Say while nobody is enrolled whether the next one finds room: what the log has comes back first."""
        is_there = wanted + SPARE <= _free(self._log.parent) + self._length()
        self.trouble = None if is_there else self._no_room(wanted, os.strerror(ENOSPC))

    def _no_room(self, wanted: int, why: str | None) -> str:
        return (
            f"the disk has no room for one more person ({why}): {wanted // MEGA + 1} MB are "
            f"needed, {_free(self._log.parent) // MEGA} MB are free; make room there"
        )

    def runs_short(self, each: int, least: int) -> bool:
        """Look whether `least` more enrolments of `each` bytes find room; tell whether `notice` is new."""
        known = self.notice is not None
        short = is_short(_free(self._log.parent) // each, least, known)
        text = f"the disk has room for fewer than {least} more people: have a technician make room in time"
        self.notice = text if short else None
        return short and not known

    def give_back(self, now: float) -> None:
        """The enrolment is over: let the disk have what was not needed, as soon as nobody reads the log."""
        self.trouble = None
        if now - self._tried_at >= RETRY_SECONDS:
            self._store.empty_log()
            self.held = self._length() > 0
            self._tried_at = now if self.held else NEVER

    def _length(self) -> int:
        return self._log.stat().st_size

    def _used(self) -> int:
        """Return how far the log's frames reach: with its header's salts (sqlite.org, fileformat2, 4)."""
        with self._log.open("rb", buffering=0) as log:
            salts, end = os.pread(log.fileno(), HEADER, 0)[16:24], HEADER
            while salts and os.pread(log.fileno(), 8, end + 8) == salts:
                end += FRAME
        return end if salts else 0

    def _lengthen(self, length: int) -> None:
        more = length - self._length()
        # asked first: a file system may keep what it could give of too much
        if more > _free(self._log.parent):
            raise OSError(ENOSPC, os.strerror(ENOSPC))
        if more > 0:
            with self._log.open("r+b", buffering=0) as log:
                os.posix_fallocate(log.fileno(), 0, length)

    def _lengthen_index(self) -> None:
        """Make the index as long as the log wants it; a start shortens it, and the disk may be full then."""
        length = self._length()
        wanted = length // FRAME // FRAMES * REGION + 2 * REGION
        try:
            os.posix_fallocate(self._index, 0, wanted)
        except OSError:
            if length - wanted < self._used():
                raise
            os.truncate(self._log, length - wanted)  # zeros behind the last frame: what is spare there
            os.posix_fallocate(self._index, 0, wanted)


def _free(folder: Path) -> int:
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize
