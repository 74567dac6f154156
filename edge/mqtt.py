"""The one paho adapter: bytes in, bytes out, no decisions.

A thread of its own keeps one connection: MQTT 5 where the broker takes it, 3.1.1 where not, again after every
loss with a growing pause. Callbacks only enqueue: an exception in one would silently end paho's thread.
"""

import contextlib
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.errors import BadSettings
from edge.settings import Broker
from edge.tls import context_of, refused_by_broker, refused_by_us

SESSION_SECONDS = 3600  # how long the broker keeps commands for a client that is away
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 15.0  # seconds between two attempts to connect
LONG_LIFE = 10.0  # seconds up after which a loss counts as the first again
SHORT_LIVES = 3  # in a row that are bad luck; after more the broker may be hanging up on what it refuses
HUNG_UP_PAUSE = 2.0  # seconds at most between two attempts that both come up
HANDSHAKE_SECONDS = 2.0  # a broker that does not speak our version may simply say nothing
LOOK_SECONDS = 1.0  # how often paho's thread is looked after: an exception ends it without a word
GOODBYE_SECONDS, GOODBYE_LOOK_SECONDS = 2.0, 0.02  # longest wait for the last acknowledgements
PATIENCE = 5  # failures after which even a version that once worked is doubted
OTHER = {
    MQTTProtocolVersion.MQTTv5: MQTTProtocolVersion.MQTTv311,
    MQTTProtocolVersion.MQTTv311: MQTTProtocolVersion.MQTTv5,
}
FIRST_TRY = {
    "auto": MQTTProtocolVersion.MQTTv5,
    "5": MQTTProtocolVersion.MQTTv5,
    "3.1.1": MQTTProtocolVersion.MQTTv311,
}
INFLIGHT = 20  # unacknowledged QoS 1 messages on the wire
OUTSTANDING = 500  # handed to paho and not yet acknowledged; more are refused: the journal is the queue


@dataclass(frozen=True, slots=True)
class Received:
    """A message from the broker."""

    topic: str
    payload: bytes
    retained: bool


@dataclass(frozen=True, slots=True)
class LinkUp:
    """The broker took us and the subscriptions."""

    version: str


@dataclass(frozen=True, slots=True)
class LinkDown:
    """The connection is gone, or could not be made."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The broker refused a message. Only MQTT 5 tells; mosquitto 2.0 hangs up after it in any version."""

    topic: str
    reason: str


LinkEvent = Received | LinkUp | LinkDown | Refused


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says, retained, when this client vanishes."""

    topic: str
    payload: bytes


class Link:
    """One connection to one broker. `on_event` is called from the link's thread and must only enqueue."""

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        subscriptions: list[str],
        on_event: Callable[[LinkEvent], None],
        will: Will | None = None,
        keep_session: bool = True,  # the broker keeps what comes while we are away
        outstanding: int = OUTSTANDING,
        refused_pause: float = HUNG_UP_PAUSE,  # at most, where the broker hangs up on what it refuses
    ) -> None:
        self._broker, self._id, self._keep = broker, client_id, keep_session
        self._most, self._refused_pause = outstanding, refused_pause
        self._subscriptions, self._on_event, self._will = subscriptions, on_event, will
        self._version = FIRST_TRY[broker.mqtt]
        self._taken, self._ended = threading.Event(), threading.Event()  # of the present connection
        self._client: paho.Client | None = None  # of the present connection
        self._up = self._proven = self._was_up = False
        self._up_at = 0.0
        self._refused = False  # something, by the present connection
        self._spoke = False  # the broker answered to our CONNECT, whatever
        self._unacknowledged: dict[int, str] = {}  # message id -> topic
        self._early: dict[int, str] = {}  # acknowledged before publish() noted the id -> why refused, or ""
        self._book = threading.Lock()  # of these two; never held while paho is called
        self._context: ssl.SSLContext | None = None  # of the present connection
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"mqtt {client_id}", daemon=True)

    def start(self) -> None:
        """Begin to connect; LinkUp follows when a broker is there."""
        self._thread.start()

    def stop(self) -> None:
        """Let the broker have what it was handed, say goodbye (no will is sent) and end the thread."""
        patience = time.monotonic() + GOODBYE_SECONDS
        while self._up and self._unacknowledged and time.monotonic() < patience:
            self._ended.wait(GOODBYE_LOOK_SECONDS)
        self._stop.set()
        if client := self._client:
            with contextlib.suppress(Exception):
                client.disconnect()
        self._thread.join(timeout=5)

    @property
    def alive(self) -> bool:
        """Whether the thread lives; a dead one never comes back, the program must end."""
        return self._thread.is_alive()

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> bool:
        """Hand a message to the connection; False when there is none or too much is outstanding."""
        client = self._client
        if not client or not self._up or len(self._unacknowledged) >= self._most:
            return False
        information = client.publish(topic, payload, 1, retain)
        if information.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            return False
        with self._book:
            reason = self._early.pop(information.mid, None)
            if reason is None:
                self._unacknowledged[information.mid] = topic
        if reason:
            self._on_event(Refused(topic, reason))
        return True

    def _run(self) -> None:
        pause, failures, short = FIRST_PAUSE, 0, 0
        while not self._stop.is_set():
            client = self._client = self._make()
            with self._book:
                self._unacknowledged.clear()
                self._early.clear()
            reached = self._serve(client)
            client.on_connect = client.on_disconnect = client.on_subscribe = None  # no circle: the sockets
            client.on_message = client.on_publish = None  # of the last one are closed when the link is let go
            if self._was_up:
                failures, self._proven = 0, True
                short = 0 if time.monotonic() - self._up_at > LONG_LIFE else short + 1
                longest = self._refused_pause if self._refused else HUNG_UP_PAUSE
                pause = FIRST_PAUSE if short <= SHORT_LIVES else min(pause, longest)
            elif reached:
                failures += 1
                if self._broker.mqtt == "auto" and (not self._proven or failures % PATIENCE == 0):
                    self._version = OTHER[self._version]
            if self._stop.wait(pause * random.uniform(0.7, 1.3)):
                break
            pause = min(pause * 2, LONGEST_PAUSE)

    def _serve(self, client: paho.Client) -> bool:
        """Connect and serve until the connection is gone; tell whether a broker spoke MQTT to us at all."""
        host, port, keepalive = self._broker.host, self._broker.port, self._broker.keepalive
        try:
            self._context = context_of(self._broker)  # read again each time: certificates are renewed
            if self._context:
                client.tls_set_context(self._context)
            if self._version is MQTTProtocolVersion.MQTTv5:
                seconds = SESSION_SECONDS if self._keep else 0
                client.connect(
                    host, port, keepalive, clean_start=not self._keep, properties=_session(seconds)
                )
            else:
                client.connect(host, port, keepalive)
        except ssl.SSLError as error:
            self._on_event(LinkDown(refused_by_us(error, self._broker)))
            return False
        except BadSettings as error:
            self._on_event(LinkDown(str(error)))
            return False
        except (OSError, ValueError) as error:
            self._on_event(LinkDown(f"no broker at {host}:{port}: {error}"))
            return False
        connection = client.socket()
        if isinstance(connection, socket.socket):  # else small messages wait 40 ms for each other (Nagle)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.loop_start()  # paho's own thread: only then may another thread publish
        if self._taken.wait(HANDSHAKE_SECONDS):
            thread = client._thread  # paho says nowhere else whether its thread still lives
            while not self._ended.wait(LOOK_SECONDS) and thread and thread.is_alive():
                if self._stop.is_set():  # the goodbye came before there was a connection to say it to
                    break
        self._up = False
        with contextlib.suppress(OSError, ValueError):
            client.disconnect()
        client.loop_stop()
        if self._context and not self._spoke and not self._stop.is_set():
            reason = refused_by_broker(self._context, self._broker)
            self._on_event(LinkDown(reason or "the broker hung up without a word"))
            return reason is None
        return True

    def _make(self) -> paho.Client:
        five = self._version is MQTTProtocolVersion.MQTTv5
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._id,
            protocol=self._version,
            clean_session=None if five else not self._keep,
            reconnect_on_failure=False,
        )
        client.max_inflight_messages_set(INFLIGHT)
        if self._will:
            client.will_set(self._will.topic, self._will.payload, qos=1, retain=True)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_subscribe = self._subscribed
        client.on_message = self._received
        client.on_publish = self._published
        self._was_up = self._spoke = self._refused = False
        self._taken.clear()
        self._ended.clear()
        return client

    # paho's callbacks: enqueue, nothing else

    def _connected(
        self, client: paho.Client, _data: object, _flags: object, code: ReasonCode, _properties: object
    ) -> None:
        self._spoke = True
        if code.is_failure:
            self._on_event(LinkDown(f"the broker turned us away: {code}"))
            client.disconnect()
        elif self._subscriptions:
            client.subscribe([(topic, 1) for topic in self._subscriptions])
        else:
            self._now_up()

    def _subscribed(
        self, client: paho.Client, _data: object, _mid: int, codes: list[ReasonCode], _properties: object
    ) -> None:
        refused = [topic for topic, code in zip(self._subscriptions, codes, strict=False) if code.is_failure]
        if refused:
            topics = ", ".join(refused)
            self._on_event(LinkDown(f"the broker refused to let us read {topics}: check its access list"))
            client.disconnect()
        else:
            self._now_up()

    def _now_up(self) -> None:
        self._up = self._was_up = True
        self._up_at = time.monotonic()
        self._taken.set()
        self._on_event(LinkUp("5" if self._version is MQTTProtocolVersion.MQTTv5 else "3.1.1"))

    def _disconnected(
        self, _client: paho.Client, _data: object, _flags: object, code: ReasonCode, _properties: object
    ) -> None:
        self._up = False
        if self._spoke or not self._context:  # else the reason is asked for
            self._on_event(LinkDown(str(code)))
        self._ended.set()
        self._taken.set()

    def _received(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        self._on_event(Received(message.topic, bytes(message.payload), message.retain))

    def _published(
        self, _client: paho.Client, _data: object, mid: int, code: ReasonCode, _properties: object
    ) -> None:
        reason = str(code) if code.is_failure else ""
        self._refused |= code.is_failure
        with self._book:
            topic = self._unacknowledged.pop(mid, None)
            if topic is None:
                self._early[mid] = reason
        if topic is not None and reason:
            self._on_event(Refused(topic, reason))


def _session(seconds: int) -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = seconds
    return properties
