"""What an enrolment asks for, as data: positions, thresholds, attempts, and what comes before sealing."""

import tomllib
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from edge.messages import POSITION_NAMES, Position
from matching.quality_scale import vantay_quality_of

Score = Annotated[int, Field(ge=0, le=100)]


def _once(positions: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(positions)) != len(positions):
        raise ValueError("a position stands twice")
    return positions


class Part(BaseModel):
    """A frozen part of a plan; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Qualities(Part):
    """At which quality an attempt is accepted at once, by finger, on the scale that it was published in."""

    scale: Literal["NFIQ 2", "Vantay"]
    thumb: Score
    index: Score
    middle: Score
    ring: Score
    little: Score

    def of(self, position: int) -> int:
        """Return the threshold of a position 1..10 as Vantay quality."""
        published = int(getattr(self, POSITION_NAMES[position].split()[1]))
        return vantay_quality_of(published) if self.scale == "NFIQ 2" else published


class EnrolmentPlan(Part):
    """One file of edge/booth/plans."""

    title: str
    basis: str
    impression: Literal["plain"]
    positions: Annotated[tuple[Position, ...], Field(min_length=1), AfterValidator(_once)]  # in this order
    attempts: Annotated[int, Field(ge=1, le=10)]  # then the best is kept
    confirm: bool  # one accepted finger is shown once more before sealing
    review: bool  # number and person are confirmed by the operator before sealing
    portrait: bool  # the review names the portrait's hash, or says why there is none
    quality: Qualities


def _folder() -> Traversable:
    return resources.files("edge.booth") / "plans"


@cache
def plan_names() -> tuple[str, ...]:
    """Return the names of the plans that come with this release."""
    return tuple(
        sorted(f.name.removesuffix(".toml") for f in _folder().iterdir() if f.name.endswith(".toml"))
    )


@cache
def plan_named(name: str) -> EnrolmentPlan:
    """Read a plan that is there."""
    return EnrolmentPlan.model_validate(tomllib.loads((_folder() / f"{name}.toml").read_text("utf-8")))
