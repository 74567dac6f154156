"""The pump: identity, waits in slices, orders between steps, faults at every step, closing."""

from dataclasses import replace

import pytest

from drivers import session, usb_transport
from drivers.api import (
    Captured,
    ControlOut,
    DeviceIdentity,
    Event,
    FingerOff,
    FingerOn,
    Hear,
    Listen,
    MachineOptions,
    Opened,
    Step,
    Wait,
)
from drivers.errors import DeviceFault, FaultKind
from drivers.machine import Program, ProgramMachine
from drivers.secugen_hamster_pro_20 import DRIVER, LED
from drivers.session import Scanner, list_scanners, open_scanner
from drivers.usb_transport import UsbDevice
from tests.drivers.bench import FAST, ModelWire, finger


def until(scanner: Scanner, kind: type[Event], most: int = 2000) -> Event:
    for _ in range(most):
        event = scanner.step()
        if isinstance(event, kind):
            return event
    raise AssertionError(f"no {kind} in {most} steps")


def test_a_session_from_open_to_close() -> None:
    wire = ModelWire()
    scanner = Scanner(DRIVER, wire, FAST)
    assert scanner.identity is None
    until(scanner, Opened)
    assert scanner.identity == DeviceIdentity("SecuGen Hamster Pro 20", "BENCH", "22.06", "bench:1")
    scanner.arm()
    wire.platen = [*finger()]
    captured = until(scanner, Captured)
    assert isinstance(captured, Captured)
    assert captured.frame.pixels.shape == (scanner.spec.height, scanner.spec.width)
    wire.platen = []
    until(scanner, FingerOff)
    scanner.close()
    assert wire.dark
    assert (wire.closed, wire.resets) == (1, 0)


class Clock:
    """Time that only a sleep moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.sleeps = 100.0, list[float]()
        monkeypatch.setattr(session.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(session.time, "sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


def test_a_wait_is_slept_in_slices_and_ends_with_an_order(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, wire = Clock(monkeypatch), ModelWire()
    scanner = Scanner(DRIVER, wire, MachineOptions(poll_seconds=0.05))
    until(scanner, Opened)
    wire.steps.clear()
    while not wire.steps:  # until the status is read
        scanner.step()
    assert sum(clock.sleeps) == pytest.approx(1.0)
    assert len(clock.sleeps) in (50, 51)
    assert max(clock.sleeps) <= session.SLICE_SECONDS
    scanner.step()  # the next rest begins
    clock.sleeps.clear()
    scanner.arm()
    scanner.step()
    scanner.step()
    assert clock.sleeps == [], "an order ends the rest"
    assert len(wire.steps) == 2


def test_a_pause_between_two_looks_lasts_as_long_as_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, wire = Clock(monkeypatch), ModelWire()
    scanner = Scanner(DRIVER, wire, MachineOptions(poll_seconds=0.05))
    until(scanner, Opened)
    scanner.arm()
    clock.sleeps.clear()
    looks = 0
    for _ in range(200):
        scanner.step()
        looks = sum(step == ControlOut(1, 0, 0) for step in wire.steps)
    assert sum(clock.sleeps) == pytest.approx(0.05 * (looks - 4), abs=0.051)  # 3 looks of the opening


class Ears(ProgramMachine):
    """Hears, for ever; reports a finger when it was told something."""

    firm = False

    def program(self) -> Program[None]:
        yield Listen()
        while True:
            if (yield Hear(0.3, self.firm)):
                self.emit(FingerOn())


@pytest.mark.parametrize("firm", [False, True])
def test_hearing_ends_with_a_message_with_its_time_and_unless_it_is_firm_with_an_order(
    firm: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, wire = Clock(monkeypatch), ModelWire()
    messages: list[bytes | None] = []
    asked: list[float] = []

    def hear(seconds: float) -> bytes | None:
        asked.append(seconds)
        clock.now += 0.0 if messages else seconds
        return messages.pop(0) if messages else None

    wire.hear = hear  # type: ignore[attr-defined]
    monkeypatch.setattr(wire, "perform", lambda step: b"")
    monkeypatch.setattr(Ears, "firm", firm)
    scanner = Scanner(replace(DRIVER, make_machine=Ears), wire, FAST)
    for _ in range(40):
        assert scanner.step() is None
    assert sum(asked) == pytest.approx(39 * session.SLICE_SECONDS, abs=0.04)
    assert clock.sleeps == [], "the wire waits by itself"
    messages.append(b"\1")
    assert scanner.step() == FingerOn()
    scanner.step()
    asked.clear()
    scanner.arm()
    scanner.step()
    assert asked == [pytest.approx(session.SLICE_SECONDS if firm else 0.0)]
    messages.append(b"\1")
    scanner.disarm()
    assert scanner.step() == FingerOn(), "an order loses no message"


def lifetime(wire: ModelWire) -> Scanner:
    """Open, capture, lift; the scanner, whatever happened."""
    scanner = Scanner(DRIVER, wire, FAST)
    until(scanner, Opened)
    scanner.arm()
    wire.platen = [*finger()]
    until(scanner, Captured)
    wire.platen = []
    until(scanner, FingerOff)
    return scanner


@pytest.mark.parametrize("kind", [FaultKind.TIMEOUT, FaultKind.PROTOCOL, FaultKind.UNPLUGGED])
def test_a_fault_of_the_wire_at_any_step_ends_the_scanner_cleanly(kind: FaultKind) -> None:
    whole = ModelWire()
    lifetime(whole)
    for number in range(len(whole.steps)):
        wire = ModelWire()

        def fail(n: int, step: Step, data: bytes, at: int = number) -> bytes:
            if n >= at:
                raise DeviceFault(kind, "the wire failed")
            return data

        wire.answer = fail
        scanner = Scanner(DRIVER, wire, FAST)
        scanner.arm()
        with pytest.raises(DeviceFault) as first:
            _live(scanner, wire)
        assert first.value.kind is kind
        with pytest.raises(DeviceFault) as again:
            scanner.step()
        assert again.value is first.value
        scanner.close()
        assert wire.closed == 1
        assert wire.resets == (0 if kind is FaultKind.UNPLUGGED else 1)
        assert len(wire.steps) == number + 1, "it used the wire after the fault"


def _live(scanner: Scanner, wire: ModelWire) -> None:
    until(scanner, Opened)
    wire.platen = [*finger()]
    until(scanner, Captured)
    wire.platen = []
    until(scanner, FingerOff)
    until(scanner, Opened)


@pytest.mark.parametrize("steps", [0, 1, 40, 170])
def test_closing_at_any_moment_leaves_no_light_on(steps: int) -> None:
    wire = ModelWire()
    scanner = Scanner(DRIVER, wire, FAST)
    scanner.arm()
    if steps >= 170:
        until(scanner, Opened)
    for _ in range(steps):
        scanner.step()
    scanner.close()
    assert wire.closed == 1
    assert not wire.device.led
    assert not any(isinstance(step, Wait) for step in wire.steps)


def test_closing_in_the_middle_of_a_look_finishes_the_look() -> None:
    for extra in range(12):
        wire = ModelWire()
        scanner = Scanner(DRIVER, wire, FAST)
        scanner.arm()
        until(scanner, Opened)
        for _ in range(extra):
            scanner.step()
        scanner.close()
        assert wire.dark
        assert wire.steps[-1] == ControlOut(LED, 0, 0)


@pytest.mark.parametrize(
    ("where", "kind", "sentence"),
    [
        ("ttyS0", FaultKind.UNSUPPORTED, "'ttyS0' is no place of a scanner: say usb"),
        ("usbip://127.0.0.1:1", FaultKind.NOT_FOUND, "no USB/IP server answers at 127.0.0.1:1"),
    ],
)
def test_a_place_that_cannot_be_asked_is_one_sentence(where: str, kind: FaultKind, sentence: str) -> None:
    for ask in (open_scanner, list_scanners):
        with pytest.raises(DeviceFault, match=sentence) as fault:
            ask(where)
        assert fault.value.kind is kind


def test_a_machine_without_libusb_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usb_transport.usb.backend.libusb1, "get_backend", lambda: None)
    with pytest.raises(DeviceFault, match="apt-get install libusb") as fault:
        open_scanner("usb")
    assert fault.value.kind is FaultKind.UNSUPPORTED


def test_only_supported_devices_are_scanners(monkeypatch: pytest.MonkeyPatch) -> None:
    def device(product: int) -> UsbDevice:
        return UsbDevice(0x1162, product, f"usb:1-{product}", "", lambda: None)  # type: ignore[arg-type,return-value]

    monkeypatch.setattr(session, "find_devices", lambda where: [device(1), device(0x2200), device(2)])
    assert list_scanners("usb") == [session.FoundScanner("usb:1-8704", DRIVER)]
    monkeypatch.setattr(session, "find_devices", lambda where: [device(1)])
    assert list_scanners("usb") == []
    with pytest.raises(DeviceFault, match=r"no supported scanner at usb .*Hamster Pro 20") as fault:
        open_scanner("usb")
    assert fault.value.kind is FaultKind.NOT_FOUND
