"""Logs: one canonical line per unit of work on standard error, readable on a terminal, JSON elsewhere.

A line says what happened (`event`) and facts under keys that stay. It names no person, repeats no identity
number and holds nothing of a finger but which it was and how good; twelve digits are masked anywhere.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import structlog

# the lines of a unit of work: what else they say besides event, level, timestamp, program and booth
BOOTH_LINES = {
    "acquisition": (
        "enrolment",
        "position",
        "attempt",
        "decision",
        "quality",
        "hint",
        "minutiae",
        "device",
        "serial",
        "firmware",
        "location",
        "milliseconds",
    ),
    "acknowledgement": ("seq", "entries", "backlog", "milliseconds"),
    "packet": ("packet", "enrolment", "size", "seq"),
}
HUB_LINES = {
    "acknowledgement": ("seq", "new", "known", "gap", "refused", "milliseconds"),
    "packet": ("packet", "enrolment", "size"),
}
LARGEST = 8 * 2**20  # bytes of a log file; as much again is kept of the time before
DIGITS = 12  # of an identity number
NUMBER = re.compile(rf"(?<![0-9A-Za-z])[0-9]{{{DIGITS}}}(?![0-9A-Za-z])")
MASK = "[12 digits]"


def configure(program: str, file: Path | None = None) -> Any:
    """Set structlog up for a program and return its logger; lines go to a file, too, where one is named."""
    terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _masked,
            *([_Kept(file)] if file else []),
            structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    return structlog.get_logger().bind(program=program)  # made once, not at every line


def before(file: Path) -> Path:
    """Return where the lines before those of a full log file are."""
    return file.with_name(f"{file.name}.1")


def _masked(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in line.items():
        if isinstance(value, str) and len(value) >= DIGITS:
            line[key] = NUMBER.sub(MASK, value)
    return line


class _Kept:
    """Appends every line to a file; a full one becomes the one before. A failure stops no work."""

    def __init__(self, file: Path) -> None:
        self._file, self._render = file, structlog.processors.JSONRenderer()

    def __call__(
        self, logger: object, method: str, line: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        try:
            if self._file.exists() and self._file.stat().st_size > LARGEST:
                self._file.replace(before(self._file))
            with self._file.open("a", encoding="utf-8", errors="replace") as file:
                file.write(f"{self._render(logger, method, dict(line))!s}\n")
        except OSError:
            line["log_file"] = "cannot be written"
        return line
