"""Log lines: stable keys, one a unit of work, nothing of a person, kept in a file of bounded size."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge import log
from edge.messages import booth_topic
from tests.edge.hub.hubs import start_hub, tell
from tests.edge.parts import NUMBER, chain
from tests.edge.programs import Mosquitto, Program, ear, until

COMMON = {"event", "level", "timestamp", "program"}


def lines(text: str, event: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line for line in found if line["event"] == event]


def test_a_number_is_masked_wherever_it_stands(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    logger = log.configure("test", file)
    try:
        raise ValueError(NUMBER)
    except ValueError:
        logger.exception(f"about {NUMBER}.", reason=f"no. {NUMBER}", digest="ab" * 26 + NUMBER, size=10**11)
    said = capsys.readouterr().err
    assert said == file.read_text()
    (line,) = [json.loads(text) for text in said.splitlines()]
    assert (line["event"], line["reason"]) == ("about [12 digits].", "no. [12 digits]")
    assert line["digest"].endswith(NUMBER), "a digest is no number"
    assert "ValueError: [12 digits]" in line["exception"]


def test_a_log_file_has_a_bounded_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(log, "LARGEST", 2000)
    file = tmp_path / "x.jsonl"
    logger = log.configure("test", file)
    for n in range(100):
        logger.info("line", n=n)
    assert {path.name for path in tmp_path.iterdir()} == {"x.jsonl", "x.jsonl.1"}
    kept = lines(log.before(file).read_text() + file.read_text(), "line")
    numbers = [line["n"] for line in kept]
    assert numbers == list(range(numbers[0], 100)), "the last ones, in order"
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 2 * 2200
    assert len(lines(capsys.readouterr().err, "line")) == 100


def test_a_log_file_that_cannot_be_written_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("test", tmp_path / "no" / "x.jsonl").info("line")
    assert json.loads(capsys.readouterr().err)["log_file"] == "cannot be written"


@pytest.mark.system
def test_one_line_for_each_acknowledgement_of_the_hub(
    tmp_path: Path, mosquitto: Mosquitto, run: Callable[..., Program]
) -> None:
    program = start_hub(tmp_path, mosquitto, run)
    entries = chain([{"name": "Nguyen Van An", "number": NUMBER} for _ in range(6)])
    with ear(mosquitto.broker(), booth_topic("+", "ack")) as one:
        tell(one, "b-1", *entries[:3])
        tell(one, "b-1", *entries)
        until(
            lambda: len(one.on("b-1/ack")) == len(lines(program.said(), "acknowledgement")),
            "a line for each word",
        )
    found = lines(program.said(), "acknowledgement")
    assert all(set(line) == {*COMMON, "booth", *log.HUB_LINES["acknowledgement"]} for line in found)
    assert [sum(line[name] for line in found) for name in ("new", "known", "gap", "refused")] == [6, 3, 0, 0]
    assert found[-1]["seq"] == 6
    assert all(line["milliseconds"] >= 0 for line in found)
    assert not re.search(f"{NUMBER}|Nguyen", program.said())
