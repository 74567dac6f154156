"""The campaign's reports on the bus, retained: made anew when figures have changed, at a bounded rate.

They are made in a thread by a connection of its own, so that no booth waits for them; it hands them to the
collector's mailbox. What is under way is sent by the collector, and all of it again after every connection.
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from edge import clock
from edge.campaign.book import Scope
from edge.campaign.reports.catalogue import BY_DISTRICT, MANIFEST, NAMES, OPERATORS, report
from edge.campaign.reports.render import as_json
from edge.hub.campaign import CampaignBook
from edge.hub.campaign_journal import JournalCounter
from edge.hub.reading import opened
from edge.hub.tables import Place
from edge.messages import CampaignReport, campaign_topic

PUBLISHED = tuple(name for name in NAMES if name not in (OPERATORS, MANIFEST))  # no names, no files
LARGEST = 512 * 1024  # bytes of one report: brokers of clusters take a mebibyte
SHARE = 10  # making reports takes at most a tenth of the time

# of the database by others, of our own counting, the business day, and what reports warn of
Version = tuple[int, int, int, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Made:
    """Reports are there, or a sentence says why not; how long that took."""

    reports: tuple[CampaignReport, ...]
    seconds: float
    failed: str | None = None


class Publisher:
    """When to make reports, and which of them are to be sent."""

    def __init__(self, place: Place, counter: JournalCounter, enqueue: Callable[[Made], None]) -> None:
        self._place, self._counter, self._enqueue = place, counter, enqueue
        self._book = counter.book
        self._pause = self._book.campaign.publish_seconds
        self._version: Version | None = None  # that the last reports were made of
        self._due_at, self._making, self._ended = 0.0, False, False
        self._last: dict[str, CampaignReport] = {}
        self._unsent: dict[str, CampaignReport] = {}

    def work(self, now: float, publish: Callable[[str, bytes], bool]) -> None:
        """Send what is to be sent; begin to make reports when it is time and something has changed."""
        for name, one in list(self._unsent.items()):
            if not publish(campaign_topic(name), one.payload()):
                break
            del self._unsent[name]
        if self._making or now < self._due_at:
            return
        self._due_at = now + self._pause
        version = self._now_at()
        if version[2] >= self._book.campaign.span_days:
            self._tell_end()
        elif version != self._version and version[2] >= 0:
            self._version, self._making = version, True
            threading.Thread(target=self._make, args=(version[2],), name="reports", daemon=True).start()

    def _tell_end(self) -> None:
        """Say once that the campaign's days are over: what is retained stays as it is."""
        if not self._ended:
            self._ended = True
            campaign = self._book.campaign
            over = f"no day of the campaign is left: it {campaign.span}; with a larger one it goes on"
            self._enqueue(Made((), 0.0, over))

    def take(self, made: Made, now: float) -> None:
        """Keep what was made; what says the same as before is not sent again."""
        self._making = False
        self._due_at = now + max(self._pause, SHARE * made.seconds)
        if made.failed:
            self._version = None
        for one in made.reports:
            before = self._last.get(one.report)
            if before is None or before.model_copy(update={"made_at": one.made_at}) != one:
                self._last[one.report] = self._unsent[one.report] = one

    def link_up(self) -> None:
        """A new connection: the broker may have lost everything."""
        self._unsent = dict(self._last)

    def _now_at(self) -> Version:
        others = self._book.store.version()
        day = self._book.campaign.day_index(int(datetime.fromisoformat(clock.now()).timestamp()))
        return others, self._counter.counted, day, tuple(self._book.apart())

    def _make(self, day: int) -> None:
        began = time.monotonic()
        reports: tuple[CampaignReport, ...] = ()
        failed = None
        try:
            reports = made_of(self._place, self._book, day)
        except Exception as error:  # whatever it was, the next ones are tried again
            failed = f"{type(error).__name__}: {error}"
        self._enqueue(Made(reports, time.monotonic() - began, failed))


def made_of(place: Place, book: CampaignBook, day: int) -> tuple[CampaignReport, ...]:
    """Return every report that is published, of everything, as the database says at this moment."""
    store = opened(place)
    try:
        with store.reading():
            counted = CampaignBook(store, book.campaign, book.lists, book.warns).book(operators=False)
    finally:
        store.close()
    made = []
    for name in PUBLISHED:
        by = "district" if name in BY_DISTRICT else "commune"
        tree = json.loads(as_json(report(name, counted, Scope(day, by=by, running=True))))
        made.append(fitting(CampaignReport(**tree, made_at=clock.now())))
    return tuple(made)


def fitting(one: CampaignReport) -> CampaignReport:
    """Leave out the last rows of a report that is too large for a broker, and say how many."""
    rows = len(one.rows)
    while (size := len(one.payload())) > LARGEST and one.rows:
        kept = len(one.rows) * LARGEST * 9 // (size * 10)
        one = one.model_copy(update={"rows": one.rows[:kept], "rows_left_out": rows - kept})
    return one
