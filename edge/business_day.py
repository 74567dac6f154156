"""The business day, pure: it begins at a boundary hour, so that 00:30 belongs to the evening before."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

BEGINS = time(3)  # unless a configuration says otherwise


@dataclass(frozen=True, slots=True)
class BusinessDays:
    """How a station counts days: where its calendar is, and the hour at which a day begins."""

    utc_offset_minutes: int
    begins: time = BEGINS

    @property
    def shift_seconds(self) -> int:
        """Seconds to add to UTC so that a business day is a day."""
        begins = self.begins
        return self.utc_offset_minutes * 60 - (begins.hour * 3600 + begins.minute * 60 + begins.second)

    def number(self, at: int) -> int:
        """Return the business day of a UTC time (seconds since 1970), in days since 1970."""
        return (at + self.shift_seconds) // 86400

    def of(self, moment: datetime) -> date:
        """Return the business day of a moment."""
        return (moment.astimezone(UTC) + timedelta(seconds=self.shift_seconds)).date()

    def end_of(self, day: date) -> datetime:
        """Return when a business day ends, in UTC."""
        return datetime.combine(day, time(), UTC) + timedelta(days=1, seconds=-self.shift_seconds)


VIET_NAM = BusinessDays(420)  # no summer time
