"""What a hub's log says of its broker: each sentence once, and from time to time while it stays true.

A broker that hangs up on what it refuses lets us in again each time: after some short lives coming and going
is told no more, until a connection lasts.
"""

from typing import Any

from edge.mqtt import LONG_LIFE, SHORT_LIVES

AGAIN_SECONDS = 600.0  # before what is still so is said again


class LinkLog:
    """Of one connection after the other; times are monotonic seconds."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self._up: tuple[str, float] | None = None  # protocol, since when
        self._short = 0  # lives in a row
        self._away = ""  # why there is no connection, as it was told
        self._told: dict[str, float] = {}  # what is refused -> when it was told

    def up(self, version: str, now: float) -> None:
        """Note that the broker took us."""
        self._up = version, now
        if self._short < SHORT_LIVES:
            self._connected(version)

    def look(self, now: float) -> None:
        """Tell of a connection that lasts after several that did not."""
        if self._up and self._short >= SHORT_LIVES and now - self._up[1] > LONG_LIFE:
            self._short = 0
            self._connected(self._up[0])

    def down(self, reason: str, now: float) -> None:
        """Note that the connection is gone, or that there was none."""
        lived = self._up is not None
        if self._up:
            self._short = self._short + 1 if now - self._up[1] <= LONG_LIFE else 0
            if not self._short:
                self._told.clear()
            self._up = None
        if lived and self._short >= SHORT_LIVES:
            if self._due("", now):
                text = (
                    f"the broker hangs up as often as it takes us ({reason}): look at its access list, "
                    "and whether another program has our name"
                )
                self._log.error("broker away", reason=text)
        elif reason != self._away:
            self._away = reason
            self._log.info("broker away", reason=reason)

    def refused(self, topic: str, reason: str, now: float) -> None:
        """Tell that the broker did not take a message."""
        what = topic.rsplit("/", 1)[-1]
        if self._due(what, now):
            text = f"the broker refuses the hub's {what} ({reason}): look at its access list"
            self._log.error("publish refused", topic=topic, reason=text)

    def _connected(self, version: str) -> None:
        self._away = ""
        self._log.info("broker connected", mqtt=version)

    def _due(self, what: str, now: float) -> bool:
        due = now - self._told.get(what, -AGAIN_SECONDS) >= AGAIN_SECONDS
        if due:
            self._told[what] = now
        return due
