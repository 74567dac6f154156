"""`vantay evaluate`: the figures, the JSON, and what it refuses."""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from edge import det_plot
from edge.cli import main
from edge.image_sets import list_images, read_set, short_name
from matching import iso19794
from matching.compare import prepare
from matching.extract import extract
from matching.image import read_image
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
    "fmr10000",
    "intervals",
]
TIMES = ("extract_ms", "compare_us_impostor", "compare_us_genuine")


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
    for name in TIMES:
        assert figures[name] > 0  # type: ignore[operator]


def test_first_impressions_only(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = evaluated(capsys, str(folder), "--protocol", "fvc")
    assert (figures["genuine"], figures["impostor"]) == (9, 3)


def test_several_sets_and_words_for_people(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(folder), str(folder)]) == 0
    shown = capsys.readouterr()
    assert shown.out.count(": EER 0.00 %") == 3
    assert "pooled: EER 0.00 %" in shown.out
    assert "comparing" in shown.err


def test_sets_are_pooled_under_one_threshold_without_pairs_across_them(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path_factory.mktemp("other")
    for name in ("left_index_0_1", "left_index_0_2", "right_thumb_1", "right_thumb_2"):
        blank = np.full((300, 300), 255, np.uint8)
        Image.fromarray(picture(7) if name == "right_thumb_1" else blank).save(other / f"{name}.png")
    assert main(["evaluate", "--json", str(folder), str(other)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert list(answer) == ["sets", "pooled"]
    one, two = answer["sets"]
    pooled = answer["pooled"]
    assert list(pooled) == FIELDS
    assert pooled["set"] == "pooled"
    for name in ("images", "failures", "genuine", "impostor"):
        assert pooled[name] == one[name] + two[name]
    assert pooled["fmr1000"] == pytest.approx(2 / 11)  # the blank ones score 0
    low, high = pooled["intervals"]["fmr1000"]
    assert low <= pooled["fmr1000"] <= high


def test_the_number_of_threads_does_not_change_the_figures(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(np.full((300, 300), 255, np.uint8)).save(folder / "left_index_0_1.png")
    (folder / "left_index_1_2.png").write_bytes(b"no picture")
    one, three = (evaluated(capsys, "--jobs", jobs, str(folder), code=1) for jobs in ("1", "3"))
    for name in set(FIELDS) - set(TIMES):
        assert one[name] == three[name]


def test_iso_templates_carry_minutiae_only(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = list_images(folder)
    full, iso = (read_set(listed, None, iso).templates for iso in (False, True))
    assert all(template.has_flow for template in full)
    assert not any(template.has_flow for template in iso)
    for path, template in zip(listed.paths, iso, strict=True):
        record = iso19794.write(extract(*read_image(path)))
        assert template.digest == prepare(iso19794.read(record)).digest
    assert evaluated(capsys, "--template", "iso", str(folder))["eer"] == 0


@pytest.mark.parametrize("form", ["png", "svg"])
def test_curves_are_drawn(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    out = tmp_path_factory.mktemp("out") / f"det.{form}"
    assert main(["evaluate", str(folder), str(folder), "--plot", str(out)]) == 0
    if form == "png":
        with Image.open(out) as picture:
            assert picture.size == (det_plot.WIDTH, det_plot.HEIGHT)
        return
    root = ElementTree.fromstring(out.read_bytes())
    words = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert words.count(short_name(folder)) == 2
    assert {"pooled", "false match rate", "false non-match rate"} <= set(words)


def test_the_worst_errors_are_listed_and_drawn(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(picture(7)).save(folder / "left_index_0_1.png")  # of another finger
    out = tmp_path_factory.mktemp("out") / "errors"
    assert main(["evaluate", str(folder), "--errors", str(out)]) == 0
    lines = (out / "all_errors.tsv").read_text().splitlines()
    assert lines[0] == "kind\tscore\tprobe\tcandidate"
    assert {line.split("\t")[0] for line in lines[1:]} == {"genuine"}
    pairs = {(Path(line.split("\t")[2]).stem, Path(line.split("\t")[3]).stem) for line in lines[1:]}
    assert pairs == {("left_index_0_1", "left_index_0_2"), ("left_index_0_1", "left_index_0_3")}
    page = (out / "index.html").read_text()
    assert "<td>left_index_0<td>2 of 3<td>0 of 18" in page
    drawn = sorted(path.name for path in out.glob("*.png"))
    assert len(drawn) == 9 + 20
    assert all(f"src='{name}'" in page for name in drawn)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--jobs", "0"], "at least 1 thread"),
        (["--plot", "det.jpg"], "a plot is named .png or .svg"),
        (["--plot", "absent/det.png"], "absent: there is no such folder"),
        (["--errors", "taken"], "taken: no folder can be made here"),
    ],
)
def test_what_could_not_be_written_is_refused_before_any_work(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(folder)
    Path("taken").write_text("")
    assert main(["evaluate", str(folder), *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "extracting" not in error


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
