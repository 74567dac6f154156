"""Figures in Prometheus' text format (0.0.4): counted in memory since the start, written down when asked.

Names end in their unit (seconds, bytes), counters in `_total`; nothing is said of a person.
"""

import math
import threading
from bisect import bisect_left
from typing import Literal, NamedTuple

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)  # seconds

Labels = tuple[tuple[str, str], ...]


class Family(NamedTuple):
    """One metric with all its labels."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str


class Metrics:
    """The families of one program; any thread may count and read."""

    def __init__(self, families: tuple[Family, ...]) -> None:
        self._families = {family.name: family for family in families}
        self._lock = threading.Lock()
        self._values: dict[str, dict[Labels, float]] = {name: {} for name in self._families}
        self._buckets: dict[str, dict[Labels, list[int]]] = {}

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        with self._lock:
            values, key = self._values[name], tuple(labels.items())
            values[key] = values.get(key, 0) + amount

    def set(self, name: str, value: float, **labels: str) -> None:
        """Say what a gauge shows now."""
        with self._lock:
            self._values[name][tuple(labels.items())] = value

    def clear(self, name: str) -> None:
        """Forget a gauge with all its labels: what is not there any more must not be shown."""
        with self._lock:
            self._values[name].clear()

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Add one observation to a histogram."""
        key = tuple(labels.items())
        with self._lock:
            counts = self._buckets.setdefault(name, {}).setdefault(key, [0] * (len(BUCKETS) + 1))
            counts[bisect_left(BUCKETS, value)] += 1
            values = self._values[name]
            values[key] = values.get(key, 0) + value

    def text(self) -> bytes:
        """Return everything that has a value."""
        with self._lock:
            lines = [line for family in self._families.values() for line in self._written(family)]
        return "".join(f"{line}\n" for line in lines).encode()

    def _written(self, family: Family) -> list[str]:
        values = self._values[family.name]
        if not values:
            return []
        lines = [f"# HELP {family.name} {_escaped(family.help)}", f"# TYPE {family.name} {family.kind}"]
        for labels, value in values.items():
            if family.kind != "histogram":
                lines.append(f"{family.name}{_labels(labels)} {_number(value)}")
                continue
            sum_so_far = 0
            for most, count in zip((*BUCKETS, math.inf), self._buckets[family.name][labels], strict=True):
                sum_so_far += count
                bucket = _labels((*labels, ("le", _number(most))))
                lines.append(f"{family.name}_bucket{bucket} {sum_so_far}")
            lines.append(f"{family.name}_sum{_labels(labels)} {_number(value)}")
            lines.append(f"{family.name}_count{_labels(labels)} {sum_so_far}")
        return lines


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    said = ",".join('{}="{}"'.format(name, _escaped(value).replace('"', r"\"")) for name, value in labels)
    return f"{{{said}}}"


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if float(value).is_integer() else repr(float(value))
