"""The models that can be served, in one place: a new one is one more entry of MODELS."""

from collections.abc import Callable
from dataclasses import dataclass

from fwtools.virtual import slap
from fwtools.virtual.futronic import Fs80, Window
from fwtools.virtual.hamster import HamsterPro20
from fwtools.virtual.images import HEIGHT, WIDTH
from fwtools.virtual.nb1010 import Nb1010U, Thermal
from fwtools.virtual.optics import Device as Factory
from fwtools.virtual.optics import Optics
from fwtools.virtual.platen import Sight
from fwtools.virtual.server import Device
from fwtools.virtual.uru4500 import Prism, Uru4500

Shoot = Callable[[bool], bytes]
Ppi = tuple[float, float]  # across and down


@dataclass(frozen=True, slots=True)
class Model:
    """How one model is made: its eye from a seed, its device from serial number, seed and what it sees.

    `measured`: the eye of a unit that has another resolution, for a model whose units differ.
    """

    sight: Callable[[int], Sight]
    device: Callable[[str, int, Shoot], Device]
    measured: Callable[[Ppi], Sight] | None = None
    size: tuple[int, int] = (HEIGHT, WIDTH)  # of an image on its platen
    window: tuple[int, int] | None = None  # (height, width) of rolled fingers' pictures


MODELS = {
    "fs80": Model(lambda _seed: Window(), lambda _serial, _seed, shoot: Fs80(shoot)),
    "hamster": Model(
        lambda seed: Optics(Factory.make(seed), seed),
        lambda serial, seed, shoot: HamsterPro20(serial, Factory.make(seed).factory_data(), shoot),
    ),
    "nb1010": Model(lambda _seed: Thermal(), lambda _serial, _seed, shoot: Nb1010U(shoot)),
    "slap": Model(
        lambda _seed: slap.Plate(),
        lambda serial, _seed, shoot: slap.SlapScanner(serial, shoot),
        size=(slap.HEIGHT, slap.WIDTH),
        window=(slap.ROLL_HEIGHT, slap.ROLL_WIDTH),
    ),
    "uru4500": Model(lambda _seed: Prism(), lambda _serial, _seed, shoot: Uru4500(shoot), Prism),
}
