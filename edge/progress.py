"""A progress line on standard error: redrawn on a terminal, a few lines in a log."""

import sys
import time

WIDTH = 30  # characters of the bar
EVERY = 0.1  # seconds between two drawings


class Progress:
    """Counts towards a total; `end` leaves one finished line."""

    def __init__(self, label: str, total: int) -> None:
        self._label = label
        self._total = total
        self._done = 0
        self._drawn = 0.0
        self._began = time.monotonic()
        self._terminal = sys.stderr.isatty()

    def advance(self, count: int) -> None:
        """Count more of the total as done."""
        self._done += count
        if self._terminal and time.monotonic() - self._drawn > EVERY:
            self._drawn = time.monotonic()
            filled = WIDTH * self._done // max(self._total, 1)
            bar = "#" * filled + "." * (WIDTH - filled)
            sys.stderr.write(f"\r\033[K{self._label} {bar} {self._done}/{self._total}")
            sys.stderr.flush()

    def say(self, line: str) -> None:
        """Print a line of its own."""
        sys.stderr.write(f"\r\033[K{line}\n" if self._terminal else f"{line}\n")

    def end(self) -> None:
        """Replace the bar by what was done and how long it took."""
        self.say(f"{self._label}: {self._done} in {time.monotonic() - self._began:.1f} s")
