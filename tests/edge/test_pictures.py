"""A portrait is a picture by its first bytes, and a file that can be read to its end."""

import os
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from edge.commands.enrol import read_portrait
from edge.pictures import is_picture

PICTURES = {
    "JPEG": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
    "JPEG of a camera": b"\xff\xd8\xff\xe1\x00\x10Exif\x00",
    "PNG": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 ",
    "its codestream": b"\xff\x4f\xff\x51\x00\x2f",
    "TIFF": b"II*\0\x08\0\0\0",
    "TIFF, the other way round": b"MM\0*\0\0\0\x08",
    "WebP": b"RIFF\x24\0\0\0WEBPVP8 ",
    "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "HEIF": b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic",
}
NONE = {
    "passwd": b"root:x:0:0:root:/root:/bin/bash\n",
    "PDF": b"%PDF-1.7\n",
    "film": b"\0\0\0\x18ftypisom\0\0\0\0isom",
    "sound": b"RIFF\x24\0\0\0WAVEfmt ",
    "two bytes of a JPEG": b"\xff\xd8",
    "program": b"\x7fELF\x02\x01\x01",
    "zip": b"PK\x03\x04",
}


@pytest.mark.parametrize("data", PICTURES.values(), ids=PICTURES)
def test_what_a_camera_writes_is_a_portrait(tmp_path: Path, data: bytes) -> None:
    assert is_picture(data)
    path = tmp_path / "p"
    path.write_bytes(data)
    os.utime(path, (1767600000, 1767600000))
    portrait, problem = read_portrait(path)
    assert portrait is not None, problem
    assert (portrait.sha256, portrait.taken_at.timestamp()) == (sha256(data).hexdigest(), 1767600000)


@pytest.mark.parametrize("data", NONE.values(), ids=NONE)
def test_what_is_no_picture_is_no_portrait(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "p.jpg"
    path.write_bytes(data)
    said = f"{path} is no picture: a portrait is JPEG, PNG, JPEG 2000, TIFF, WebP or HEIC"
    assert read_portrait(path) == (None, said)


def test_a_file_whose_time_no_calendar_has_is_told() -> None:
    with TemporaryDirectory(dir="/dev/shm") as folder:  # a disk's file system keeps no such time
        path = Path(folder) / "p.jpg"
        path.write_bytes(PICTURES["JPEG"])
        os.utime(path, (253402300800, 253402300800))  # year 10000
        said = f"{path} was written at no time of the calendar: set its time right ('touch')"
        assert read_portrait(path) == (None, said)


def test_what_is_no_file_is_told_at_once(tmp_path: Path) -> None:
    """Nothing waits for whoever writes into a pipe, or for a device's last byte."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "linked").symlink_to(tmp_path / "pipe")
    names = ("pipe", "linked", ".", "absent", "/dev/zero", "/dev/tty", "a\0b")
    for path in (tmp_path / name for name in names):
        assert read_portrait(path) == (None, f"{path} is no file")
    empty = tmp_path / "empty.jpg"
    empty.touch()
    portrait, problem = read_portrait(empty)
    assert portrait is None
    assert problem.startswith(f"{empty} has 0 bytes")
