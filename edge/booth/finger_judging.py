"""What becomes of one plain finger in an enrolment, pure; `enrolment_fold.evolve` applies the entries.

a finger of somebody who works here    an alarm until another is shown, or a supervisor says that it is theirs
a finger taken before                  found and asked again, no attempt is used up; as often as there are
                                       attempts: an alarm until another is shown, or overridden
perhaps a finger taken before          asked for once more, and both samples decide (second_look.py)
good enough                            accepted; else a hint, and after the last allowed attempt the best one
                                       is kept
one shown to confirm                   the captured one, another of the same person, or a stranger's
"""

from edge.booth.alarms import attendants_finger, by_device, finding, known_person, with_pairs
from edge.booth.enrolment_fold import attempt_of
from edge.booth.enrolment_state import Attempt, Enrolment
from edge.booth.entries import (
    ACCEPTED,
    ATTEMPT,
    BEST_KEPT,
    CONFIRMATION,
    CONFIRMED,
    KEPT,
    NOT_CONFIRMED,
    RETRY,
    SAME_FINGER,
    SECOND_LOOK,
    WRONG_FINGER,
    Body,
    Entry,
)
from edge.booth.judged import SampleJudged, judgement
from edge.booth.second_look import Looked, look
from edge.errors import IllegalTransition
from edge.messages import POSITION_NAMES


def judge(current: Enrolment | None, event: SampleJudged) -> list[Entry]:
    """Decide what becomes of a sample."""
    if current is None or current.id != event.enrolment or current.wanted() != event.position:
        raise IllegalTransition(f"a sample of position {event.position} is not awaited by {current}")
    if current.rolling:
        raise IllegalTransition(f"a plain sample of position {event.position} is not awaited by {current}")
    if current.confirming:
        return _confirmation(current, event)
    attendants = sorted(set(event.attendants) - current.found.attendants_allowed)
    apart = [p for p in current.accepted if current.found.two_fingers(event.position, p)]
    same = [p for p in event.same_finger_as if p not in apart]
    perhaps = {p: rate for p, rate in event.perhaps.items() if p not in apart}
    looked = look(same, perhaps, current.doubtful)
    decision = _decision(current, event, bool(attendants), looked)
    hint = "this is a finger of somebody who works here" if attendants else _hint(event, decision, looked)
    said = {**event.facts, **_of_looks(looked, decision)}
    if alike := sorted({*apart} & {*event.same_finger_as}):
        said["two_fingers"] = alike
    place = ("position", event.position)
    body = judgement(current, place, decision, hint, said, sample=event.sample, quality=event.quality)
    entries = _findings(current, event, attendants, looked)
    if decision == BEST_KEPT:
        body["kept"] = _best([*current.tried.get(event.position, ()), attempt_of(body)]).sample
    if decision in KEPT:
        body["already"] = list(event.already)
        if event.alone:
            body["alone"] = event.alone
        hits = {s: current.hits.get(s, frozenset()) | {event.position} for s in event.already}
        entries += known_person(current, event.position, hits, event.alone)
    return [(ATTEMPT, body), *(by_device(entry, event.facts) for entry in entries)]


def _decision(current: Enrolment, event: SampleJudged, attendants: bool, looked: Looked[int]) -> str:
    if looked.same or attendants:
        return WRONG_FINGER
    if looked.doubtful:
        return SECOND_LOOK
    if event.quality >= current.quality_wanted[event.position]:
        return ACCEPTED
    last = current.attempt_number(event.position) >= current.attempts_allowed
    return BEST_KEPT if last else RETRY


def _findings(
    current: Enrolment, event: SampleJudged, attendants: list[str], looked: Looked[int]
) -> list[Entry]:
    position = event.position
    if attendants:
        return [attendants_finger(current, position, attendants[0])]
    if looked.same:
        text = f"the finger shown as {POSITION_NAMES[position]} is the one taken as {_names(looked.same)}"
        found = finding(current, SAME_FINGER, position, list(looked.same), text)
        return [with_pairs(found, [(position, p) for p in looked.same], [event])]
    return []


def _of_looks(looked: Looked[int], decision: str) -> Body:
    """What the journal keeps of a second look: why it is asked for, and what both samples say."""
    said = {"doubtful": looked.doubtful if decision == SECOND_LOOK else {}, "together": looked.together}
    return {key: {str(p): float(f"{r:.3g}") for p, r in of.items()} for key, of in said.items() if of}


def _confirmation(current: Enrolment, event: SampleJudged) -> list[Entry]:
    """Compare the finger shown once more: the captured one, another of the same person, or a stranger's."""
    name, number = POSITION_NAMES[event.position], current.attempt_number(event.position)
    decision, hint = NOT_CONFIRMED, f"this is not the {name} that was captured"  # type: str, str | None
    in_doubt = event.position in current.doubts
    like = event.position in event.same_finger_as or (in_doubt and event.position in event.perhaps)
    others = tuple(p for p in event.at_once if p != event.position)
    others = tuple(p for p in others if not current.found.two_fingers(event.position, p))
    if like and in_doubt and others:
        hint = _taken_as(others)
    elif like:
        decision, hint = CONFIRMED, None
    elif event.same_finger_as:
        decision, hint = WRONG_FINGER, _taken_as(event.same_finger_as)
    place = ("position", event.position)
    body = judgement(current, place, decision, hint, event.facts, quality=event.quality)
    if in_doubt:
        body["in_doubt"] = True
        body["sure"] = event.position in event.same_finger_as
    entries: list[Entry] = [(CONFIRMATION, body)]
    if decision == NOT_CONFIRMED and number == current.attempts_allowed:
        text = f"the finger shown to confirm is not the captured {name}: another person may be standing here"
        if in_doubt:
            text += f", or it is not this person's {name}"
        entries.append(by_device(finding(current, NOT_CONFIRMED, event.position, None, text), event.facts))
    return entries


def _best(tries: list[Attempt]) -> Attempt:
    """Highest quality; the last of equals (BSI TR-03121-3 volume 4, rolled and single captures)."""
    return max(tries, key=lambda attempt: (attempt.quality, attempt.number))


def _hint(event: SampleJudged, decision: str, looked: Looked[int]) -> str | None:
    if decision == WRONG_FINGER:
        return _taken_as(looked.same)
    if decision == SECOND_LOOK:
        return "once more, to be sure"
    return event.hint if decision == RETRY else None


def _taken_as(positions: tuple[int, ...]) -> str:
    return f"this is the finger taken as {_names(positions)}"


def _names(positions: tuple[int, ...]) -> str:
    return " and ".join(POSITION_NAMES[p] for p in positions)
