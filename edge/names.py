"""Vietnamese names, pure: kept as typed, folded for comparison.

One name has many spellings on disk: composed or not, the tone over one vowel or the next (hoà, hòa), capitals
or not, more spaces. `fold` makes them one. Letters stay apart: d is not đ, a is not â; so do tones.
"""

import unicodedata

from edge.errors import BadCommand

LONGEST = 100  # characters
TONES = "\u0300\u0301\u0303\u0309\u0323"  # grave, acute, tilde, hook above, dot below
VOWELS, CONSONANTS = "aăâeêioôơuưy", "bcdđfghjklmnpqrstvwxz"  # f, j, w, z: of ethnic and foreign origin
ALLOWED = {unicodedata.normalize("NFC", v + tone) for v in VOWELS for tone in ("", *TONES)}.union(
    CONSONANTS, "'-. "
)
APOSTROPHES = str.maketrans("\u2018\u2019\u02bc\u00b4`", "'''''")


def typed_name(text: str) -> str:
    """Return a name as it is kept: NFC, otherwise as typed; BadCommand when it can be none."""
    name = unicodedata.normalize("NFC", text).strip()
    if not name:
        raise BadCommand("the name is empty: type it as it stands on the birth certificate")
    if len(name) > LONGEST:
        raise BadCommand(f"the name has more than {LONGEST} characters: type the name alone")
    kinds = {unicodedata.category(letter)[0] for letter in name}
    if "C" in kinds or "\ufffd" in name or "\u2028" in name or "\u2029" in name:
        raise BadCommand("the name has a character that cannot be seen or was lost: type it anew")
    if "N" in kinds:
        raise BadCommand("the name has a digit in it: type the name alone")
    if "L" not in kinds:
        raise BadCommand("the name has no letter in it: type it as it stands on the birth certificate")
    return name


def fold(name: str) -> str:
    """Return what two spellings of one name share: in each word the tone stands after the letters."""
    return unicodedata.normalize("NFC", " ".join(_fold_word(word) for word in _decompose(name).split()))


def bare(name: str) -> str:
    """Return a name as a keyboard without Vietnamese has it: no tone, no mark, d for đ."""
    letters = (letter for letter in _decompose(name) if not unicodedata.combining(letter))
    return "".join(letters).replace("đ", "d")


def same_name(one: str, other: str) -> bool:
    """Whether two spellings are one name."""
    return fold(one) == fold(other)


def is_one_word(name: str) -> bool:
    """Whether family name or given name is missing."""
    return len(name.split()) < 2


def has_foreign_letters(name: str) -> bool:
    """Whether a letter is none of Vietnamese: of another alphabet, or of a broken encoding."""
    return not ALLOWED.issuperset(unicodedata.normalize("NFC", _decompose(name)))


def _decompose(name: str) -> str:
    """Return small letters and marks (Unicode 3.13, canonical caseless matching), one kind of apostrophe."""
    small = unicodedata.normalize("NFD", name).casefold()
    return unicodedata.normalize("NFD", small).translate(APOSTROPHES)


def _fold_word(word: str) -> str:
    tones = "".join(mark for mark in word if mark in TONES)
    return "".join(letter for letter in word if letter not in TONES) + tones
