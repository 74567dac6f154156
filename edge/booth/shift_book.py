"""The shift that is open at a booth, kept up with its journal: what happened in it, what is due by rule."""

import secrets
from datetime import datetime, timedelta

from edge.booth import open_shift as core
from edge.booth.enrolment import Enrolment, Entry
from edge.booth.open_shift import LeftOpen, OpenShift
from edge.booth.reporter import CURSOR
from edge.business_day import BusinessDays
from edge.errors import BadCommand
from edge.journal import Journal
from edge.messages import ShiftShown
from edge.settings import BoothSettings


class ShiftBook:
    """One booth's shifts. Ask it outside of transactions: it reads what is committed."""

    def __init__(self, settings: BoothSettings, journal: Journal) -> None:
        self._rules, self._journal = settings.shift, journal
        self._days = BusinessDays(settings.subject.utc_offset_minutes, settings.shift.day_begins)
        self._grace = timedelta(minutes=settings.shift.grace_minutes)
        self._current: OpenShift | None = None
        opened, closed = journal.last_of(core.OPENED), journal.last_of(core.CLOSED)
        self._read_to = opened - 1 if opened > closed else journal.tail()[0]

    @property
    def current(self) -> OpenShift | None:
        """The shift that is open."""
        if self._journal.tail()[0] > self._read_to:
            for entry in self._journal.read(self._read_to):
                self._current, self._read_to = (
                    core.evolve(self._current, entry.kind, entry.body),
                    entry.seq,
                )
        return self._current

    @property
    def wanted(self) -> bool:
        """Whether a shift is to be opened before somebody can be enrolled."""
        return self._rules.required and self.current is None

    @property
    def shown(self) -> ShiftShown | None:
        """What the state says of it."""
        if (shift := self.current) is None:
            return None
        day = shift.day.isoformat()
        return ShiftShown(
            shift=shift.id, day=day, opened_at=shift.opened_at, person=shift.person, overdue=shift.overdue
        )

    def require(self) -> None:
        """BadCommand where the configuration asks for a shift and none is open."""
        if self.wanted:
            raise BadCommand("no shift is open: open one first", wants="open-shift")

    def open(self, at: str, person: str | None, enrolment: Enrolment | None) -> list[Entry]:
        """Return the entries that open one."""
        left = self._left(enrolment)
        return core.open_shift(self.current, secrets.token_hex(8), at, self._days, person, left)

    def close(
        self, person: str | None, enrolment: Enrolment | None, reason: str | None
    ) -> tuple[list[Entry], str]:
        """Return the entries that close it, and what is to be told."""
        left = self._left(enrolment)
        entries = core.close_shift(self.current, person, left, reason)
        return entries, "the shift is closed" + (f"; open is: {left.text}" if left.text else "")

    def by_rule(self, now: datetime, clock_is_set: bool, enrolment: Enrolment | None) -> list[Entry]:
        """Return what is to be recorded of a shift whose business day is over."""
        if (current := self.current) is None or self._days.of(now) <= current.day:
            return []
        left = self._left(enrolment)
        return core.by_rule(current, now, clock_is_set, self._days, self._grace, left)

    def _left(self, enrolment: Enrolment | None) -> LeftOpen:
        store = self._journal.store
        entries = max(0, self._journal.tail()[0] - store.cursor_at(CURSOR))
        packets = int(store.db.execute("SELECT count(*) FROM packet_waiting").fetchone()[0])
        if enrolment is None:
            return LeftOpen(entries=entries, packets=packets)
        return LeftOpen(enrolment.id, len(enrolment.accepted), enrolment.alarm, entries, packets)
