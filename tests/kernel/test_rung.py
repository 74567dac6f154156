"""The rung's parts that need no guest: when it may say that all is well, and what the guest gets."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from fwtools.recording.about import About
from fwtools.recording.folder import PACKED, PCAPNG, traffic_of
from tests.kernel.__main__ import verdict
from tests.kernel.kept import MOST_PLAIN, NAMES, keep
from tests.kernel.project import dependencies
from tests.kernel.rack import MODELS

GOOD = {
    "models": list(MODELS),
    "gadgets": list(MODELS),
    "captures": 36,
    "replugs": 13,
    "unnamed": 0,
    "recordings": ["recorded-a", "recorded-b", "recorded-c"],
    "problems": [],
}


def test_all_is_well_when_every_model_did_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert verdict(GOOD, 3, 12.4) == 0
    line = capsys.readouterr().out
    assert line == (
        "models=3 gadgets=3 captures=36 replugs=13 recordings=3 identical=3 unnamed=0 skipped=0 s=12\n"
    )


@pytest.mark.parametrize(
    ("told", "identical"),
    [
        ({"problems": ["no guest here"]}, 0),
        (GOOD | {"problems": ["hamster: it burnt"]}, 3),
        (GOOD | {"models": ["hamster", "nb1010"]}, 3),
        (GOOD | {"gadgets": ["hamster", "nb1010"]}, 3),
        (GOOD | {"unnamed": 1}, 3),
        (GOOD | {"recordings": ["recorded-a", "recorded-b"]}, 2),
        (GOOD, 2),
    ],
)
def test_nothing_less_is_well(
    told: dict[str, Any], identical: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verdict(told, identical, 1.0) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.fullmatch(
        r"models=\d gadgets=\d captures=\d+ replugs=\d+ recordings=\d identical=\d unnamed=\d skipped=\d s=1",
        last,
    )


def test_the_guest_gets_what_a_booth_needs_and_no_tool_of_developers() -> None:
    found = dependencies("vantay")
    assert {"vantay", "numpy", "numba", "llvmlite", "pyusb", "paho-mqtt", "pydantic-core"} <= set(found)
    assert not {"mypy", "ruff", "pytest", "hypothesis", "amqtt"} & set(found)


@pytest.mark.parametrize(("size", "name"), [(MOST_PLAIN, PCAPNG), (MOST_PLAIN + 1, PACKED)])
def test_a_recording_is_kept_under_its_name_and_a_big_one_compressed(
    tmp_path: Path, size: int, name: str
) -> None:
    recording = tmp_path / "recorded"
    recording.mkdir()
    model = "DigitalPersona U.are.U 4000/4500"
    about = About(model, "05ba:000a", "0115/0010", date(2026, 1, 5), "a tool", "a source", "a finger")
    (recording / "recording.toml").write_text(about.text())
    (recording / "device").write_text("P: /devices/x\n")
    (recording / PCAPNG).write_bytes(traffic := bytes(size))
    for _ in range(2):  # the second time it takes the first one's place
        kept = keep(recording, tmp_path / "recordings")
    assert kept.name == "U.are.U-4500_05ba-000a_0115-0010"
    assert sorted(path.name for path in kept.iterdir()) == [name, "device", "recording.toml"]
    assert traffic_of(kept) == traffic
    assert len(NAMES) == len(MODELS)
