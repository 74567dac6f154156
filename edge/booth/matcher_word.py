"""The matcher's answer on one finger as the enrolment takes it, at the rates of the settings; pure."""

from edge.booth.alarms import tells_alone
from edge.booth.channel import JudgedFinger
from edge.booth.enrolment_fold import fewest
from edge.booth.entries import Body
from edge.booth.judged import SampleJudged
from edge.booth.second_look import AT_ONCE
from edge.settings import Comparison


def word_on(
    enrolment: str, position: int, sample: str, answer: JudgedFinger, facts: Body, limits: Comparison
) -> SampleJudged:
    """Return the word on a sample, under whose id its blobs are kept; `facts` go into the journal with it."""
    through, fpir = answer.looked_through, limits.alone_fpir
    sure = [(hit.subject, hit.enrolled) for hit in answer.already if tells_alone(hit.fmr, through, fpir)]
    return SampleJudged(
        enrolment=enrolment,
        position=position,
        sample=sample,
        quality=answer.quality,
        hint=answer.hint,
        same_finger_as=tuple(hit.position for hit in answer.same_finger),
        at_once=tuple(hit.position for hit in answer.same_finger if hit.fmr <= AT_ONCE),
        perhaps={hit.position: hit.fmr for hit in answer.perhaps},
        already=tuple(hit.subject for hit in answer.already if hit.subject),
        alone=fewest((subject, enrolled) for subject, enrolled in sure if subject),
        attendants=tuple(hit.person for hit in answer.attendants),
        facts={
            **facts,
            "minutiae": answer.minutiae,
            "parts": answer.parts,
            "scores": [
                hit.model_dump(exclude={"enrolled"})
                for hit in (*answer.same_finger, *answer.perhaps, *answer.already)
            ],
            **({"already_fmr": limits.already_enrolled_fmr} if answer.already else {}),
            **({"attendants": [h.model_dump() for h in answer.attendants]} if answer.attendants else {}),
        },
    )
