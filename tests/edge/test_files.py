"""A file that somebody named is read; a pipe or a device in its place is named, and not waited for."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.files import NoFile, read_file, reading
from edge.hub.list_file import list_file

PLACES: list[tuple[Callable[[Path], object], str]] = [
    (lambda path: os.mkfifo(path), "it is a pipe or a device, no file"),
    (lambda path: path.symlink_to("/dev/zero"), "it is a pipe or a device, no file"),
    (lambda path: path.mkdir(), "Is a directory"),
]


@pytest.mark.parametrize(("put", "sentence"), PLACES)
@pytest.mark.parametrize("read", [reading, read_file, list_file])
def test_what_is_no_file_is_named(
    tmp_path: Path, put: Callable[[Path], object], sentence: str, read: Callable[[Path], object]
) -> None:
    put(tmp_path / "in")
    with pytest.raises(NoFile) as refused:
        read(tmp_path / "in")
    assert refused.value.strerror == sentence


def test_a_socket_and_no_file_at_all_are_an_oserror_too(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        for name in ("socket", "absent"):
            with pytest.raises(OSError, match="No such"):
                read_file(tmp_path / name)


def test_no_more_is_read_than_wanted_and_one(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(bytes(100))
    assert [len(read_file(tmp_path / "in", most)) for most in (-1, 0, 99, 100, 200)] == [
        100,
        1,
        100,
        100,
        100,
    ]


@pytest.mark.parametrize("folder", ["/dev/fd", "/proc/self/fd"])
def test_what_a_shell_hands_over_is_read_as_it_comes(folder: str) -> None:
    ends = os.pipe()
    os.write(ends[1], b"number,name")
    os.close(ends[1])
    assert read_file(Path(folder) / str(ends[0])) == b"number,name"
    os.close(ends[0])
