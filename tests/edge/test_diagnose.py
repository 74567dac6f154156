"""`vantay diagnose`: useful, and without anything of a person, wherever planted and however written."""

import base64
import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import diagnosis, harmless
from edge.cli import main
from edge.commands.diagnose import write_bundle
from edge.hub.ledger import Ledger
from edge.hub.store import HubStore
from edge.journal import Journal
from edge.people import People, Person
from edge.store import Store
from edge.vault import SAMPLE, TEMPLATE, Label, Vault
from tests.edge.parts import AT, CLOCK, NUMBER, chain, make_keys, steady, values
from tests.edge.programs import Mosquitto, ear, free_port, until
from tests.edge.secured import Station

NAME, PLAIN = "Nguyễn Thị Bích Hằng", "Nguyen Thi Bich Hang"
TEXT = "left little amputated, widow of"
LEGACY = bytes(range(7, 71))  # the bytes of a template
PIN = "48151623"


def forms(secret: bytes) -> Iterator[bytes]:
    """Yield how a secret may stand in a file: as it is, in hex, base64 at each offset, UTF-16, JSON."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + secret)
        middle = coded[4 if offset else 0 : len(coded) - 4]
        if len(middle) >= 8:  # fewer letters may come by chance
            yield from (middle, middle.translate(bytes.maketrans(b"+/", b"-_")))
    with suppress(UnicodeDecodeError):
        text = secret.decode()
        yield from (text.encode("utf-16-le"), text.encode("utf-16-be"), json.dumps(text)[1:-1].encode())


def unpacked(data: bytes, depth: int = 4) -> Iterator[bytes]:
    """Yield data and all that is packed inside."""
    yield data
    if depth == 0:
        return
    inner: list[bytes] = []
    openers: tuple[Callable[[bytes], bytes], ...] = (gzip.decompress, bz2.decompress, lzma.decompress)
    for opener in (*openers, zlib.decompress):
        with suppress(OSError, EOFError, zlib.error, lzma.LZMAError, ValueError):
            inner.append(opener(data))
    with suppress(tarfile.TarError, EOFError, OSError), tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar.getmembers():
            inner.append(f"{member.name} {member.uname} {member.gname} {member.linkname}".encode())
            if file := tar.extractfile(member):
                inner.append(file.read())
    with suppress(zipfile.BadZipFile, OSError), zipfile.ZipFile(io.BytesIO(data)) as archive:
        inner += [archive.read(name) for name in archive.namelist()]
    for one in inner:
        yield from unpacked(one, depth - 1)


def found(bundle: bytes, secrets: dict[str, bytes]) -> set[str]:
    """Return the names of the secrets that are anywhere in a bundle."""
    everything = list(unpacked(bundle))
    return {
        name
        for name, secret in secrets.items()
        if any(form in data for data in everything for form in forms(secret))
    }


def parts(path: Path) -> dict[str, Any]:
    with tarfile.open(path) as tar:
        files = {name: tar.extractfile(name) for name in tar.getnames() if name.endswith(".json")}
        return {Path(name).stem: json.loads(file.read()) for name, file in files.items() if file}


def bodies() -> list[dict[str, Any]]:
    """Every key that may be told, with what may not; and much else."""
    wrong = (
        NAME,
        PLAIN,
        NUMBER,
        PIN,
        int(PIN),
        int(NUMBER),
        LEGACY.hex(),
        base64.b64encode(LEGACY).decode(),
        {PLAIN: NAME},
    )
    keys = (*harmless.WORDS, *harmless.NUMBERS, "release", "reason", "text", "subject", NUMBER, PLAIN)
    return [{key: value} for key in keys for value in wrong] + [{"missing": {"10": TEXT}}]


@pytest.fixture
def secrets() -> dict[str, bytes]:
    return {
        "name": NAME.encode(),
        "plain name": PLAIN.encode(),
        "part of a name": b"Hang",
        "number": NUMBER.encode(),
        "number as a number": str(int(NUMBER)).encode(),
        "text": TEXT.encode(),
        "template": LEGACY[8:56],
        "pin": PIN.encode(),
    }


def log_of(folder: Path) -> None:
    lines = [json.dumps({"timestamp": AT, "event": "command", "level": "info", **body}) for body in bodies()]
    lines += [
        json.dumps({"event": NAME, "level": PLAIN, "timestamp": NUMBER, "exception": f"{NAME}\n{TEXT}"})
    ]
    lines += [
        f'  File "/home/{PLAIN}/{PLAIN}.py", line 3, in {PLAIN}',
        f"ValueError: {NAME} {NUMBER}",
        NUMBER,
    ]
    lines += [f'  File "/opt/{PLAIN}/edge/store.py", line 12, in {PLAIN}', f"    {TEXT}"]
    lines += [json.dumps({"timestamp": AT, "event": "packet", "level": "info", "seq": 7, "enrolment": PLAIN})]
    (folder / "log.jsonl").write_text("\n".join([*lines, ""]))


@pytest.fixture
def booth(tmp_path: Path, secrets: dict[str, bytes]) -> Path:
    """A booth's configuration with something planted in everything that it names."""
    home = tmp_path / PLAIN
    home.mkdir()
    keys = make_keys(home)
    for file in (home / "keys").iterdir():
        secrets[f"key {file.name}"] = file.read_bytes().strip()
    secrets["vault key"] = keys.vault
    data = home / "data"
    data.mkdir()
    store = Store(data / "booth.db")
    journal, vault = Journal(store), Vault(store, keys.vault)
    with store.transaction():
        for kind in (*sorted(harmless.KINDS), NAME, NUMBER):
            journal.append(kind, {"decision": "accepted", "person": PLAIN, "subject": NUMBER}, AT, CLOCK)
        for body in bodies():
            journal.append("enrolment.sealed", body, AT, CLOCK)
        for kind in (SAMPLE, TEMPLATE):
            vault.put(Label(f"{PLAIN}.{kind}", kind, PLAIN, NUMBER, 2), LEGACY)
        vault.put_packet(PLAIN, LEGACY)
    People(vault).add(Person("hang", "operator", "ab" * 16, PIN.encode().hex() * 4))
    secrets["person"] = b'"hang"'
    store.close()
    for name in (PLAIN, NUMBER, "vault"):
        (data / name).write_bytes(LEGACY + NAME.encode())
    log_of(home)
    config = home / "booth.toml"
    config.write_text(
        'booth = "b-1"\ndata = "data"\nkeys = "keys"\nlog_file = "log.jsonl"\n'
        f'metrics_file = "{PLAIN}.prom"\n[broker]\nport = {free_port()}\n'
        f'[scanner]\nwhere = "usbip://{PLAIN.replace(" ", "-")}:1/1-1"\n'
    )
    return config


def bundle_of(config: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    path = config.parent.parent / "bundle.tar.gz"
    assert main(["diagnose", "--config", str(config), "-o", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: 8 parts, nothing of a person in them\n"
    return path


def test_nothing_of_a_person_is_in_a_booths_bundle(
    booth: Path, secrets: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    path = bundle_of(booth, capsys)
    assert found(path.read_bytes(), secrets) == set()
    made = parts(path)
    assert made["journal"]["kinds"]["other"] == 2
    assert made["journal"]["kinds"]["attempt.made"] == 1
    assert made["journal"]["packets_waiting"] == 1
    assert made["journal"]["last_seq"] == made["journal"]["last"][-1]["seq"]
    assert made["settings"]["keys"] == {"there": True, "mode": "0o40700"}
    assert made["settings"]["scanner"]["where"] == "usbip"
    assert made["broker"]["reached"] is False
    assert made["broker"]["reason"] == "ECONNREFUSED"
    assert {"at": "edge/store.py:12"} in made["log"]["last"]
    assert made["log"]["last"][-1] == {"timestamp": AT, "event": "packet", "level": "info", "seq": 7}
    assert made["release"]["packages"]["pydantic"]
    assert all("failed" not in part for part in made.values())


def test_the_search_finds_what_is_planted_in_a_bundle(
    secrets: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    packed = zlib.compress(gzip.compress(LEGACY + b"Hang")).hex()
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner", NAME)
    naive = {
        "journal": {"name": NAME, "number": NUMBER, "text": TEXT.encode().hex()},
        "log": [base64.b64encode(b"x" + LEGACY).decode(), PLAIN, PIN, packed],
    }
    file = io.BytesIO()
    write_bundle(file, naive)
    assert found(file.getvalue(), secrets) == set(secrets)
    assert found(zlib.compress(zipped.getvalue()), secrets) == {"name"}


def test_nothing_of_a_person_is_in_a_hubs_bundle(
    tmp_path: Path, secrets: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / PLAIN
    (home / "data" / "packets" / "partial").mkdir(parents=True)
    (home / "data" / "packets" / "partial" / PLAIN).write_bytes(LEGACY)
    store = HubStore(home / "data" / "hub.db")
    ledger = Ledger(store)
    with store.transaction():
        for entry in chain(bodies(), NAME):
            ledger.take("b-1", entry, AT)
        ledger.take("b-1", chain([{"name": NAME}])[0], AT)
        ledger.take("b-1", chain([{}], seq=999)[0], AT)
        words = ("b-1", 1, PLAIN, NAME, 2000, NUMBER)
        store.db.execute("INSERT INTO told VALUES (?, ?, ?, ?, ?, ?)", words)
        store.db.execute("INSERT INTO packet VALUES (?, 'b-1', ?, 9, NULL, NULL)", (PLAIN, NUMBER))
        store.db.execute(
            "INSERT INTO campaign_event VALUES (1, ?, 1, 1, ?, ?, ?)", (NUMBER, NAME, PLAIN, TEXT)
        )
    store.close()
    log_of(home)
    (home / "hub.toml").write_text(
        'data = "data"\nbooths = ["b-1"]\nlog_file = "log.jsonl"\n'
        f'[broker]\nhost = "{PLAIN.replace(" ", "-")}.invalid"\n[campaign]\nname = "{NAME}"\n'
        f'legal_basis = ["{TEXT}"]\nstart = 2023-05-05\nunits = "{PLAIN}.csv"\n'
        f'[campaign.targets.hang]\ntitle = "{PLAIN}"\ntotal = 5\n'
    )
    path = bundle_of(home / "hub.toml", capsys)
    assert found(path.read_bytes(), secrets) == set()
    made = parts(path)
    (one,) = made["journal"]["booths"]
    assert (one["booth"], one["online"], one["heard_at"], one["trouble"]) == ("b-1", True, AT, True)
    assert made["journal"]["gaps"][0]["to_seq"] == 999
    assert made["journal"]["kinds"] == {"other": len(bodies())}
    assert (made["journal"]["alarms"], made["journal"]["packets_waiting"]) == (1, 1)
    assert made["disk"]["packets"] == {"number": 1, "bytes": len(LEGACY)}
    assert made["broker"]["host"] == "(a name)"


@steady(150)
@given(st.dictionaries(st.sampled_from([*harmless.WORDS, *harmless.NUMBERS, "release"]), values | st.text()))
def test_only_known_words_and_small_numbers_are_told(said: dict[str, Any]) -> None:
    for key, value in harmless.facts(said).items():
        assert value in harmless.WORDS.get(key, ()) or (key in harmless.NUMBERS and 0 <= float(value) < 10**6)
    line = harmless.log_line(json.dumps(said))
    assert line is not None
    assert {key: value for key, value in line.items() if key != "timestamp"} == harmless.facts(said)


@pytest.mark.parametrize("own", ["data/x.tar.gz", "keys/subject.tgz", "data/booth.tgz"])
def test_a_bundle_is_not_put_among_what_the_booth_works_with(
    booth: Path, capsys: pytest.CaptureFixture[str], own: str
) -> None:
    (booth.parent / "data" / "booth.tgz").symlink_to("booth.db")
    before = (booth.parent / "data" / "booth.db").read_bytes()
    assert main(["diagnose", "--config", str(booth), "-o", str(booth.parent / own)]) == 2
    assert "is what booth.toml works with; name another file" in capsys.readouterr().err
    assert (booth.parent / "data" / "booth.db").read_bytes() == before


def test_a_box_that_is_broken_is_told_as_far_as_it_goes(
    booth: Path, secrets: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    (booth.parent / "data" / "booth.db").write_bytes(b"no database " + NAME.encode() * 100)
    (booth.parent / "log.jsonl").unlink()
    path = booth.parent.parent / "bundle.tar.gz"
    assert main(["diagnose", "--config", str(booth), "-o", str(path)]) == 0
    assert capsys.readouterr().out.endswith("; could not be read: journal\n")
    assert parts(path)["journal"] == {"failed": "VantayError"}
    assert parts(path)["log"] == {"lines": 0, "untold": 0, "last": []}
    del secrets["vault key"], secrets["person"]
    assert found(path.read_bytes(), secrets) == set()


def test_a_broker_that_takes_us_is_named_by_its_version(mosquitto: Mosquitto) -> None:
    told = diagnosis.broker(mosquitto.broker())
    assert (told["reached"], told["taken"], told["mqtt"], told["host"]) == (True, True, "5", "127.0.0.1")


def test_a_diagnosis_leaves_the_daemons_session_and_its_commands_alone(tmp_path: Path) -> None:
    station = Station.found(tmp_path)
    broker = station.configure("box", "b-1", "--station", "127.0.0.1:9")
    command = "vantay/v1/booth/b-1/command/enrol"
    settings = station.broker(broker.port, "b-1")
    try:
        broker.start()
        with ear(settings, command) as daemon:
            assert diagnosis.broker(settings)["taken"] is True
            daemon.listen()
            assert (len(daemon.ups), daemon.downs) == (1, []), "it stays connected"
        with ear(station.broker(broker.port, "console.b-1"), name="c") as console:
            console.publish(command, b"{}")
            until(lambda: not console.link._unacknowledged, "the broker having it")
        told = diagnosis.broker(settings)
        assert (told["reached"], told["taken"], told["mqtt"]) == (True, True, None)
        with ear(settings, command) as daemon:
            assert daemon.wait(command) == b"{}"
    finally:
        broker.kill()


def test_a_certificate_that_a_broker_does_not_take_is_told_with_its_reason(tmp_path: Path) -> None:
    station, other = Station.found(tmp_path / "one"), Station.found(tmp_path / "other")
    broker = station.configure("station")
    stranger = other.broker(broker.port, "b-1").model_copy(update={"ca": station.certificates / "ca.crt"})
    try:
        broker.start()
        told = diagnosis.broker(stranger)
        assert (told["reached"], told["taken"]) == (True, False)
        assert "CA" in told["reason"]
        told = diagnosis.broker(other.broker(broker.port, "b-1"))
        assert (told["taken"], told["reason"]) == (False, "CERTIFICATE_VERIFY_FAILED")
    finally:
        broker.kill()


def test_usb_devices_are_told_by_number_only(tmp_path: Path) -> None:
    for name, vendor, product in (("1-1", "1162", "2203"), ("1-1.2", "05ac", "12a8"), ("1-0:1.0", "", "")):
        (tmp_path / name).mkdir()
        files = {"idVendor": vendor, "idProduct": product, "speed": "480", "product": f"{NAME}'s phone"}
        for file, content in files.items():
            if content and vendor:
                (tmp_path / name / file).write_text(f"{content}\n")
    devices = diagnosis.usb(tmp_path)
    assert [(one["port"], one["id"]) for one in devices] == [("1-1", "1162:2203"), ("1-1.2", "05ac:12a8")]
    assert all(set(one) == {"port", "id", "megabits", "model"} for one in devices)
    assert devices[1] == {"port": "1-1.2", "id": "05ac:12a8", "megabits": 480.0, "model": None}


def test_every_line_and_entry_of_our_own_is_known(tmp_path: Path) -> None:
    """A new log line or kind of entry must be put on the list, or it is told as nothing."""
    import re

    edge = Path(diagnosis.__file__).parent
    text = "\n".join(path.read_text() for path in edge.rglob("*.py") if "demo" not in path.parts)
    events = set(re.findall(r'_?log(?:ger)?\.(?:info|warning|error)\(\s*"([^"]+)"', text))
    assert events
    assert events <= harmless.EVENTS
    kinds = set(re.findall(r'"([a-z]+\.[a-z]+)", \{', text))
    assert {"booth.started", "worker.died"} <= kinds
    assert kinds <= harmless.KINDS


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--config", "no.toml", "-o", "x.tar.gz"), "no.toml cannot be read"),
        (("--config", "no.toml", "-o", "x.zip"), "x.zip: the bundle is a .tar.gz: name it so"),
    ],
)
def test_one_sentence_for_a_mistake(
    words: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diagnose", *words]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
