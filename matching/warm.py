"""Running every kernel once, so that it is compiled into the cache."""

import numpy as np
from numpy.typing import NDArray

from matching import search_code, serial, slap
from matching.compare import CONSTANTS, compare, prepare
from matching.compare_parameters import RANKING
from matching.extract import run_stages
from matching.gallery import Gallery
from matching.kernels.packed import pack
from matching.kernels.ranking import KEPT, LANES, WORDS, rank
from matching.kernels.scoring import score_pairs
from matching.pattern import ridge_pattern
from matching.quality import examine
from matching.rolled import compose
from matching.template import Template


def warm() -> None:
    """Extract a made-up ridge pattern, compare it in every way there is, and search for it."""
    template, _ = examine(ridge_pattern())
    run_stages(ridge_pattern(ppi=400.0), 400.0)
    slap.segment(ridge_pattern())
    compose(_rolling(ridge_pattern()))
    serial.from_bytes(serial.to_bytes(template))
    serial.from_bytes(serial.to_bytes(template), flow_only=True)
    bare = Template(template.minutiae, template.width, template.height)
    compare(template, template)
    compare(bare, template)
    gallery = Gallery()
    gallery.add("made up", 2, template)
    gallery.search(template)
    code = search_code.encode(prepare(template), search_code.qualities_of(template))
    blocks = np.zeros((1, KEPT, WORDS, LANES), np.uint32)
    rank(search_code.words_of(code), blocks, np.array([0]), RANKING, np.zeros((1, LANES), np.float32))
    score_pairs(pack([prepare(template), prepare(bare)]), np.array([[0, 1]]), CONSTANTS)


def _rolling(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a strip of a pattern (h, w) that moves over it: (n, h, w)."""
    columns, breadth = np.arange(pixels.shape[1]), pixels.shape[1] // 2
    strips = [abs(columns - middle) < breadth // 2 for middle in range(breadth // 2, 2 * breadth, 24)]
    return np.stack([np.where(strip, pixels, np.uint8(255)) for strip in strips])
