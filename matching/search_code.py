"""The search code of a finger: what the first stage of a search keeps in memory, 640 bytes a finger.

The minutiae whose surroundings say most, each with the ridge flow at 32 points around it in 4 bits (every
other bit of the comparison's circular code, again a circular code, of 8 levels) and the cells around it that
hold a neighbour. As bytes, for whoever fills a gallery again (little-endian):

    offset  bytes
    0       4      "VNTS"
    4       1      version of this form, 1
    5       1      flags: bit 0, made with ridge evidence
    6       320    flow: 2 planes of 20 words
    326     80     points that are valid: 20 half words
    406     160    cells with a neighbour: 20 words
    566     4      CRC-32 of everything before it
"""

import struct
import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.errors import BadRecord
from matching.kernels.prepared import FLOW_WORDS, SECTIONS, PreparedTemplate
from matching.kernels.ranking import AROUND, FILLED, KEPT, KNOWN, WORDS
from matching.template import Template

MAGIC = b"VNTS"
VERSION = 1
HAS_FLOW = 1
PLANES = 2  # words of the flow of a minutia: two planes of 32 points each in a word
HEAD = struct.Struct("<4sBB")
CHECK = struct.Struct("<I")
LENGTH = HEAD.size + KEPT * (8 * PLANES + 4 + 8) + CHECK.size
LEVEL_BITS = (1, 3, 5, 7)  # bits of a byte of the circular code that are kept
QUALITY_WEIGHT = 0.2  # points of flow a unit of quality is worth, in the choice of minutiae; 0 is worse


class SearchCode(NamedTuple):
    """One finger; k minutiae, those that say most first."""

    flows: NDArray[np.uint64]  # (2, k): 32 points of 4 bits, two planes of 32 points in a word
    known: NDArray[np.uint32]  # (k,): the points that are valid; 0 throughout without ridge evidence
    around: NDArray[np.uint64]  # (k,): 8 x 8 cells around the minutia with a neighbour in them
    has_flow: bool  # made from ridge evidence: without it the code says nothing


def encode(prepared: PreparedTemplate, qualities: NDArray[np.uint8], kept: int = KEPT) -> SearchCode:
    """Return the code of a finger from its prepared template and the (n,) qualities in the same order."""
    count = prepared.minutiae.shape[1]
    octets = np.ascontiguousarray(prepared.flows.T).view(np.uint8).reshape(count, 2, 8 * FLOW_WORDS)
    valid = octets[:, 1] != 0
    bits = np.stack([octets[:, 0] >> bit & 1 for bit in LEVEL_BITS], 1)
    flows = np.packbits(
        bits.reshape(count, len(LEVEL_BITS) * 8 * FLOW_WORDS), axis=1, bitorder="little"
    ).view("<u8")
    known = np.packbits(valid, axis=1, bitorder="little").view("<u4").reshape(count)
    around = np.bitwise_or.reduce(prepared.cylinders[:SECTIONS], axis=0)
    worth = valid.sum(1) + QUALITY_WEIGHT * qualities
    chosen = np.argsort(-worth, kind="stable")[:kept]
    code = np.zeros((PLANES, kept), np.uint64), np.zeros(kept, np.uint32), np.zeros(kept, np.uint64)
    code[0][:, : len(chosen)] = flows[chosen].T
    code[1][: len(chosen)] = known[chosen]
    code[2][: len(chosen)] = around[chosen]
    return SearchCode(*code, prepared.has_flow)


def words_of(code: SearchCode) -> NDArray[np.uint32]:
    """Return (k, 8): the code as kernels.ranking reads it."""
    words = np.zeros((len(code.known), WORDS), np.uint32)
    words[:, :KNOWN] = np.ascontiguousarray(code.flows.T, "<u8").view("<u4")
    words[:, KNOWN] = code.known
    words[:, AROUND:FILLED] = code.around.astype("<u8")[:, None].view("<u4")
    words[:, FILLED] = np.bitwise_count(code.around)
    return words


def of_words(words: NDArray[np.uint32], has_flow: bool) -> SearchCode:
    """Return the code of `words_of`."""
    flows = np.ascontiguousarray(words[:, :KNOWN], "<u4").view("<u8").T
    around = np.ascontiguousarray(words[:, AROUND:FILLED], "<u4").view("<u8")[:, 0]
    return SearchCode(flows, words[:, KNOWN], around, has_flow)


def qualities_of(template: Template) -> NDArray[np.uint8]:
    """Return the qualities of a template's minutiae in the order of its prepared form."""
    order = np.argsort(template.minutiae["y"], kind="stable")
    return np.ascontiguousarray(template.minutiae["quality"][order])


def to_bytes(code: SearchCode) -> bytes:
    """Return the bytes of a code of `KEPT` minutiae."""
    body = HEAD.pack(MAGIC, VERSION, HAS_FLOW if code.has_flow else 0)
    body += code.flows.astype("<u8").tobytes() + code.known.astype("<u4").tobytes()
    body += code.around.astype("<u8").tobytes()
    return body + CHECK.pack(zlib.crc32(body))


def from_bytes(data: bytes) -> SearchCode:
    """Return the code of `to_bytes`; BadRecord where it is altered or of another version."""
    if data[:4] != MAGIC or len(data) < HEAD.size:
        raise BadRecord("search code: these bytes are not a search code")
    if data[4] != VERSION:
        raise BadRecord(
            f"search code: version {data[4]} at offset 4, this program reads version {VERSION}: "
            "make it again from the template"
        )
    if len(data) != LENGTH:
        raise BadRecord(f"search code: {len(data)} bytes instead of {LENGTH}")
    if CHECK.unpack_from(data, LENGTH - CHECK.size)[0] != zlib.crc32(data[: -CHECK.size]):
        raise BadRecord(
            f"search code: the CRC at offset {LENGTH - CHECK.size} does not match: it was altered"
        )
    if data[5] not in (0, HAS_FLOW):
        raise BadRecord(f"search code: flags {data[5]} at offset 5 are not known")
    start = HEAD.size
    flows = np.frombuffer(data, "<u8", PLANES * KEPT, start).reshape(PLANES, KEPT)
    known = np.frombuffer(data, "<u4", KEPT, start + 8 * PLANES * KEPT)
    around = np.frombuffer(data, "<u8", KEPT, start + (8 * PLANES + 4) * KEPT)
    return SearchCode(flows, known, around, data[5] == HAS_FLOW)
