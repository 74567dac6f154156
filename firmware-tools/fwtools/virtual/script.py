"""A script of virtual scanners in TOML: which finger, when, how long it lies, which fault."""

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from fwtools.errors import ToolError
from fwtools.virtual.faults import MOST_SECONDS, Fault, sentence
from fwtools.virtual.models import MODELS

MOST_SCANNERS = 32


def _known(model: str) -> str:
    if model not in MODELS:
        raise ValueError(f"must be one of {', '.join(MODELS)}")
    return model


def tellable(serial: str) -> str:
    """A serial number that every model can tell; ValueError for another."""
    if not 0 < len(serial) <= 15 or not serial.isascii() or not serial.isprintable():
        raise ValueError("must be at most 15 printable ASCII characters, and not empty")
    return serial


Seconds = Annotated[float, Field(ge=0, le=MOST_SECONDS)]


class Section(BaseModel):
    """A frozen part of the script; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Finger(Section):
    """One presentation, or one for each image of a folder; without an image only the fault."""

    image: str | None = None  # a file, or a folder: its images one after another; from the scanner's folder
    after: Seconds = 1.0  # the one before was lifted, or the first client came
    lies: Seconds = 2.0
    artefact: Annotated[int, Field(ge=0, le=100)] | None = None  # what the model's attack detection says
    fault: Fault | None = None  # waits for its transfer from when the finger is put

    @model_validator(mode="after")
    def _something(self) -> "Finger":
        if self.image is None and self.fault is None:
            raise ValueError("'image' is missing, or a 'fault'")
        return self


class ScannerScript(Section):
    """One virtual scanner and what happens to it."""

    model: Annotated[str, AfterValidator(_known)]
    serial: Annotated[str, AfterValidator(tellable)] | None = None
    seed: int = Field(default=1, ge=0)
    images: str | None = None  # a folder, from the script's; without it that of --scans
    loop: bool = False  # begin again after the last finger
    finger: tuple[Finger, ...] = Field(default=(), strict=False)


class Script(Section):
    """The whole file."""

    scanner: Annotated[tuple[ScannerScript, ...], Field(min_length=1, max_length=MOST_SCANNERS, strict=False)]


def read_script(path: Path) -> Script:
    """Read a script; ToolError with one sentence that names the key."""
    try:
        return Script.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise ToolError(f"the script {path} cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ToolError(f"{path} is no TOML: {error}") from error
    except ValidationError as error:
        raise ToolError(f"{path}: {sentence(error)}") from None
