"""What becomes of what the booth says, where a broker or an access list stands in the way: each told once.

A broker that speaks MQTT 5 says that it refuses a message: that is a trouble as long as it goes on, also over
new connections (mosquitto 2.0 hangs up). One that speaks 3.1.1, or the station's behind a bridge, takes it
without a word: then only the hub's silence tells.
"""

from edge.booth.reporter import LONGEST_PATIENCE
from edge.messages import PACKET_ROOT

LASTS = 2 * LONGEST_PATIENCE  # seconds after the last refusal; what was refused has been sent again by then
SILENT = (
    "the hub is there and has acknowledged nothing for a minute: the way to it is cut, or a broker refuses"
    " this booth's reports: look at the access lists and at the bridge's certificate; nothing is lost"
)


class Refusals:
    """No clock of its own: the runner calls it with the time."""

    def __init__(self) -> None:
        self.trouble: str | None = None  # for the retained state
        self._told: set[str] = set()
        self._last = 0.0
        self._silent = False

    def refused(self, topic: str, reason: str, now: float) -> str | None:
        """Take a refusal; return the sentence when it was not told yet."""
        what = "packet" if topic.startswith(PACKET_ROOT) else topic.rsplit("/", 1)[-1]
        self._last = now
        self.trouble = (
            f"the broker refuses this booth's {what} ({reason}): its access list does not fit this booth's"
            " certificate; call a technician, nothing is lost"
        )
        if what in self._told:
            return None
        self._told.add(what)
        return self.trouble

    def work(self, now: float) -> None:
        """Let a trouble pass that has not come again."""
        if self.trouble and now - self._last > LASTS:
            self.trouble = None
            self._told.clear()

    def silence(self, unheard: bool, hub_online: bool) -> str | None:
        """Take how it stands with the hub; return the sentence when its silence was not told yet."""
        fresh = unheard and hub_online and not self._silent
        self._silent = unheard and (self._silent or fresh)
        return SILENT if fresh else None
