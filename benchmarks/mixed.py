"""Synthetic fingers of mixed quality: every impression sound or with one fault, more or less of it."""

from pathlib import Path

import numpy as np

from edge.progress import Progress
from fwtools.synthesis import impression, synthesise_finger
from fwtools.synthesis.faults import FAULTS, SOUND
from fwtools.synthesis.files import png

SEED = 20261125
POSITIONS = (1, 2, 4, 5, 8)
IMPRESSIONS = 6
SOUND_SHARE = 0.3
LEAST = 0.3  # strength of a fault; the most is 1


def mixed_set(folder: Path, subjects: int, seed: int = SEED) -> Path:
    """Make, where they are not there yet, the images SSSS_PP_I.png of some subjects; return their folder."""
    into = folder / f"mixed-{seed}-{subjects}"
    into.mkdir(parents=True, exist_ok=True)
    bar = Progress(f"{into.name}: making", subjects * len(POSITIONS))
    for subject in range(1, subjects + 1):
        for position in POSITIONS:
            make_finger(into, seed, subject, position)
            bar.advance(1)
    bar.end()
    return into


def make_finger(folder: Path, seed: int, subject: int, position: int) -> None:
    """Write the impressions of one finger that are not there yet."""
    paths = [folder / f"{subject:04}_{position:02}_{index}.png" for index in range(1, IMPRESSIONS + 1)]
    if all(path.exists() for path in paths):
        return
    finger = synthesise_finger(seed, subject, position)
    for index, path in enumerate(paths, 1):
        rng = np.random.default_rng([seed, subject, position, index])
        name = rng.choice(list(FAULTS))
        fault = SOUND if rng.random() < SOUND_SHARE else FAULTS[str(name)].weaker(rng.uniform(LEAST, 1))
        path.write_bytes(png(impression(finger, index, fault=fault)[0]))
