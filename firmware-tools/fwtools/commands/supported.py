"""`vantay-fw supported`: SUPPORTED.md, from what the drivers declare."""

from argparse import ArgumentParser, Namespace

from drivers.api import DriverSpec
from drivers.registry import known_drivers

HEAD = """# Supported scanners

Written by `vantay-fw supported` from what the drivers declare.

| model | USB id | seen on | proved by | frame | resolution | impressions | live preview | enrolment |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""
TAIL = """
A recording of a real device is replayed byte for byte through the real libusb, and the picture is compared
with the expected one. "Hardware" is said only when someone has run the driver on the device. A driver
seen on a "model only", or of a model of ours, is off: `unproved = true` under `[scanner]` in the booth's
settings switches it on.

The udev rules are in `systemd/60-vantay.rules`. The virtual scanners (`vantay-fw virtual --model …`) behave
like these devices over USB/IP; they are models of ours and prove nothing about hardware.

Booths run on x86-64 and 64-bit Arm. The engine gives the same minutiae on both (DECISIONS: measured on an
emulated Cortex-A72); no booth has run on a Raspberry Pi here.

## For whoever has the hardware

With every device:

1. Plug it in; `vantay booth` shows it in `state.device`, with serial number and firmware where it tells them.
2. Enrol somebody who agrees; look at a sample (`vantay packet`, `vantay show`): upright, dark, not mirrored.
3. Measure the resolution with a target of known pitch, both ways (`vantay-fw calibrate`); for enrolment 490
   to 510 ppi.
4. Pull the cable during a capture and put it back: the same finger is asked for once more.
5. Leave a finger on the platen while the booth starts: it must ask to lift it.
6. Where the table promises a live preview: it follows the finger, and ends when the finger is lifted.
7. Record a capture of something that is no finger (`vantay-fw record --capture`), redact it
   (`vantay-fw redact`: the serial number, too), and send it with what you saw.

Then, with each:
"""


def configure(parser: ArgumentParser) -> None:
    """Nothing to declare."""
    del parser


def run(arguments: Namespace) -> int:
    """Print the page."""
    del arguments
    print(page(), end="")
    return 0


def page() -> str:
    """Return SUPPORTED.md."""
    return (
        HEAD
        + "".join(f"| {' | '.join(_cells(driver))} |\n" for driver in known_drivers())
        + TAIL
        + "".join(_checklist(driver) for driver in known_drivers())
    )


def _checklist(driver: DriverSpec) -> str:
    return f"\n### {driver.model}\n\n" + "".join(f"- [ ] {check}\n" for check in driver.checks)


def _seen_on(driver: DriverSpec) -> str:
    if not driver.product:
        return "no product: a model of ours"
    if driver.on_hardware:
        return "hardware"
    return "model only" if driver.model_only else "recording"


def _cells(driver: DriverSpec) -> tuple[str, ...]:
    ids = ", ".join(f"{one.vendor:04x}:{one.product:04x}" for one in driver.ids)
    frame, ppi = f"{driver.width} x {driver.height}", f"{driver.ppi:g} ppi"
    no = "only once calibrated" if driver.until_calibrated else "no"
    enrolment = f"{no}: {driver.not_for_enrolment}" if driver.not_for_enrolment else "yes"
    if not driver.product:
        enrolment = (
            "nobody: it is no product, but a model of ours; booths enrol synthetic people with it in tests"
        )
    return (
        driver.model,
        ids,
        _seen_on(driver),
        driver.proved_by,
        frame,
        ppi,
        ", ".join(driver.impressions),
        driver.preview,
        enrolment,
    )
