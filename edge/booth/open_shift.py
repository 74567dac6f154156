"""One shift of a booth, from opening to closing, pure.

    none     --open-->               open    of the business day of that moment
    open     --its day is over-->    overdue told once
    overdue  --a while later-->      none    closed by rule, unless the clock is not set
    overdue  --another is opened-->  open    closed by rule, then the other one
    any      --close-->              none    what is left open is told; an enrolment only with a reason

The state is a fold of `evolve` over the journal, and so is what the report of a shift says: every entry
between its opening and its closing is counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from edge.booth import attendant, enrolment, handover, platen, refused_commands
from edge.booth.enrolment import Body, Entry
from edge.business_day import BusinessDays
from edge.errors import BadCommand
from edge.printable import counted

OPENED, OVERDUE, CLOSED = "shift.opened", "shift.overdue", "shift.closed"
Report = Mapping[str, Mapping[str, int]]  # section -> what -> how often
SECTIONS = ("enrolments", "attempts", "findings", "overrides", "fingers", "cards", "commands", "faults")


@dataclass(frozen=True, slots=True)
class OpenShift:
    """A shift that is open, and what happened in it so far."""

    id: str
    day: date  # the business day it belongs to
    opened_at: str
    person: str | None  # who opened it; None where nobody logs in
    overdue: bool = False
    report: Report = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LeftOpen:
    """What is not finished when a shift ends."""

    enrolment: str | None = None  # in progress
    captured: int = 0  # fingers of it
    alarm: str | None = None  # of it, not settled
    entries: int = 0  # that the hub has not acknowledged
    packets: int = 0  # that the hub does not have

    @property
    def body(self) -> Body:
        """Return what the journal keeps."""
        counts: Body = {"entries": self.entries, "packets": self.packets}
        if self.enrolment is None:
            return counts
        return {**counts, "enrolment": self.enrolment, "captured": self.captured, "alarm": self.alarm}

    @property
    def text(self) -> str:
        """Say it in words, nothing where nothing is open."""
        return left_text(self.body)


def left_text(body: Body) -> str:
    """Say in words what the journal keeps of what was left open."""
    parts = []
    if body.get("enrolment"):
        alarm = f", with an alarm that is not settled: {body['alarm']}" if body["alarm"] else ""
        parts.append(f"enrolment {body['enrolment']} with {counted(body['captured'], 'finger')} taken{alarm}")
    if body.get("packets"):
        parts.append(f"{counted(body['packets'], 'packet')} that the hub does not have yet")
    if body.get("entries"):
        entries = counted(body["entries"], "journal entry", "journal entries")
        parts.append(f"{entries} that the hub has not acknowledged")
    return "; ".join(parts)


def open_shift(
    current: OpenShift | None, shift: str, now: str, days: BusinessDays, person: str | None, left: LeftOpen
) -> list[Entry]:
    """Begin a shift; one of an earlier business day that is still open is closed by rule first."""
    day = days.of(datetime.fromisoformat(now))
    if current and day <= current.day:
        raise BadCommand(
            f"the shift that was opened {opened(current)} is open: close it before the next one begins"
        )
    before = [_closed(current, None, left, None)] if current else []
    body: Body = {"shift": shift, "day": day.isoformat(), "opened_at": now, "person": person}
    return [*before, (OPENED, body)]


def close_shift(
    current: OpenShift | None, person: str | None, left: LeftOpen, reason: str | None
) -> list[Entry]:
    """End a shift; BadCommand while somebody is being enrolled and no reason is given to leave that open."""
    if current is None:
        raise BadCommand("no shift is open: there is none to close")
    if left.enrolment and reason is None:
        raise BadCommand(
            f"this is open: {left.text}; finish the enrolment or abandon it, or send the command anew with a "
            "reason as 'left_open'",
            wants="left_open",
        )
    return [_closed(current, person, left, reason, by_rule=False)]


def by_rule(
    current: OpenShift | None,
    now: datetime,
    clock_is_set: bool,
    days: BusinessDays,
    grace: timedelta,
    left: LeftOpen,
) -> list[Entry]:
    """Tell, once, that a shift is open although its day is over; close it after a while."""
    if current is None or days.of(now) <= current.day:
        return []
    told: list[Entry] = []
    if not current.overdue:
        told.append((OVERDUE, {"shift": current.id, "day": current.day.isoformat(), "left_open": left.body}))
    if clock_is_set and now >= days.end_of(current.day) + grace:
        told.append(_closed(current, None, left, None))
    return told


def evolve(current: OpenShift | None, kind: str, body: Body) -> OpenShift | None:
    """Apply one journal entry."""
    if kind == OPENED:
        return OpenShift(body["shift"], date.fromisoformat(body["day"]), body["opened_at"], body["person"])
    if current is None or kind == CLOSED:
        return None
    if kind == OVERDUE:
        return replace(current, overdue=True)
    counted = _counted(kind, body)
    report = {section: dict(current.report.get(section, {})) for section, _, _ in counted}
    for section, what, times in counted:
        report[section][what] = report[section].get(what, 0) + times
    return replace(current, report={**current.report, **report}) if counted else current


def opened(shift: OpenShift) -> str:
    """Say when, and by whom."""
    return f"at {shift.opened_at}" + (f" by {shift.person}" if shift.person else "")


def report_text(report: Report) -> str:
    """Return a shift's counts as one line a section; nothing of what did not happen."""
    lines = [
        f"{section:11}" + ", ".join(f"{count} {what}" for what, count in sorted(report[section].items()))
        for section in SECTIONS
        if report.get(section)
    ]
    return "\n".join(lines) or "nothing happened"


def _closed(
    current: OpenShift, person: str | None, left: LeftOpen, reason: str | None, by_rule: bool = True
) -> Entry:
    body: dict[str, Any] = {
        "shift": current.id,
        "day": current.day.isoformat(),
        "person": person,
        "by_rule": by_rule,
        "left_open": left.body,
        "reason": reason,
        "report": {section: dict(counts) for section, counts in current.report.items()},
    }
    return CLOSED, body


def _counted(kind: str, body: Body) -> list[tuple[str, str, int]]:
    """Under what an entry counts, and how often."""
    match kind:
        case enrolment.STARTED:
            missing = len(body["missing"])
            begun = [("enrolments", "begun", 1), *([("fingers", "missing", missing)] if missing else [])]
            return begun + [("fingers", f"missing: {why}", 1) for why in body.get("missing_why", {}).values()]
        case enrolment.SEALED:
            return [("enrolments", str(body["outcome"]), 1)]
        case enrolment.ABANDONED:
            return [("enrolments", "abandoned", 1)]
        case enrolment.ATTEMPT | enrolment.SLAP | enrolment.CONFIRMATION:
            return [("attempts", str(body["decision"]), 1)]
        case enrolment.FINDING if body["finding"] == enrolment.OVERRIDDEN:
            return [("overrides", str(body["of"]["finding"]), 1)]
        case enrolment.FINDING:
            return [("findings", str(body["finding"]), 1)]
        case enrolment.MISSING:
            why = [("fingers", f"missing: {body['why']}", 1)] if "why" in body else []
            return [("fingers", "missing", 1), *why]
        case attendant.REGISTERED:
            return [("fingers", "registered", 1)]
        case handover.HANDED_OVER:
            return [("cards", "handed over", 1)]
        case handover.NOT_MATCHED:
            return [("cards", "not matched", 1)]
        case refused_commands.COUNTED:
            return [("commands", "refused", int(body["times"]))]
        case "command.answered" if body["outcome"] == "refused":
            return [("commands", "refused", 1)]
        case "scanner.fault":
            return [("faults", f"scanner: {body['fault']}", 1)]
        case platen.OCCUPIED:
            return [("faults", f"platen not empty: {body['what']}", 1)]
        case "worker.died":
            return [("faults", f"{body['worker']} process ended", 1)]
    return []
