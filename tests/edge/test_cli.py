"""`vantay`: every command is there, explains itself, and ends with one sentence when something is wrong."""

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from edge.cli import COMMANDS, main
from edge.journal import Journal
from edge.store import Store
from tests.edge.parts import AT, CLOCK
from tests.edge.programs import VANTAY


def test_without_a_word_it_lists_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    listed = capsys.readouterr().out
    assert main(["--help"]) == 0
    assert capsys.readouterr().out == listed
    for name, text in COMMANDS.items():
        assert f"  {name:13} {text}\n" in listed


def test_it_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == main(["-V"]) == 0
    assert capsys.readouterr().out == f"vantay {metadata.version('vantay')}\n" * 2


def test_an_unknown_command_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["boot"]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith("vantay: unknown command 'boot'; the commands are booth, hub")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: vantay {name}" in capsys.readouterr().out


def test_every_module_of_the_commands_is_a_command() -> None:
    folder = Path(sys.modules["edge.cli"].__file__ or "").parent / "commands"
    names = {name.replace("-", "_") for name in COMMANDS}
    assert {path.stem for path in folder.glob("*.py")} == names | {"__init__"}


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("demo", "schema", "warm")])
def test_a_missing_argument_is_told(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name])
    assert ended.value.code == 2
    assert "the following arguments are required" in capsys.readouterr().err


@pytest.mark.system
def test_a_reader_that_goes_away_is_no_error_of_ours() -> None:
    """`vantay --help | head -1`, with the reader gone before the first word."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [VANTAY, "--help"], stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.system
def test_what_the_system_refuses_is_one_sentence(tmp_path: Path) -> None:
    program = (
        "import sys, edge.commands.schema as one; one.run = lambda _: print('before') or open(sys.argv[1]);"
        "from edge.cli import main; sys.exit(main(['schema']))"
    )
    words = [sys.executable, "-c", program, str(tmp_path / "gone")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "before\n"), "what was said before is not lost"
    assert done.stderr.startswith(f"vantay: {tmp_path / 'gone'}: No such file or directory: see to the path")
    assert done.stderr.count("\n") == 1


def test_a_reader_that_has_seen_enough_is_no_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "booth.toml").write_text('booth = "b-1"\ndata = "."\nkeys = "keys"\n')
    store = Store(tmp_path / "booth.db")
    with store.transaction():
        for _ in range(3000):  # more than a pipe holds
            Journal(store).append("test", {"filler": "x" * 100}, AT, CLOCK)
    store.close()
    command = [VANTAY, "journal", "show", "--config", str(tmp_path / "booth.toml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        assert json.loads(process.stdout.readline())["seq"] == 1
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 1
