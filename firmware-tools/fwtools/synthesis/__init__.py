"""Synthetic fingers: made-up people whose fingerprints belong to nobody.

`synthesise_finger` makes the master of one finger, `impression` shows it to a sensor. What is drawn depends
on nothing but the seed and the numbers of subject, position and impression. The same seed gives the same
bytes on one machine with one set of library versions; another processor may round a few pixels differently.
"""

from fwtools.synthesis.finger import Finger, synthesise_finger
from fwtools.synthesis.impressions import SIZE, impression
from fwtools.synthesis.patterns import Pattern
from fwtools.synthesis.people import Person

__all__ = ["SIZE", "Finger", "Pattern", "Person", "impression", "synthesise_finger"]
