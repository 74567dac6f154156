"""Finds every module of this package that defines `DRIVER`; a new driver is one new file, no list to edit."""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module

import drivers
from drivers.api import DriverSpec, UsbId


@cache
def known_drivers() -> tuple[DriverSpec, ...]:
    """Every driver of this package, in the order of its module's name."""
    found: dict[str, DriverSpec] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(drivers.__path__)):
        driver = getattr(import_module(f"drivers.{module}"), "DRIVER", None)
        if isinstance(driver, DriverSpec):
            found[module] = driver
    by_id(found)
    return tuple(found.values())


@cache
def _index() -> dict[UsbId, DriverSpec]:
    return by_id({driver.model: driver for driver in known_drivers()})


def driver_for(vendor: int, product: int) -> DriverSpec | None:
    """The driver that claims this USB id, if there is one."""
    return _index().get(UsbId(vendor, product))


def by_id(found: Mapping[str, DriverSpec]) -> dict[UsbId, DriverSpec]:
    """Index drivers, by where they were found, by USB id; ValueError when two claim one id."""
    index: dict[UsbId, DriverSpec] = {}
    claimed_by: dict[UsbId, str] = {}
    for module, driver in found.items():
        for usb_id in driver.ids:
            if usb_id in index:
                raise ValueError(
                    f"{claimed_by[usb_id]} and {module} both claim {usb_id.vendor:04x}:{usb_id.product:04x}"
                )
            index[usb_id], claimed_by[usb_id] = driver, module
    return index
