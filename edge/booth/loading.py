"""How enrolled fingers are put into a matcher's gallery."""

from edge.booth import channel
from edge.vault import Label


def load_of(fingers: list[tuple[Label, bytes]]) -> tuple[channel.Load, bytes]:
    """Return what puts fingers into the matcher's gallery: search codes, empty where there is none."""
    lengths, blob = channel.joined(data for _, data in fingers)
    word = channel.Load(
        fingers=tuple(
            channel.Enrolled(
                enrolment=label.enrolment, position=label.position, subject=label.subject, length=length
            )
            for (label, _), length in zip(fingers, lengths, strict=True)
        )
    )
    return word, blob
