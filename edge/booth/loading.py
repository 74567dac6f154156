"""How enrolled fingers are put into a matcher's gallery, and the search codes that it made into the vault."""

from collections.abc import Sequence

from edge.booth import channel
from edge.vault import Label, Vault


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


def keep_codes(vault: Vault, fingers: Sequence[channel.Enrolled], codes: list[bytes]) -> None:
    """Keep what the matcher made anew for the next start; call it inside a transaction."""
    for finger, code in zip(fingers, codes, strict=True):
        vault.recode(finger.enrolment, finger.subject, finger.position, code)
