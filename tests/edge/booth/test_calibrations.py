"""What a unit may do when it is plugged in: as its driver says, unless somebody signed off what it has."""

from dataclasses import replace
from pathlib import Path

import pytest

from drivers import calibrated
from drivers.api import DeviceIdentity
from drivers.digitalpersona_uru4000 import DRIVER
from drivers.next_nb_1010_u import DRIVER as NEXT
from drivers.secugen_hamster_pro_20 import DRIVER as SECUGEN
from edge.booth.calibrations import fitness_of
from edge.booth.channel import Calibration, ScannerReady
from edge.booth.scanner_standing import ScannerStanding

UNIT = DeviceIdentity(DRIVER.model, "{A-1}", "0115", "usb:1-1")


def sign(folder: Path, unit: DeviceIdentity, ppi: float = 501.0) -> bytes:
    resolution = calibrated.Resolution(ppi, ppi, 0.5, 0.5)
    at = "" if unit.serial else unit.location
    entry = calibrated.Calibrated(
        unit.model, unit.serial, at, resolution, 2.0, "grid", "An", "2026-11-26T15:00:00Z", ("0" * 64,)
    )
    data = calibrated.write(entry)
    (folder / f"{calibrated.file_name(unit)}.json").write_bytes(data)
    return data


def test_only_the_unit_that_was_signed_off_enrols(tmp_path: Path) -> None:
    assert fitness_of(DRIVER, UNIT, tmp_path).not_for_enrolment == DRIVER.not_for_enrolment
    data = sign(tmp_path, UNIT)
    fitness = fitness_of(DRIVER, UNIT, tmp_path)
    assert fitness.not_for_enrolment is None
    assert fitness.calibration
    assert fitness.calibration.resolution.ppi == pytest.approx(501)
    assert fitness.digest == calibrated.digest_of(data)
    for other in (replace(UNIT, serial="{A-2}"), replace(UNIT, serial="")):
        assert fitness_of(DRIVER, other, tmp_path).not_for_enrolment == DRIVER.not_for_enrolment
    assert fitness_of(DRIVER, UNIT, None).not_for_enrolment == DRIVER.not_for_enrolment


def test_an_entry_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    path = tmp_path / f"{calibrated.file_name(UNIT)}.json"
    data = bytearray(sign(tmp_path, UNIT))
    data[120] ^= 1
    path.write_bytes(data)
    told = fitness_of(DRIVER, UNIT, tmp_path).not_for_enrolment
    assert told
    assert "what was signed off for it cannot be used: the entry is" in told
    sign(tmp_path, UNIT, ppi=512.0)
    assert "512.0 ± 0.5 ppi" in str(fitness_of(DRIVER, UNIT, tmp_path).not_for_enrolment)
    path.unlink()
    path.mkdir()
    assert "cannot be used" in str(fitness_of(DRIVER, UNIT, tmp_path).not_for_enrolment)


@pytest.mark.parametrize("driver", [NEXT, SECUGEN])
def test_an_entry_changes_nothing_for_what_no_measurement_can_change(driver: object, tmp_path: Path) -> None:
    assert driver in (NEXT, SECUGEN)
    spec = NEXT if driver is NEXT else SECUGEN
    unit = replace(UNIT, model=spec.model)
    sign(tmp_path, unit)
    fitness = fitness_of(spec, unit, tmp_path)
    assert (fitness.not_for_enrolment, fitness.calibration) == (spec.not_for_enrolment, None)


def test_the_journal_says_by_which_entry_a_unit_enrols() -> None:
    standing = ScannerStanding("ten-flats", None)
    calibration = Calibration(ppi_x=501.0, ppi_y=499.5, at="2026-11-26T15:00:00Z", entry="0" * 64)
    body = standing.ready(
        ScannerReady(
            model=UNIT.model,
            serial=UNIT.serial,
            firmware="",
            location=UNIT.location,
            impressions=("plain",),
            calibration=calibration,
        )
    )
    assert body["calibration"] == calibration.model_dump()
    assert standing.trouble is None
