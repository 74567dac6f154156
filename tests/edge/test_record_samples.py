"""Sample files of strangers: each is read to the values given beside it, or refused for the right reason."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge.cli import main
from edge.records import Contents, read
from matching import ansi378, fir2011
from matching.errors import BadRecord
from matching.finger_image import JPEG2000, WSQ, FingerImage, pixels_of
from matching.template import TYPES

pytestmark = pytest.mark.real_data
POSITIONS = {"RIGHT_INDEX": 2, "LEFT_INDEX": 7}
NO_WSQ = "wsq is not installed: it is built for x86-64 only"
OF_2009 = "is b'030\\x00' (ISO/IEC 19794-2:2011 or ANSI/INCITS 378-2009), only"


def sample(real_data: Path, name: str) -> tuple[Contents, list[str]]:
    warnings: list[str] = []
    return read((real_data / "records" / name).read_bytes(), None, warnings), warnings


def test_fingerprintios_record_of_iso_2005_is_read_to_the_values_beside_it(real_data: Path) -> None:
    contents, warnings = sample(real_data, "fingerprintio/iso19794p2v2005-sample.dat")
    beside = json.loads((real_data / "records/fingerprintio/iso19794p2v2005-sample.json").read_text())
    assert (contents.form, warnings) == ("iso", [])
    width, height, x, y = (beside[name] for name in ("width", "height", "resolutionX", "resolutionY"))
    assert f"device {beside['sensorId']:03X} (compliance 0)" in contents.header
    assert f"{width} x {height} pixels, {x} x {y} px/cm" in contents.header
    assert len(contents.templates) == 2
    for template, impression, finger in zip(
        contents.templates, contents.impressions, beside["fingerprints"], strict=True
    ):
        assert finger["scanType"] == "LIVE_PLAIN"
        assert (template.position, template.quality, impression) == (
            POSITIONS[finger["position"]],
            finger["quality"],
            0,
        )
        units = np.rint(np.degrees(template.minutiae["angle"]) * 256 / 360).astype(int)
        found = [
            (TYPES[row["type"]], row["x"], row["y"], unit, row["quality"])
            for row, unit in zip(template.minutiae, units, strict=True)
        ]
        names = ("positionX", "positionY", "angle", "quality")
        assert found == [(m["type"].lower(), *(m[name] for name in names)) for m in finger["minutiae"]]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("fingerprintio/ansi378v2004-sample.dat", "FMR version at offset 4 is b'020\\x00', only b' 20\\x00'"),
        ("fingerprintio/ansi378v2009-sample.dat", OF_2009),
        (
            "fingerprintio/ansi378v2009am1-sample.dat",
            "b'035\\x00' (ANSI/INCITS 378-2009 with amendment 1), on",
        ),
        ("fingerprintio/iso19794p2v2011-sample.dat", OF_2009),
        ("libbiomeval/fmr.ansi2007", OF_2009),
        ("libbiomeval/img.wsq", "this is a bare WSQ image, no record"),
        ("libbiomeval/img.jp2", "this is a bare JPEG 2000 image, no record"),
        ("sourceafis/probe.bmp", "this is a bare BMP image, no record"),
        ("libbiomeval/type4-slaps.an2k", "types are 2, 4, 4, 4, 4"),
        ("libbiomeval/type9.an2k", "types are 9\n"),
        ("libbiomeval/type9-13.an2k", "types are 2, 9, 13"),
        ("libbiomeval/type9-15.an2k", "types are 2, 15, 15, 9"),
        *[
            (f"nbis-an2k/valid1.{kind}.an2", "no record of type 14 after the first; types are ")
            for kind in (1, 3, 4, 13, 14, 15)
        ],
        ("nbis-an2k/valid1.7.an2", "position 19 (14.013) at offset 321 is not read here"),
    ],
)
def test_what_is_not_read_is_refused_by_its_name(
    real_data: Path, name: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", str(real_data / "records" / name)]) == 1
    out, err = capsys.readouterr()
    assert sentence in err
    assert (out, err.count("\n")) == ("", 1)


def test_an_image_of_another_size_than_its_record_says_is_refused(
    real_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("wsq", reason=NO_WSQ)
    assert main(["inspect", str(real_data / "records/nbis-an2k/valid1.8.an2")]) == 1
    assert "1800 x 1000 declared, the wsq data holds 1600 x 976" in capsys.readouterr().err


def test_fingerprintios_record_of_ansi_2004_has_the_angles_of_iso(real_data: Path) -> None:
    """Why it is refused: with the version mended, its angles would be read in a unit that is not theirs."""
    folder = real_data / "records/fingerprintio"
    data = (folder / "ansi378v2004-sample.dat").read_bytes()
    angles = [
        minutia["angle"]
        for finger in json.loads((folder / "ansi378v2004-sample.json").read_text())["fingerprints"]
        for minutia in finger["minutiae"]
    ]
    assert max(angles) == 249
    with pytest.raises(BadRecord, match="angle 213 at offset 322 is not allowed"):
        ansi378.read_all(data[:4] + b" 20\0" + data[8:])


def test_libbiomevals_record_of_ansi_2004_has_cores_and_deltas_beyond_their_length(real_data: Path) -> None:
    contents, warnings = sample(real_data, "libbiomeval/fmr.ansi2004")
    assert [(t.position, t.quality, len(t.minutiae)) for t in contents.templates] == [
        (7, 90, 27),
        (2, 70, 22),
        (3, 69, 28),
    ]
    assert contents.impressions == [0, 0, 1]
    points = contents.templates[2].singular
    assert [(p["kind"], p["x"], p["y"], round(np.degrees(float(p["angle"])))) for p in points] == [
        (1, 150, 250, 180),
        (1, 100, 150, 90),
        (2, 143, 232, 200),
        (2, 103, 104, 312),
        (2, 136, 214, 66),
        (2, 130, 319, 114),
    ]
    assert warnings == [
        "the cores and deltas at offset 1194 go on beyond their length, to the end",
        "2 bytes after the last finger view",
    ]


def test_libbiomevals_picture_is_read_within_a_record(real_data: Path, tmp_path: Path) -> None:
    data = (real_data / "records/libbiomeval/img.jp2").read_bytes()
    with Image.open(real_data / "records/libbiomeval/img.jp2") as opened:
        image = FingerImage(data, *opened.size, 500.0, JPEG2000, 2)
        expected = np.asarray(opened.convert("L"))
    assert (image.width, image.height) == (0x38C, 0x3EF)
    path = tmp_path / "jp2.fir"
    path.write_bytes(fir2011.write(image))
    assert main(["inspect", str(path)]) == 0
    assert np.array_equal(pixels_of(fir2011.read(path.read_bytes())[0]), expected)


def test_inspect_decodes_wsq_or_says_that_it_did_not(
    real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    good = (real_data / "records/gen-fir2005/fir2005-wsq.fir").read_bytes()
    path, first = tmp_path / "wsq.fir", int.from_bytes(good[32:36], "big")
    path.write_bytes(good[:46] + bytes(first - 14) + good[32 + first :])
    with monkeypatch.context() as missing:
        missing.setitem(sys.modules, "wsq", None)
        assert main(["inspect", str(path)]) == 0
        assert "the pixels were not checked: the optional package 'wsq' is not" in capsys.readouterr().out
    pytest.importorskip("wsq", reason=NO_WSQ)
    assert main(["inspect", str(path)]) == 1
    out, err = capsys.readouterr()
    assert "the wsq data cannot be decoded: it does not begin as WSQ data" in err
    assert (out, err.count("\n")) == ("", 1)
    path.write_bytes(good)
    assert main(["inspect", str(path)]) == 0
    out = capsys.readouterr().out
    assert out.count(f", {WSQ}, ") == 2
    assert "not checked" not in out
    assert main(["convert", str(path), str(tmp_path / "f.png"), "--format", "png"]) == 0
    assert (tmp_path / "f-2.png").is_file()
