"""JSON of which each key counts: one that is there twice is refused, where a reader would take either."""

import json
from typing import Any

from edge.explain import LONGEST_NAME


class Twice(ValueError):
    """A key is there twice."""


def check_once(text: str | bytes) -> None:
    """Refuse a key that an object has twice; ValueError where the text is no JSON."""
    json.loads(text, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for key, value in pairs:
        if key in row:
            raise Twice(f"the key {key[:LONGEST_NAME]!r} is there twice: which one counts is not guessed")
        row[key] = value
    return row
