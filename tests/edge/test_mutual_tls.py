"""Who is refused by a real broker, and which broker is refused: one sentence that names the file."""

import contextlib
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge import tls
from edge.cli import main
from edge.errors import BadSettings
from edge.settings import Broker
from tests.edge.programs import Mosquitto, ear, until
from tests.edge.secured import Station

LONG_AGO = timedelta(days=400)


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return Station.found(tmp_path)


@pytest.fixture
def broker(station: Station) -> Iterator[Mosquitto]:
    broker = station.configure("station")
    with running(broker):
        yield broker


@contextlib.contextmanager
def running(broker: Mosquitto) -> Iterator[Mosquitto]:
    try:
        yield broker.start()
    finally:
        broker.kill()


def alert(context: ssl.SSLContext, port: int) -> str:
    """Connect, say nothing, and return what the broker says to that."""
    try:
        with (
            socket.create_connection(("127.0.0.1", port), 10) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as line,
        ):
            line.recv(1)
    except ssl.SSLError as error:
        return error.reason or ""
    return "nothing"


@pytest.mark.system
def test_no_certificate_is_refused(station: Station, broker: Mosquitto) -> None:
    context = ssl.create_default_context(cafile=station.certificates / "ca.crt")
    assert alert(context, broker.port) == "TLSV13_ALERT_CERTIFICATE_REQUIRED"


@pytest.mark.system
def test_tls_1_2_is_refused_and_1_3_is_not(station: Station, broker: Mosquitto) -> None:
    context = tls.context_of(station.broker(broker.port, "b-1"))
    assert context
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert alert(context, broker.port) == "TLSV1_ALERT_PROTOCOL_VERSION"
    with ear(station.broker(broker.port, "b-1")) as one:
        assert one.link._client
        assert one.link._client.socket().version() == "TLSv1.3"  # type: ignore[union-attr]


def told(broker: Broker) -> str:
    """Return the sentence of a link that is refused."""
    with ear(broker, "a", wait=False) as one:
        reason = one.down()
        assert not one.ups
    assert "\n" not in reason
    assert len(reason) < 300
    return reason


@pytest.mark.system
def test_a_revoked_certificate_is_refused_and_named(station: Station) -> None:
    station.pki.revoke("b-1", station.now())
    broker = station.configure("station")
    with running(broker):
        assert told(station.broker(broker.port, "b-1")) == (
            f"the certificate {station.certificates}/b-1.crt of 'b-1' was revoked: have a new one issued"
        )
        with ear(station.broker(broker.port, "b-2")):
            pass


@pytest.mark.system
def test_a_reload_takes_a_new_revocation_list(station: Station, broker: Mosquitto) -> None:
    with ear(station.broker(broker.port, "b-1")):
        pass
    station.pki.revoke("b-1", station.now())
    (station.certificates / "crl.pem").write_bytes((station.folder / "pki" / "crl.pem").read_bytes())
    broker.send(signal.SIGHUP)
    until(lambda: "Reloading config" in broker.said(), "the reload")
    until(lambda: "was revoked" in told(station.broker(broker.port, "b-1")), "the refusal")


@pytest.mark.system
def test_an_ended_certificate_is_refused_and_a_renewed_one_taken_up(station: Station, tmp_path: Path) -> None:
    station.issue("b-3", LONG_AGO)
    broker = station.configure("station")
    with running(broker), ear(station.broker(broker.port, "b-3"), wait=False) as one:
        sentence = f"the certificate {station.certificates}/b-3.crt of 'b-3' has ended"
        assert one.down().startswith(sentence)
        station.pki.renew("b-3", 365, station.certificates, station.now())
        one.up()  # nothing was started again


@pytest.mark.system
def test_a_certificate_of_another_authority_is_refused(station: Station, tmp_path: Path) -> None:
    other = Station.found(tmp_path / "other")
    broker = station.configure("station")
    with running(broker):
        mine = other.broker(broker.port, "b-1")
        assert "is not of the authority in" in told(mine), "nor is the broker's for them"
        mine = mine.model_copy(update={"ca": station.certificates / "ca.crt"})
        assert "is of an authority that the broker does not know" in told(mine)


@pytest.mark.system
def test_a_servers_certificate_does_not_log_in(station: Station, broker: Mosquitto) -> None:
    assert "is not one to log in with" in told(station.broker(broker.port, "server.station"))


@pytest.mark.system
def test_a_broker_without_tls_is_told(station: Station, tmp_path: Path) -> None:
    plain = Mosquitto.on_free_port(tmp_path)
    with running(plain):
        reason = told(station.broker(plain.port, "b-1"))
        assert f"127.0.0.1:{plain.port}" in reason


def exchanged(station: Station, identity: str) -> Mosquitto:
    """Return a broker that shows another certificate than its own."""
    broker = station.configure("station")
    path = station.certificates / "mosquitto.conf"
    path.write_text(path.read_text().replace("server.station.", f"{identity}."))
    return broker


@pytest.mark.system
def test_a_booth_cannot_play_the_broker(station: Station) -> None:
    broker = exchanged(station, "b-2")
    with running(broker):
        assert "is not a server's: somebody else may answer there" in told(station.broker(broker.port, "b-1"))


@pytest.mark.system
@pytest.mark.parametrize(
    ("ago", "hosts", "sentence"),
    [
        (LONG_AGO, ("127.0.0.1",), "has ended by this machine's clock"),
        (timedelta(days=-10), ("127.0.0.1",), "is not valid yet by this machine's clock"),
        (timedelta(), ("10.0.0.1", "station.example"), "is not for the name 127.0.0.1"),
    ],
)
def test_a_wrong_certificate_of_the_broker_is_named(
    station: Station, ago: timedelta, hosts: tuple[str, ...], sentence: str
) -> None:
    station.issue("server.wrong", ago, hosts)
    broker = exchanged(station, "server.wrong")
    with running(broker):
        assert sentence in told(station.broker(broker.port, "b-1"))


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "no ca": (lambda folder: (folder / "ca.crt").unlink(), "ca.crt cannot be read (No such file"),
    "no certificate": (lambda folder: (folder / "b-1.crt").unlink(), "b-1.crt cannot be read (No such file"),
    "no key": (lambda folder: (folder / "b-1.key").unlink(), "b-1.key cannot be read (No such file"),
    "open key": (lambda folder: (folder / "b-1.key").chmod(0o640), "is open to other users: chmod 600"),
    "another's key": (
        lambda folder: (folder / "b-1.key").write_bytes((folder / "b-2.key").read_bytes()),
        "is not that of the certificate",
    ),
    "nonsense": (lambda folder: (folder / "b-1.crt").write_text("x"), "are no certificate and key"),
    "no authority": (
        lambda folder: (folder / "ca.crt").write_text("x"),
        "ca.crt is no certificate of an auth",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_every_wrong_file_is_one_sentence(station: Station, name: str) -> None:
    spoil, sentence = WRONG[name]
    settings = station.broker(1, "b-1")
    assert tls.context_of(settings)
    spoil(station.certificates)
    with pytest.raises(BadSettings) as caught:
        tls.context_of(settings)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_booth_needs_its_own_certificate(station: Station) -> None:
    tls.check_booth(station.broker(1, "b-1"), "b-1")
    tls.check_booth(Broker(), "b-1")
    with pytest.raises(BadSettings, match=r"b-2\.crt is that of 'b-2', this booth is 'b-1'"):
        tls.check_booth(station.broker(1, "b-2"), "b-1")


@pytest.mark.parametrize("role", ["hub", "gallery"])
@pytest.mark.parametrize("identity", ["b-1", "technician.binh"])
def test_hub_and_gallery_need_certificates_of_their_role(
    station: Station, capsys: pytest.CaptureFixture[str], role: str, identity: str
) -> None:
    tls.check_role(station.broker(1, f"{role}.main"), role)
    tls.check_role(Broker(), role)
    gallery_keys = station.folder / "keys"
    assert main(["keys", "gallery", str(gallery_keys)]) == 0
    one = station.broker(1, identity)
    files = f'ca = "{one.ca}"\ncert = "{one.cert}"\nkey = "{one.key}"\n'
    keys = f'keys = "{gallery_keys}"\n' if role == "gallery" else ""
    config = station.folder / "of-it.toml"
    config.write_text(f'data = "{station.folder}"\n{keys}[broker]\nport = 1\n{files}')
    capsys.readouterr()
    assert main([role, "--config", str(config)]) == 2
    said = capsys.readouterr().err
    assert f"{identity}.crt is that of '{identity}', who is no {role}: " in said
    assert said.count("\n") == 1


def test_the_end_is_told_a_month_before(station: Station) -> None:
    now = datetime.now(UTC)
    broker = station.broker(1, "b-1")
    assert tls.ends_soon(broker, now) is None
    assert "renew it before" in str(tls.ends_soon(broker, now + timedelta(days=336)))
    assert tls.ends_soon(Broker(), now) is None


@pytest.mark.parametrize("given", [{"ca"}, {"cert"}, {"key"}, {"ca", "cert"}, {"cert", "key"}, {"ca", "key"}])
def test_the_three_files_belong_together(given: set[str]) -> None:
    with pytest.raises(ValueError, match=r"ca, cert and key belong together: .* not given"):
        Broker.model_validate(dict.fromkeys(given, "x"))


@pytest.mark.parametrize(
    ("secured", "words", "sentence"),
    [
        (True, [], "asks for the console's certificate: add --cert and --key"),
        (False, ["--cert", "x", "--key", "y"], "asks for no certificate"),
        (True, ["--cert", "nowhere.crt", "--key", "nowhere.key"], "nowhere.crt cannot be read"),
    ],
)
def test_a_console_shows_its_own_certificate(
    station: Station, capsys: pytest.CaptureFixture[str], secured: bool, words: list[str], sentence: str
) -> None:
    mine = station.broker(1, "b-1")
    files = f'ca = "{mine.ca}"\ncert = "{mine.cert}"\nkey = "{mine.key}"\n' if secured else ""
    config = station.folder / "booth.toml"
    config.write_text(f'booth = "b-1"\ndata = "d"\nkeys = "k"\n[broker]\n{files}')
    assert main(["enrol", "--config", str(config), *words]) == 2
    assert sentence in capsys.readouterr().err
