"""The topics of one booth, and how an incoming message becomes a typed value."""

from dataclasses import dataclass

from edge import messages
from edge.messages import Acknowledgement, GalleryAnswer, PacketAcknowledgement, PacketWanted, Resend

FROM_HUB: dict[str, type[messages.Report]] = {
    "ack": Acknowledgement,
    "resend": Resend,
    "packet-wanted": PacketWanted,
    "packet-ack": PacketAcknowledgement,
    "gallery-answer": GalleryAnswer,
}


@dataclass(frozen=True)
class BoothWire:
    """The topics of one booth."""

    booth: str

    @property
    def status(self) -> str:
        """Retained: online or not."""
        return messages.booth_topic(self.booth, "status")

    @property
    def state(self) -> str:
        """Retained: what the booth does now."""
        return messages.booth_topic(self.booth, "state")

    @property
    def journal(self) -> str:
        """Every entry, in order."""
        return messages.booth_topic(self.booth, "journal")

    @property
    def reply(self) -> str:
        """The one answer to each command."""
        return messages.booth_topic(self.booth, "reply")

    def packet(self, packet: str, offset: int) -> str:
        """Bytes of a sealed packet."""
        return messages.packet_topic(self.booth, packet, offset)

    def subscriptions(self) -> list[str]:
        """Return what the daemon listens to."""
        mine = [messages.booth_topic(self.booth, name) for name in messages.INBOUND]
        return [*mine, messages.HUB_STATUS_TOPIC, messages.GALLERY_STATUS_TOPIC]

    def name_of(self, topic: str) -> str:
        """Return the part of an incoming topic that says what it is: "ack", "command/enrol"."""
        return topic.removeprefix(messages.booth_topic(self.booth, ""))
