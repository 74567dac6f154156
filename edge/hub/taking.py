"""Entries and pieces of packets that wait for their transaction, and that transaction."""

from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

from edge import clock
from edge.booth.retention import PACKETS_PURGED
from edge.hub.campaign_journal import JournalCounter
from edge.hub.ledger import Ledger, OpenPacket, Taken
from edge.hub.packets import PacketFiles
from edge.messages import JournalEntry


@dataclass(frozen=True, slots=True)
class Said:
    """An entry that waits for its transaction."""

    booth: str
    entry: JournalEntry
    verified: bool  # its hash is the hash of what it says
    at: float


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a packet that waits for its transaction."""

    booth: str
    digest: str
    offset: int
    chunk: bytes


@dataclass(slots=True)
class Heard:
    """What a batch brought of one booth: entries by what became of them, and when each came."""

    taken: Counter[str] = field(default_factory=Counter)
    came: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Work:
    """What a transaction did, to be told when it is committed."""

    heard: dict[str, Heard] = field(default_factory=dict)
    outcomes: list[tuple[str, JournalEntry, Taken]] = field(default_factory=list)
    malformed: list[tuple[str, str]] = field(default_factory=list)
    completed: list[OpenPacket] = field(default_factory=list)
    grown: set[str] = field(default_factory=set)  # packets of which a piece came


class Taker:
    """Takes what waits, all of it in one transaction."""

    def __init__(self, ledger: Ledger, files: PacketFiles, counter: JournalCounter | None) -> None:
        self._ledger, self._files, self._counter = ledger, files, counter

    def take(self, waiting: Sequence[Said | Piece]) -> Work:
        """Commit, and return what was done; StoreAway when nothing was."""
        work = Work()
        booths = {word.booth for word in waiting}
        with self._ledger.batch(booths), self._counter.batch(booths) if self._counter else nullcontext():
            for word in waiting:
                if isinstance(word, Said):
                    self._take_entry(word, work)
                else:
                    self._take_piece(word, work)
        return work

    def _take_entry(self, said: Said, work: Work) -> None:
        booth, received = said.booth, clock.now()
        try:
            taken = self._ledger.take_checked(booth, said.entry, received, said.verified)
        except ValueError as error:  # words that no database holds
            work.malformed.append((booth, str(error)))
            return
        heard = work.heard.setdefault(
            booth, Heard()
        )  # also when refused: the booth sees by the hash what is held
        heard.taken[taken] += 1
        heard.came.append(said.at)
        work.outcomes.append((booth, said.entry, taken))
        if taken == "new":
            self._taken(booth, said.entry, received)
            for entry, came in self._ledger.following(booth):
                work.outcomes.append((booth, entry, "new"))
                self._taken(booth, entry, came)

    def _taken(self, booth: str, entry: JournalEntry, received: str) -> None:
        if self._counter:
            self._counter.take(booth, entry, received)
        if entry.kind == PACKETS_PURGED and isinstance(named := entry.body.get("packets"), list):
            for digest in named:
                packet = self._ledger.packet(str(digest).replace("\0", " "))  # PostgreSQL takes none
                if packet and packet.booth == booth and not packet.complete and not self._held(packet):
                    self._ledger.purged_unheld(booth, entry, received, packet)

    def _held(self, packet: OpenPacket) -> bool:
        """Whether all of it is on disk, and only the books do not say so yet."""
        return self._files.whole(packet.hash, packet.size)

    def _take_piece(self, piece: Piece, work: Work) -> None:
        work.heard.setdefault(piece.booth, Heard())
        packet = self._ledger.packet(piece.digest)
        if packet is None or packet.booth != piece.booth or packet.complete:
            return
        held = self._files.add(piece.digest, piece.offset, piece.chunk, packet.size)
        work.grown.add(piece.digest)
        if held >= packet.size and self._files.finish(piece.digest, packet.size):
            self._ledger.packet_complete(piece.digest, clock.now())
            work.completed.append(packet)
