"""Settings: one clear sentence for each mistake, naming the key; also through the real command."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.cli import main
from edge.errors import BadSettings
from edge.settings import BoothSettings, HubSettings, Plan, read_settings
from tests.edge.parts import steady

GOOD = 'booth = "b-1"\ndata = "data"\nkeys = "keys"\n'


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "booth.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_defaults_and_folders_beside_the_file(tmp_path: Path) -> None:
    settings = read_settings(written(tmp_path, GOOD), BoothSettings)
    assert (settings.data, settings.keys) == (tmp_path / "data", tmp_path / "keys")
    assert (settings.broker.host, settings.broker.port, settings.broker.mqtt) == ("127.0.0.1", 1883, "auto")
    assert settings.plan.name == "ten-flats"
    assert settings.scanner.where == "usb"


def test_everything_can_be_set(tmp_path: Path) -> None:
    text = (
        'booth = "b-1"\ndata = "/var/lib/vantay"\nkeys = "keys"\nfinger_wait_seconds = 60\n'
        '[broker]\nhost = "box"\nport = 8883\nkeepalive = 60\nmqtt = "3.1.1"\n'
        '[scanner]\nwhere = "usbip://127.0.0.1:3240/1-1"\npoll_seconds = 0.05\n'
        '[plan]\nname = "two-index"\n'
        "[comparison]\nsame_finger_fmr = 1e-3\nalready_enrolled_fmr = 1e-6\nalready_enrolled_fingers = 3\n"
    )
    settings = read_settings(written(tmp_path, text), BoothSettings)
    assert settings.data == Path("/var/lib/vantay")
    assert (settings.broker.host, settings.broker.port, settings.broker.keepalive) == ("box", 8883, 60)
    assert (settings.scanner.where, settings.scanner.poll_seconds) == ("usbip://127.0.0.1:3240/1-1", 0.05)
    assert settings.plan.name == "two-index"
    assert settings.finger_wait_seconds == 60
    assert settings.comparison.already_enrolled_fingers == 3


def test_a_plan_may_be_named_as_bsi_calls_it() -> None:
    assert Plan(name="4-4-2") == Plan(name="four-four-two")


def test_the_least_age_is_14_and_may_be_6(tmp_path: Path) -> None:
    assert read_settings(written(tmp_path, GOOD), BoothSettings).subject.least_age == 14
    text = GOOD + "[subject]\nleast_age = 6\n"
    assert read_settings(written(tmp_path, text), BoothSettings).subject.least_age == 6


def test_a_day_is_a_day_where_the_booth_stands(tmp_path: Path) -> None:
    subject = read_settings(written(tmp_path, GOOD), BoothSettings).subject
    evening = datetime(2026, 1, 5, 16, 59, tzinfo=UTC)
    assert subject.day_of(evening) == date(2026, 1, 5)
    assert subject.day_of(evening + timedelta(minutes=1)) == date(2026, 1, 6)


def test_a_hub_names_its_booths(tmp_path: Path) -> None:
    path = written(tmp_path, 'data = "."\nbooths = ["b-1", "b-2"]\n')
    assert read_settings(path, HubSettings).booths == ("b-1", "b-2")


@pytest.mark.parametrize(
    "where",
    ["usb", "usb:1-1", "usb:1-1.2.3", "usbip://h:1", "usbip://h:1/1-1", "usbip://10.0.0.1:3240/1-1.4"],
)
def test_places_of_a_scanner(tmp_path: Path, where: str) -> None:
    path = written(tmp_path, f'{GOOD}[scanner]\nwhere = "{where}"\n')
    assert read_settings(path, BoothSettings).scanner.where == where


@pytest.mark.parametrize("serial", ["H-1", "{A1B2} 3", "x" * 64])
def test_serial_numbers(tmp_path: Path, serial: str) -> None:
    path = written(tmp_path, f'{GOOD}[scanner]\nserial = "{serial}"\n')
    assert read_settings(path, BoothSettings).scanner.serial == serial


MISTAKES: dict[str, tuple[str | bytes, str]] = {
    "unknown key": (
        "boot = 1\n" + GOOD,
        "unknown key 'boot'; known there: booth, data, keys, broker, scanner",
    ),
    "unknown key in a section": (
        GOOD + "[broker]\nprot = 1883\n",
        "unknown key 'broker.prot'; known there: host, port, keepalive, mqtt",
    ),
    "unknown section": (GOOD + "[brokers]\nport = 1883\n", "unknown key 'brokers'; known there: booth, data"),
    "an age below six": (GOOD + "[subject]\nleast_age = 5\n", "'subject.least_age': input should be greater"),
    "missing": ('booth = "b-1"\ndata = "data"\n', "'keys' is missing"),
    "wrong type": (
        GOOD + '[broker]\nport = "many"\n',
        "'broker.port': input should be a valid integer",
    ),
    "a list for a number": (
        GOOD + "[comparison]\nalready_enrolled_fingers = [3]\n",
        "'comparison.already_enrolled_fingers': input should be a valid",
    ),
    "a plan that is not there": (
        GOOD + '[plan]\nname = "all-toes"\n',
        "'plan.name': must be one of circular-60-2021, four-four-two, ten-flats",
    ),
    "out of range": (
        GOOD + "[broker]\nport = 0\n",
        "'broker.port': input should be greater than or equal to 1",
    ),
    "not among the choices": (
        GOOD + '[broker]\nmqtt = "4"\n',
        "'broker.mqtt': input should be 'auto', '5'",
    ),
    "a value for a section": (GOOD + "broker = 5\n", "'broker': input should be a valid dictionary"),
    "a name that is no topic": (
        GOOD.replace("b-1", "b/1"),
        "'booth' must be 1 to 31 small letters, digits or hyphens",
    ),
    "no place of a scanner": (
        GOOD + '[scanner]\nwhere = "com1"\n',
        '\'scanner.where\' must be "usb", "usb:1-1.2" or "usbip://host:port/busid"',
    ),
    "no serial number": (
        GOOD + '[scanner]\nserial = " "\n',
        "'scanner.serial' must be 1 to 64 printable characters",
    ),
    "broken TOML": ("booth = b-1\n", "booth.toml is no valid TOML: Invalid value (at line 1, column 9)"),
    "said twice": (GOOD + 'keys = "k"\n', "booth.toml is no valid TOML: Cannot overwrite a value (at line 4"),
    "no UTF-8": (b'booth = "\xff"\n', "booth.toml is no valid TOML: 'utf-8' codec can't decode byte 0xff"),
    "nested without end": ("a = " + "[" * 5000, "booth.toml is no valid TOML"),
    "empty": ("", "'booth' is missing; 'data' is missing; 'keys' is missing"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_every_mistake_is_one_sentence_that_names_the_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    text, sentence = MISTAKES[name]
    path = written(tmp_path, text)
    with pytest.raises(BadSettings) as caught:
        read_settings(path, BoothSettings)
    said = str(caught.value)
    assert sentence in said
    assert said.startswith(str(path))
    assert "\n" not in said
    assert len(said) < 400
    assert main(["booth", "--config", str(path)]) == 2
    assert capsys.readouterr().err == f"vantay: {said}\n"


@pytest.mark.parametrize("name", ["", "nowhere/booth.toml"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        BadSettings, match=rf"{tmp_path / name} cannot be read \((Is a directory|No such file)"
    ):
        read_settings(tmp_path / name, BoothSettings)


def test_a_hub_has_no_keys(tmp_path: Path) -> None:
    known = "data, database, share, packets, broker, booths"
    with pytest.raises(BadSettings, match=f"unknown key 'keys'; known there: {known}"):
        read_settings(written(tmp_path, 'data = "."\nkeys = "keys"\n'), HubSettings)


@steady(60)
@given(st.text(max_size=40) | st.binary(max_size=40))
def test_any_file_is_settings_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, text: str | bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    with pytest.raises(BadSettings) as caught:  # nothing this short has all three keys
        read_settings(path, BoothSettings)
    assert "\n" not in str(caught.value)


@pytest.mark.system
@pytest.mark.parametrize(
    "name", ["unknown key", "wrong type", "missing", "broken TOML", "no file", "no folder"]
)
def test_the_daemon_ends_with_one_line_and_exit_code_2(tmp_path: Path, name: str) -> None:
    path = tmp_path / "booth.toml"
    sentence = f"{path} cannot be read (No such file or directory)"
    if name in MISTAKES:
        text, sentence = MISTAKES[name]
        path = written(tmp_path, text)
    elif name == "no folder":
        written(tmp_path, GOOD)
        sentence = (
            f"the key {tmp_path}/keys/vault.key cannot be read (No such file or directory): make keys with"
        )
    command = [str(Path(sys.executable).parent / "vantay"), "booth", "--config", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert done.stderr.startswith("vantay: ")
    assert done.stderr.count("\n") == 1
