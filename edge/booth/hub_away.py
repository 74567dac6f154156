"""For how long a booth was without its hub while somebody worked there, pure: knows no clock.

    there --no broker, the hub off, or something sent that is not acknowledged--> away
    away  --the hub acknowledges, or is there and nothing waits-->                there

Counted are the seconds in which a shift was open or somebody was being enrolled, told is an outage with a
minute of them, once it is over. Outages that follow each other closely are told together. A restart forgets
the beginning of what goes on.
"""

from dataclasses import dataclass, replace

from edge.booth.enrolment import Entry

BACK = "network.back"  # kind of a journal entry
LASTS = 60.0  # seconds of work without the hub that are worth an entry
APART = 600.0  # seconds between two entries: a link that comes and goes writes six an hour


@dataclass(frozen=True, slots=True)
class Outage:
    """One or more."""

    since: float
    at: str  # the same, by the wall clock
    seconds: float = 0.0  # of work
    times: int = 1


class HubAway:
    """Times come from the runner."""

    def __init__(self) -> None:
        self._outage: Outage | None = None  # that goes on
        self._over: Outage | None = None  # and not told yet
        self._looked = 0.0
        self._told_at: float | None = None

    def look(self, now: float, at: str, away: bool, answered: bool, working: bool) -> list[Entry]:
        """Take how it stands with the hub; return what is to be recorded.

        `answered`: something was acknowledged since the last look; there may be more that waits.
        """
        if self._outage and working:
            self._outage = replace(self._outage, seconds=self._outage.seconds + now - self._looked)
        self._looked = now
        if answered or not away:
            self._end()
        elif working and self._outage is None:
            self._outage = Outage(now, at)
        return self._tell(now)

    def _end(self) -> None:
        ended, self._outage = self._outage, None
        if ended is None or ended.seconds < LASTS:
            return
        if self._over is None:
            self._over = ended
        else:
            seconds, times = self._over.seconds + ended.seconds, self._over.times + 1
            self._over = replace(self._over, seconds=seconds, times=times)

    def _tell(self, now: float) -> list[Entry]:
        over = self._over
        if over is None or (self._told_at is not None and now - self._told_at < APART):
            return []
        self._over, self._told_at = None, now
        body = {
            "since": over.at,
            "ago": round(now - over.since),
            "seconds": round(over.seconds),
            "times": over.times,
        }
        return [(BACK, body)]
