"""Rolls against plain impressions, judged as the booth judges them (`rolled_judging`), without its processes.

A roll goes from nail to nail, and the day's people are grown without their fingers' sides: so these are
people of their own, of the same seed. Two neighbouring fingers of each are laid down flat, some with a fault
as in `people.py`, and really rolled, without one: picture by picture, put together by `matching.rolled`. The
fingers are asked for in order. Each person comes honestly, then rolls the other finger, once for the first
and once for the second, until the booth says so; then somebody else rolls one instead, the same roll each
time it is asked for.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.judging import PATIENCE, SIDE, Impression, examined
from benchmarks.people import POSITIONS, Finger, fault_of
from benchmarks.visits import HAND, HONEST, ROLLED, ROLLED_STRANGER, Fingers, Seen, Visit
from edge.booth import channel, second_look
from edge.booth import enrolment as core
from edge.booth.enrolment import Enrolment, SampleJudged
from edge.booth.matcher_worker import same_fingers
from edge.booth.plan import plan_named
from edge.booth.rolled_judging import RollJudged, judge_rolled
from edge.progress import Progress
from edge.settings import Comparison
from fwtools.synthesis import impression, synthesise_finger
from fwtools.synthesis.files import warm
from fwtools.synthesis.finger import ROUND, flat_part
from fwtools.synthesis.rolled import roll
from matching import compare, serial
from matching.rolled import compose
from matching.template import REFERENCE_PPI

FIRST = 5001  # person: the day's people are others
ATTEMPTS = 3  # plain impressions of each finger, a plan's
LIMITS = Comparison()
PLAN = plan_named("circular-60-2021")


class Composed(NamedTuple):
    """A roll as the matcher's process hands it over."""

    impression: Impression
    issues: tuple[str, ...]
    sentence: str | None


class Made(NamedTuple):
    """What one finger shows."""

    plain: list[Impression]
    rolled: Composed


def visits_of(couples: int) -> Iterator[Visit]:
    """Yield the visits of two people each: honest, out of order twice, and the other one's roll."""
    for number in range(2 * couples):
        own, other = _fingers(number), _fingers(number ^ 1)
        first, second = own
        told = f"001090{number:06}"
        yield Visit(HONEST, told, own)
        yield Visit(ROLLED, told, own, wrong={first: own[second]})
        yield Visit(ROLLED, told, own, wrong={second: own[first]})
        yield Visit(ROLLED_STRANGER, told, own, wrong={first: other[first]})


def _fingers(number: int) -> Fingers:
    """Return two neighbours of a hand, the same ones of both people of a couple."""
    firsts = [p for p in POSITIONS if p % HAND]
    first = firsts[number // 2 % len(firsts)]
    return {p: Finger(FIRST + number, p) for p in (first, first + 1)}


class Rolling:
    """One booth by the plan of Circular 60/2021, where what is rolled comes as templates."""

    def __init__(self, couples: int, seed: int, jobs: int) -> None:
        self._seed = seed
        wanted = sorted({finger for visit in visits_of(couples) for finger in visit.fingers.values()})
        bar = Progress("checks: rolling", len(wanted))
        warm()
        self._made: dict[Finger, Made] = {}
        with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
            for finger, made in zip(wanted, pool.map(partial(make, seed=seed), wanted), strict=True):
                self._made[finger] = made
                bar.advance(1)
        bar.end()

    def visit(self, visit: Visit) -> Seen:
        """Play a visit to its end."""
        seen, told = Seen(), False
        self._taken: dict[str, Impression] = {}
        self._shows: Counter[tuple[int, bool, Finger]] = Counter()
        state = core.fold(core.start(None, _new(visit)))
        assert state is not None
        while not state.closed and max(self._shows.values(), default=0) <= PATIENCE:
            position = state.wanted()
            assert position is not None
            wrong = visit.wrong.get(position) if state.rolling and not told else None
            finger = wrong or visit.fingers[position]
            self._shows[position, state.rolling, finger] += 1
            number = self._shows[position, state.rolling, finger]
            if state.rolling:
                shown = (
                    self._made[finger].rolled if wrong or number == 1 else rolled(finger, self._seed, number)
                )
                entries = self._roll(state, position, finger, shown, seen)
            else:
                entries = core.judge(state, self._judged(state, position, self._laid(finger, number)))
            decision = entries[0][1]["decision"]
            told |= state.rolling and decision == core.WRONG_FINGER
            seen.second_looks += decision == core.SECOND_LOOK
            seen.findings += [str(body["finding"]) for kind, body in entries if kind == core.FINDING]
            state = core.fold(entries, state)
            assert state is not None
        seen.outcome = state.outcome if state.closed else core.ABANDONED
        return seen

    def _laid(self, finger: Finger, number: int) -> Impression:
        plain = self._made[finger].plain
        return plain[(number - 1) % len(plain)]

    def _roll(
        self, state: Enrolment, position: int, finger: Finger, shown: Composed, seen: Seen
    ) -> list[core.Entry]:
        event = self._judged(state, position, shown.impression)
        entries = judge_rolled(state, RollJudged(event, shown.issues, shown.sentence))
        flat = {p: serial.from_bytes(self._taken[a.sample].data) for p, a in state.accepted.items()}
        scores = [f"{p}={compare.compare(shown.impression.template, t).value:.1f}" for p, t in flat.items()]
        seen.shown.append(
            f"{position}:{finger.person}/{finger.position} rolled q{event.quality} "
            f"{entries[0][1]['decision']}, plain {' '.join((*shown.issues, *scores))}"
        )
        return entries

    def _judged(self, state: Enrolment, position: int, one: Impression) -> SampleJudged:
        question = channel.Examine(
            token=0,
            position=position,
            width=SIDE,
            height=SIDE,
            ppi=REFERENCE_PPI,
            accepted=tuple(state.accepted),
            same_finger_fmr=second_look.AT_ONCE,
            perhaps_fmr=LIMITS.control_fmr if state.rolling else second_look.ASK,
            already_enrolled_fmr=LIMITS.already_enrolled_fmr,
            attendant_fmr=LIMITS.already_enrolled_fmr,
        )
        blobs = [self._taken[attempt.sample].data for attempt in state.accepted.values()]
        same, perhaps = same_fingers(question, one.template, blobs)
        sample = f"{len(self._taken)}"
        self._taken[sample] = one
        return SampleJudged(
            enrolment=state.id,
            position=position,
            sample=sample,
            quality=one.quality,
            hint=one.hint,
            same_finger_as=tuple(hit.position for hit in same),
            already=(),
            perhaps={hit.position: hit.fmr for hit in perhaps},
        )


def _new(visit: Visit) -> Enrolment:
    positions, quality = tuple(visit.fingers), PLAN.quality
    assert quality.rolled is not None
    return Enrolment(
        id="rolled",
        subject=visit.identity_number,
        positions=positions,
        attempts_allowed=PLAN.attempts,
        quality_wanted={p: quality.plain.of(p) for p in positions},
        fingers_to_tell=LIMITS.already_enrolled_fingers,
        rolled=positions,
        rolled_quality={p: quality.rolled.of(p) for p in positions},
    )


def make(finger: Finger, seed: int) -> Made:
    """Lay a finger down flat and roll it once."""
    grown = synthesise_finger(seed, *finger, ROUND)
    flat, fault = flat_part(grown), fault_of(finger, seed)
    laid = [impression(flat, index, fault=fault)[0] for index in range(1, ATTEMPTS + 1)]
    return Made([examined(one, REFERENCE_PPI) for one in laid], _composed(roll(grown, 1).frames))


def rolled(finger: Finger, seed: int, index: int) -> Composed:
    """Roll a finger once more."""
    return _composed(roll(synthesise_finger(seed, *finger, ROUND), index).frames)


def _composed(frames: NDArray[np.uint8]) -> Composed:
    found = compose(frames, REFERENCE_PPI)
    return Composed(examined(found.pixels, REFERENCE_PPI), tuple(found.issues), found.sentence)
