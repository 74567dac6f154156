"""The registry and the words for places."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.api import UsbId
from drivers.registry import by_id, driver_for, known_drivers
from drivers.secugen_hamster_pro_20 import DRIVER
from drivers.where import LocalUsb, RemoteUsb, parse_where


def test_every_module_with_a_driver_is_found() -> None:
    assert DRIVER in known_drivers()
    assert driver_for(0x1162, 0x2200) is DRIVER
    assert driver_for(0x1162, 0x2201) is None
    assert driver_for(0x045E, 0x00CA) is None, "Microsoft's reader v2 asks for a secret"


def test_two_drivers_with_one_id_are_an_error() -> None:
    other = replace(DRIVER, model="Copy", ids=(UsbId(1, 2), UsbId(0x1162, 0x2200)))
    with pytest.raises(ValueError, match="one and two both claim 1162:2200"):
        by_id({"one": DRIVER, "two": other})
    assert by_id({"one": DRIVER, "two": replace(other, ids=(UsbId(1, 2),))})[UsbId(1, 2)].model == "Copy"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("usb", LocalUsb()),
        ("usb:1-2", LocalUsb("1-2")),
        ("usb:003-1.4.2", LocalUsb("3-1.4.2")),
        ("usbip://localhost", RemoteUsb("localhost", 3240)),
        ("usbip://10.0.0.7:99/1-1", RemoteUsb("10.0.0.7", 99, "1-1")),
        ("usbip://[::1]:99", RemoteUsb("::1", 99)),
    ],
)
def test_places(text: str, place: LocalUsb | RemoteUsb) -> None:
    assert parse_where(text) == place


@pytest.mark.parametrize(
    "text",
    [
        "",
        "usb:",
        "usb:1",
        "usb:1-",
        "USB",
        "usbip://",
        "usbip://h:0",
        "usbip://h:70000",
        "usbip://h/",
        "/dev/x",
    ],
)
def test_no_places(text: str) -> None:
    with pytest.raises(ValueError, match="say usb, usb:BUS-PORT"):
        parse_where(text)


@given(st.text(max_size=60))
def test_any_other_text_is_refused(text: str) -> None:
    if re.fullmatch(r"usb(:\d+-[\d.]+)?|usbip://\S+", text):
        return  # told apart above
    with pytest.raises(ValueError, match="is no place of a scanner"):
        parse_where(text)


def test_the_udev_rule_names_every_device() -> None:
    rules = (Path(__file__).parents[2] / "systemd" / "60-vantay.rules").read_text()
    for driver in known_drivers():
        for usb_id in driver.ids:
            match = f'ATTR{{idVendor}}=="{usb_id.vendor:04x}", ATTR{{idProduct}}=="{usb_id.product:04x}"'
            assert f'{match}, GROUP="vantay", MODE="0660", TAG+="uaccess"' in rules
