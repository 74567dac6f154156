"""Packets to a server of the ministry's, a real sshd: each once, whole batches only, whatever is cut when."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest

from edge.cli import main
from edge.errors import BadSettings, VantayError
from edge.hub.delivery import ANSWER, MANIFEST, Delivery, standing_of
from edge.hub.packets import PacketFiles
from edge.hub.reading import writable
from edge.hub.sftp import SftpDrop
from edge.settings import Sftp
from tests.edge.hub.sshd import FrayedCable, Sshd, make_key
from tests.edge.programs import free_port

pytestmark = pytest.mark.system

AT, NEXT_DAY = "2026-01-05T08:00:00.000Z", "2026-01-06T08:00:00.000Z"
LATER = "2026-01-05T21:00:00.000Z"
SIZE = 1_500_000  # bytes of a packet here
OVERHEAD = 120_000  # bytes of SSH and of what else is sent


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "ours"
    make_key(path)
    return path


@pytest.fixture(scope="module")
def running(key: Path) -> Iterator[Sshd]:
    server = Sshd.made(key.with_name("ours.pub").read_text().strip())
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture
def server(running: Sshd) -> Iterator[Sshd]:
    yield running
    for path in sorted(running.drop.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


class Hub:
    """A hub with packets, and how it reaches the ministry's server."""

    def __init__(self, folder: Path, server: Sshd, key: Path) -> None:
        self.data, self.folder = folder / "hub", server.drop / "station-1"
        self.data.mkdir()
        self.store, self.files = writable(self.data / "hub.db"), PacketFiles(self.data / "packets")
        self.place = server.place(key)

    def receive(self, *names: str) -> list[str]:
        digests = []
        for name in names:
            data = Random(name).randbytes(SIZE)
            digest = sha256(data).hexdigest()
            self.files.add(digest, 0, data, len(data))
            assert self.files.finish(digest, len(data))
            row = (digest, "b-1", f"e-{name}", len(data), AT)
            self.store.db.execute("INSERT INTO packet VALUES (?, ?, ?, ?, ?, NULL)", row)
            digests.append(digest)
        return digests

    @contextmanager
    def delivery(self, **changes: Any) -> Iterator[Delivery]:
        with closing(SftpDrop(self.place.model_copy(update=changes))) as drop:
            yield Delivery(self.store, self.files, drop)

    def deliver(self, at: str = AT, **changes: Any) -> list[str]:
        with self.delivery(**changes) as delivery:
            return delivery.deliver(at)

    def delivered(self) -> list[str]:
        """What whoever looks into the folder finds, all of it whole."""
        found = []
        for path in self.folder.glob("[!.]*"):
            manifest = json.loads((path / MANIFEST).read_text())
            for packet in manifest["packets"]:
                data = (path / f"{packet['packet']}.packet").read_bytes()
                assert (sha256(data).hexdigest(), len(data)) == (packet["packet"], packet["size"])
                found.append(packet["packet"])
            assert len(list(path.iterdir())) == len(manifest["packets"]) + 1 + (path / ANSWER).exists()
        return sorted(found)

    def begun(self) -> list[Path]:
        return list(self.folder.glob(".*/*"))

    def answer(self, batch: str, **fields: Any) -> None:
        (self.folder / batch / ANSWER).write_text(json.dumps({"version": 1, "batch": batch, **fields}))


@pytest.fixture
def hub(tmp_path: Path, server: Sshd, key: Path) -> Iterator[Hub]:
    hub = Hub(tmp_path, server, key)
    yield hub
    hub.store.close()


def test_each_packet_is_delivered_once_and_the_answer_is_read(hub: Hub) -> None:
    assert hub.deliver() == []
    one, two = hub.receive("a", "b")
    assert hub.deliver() == ["2026-01-05-001"]
    assert hub.delivered() == sorted([one, two])
    assert hub.deliver() == []
    (three,) = hub.receive("c")
    assert hub.deliver() == ["2026-01-05-002"]
    assert hub.delivered() == sorted([one, two, three])
    assert len(standing_of(hub.store, LATER, 12).alarms) == 2, "nobody answered"
    hub.answer("2026-01-05-001", accepted=[one], refused=[{"packet": two, "reason": "no portrait"}])
    hub.answer("2026-01-05-002", accepted=[one])
    with hub.delivery() as delivery:
        (complaint,) = delivery.hear(LATER)
    assert complaint.startswith(f"sftp://127.0.0.1:{hub.place.port}/")
    assert "2026-01-05-002/acknowledgement.json cannot be used: it names" in complaint
    standing = standing_of(hub.store, LATER, 12)
    assert (standing.accepted, standing.refused, standing.waiting) == (1, 1, 1)


def hung_up() -> "pytest.RaisesExc[VantayError]":
    return pytest.raises(VantayError, match=r"hung up \(.*\): nothing is lost, deliver again when it can")


@pytest.mark.parametrize("day", [AT, NEXT_DAY])
def test_a_connection_cut_in_mid_file_is_gone_on_with(hub: Hub, day: str) -> None:
    digests = hub.receive("a", "b", "c")
    with closing(FrayedCable(hub.place.port, SIZE + SIZE // 2)) as cable, hung_up():
        hub.deliver(port=cable.port)
    assert hub.delivered() == [], "nothing is seen of half a batch"
    there = sum(path.stat().st_size for path in hub.begun())
    assert SIZE < there < 2 * SIZE, "one file and a part of the second"
    with closing(FrayedCable(hub.place.port, None)) as cable:
        assert hub.deliver(day, port=cable.port) == [f"{day[:10]}-001"]
        assert cable.sent < 3 * SIZE - there + OVERHEAD, "only the rest is sent"
    assert hub.delivered() == sorted(digests)
    assert hub.begun() == []
    assert standing_of(hub.store, AT, 12).waiting == 3


def test_cut_again_and_again_it_comes_to_an_end(hub: Hub) -> None:
    digests, cuts = hub.receive("a", "b"), 0
    for _ in range(20):
        with closing(FrayedCable(hub.place.port, SIZE // 3)) as cable:
            try:
                hub.deliver(port=cable.port)
                break
            except VantayError:
                cuts += 1
                assert hub.delivered() == []
    assert cuts >= 4
    assert hub.delivered() == sorted(digests)


def test_what_a_cut_leaves_undone_is_not_told_as_a_traceback(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(SftpDrop(hub.place)) as drop:  # as asyncio does for each write that was under way
        lost = {"message": "Task exception was never retrieved", "exception": ConnectionError("lost")}
        drop._runner.get_loop().call_exception_handler(lost)
    assert caplog.records == []


@pytest.mark.parametrize(
    "left",
    [
        lambda data: data[: SIZE // 2],
        lambda data: bytes(SIZE // 2),
        lambda data: data[: SIZE // 2] + bytes(4096),
        lambda data: data[:-1] + b"?",
        lambda data: data + b"more",
        lambda data: b"",
    ],
    ids=["a part", "zeros", "zeros at the end", "another end", "too long", "empty"],
)
def test_whatever_lies_there_the_packet_arrives_as_it_is(hub: Hub, left: Callable[[bytes], bytes]) -> None:
    (digest,) = hub.receive("a")
    begun = hub.folder / ".2026-01-05-001"
    begun.mkdir(parents=True)
    (begun / f"{digest}.packet").write_bytes(left(hub.files.path(digest).read_bytes()))
    (begun / "something.else").write_text("left")
    for path in (hub.folder, begun, *begun.iterdir()):
        path.chmod(0o777)
    hub.deliver()
    assert hub.delivered() == [digest]


def killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt  # nothing after it is done, and nobody cleans up


@pytest.mark.parametrize("where", ["edge.hub.sftp.SftpDrop.finish", "edge.hub.delivery.Delivery._note"])
def test_killed_before_or_after_the_rename_nothing_comes_twice(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    digests = hub.receive("a", "b")
    with monkeypatch.context() as patch:
        patch.setattr(where, killed)
        with pytest.raises(KeyboardInterrupt):
            hub.deliver()
    digests += hub.receive("c")
    hub.deliver()
    assert hub.delivered() == sorted(digests)
    assert hub.deliver() == []


def test_another_host_key_is_not_spoken_to(hub: Hub, server: Sshd, tmp_path: Path) -> None:
    hub.receive("a")
    another = make_key(tmp_path / "another")
    with pytest.raises(VantayError) as caught:
        hub.deliver(host_keys=(another,))
    text = str(caught.value)
    assert "shows a host key that hub.toml does not name (ssh-ed25519 SHA256:" in text
    assert "nothing was sent" in text
    with pytest.raises(VantayError, match=r"does not name \(ssh-ed25519 SHA256:"):
        hub.deliver(host_keys=(make_key(tmp_path / "rsa", "rsa"),))
    assert not hub.folder.exists()
    assert hub.deliver(host_keys=(another, server.host_key)) == ["2026-01-05-001"], "while a key is changed"


def test_a_server_with_an_rsa_key_is_known_by_it(hub: Hub, key: Path) -> None:
    server = Sshd.made(key.with_name("ours.pub").read_text().strip(), "rsa")
    try:
        server.start()
        place = server.place(key)
        (digest,) = hub.receive("a")
        hub.deliver(port=place.port, host_keys=place.host_keys, folder=place.folder)
        assert (server.drop / "station-1" / "2026-01-05-001" / f"{digest}.packet").exists()
    finally:
        server.remove()


def test_a_server_that_does_not_let_us_in(hub: Hub, tmp_path: Path) -> None:
    make_key(tmp_path / "stranger")
    with pytest.raises(VantayError, match=r"does not let .* in with the key .*stranger: ask for it"):
        hub.deliver(key=tmp_path / "stranger")


def test_a_full_disk_and_a_folder_that_is_denied(hub: Hub, server: Sshd) -> None:
    (digest,) = hub.receive("a")
    begun = hub.folder / ".2026-01-05-001"
    begun.mkdir(parents=True)
    (begun / f"{digest}.packet").symlink_to("/dev/full")  # the kernel's own: each write finds no room
    hub.folder.chmod(0o777)
    begun.chmod(0o777)
    with pytest.raises(VantayError, match=r"cannot be written \(.*; its disk may be full\): nothing is lost"):
        hub.deliver()
    (begun / f"{digest}.packet").unlink()
    server.drop.chmod(0o500)
    try:
        with pytest.raises(VantayError, match=r"cannot be written \(Permission denied\): nothing is lost"):
            hub.deliver(folder=str(server.drop / "another"))
    finally:
        server.drop.chmod(0o700)
    assert hub.deliver() == ["2026-01-05-001"]
    assert hub.delivered() == [digest]


def test_a_batch_of_somebody_else_is_not_written_over(hub: Hub) -> None:
    hub.receive("a")
    (hub.folder / "2026-01-05-001").mkdir(parents=True)
    hub.folder.chmod(0o777)
    with pytest.raises(VantayError, match="is there already, and not of this hub: give each hub a folder"):
        hub.deliver()
    assert list((hub.folder / "2026-01-05-001").iterdir()) == []


def test_a_server_that_is_away_or_says_nothing(hub: Hub) -> None:
    with pytest.raises(VantayError, match=r"cannot be reached \(.*\): nothing is lost"):
        hub.deliver(port=free_port())
    silent = socket.create_server(("127.0.0.1", 0))
    with silent, pytest.raises(VantayError, match="says nothing for 1 s: nothing is lost"):
        hub.deliver(port=silent.getsockname()[1], patience_seconds=1)


def test_an_endless_answer_is_not_read_to_its_end(hub: Hub) -> None:
    hub.receive("a")
    (batch,) = hub.deliver()
    (hub.folder / batch / ANSWER).symlink_to("/dev/zero")
    with hub.delivery() as delivery:
        (complaint,) = delivery.hear(AT)
    assert complaint.endswith("cannot be used: it is larger than 8 MiB")


def test_keys_that_are_none_are_one_sentence(hub: Hub, tmp_path: Path) -> None:
    def make(**changes: Any) -> SftpDrop:
        return SftpDrop(hub.place.model_copy(update=changes))

    (tmp_path / "none").write_text("no key")
    (tmp_path / "none").chmod(0o600)
    make_key(tmp_path / "open")
    (tmp_path / "open").chmod(0o640)
    with pytest.raises(BadSettings, match="none is no private key without a passphrase"):
        make(key=tmp_path / "none")
    with pytest.raises(BadSettings, match="is open to other users: chmod 600"):
        make(key=tmp_path / "open")
    with pytest.raises(BadSettings, match="cannot be read"):
        make(key=tmp_path / "nowhere")
    with pytest.raises(BadSettings, match=r"host_keys: 'no key' is no public key"):
        make(host_keys=("no key",))


def settings_of(place: Sftp) -> str:
    keys = json.dumps(list(place.host_keys))
    return (
        f'[ministry.sftp]\nhost = "{place.host}"\nport = {place.port}\nuser = "{place.user}"\n'
        f'key = "{place.key}"\nhost_keys = {keys}\nfolder = "{place.folder}"\n'
    )


def test_the_command_delivers_and_tells_the_same_alarms(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (one,) = hub.receive("a")
    config = tmp_path / "hub.toml"
    config.write_text(f'data = "hub"\n{settings_of(hub.place)}')
    words = ["--config", str(config)]
    with closing(FrayedCable(hub.place.port, SIZE // 2)) as cable:
        broken = tmp_path / "broken.toml"
        broken.write_text(f'data = "hub"\n{settings_of(hub.place.model_copy(update={"port": cable.port}))}')
        assert main(["ministry", "deliver", "--config", str(broken)]) == 1
    told = capsys.readouterr()
    assert "ALARM the ministry's server 127.0.0.1:" in told.err
    assert "ALARM 1 packets not delivered, the first since 2026-01-05" in told.err
    assert told.out == "undelivered=1 waiting=0 accepted=0 refused=0\n"
    assert main(["ministry", "deliver", *words]) == 0
    assert capsys.readouterr().out == "undelivered=0 waiting=1 accepted=0 refused=0\n"
    assert hub.delivered() == [one]
    (batch,) = (path.name for path in hub.folder.glob("[!.]*"))
    hub.answer(batch, accepted=[one])
    assert main(["ministry", "deliver", *words]) == 0
    assert main(["ministry", "status", *words]) == 0
    assert capsys.readouterr().out == "undelivered=0 waiting=0 accepted=1 refused=0\n" * 2
    config.write_text(f'data = "hub"\n[ministry]\nfolder = "m"\n{settings_of(hub.place)}')
    assert main(["ministry", "status", *words]) == 2
    assert "a ministry has either a folder or sftp" in capsys.readouterr().err
