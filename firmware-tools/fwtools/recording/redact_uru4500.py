"""Pictures of the U.are.U 4000 family in a recording: scrambled by keys that stand in it, too. Pure."""

from collections.abc import Sequence

import numpy as np

from drivers.api import UsbId
from drivers.digitalpersona_uru4000 import KEY, REGISTER, TURNED
from drivers.uru_descramble import HEAD_BYTES, BadPicture, Picture
from fwtools.recording.chosen import seed_of
from fwtools.recording.pcapng import BadRecording
from fwtools.recording.shots import Piece, Pixels, Shot, shot_of
from fwtools.recording.tape import Transfer
from fwtools.virtual.uru4500 import rows_of, upright

_KEY_READ = bytes([0xC0, REGISTER]) + KEY.to_bytes(2, "little")
_BULK_IN = 0x80  # whatever its number; 0x80 itself is the control endpoint's
_LONGEST_MESSAGE = 64


class UruPictures:
    """The pictures of one recording."""

    def __init__(self, transfers: Sequence[Transfer], usb_id: UsbId) -> None:
        self._turned = usb_id == TURNED
        self.shots: list[Shot] = []
        self._pictures: dict[int, tuple[Picture, list[int]]] = {}  # by the shot's place
        for index, one in enumerate(transfers):
            if one.endpoint <= _BULK_IN or len(one.data) <= _LONGEST_MESSAGE:
                continue
            try:
                picture = Picture.parse(one.data)
            except BadPicture as error:
                raise BadRecording(f"it holds {error}, which cannot be redacted") from error
            self._pictures[len(self.shots)] = picture, _keys_after(transfers, index, picture)
            self.shots.append(shot_of(transfers, [Piece(index, HEAD_BYTES, len(one.data))]))

    def image(self, shot: Shot) -> Pixels:
        """Return the upright image that the driver makes of a picture."""
        picture, _ = self._pictures[self.shots.index(shot)]
        return self._turn(picture.assemble(self._rows(shot)))

    def clear(self, shot: Shot) -> bytes:
        """Return its pixels in clear, each at its place in the payload."""
        return self._rows(shot).tobytes()

    def _rows(self, shot: Shot) -> Pixels:
        picture, keys = self._pictures[self.shots.index(shot)]
        return picture.descramble(keys) if keys else picture.rows

    def others(self, captured: int, finger: Pixels) -> list[bytes]:
        """Return other payloads for all shots, which the driver takes the same way."""
        del captured  # the device judges when a finger lies: the driver takes its first picture
        raw = self._turn(upright(finger))
        return [self._other(number, shot, raw) for number, shot in enumerate(self.shots)]

    def _other(self, number: int, shot: Shot, raw: Pixels) -> bytes:
        picture, keys = self._pictures[number]
        blocks = picture.blocks if keys else tuple((flags & ~2, rows) for flags, rows in picture.blocks)
        data = rows_of(raw, blocks, keys or [0])
        return data.ljust(len(shot.payload), b"\0")

    def _turn(self, pixels: Pixels) -> Pixels:
        return np.ascontiguousarray(~pixels[::-1, ::-1] if self._turned else ~pixels)


def _keys_after(transfers: Sequence[Transfer], index: int, picture: Picture) -> list[int]:
    """The keys that the host asked for after a picture; none when it is in clear."""
    if not picture.scrambled:
        return []
    keys, seed = [], None
    for one in transfers[index + 1 :]:
        if one.setup[:4] == _KEY_READ and seed is not None and len(one.data) == 4:
            keys.append(int.from_bytes(one.data, "little") ^ seed)
            if len(keys) == len(picture.key_numbers):
                return keys
        seed = seed_of(one) if seed_of(one) is not None else seed
    raise BadRecording("the keys of a scrambled picture are not in it")
