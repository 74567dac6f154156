"""Booths' journal entries as the campaign's events: a sealed enrolment is a file collected, its packet at the
hub is the file sent, its card given to the holder one handed over. An override and a record without a finger
count for the operator who is named. What a booth told before the campaign knew it is counted when the hub
next starts.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from edge.campaign.definition import Campaign
from edge.campaign.events import Event
from edge.hub.campaign import CampaignBook
from edge.hub.ledger import CLOSED, SEALED
from edge.messages import PERSON_NAME, JournalEntry

ENROLLED = "enrolled"  # the outcome that counts; a person who was enrolled before is no second file
HANDED_OVER = "card.handed-over"
TOLD = {SEALED: "collected", CLOSED: "sent", HANDED_OVER: "handed-over"}  # kinds of entries, and of events
FINDING, OVERRIDDEN = "finding", "overridden"  # an entry's kind, and what it says


def collected(campaign: Campaign, booth: str, at: int, packet: str, operator: str = "") -> Event:
    """Return the event of a sealed enrolment."""
    place = campaign.booths[booth]
    return Event(f"{packet}:collected", at, "collected", place.unit, place.place, operator)


def moment_of(at: str, synchronised: bool, received: str) -> int:
    """Return when an entry happened: by the booth's clock where it was synchronised, else by the hub's."""
    return int(datetime.fromisoformat(at if synchronised else received).timestamp())


class JournalCounter:
    """Takes entries inside the collector's transaction."""

    def __init__(self, book: CampaignBook) -> None:
        self.book = book
        self.counted = 0  # events, since the start
        book.prepare()
        with book.store.transaction():
            self._catch_up()

    def take(self, booth: str, entry: JournalEntry, received: str) -> None:
        """Count an entry that is new."""
        if entry.kind in (*TOLD, FINDING) and booth in self.book.campaign.booths:
            at = moment_of(entry.at, entry.clock.synchronised, received)
            for event in self._events(booth, at, entry.kind, entry.body, entry.hash):
                self._count(event)

    def _events(
        self, booth: str, at: int, kind: str, body: Mapping[str, object], digest: str
    ) -> Iterator[Event]:
        """Yield what an entry counts as; its hash names what has no packet."""
        place, packet = self.book.campaign.booths[booth], str(body.get("packet", ""))
        said = str(body.get("operator", ""))
        who = said if re.fullmatch(PERSON_NAME, said) else ""
        if place.unit not in self.book.lists.units:
            return
        if kind == FINDING:
            if body.get("finding") == OVERRIDDEN and who:
                yield Event(f"{digest}:override", at, "override", place.unit, place.place, who)
        elif not packet or "\0" in packet:  # a card whose record was made elsewhere
            return
        elif kind == SEALED and body["outcome"] == ENROLLED:
            yield collected(self.book.campaign, booth, at, packet, who)
            if "exception" in body and who:
                yield Event(f"{packet}:exception", at, "exception", place.unit, place.place, who)
        elif kind != SEALED and self.book.has(f"{packet}:collected"):
            yield Event(f"{packet}:{TOLD[kind]}", at, TOLD[kind], place.unit, place.place)

    def _count(self, event: Event) -> None:
        if self.book.in_span(event) and self.book.take(event) == "new":
            self.book.count([event])
            self.counted += 1

    def _catch_up(self) -> None:
        """Count what was taken before the campaign knew the booth; in the order of the journals."""
        query = (
            "SELECT entry.*, heard_at FROM entry JOIN booth ON booth.name = entry.booth"
            " WHERE kind IN (?, ?, ?, ?) ORDER BY booth, seq"
        )
        for row in self.book.db.execute(query, (*TOLD, FINDING)).fetchall():
            if row["booth"] in self.book.campaign.booths:
                body, clock = json.loads(row["body"]), json.loads(row["clock"])
                at = moment_of(row["at"], clock["synchronised"], row["heard_at"])
                for event in self._events(row["booth"], at, row["kind"], body, row["hash"]):
                    if not self.book.has(event.id):
                        self._count(event)
