"""What booths say of themselves, as the hub last heard it: there or not, release, trouble, length of journal.

Only the last word of a booth counts, so only that is kept and read, and written at a bounded rate. It decides
nothing: a booth's journal is the only thing that is acknowledged.
"""

import re

from edge.hub.tables import Tables
from edge.messages import ROOT, State, Status, parse

TOPICS = (f"{ROOT}/booth/+/status", f"{ROOT}/booth/+/state")
TOPIC = re.compile(rf"{ROOT}/booth/([a-z0-9][a-z0-9-]{{0,30}})/(status|state)")
READY = ("ready", "starting")
WRITE_SECONDS = 2.0
LONGEST = 300  # characters of a trouble
MOST_BOOTHS = 5000  # of which a word is kept; a forger may invent names

STATUS = """
INSERT INTO told (booth, online, release, heard_at) VALUES (:booth, :online, :release, :heard_at)
ON CONFLICT (booth) DO UPDATE SET online = excluded.online, release = excluded.release,
    heard_at = coalesce(excluded.heard_at, told.heard_at)
"""
STATE = """
INSERT INTO told (booth, trouble, last_seq, heard_at) VALUES (:booth, :trouble, :last_seq, :heard_at)
ON CONFLICT (booth) DO UPDATE SET trouble = excluded.trouble, last_seq = excluded.last_seq,
    heard_at = coalesce(excluded.heard_at, told.heard_at)
"""


class Told:
    """The last words, until they are written."""

    def __init__(self, store: Tables) -> None:
        self._store = store
        self._last: dict[tuple[str, str], tuple[bytes, str | None]] = {}
        self._written_at = 0.0

    def take(self, booth: str, name: str, payload: bytes, heard_at: str | None) -> None:
        """Keep a word; `heard_at` is None for one that the broker had kept: nobody knows how old it is."""
        if (booth, name) in self._last or len(self._last) < MOST_BOOTHS:
            before = self._last.get((booth, name))
            self._last[booth, name] = payload, heard_at or (before[1] if before else None)

    def write(self, now: float) -> list[str]:
        """Write what was kept, at most every other second; return a sentence for each word that is none."""
        if not self._last or now - self._written_at < WRITE_SECONDS:
            return []
        wrong = []
        with self._store.transaction():
            for (booth, name), (payload, heard_at) in sorted(
                self._last.items()
            ):  # in one order: none waits for another
                try:
                    self._write(booth, name, payload, heard_at)
                except ValueError as error:  # no state, or one with text that no file can hold
                    wrong.append(f"a {name} of booth {booth} was dropped: {error}")
        self._last.clear()
        self._written_at = now
        return wrong

    def _write(self, booth: str, name: str, payload: bytes, heard_at: str | None) -> None:
        if name == "status":
            status: Status = parse(Status, payload)
            said = {"online": int(status.online), "release": status.release}
            self._store.db.execute(STATUS, {"booth": booth, "heard_at": heard_at, **said})
        else:
            state: State = parse(State, payload)
            fact = {"trouble": trouble_of(state), "last_seq": state.last_seq}
            self._store.db.execute(STATE, {"booth": booth, "heard_at": heard_at, **fact})


def trouble_of(state: State) -> str | None:
    """Say what is wrong at a booth, by its own word; None where nothing is."""
    wrong = [state.trouble, state.alarm, *(found.text for found in state.found_later), *state.notices]
    if state.scanner not in (*READY, state.trouble):
        wrong.append(f"scanner: {state.scanner}")
    if state.matcher not in READY:
        wrong.append(f"matcher: {state.matcher}")
    return "; ".join(text for text in wrong if text)[:LONGEST] or None
