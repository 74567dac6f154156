"""What is counted by unit, by name: what a target may be held against."""

import re

from edge.campaign.events import ACCOUNTS, CAUSES, CHAIN, OPERATOR, PLACES

AGES = ((14, "14-17"), (18, "18-24"), (25, "25-39"), (40, "40-59"), (60, "60+"))  # from the lower end on
UNKNOWN = "unknown"
WHOLE = (*CHAIN, "account", *ACCOUNTS, "cleaned", *OPERATOR)
PARTS = {
    "place": (*PLACES, UNKNOWN),
    "age": ("below-14", *(name for _, name in AGES), UNKNOWN),
    "fault": CAUSES,
    "minutes": CAUSES,
}
_ISSUE = re.compile(r"collected/[a-z0-9][a-z0-9-]{0,30}")


def check_measure(measure: str) -> str:
    """Return a measure; ValueError names the known ones where it is none of them."""
    group, _, part = measure.partition("/")
    if measure in WHOLE or part in PARTS.get(group, ()) or _ISSUE.fullmatch(measure):
        return measure
    parts = "; ".join(f"{group}/ and one of {', '.join(names)}" for group, names in PARTS.items())
    raise ValueError(
        f"nothing is counted as {measure!r}: a measure is one of {', '.join(WHOLE)}; collected/ISSUE; {parts}"
    )
