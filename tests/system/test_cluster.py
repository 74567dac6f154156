"""Three real nats-server that stations and hub are bridged to: nodes killed, who may say and hear what."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.messages import CHANNELS
from edge.settings import Broker
from edge.tls import context_of
from tests.edge.programs import ear, until
from tests.edge.test_broker_access import topic_of
from tests.system.cluster import AWAY_SECONDS, NODES, Cluster, run

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

BOOTHS = ["b-1", "b-2"]
TOPICS = [topic_of(channel, "b-1") for channel in CHANNELS]
KEEPALIVE = 5  # seconds


def test_nodes_are_killed_under_load_and_nothing_is_lost(tmp_path: Path) -> None:
    result = run(tmp_path, kills=3, entries=1500, booths=4)
    assert result.wrong == []
    assert (result.lost, result.doubled) == (0, 0)
    assert result.entries >= 1500
    assert len(result.pauses) == 3
    assert max(result.pauses) > AWAY_SECONDS[0], "a killed node was noticed"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three nodes, and one station's broker."""
    with Cluster(tmp_path_factory.mktemp("cluster"), BOOTHS).nodes_running() as cluster:
        cluster.start_broker("station", "north")
        yield cluster


def at(cluster: Cluster, identity: str, node: str = NODES[0]) -> Broker:
    return cluster.node_broker(node, identity).model_copy(update={"mqtt": "3.1.1"})


def test_at_a_node_a_bridge_says_and_hears_what_it_carries(cluster: Cluster) -> None:
    """What it may not say reaches nobody, also where the other end may hear it."""
    hub, station = at(cluster, "hub.first"), at(cluster, "station.south", NODES[1])
    topics = [f"vantay/v1/booth/+/{name}" for name in ("journal", "ack")]
    with (
        ear(hub, topics[0], "vantay-packet/v1/booth/+/+/+", name="hub.first") as centre,
        ear(station, topics[1], "vantay/v1/hub/status", name="station.south") as south,
    ):
        for one, word in ((centre, b"hub"), (south, b"station")):
            for topic in TOPICS:
                one.publish(topic, word)
        centre.wait(f"{'0' * 64}/0", lambda payload: payload == b"station")
        south.wait("hub/status", lambda payload: payload == b"hub")
        assert {(m.topic, m.payload) for m in centre.heard} == {
            ("vantay/v1/booth/b-1/journal", b"station"),
            (f"vantay-packet/v1/booth/b-1/{'0' * 64}/0", b"station"),
        }
        assert {(m.topic, m.payload) for m in south.heard} == {
            ("vantay/v1/booth/b-1/ack", b"hub"),
            ("vantay/v1/hub/status", b"hub"),
        }


@pytest.mark.parametrize(
    "topic",
    ["#", "+/+/#", "$MQTT/#", "$MQTT/sub/#", "$MQTT/sub/+", "$JS/API/#", "$SYS/#", "vantay-packet/v1/#"],
)
def test_nobody_reads_what_is_anothers(cluster: Cluster, topic: str) -> None:
    """Deliveries to others are on subjects of NATS's own, which the list has to allow each client."""
    with ear(at(cluster, "station.south"), topic, name="station.south", wait=False) as one:
        one.down()
        assert one.downs[0] == f"the broker refused to let us read {topic}: check its access list"
        assert one.ups == []


@pytest.mark.parametrize("identity", ["b-1", "technician.binh", "node.one"])
def test_whoever_has_no_business_at_a_node_is_turned_away(cluster: Cluster, identity: str) -> None:
    assert context_of(at(cluster, identity)), "with a certificate of the same authority"
    with ear(at(cluster, identity), name="stranger", wait=False) as one:
        one.down()
        assert one.ups == []


def test_what_is_retained_is_right_at_each_node(cluster: Cluster) -> None:
    topic, north = "vantay/v1/hub/status", cluster.people.broker(cluster.brokers["north"].port, "b-2")
    with ear(at(cluster, "hub.first"), name="hub.first") as hub, ear(north, topic, name="b-2") as booth:
        for word in (b"first", b"second"):
            hub.publish(topic, word, retain=True)
            booth.wait(topic, lambda payload, word=word: payload == word)
    for node in NODES:
        with ear(at(cluster, "station.south", node), topic, name=f"late at {node}") as late:
            late.wait(topic, lambda payload: payload == b"second")
            assert [(message.payload, message.retained) for message in late.heard] == [(b"second", True)]


@pytest.mark.parametrize("kind", ["station", "hub"])
def test_a_bridge_that_was_away_hears_again(cluster: Cluster, kind: str) -> None:
    if kind == "station":
        name, speaker, listener, topic = "north", "hub.first", "b-1", "vantay/v1/booth/b-1/ack"
    else:
        name, speaker, listener, topic = (
            "centre",
            "station.south",
            "hub.second",
            "vantay/v1/booth/b-1/journal",
        )
    broker = cluster.brokers.get(name) or cluster.start_broker(kind, name)
    near = cluster.people.broker(broker.port, listener)
    with ear(at(cluster, speaker, NODES[2]), name=speaker) as far:

        def crosses(word: bytes) -> list[bytes]:
            with ear(near, topic, name=listener) as one:

                def heard() -> bool:
                    far.publish(topic, word)
                    return word in one.on(topic)

                until(heard, f"{word!r} at {listener}")
                return one.on(topic)

        crosses(b"before")
        broker.kill()
        for n in range(100):
            far.publish(topic, b"%d" % n)
        time.sleep(2 * KEEPALIVE)  # the node has noticed
        broker.start()
        meanwhile = [word for word in crosses(b"after") if word.isdigit()]
        assert kind == "station" or not meanwhile, "the hub is not given what is old"


def test_after_the_end_of_all_nodes_bridges_hear_again(cluster: Cluster) -> None:
    """Also what their memory held is gone then."""
    centre = cluster.brokers.get("centre") or cluster.start_broker("hub", "centre")
    for node in cluster.nodes.values():
        node.kill()
    for node in cluster.nodes.values():
        node.start()
    until(lambda: all(node.healthy() for node in cluster.nodes.values()), "healthy nodes")
    outward, inward = "vantay/v1/booth/b-1/journal", "vantay/v1/booth/b-1/ack"
    hub = cluster.people.broker(centre.port, "hub.second")
    with (
        ear(hub, outward, name="hub.second") as far,
        ear(cluster.broker_of("b-1"), inward, name="b-1") as near,
    ):

        def crossed() -> bool:
            near.publish(outward, b"out")
            far.publish(inward, b"in")
            time.sleep(0.2)
            return bool(far.on(outward) and near.on(inward))

        until(crossed, "both ways", 120)
