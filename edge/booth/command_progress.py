"""Where accepted commands stand that go on beyond their answer: running, then succeeded or failed.

    enrol                                      until its enrolment is sealed or given up
    login, register-finger, hand-over, verify  while a finger is awaited; without one they are done at once

At most one of them runs: nobody is enrolled while such a finger is awaited, and no such finger is awaited
while somebody is enrolled. What ends it is journalled together with its end.
"""

from edge.booth.entries import ENDS, Entry
from edge.booth.view import ended_by
from edge.journal import Journal
from edge.messages import AttendantEnded, CommandProgress, JournalEntry

ENDED = "command.ended"
SHOWN = 8  # in the state


def ended(request_id: str, done: bool, reason: str) -> Entry:
    """Say how a command ended."""
    outcome = "succeeded" if done else "failed"
    return (ENDED, {"request_id": request_id, "outcome": outcome, "reason": reason})


def ended_with(finger: AttendantEnded) -> list[Entry]:
    """Say how the command ended that had asked for a finger."""
    return [ended(finger.request_id, finger.done, finger.text)] if finger.request_id else []


def progress_of(answer: JournalEntry, end: JournalEntry | None) -> CommandProgress | None:
    """Return where a command stands; None of one that was refused, or answered by an earlier release."""
    said = answer.body
    if said["outcome"] == "refused" or "runs" not in said:
        return None
    outcome = "running" if said["runs"] else "succeeded"
    facts = {"state": outcome, "reason": said["reason"], "at": answer.at}
    if end:
        facts = {"state": end.body["outcome"], "reason": end.body["reason"], "at": end.at}
    return CommandProgress.model_validate(
        {"request_id": said["request_id"], "command": said["command"], **facts}
    )


class CommandBook:
    """One booth's commands, kept up with its journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._shown: list[CommandProgress] | None = None

    def standing(self, answer: JournalEntry) -> CommandProgress | None:
        """Return where the command stands that was answered so."""
        if not answer.body.get("runs"):
            return progress_of(answer, None)
        ends = self._journal.of_kind(ENDED, answer.seq)
        own = (end for end in ends if end.body["request_id"] == answer.body["request_id"])
        return progress_of(answer, next(own, None))

    @property
    def shown(self) -> list[CommandProgress]:
        """The last ones, the newest last."""
        if self._shown is None:
            answers = reversed(self._journal.answers_that_run(SHOWN))
            self._shown = [one for one in map(self.standing, answers) if one]
        return self._shown

    @property
    def running(self) -> CommandProgress | None:
        """The one that runs."""
        last = self.shown[-1] if self.shown else None
        return last if last and last.state == "running" else None

    def ends(self, entries: list[Entry]) -> list[Entry]:
        """Return the end of `enrol`, where one of these entries ends the enrolment."""
        running = self.running
        if running is None or running.command != "enrol":
            return []
        ends = [ended_by(kind, body) for kind, body in entries if kind in ENDS]
        return [ended(running.request_id, one.outcome == "enrolled", one.text) for one in ends]

    def recorded(self, kind: str) -> None:
        """An entry was written."""
        if kind.startswith("command."):
            self._shown = None
