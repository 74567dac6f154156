"""Plugs: told by udev, over the kernel's netlink and through umockdev's sysfs, or seen in /sys."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge.booth.plugging import Plugs

SECONDS = 120.0


def said(*command: str) -> list[str]:
    """What a program that runs under another one says; skipped where that one is missing, which CI fails."""
    if shutil.which(command[0]) is None:
        message = f"no {command[0]} here: apt-get install umockdev util-linux libusb-1.0-0"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    if "unshare failed" in done.stderr:
        pytest.skip(f"no name space of its own is allowed here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_udevs_messages_on_the_netlink_of_the_kernel() -> None:
    heard = said("unshare", "-rn", sys.executable, "-m", "tests.edge.booth.told_by_netlink", "usb:1-1")
    assert heard == [
        "told False",
        "add 1-1 1162/2200/2206 True True",
        "bind 1-1 1162/2200/2206 True True",
        "remove 1-1 1162/2200/2206 True True",
        "add 1-2 1162/2200/2206 True False",
        "add 1-1 46d/c077/7200 True False",
        "unbind 1-1 1162/2200/2206 True False",
        "add 1-1 nonsense True False",
        "flood True",
        "quiet False",
    ]


def under_umockdev(serial: str, *acts: str) -> list[tuple[str, ...]]:
    program = [sys.executable, "-m", "tests.edge.booth.told_by_umockdev", serial, *acts]
    return [tuple(line.split(" | ")) for line in said("umockdev-wrapper", *program)]


def test_a_worker_whose_pauses_last_an_hour_goes_on_with_every_plug() -> None:
    acts = ("+1-1:4:X-1", "+1-2:5:Y-2", "-1-1", "-1-2", "+1-1:6:X-1")
    none, x, both, y, none_again, x_again = under_umockdev("", *acts)
    assert (none[:2], none_again[:2]) == (("not found", "wait"),) * 2
    assert x[:2] == ("protocol", "open again"), "there are no transfers at this test bed"
    assert "at usb:1-1 while" in x[2]
    assert both[:2] == ("ambiguous", "technician")
    assert "U.are.U 4000/4500 X-1 at usb:1-1, DigitalPersona U.are.U 4000/4500 Y-2 at usb:1-2;" in both[2]
    assert "at usb:1-2 while" in y[2]
    assert x_again[:2] == ("protocol", "fresh process"), "the third fault of this process"
    assert "at usb:1-1 while" in x_again[2]


def test_the_number_that_the_kernel_read_tells_two_of_one_model_apart() -> None:
    none, other, ours, gone = under_umockdev("Y-2", "+1-1:4:X-1", "+1-2:5:Y-2", "-1-2")
    sentence = "no scanner with the serial number Y-2 at usb"
    assert none == ("not found", "wait", sentence)
    there = f"{sentence}; there is DigitalPersona U.are.U 4000/4500 X-1 at usb:1-1"
    assert (other, gone) == (("not found", "wait", there),) * 2, "X-1 was not opened"
    assert "at usb:1-2 while" in ours[2]


def device(sysfs: Path, port: str, ids: tuple[str, str], number: int) -> Path:
    folder = sysfs / port
    folder.mkdir(parents=True)
    for name, text in (("idVendor", ids[0]), ("idProduct", ids[1]), ("devnum", str(number))):
        (folder / name).write_text(f"{text}\n")
    return folder


def test_without_udev_sys_is_looked_at(tmp_path: Path) -> None:
    no_udev = tmp_path / "control"
    any_port, one_port, remote = (
        Plugs(where, tmp_path, no_udev) for where in ("usb", "usb:1-2", "usbip://127.0.0.1:1")
    )
    all_of_them = (any_port, one_port, remote)
    assert not any(plugs.told or plugs.changed() or plugs.scanner_here for plugs in all_of_them)
    device(tmp_path, "1-1", ("05ba", "000a"), 4)
    device(tmp_path, "1-0:1.0", ("05ba", "000a"), 4).joinpath("idVendor").unlink()  # an interface
    device(tmp_path, "1-3", ("046d", "c077"), 5)  # a mouse
    assert [plugs.changed() for plugs in all_of_them] == [True, False, False]
    assert [plugs.scanner_here for plugs in all_of_them] == [True, False, False]
    assert not any_port.changed()
    (tmp_path / "1-1" / "devnum").write_text("6\n")
    assert any_port.changed(), "it re-enumerated"
    device(tmp_path, "1-2", ("1162", "2200"), 7)
    assert [plugs.changed() for plugs in all_of_them] == [True, True, False]
    shutil.rmtree(tmp_path / "1-1")
    assert [plugs.changed() for plugs in all_of_them] == [True, False, False]
    assert any_port.scanner_here
    shutil.rmtree(tmp_path / "1-2")
    assert [plugs.changed() for plugs in all_of_them] == [True, True, False]
    assert not any_port.scanner_here


def test_a_place_that_is_none_is_left_to_whoever_opens_it(tmp_path: Path) -> None:
    assert not Plugs("com1", tmp_path, tmp_path).changed()
