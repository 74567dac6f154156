"""What becomes of a rolled finger in an enrolment, pure; `enrolment_fold.evolve` applies the entries.

no finger rolled at all                      refused with a sentence, no attempt is used up
a finger of somebody who works here          an alarm, as for plain fingers
only another plain impression matches        a sequence error: an alarm, asked again, no attempt is used up; a
                                             supervisor may say that it is right all the same
rolled back, too fast, slipped …             asked again with a sentence, an attempt is used up
no plain impression matches                  asked for once more; then kept, and marked in the record
good enough                                  accepted; else a hint, and after the last allowed attempt the
                                             best one is kept (rolled_rule.best_of)
"""

from dataclasses import dataclass

from edge.booth import enrolment as core
from edge.booth.enrolment import Body, Enrolment, Entry, RolledAttempt, SampleJudged
from edge.booth.judged import judgement
from edge.booth.rolled_rule import Control, Try, best_of, control
from edge.booth.slap_judging import A_STRANGER
from edge.errors import IllegalTransition
from edge.messages import POSITION_NAMES


@dataclass(frozen=True, slots=True)
class RollJudged:
    """The matcher's word on one rolled finger."""

    sample: SampleJudged  # `same_finger_as`: surely; `perhaps`: at the rate asked of its own finger
    issues: tuple[str, ...]  # what is wrong with how it was rolled, the most telling first
    sentence: str | None  # what to do about it


def judge_rolled(current: Enrolment | None, event: RollJudged) -> list[Entry]:
    """Decide what becomes of a rolled finger."""
    one = event.sample
    if (
        current is None
        or current.id != one.enrolment
        or not current.rolling
        or current.wanted() != one.position
    ):
        raise IllegalTransition(f"a rolled finger of position {one.position} is not awaited by {current}")
    strangers = sorted(set(one.attendants) - current.found.attendants_allowed)
    said = control(one.position, {*one.same_finger_as, *one.perhaps}, one.same_finger_as)
    if said is Control.OTHER and one.position in current.found.sequence_allowed:
        said = Control.UNDETERMINED  # somebody looked at it: it is kept and marked
    decision = _decision(current, event, bool(strangers), said)
    hint = A_STRANGER if strangers else _hint(event, decision, said)
    how = {"issues": list(event.issues), "control": said.value, "quality": one.quality}
    place = ("position", one.position)
    body = judgement(current, place, decision, hint, one.facts, sample=one.sample, **how)
    entries = _findings(current, one, strangers, said)
    if decision in (core.ACCEPTED, core.BEST_KEPT):
        entries += _kept(current, body)
    return [(core.ROLLED, body), *(core.by_device(entry, one.facts) for entry in entries)]


def _decision(current: Enrolment, event: RollJudged, strangers: bool, said: Control) -> str:
    one = event.sample
    if strangers or said is Control.OTHER:
        return core.WRONG_FINGER
    asked_once = one.position in current.undetermined | current.found.sequence_allowed
    if said is Control.UNDETERMINED and not event.issues and not asked_once:
        return core.SECOND_LOOK
    if not event.issues and one.quality >= current.rolled_quality[one.position]:
        return core.ACCEPTED
    last = current.attempt_number(one.position) >= current.attempts_allowed
    return core.BEST_KEPT if last else core.RETRY


def _hint(event: RollJudged, decision: str, said: Control) -> str | None:
    if said is Control.OTHER:
        return f"this is the finger taken as {_others(event.sample)}"
    if decision == core.SECOND_LOOK:
        return "once more, to be sure"
    return (event.sentence or event.sample.hint) if decision == core.RETRY else None


def _others(one: SampleJudged) -> str:
    return " and ".join(POSITION_NAMES[p] for p in one.same_finger_as if p != one.position)


def _findings(current: Enrolment, one: SampleJudged, strangers: list[str], said: Control) -> list[Entry]:
    name = POSITION_NAMES[one.position]
    if strangers:
        return [core.attendants_finger(current, one.position, strangers[0], "rolled")]
    if said is Control.OTHER:
        others = [p for p in one.same_finger_as if p != one.position]
        text = f"the finger rolled as {name} matches the plain {_others(one)}, and not the plain {name}"
        return [core.finding(current, core.SEQUENCE_ERROR, one.position, others, text)]
    return []


def _kept(current: Enrolment, body: Body) -> list[Entry]:
    """Say which attempt is kept; one that matches no plain impression is marked."""
    position = body["position"]
    kept = core.rolled_attempt(body)
    if body["decision"] == core.BEST_KEPT:
        tries: list[RolledAttempt] = [*current.tried_rolled.get(position, ()), kept]
        kept = tries[best_of([Try(one.quality, bool(one.issues)) for one in tries])]
        body["kept"] = kept.sample
    if kept.control == Control.OWN:
        return []
    name = POSITION_NAMES[position]
    text = f"the rolled {name} that is kept matches not even the plain {name}: it is undetermined whose it is"
    return [core.finding(current, core.UNDETERMINED, position, kept.sample, text)]
