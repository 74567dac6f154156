"""`vantay compare`: images and templates of every form, decisions, and one sentence for bad input."""

import json
from pathlib import Path

import pytest
from PIL import Image

from edge.cli import main
from matching import ansi378, iso19794, serial
from tests.matching.impressions import finger, picture, worn


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    mate = worn(finger(1), 1)
    (tmp_path / "a.iso").write_bytes(iso19794.write(finger(1)))
    (tmp_path / "a.ansi").write_bytes(ansi378.write(mate))
    (tmp_path / "a.vntp").write_bytes(serial.to_bytes(finger(1)))
    (tmp_path / "b.vntp").write_bytes(serial.to_bytes(mate))
    (tmp_path / "other.iso").write_bytes(iso19794.write(finger(2)))
    for name, seed, turn, noise in (("p1", 1, 0.0, 1), ("p2", 1, 0.5, 2), ("q1", 2, 0.0, 3)):
        Image.fromarray(picture(seed, turn, noise)).save(tmp_path / f"{name}.png", dpi=(500, 500))
    return tmp_path


def compared(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    files = [str(folder / name) for name in arguments[:2]]
    assert main(["compare", *files, "--json", *arguments[2:]]) == 0
    answer: dict[str, object] = json.loads(capsys.readouterr().out)
    return answer


@pytest.mark.parametrize(
    ("first", "second", "kind", "match"),
    [
        ("a.iso", "a.ansi", "minutiae_only", True),
        ("a.vntp", "b.vntp", "full", True),
        ("a.vntp", "a.ansi", "minutiae_only", True),
        ("a.iso", "other.iso", "minutiae_only", False),
        ("p1.png", "p2.png", "full", True),
        ("p1.png", "q1.png", "full", False),
        ("p1.png", "a.iso", "minutiae_only", False),
    ],
)
def test_forms(
    folder: Path, capsys: pytest.CaptureFixture[str], first: str, second: str, kind: str, match: bool
) -> None:
    answer = compared(folder, capsys, first, second)
    assert answer["kind"] == kind
    assert answer["decision"]["match"] is match  # type: ignore[index]
    assert answer["decision"]["fmr"] == 0.001  # type: ignore[index]


def test_the_rate_moves_the_threshold(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limits = [
        compared(folder, capsys, "a.iso", "a.ansi", "--fmr", rate)["decision"]["threshold"]  # type: ignore[index]
        for rate in ("0.1", "1e-3", "1e-5")
    ]
    assert limits == sorted(limits)


def test_it_reads_well(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(folder / "a.vntp"), str(folder / "b.vntp")]) == 0
    shown = capsys.readouterr().out
    assert "from ridge flow and minutiae" in shown
    assert "decision at FMR 0.001: match" in shown
    assert main(["compare", str(folder / "a.iso"), str(folder / "other.iso")]) == 0
    assert "decision at FMR 0.001: no match" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.png", None, "no such file"),
        ("text.png", b"not a picture", "not a PNG"),
        ("cut.iso", iso19794.write(finger(1))[:90], "truncated"),
        ("cut.vntp", serial.to_bytes(finger(1))[:90], "declared"),
    ],
)
def test_bad_input_is_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes | None, words: str
) -> None:
    if content is not None:
        (folder / name).write_bytes(content)
    assert main(["compare", str(folder / "a.iso"), str(folder / name)]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert name in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("rate", ["0", "1", "-1", "nan", "often"])
def test_a_rate_that_is_none_is_refused(folder: Path, capsys: pytest.CaptureFixture[str], rate: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["compare", str(folder / "a.iso"), str(folder / "a.ansi"), f"--fmr={rate}"])
    assert ended.value.code == 2
    assert "is not a rate between 0 and 1" in capsys.readouterr().err
