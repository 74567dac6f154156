"""The booth's figures: counted from its journal, written to a file for node_exporter's textfile collector."""

import os
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from edge.booth.enrolment import ABANDONED, ATTEMPT, CONFIRMATION, ROLLED, SEALED, SLAP, Body
from edge.metrics import Family, Metrics

WRITE_SECONDS = 10.0
FAMILIES = (
    Family("vantay_booth_info", "gauge", "1, labelled with the booth's name and release."),
    Family("vantay_booth_start_time_seconds", "gauge", "When the daemon started, since 1970."),
    Family("vantay_booth_broker_connected", "gauge", "Whether the box's broker is connected (1 or 0)."),
    Family("vantay_booth_journal_entries", "gauge", "Entries in the journal."),
    Family("vantay_booth_journal_backlog_entries", "gauge", "Entries that the hub has not acknowledged."),
    Family(
        "vantay_booth_acknowledgement_seconds", "histogram", "From first sending an entry to the hub's word."
    ),
    Family("vantay_booth_acknowledgements_refused_total", "counter", "Acknowledgements of another journal."),
    Family("vantay_booth_packets_waiting", "gauge", "Sealed packets that the hub does not have yet."),
    Family(
        "vantay_booth_packets_overdue",
        "gauge",
        "Packets kept beyond their time: no clock that is set ended it.",
    ),
    Family("vantay_booth_disk_free_bytes", "gauge", "Free space where the journal lies."),
    Family("vantay_booth_disk_size_bytes", "gauge", "Size of the disk where the journal lies."),
    Family("vantay_booth_scanner_ready", "gauge", "Whether a scanner is ready (1 or 0)."),
    Family("vantay_booth_matcher_ready", "gauge", "Whether the matcher is ready (1 or 0)."),
    Family("vantay_booth_trouble", "gauge", "Whether nobody may be enrolled here now (1 or 0)."),
    Family("vantay_booth_scanner_faults_total", "counter", "Faults of the scanner, by kind."),
    Family("vantay_booth_worker_restarts_total", "counter", "Worker processes that died and were restarted."),
    Family("vantay_booth_captures_total", "counter", "Judged captures, by outcome."),
    Family("vantay_booth_enrolments_total", "counter", "Enrolments that ended, by outcome."),
)


class Standing(NamedTuple):
    """What the loop knows at the moment of writing."""

    journal: int
    acknowledged: int
    packets: int
    overdue: int  # packets
    scanner: bool
    matcher: bool
    trouble: bool


class Figures:
    """One booth's figures; without a file nothing is written."""

    def __init__(self, file: Path | None, data: Path, log: Any) -> None:
        self._file, self._data, self._log = file, data, log
        self.metrics = Metrics(FAMILIES)
        self.metrics.set("vantay_booth_broker_connected", 0)
        self._written_at: float | None = None
        self._failed = False

    def started(self, booth: str, release: str) -> None:
        """Say who this is."""
        self.metrics.set("vantay_booth_info", 1, booth=booth, release=release)
        self.metrics.set("vantay_booth_start_time_seconds", time.time())

    def recorded(self, kind: str, body: Body) -> None:
        """Count an entry that was written."""
        if kind in (ATTEMPT, CONFIRMATION, ROLLED, SLAP):
            self.metrics.count("vantay_booth_captures_total", outcome=str(body["decision"]))
        elif kind in (SEALED, ABANDONED):
            outcome = "abandoned" if kind == ABANDONED else str(body["outcome"])
            self.metrics.count("vantay_booth_enrolments_total", outcome=outcome)
        elif kind == "worker.died":
            self.metrics.count("vantay_booth_worker_restarts_total", worker=str(body["worker"]))
        elif kind == "scanner.fault":
            self.metrics.count("vantay_booth_scanner_faults_total", fault=str(body["fault"]))

    def connected(self, up: bool) -> None:
        """Note how the connection is."""
        self.metrics.set("vantay_booth_broker_connected", up)

    def acknowledged(self, seconds: list[float]) -> None:
        """Note how long entries waited for the hub's word."""
        for one in seconds:
            self.metrics.observe("vantay_booth_acknowledgement_seconds", one)

    def due(self, now: float) -> bool:
        """Whether it is time to write."""
        wanted = self._written_at is None or now - self._written_at >= WRITE_SECONDS
        return self._file is not None and wanted

    def write(self, now: float, standing: Standing) -> None:
        """Write the file whole; a failure is told once and stops nothing."""
        if self._file is None:
            return
        self._written_at = now
        for name, value in (
            ("journal_entries", standing.journal),
            ("journal_backlog_entries", standing.journal - standing.acknowledged),
            ("packets_waiting", standing.packets),
            ("packets_overdue", standing.overdue),
            ("scanner_ready", standing.scanner),
            ("matcher_ready", standing.matcher),
            ("trouble", standing.trouble),
        ):
            self.metrics.set(f"vantay_booth_{name}", value)
        try:
            disk = os.statvfs(self._data)
            self.metrics.set("vantay_booth_disk_free_bytes", disk.f_bavail * disk.f_frsize)
            self.metrics.set("vantay_booth_disk_size_bytes", disk.f_blocks * disk.f_frsize)
            _replace(self._file, self.metrics.text())
            self._failed = False
        except OSError as error:
            if not self._failed:
                self._log.warning("figures not written", reason=error.strerror)
            self._failed = True


def _replace(path: Path, content: bytes) -> None:
    """Replace a file that nobody needs after a power cut: whole at any moment, not synced."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).chmod(0o644)  # another user's exporter reads it
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
