"""`recording.toml`: what a recording is of, how the driver was told to capture, and the picture it must give.

Plain Python: it is written on machines that have nothing but an interpreter.
"""

import json
import re
import tomllib
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from fwtools.recording.pcapng import BadRecording

NAME = "recording.toml"
HEAD = "# One USB scanner, recorded. `vantay-fw replay` captures from it again and compares the picture.\n"
ENDS = ("captured", "lifted")
T = TypeVar("T")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Capture:
    """How one capture goes: what the driver is told, and when it is over."""

    settle_frames: int = 1
    empty_first: bool = True
    until: str = "captured"  # or "lifted"


@dataclass(frozen=True, slots=True)
class Picture:
    """The image that the driver must give."""

    width: int
    height: int
    ppi: float
    sha256: str  # of its grey levels, row by row


@dataclass(frozen=True, slots=True)
class About:
    """All of `recording.toml`."""

    model: str
    usb_id: str
    firmware: str
    recorded: date
    tool: str
    source: str  # which device, on which system
    finger: str  # what lay on the platen
    capture: Capture = Capture()
    picture: Picture | None = None

    def text(self) -> str:
        """Return the file."""
        lines, tables = [], ""
        for name, value in asdict(self).items():
            if isinstance(value, dict):
                tables += f"\n[{name}]\n" + "".join(f"{key} = {_toml(one)}\n" for key, one in value.items())
            elif value is not None:
                lines.append(f"{name} = {_toml(value)}\n")
        return HEAD + "".join(lines) + tables


def read_about(folder: Path) -> About | None:
    """Read a recording's file; None where it has none; BadRecording names a wrong key."""
    path = folder / NAME
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BadRecording(f"{path} cannot be read: {error}") from error
    capture = _made(Capture, values.pop("capture", {}), path)
    if capture.until not in ENDS or not 0 <= capture.settle_frames <= 10:
        raise BadRecording(f"{path}: until is {' or '.join(ENDS)}, settle_frames 0 to 10")
    picture = _made(Picture, values.pop("picture"), path) if "picture" in values else None
    if picture is not None and not _SHA256.fullmatch(picture.sha256):
        raise BadRecording(f"{path}: sha256 is not 64 hexadecimal digits")
    return _made(About, values | {"capture": capture, "picture": picture}, path)


def _made(kind: type[T], values: Any, path: Path) -> T:
    """Make one of the classes above of a table: each key known, none missing, each of its type."""
    if not isinstance(values, dict):
        raise BadRecording(f"{path}: {kind.__name__.lower()} is not a table")
    wanted = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(values.keys() - wanted.keys())
    if unknown:
        raise BadRecording(f"{path}: '{unknown[0]}' is not known")
    for name, value in values.items():
        usual = wanted[name].type
        if usual in (str, int, float, bool, date) and type(value) is not usual:
            raise BadRecording(f"{path}: '{name}' is not a {getattr(usual, '__name__', usual)}")
    try:
        return kind(**values)
    except TypeError:
        missing = next(name for name in wanted if name not in values)
        raise BadRecording(f"{path}: '{missing}' is missing") from None


def _toml(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False).replace(
        "\x7f", "\\u007f"
    )  # TOML's strings are JSON's but for it
