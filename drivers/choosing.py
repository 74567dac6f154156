"""Which of the scanners at a place is ours: the one named, the only one, or the one we had.

Two scanners of one model look alike to whoever sits there: a mix-up of scanners is a mix-up of stations.
Pure; what is plugged in comes from `drivers.session.list_scanners`.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from drivers import registry
from drivers.api import DriverSpec, Transport, UsbId
from drivers.errors import DeviceFault, FaultKind


@dataclass(frozen=True, slots=True)
class FoundScanner:
    """A supported scanner that is plugged in, not opened."""

    location: str
    spec: DriverSpec
    serial: str = ""  # as far as it is known before the scanner is opened
    usb_id: UsbId | None = field(default=None, compare=False)
    connect: Callable[[], Transport] | None = field(default=None, compare=False, repr=False)

    @property
    def name(self) -> str:
        """For people: model, serial number where it is known, place."""
        return " ".join(filter(None, (self.spec.model, self.serial, "at", self.location)))


def choose(
    found: Sequence[FoundScanner],
    where: str,
    serial: str | None = None,
    before: str | None = None,
    tried: Collection[str] = (),
    unproved: bool = False,
) -> FoundScanner:
    """Return the scanner to open; DeviceFault when there is none, or when it is anybody's guess.

    `serial` is the number wanted, `before` the location of the scanner that was in use, `tried` locations of
    scanners that turned out not to be ours. One whose number is not known yet is to be opened and asked. One
    whose driver is a model only is none, unless `unproved`.
    """
    off = [] if unproved else [one for one in found if one.spec.model_only]
    found = [one for one in found if one not in off]
    if off and not found:
        raise DeviceFault(FaultKind.UNSUPPORTED, _unproved(off[0].spec))
    if serial is not None:
        fitting = [one for one in found if one.serial in ("", serial) and one.location not in tried]
        if not fitting:
            raise DeviceFault(FaultKind.NOT_FOUND, _none_of(found, where, serial))
        return min(fitting, key=lambda one: (one.serial != serial, one.location != before))
    if len(found) > 1 and before in (had := {one.location: one for one in found}):
        return had[before]
    if len(found) > 1:
        names = ", ".join(one.name for one in found)
        raise DeviceFault(
            FaultKind.AMBIGUOUS,
            f"{len(found)} scanners fit and none is chosen: {names}; unplug what is not the booth's, or name "
            f'its scanner in the settings: [scanner] where = "{found[0].location}" or serial = "…"',
        )
    if not found:
        known = ", ".join(driver.model for driver in registry.known_drivers())
        raise DeviceFault(FaultKind.NOT_FOUND, f"no supported scanner at {where} (supported: {known})")
    return found[0]


def _unproved(spec: DriverSpec) -> str:
    return (
        f"the driver of this scanner ({spec.model}) was never seen working on hardware, so it is off: plug "
        "in another scanner, or, to try this one, write unproved = true under [scanner] in the settings "
        "and start again"
    )


def _none_of(found: Sequence[FoundScanner], where: str, serial: str) -> str:
    others = f"; there is {', '.join(one.name for one in found)}" if found else ""
    return f"no scanner with the serial number {serial} at {where}{others}"
