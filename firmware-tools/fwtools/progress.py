"""One line of progress on standard error, only where a person sees it."""

import sys


class Progress:
    """Counts up to a total; silent unless standard error is a terminal."""

    def __init__(self, what: str, total: int, unit: str) -> None:
        self._what, self._total, self._unit = what, total, unit
        self._done = 0
        self._seen = sys.stderr.isatty()

    def advance(self, by: int = 1) -> None:
        """Say that so many more are done."""
        self._done += by
        if self._seen:
            line = f"\r{self._what}: {self._done} of {self._total} {self._unit} "
            print(line, end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the line empty for what comes next."""
        if self._seen:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
