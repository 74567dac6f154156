"""What an enrolment asks for, as data: positions, thresholds, attempts, and what comes before sealing."""

import tomllib
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from edge.booth.entries import ATTENDANT_FINGER, SIGNABLE
from edge.booth.slap_rule import FINGERS
from edge.messages import POSITION_NAMES
from matching.quality_scale import vantay_quality_of


def _is_position(position: int) -> int:
    if position not in POSITION_NAMES and position not in FINGERS:
        raise ValueError("a position is 1 to 10, 13, 14 or 15")
    return position


PlanPosition = Annotated[int, AfterValidator(_is_position)]
Score = Annotated[int, Field(ge=0, le=100)]


def _signable(kinds: tuple[str, ...]) -> tuple[str, ...]:
    if unknown := set(kinds) - set(SIGNABLE):
        raise ValueError(f"a supervisor signs none of {', '.join(sorted(unknown))}")
    if ATTENDANT_FINGER not in kinds:
        raise ValueError(f"'{ATTENDANT_FINGER}' is missing: nobody says alone that it is their own finger")
    return kinds


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


class Capture(Part):
    """Impressions of one kind, in this order; 13, 14 and 15 are several fingers at once."""

    impression: Literal["plain", "rolled"]
    positions: Annotated[tuple[PlanPosition, ...], Field(min_length=1), AfterValidator(_once)]


class QualityByImpression(Part):
    """Thresholds of plain and of rolled impressions."""

    plain: Qualities
    rolled: Qualities | None = None


class EnrolmentPlan(Part):
    """One file of edge/booth/plans."""

    title: str
    basis: str
    purpose: Literal["enrol", "verify"] = (
        "enrol"  # verify: one of the fingers, in this order, against a record
    )
    attempts: Annotated[int, Field(ge=1, le=10)]  # then the best is kept
    confirm: bool  # one accepted finger is shown once more before sealing
    review: bool  # number and person are confirmed by the operator before sealing
    portrait: bool  # the review names the portrait's hash, or says why there is none
    supervisor: Annotated[tuple[str, ...], AfterValidator(_signable)] = SIGNABLE  # what a supervisor signs
    captures: Annotated[tuple[Capture, ...], Field(min_length=1)]
    quality: QualityByImpression

    @property
    def positions(self) -> tuple[int, ...]:
        """The plain fingers, in order; those of a slap one after another."""
        return tuple(finger for p in self._plain for finger in FINGERS.get(p, (p,)))

    @property
    def slaps(self) -> tuple[int, ...]:
        """The plain slaps, in order."""
        return tuple(p for p in self._plain if p in FINGERS)

    @property
    def _plain(self) -> tuple[int, ...]:
        plain = [capture.positions for capture in self.captures if capture.impression == "plain"]
        return tuple(p for positions in plain for p in positions)

    @property
    def rolled(self) -> tuple[int, ...]:
        """The fingers that are rolled, in order."""
        rolled = [capture.positions for capture in self.captures if capture.impression == "rolled"]
        return tuple(p for positions in rolled for p in positions)

    @property
    def impressions(self) -> int:
        """How many are taken of somebody who lacks no finger, at the least."""
        return len(self.positions) + len(self.rolled)

    @model_validator(mode="after")
    def _rolled_after_plain(self) -> "EnrolmentPlan":
        kinds = [capture.impression for capture in self.captures]
        if kinds != sorted(kinds):  # plain, rolled
            raise ValueError("plain impressions come before rolled ones, which are compared with them")
        _once(self.rolled)
        if not set(self.rolled) <= set(self.positions):
            raise ValueError("a finger is rolled only where a plain impression of it is taken, too")
        if self.rolled and self.quality.rolled is None:
            raise ValueError("'quality.rolled' is missing")
        return self

    def lacking(self, impressions: tuple[str, ...], fingers: int) -> str | None:
        """Say what a scanner cannot do that the plan asks for; `fingers`: how many it takes at once."""
        for capture in self.captures:
            if capture.impression not in impressions:
                return f"{capture.impression} impressions are asked for, and the scanner takes none"
            together = max(len(FINGERS.get(position, (position,))) for position in capture.positions)
            if together > fingers:
                return f"{together} fingers at once are asked for, and the scanner takes {fingers}"
        return None


def _folder() -> Traversable:
    return resources.files("edge.booth") / "plans"


@cache
def plan_names() -> tuple[str, ...]:
    """Return the names of the plans that come with this release."""
    return tuple(
        sorted(f.name.removesuffix(".toml") for f in _folder().iterdir() if f.name.endswith(".toml"))
    )


@cache
def enrolling_plans() -> tuple[str, ...]:
    """Return the names of the plans that a person can be enrolled by."""
    return tuple(name for name in plan_names() if plan_named(name).purpose == "enrol")


@cache
def plan_named(name: str) -> EnrolmentPlan:
    """Read a plan that is there."""
    return EnrolmentPlan.model_validate(tomllib.loads((_folder() / f"{name}.toml").read_text("utf-8")))
