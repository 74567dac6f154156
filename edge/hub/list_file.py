"""A list on disk, opened so that what is not UTF-8 is a fault of its own line (`edge/csv_lines.py`)."""

from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from edge.files import reading


def list_file(path: Path) -> TextIO:
    """Open a list; bytes that are not UTF-8 come as surrogates. OSError where it cannot be read."""
    return TextIOWrapper(reading(path), encoding="utf-8-sig", errors="surrogateescape", newline="")
