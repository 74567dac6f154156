"""`vantay evaluate`: the figures, the JSON, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge.cli import main
from tests.matching.impressions import picture

FIELDS = [
    "set",
    "images",
    "failures",
    "genuine",
    "impostor",
    "eer",
    "fmr100",
    "fmr1000",
    "zerofmr",
    "extract_ms",
    "compare_us_impostor",
    "compare_us_genuine",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for subject in range(3):
        for impression in range(1, 4):
            pixels = picture(subject, 0.2 * impression, impression)
            Image.fromarray(pixels).save(tmp_path / f"left_index_{subject}_{impression}.png", dpi=(500, 500))
    return tmp_path


def evaluated(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, object]:
    assert main(["evaluate", "--json", *arguments]) == code
    answer: dict[str, object] = json.loads(capsys.readouterr().out)
    assert list(answer) == ["sets"]
    return answer["sets"][0]  # type: ignore[no-any-return,index]


def test_the_figures_of_a_set(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = evaluated(capsys, str(folder))
    assert list(figures) == FIELDS
    assert figures["set"] == str(folder)
    assert (figures["images"], figures["failures"]) == (9, 0)
    assert (figures["genuine"], figures["impostor"]) == (9, 27)
    assert (figures["eer"], figures["fmr1000"]) == (0, 0)
    for name in FIELDS[-3:]:
        assert figures[name] > 0  # type: ignore[operator]


def test_first_impressions_only(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = evaluated(capsys, str(folder), "--protocol", "fvc")
    assert (figures["genuine"], figures["impostor"]) == (9, 3)


def test_several_sets_and_words_for_people(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(folder), str(folder)]) == 0
    shown = capsys.readouterr()
    assert shown.out.count("EER 0.00 %") == 2
    assert "comparing" in shown.err


def test_a_failure_to_extract_counts_as_score_0(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(np.full((300, 300), 255, np.uint8)).save(folder / "left_index_0_1.png")
    figures = evaluated(capsys, str(folder))
    assert (figures["images"], figures["failures"], figures["genuine"]) == (9, 1, 9)
    assert figures["zerofmr"] == pytest.approx(2 / 9)


def test_what_cannot_be_read_is_told_and_counts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "left_index_1_2.png").write_bytes(b"no picture")
    Image.fromarray(picture(9)).save(folder / "unnamed.png")
    (folder / "notes.txt").write_text("not an image")
    assert main(["evaluate", "--json", str(folder)]) == 1
    shown = capsys.readouterr()
    figures = json.loads(shown.out)["sets"][0]
    assert (figures["images"], figures["failures"], figures["genuine"]) == (9, 1, 9)
    assert "left_index_1_2.png" in shown.err
    assert "unnamed.png: left out" in shown.err
    assert "notes.txt" not in shown.err


def test_an_explicit_resolution_is_used(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in folder.iterdir():
        with Image.open(path) as image:
            image.resize((576, 576)).save(path, dpi=(500, 500))
    assert evaluated(capsys, str(folder), "--dpi", "1000")["eer"] == 0


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], "no images named"),
        (["a_1.png", "a_2.png"], "all images are of finger a"),
        (["a_1.png", "b_1.png"], "every finger has one impression"),
        (["1.png"], "no images named"),
    ],
)
def test_what_is_no_set_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], names: list[str], words: str
) -> None:
    for name in names:
        Image.fromarray(picture(1)).save(tmp_path / name)
    assert main(["evaluate", str(tmp_path)]) == 2
    assert words in capsys.readouterr().err


def test_a_missing_folder_and_a_wrong_resolution_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(folder), str(folder / "none")]) == 2
    assert "none: there is no such folder" in capsys.readouterr().err
    assert main(["evaluate", str(folder), "--dpi", "100"]) == 2
    assert "100 dpi is outside 250 to 1000" in capsys.readouterr().err


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "dpi", "limit"), [("fvc2002/DB1_B", "500", 0.02), ("fvc2004/DB3_B", "512", 0.03)]
)
def test_accuracy_on_real_fingers(
    real_data: Path, capsys: pytest.CaptureFixture[str], name: str, dpi: str, limit: float
) -> None:
    figures = evaluated(capsys, str(real_data / "fingerprints" / name), "--dpi", dpi)
    assert (figures["images"], figures["failures"]) == (80, 0)
    assert (figures["genuine"], figures["impostor"]) == (280, 2880)
    assert figures["eer"] <= limit  # type: ignore[operator]
