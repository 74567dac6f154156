"""vantay slap: a table or JSON, crops in a folder, one sentence where it cannot be."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge.cli import main
from matching.pattern import ridge_pattern


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """Two discs of ridges beside each other, as two thumbs."""
    page = np.full((480, 800), 245, np.uint8)
    page[120:360, 100:340] = page[120:360, 440:680] = ridge_pattern()
    Image.fromarray(page).save(tmp_path / "two.png", dpi=(500, 500))
    return tmp_path / "two.png"


def test_it_prints_a_table(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["slap", str(two), "--position", "thumbs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("2 fingers, turned by ")
    assert [line.split(" at ")[0].strip() for line in lines[1:]] == ["6 left thumb", "1 right thumb"]


def test_it_prints_json_and_writes_upright_fingers(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = two.parent / "fingers"
    out.mkdir()
    assert main(["slap", str(two), "--position", "thumbs", "--json", "-o", str(out)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["hand"] == "undetermined"
    assert [finger["position"] for finger in said["fingers"]] == [6, 1]
    assert [finger["x"] for finger in said["fingers"]] == pytest.approx([220, 560], abs=12)
    assert sorted(path.name for path in out.iterdir()) == ["two_01.png", "two_06.png"]
    for finger in said["fingers"]:
        with Image.open(finger["file"]) as image:
            assert image.mode == "L"
            assert image.size == pytest.approx((finger["width"] + 20, finger["height"] + 20), abs=1)


def test_unknown_fingers_are_numbered(two: Path) -> None:
    out = two.parent / "fingers"
    out.mkdir()
    assert main(["slap", str(two), "-o", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["two_1of2.png", "two_2of2.png"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["two.png", "--position", "right-four"], "two.png: 2 fingers are seen and 4 are expected"),
        (["two.png", "--position", "thumbs", "--missing", "1,6"], "every finger of position 15 is missing"),
        (["two.png", "--missing", "3"], "--missing needs --position"),
        (["two.png", "-o", "absent"], "absent: there is no such folder"),
        (["absent.png"], "absent.png: there is no such file"),
        (["text.png"], "text.png: the file is not a PNG, TIFF or BMP image"),
        (["two.png", "--dpi", "96"], "96 dpi is outside 250 to 1000"),
    ],
)
def test_bad_input_is_one_sentence(
    two: Path,
    arguments: list[str],
    complaint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(two.parent)
    Path("text.png").write_text("this is no picture\n")
    assert main(["slap", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert complaint in err
    assert err.count("\n") == 1
