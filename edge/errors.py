"""Errors that end as one clear sentence: on standard error with a non-zero exit code, or as a refusal."""

from typing import Any


class VantayError(Exception):
    """Its text is the whole message: what is wrong and what to do."""


class BadSettings(VantayError):
    """A configuration file, a key or a folder it names is wrong."""


class StoreBusy(VantayError):
    """Another program writes to the same file for too long: nothing was changed, try again."""


class BadCommand(VantayError):
    """A command was refused; nothing was changed. `wants`: the key it would be accepted with."""

    def __init__(self, text: str, wants: str | None = None) -> None:
        super().__init__(text)
        self.wants = wants


class NotedRefusal(BadCommand):
    """A refusal that the journal keeps more of than the answer: `entries` are kind and body."""

    def __init__(
        self, text: str, entries: list[tuple[str, dict[str, Any]]], wants: str | None = None
    ) -> None:
        super().__init__(text, wants)
        self.entries = entries


class IllegalTransition(Exception):
    """Our own bug: an event that the state does not allow; the state is unchanged."""
