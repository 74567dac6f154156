"""Faults of the wire that wait for their transfer, and which one strikes. Pure: no socket, no clock."""

from collections import Counter
from random import Random
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fwtools.errors import ToolError

Kind = Literal["stall", "short", "garbage", "slow", "die", "unplug"]
Way = Literal["control", "bulk", "interrupt"]
TRANSFERS: tuple[Kind, ...] = ("stall", "short", "garbage", "slow")  # strike a transfer
CUTS: tuple[Kind, ...] = ("die", "unplug")  # end the connection
LATE_SECONDS, MOST_SECONDS = 0.5, 3600.0
_BELONGS: dict[str, tuple[Kind, ...]] = {
    "on": TRANSFERS,
    "skip": TRANSFERS,
    "times": TRANSFERS,
    "seconds": ("slow", "unplug"),
    "bytes": CUTS,
}
WANTED = {  # by how the validator calls it
    "bool": "must be true or false",
    "int": "must be a whole number",
    "float": "must be a number",
    "finite": "must be a finite number",
    "string": "must be text in quotes",
    "list": "must be a list",
    "tuple": "must be a list",
    "model": "must be a table",
    "dict": "must be a table",
}
_Count = Annotated[int, Field(ge=1, le=1_000_000)]


class Fault(BaseModel):
    """One fault: an order, or the table `fault` of a script."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Kind
    on: Literal["any", "control", "bulk", "interrupt"] = "any"
    skip: int = Field(default=0, ge=0, le=1_000_000)  # transfers that pass before
    times: _Count = 1  # transfers that are struck
    seconds: float | None = Field(
        default=None, ge=0, le=MOST_SECONDS
    )  # slow: late by; unplug: until it is back
    bytes: int = Field(default=0, ge=0, le=1 << 31)  # die, unplug: that still go out

    @model_validator(mode="after")
    def _belongs(self) -> "Fault":
        for name in self.model_fields_set - {"kind"}:
            if self.kind not in _BELONGS[name]:
                raise ValueError(f"'{name}' does not belong to the fault {self.kind}")
        return self


def read_fault(table: dict[str, Any]) -> Fault:
    """Read an order; ToolError with one sentence that names the key."""
    try:
        return Fault.model_validate(table)
    except ValidationError as error:
        raise ToolError(sentence(error)) from None


def sentence(error: ValidationError) -> str:
    """The first thing that is wrong, with its key; list positions are counted from 1."""
    first = error.errors()[0]
    key = " ".join(f"{part + 1}," if isinstance(part, int) else str(part) for part in first["loc"])
    match first["type"]:
        case "extra_forbidden":
            return f"'{key}' is unknown"
        case "missing":
            return f"'{key}' is missing"
    text = _words(first["type"], first.get("ctx", {})) or first["msg"].removeprefix("Value error, ")
    return f"'{key}': {text[0].lower()}{text[1:]}" if key else text


def _words(kind: str, of: dict[str, Any]) -> str:
    """What is wanted, in a script's own words; nothing for what has none."""
    match kind:
        case "greater_than_equal":
            return f"must be at least {of['ge']:g}"
        case "less_than_equal":
            return f"must be at most {of['le']:g}"
        case "too_short" | "too_long":
            bound = "at least" if kind == "too_short" else "at most"
            return f"must have {bound} {of['min_length' if kind == 'too_short' else 'max_length']} entries"
        case "literal_error":
            return f"must be {of['expected']}"
    return next((text for start, text in WANTED.items() if kind.startswith(start)), "")


class Faults:
    """The faults ordered for one scanner, each struck in its turn and then gone."""

    def __init__(self, seed: int) -> None:
        self.struck: Counter[str] = Counter()  # transfers and connections, by kind
        self._random = Random(seed)
        self._waiting: list[_Waiting] = []

    @property
    def waiting(self) -> int:
        """How many have not struck as often as they were to."""
        return len(self._waiting)

    def add(self, fault: Fault) -> None:
        """Let it wait for its transfer."""
        self._waiting.append(_Waiting(fault))

    def clear(self) -> None:
        """Forget those that wait."""
        self._waiting.clear()

    def strike(self, way: Way, incoming: bool, size: int) -> Fault | None:
        """Return what strikes this transfer of so many bytes, if anything does."""
        for waiting in list(self._waiting):
            if not waiting.fits(way, incoming, size):
                continue
            if waiting.skip:
                waiting.skip -= 1
                continue
            waiting.times -= 1
            if not waiting.times:
                self._waiting.remove(waiting)
            self.struck[waiting.fault.kind] += 1
            return waiting.fault
        return None

    def allowance(self, size: int) -> tuple[int, Fault | None]:
        """How many of so many bytes may still go out, and the fault that ends the connection then."""
        for waiting in list(self._waiting):
            if waiting.fault.kind not in CUTS:
                continue
            if size < waiting.bytes:
                waiting.bytes -= size
                return size, None
            self._waiting.remove(waiting)
            self.struck[waiting.fault.kind] += 1
            return waiting.bytes, waiting.fault
        return size, None

    def fewer(self, size: int) -> int:
        """A number of bytes below `size`, for a short transfer."""
        return self._random.randrange(size)

    def garbage(self, size: int) -> bytes:
        """So many random bytes."""
        return self._random.randbytes(size)


class _Waiting:
    def __init__(self, fault: Fault) -> None:
        self.fault, self.skip, self.times, self.bytes = fault, fault.skip, fault.times, fault.bytes

    def fits(self, way: Way, incoming: bool, size: int) -> bool:
        kind = self.fault.kind
        if kind in CUTS or self.fault.on not in ("any", way):
            return False
        if kind == "garbage" and not incoming:
            return False
        return size > 0 or kind not in ("short", "garbage")
