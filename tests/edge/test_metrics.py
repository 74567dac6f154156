"""Prometheus' text format, read back by a reader of its own; the booth's file, the hub's page."""

import http.client
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.booth import figures as booth_figures
from edge.booth.figures import Figures, Standing
from edge.booth.reporter import Reporter
from edge.booth.wire import BoothWire
from edge.errors import BadSettings
from edge.hub import figures as hub_figures
from edge.hub.tables import Tables
from edge.journal import Journal
from edge.keys import BoothKeys
from edge.messages import Acknowledgement, booth_topic
from edge.metrics import BUCKETS, CONTENT_TYPE, Family, Metrics
from edge.store import Store
from edge.vault import Vault
from tests.edge.exposition import read
from tests.edge.hub.hubs import start_hub, state, tell
from tests.edge.parts import AT, CLOCK, chain, make_keys, steady, texts
from tests.edge.programs import VANTAY, Mosquitto, Program, ear, free_port, until

FAMILIES = (
    Family("vantay_hub_a_total", "counter", "How many."),
    Family("vantay_hub_b_bytes", "gauge", 'A "quoted" \\ one.'),
    Family("vantay_hub_c_seconds", "histogram", "How long."),
)


class Quiet:
    """A log that keeps what it was told."""

    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, Any]]] = []

    def warning(self, event: str, **facts: Any) -> None:
        self.said.append((event, facts))


@steady(60)
@given(
    st.dictionaries(texts, st.integers(0, 2**60), max_size=4),
    st.lists(st.floats(0, 1000, allow_nan=False), max_size=20),
    st.floats(allow_nan=False),
)
def test_whatever_is_counted_is_read_back(counts: dict[str, int], waited: list[float], gauge: float) -> None:
    metrics = Metrics(FAMILIES)
    metrics.set("vantay_hub_b_bytes", gauge)
    for label, number in counts.items():
        metrics.count("vantay_hub_a_total", number, why=label)
    for seconds in waited:
        metrics.observe("vantay_hub_c_seconds", seconds)
    page = read(metrics.text())
    assert page["vantay_hub_b_bytes"].value() == gauge
    for label, number in counts.items():
        assert page["vantay_hub_a_total"].value(why=label) == float(number)
    assert ("vantay_hub_c_seconds" in page) == bool(waited)
    if waited:
        histogram = page["vantay_hub_c_seconds"]
        assert histogram.value("_sum") == pytest.approx(sum(waited))
        for most in BUCKETS:
            ((_, count),) = [(k, v) for k, v in histogram.samples.items() if ("le", f"{most:g}") in k[1]]
            assert count == sum(seconds <= most for seconds in waited)


def test_a_gauge_that_was_cleared_is_not_shown() -> None:
    metrics = Metrics(FAMILIES)
    metrics.set("vantay_hub_b_bytes", 1, disk="a")
    metrics.count("vantay_hub_a_total")
    metrics.clear("vantay_hub_b_bytes")
    assert set(read(metrics.text())) == {"vantay_hub_a_total"}


# the booth


def test_the_booths_file_counts_what_the_journal_says(tmp_path: Path) -> None:
    file = tmp_path / "vantay.prom"
    figures = Figures(file, tmp_path, Quiet())
    figures.started("b-1", "0.1.0")
    for decision in ("accepted", "accepted", "retry"):
        figures.recorded("attempt.made", {"decision": decision})
    figures.recorded("confirmation.made", {"decision": "confirmed"})
    figures.recorded("enrolment.sealed", {"outcome": "enrolled"})
    figures.recorded("enrolment.abandoned", {"reason": "left"})
    figures.recorded("worker.died", {"worker": "matcher"})
    figures.recorded("scanner.fault", {"fault": "unplugged", "detail": "x"})
    figures.recorded("login", {"person": "an"})
    figures.acknowledged([0.2, 3.0])
    figures.metrics.count("vantay_booth_acknowledgements_refused_total")
    figures.connected(True)
    assert figures.due(0.0)
    figures.write(0.0, Standing(12, 9, 2, 3, scanner=True, matcher=False, trouble=False))
    assert not figures.due(9.9)
    assert figures.due(10.0)
    page = read(file.read_bytes())
    assert set(page) == {family.name for family in booth_figures.FAMILIES}
    assert page["vantay_booth_info"].value(booth="b-1", release="0.1.0") == 1
    captures = page["vantay_booth_captures_total"]
    assert [captures.value(outcome=name) for name in ("accepted", "retry", "confirmed")] == [2, 1, 1]
    enrolments = page["vantay_booth_enrolments_total"]
    assert [enrolments.value(outcome=name) for name in ("enrolled", "abandoned")] == [1, 1]
    assert page["vantay_booth_worker_restarts_total"].value(worker="matcher") == 1
    assert page["vantay_booth_scanner_faults_total"].value(fault="unplugged") == 1
    assert page["vantay_booth_acknowledgement_seconds"].value("_count") == 2
    gauges = (
        "journal_entries",
        "journal_backlog_entries",
        "packets_waiting",
        "packets_overdue",
        "scanner_ready",
        "matcher_ready",
    )
    assert [page[f"vantay_booth_{name}"].value() for name in gauges] == [12, 3, 2, 3, 1, 0]
    size, free = (page[f"vantay_booth_disk_{name}_bytes"].value() for name in ("size", "free"))
    assert size == os.statvfs(tmp_path).f_blocks * os.statvfs(tmp_path).f_frsize
    assert 0 <= free <= size
    assert "an" not in {value for family in page.values() for _, has in family.samples for _, value in has}
    assert file.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [file]


def test_the_file_that_is_there_stays_whole_while_the_next_is_written(tmp_path: Path) -> None:
    file, standing = tmp_path / "vantay.prom", Standing(1, 1, 0, 0, True, True, False)
    figures = Figures(file, tmp_path, Quiet())
    figures.write(0.0, standing)
    with file.open("rb") as reader:
        figures.write(10.0, Standing(2, 1, 0, 0, True, True, False))
        assert read(reader.read())["vantay_booth_journal_entries"].value() == 1, "another file, not this one"
    assert read(file.read_bytes())["vantay_booth_journal_entries"].value() == 2


def test_a_folder_that_is_not_there_is_told_once_and_stops_nothing(tmp_path: Path) -> None:
    log, standing = Quiet(), Standing(1, 1, 0, 0, True, True, False)
    figures = Figures(tmp_path / "no" / "vantay.prom", tmp_path, log)
    figures.write(0.0, standing)
    figures.write(10.0, standing)
    assert log.said == [("figures not written", {"reason": "No such file or directory"})]
    assert not Figures(None, tmp_path, log).due(0.0), "off unless configured"


def test_an_entry_waits_from_its_first_sending_to_the_hubs_word(store: Store, keys: BoothKeys) -> None:
    journal = Journal(store)
    entries = [journal.append("test", {"n": n}, AT, CLOCK) for n in range(3)]
    reporter = Reporter(BoothWire("b-1"), journal, Vault(store, keys.vault), lambda topic, payload: True)
    reporter.link_up(0.0)
    reporter.work(1.0)
    reporter.link_up(5.0)  # sent again, still waiting since the first time
    reporter.work(5.0)
    reporter.acknowledge(Acknowledgement(seq=2, hash=entries[1].hash), 7.0)
    assert reporter.waited == [6.0, 6.0]
    reporter.acknowledge(Acknowledgement(seq=2, hash=entries[1].hash), 8.0)
    assert reporter.waited == []
    reporter.acknowledge(Acknowledgement(seq=3, hash=entries[2].hash), 9.0)
    assert reporter.waited == [8.0]


@pytest.mark.system
def test_a_running_booth_writes_its_file_and_its_log(
    tmp_path: Path, mosquitto: Mosquitto, run: Callable[..., Program]
) -> None:
    make_keys(tmp_path)
    (tmp_path / "booth").mkdir()
    (tmp_path / "booth.toml").write_text(
        'booth = "b-1"\ndata = "booth"\nkeys = "keys"\nmetrics_file = "vantay.prom"\n'
        'log_file = "booth.jsonl"\n'
        f'[broker]\nport = {mosquitto.port}\nkeepalive = 5\n[scanner]\nwhere = "usbip://127.0.0.1:1"\n'
    )
    program = run(VANTAY, "booth", "--config", str(tmp_path / "booth.toml"), name="booth")
    file, log = tmp_path / "vantay.prom", tmp_path / "booth.jsonl"

    def connected() -> bool:
        return file.exists() and read(file.read_bytes())["vantay_booth_broker_connected"].value() == 1

    until(connected, "the file with a connection")
    page = read(file.read_bytes())
    assert page["vantay_booth_journal_entries"].value() >= 1
    assert page["vantay_booth_scanner_ready"].value() == 0
    with ear(mosquitto.broker(), booth_topic("b-1", "journal")) as one:
        last = json.loads(one.wait("/journal"))
        word = Acknowledgement(seq=last["seq"], hash=last["hash"])
        one.publish(booth_topic("b-1", "ack"), word.payload())
        until(lambda: '"acknowledgement"' in log.read_text(), "the line")
    (line,) = [json.loads(text) for text in log.read_text().splitlines() if '"acknowledgement"' in text]
    assert (line["seq"], line["entries"], line["booth"]) == (last["seq"], last["seq"], "b-1")
    assert program.end() == 0
    assert log.read_text().splitlines()[0] in program.said(), "on standard error, too"


# the hub


def test_a_booths_word_never_becomes_a_label_of_the_hub(
    hub_store: Tables, tmp_path: Path, url: str | None
) -> None:
    figures = hub_figures.Figures(tmp_path, url or tmp_path / "hub.db", "0.1.0")
    for n, decision in enumerate(("accepted", "Nguyen Van An", None, "retry")):
        figures.stored(chain([{"decision": decision, "n": n}], "attempt.made")[0])
    figures.stored(chain([{"decision": "accepted"}], "else")[0])
    captures = read(figures.page())["vantay_hub_captures_total"]
    assert [captures.value(outcome=name) for name in ("accepted", "retry", "other")] == [1, 1, 2]
    assert len(captures.samples) == 3


def scrape(port: int, path: str = "/metrics", method: str = "GET") -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path)
    answer = connection.getresponse()
    said = answer.status, answer.headers["Content-Type"], answer.read()
    connection.close()
    return said


@pytest.mark.system
def test_a_running_hub_is_scraped_on_loopback(
    tmp_path: Path, mosquitto: Mosquitto, run: Callable[..., Program]
) -> None:
    port = free_port()
    start_hub(tmp_path, mosquitto, run, f'booths = ["b-1"]\nmetrics_port = {port}\n')
    entries = chain([{"decision": "accepted", "n": n} for n in range(5)], "attempt.made")
    fact = {"packet": "ab" * 32, "enrolment": "e", "size": 9, "outcome": "enrolled", "samples": {}}
    entries += chain([fact], "enrolment.sealed", 6, entries[-1].hash)
    with ear(mosquitto.broker(), booth_topic("+", "ack")) as one:
        tell(one, "b-1", *entries)
        one.publish(booth_topic("b-1", "journal"), entries[1].payload())
        one.publish(booth_topic("b-1", "journal"), b"nonsense")
        one.publish(booth_topic("b-9", "journal"), entries[0].payload())
        one.publish(booth_topic("b-1", "journal"), chain([{}])[0].payload())
        one.publish(booth_topic("b-1", "journal"), chain([{}], seq=10)[0].payload())
        one.publish(booth_topic("b-1", "state"), state("b-1", 12))

        def settled() -> bool:
            page = read(scrape(port)[2])
            backlog = page["vantay_hub_booth_backlog_entries"].value(booth="b-1")
            return backlog == 6 and len(page["vantay_hub_entries_total"].samples) == 6

        until(settled, "everything counted")
    status, kind, body = scrape(port)
    assert (status, kind) == (200, CONTENT_TYPE)
    page = read(body)
    outcomes = ("accepted", "duplicate", "malformed", "unknown-booth", "refused", "gap")
    assert [page["vantay_hub_entries_total"].value(outcome=name) for name in outcomes] == [6, 1, 1, 1, 1, 1]
    assert page["vantay_hub_captures_total"].value(outcome="accepted") == 5
    assert page["vantay_hub_acknowledgement_seconds"].value("_count") == 9, (
        "all but nonsense and a stranger's"
    )
    gauges = ("packets_waiting", "gaps", "alarms", "broker_connected")
    assert [page[f"vantay_hub_{name}"].value() for name in gauges] == [1, 1, 1, 1]
    by_booth = ("journal_entries", "missing_entries")
    assert [page[f"vantay_hub_booth_{name}"].value(booth="b-1") for name in by_booth] == [6, 4]
    known = {family.name for family in hub_figures.FAMILIES}
    rare = {f"vantay_hub_{name}" for name in ("packets_total", "packet_bytes_total", "booth_online")}
    rare |= {f"vantay_hub_ministry_{what}_packets" for what in ("overdue", "refused")}  # with [ministry]
    assert known - rare == set(page)
    assert scrape(port, "/")[0] == 404
    assert scrape(port, method="POST")[0] == 501
    with socket.create_connection(("127.0.0.1", port)):  # somebody who says nothing holds nobody up
        assert scrape(port)[0] == 200


def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BadSettings, match=f"metrics_port {port} cannot be used"):
            hub_figures.serve(hub_figures.Figures(tmp_path, tmp_path / "hub.db", "0"), port)


def test_a_file_that_cannot_be_read_is_no_page(tmp_path: Path) -> None:
    port = free_port()
    server = hub_figures.serve(hub_figures.Figures(tmp_path, tmp_path / "hub.db", "0"), port)
    assert scrape(port)[0] == 503
    server.shutdown()
    server.server_close()
