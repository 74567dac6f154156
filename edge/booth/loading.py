"""How enrolled fingers are put into a matcher's gallery, and the search codes that it made into the vault."""

from collections.abc import Callable, Sequence
from typing import Any

from edge.booth import channel
from edge.errors import VantayError
from edge.store import Database
from edge.vault import Label, Vault

Keep = Callable[[Sequence[channel.Enrolled], list[bytes]], None]


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


def keep_codes(
    store: Database, vault: Vault, fingers: Sequence[channel.Enrolled], codes: list[bytes]
) -> None:
    """Keep search codes that the matcher made anew, in one transaction, for the next start."""
    with store.transaction():
        for finger, code in zip(fingers, codes, strict=True):
            vault.recode(finger.enrolment, finger.subject, finger.position, code)


def recoded(word: channel.Recoded, blob: bytes, keep: Keep, log: Any) -> None:
    """Have what the matcher made anew kept; where that fails it is made at the next start again."""
    try:
        keep(word.fingers, channel.parted((finger.length for finger in word.fingers), blob))
        log.info("search codes made anew", fingers=len(word.fingers))
    except VantayError as error:
        log.warning("search codes are not kept", reason=str(error))
