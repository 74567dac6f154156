"""Packets as files: pieces only where they belong, whole and checked before anyone hears of it."""

import resource
import tempfile
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import VantayError
from edge.hub.packets import PacketFiles
from tests.edge.parts import steady

DATA = bytes(range(256)) * 4
DIGEST = sha256(DATA).hexdigest()
SIZE = len(DATA)


@pytest.fixture
def files(tmp_path: Path) -> PacketFiles:
    return PacketFiles(tmp_path / "packets")


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_packet_arrives_piece_by_piece(files: PacketFiles, tmp_path: Path) -> None:
    assert files.received(DIGEST) == 0
    assert files.add(DIGEST, 0, DATA[:700], SIZE) == 700
    assert not files.finish(DIGEST, SIZE)
    assert files.received(DIGEST) == 700
    assert files.add(DIGEST, 700, DATA[700:], SIZE) == SIZE
    assert not files.path(DIGEST).exists(), "not before it was checked"
    assert files.finish(DIGEST, SIZE)
    assert files.path(DIGEST).read_bytes() == DATA
    assert names(tmp_path) == [f"packets/{DIGEST[:2]}/{DIGEST}.packet"]
    assert files.received(DIGEST) == 0
    assert files.finish(DIGEST, SIZE), "again is no harm"


@pytest.mark.parametrize("offset", [0, 1, 699, 701, 2000])
def test_a_piece_for_another_place_is_ignored(files: PacketFiles, offset: int) -> None:
    files.add(DIGEST, 0, DATA[:700], SIZE)
    assert files.add(DIGEST, offset, DATA[:200], SIZE) == 700
    assert files.received(DIGEST) == 700


def test_a_folder_that_takes_no_more_is_one_sentence(files: PacketFiles, tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, before[1]))  # the kernel's own way to refuse
    try:
        with pytest.raises(VantayError, match=rf"folder of packets {tmp_path}/packets cannot be written \("):
            files.add(DIGEST, 0, DATA, SIZE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    held = files.received(DIGEST)
    assert files.add(DIGEST, held, DATA[held:], SIZE) == SIZE, "somebody made room"
    assert files.finish(DIGEST, SIZE)


def test_more_than_was_announced_is_ignored(files: PacketFiles) -> None:
    assert files.add(DIGEST, 0, DATA + b"x", SIZE) == 0
    files.add(DIGEST, 0, DATA[:1000], SIZE)
    assert files.add(DIGEST, 1000, DATA, SIZE) == 1000


def test_a_wrong_packet_is_thrown_away_and_fetched_again(files: PacketFiles, tmp_path: Path) -> None:
    files.add(DIGEST, 0, b"x" + DATA[1:], SIZE)
    assert not files.finish(DIGEST, SIZE)
    assert names(tmp_path) == []
    assert files.add(DIGEST, 0, DATA, SIZE) == SIZE
    assert files.finish(DIGEST, SIZE)


def test_a_torn_file_is_thrown_away(files: PacketFiles, tmp_path: Path) -> None:
    """A power cut may leave a file that is longer than what was written to it."""
    (tmp_path / "packets" / "partial" / DIGEST).write_bytes(DATA[:500] + bytes(SIZE))
    assert not files.finish(DIGEST, SIZE)
    assert files.received(DIGEST) == 0


class Killed(BaseException):
    """The power goes."""


def test_a_kill_between_the_last_piece_and_its_place_loses_nothing(
    files: PacketFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(self: Path, target: Path) -> Path:
        raise Killed

    files.add(DIGEST, 0, DATA, SIZE)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", die)
        with pytest.raises(Killed):
            files.finish(DIGEST, SIZE)
    again = PacketFiles(tmp_path / "packets")
    assert again.received(DIGEST) == SIZE
    assert again.add(DIGEST, SIZE, b"", SIZE) == SIZE
    assert again.finish(DIGEST, SIZE)
    assert again.path(DIGEST).read_bytes() == DATA


def test_a_kill_after_the_last_step_is_no_second_packet(files: PacketFiles, tmp_path: Path) -> None:
    """In its place, but the ledger's commit did not come: what a repeated piece began is cleared away."""
    files.add(DIGEST, 0, DATA, SIZE)
    files.finish(DIGEST, SIZE)
    again = PacketFiles(tmp_path / "packets")
    again.add(DIGEST, 0, DATA[:9], SIZE)
    assert again.finish(DIGEST, SIZE)
    assert names(tmp_path) == [f"packets/{DIGEST[:2]}/{DIGEST}.packet"]


@pytest.mark.parametrize("other", [DATA[:500], b"x" + DATA[1:], b""])
def test_what_lies_in_a_packets_place_is_read_before_it_counts(
    files: PacketFiles, tmp_path: Path, other: bytes
) -> None:
    files.path(DIGEST).parent.mkdir()
    files.path(DIGEST).write_bytes(other)
    assert not files.finish(DIGEST, SIZE)
    assert (tmp_path / "packets" / "damaged" / f"{DIGEST}.packet").read_bytes() == other, (
        "nothing is destroyed"
    )
    assert not files.whole(DIGEST, SIZE)
    files.add(DIGEST, 0, DATA, SIZE)
    assert files.finish(DIGEST, SIZE)
    assert files.path(DIGEST).read_bytes() == DATA


def test_whether_a_packet_is_there_is_told_by_its_size(files: PacketFiles) -> None:
    assert not files.there(DIGEST, SIZE)
    files.add(DIGEST, 0, DATA, SIZE)
    files.finish(DIGEST, SIZE)
    assert files.there(DIGEST, SIZE)
    assert not files.there(DIGEST, SIZE + 1)


@steady(80)
@given(
    st.binary(min_size=1, max_size=60),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 30), st.booleans()), max_size=40),
)
def test_whatever_pieces_come_the_file_is_the_packet_or_not_there(
    data: bytes, pieces: list[tuple[int, int, bool]]
) -> None:
    digest = sha256(data).hexdigest()
    with tempfile.TemporaryDirectory() as folder:
        files = PacketFiles(Path(folder))
        for offset, length, restart in pieces:
            before = files.received(digest)
            held = files.add(digest, offset, data[offset : offset + length], len(data))
            assert held == files.received(digest)
            assert held >= before
            assert files.finish(digest, len(data)) == (held == len(data))
            if restart:
                files = PacketFiles(Path(folder))
            if files.path(digest).exists():
                assert files.path(digest).read_bytes() == data
                return
        held = files.received(digest)
        while held < len(data):
            held = files.add(digest, held, data[held : held + 7], len(data))
        assert files.finish(digest, len(data))
        assert files.path(digest).read_bytes() == data
