"""`vantay-fw virtual` as a person starts it: what it says, and how it refuses."""

import json
import socket
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from fwtools.cli import main
from tests.drivers.bench import ridges
from tests.fwtools.virtual_scanner import COMMAND, virtual_scanner, write_fingers


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_fingers(tmp_path, 1)
    return tmp_path


def test_it_says_one_line_and_ends_at_sigterm(folder: Path) -> None:
    with subprocess.Popen([*COMMAND, "--scans", str(folder)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        where = json.loads(process.stdout.readline())
        process.terminate()
        assert process.stdout.read() == "", "exactly one line"
        assert process.wait(20) == 0
    assert where.keys() == {"usbip", "busid", "control", "scanners"}
    assert where["scanners"] == [{"busid": "1-1", "model": "hamster", "serial": "V2200-000001"}]
    assert where["usbip"].startswith("127.0.0.1:")
    assert where["control"] is None


def test_bad_lines_on_the_control_socket_do_not_end_it(folder: Path) -> None:
    with virtual_scanner(folder, "--control", "0") as scanner:
        assert scanner.ask(b"nonsense\n")["ok"] is False
        assert "a line has at most 65536 bytes" in scanner.ask(b"x" * 300_000 + b"\n")["error"]
        assert scanner.do("put", image="100_1.png") == {"ok": True}
        assert scanner.do("status")["image"] == "100_1.png"


@pytest.mark.parametrize("option", ["--port", "--control"])
def test_a_port_in_use_is_one_sentence(folder: Path, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["virtual", "--scans", str(folder), option, str(port)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"vantay-fw: port {port} of 127.0.0.1 is in use: choose another, or 0 for a free one\n"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda folder: folder.rmdir(), "there is no folder"),
        (lambda folder: (folder / "truth.txt").write_text("x"), "holds no image"),
        (lambda folder: (folder / "a.png").write_text("x"), "a.png is not a readable image"),
    ],
)
def test_a_bad_folder_is_one_sentence(
    tmp_path: Path, make: object, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "scans"
    folder.mkdir()
    assert callable(make)
    make(folder)
    assert main(["virtual", "--scans", str(folder), "--control", "0"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--port", "70000"], "'70000' is no number from 0 to 65535"),
        (["--frames-finger", "0"], "'0' is no number from 1 to"),
        (["--control", "x"], "'x' is no number"),
    ],
)
def test_a_bad_number_is_named(
    folder: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["virtual", "--scans", str(folder), *arguments])
    assert end.value.code == 2
    assert sentence in capsys.readouterr().err


def test_a_serial_number_the_device_cannot_tell(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(ridges()).save(folder / "2_1.png")
    assert main(["virtual", "--scans", str(folder), "--serial", "longer than fifteen"]) == 2
    assert "at most 15 printable ASCII characters" in capsys.readouterr().err
