"""Packets to the ministry: each once, whole batches only, whoever is killed when; answers read with care."""

import json
import os
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from edge.cli import main
from edge.errors import VantayError
from edge.folder_lock import only_one
from edge.hub.delivery import ANSWER, MANIFEST, Delivery, standing_of
from edge.hub.drop import FolderDrop
from edge.hub.ledger import Ledger
from edge.hub.packets import PacketFiles
from edge.hub.reading import writable
from tests.edge.hub.hubs import database

AT = "2026-01-05T08:00:00.000Z"
LATER = "2026-01-05T21:00:00.000Z"


class Hub:
    """A hub with packets, and the ministry's folder."""

    def __init__(self, folder: Path, url: str | None) -> None:
        self.data, self.folder = folder / "hub", folder / "ministry"
        self.data.mkdir()
        self.store, self.files = writable(url or self.data / "hub.db"), PacketFiles(self.data / "packets")
        self.delivery = Delivery(self.store, self.files, FolderDrop(self.folder))

    def receive(self, *names: str) -> list[str]:
        digests = []
        for name in names:
            data = name.encode() * 5000
            digest = sha256(data).hexdigest()
            self.files.add(digest, 0, data, len(data))
            assert self.files.finish(digest, len(data))
            row = (digest, "b-1", f"e-{name}", len(data), AT)
            self.store.db.execute("INSERT INTO packet VALUES (?, ?, ?, ?, ?, NULL)", row)
            digests.append(digest)
        return digests

    def batches(self) -> dict[str, list[str]]:
        """What whoever looks into the folder finds: batches, and the packets in each."""
        found = {}
        for path in sorted(self.folder.glob("[!.]*")):
            manifest = json.loads((path / MANIFEST).read_text())
            for packet in manifest["packets"]:
                data = (path / f"{packet['packet']}.packet").read_bytes()
                assert (sha256(data).hexdigest(), len(data)) == (packet["packet"], packet["size"])
            assert len(list(path.glob("*.packet"))) == len(manifest["packets"])
            found[path.name] = sorted(packet["packet"] for packet in manifest["packets"])
        return found

    def delivered(self) -> list[str]:
        return sorted(digest for packets in self.batches().values() for digest in packets)

    def answer(self, batch: str, **fields: Any) -> None:
        (self.folder / batch / ANSWER).write_text(json.dumps({"version": 1, "batch": batch, **fields}))


@pytest.fixture
def hub(tmp_path: Path, url: str | None) -> Hub:
    return Hub(tmp_path, url)


def test_each_packet_is_delivered_once_in_whole_batches(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.hub.delivery.MOST", 2)
    assert hub.delivery.deliver(AT) == []
    first = hub.receive("a", "b", "c")
    assert hub.delivery.deliver(AT) == ["2026-01-05-001", "2026-01-05-002"]
    assert hub.delivered() == sorted(first)
    assert hub.delivery.deliver(AT) == []
    (fourth,) = hub.receive("d")
    assert hub.delivery.deliver("2026-01-06T00:10:00.000Z") == ["2026-01-06-001"]
    assert hub.batches()["2026-01-06-001"] == [fourth]
    manifest = json.loads((hub.folder / "2026-01-06-001" / MANIFEST).read_text())
    assert manifest["packets"][0]["booth"] == "b-1"


def killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt  # nothing after it is done, and nobody cleans up


@pytest.mark.parametrize(
    "where",
    ["edge.hub.drop._write_synced", "pathlib.Path.rename", "edge.hub.delivery.Delivery._note"],
)
def test_a_delivery_killed_anywhere_goes_on_with_nothing_twice(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    digests = hub.receive("a", "b")
    with monkeypatch.context() as patch:
        patch.setattr(where, killed)
        with pytest.raises(KeyboardInterrupt):
            hub.delivery.deliver(AT)
    seen = hub.batches()  # whatever is there is whole
    digests += hub.receive("c")
    hub.delivery.deliver(AT)
    assert hub.delivered() == sorted(digests)
    assert seen.items() <= hub.batches().items()
    assert not list(hub.folder.glob(".*"))
    assert standing_of(hub.store, AT, 12).waiting == 3


def test_what_waits_since_a_time_to_come_is_overdue(hub: Hub) -> None:
    hub.receive("a")
    before = "2025-01-05T00:00:00.000Z"  # the clock was a year ahead, and was set right
    assert standing_of(hub.store, before, 12).alarms == [f"1 packets not delivered, the first since {AT}"]
    (batch,) = hub.delivery.deliver(AT)
    late = f"batch {batch}: 1 packets without an answer since {AT}"
    assert standing_of(hub.store, before, 12).alarms == [late]
    assert standing_of(hub.store, AT, 12).alarms == []


def test_answers_are_taken_and_what_waits_too_long_is_an_alarm(hub: Hub) -> None:
    one, two, three = hub.receive("a", "b", "c")
    assert standing_of(hub.store, AT, 12).undelivered == 3
    assert standing_of(hub.store, LATER, 12).alarms == [f"3 packets not delivered, the first since {AT}"]
    (batch,) = hub.delivery.deliver(AT)
    assert standing_of(hub.store, AT, 12).alarms == []
    late = f"batch {batch}: 3 packets without an answer since {AT}"
    assert standing_of(hub.store, LATER, 12).alarms == [late]
    hub.answer(batch, accepted=[one])
    assert hub.delivery.hear(LATER) == []
    hub.answer(batch, accepted=[one, two], refused=[{"packet": three, "reason": "no portrait"}])
    assert hub.delivery.hear(LATER) == []
    standing = standing_of(hub.store, LATER, 12)
    assert (standing.accepted, standing.refused, standing.waiting) == (2, 1, 0)
    assert standing.alarms == [f"batch {batch}: packet {three[:12]} was refused: no portrait"]


BAD: list[tuple[Callable[[str, str], str], str]] = [
    (lambda _batch, _one: "no JSON", "Invalid JSON"),
    (lambda batch, one: json.dumps({"batch": batch, "accepted": [one]})[:-3], "Invalid JSON: EOF"),
    (lambda _batch, one: json.dumps({"batch": "another", "accepted": [one]}), "it answers batch another"),
    (lambda batch, _one: json.dumps({"batch": batch, "accepted": ["ab" * 32]}), "the batch does not hold"),
    (lambda batch, one: json.dumps({"batch": batch, "accepted": [one, one]}), "names a packet twice"),
    (lambda batch, _one: json.dumps({"batch": batch, "accepted": ["x"]}), "accepted.0: String should"),
    (
        lambda batch, one: f'{{"batch": "{batch}", "accepted": ["{one}"], "accepted": []}}',
        "'accepted' is there",
    ),
    (lambda batch, _one: json.dumps({"batch": batch, "version": 2}), "version: Input should be 1"),
]


@pytest.mark.parametrize(("text", "words"), BAD)
def test_an_answer_that_cannot_be_used_changes_nothing(
    hub: Hub, text: Callable[[str, str], str], words: str
) -> None:
    (one,) = hub.receive("a")
    (batch,) = hub.delivery.deliver(AT)
    (hub.folder / batch / ANSWER).write_text(text(batch, one))
    (complaint,) = hub.delivery.hear(AT)
    assert words in complaint
    assert standing_of(hub.store, AT, 12).waiting == 1


def test_a_packet_that_was_altered_or_is_gone_keeps_no_other_one_back(hub: Hub) -> None:
    one, two, gone = hub.receive("a", "b", "c")
    hub.files.path(one).write_bytes(b"something else")
    hub.files.path(gone).unlink()
    with pytest.raises(
        VantayError, match=r"packets/.*: restore it, then deliver again \(1 more are as bad\)"
    ):
        hub.delivery.deliver(AT)
    assert hub.delivered() == [two]
    assert hub.delivery.deliver(AT) == []


def test_a_packet_that_delivery_finds_lost_is_fetched_anew_for_as_long_as_from_now(hub: Hub) -> None:
    altered, gone = hub.receive("a", "b")
    hub.files.path(altered).write_bytes(b"something else")
    hub.files.path(gone).unlink()
    with hub.store.transaction():
        hub.store.db.execute("UPDATE packet SET closed_at = ? WHERE hash = ?", ("2020-01-01T00:00:00Z", gone))
    with pytest.raises(VantayError, match="the hub asks the booth for what it lacks"):
        hub.delivery.deliver(AT)
    stands = {packet.hash: packet for packet in Ledger(hub.store).open_packets("b-1")}
    assert {digest: (one.complete, one.closed_at) for digest, one in stands.items()} == {
        altered: (False, None),
        gone: (False, AT),
    }
    (alarm,) = hub.store.db.execute("SELECT * FROM alarm").fetchall()
    assert (alarm["count"], alarm["at"]) == (2, AT)
    assert alarm["text"].endswith("its file is gone or damaged: booth b-1 is asked for it again")


@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize("name", [ANSWER, MANIFEST])
def test_a_pipe_or_a_device_in_place_of_a_file_is_named_and_not_waited_for(
    hub: Hub, name: str, kind: str
) -> None:
    hub.receive("a")
    (batch,) = hub.delivery.deliver(AT)
    path = hub.folder / ("2026-01-04-001" if name == MANIFEST else batch) / name
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path) if kind == "pipe" else path.symlink_to("/dev/zero")
    if name == ANSWER:
        (complaint,) = hub.delivery.hear(AT)
        assert complaint == f"{path} cannot be used: it is no file"
    else:
        with pytest.raises(VantayError, match=f"{path} is no manifest of ours: it is no file"):
            hub.delivery.deliver(AT)


def test_an_answer_that_is_too_large_is_named_and_not_read_to_its_end(hub: Hub) -> None:
    hub.receive("a")
    (batch,) = hub.delivery.deliver(AT)
    with (hub.folder / batch / ANSWER).open("wb") as file:
        file.truncate(1 << 40)
    (complaint,) = hub.delivery.hear(AT)
    assert complaint.endswith("cannot be used: it is larger than 8 MiB")


class Counting(FolderDrop):
    """Counts what is begun, and what is copied."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.begun, self.put_of = 0, Counter[str]()

    def begin(self, batch: str, files: frozenset[str]) -> None:
        self.begun += 1
        super().begin(batch, files)

    def put(self, batch: str, name: str, source: Path, digest: str) -> None:
        self.put_of[digest] += 1
        super().put(batch, name, source, digest)


def test_however_many_packets_are_bad_a_batch_is_begun_once(hub: Hub) -> None:
    good, bad = hub.receive(*"abcd"), hub.receive(*"efghij")
    for place, digest in enumerate(bad):
        path = hub.files.path(digest)
        path.write_bytes(b"something else") if place % 2 else path.unlink()
    drop = Counting(hub.folder)
    with pytest.raises(VantayError, match=r"\(5 more are as bad\)"):
        Delivery(hub.store, hub.files, drop).deliver(AT)
    assert drop.begun == 1
    assert set(drop.put_of.values()) == {1}
    assert hub.delivered() == sorted(good)
    lost = hub.store.db.execute("SELECT hash FROM packet WHERE complete_at IS NULL").fetchall()
    assert {row["hash"] for row in lost} == set(bad), "they are asked for anew"


def test_a_folder_that_cannot_be_written_is_one_sentence(hub: Hub) -> None:
    hub.receive("a")
    hub.folder.write_text("a file")
    with pytest.raises(VantayError, match=r"cannot be written .*: nothing is lost"):
        hub.delivery.deliver(AT)


def test_a_folder_that_vanishes_later_is_not_made_anew(hub: Hub) -> None:
    (one,) = hub.receive("a")
    (batch,) = hub.delivery.deliver(AT)
    away = hub.folder.rename(hub.folder.with_name("away"))  # as a share that is not mounted any more
    hub.receive("b")
    with pytest.raises(VantayError, match=r"ministry is gone: is its share mounted\?"):
        hub.delivery.deliver(AT)
    assert not hub.folder.exists()
    assert hub.delivery.hear(AT) == []
    away.rename(hub.folder)
    hub.answer(batch, accepted=[one])
    assert hub.delivery.deliver(AT) == ["2026-01-05-002"]
    assert hub.delivery.hear(AT) == []
    assert standing_of(hub.store, AT, 12).accepted == 1


def test_what_somebody_else_put_there_stops_nothing_and_stays(hub: Hub) -> None:
    hub.receive("a")
    hub.folder.mkdir()
    for name in ("2026-01-04-001", ".2026-01-04-002", "thumbs.db"):
        (hub.folder / name).write_text("no batch")
    (hub.folder / "2026-01-04-003").mkdir()
    assert hub.delivery.deliver(AT) == ["2026-01-05-001"]
    assert {"2026-01-04-001", "2026-01-04-003", "thumbs.db"} < {path.name for path in hub.folder.iterdir()}
    hub.receive("b")
    (hub.folder / "2026-01-05-002").mkdir()
    with pytest.raises(VantayError, match="2026-01-05-002 is there already, and not of this hub"):
        hub.delivery.deliver(AT)
    assert list((hub.folder / "2026-01-05-002").iterdir()) == []


def test_what_was_refused_may_be_accepted_by_a_later_answer(hub: Hub) -> None:
    one, two = hub.receive("a", "b")
    (batch,) = hub.delivery.deliver(AT)
    hub.answer(batch, accepted=[one], refused=[{"packet": two, "reason": "unreadable"}])
    assert hub.delivery.hear(AT) == []
    hub.answer(batch, accepted=[one, two])
    answer = hub.folder / batch / ANSWER
    answer.write_bytes(b"\xef\xbb\xbf" + answer.read_bytes())  # as some editors begin a file
    assert hub.delivery.hear(AT) == []
    standing = standing_of(hub.store, LATER, 12)
    assert (standing.accepted, standing.refused, standing.waiting, standing.alarms) == (2, 0, 0, [])


def test_what_is_refused_after_it_was_accepted_is_an_alarm_until_it_is_accepted_anew(hub: Hub) -> None:
    one, two = hub.receive("a", "b")
    (batch,) = hub.delivery.deliver(AT)
    hub.answer(batch, accepted=[one, two])
    assert hub.delivery.hear(AT) == []
    hub.answer(batch, accepted=[one], refused=[{"packet": two, "reason": "after all"}])
    for _ in range(2):
        assert hub.delivery.hear(LATER) == []
        standing = standing_of(hub.store, LATER, 12)
        assert (standing.accepted, standing.refused, standing.waiting, standing.undelivered) == (1, 1, 0, 0)
        assert standing.alarms == [
            f"batch {batch}: packet {two[:12]} was refused after it was accepted: after all"
        ]
    assert hub.delivery.deliver(LATER) == [], "nothing is sent again by itself"
    hub.answer(batch, accepted=[two])
    assert hub.delivery.hear(LATER) == []
    standing = standing_of(hub.store, LATER, 12)
    assert (standing.accepted, standing.refused, standing.alarms) == (2, 0, [])
    when = hub.store.db.execute("SELECT accepted_at FROM delivery WHERE hash = ?", (two,)).fetchone()
    assert when["accepted_at"] == AT, "it was first then"


class Crossed(FolderDrop):
    """While it works, another delivery begins in the same folder."""

    other: FolderDrop

    def put(self, batch: str, name: str, source: Path, digest: str) -> None:
        super().put(batch, name, source, digest)
        self.other.begin(batch, frozenset())
        if self.fills:
            self.other.put(batch, name, source, digest)

    fills = False


@pytest.mark.parametrize("fills", [False, True])
@pytest.mark.parametrize("names", [("a",), ("a", "b")])
def test_two_deliveries_at_once_make_no_half_batch_and_say_so(
    tmp_path: Path, names: tuple[str, ...], fills: bool
) -> None:
    hub = Hub(tmp_path, None)
    hub.receive(*names)
    drop = Crossed(hub.folder)
    drop.other, drop.fills = FolderDrop(hub.folder), fills
    delivery = Delivery(hub.store, hub.files, drop)
    if fills and len(names) == 1:  # whoever is last finds all that it put
        assert len(delivery.deliver(AT)) == 1
        assert len(hub.delivered()) == 1
        return
    with pytest.raises(VantayError, match="another delivery is at work there: let it end"):
        delivery.deliver(AT)
    assert hub.batches() == {}
    assert len(hub.delivery.deliver(AT)) == 1
    assert len(hub.delivered()) == len(names)


def test_an_answer_is_read_also_when_nothing_can_be_delivered(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str | None
) -> None:
    config = tmp_path / "hub.toml"
    config.write_text(f'{database(url)}data = "hub"\n[ministry]\nfolder = "ministry"\n')
    (one,) = hub.receive("a")
    (batch,) = hub.delivery.deliver(AT)
    hub.answer(batch, accepted=[one])
    (bad,) = hub.receive("b")
    hub.files.path(bad).unlink()
    assert main(["ministry", "deliver", "--config", str(config)]) == 1
    told = capsys.readouterr()
    assert "cannot be read (No such file or directory): restore it" in told.err
    assert told.out == "undelivered=0 waiting=0 accepted=1 refused=0\n"


def test_the_command_delivers_tells_and_ends_with_1_on_an_alarm(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str | None
) -> None:
    (one,) = hub.receive("a")
    config = tmp_path / "hub.toml"
    config.write_text(f'{database(url)}data = "hub"\n')
    assert main(["ministry", "status", "--config", str(config)]) == 2
    assert "no table [ministry]" in capsys.readouterr().err
    config.write_text(f'{database(url)}data = "hub"\n[ministry]\nfolder = "ministry"\nanswer_hours = 1\n')
    with only_one(hub.data, "hub"):  # as while the hub runs
        assert main(["ministry", "deliver", "--config", str(config)]) == 0
    assert capsys.readouterr().out == "undelivered=0 waiting=1 accepted=0 refused=0\n"
    (batch,) = hub.batches()
    hub.answer(batch, refused=[{"packet": one, "reason": "unreadable"}])
    assert main(["ministry", "deliver", "--config", str(config), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["refused"] == 1
    assert main(["ministry", "status", "--config", str(config)]) == 1
    assert "was refused: unreadable" in capsys.readouterr().err
