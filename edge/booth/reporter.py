"""Journal to hub: publishes from a cursor, and moves it only when the hub says it has committed.

No clock and no thread of its own: the runner calls it with the time. What the broker acknowledges counts for
nothing; what the hub does not acknowledge within a growing time is sent again.
"""

from collections.abc import Callable

from edge.booth.wire import BoothWire
from edge.journal import Journal
from edge.messages import CHUNK_BYTES, Acknowledgement, PacketWanted, Resend
from edge.vault import Vault

CURSOR = "acknowledged"
WINDOW = 100  # entries sent beyond the acknowledged one: a returning booth does not drown the hub
FIRST_PATIENCE, LONGEST_PATIENCE = 2.0, 30.0  # seconds without an acknowledgement before sending again
SILENCE = 60.0  # seconds of sending without an acknowledgement that are worth a word

Publish = Callable[[str, bytes], bool]


class Reporter:
    """Where the reports of one booth stand."""

    def __init__(self, wire: BoothWire, journal: Journal, vault: Vault, publish: Publish) -> None:
        self._wire, self._journal, self._vault, self._publish = wire, journal, vault, publish
        self.acknowledged = journal.store.cursor_at(CURSOR)
        self.fork: str | None = None  # why the hub will never take this journal
        self._sent = self.acknowledged
        self.waited: list[float] = []  # seconds from first sending, of each entry last acknowledged
        self._sent_at: dict[int, float] = {}
        self._patience = FIRST_PATIENCE
        self._progress_at = 0.0  # when something was last sent or acknowledged
        self._waiting_since: float | None = None  # for an acknowledgement

    def link_up(self, now: float) -> None:
        """A new connection: whatever was under way is sent again."""
        if now - self._progress_at > LONGEST_PATIENCE:  # away for long, not a broker that hangs up on us
            self._waiting_since = None
        self._sent, self._patience, self._progress_at = self.acknowledged, FIRST_PATIENCE, now

    def unheard(self, now: float) -> bool:
        """Tell whether nothing of what was sent has been acknowledged for long."""
        return self._waiting_since is not None and now - self._waiting_since > SILENCE

    @property
    def waits(self) -> bool:
        """Whether something was sent that is not acknowledged."""
        return self._waiting_since is not None

    def greet(self) -> None:
        """A hub came up: send the last entry again, so that one that lost its file finds out and asks."""
        self._sent = min(self._sent, max(0, self._journal.tail()[0] - 1))

    def work(self, now: float) -> None:
        """Send what may be sent; call it after every event and at least once a second."""
        waiting = self._sent > self.acknowledged
        if waiting and now - self._progress_at > self._patience:
            self._sent = self.acknowledged
            self._patience = min(self._patience * 2, LONGEST_PATIENCE)
        room = self.acknowledged + WINDOW - self._sent
        if room <= 0:
            return
        for entry in list(self._journal.read(self._sent, room)):
            if not self._publish(self._wire.journal, entry.payload()):
                return
            self._sent = entry.seq
            if entry.seq > self.acknowledged:
                self._sent_at.setdefault(entry.seq, now)
            self._progress_at = now
            if self._waiting_since is None:
                self._waiting_since = now

    def acknowledge(self, message: Acknowledgement, now: float) -> str | None:
        """Take the hub's word; return a sentence when it cannot be about this journal."""
        self.waited = []
        known = self._journal.hash_at(message.seq)
        if known != message.hash:
            have = "another entry there" if known else f"only {self._journal.tail()[0]} entries here"
            self.fork = (
                f"the hub holds another journal of this booth up to entry {message.seq} ({have}): "
                "two boxes use this booth's name, or an old copy of its data was restored"
            )
            return self.fork
        if message.seq <= self.acknowledged:
            return None
        taken = [seq for seq in self._sent_at if seq <= message.seq]
        self.waited = [now - self._sent_at.pop(seq) for seq in taken]
        self.acknowledged = message.seq
        self._sent = max(self._sent, message.seq)
        self._journal.store.move_cursor(CURSOR, message.seq)
        self._patience, self._progress_at = FIRST_PATIENCE, now
        self._waiting_since = now if self._sent > message.seq else None
        return None

    def resend(self, message: Resend) -> None:
        """The hub misses entries: go back, as far as it asks (its file may be older than our cursor)."""
        self._sent = min(self._sent, message.from_seq - 1)
        if self._sent < self.acknowledged:
            self.acknowledged = self._sent

    def send_packet(self, message: PacketWanted) -> None:
        """Send the piece of a packet that the hub asks for; it asks again when this gets lost."""
        chunk = self._vault.packet_chunk(message.packet, message.offset, CHUNK_BYTES)
        if chunk:
            self._publish(self._wire.packet(message.packet, message.offset), chunk)
