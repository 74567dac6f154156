"""What becomes of a slap in an enrolment, pure; `enrolment_fold.evolve` applies the entries.

not exactly the fingers that are there       refused with a sentence, no attempt is used up; a supervisor may
                                             have the fingers taken one by one instead
a finger of somebody who works here          an alarm, as for single fingers
a finger taken before, or twice in the slap  found and asked again, no attempt is used up
the other hand                               asked again, no attempt is used up; as often as there are
                                             attempts: an alarm until the hand is right, or overridden
perhaps a finger taken before                asked for once more, and both samples decide
every finger good enough                     accepted; else a hint, and after the last allowed attempt the
                                             best one is kept (slap_rule.best_of)
"""

from dataclasses import dataclass, field

from edge.booth import enrolment as core
from edge.booth import slap_rule
from edge.booth.enrolment import Body, Enrolment, Entry, SampleJudged
from edge.booth.judged import judgement
from edge.booth.second_look import Looked, look
from edge.errors import BadCommand, IllegalTransition
from edge.messages import POSITION_NAMES

Pair = tuple[int, int]  # shown as, taken as
A_STRANGER = "a finger is of somebody who works here"


@dataclass(frozen=True, slots=True)
class SlapJudged:
    """The matcher's word on one slap; everything random or timed was made before."""

    enrolment: str
    slap: int  # 13, 14, 15
    sample: str  # id of the whole picture in the vault
    hand: str  # "right", "left", or "undetermined", as the fingers look
    fingers: tuple[SampleJudged, ...]  # one of each finger; `same_finger_as` also names others of this slap
    facts: Body = field(default_factory=dict)


def refuse(current: Enrolment | None, position: int, sentence: str, facts: Body) -> list[Entry]:
    """Keep that a picture does not show the fingers that were asked for; nothing else changes."""
    if current is None or current.wanted() != position:
        raise IllegalTransition(f"a sample of position {position} is not awaited by {current}")
    where = "slap" if position in slap_rule.FINGERS else "position"
    kind = core.SLAP if where == "slap" else core.CONFIRMATION if current.confirming else core.ATTEMPT
    last = current.attempts_allowed - 1
    if where == "slap" and current.not_taken.get(position, 0) >= last:
        who = "a supervisor" if current.needs_supervisor(core.SINGLE_FINGERS) else "the operator"
        sentence += f" ({who} may have single fingers taken)"
    kind = core.ROLLED if current.rolling else kind
    body = judgement(current, (where, position), core.REFUSED, sentence, facts)
    entries: list[Entry] = [(kind, body)]
    if kind == core.CONFIRMATION and current.unseen == last:
        text = f"the finger shown to confirm cannot be compared: {sentence}"
        found = core.finding(current, core.NOT_CONFIRMED, position, None, text)
        entries.append(core.by_device(found, facts))
    return entries


def take_singly(
    current: Enrolment | None, slap: int, reason: str, signed_by: str | None = None
) -> list[Entry]:
    """Have the fingers of a slap that is not taken yet captured one by one."""
    if current is None:
        raise BadCommand("no subject is being enrolled: there is no slap to take singly")
    core.refuse_unless_capturing(current)
    if slap not in current.slaps or set(current.fingers_of(slap)) <= set(current.accepted):
        raise BadCommand(
            f"the {slap_rule.words_for(slap)} are not awaited together: there is nothing to split"
        )
    what = slap_rule.words_for(slap, current.fingers_of(slap))
    text = f"the {what} are taken one by one; signed by {signed_by or 'nobody'} because: {reason}"
    return [core.finding(current, core.SINGLE_FINGERS, slap, {"signed_by": signed_by}, text)]


def judge_slap(current: Enrolment | None, event: SlapJudged) -> list[Entry]:
    """Decide what becomes of a slap."""
    if current is None or current.id != event.enrolment or current.wanted() != event.slap:
        raise IllegalTransition(f"a slap of position {event.slap} is not awaited by {current}")
    shown = {finger.position: finger for finger in event.fingers}
    if sorted(shown) != sorted(current.fingers_of(event.slap)):
        raise IllegalTransition(f"a slap of {sorted(shown)} is not awaited by {current}")
    allowed = current.found.attendants_allowed
    strangers = [(f.position, who) for f in event.fingers for who in sorted(set(f.attendants) - allowed)]
    told = [(f.position, taken) for f in event.fingers for taken in f.same_finger_as]
    sure = [pair for pair in told if not current.found.two_fingers(*pair)]
    perhaps = {
        (f.position, taken): fmr
        for f in event.fingers
        for taken, fmr in f.perhaps.items()
        if not current.found.two_fingers(f.position, taken)
    }
    looked: Looked[Pair] = look(sure, perhaps, current.doubtful_slap)
    decision = _decision(current, event, bool(strangers), looked)
    hint = A_STRANGER if strangers else _hint(current, event, decision, looked)
    fingers = [
        {"position": one.position, "sample": one.sample, "quality": one.quality, **one.facts}
        for one in event.fingers
    ]
    said = {"sample": event.sample, "hand": event.hand, "fingers": fingers, **_of_looks(looked, decision)}
    if apart := [list(pair) for pair in told if pair not in sure]:
        said["two_fingers"] = apart
    body = judgement(current, ("slap", event.slap), decision, hint, event.facts, **said)
    entries = _findings(current, event, strangers, looked, decision)
    if decision in core.KEPT:
        entries += _kept(current, event, body)
    return [(core.SLAP, body), *(core.by_device(entry, event.facts) for entry in entries)]


def _decision(current: Enrolment, event: SlapJudged, strangers: bool, looked: Looked[Pair]) -> str:
    if strangers or looked.same:
        return core.WRONG_FINGER
    if _other_hand(current, event):
        return core.WRONG_HAND
    if looked.doubtful:
        return core.SECOND_LOOK
    if all(finger.quality >= current.quality_wanted[finger.position] for finger in event.fingers):
        return core.ACCEPTED
    last = current.attempt_number(event.slap) >= current.attempts_allowed
    return core.BEST_KEPT if last else core.RETRY


def _other_hand(current: Enrolment, event: SlapJudged) -> bool:
    known = event.slap in slap_rule.HANDS and event.hand in slap_rule.HANDS.values()
    other = known and event.hand != slap_rule.HANDS[event.slap]
    return other and event.slap not in current.found.hands_allowed


def _hint(current: Enrolment, event: SlapJudged, decision: str, looked: Looked[Pair]) -> str | None:
    if decision == core.WRONG_FINGER:
        return f"here lies what was taken as {slap_rule.listed(_taken(looked))}"
    if decision == core.WRONG_HAND:
        return f"this looks like the {event.hand} hand"
    if decision == core.SECOND_LOOK:
        return "once more, to be sure"
    if decision != core.RETRY:
        return None
    worst = min(event.fingers, key=lambda f: f.quality - current.quality_wanted[f.position])
    return f"{POSITION_NAMES[worst.position]}: {worst.hint or 'too poor'}"


def _taken(looked: Looked[Pair]) -> list[int]:
    return sorted({taken for _, taken in looked.same})


def _findings(
    current: Enrolment,
    event: SlapJudged,
    strangers: list[tuple[int, str]],
    looked: Looked[Pair],
    decision: str,
) -> list[Entry]:
    slap = event.slap
    what = f"the {slap_rule.words_for(slap, current.fingers_of(slap))}"
    if strangers:
        position, who = strangers[0]
        return [core.attendants_finger(current, position, who)]
    if decision == core.WRONG_FINGER:
        pairs = "; ".join(f"{POSITION_NAMES[one]} is {POSITION_NAMES[taken]}" for one, taken in looked.same)
        text = f"among what was shown as {what} are fingers taken otherwise: {pairs}"
        found = core.finding(current, core.SAME_FINGER, slap, _taken(looked), text)
        return [core.with_pairs(found, list(looked.same), event.fingers)]
    if decision == core.WRONG_HAND and current.other_hand.get(slap, 0) + 1 == current.attempts_allowed:
        text = f"what is shown as {what} looks like the {event.hand} hand again and again"
        return [core.finding(current, core.WRONG_HAND, slap, event.hand, text)]
    return []


def _kept(current: Enrolment, event: SlapJudged, body: Body) -> list[Entry]:
    """Say which attempt is kept, and whom the fingers belong to already."""
    slap, fingers = event.slap, current.fingers_of(event.slap)
    if body["decision"] == core.BEST_KEPT:
        tries = current.tried_slaps.get(slap, ())
        qualities = [{p: one.fingers[p].quality for p in fingers} for one in tries]
        samples = [*(one.sample for one in tries), event.sample]
        qualities.append({f.position: f.quality for f in event.fingers})
        body["kept"] = samples[slap_rule.best_of(qualities, slap)]
    found = [(subject, f.position) for f in event.fingers for subject in f.already]
    body["already"] = [{"subject": subject, "position": position} for subject, position in found]
    if alone := core.fewest(one for f in event.fingers for one in f.alone.items()):
        body["alone"] = alone
    hits = core.with_hits(current.hits, found)
    now = {subject: hits[subject] for subject, _ in found}
    return core.known_person(current, slap, now, alone)


def _of_looks(looked: Looked[Pair], decision: str) -> Body:
    """What the journal keeps of a second look: why it is asked for, and what both samples say."""
    said = {"doubtful": looked.doubtful if decision == core.SECOND_LOOK else {}, "together": looked.together}
    return {
        key: [{"shown": one, "taken": taken, "fmr": float(f"{r:.3g}")} for (one, taken), r in of.items()]
        for key, of in said.items()
        if of
    }
