"""What the hub says of its broker: each sentence once, however often a broker hangs up."""

from pathlib import Path
from typing import Any

import pytest

from edge.hub.link_log import AGAIN_SECONDS, LinkLog
from edge.mqtt import LONG_LIFE
from tests.edge.programs import VANTAY, Mosquitto, Program, until


class Lines:
    """A log."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def info(self, event: str, **facts: Any) -> None:
        self.said.append(f"{event} {facts.get('reason', '')}".strip())

    error = info


def live(log: LinkLog, at: float, seconds: float, refused: bool = True) -> None:
    log.up("5", at)
    if refused:
        log.refused("vantay/v1/hub/status", "Not authorized", at)
    log.down("hung up", at + seconds)


def test_a_broker_that_hangs_up_on_what_it_refuses_is_told_once_and_again_later() -> None:
    lines = Lines()
    log = LinkLog(lines)
    for n in range(100):
        live(log, float(n), 0.1)
    refused = "publish refused the broker refuses the hub's status (Not authorized): look at its access list"
    assert lines.said.count(refused) == 1
    assert sum("hangs up as often as it takes us (hung up)" in line for line in lines.said) == 1
    assert len(lines.said) == 1 + 1 + 3 + 2, "three times up and, before it is told, twice down"
    live(log, AGAIN_SECONDS + 10, 0.1)
    assert lines.said.count(refused) == 2
    assert len(lines.said) == 9


def test_a_connection_that_lasts_is_told_and_then_everything_anew() -> None:
    lines = Lines()
    log = LinkLog(lines)
    for n in range(10):
        live(log, float(n), 0.1)
    before = len(lines.said)
    log.up("5", 20.0)
    log.look(20.0 + LONG_LIFE)
    assert len(lines.said) == before
    log.look(20.1 + LONG_LIFE)
    log.look(30.1 + LONG_LIFE)
    assert lines.said[before:] == ["broker connected"]
    log.down("gone", 50.0)
    live(log, 51.0, 0.1)
    assert lines.said[before + 1 :][:3] == ["broker away gone", "broker connected", lines.said[1]]


def test_a_broker_that_is_gone_is_told_once_for_each_reason() -> None:
    lines = Lines()
    log = LinkLog(lines)
    live(log, 0.0, LONG_LIFE + 1, refused=False)
    for at in range(20, 30):
        log.down("no broker", float(at))
    log.up("5", 40.0)
    assert lines.said == [
        "broker connected",
        "broker away hung up",
        "broker away no broker",
        "broker connected",
    ]


@pytest.mark.system
def test_a_hub_that_may_write_nothing_says_so_in_few_lines_and_goes_on_when_it_may(
    tmp_path: Path, run: Any
) -> None:
    rights = tmp_path / "acl"
    rights.write_text("topic read #\n")
    mosquitto = Mosquitto.on_free_port(tmp_path, f"acl_file {rights}", "user root").start()
    try:
        (tmp_path / "hub").mkdir()
        (tmp_path / "hub.toml").write_text(
            f'data = "hub"\n[broker]\nport = {mosquitto.port}\nkeepalive = 5\n'
        )
        hub: Program = run(VANTAY, "hub", "--config", str(tmp_path / "hub.toml"), name="hub")
        until(lambda: "hangs up as often" in hub.said(), "the sentence")
        before = hub.said()
        assert before.count("the broker refuses the hub's status") == 1
        until(lambda: mosquitto.said().count("New client connected") >= 7, "more attempts")
        assert hub.said() == before, "and no line more"
        rights.write_text("topic readwrite #\n")
        mosquitto.kill()
        mosquitto.start()
        until(
            lambda: hub.said().count("broker connected") > before.count("broker connected"), "a lasting one"
        )
        assert hub.end() == 0
    finally:
        mosquitto.kill()
