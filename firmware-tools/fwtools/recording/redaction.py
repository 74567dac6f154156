"""Takes fingers and serial numbers out of a recording: every picture becomes one of a synthetic finger."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivers.api import UsbId
from drivers.digitalpersona_uru4000 import DRIVER as URU
from drivers.next_nb_1010_u import DRIVER as NB1010
from drivers.secugen_hamster_pro_20 import DRIVER as HAMSTER
from fwtools.recording.pcapng import BadRecording
from fwtools.recording.redact_hamster import HamsterPictures
from fwtools.recording.redact_nb1010 import Nb1010Pictures
from fwtools.recording.redact_uru4500 import UruPictures
from fwtools.recording.shots import Pixels, Sensor, put_back
from fwtools.recording.tape import Tape, Transfer

IN_PLACE = "REDACTED"  # of a serial number, filled up with noughts
LEAST_SERIAL = 4  # characters: a shorter one stands in other data by chance
RUN = 16  # bytes
TELLING = 8  # different grey levels in a run that tells something: noise on a flat ground has at most 6
_MIX = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F], np.uint64)  # any two odd numbers

Make = Callable[[Sequence[Transfer], UsbId], Sensor]
_SENSORS: dict[str, Make] = {
    HAMSTER.model: lambda transfers, _: HamsterPictures(transfers),
    NB1010.model: lambda transfers, _: Nb1010Pictures(transfers),
    URU.model: UruPictures,
}


@dataclass(frozen=True, slots=True, eq=False)
class Redacted:
    """What stands for a recording's traffic, and the image that it must give."""

    tape: bytes
    image: Pixels
    pictures: int


def redact(
    tape: Tape, model: str, usb_id: UsbId, captured: Pixels, finger: Pixels, serials: Sequence[str]
) -> Redacted:
    """Put a finger (400, 300) at 500 ppi into every picture; `captured`: the image that the recording gives.

    BadRecording when its pictures are not found, or when something of them would remain.
    """
    if model not in _SENSORS:
        raise BadRecording(f"nothing is known here of the pictures of a {model}")
    sensor = _SENSORS[model](tape.transfers, usb_id)
    images = [sensor.image(shot) for shot in sensor.shots]
    places = [place for place, image in enumerate(images) if np.array_equal(image, captured)]
    if not places:
        raise BadRecording("the picture that the driver captures is not found in it")
    others = sensor.others(places[0], finger)
    changed = put_back(tape.transfers, sensor.shots, others)
    changed |= without_serials(tape.transfers, changed, serials)
    after = [
        Transfer(one.endpoint, one.setup, changed.get(index, one.data))
        for index, one in enumerate(tape.transfers)
    ]
    if left := remains(sensor, after):
        raise BadRecording(
            f"{left} runs of {RUN} bytes of its pictures would remain in it: give another --seed"
        )
    made = _SENSORS[model](after, usb_id)
    return Redacted(tape.replaced(changed), made.image(made.shots[places[0]]), len(sensor.shots))


def without_serials(
    transfers: Sequence[Transfer], changed: dict[int, bytes], serials: Sequence[str]
) -> dict[int, bytes]:
    """Return the transfers in which a serial number stands, as ASCII or UTF-16, with another in its place."""
    found = {}
    for index, one in enumerate(transfers):
        data = changed.get(index, one.data)
        for serial in serials:
            if len(serial) < LEAST_SERIAL:
                continue
            for coding in ("ascii", "utf-16-le"):
                data = data.replace(serial.encode(coding), substitute(serial).encode(coding))
        if data != changed.get(index, one.data):
            found[index] = data
    return found


def substitute(serial: str) -> str:
    """Return what stands for a serial number, of the same length."""
    return IN_PLACE.ljust(len(serial), "0")[: len(serial)]


def serials_in(description: str) -> list[str]:
    """The device's serial numbers in umockdev's description, as it tells them and as udev writes them."""
    device = description.split("\n\n", 1)[0]
    found = re.findall(
        r"^(?:A: serial|E: ID_SERIAL_SHORT|E: ID_USB_SERIAL_SHORT)=(.*?)(?:\\n)?$", device, re.M
    )
    return sorted({one for one in found if one}, key=len, reverse=True)


def without_serials_text(description: str, serials: Sequence[str]) -> str:
    """Return the description with other serial numbers of the device; those of its parents are no secret."""
    device, gap, parents = description.partition("\n\n")
    for serial in serials:
        if len(serial) < LEAST_SERIAL:
            device = re.sub(rf"(?m)(serial|ID_SERIAL_SHORT)={re.escape(serial)}", r"\1=0", device)
        else:
            device = device.replace(serial, substitute(serial))
    return device + gap + parents


def remains(sensor: Sensor, after: Sequence[Transfer]) -> int:
    """How many telling runs of a sensor's pictures, as they were or in clear, stand in any transfer."""
    before = []
    for shot in sensor.shots:
        clear = sensor.clear(shot)
        telling = _telling(clear)
        before += [_hashes(shot.payload[: len(clear)])[telling], _hashes(clear)[telling]]
    known = np.sort(np.concatenate(before))
    if not known.size:
        return 0
    runs = np.sort(np.concatenate([_hashes(one.data) for one in after]))
    nearest = known[np.minimum(np.searchsorted(known, runs), known.size - 1)]
    return int((nearest == runs).sum())


def _windows(data: bytes) -> NDArray[np.uint8]:
    """All runs of RUN bytes, one beginning at every byte."""
    padded = np.frombuffer(data.ljust(RUN, b"\0"), np.uint8)
    return np.lib.stride_tricks.sliding_window_view(padded, RUN)


def _telling(data: bytes) -> NDArray[np.bool_]:
    """Which runs are of more than noise on a flat ground: flat ones are alike in all pictures."""
    ordered = np.sort(_windows(data), axis=1)
    telling: NDArray[np.bool_] = (np.diff(ordered, axis=1) > 0).sum(1) >= TELLING - 1
    return telling


def _hashes(data: bytes) -> NDArray[np.uint64]:
    words = np.ascontiguousarray(_windows(data)).view("<u8")
    hashes: NDArray[np.uint64] = words[:, 0] * _MIX[0] + words[:, 1] * _MIX[1]
    return hashes
