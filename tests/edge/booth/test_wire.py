"""A booth's topics, and what each incoming one carries."""

from edge import messages
from edge.booth.wire import FROM_HUB, BoothWire

WIRE = BoothWire("b-1")
BELOW = "vantay/v1/booth/b-1/"


def test_every_topic_lies_below_the_booth() -> None:
    assert {WIRE.status, WIRE.state, WIRE.journal, WIRE.reply} == {BELOW + name for name in messages.OUTBOUND}
    inbound = [BELOW + name for name in messages.INBOUND]
    assert WIRE.subscriptions() == [*inbound, "vantay/v1/hub/status", "vantay/v1/gallery/status"]
    assert WIRE.packet("ab", 7) == "vantay-packet/v1/booth/b-1/ab/7"


def test_an_incoming_topic_is_named_by_what_it_is() -> None:
    assert WIRE.name_of(f"{BELOW}command/enrol") == "command/enrol"
    assert WIRE.name_of(f"{BELOW}ack") == "ack"
    assert WIRE.name_of("vantay/v1/booth/other/ack") not in FROM_HUB


def test_every_word_of_the_hub_has_a_type() -> None:
    assert {*FROM_HUB, "command/+"} == set(messages.INBOUND)


def test_what_goes_out_does_not_come_in() -> None:
    assert not {WIRE.status, WIRE.state, WIRE.journal, WIRE.reply} & set(WIRE.subscriptions())
    assert not any(topic.endswith("#") for topic in WIRE.subscriptions())
