"""Synthetic fingers judged by NBIS, an engine that is not ours, and the judging itself."""

import builtins
import re
from typing import Any

import numpy as np
import pytest

from fwtools.cli import main
from fwtools.synthesis.yardstick import count_found, genuine_and_impostor
from matching.template import MINUTIA
from tests.fwtools.synthetic import needs_speed

NO_NBIS = "nbis-py is not installed: it is built for x86-64 only"
SMALL = ["--fingers", "12", "--impressions", "3", "--seed", "1", "--jobs", "1"]


def truth_at(*places: tuple[float, float, float]) -> Any:
    minutiae = np.zeros(len(places), MINUTIA)
    for minutia, (x, y, degrees) in zip(minutiae, places, strict=True):
        minutia["x"], minutia["y"], minutia["angle"] = x, y, np.deg2rad(degrees)
    return minutiae


@pytest.mark.parametrize(
    ("x", "y", "degrees", "found"),
    [(50, 60, 0, 1), (56, 67, 0, 1), (58, 67, 0, 0), (50, 60, 29, 1), (50, 60, 331, 1), (50, 60, 31, 0)],
)
def test_found_is_near_in_place_and_direction(x: float, y: float, degrees: float, found: int) -> None:
    places = np.array([[x, y, np.deg2rad(degrees)]])
    assert count_found(truth_at((50, 60, 0)), places) == (1, found, 1)


def test_one_place_is_found_for_one_minutia() -> None:
    truth = truth_at((50, 60, 0), (54, 60, 0), (200, 200, 90))
    assert count_found(truth, np.array([[52.5, 60, 0.0]])) == (3, 1, 1)
    assert count_found(truth, np.array([[53.0, 60, 0.0], [47.0, 60, 0.1]])) == (3, 2, 2)
    assert count_found(truth, np.zeros((0, 3))) == (3, 0, 0)
    assert count_found(truth[:0], np.zeros((2, 3))) == (0, 0, 2)


def test_pairs_are_all_genuine_ones_and_first_impressions_of_others() -> None:
    genuine, impostor = genuine_and_impostor([["a1", "a2", "a3"], ["b1", "b2", "b3"], ["c1", "c2", "c3"]])
    assert len(genuine) == 9
    assert all(left[0] == right[0] and left != right for left, right in genuine)
    assert impostor == [("a1", "b1"), ("a1", "c1"), ("b1", "c1")]


def figures(said: str) -> tuple[float, float]:
    """Return the share found and the EER, in per cent, from what the command prints."""
    found = re.search(r"NBIS finds ([\d.]+)% of \d+ ground-truth minutiae", said)
    eer = re.search(r"NBIS has an EER of ([\d.]+)% over", said)
    assert found
    assert eer
    return float(found[1]), float(eer[1])


@needs_speed
def test_nbis_takes_a_few_for_fingers(capsys: pytest.CaptureFixture[str]) -> None:
    """With 12 fingers the EER is a coarse figure, so only what NBIS can miss is bounded, not how little."""
    pytest.importorskip("nbis", reason=NO_NBIS)
    code = main(["check-synthesis", *SMALL])
    said = capsys.readouterr().out
    found, eer = figures(said)
    assert found >= 85
    assert eer <= 10
    assert "36 genuine pairs (all impressions of 12 fingers) and 66 impostor pairs" in said
    met = 1 <= eer <= 10
    assert code == (0 if met else 1)
    assert said.splitlines()[-1] == f"check-synthesis: {'both figures are met' if met else 'MISSED'}"


@needs_speed
@pytest.mark.slow
def test_nbis_takes_a_hundred_for_fingers(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("nbis", reason=NO_NBIS)
    assert main(["check-synthesis"]) == 0
    found, eer = figures(capsys.readouterr().out)
    assert found >= 85
    assert 1 <= eer <= 10


def test_without_nbis_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    original = builtins.__import__

    def absent(name: str, *rest: Any, **more: Any) -> Any:
        if name == "nbis":
            raise ModuleNotFoundError("No module named 'nbis'")
        return original(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    assert main(["check-synthesis"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "vantay-fw: NBIS is needed and does not load (No module named 'nbis'): "
        "install the bench tools, nbis-py; x86-64 only\n"
    )


@pytest.mark.parametrize(
    ("option", "value"), [("--fingers", "1"), ("--impressions", "1"), ("--seed", "-1"), ("--jobs", "0")]
)
def test_a_bad_number_is_one_sentence(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-synthesis", option, value]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"vantay-fw: {option} is {value}: give a number from ")
    assert err.count("\n") == 1
