"""What stands around a gadget: the kernel's folders, other gadgets, transfers in flight."""

import asyncio
import errno
import fcntl
import os
from pathlib import Path

import pytest

from fwtools.cli import main
from fwtools.errors import ToolError
from fwtools.gadget import configfs
from fwtools.gadget.aio import Aio
from fwtools.gadget.configfs import Tree, check_system, choose_controller, why_not
from tests.fwtools.virtual_scanner import write_fingers


def test_the_only_controller_is_taken_and_of_several_the_named_one(tmp_path: Path) -> None:
    (tmp_path / "fe980000.usb").mkdir()
    assert choose_controller(None, tmp_path) == "fe980000.usb"
    (tmp_path / "dummy_udc.0").mkdir()
    assert choose_controller("dummy_udc.0", tmp_path) == "dummy_udc.0"


@pytest.mark.parametrize(
    ("there", "wanted", "sentence"),
    [
        ((), None, "has no USB device controller .* put dtoverlay=dwc2 into /boot/firmware/config.txt"),
        (("b", "a"), None, "there are 2 USB device controllers: choose with --udc, a or b"),
        (("a",), "c", "there is no USB device controller c: --udc is a"),
    ],
)
def test_no_controller_is_guessed(
    tmp_path: Path, there: tuple[str, ...], wanted: str | None, sentence: str
) -> None:
    for name in there:
        (tmp_path / name).mkdir()
    with pytest.raises(ToolError, match=sentence):
        choose_controller(wanted, tmp_path)


def test_a_machine_without_a_controller_folder_has_none(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="has no USB device controller"):
        choose_controller(None, tmp_path / "udc")


def test_only_root_and_only_with_configfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ToolError, match="only root may make a USB gadget: run it with sudo"):
        check_system(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    check_system(tmp_path)
    with pytest.raises(ToolError, match="modprobe libcomposite"):
        check_system(tmp_path / "usb_gadget")


def test_two_gadgets_on_one_controller_are_refused(tmp_path: Path) -> None:
    tree = Tree("udc.0", tmp_path / "gadgets", tmp_path / "run", tmp_path / "udc")
    with tree.held():
        with pytest.raises(ToolError, match="another vantay-fw gadget serves"), tree.held():
            pass
        with Tree("udc.1", tmp_path / "gadgets", tmp_path / "run", tmp_path / "udc").held():
            pass
    with tree.held(), (tmp_path / "run" / "udc.0.lock").open() as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_why_a_controller_does_not_take_a_gadget() -> None:
    busy, broken = OSError(errno.EBUSY, "busy"), OSError(errno.EIO, "Input/output error")
    assert "u serves another gadget (g_ether): unbind that one" in why_not("u", busy, "g_ether")
    assert "u has not the endpoints that this scanner needs" in why_not("u", busy, "")
    assert why_not("u", broken, "") == "the controller u does not take the gadget: Input/output error"


def test_a_gadget_is_one_scanner(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_fingers(tmp_path, 1)
    models = ["--model", "hamster", "--model", "nb1010"]
    assert main(["gadget", "--scans", str(tmp_path), *models]) == 2
    assert capsys.readouterr().err == (
        "vantay-fw: a gadget is one scanner, not 2: start one vantay-fw gadget for each, with --udc\n"
    )


def test_where_nothing_is_there_the_command_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_fingers(tmp_path, 1)
    monkeypatch.setattr(configfs.os, "geteuid", lambda: 1000)
    assert main(["gadget", "--scans", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "vantay-fw: only root may make a USB gadget: run it with sudo\n"


def test_transfers_end_with_what_went_or_an_error(tmp_path: Path) -> None:
    async def go() -> None:
        aio = Aio()
        file = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
        try:
            assert await aio.write(file, b"scanner").done == 7
            assert await aio.write(file, b"").done == 0
            read = aio.read(file, 64)
            assert await read.done == 7
            assert read.data == b"scanner"
            both = [aio.write(file, b"x" * length) for length in (1, 2, 3)]
            assert [await one.done for one in both] == [1, 2, 3]
            aio.cancel(both[0])  # it is over: nothing happens
            only_read = os.open(tmp_path / "file", os.O_RDONLY)
            with pytest.raises(OSError, match="Bad file descriptor"):
                aio.write(only_read, b"x")
            os.close(only_read)
        finally:
            aio.close()
            os.close(file)

    asyncio.run(go())


def test_another_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        Aio()

    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(ToolError, match="64-bit Linux on x86-64 or Arm, and this is riscv64"):
        asyncio.run(go())
