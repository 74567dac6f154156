"""The numbers that the host chose when a recording was made: a driver must choose them again. Pure.

They stand in what it sent: the seeds of the U.are.U 4000 family, the message numbers of the NB-1010-U.
"""

from collections.abc import Callable, Sequence

from drivers.digitalpersona_uru4000 import DRIVER as URU
from drivers.digitalpersona_uru4000 import REGISTER, SCRAMBLE
from drivers.next_nb_1010_u import DRIVER as NB1010
from drivers.next_nb_1010_u import OUT
from fwtools.recording.tape import Transfer

_SEED_WRITE = bytes([0x40, REGISTER]) + SCRAMBLE.to_bytes(2, "little")


def numbers_of(model: str, transfers: Sequence[Transfer]) -> list[int]:
    """Return the numbers, in their order; none for a model whose host chooses nothing."""
    number = _MODELS.get(model)
    found = [number(transfer) for transfer in transfers] if number else []
    return [one for one in found if one is not None]


def seed_of(transfer: Transfer) -> int | None:
    """The seed in a write of one."""
    if transfer.setup[:4] != _SEED_WRITE or len(transfer.data) != 5:
        return None
    return int.from_bytes(transfer.data[1:], "little")


def _message(transfer: Transfer) -> int | None:
    if transfer.endpoint != OUT or len(transfer.data) < 8 or transfer.data[0] != 0x80:
        return None
    return transfer.data[2]


_MODELS: dict[str, Callable[[Transfer], int | None]] = {URU.model: seed_of, NB1010.model: _message}
