"""The hub's figures: counted by the collector, read from its database, served over HTTP on loopback."""

import os
import sqlite3
import threading
from collections.abc import Callable
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from edge.booth.enrolment import (
    ACCEPTED,
    ATTEMPT,
    BEST_KEPT,
    CONFIRMATION,
    CONFIRMED,
    NOT_CONFIRMED,
    REFUSED,
    RETRY,
    ROLLED,
    SECOND_LOOK,
    SLAP,
    WRONG_FINGER,
    WRONG_HAND,
)
from edge.errors import BadSettings, VantayError
from edge.hub.booths import booths_of, gaps_of
from edge.hub.delivery import Standing
from edge.hub.reading import opened
from edge.hub.tables import Place, Tables
from edge.messages import JournalEntry
from edge.metrics import CONTENT_TYPE, Family, Metrics

OUTCOMES = (
    ACCEPTED,
    RETRY,
    BEST_KEPT,
    WRONG_FINGER,
    SECOND_LOOK,
    CONFIRMED,
    NOT_CONFIRMED,
    WRONG_HAND,
    REFUSED,
)
PATIENCE = 5.0  # seconds that a reader may say nothing
BY_BOOTH = (
    Family("vantay_hub_booth_online", "gauge", "Whether the booth's daemon is there (1 or 0)."),
    Family("vantay_hub_booth_last_heard_timestamp_seconds", "gauge", "Last sign of life, since 1970."),
    Family("vantay_hub_booth_journal_entries", "gauge", "Entries of the booth that are held."),
    Family("vantay_hub_booth_backlog_entries", "gauge", "Entries written by the booth and not held."),
    Family("vantay_hub_booth_missing_entries", "gauge", "Entries in the gap of the booth's sequence."),
)
FAMILIES = (
    Family("vantay_hub_info", "gauge", "1, labelled with the release."),
    Family("vantay_hub_broker_connected", "gauge", "Whether the station's broker is connected (1 or 0)."),
    Family("vantay_hub_entries_total", "counter", "Journal entries that came, by outcome."),
    Family(
        "vantay_hub_acknowledgement_seconds",
        "histogram",
        "From an entry's arrival to the acknowledgement handed to the broker, after the commit.",
    ),
    Family("vantay_hub_captures_total", "counter", "Captures in new entries, by outcome."),
    Family("vantay_hub_packets_total", "counter", "Packets completed: whole, checked and on disk."),
    Family("vantay_hub_packet_bytes_total", "counter", "Bytes of completed packets."),
    Family("vantay_hub_packets_waiting", "gauge", "Packets that were announced and are not complete."),
    Family("vantay_hub_gaps", "gauge", "Booths with a gap in their sequence."),
    Family("vantay_hub_alarms", "gauge", "Alarms: entries that were refused, one for each kind and booth."),
    Family(
        "vantay_hub_ministry_overdue_packets",
        "gauge",
        "Packets not delivered to the ministry, or delivered and without its answer, past the limit.",
    ),
    Family("vantay_hub_ministry_refused_packets", "gauge", "Packets that the ministry refused."),
    Family("vantay_hub_disk_free_bytes", "gauge", "Free space where the hub's data folder lies."),
    Family("vantay_hub_disk_size_bytes", "gauge", "Size of the disk where the hub's data folder lies."),
    *BY_BOOTH,
)


class Figures:
    """The counters of one collector; gauges are read from the database when somebody asks."""

    def __init__(
        self,
        data: Path,
        place: Place,
        release: str,
        look: Callable[[Tables], Standing | None] = lambda _: None,  # how far the ministry is
    ) -> None:
        self._data, self._place, self.metrics = data, place, Metrics(FAMILIES)
        self._look = look
        self.metrics.set("vantay_hub_info", 1, release=release)
        self.metrics.set("vantay_hub_broker_connected", 0)

    def connected(self, up: bool) -> None:
        """Note how the connection is."""
        self.metrics.set("vantay_hub_broker_connected", up)

    def entry(self, outcome: str) -> None:
        """Count an entry that came."""
        self.metrics.count("vantay_hub_entries_total", outcome=outcome)

    def stored(self, entry: JournalEntry) -> None:
        """Count what a new entry tells of captures; a booth's word never becomes a label of its own."""
        if entry.kind in (ATTEMPT, CONFIRMATION, ROLLED, SLAP):
            decision = entry.body.get("decision")
            known = str(decision) if decision in OUTCOMES else "other"
            self.metrics.count("vantay_hub_captures_total", outcome=known)

    def packet(self, size: int) -> None:
        """Count a packet that is complete."""
        self.metrics.count("vantay_hub_packets_total")
        self.metrics.count("vantay_hub_packet_bytes_total", size)

    def acknowledged(self, seconds: float) -> None:
        """Note how long an entry waited for its acknowledgement."""
        self.metrics.observe("vantay_hub_acknowledgement_seconds", seconds)

    def page(self) -> bytes:
        """Return all figures; VantayError or sqlite3.Error when the database cannot be read."""
        store = opened(self._place)
        try:
            with store.reading():
                query = "SELECT count(*) FROM packet WHERE complete_at IS NULL"
                waiting = store.db.execute(query).fetchone()[0]
                alarms = store.db.execute("SELECT count(*) FROM alarm").fetchone()[0]
                booths, gaps = booths_of(store), gaps_of(store)
                ministry = self._look(store)
        finally:
            store.close()
        disk = os.statvfs(self._data)
        self.metrics.set("vantay_hub_disk_free_bytes", disk.f_bavail * disk.f_frsize)
        self.metrics.set("vantay_hub_disk_size_bytes", disk.f_blocks * disk.f_frsize)
        self.metrics.set("vantay_hub_packets_waiting", waiting)
        self.metrics.set("vantay_hub_alarms", alarms)
        self.metrics.set("vantay_hub_gaps", len(gaps))
        if ministry:
            self.metrics.set("vantay_hub_ministry_overdue_packets", ministry.overdue)
            self.metrics.set("vantay_hub_ministry_refused_packets", ministry.refused)
        self._by_booth(booths, {gap["booth"]: gap["entries"] for gap in gaps})
        return self.metrics.text()

    def _by_booth(self, booths: list[dict[str, Any]], missing: dict[str, int]) -> None:
        for family in BY_BOOTH:
            self.metrics.clear(family.name)
        for booth in booths:
            name = booth["booth"]
            heard, online = booth["heard_at"], booth["online"]
            values = {
                "online": online,
                "last_heard_timestamp_seconds": heard and datetime.fromisoformat(heard).timestamp(),
                "journal_entries": booth["last_seq"],
                "backlog_entries": booth["backlog"],
                "missing_entries": missing.get(name, 0),
            }
            for word, value in values.items():
                if value is not None:
                    self.metrics.set(f"vantay_hub_booth_{word}", value, booth=name)


def serve(figures: Figures, port: int) -> ThreadingHTTPServer:
    """Serve /metrics on loopback in a thread of its own; BadSettings when the port is taken."""

    class Handler(BaseHTTPRequestHandler):
        timeout = PATIENCE
        server_version, sys_version = "vantay", ""

        def do_GET(self) -> None:
            if self.path != "/metrics":
                self.send_error(404, "only /metrics is here")
                return
            try:
                page = figures.page()
            except (VantayError, sqlite3.Error, OSError):
                self.send_error(503, "the hub's database cannot be read now")
                return
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: a scrape every few seconds is no event."""

    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        raise BadSettings(
            f"metrics_port {port} cannot be used ({error.strerror}): choose another, or leave it out"
        ) from None
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
