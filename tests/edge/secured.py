"""A station's authority with everybody's certificates, and brokers configured by the real command."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edge.cli import main
from edge.pki.folder import PkiFolder
from edge.pki.names import SERVER, role_of
from edge.settings import Broker
from tests.edge.programs import Mosquitto, free_port, needed

HOSTS = ("127.0.0.1", "localhost")
EVERYBODY = (
    "b-1",
    "b-2",
    "hub.main",
    "gallery.main",
    "console.b-1",
    "console.b-2",
    "technician.binh",
    "inspector.chi",
)
SERVERS = ("server.station", "server.b-1")


@dataclass
class Station:
    """Certificates in one folder: an authority in `pki`, what it issued in `certificates`."""

    folder: Path

    @classmethod
    def found(cls, folder: Path) -> "Station":
        station = cls(folder)
        PkiFolder.make(folder / "pki", "Test", 3650, station.now())
        for identity in (*EVERYBODY, *SERVERS):
            station.issue(identity)
        return station

    @staticmethod
    def now() -> datetime:
        return datetime.now(UTC).replace(microsecond=0)

    @property
    def pki(self) -> PkiFolder:
        return PkiFolder(self.folder / "pki")

    @property
    def certificates(self) -> Path:
        return self.folder / "certificates"

    def issue(self, identity: str, ago: timedelta = timedelta(), hosts: tuple[str, ...] = HOSTS) -> None:
        """Issue a certificate for a year, as it was done some time ago."""
        role = role_of(identity)
        name = identity.removeprefix(f"{role}.")
        names = hosts if role == SERVER else ()
        self.pki.issue(role, name, names, 365, self.certificates, self.now() - ago)

    def configure(self, kind: str, *words: str) -> Mosquitto:
        """Return the broker that `vantay broker-config` configures; not started yet."""
        port = free_port()
        pki = str(self.folder / "pki")
        out = str(self.certificates)
        where = ["--pki", pki, "-o", out, "--port", str(port)]
        assert main(["broker-config", kind, *words, *where]) == 0
        program = needed("mosquitto", "mosquitto")
        log = self.folder / f"mosquitto-{port}.log"
        configuration = self.certificates / "mosquitto.conf"
        if " " not in configuration.read_text().split("listener ", 1)[1].splitlines()[0]:
            text = configuration.read_text().replace(f"listener {port}", f"listener {port} 127.0.0.1")
            configuration.write_text(text)  # tests listen on loopback only
        with configuration.open("a") as file:
            file.write("user root\n")  # where the tests are root's, mosquitto still reads their keys
        return Mosquitto([program, "-c", str(configuration)], log, port=port)

    def broker(self, port: int, identity: str) -> Broker:
        """Return the settings of whoever has a certificate."""
        mine = self.certificates / identity
        return Broker(
            port=port,
            keepalive=5,
            ca=self.certificates / "ca.crt",
            cert=mine.with_name(f"{identity}.crt"),
            key=mine.with_name(f"{identity}.key"),
        )
