"""Booths' journal entries as the campaign's events: a sealed enrolment is a file collected, its packet at the
hub is the file sent, its card given to the holder one handed over. What a booth told before the campaign knew
it is counted when the hub next starts.
"""

import json
from collections.abc import Mapping
from datetime import datetime

from edge.campaign.definition import Campaign
from edge.campaign.events import Event
from edge.hub.campaign import CampaignBook
from edge.hub.ledger import CLOSED, SEALED
from edge.messages import JournalEntry

ENROLLED = "enrolled"  # the outcome that counts; a person who was enrolled before is no second file
HANDED_OVER = "card.handed-over"
TOLD = {SEALED: "collected", CLOSED: "sent", HANDED_OVER: "handed-over"}  # kinds of entries, and of events


def collected(campaign: Campaign, booth: str, at: int, packet: str) -> Event:
    """Return the event of a sealed enrolment."""
    place = campaign.booths[booth]
    return Event(f"{packet}:collected", at, "collected", place.unit, place.place)


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
        if entry.kind in TOLD and booth in self.book.campaign.booths:
            at = moment_of(entry.at, entry.clock.synchronised, received)
            self._count(booth, at, entry.kind, entry.body)

    def _count(self, booth: str, at: int, kind: str, body: Mapping[str, object]) -> None:
        place, packet = self.book.campaign.booths[booth], str(body.get("packet", ""))
        if (
            place.unit not in self.book.lists.units or not packet or "\0" in packet
        ):  # a card whose record was made elsewhere
            return
        if kind == SEALED and body["outcome"] == ENROLLED:
            event = collected(self.book.campaign, booth, at, packet)
        elif kind != SEALED and self.book.has(f"{packet}:collected"):
            event = Event(f"{packet}:{TOLD[kind]}", at, TOLD[kind], place.unit, place.place)
        else:
            return
        if self.book.in_span(event) and self.book.take(event) == "new":
            self.book.count([event])
            self.counted += 1

    def _catch_up(self) -> None:
        """Count what was taken before the campaign knew the booth; in the order of the journals."""
        query = (
            "SELECT entry.*, heard_at FROM entry JOIN booth ON booth.name = entry.booth"
            " WHERE kind IN (?, ?, ?) ORDER BY booth, seq"
        )
        for row in self.book.db.execute(query, tuple(TOLD)).fetchall():
            if row["booth"] in self.book.campaign.booths:
                body, clock = json.loads(row["body"]), json.loads(row["clock"])
                event = f"{body.get('packet')}:{TOLD[row['kind']]}"
                if not self.book.has(event):
                    at = moment_of(row["at"], clock["synchronised"], row["heard_at"])
                    self._count(row["booth"], at, row["kind"], body)
