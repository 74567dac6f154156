"""A person is enrolled and reported over mutual TLS, with brokers as `vantay broker-config` has them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.cli import main
from edge.commands.demo import Bar, synthetic_people
from edge.demo.check import Checker
from edge.demo.person import Hand, Person
from edge.demo.script import read_people, write_visits
from edge.demo.stage import BOOTH, Stage
from edge.settings import Broker
from tests.edge.programs import ear, until
from tests.system.production import needed

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

CONSOLE, HUB = f"console.{BOOTH}", "hub.main"
ISSUED = (
    ("server", "station", "--san", "127.0.0.1"),
    ("server", BOOTH, "--san", "127.0.0.1"),
    ("booth", BOOTH),
    ("console", BOOTH),
    ("hub", "main"),
    ("technician", "binh"),
    ("inspector", "chi"),
)


class SecuredStage(Stage):
    """The demo's stage with an authority and mosquitto at both ends, by the commands of the README."""

    def _files(self) -> None:
        super()._files()
        self.pki, self.issued = str(self.folder / "pki"), self.folder / "issued"
        assert main(["pki", "init", self.pki, "--name", "Test"]) == 0
        for role, name, *san in ISSUED:
            assert main(["pki", "issue", self.pki, role, name, *san, "-o", str(self.issued)]) == 0

    def start_broker(self, name: str) -> None:
        port, out = self.port_of(name), self.folder / f"broker-{name}"
        out.mkdir(exist_ok=True)
        kind = ["station"]
        if name == "box":
            assert self.cable
            kind = ["box", BOOTH, "--station", f"127.0.0.1:{self.cable.port}"]
        words = ["broker-config", *kind, "--pki", self.pki, "-o", str(out), "--port", str(port)]
        assert main(words) == 0
        for path in (*self.issued.glob("server.*"), *self.issued.glob(f"{BOOTH}.*")):
            (out / path.name).write_bytes(path.read_bytes())
        configuration = out / "mosquitto.conf"
        text = configuration.read_text().replace(f"listener {port}\n", f"listener {port} 127.0.0.1\n")
        configuration.write_text(f"{text}user root\n")  # for tests of root's: it reads their files
        self.spawn(name, [needed("mosquitto", "mosquitto"), "-c", str(configuration)])
        self.wait_for_port(name, port)

    def start_bridge(self) -> None:
        """The box's mosquitto is the bridge."""

    def secured(self, port: int, identity: str) -> Broker:
        files = {"ca": "ca.crt", "cert": f"{identity}.crt", "key": f"{identity}.key"}
        return Broker(port=port, **{key: self.issued / name for key, name in files.items()})

    def box_broker(self) -> Broker:
        return self.secured(self.ports["box"], CONSOLE)

    def _configure(self) -> None:
        super()._configure()
        for name, identity in (("booth", BOOTH), ("hub", HUB)):
            path = self.folder / f"{name}.toml"
            files = f'ca = "issued/ca.crt"\ncert = "issued/{identity}.crt"\nkey = "issued/{identity}.key"\n'
            path.write_text(path.read_text().replace("[broker]\n", f"[broker]\n{files}"))


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[SecuredStage]:
    stage = SecuredStage(tmp_path, synthetic_people(Bar()), mqtt="auto")
    try:
        stage.set_up()
        yield stage
    finally:
        stage.tear_down()


def test_a_person_is_enrolled_and_reported_over_mutual_tls(stage: SecuredStage) -> None:
    visit = write_visits(read_people(stage.scans))[2]
    topics = ("vantay/#", "vantay-packet/#")
    with (
        ear(stage.secured(stage.ports["station"], "technician.binh"), *topics, name="t") as technician,
        ear(stage.secured(stage.ports["station"], "inspector.chi"), *topics, name="i") as inspector,
        ear(stage.secured(stage.ports["box"], "technician.binh"), *topics, name="b") as at_box,
    ):
        person = Person(stage.box_broker(), BOOTH, Hand(stage.control))
        person.visit(visit, lambda _: None)
        person.close()
        checker = Checker(stage.folder, stage.scans, BOOTH)
        until(checker.settled, "the hub's last acknowledgement")
        (packet,) = checker.packets().values()
        assert packet.manifest["identity_number"] == visit.identity_number
        checker.close()
        for one in (technician, inspector, at_box):
            one.wait(f"{BOOTH}/packet-ack")  # a packet has crossed both brokers
            one.listen()
            assert one.on("/journal")
            assert all(message.topic.startswith("vantay/v1/") for message in one.heard), "no packet"
            assert not any(visit.identity_number.encode() in message.payload for message in one.heard)
    assert "publish refused" not in (stage.folder / "booth.log").read_text()
    assert "publish refused" not in (stage.folder / "hub.log").read_text()
