"""What others wrote, for a terminal."""

import json
from unicodedata import category


def printable(text: str) -> str:
    """Escape as JSON does what a terminal acts on or does not show: control, format and no characters.

    Lines stay; JSON in means JSON out, of the same content.
    """
    return "".join(_escaped(one) if _acts(one) else one for one in text)


def _acts(one: str) -> bool:
    return one != "\n" and (category(one)[0] == "C" or category(one) in ("Zl", "Zp"))


def _escaped(one: str) -> str:
    return f"\\u{ord(one):04x}" if ord(one) < 0x10000 else json.dumps(one)[1:-1]


def counted(number: int, word: str, words: str = "") -> str:
    """Say how many there are: 1 finger, 2 fingers."""
    return f"{number} {word if number == 1 else words or f'{word}s'}"
