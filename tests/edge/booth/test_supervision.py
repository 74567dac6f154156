"""The scanner's process before several scanners, and before one that leaves, hangs or comes back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.booth import channel
from edge.booth.ladder import PROCESSES, TRIES, Rung
from edge.demo.stage import free_port
from tests.edge.booth.worker_process import SECONDS, Process, worker
from tests.fwtools.virtual_scanner import VirtualScanner, virtual_scanner, write_fingers

pytestmark = pytest.mark.system

TWO = ("--model", "hamster", "--model", "hamster", "--serial", "H-1", "--serial", "H-2", "--control", "0")
POLL = "0.02"
FINGER = "100_1.png"


@pytest.fixture(scope="module")
def fingers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fingers")
    write_fingers(folder, 1)
    return folder


@pytest.fixture
def two(fingers: Path) -> Iterator[VirtualScanner]:
    """Two scanners of one model on one bus."""
    with virtual_scanner(fingers, *TWO) as virtual:
        yield virtual


def order(virtual: VirtualScanner, scanner: str, do: str, **more: Any) -> dict[str, Any]:
    return virtual.do(do, scanner=scanner, **more)


def ready(process: Process) -> tuple[str, str]:
    """Wait until a scanner is open: its number and its port."""
    while not isinstance(said := process.word(), channel.ScannerReady):
        assert isinstance(said, channel.ScannerFault), said
    return said.serial, said.location.rsplit("/", 1)[1]


def fault(process: Process) -> channel.ScannerFault:
    said = process.word()
    assert isinstance(said, channel.ScannerFault), said
    return said


def capture(process: Process, virtual: VirtualScanner, scanner: str) -> None:
    """Order a finger and show it."""
    process.end.send(channel.Arm(token=1))
    order(virtual, scanner, "put", image=FINGER)
    while not isinstance(process.word(), channel.Captured):
        pass
    order(virtual, scanner, "lift")


def test_of_two_none_is_taken_until_one_is_unplugged(two: VirtualScanner) -> None:
    with worker("scanner", two.usbip, POLL) as process:
        said = fault(process)
        assert (said.kind, said.rung) == ("ambiguous", Rung.TECHNICIAN)
        for busid in ("1-1", "1-2"):
            assert f"SecuGen Hamster Pro 20 at {two.usbip}/{busid}" in said.detail
            assert not order(two, busid, "status")["connected"]
        order(two, "H-1", "unplug")
        assert ready(process) == ("H-2", "1-2")
        order(two, "H-1", "replug")
        capture(process, two, "H-2")


@pytest.mark.parametrize(("choice", "serial"), [("--serial=H-2", "H-2"), ("--serial=H-1", "H-1")])
def test_one_is_chosen_by_its_number(two: VirtualScanner, choice: str, serial: str) -> None:
    with worker("scanner", two.usbip, POLL, choice) as process:
        assert ready(process)[0] == serial
        capture(process, two, serial)
        order(two, serial, "unplug")
        said = fault(process)
        while said.kind != "not found":
            said = fault(process)
        assert f"no scanner with the serial number {serial} at " in said.detail
        order(two, serial, "replug")
        assert ready(process)[0] == serial


def test_one_is_chosen_by_its_port_and_one_is_kept_that_was_in_use(two: VirtualScanner) -> None:
    with worker("scanner", f"{two.usbip}/1-2", POLL) as process:
        assert ready(process) == ("H-2", "1-2")
    for busid, serial in (("1-2", "H-2"), ("1-1", "H-1")):
        with worker("scanner", two.usbip, POLL, f"--before={two.usbip}/{busid}") as process:
            assert ready(process) == (serial, busid)


def test_two_booths_with_one_bus_each_take_their_own(two: VirtualScanner) -> None:
    with worker("scanner", two.usbip, POLL, "--serial=H-1") as left:
        assert ready(left)[0] == "H-1"
        with worker("scanner", two.usbip, POLL, "--serial=H-2") as right:
            assert ready(right)[0] == "H-2"
            capture(left, two, "H-1")
            capture(right, two, "H-2")
            with worker("scanner", two.usbip, POLL, "--serial=H-2") as third:
                assert fault(third).kind == "busy"


def test_unplugged_in_mid_transfer_the_other_one_of_the_model_takes_its_place(two: VirtualScanner) -> None:
    order(two, "H-2", "unplug")
    with worker("scanner", two.usbip, POLL) as process:
        assert ready(process)[0] == "H-1"
        order(two, "H-1", "unplug", bytes=300_000)  # in the middle of the first picture
        process.end.send(channel.Arm(token=1))
        said = fault(process)
        assert (said.kind, said.rung) == ("unplugged", Rung.WAIT)
        order(two, "H-2", "replug")
        assert ready(process) == ("H-2", "1-2")
        capture(process, two, "H-2")


def test_one_that_hangs_in_mid_transfer_is_reset_and_opened_again(two: VirtualScanner) -> None:
    with worker("scanner", f"{two.usbip}/1-1", POLL) as process:
        ready(process)
        order(two, "H-1", "slow", on="bulk", skip=3, seconds=600)
        process.end.send(channel.Arm(token=1))
        said = fault(process)
        assert (said.kind, said.rung) == ("timeout", Rung.REOPEN)
        assert "did not answer in time while reading 657920 bytes from endpoint 0x82" in said.detail
        assert ready(process)[0] == "H-1"
        capture(process, two, "H-1")


def test_one_that_fails_at_every_opening_comes_up_the_ladder_and_down_again(two: VirtualScanner) -> None:
    order(two, "H-1", "stall", on="control", times=1_000_000)
    for processes in range(PROCESSES):
        with worker("scanner", f"{two.usbip}/1-1", POLL, f"--processes={processes}") as process:
            assert [fault(process).rung for _ in range(2)] == [Rung.REOPEN, Rung.FRESH]
            while process.end.receive():
                pass
            assert process.process.wait(SECONDS) == 0
    assert order(two, "H-1", "status")["faults_struck"]["stall"] == TRIES * PROCESSES
    with worker("scanner", f"{two.usbip}/1-1", POLL, f"--processes={PROCESSES}") as process:
        assert process.hear()[0] == channel.Alive(processes=PROCESSES)
        assert fault(process).rung is Rung.REPLUG
        order(two, "H-1", "unplug")
        assert fault(process).rung is Rung.WAIT
        order(two, "H-1", "heal")
        order(two, "H-1", "replug")
        assert ready(process)[0] == "H-1"
        while process.hear()[0] != channel.Alive(processes=0):
            pass


def test_one_that_is_reset_in_vain_serves_again_as_soon_as_it_can(two: VirtualScanner) -> None:
    order(two, "H-1", "stall", on="control", times=2)
    with worker("scanner", f"{two.usbip}/1-1", POLL, "--processes=1") as process:
        assert fault(process).rung is Rung.REOPEN
        assert ready(process)[0] == "H-1"
        capture(process, two, "H-1")
        while process.hear()[0] != channel.Alive(processes=0):
            pass


def test_what_comes_back_at_the_port_is_what_it_says_it_is(fingers: Path) -> None:
    port = str(free_port())
    with worker("scanner", f"usbip://127.0.0.1:{port}/1-1", POLL) as process:
        for words in (
            ("--model", "hamster", "--serial", "H-1"),
            ("--model", "hamster", "--serial", "H-1"),  # it re-enumerated
            ("--model", "hamster", "--serial", "H-9"),
            ("--model", "nb1010", "--serial", "N-1"),  # with another product number
        ):
            with virtual_scanner(fingers, "--port", port, *words):
                while not isinstance(said := process.word(), channel.ScannerReady):
                    pass
                assert said.model.startswith({"hamster": "SecuGen", "nb1010": "NEXT"}[words[1]])
                assert said.serial == (words[3] if words[1] == "hamster" else "")
