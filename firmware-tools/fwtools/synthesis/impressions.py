"""One impression of a finger on a sensor, with its ground truth."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fwtools.synthesis.contact import WHOLE, Contact, contact_depth, draw_contact, ragged
from fwtools.synthesis.distortion import bend, draw_plasticity, waves
from fwtools.synthesis.faults import SOUND, Fault
from fwtools.synthesis.finger import Finger
from fwtools.synthesis.ink import Condition, clean_ink, ink
from fwtools.synthesis.kernels import sample
from fwtools.synthesis.parameters import PRESENTATION
from fwtools.synthesis.people import Person, stream
from fwtools.synthesis.placing import Placing, bone, move_minutiae, place
from fwtools.synthesis.sensor import clean_picture, picture
from matching.template import MAXIMUM_MINUTIAE, Template

SIZE = (300, 400)  # width, height: the frame of the SecuGen Hamster Pro 20
VISIBLE = (
    8.0  # pixels inside the contact and the frame that a minutia must lie: nearer, any ridge seems to end
)

Image = NDArray[np.float32]


def impression(
    finger: Finger, index: int, size: tuple[int, int] = SIZE, clean: bool = False, fault: Fault = SOUND
) -> tuple[NDArray[np.uint8], Template]:
    """Return impression `index` (1 ..) as (h, w) uint8 at 500 ppi, ridges dark, and its ground truth.

    size is (width, height). A clean impression is whole (as far as the frame reaches), undistorted, evenly
    inked and without noise; all clean impressions of a finger are alike. Any other has the fault.
    """
    if clean:
        flat = np.zeros((size[1], size[0]), np.float32)
        placing = place(size, 0.0, (0.0, 0.0), (flat, flat))
        depth = contact_depth(WHOLE, placing)
        return clean_picture(clean_ink(finger, placing, depth)), ground_truth(finger, placing, depth)
    rng = stream(finger.seed, finger.subject, finger.position, index)
    haste = float(np.exp(rng.normal(0, PRESENTATION.haste)))
    condition = draw_condition(rng, finger.person)
    condition = Condition(condition.force + fault.force, condition.moisture + fault.moisture)
    placing = draw_placing(rng, size, haste, fault.shift)
    contact = draw_contact(rng, finger.person, finger.position, condition.force, haste)
    contact = Contact(contact.middle, (contact.axes[0] * fault.patch, contact.axes[1] * fault.patch))
    depth = ragged(rng, contact_depth(contact, placing))
    return picture(rng, ink(rng, finger, placing, depth, condition)), ground_truth(finger, placing, depth)


def draw_condition(rng: Generator, person: Person) -> Condition:
    """Draw force and moisture: each presentation differs, around what the person's skin is like."""
    force = np.clip(rng.normal(*PRESENTATION.force), -1, 1)
    moisture = np.clip(person.moisture + rng.normal(0, PRESENTATION.moisture), -1.2, 1.2)
    return Condition(float(force), float(moisture))


def draw_placing(
    rng: Generator, size: tuple[int, int], haste: float, aside: tuple[float, float] = (0.0, 0.0)
) -> Placing:
    """Draw where the finger lies in a frame (width, height), moved aside by px, and how its skin is bent."""
    turn = float(
        np.clip(rng.normal(0, PRESENTATION.turn * haste), -PRESENTATION.most_turn, PRESENTATION.most_turn)
    )
    farthest = np.array(PRESENTATION.most_shift)
    across, along = np.clip(rng.normal(0, np.array(PRESENTATION.shift) * haste), -farthest, farthest)
    shift = float(across) + aside[0], float(along) + aside[1]
    bend_x, bend_y = bend(draw_plasticity(rng, haste), *bone(size, turn, shift))
    bend_x, bend_y = bend_x + waves(rng, bend_x.shape), bend_y + waves(rng, bend_y.shape)
    return place(size, turn, shift, (bend_x, bend_y))


def ground_truth(finger: Finger, placing: Placing, depth: Image) -> Template:
    """Return the finger's minutiae that lie well inside the contact and the frame."""
    height, width = depth.shape
    moved = move_minutiae(finger.minutiae, placing)
    margin = np.minimum.reduce([moved["x"], moved["y"], width - 1 - moved["x"], height - 1 - moved["y"]])
    moved = moved[margin >= VISIBLE]
    seen = moved[sample(depth, moved["x"], moved["y"]) > VISIBLE]
    return Template(seen[:MAXIMUM_MINUTIAE], width, height, position=finger.position)
