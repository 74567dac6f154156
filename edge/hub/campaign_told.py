"""What a booth's journal entries count as, pure: events, and what of earlier entries a later one needs.

    enrolment.sealed, outcome enrolled    collected, with the seconds since enrolment.started
    the same without a finger             exception, of the operator who is named
    finding, overridden                   override, of the operator who is named
    card.handed-over, with a packet       handed-over
    scanner.fault … scanner.ready         fault, cause scanner, with the minutes in between
    … booth.stopped                       the same: whoever packs up unplugs the scanner first
    worker.died, the scanner's            the same, cause software
    worker.died, another's                fault, cause software, of no minutes: nothing says when it is back
    booth.started, last_alive at work     fault from then to this start; cause power where the machine was
                                          started anew meanwhile, else software
    network.back                          fault, cause network, with the minutes of work without the hub

A stop of work is one event, whatever else goes wrong in it, and is counted when it is over; of minutes it has
at most those up to the end of its business day. One of the network stops no work and is an event of its own.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from edge.campaign.definition import Booth, Campaign
from edge.campaign.events import Event
from edge.hub.ledger import SEALED
from edge.hub.subjects import ENROLLED
from edge.messages import PERSON_NAME, Clock

STARTED, FINDING, HANDED_OVER = "enrolment.started", "finding", "card.handed-over"
FAULT, READY, DIED = "scanner.fault", "scanner.ready", "worker.died"
BEGAN, ENDED, BACK = "booth.started", "booth.stopped", "network.back"
KINDS = (STARTED, SEALED, FINDING, HANDED_OVER, FAULT, READY, DIED, BEGAN, ENDED, BACK)
OVERRIDDEN = "overridden"
PACKET = "[0-9a-f]{64}"
DAY = 86_400
LONGEST = DAY  # seconds of an enrolment; what says more says nothing


class Moment(NamedTuple):
    """When an entry was written: UTC seconds since 1970, and the booth's own clocks."""

    at: int
    synchronised: bool
    boot: str
    milliseconds: int  # since that boot

    def until(self, later: "Moment") -> int | None:
        """Return the seconds to a later moment; None where no clock can say."""
        if self.boot == later.boot:
            return max(0, later.milliseconds - self.milliseconds) // 1000
        return max(0, later.at - self.at) if self.synchronised and later.synchronised else None


class Told(NamedTuple):
    """An entry."""

    kind: str
    body: Mapping[str, Any]
    hash: str
    moment: Moment


@dataclass(slots=True)
class Memory:
    """What of earlier entries of a booth is needed."""

    enrolment: tuple[str, Moment] | None = None  # under way: its name, and when it began
    stop: tuple[str, str, Moment] | None = None  # of work: hash of its first entry, cause, since when

    def as_json(self) -> list[Any]:
        """Return it as lists and words."""
        return [self.enrolment, self.stop]

    @staticmethod
    def of_json(said: list[Any]) -> "Memory":
        """Return what `as_json` made lists of."""
        enrolment, stop = said
        return Memory(
            (enrolment[0], Moment(*enrolment[1])) if enrolment else None,
            (stop[0], stop[1], Moment(*stop[2])) if stop else None,
        )


def moment_of(at: str, clock: Clock, received: str) -> Moment:
    """Return when an entry was written: by the booth's clock where it was synchronised, else by the hub's."""
    return _moment(at, clock, int(datetime.fromisoformat(received).timestamp()))


def last_alive(body: Mapping[str, Any], start: Moment) -> Moment | None:
    """Return when a booth that was at work, and did not end as it should, was last alive."""
    said = body.get("last_alive")
    if not isinstance(said, dict) or said.get("working") is not True:
        return None
    try:
        clock = Clock.model_validate(said.get("clock"))
    except ValueError:
        return None
    alive = _moment(str(said.get("at")), clock, start.at)
    return alive if alive.synchronised else alive._replace(at=start.at - (alive.until(start) or 0))


def _moment(at: str, clock: Clock, otherwise: int) -> Moment:
    if clock.synchronised:
        with suppress(ValueError, OverflowError):  # a time that is none is nobody's
            return Moment(int(datetime.fromisoformat(at).timestamp()), True, clock.boot, clock.monotonic_ms)
    return Moment(otherwise, False, clock.boot, clock.monotonic_ms)


def events_of(campaign: Campaign, place: Booth, memory: Memory, told: Told) -> Iterator[Event]:
    """Yield what an entry counts as; `memory` is changed. Its hash names what has no packet."""
    kind, body, digest, moment = told
    at, unit, where = moment.at, place.unit, place.place
    said, packet = str(body.get("operator", "")), str(body.get("packet", ""))
    who = said if re.fullmatch(PERSON_NAME, said) else ""
    match kind:
        case "enrolment.started":
            memory.enrolment = str(body.get("enrolment", "")), moment
        case "enrolment.sealed":
            began, memory.enrolment = memory.enrolment, None
            if body["outcome"] != ENROLLED:
                return
            took = began[1].until(moment) if began and began[0] == body["enrolment"] else None
            seconds = -1 if took is None or took > LONGEST else took
            yield Event(f"{packet}:collected", at, "collected", unit, where, who, seconds=seconds)
            if "exception" in body and who:
                yield Event(f"{packet}:exception", at, "exception", unit, where, who)
        case "finding" if body.get("finding") == OVERRIDDEN and who:
            yield Event(f"{digest}:override", at, "override", unit, where, who)
        case "card.handed-over" if re.fullmatch(PACKET, packet):  # else the record was made elsewhere
            yield Event(f"{packet}:handed-over", at, "handed-over", unit, where)
        case "scanner.fault" if memory.stop is None:
            memory.stop = digest, "scanner", moment
        case "worker.died" if body.get("worker") == "scanner":
            memory.stop = memory.stop or (digest, "software", moment)
        case "worker.died":
            yield Event(f"{digest}:fault", at, "fault", unit, where, cause="software", minutes=0)
        case "scanner.ready" | "booth.stopped" if memory.stop:
            first, cause, since = memory.stop
            memory.stop = None
            minutes = _minutes(campaign, since.at, since.until(moment))
            yield Event(f"{first}:fault", since.at, "fault", unit, where, cause=cause, minutes=minutes)
        case "booth.started" if memory.stop is None and (alive := last_alive(body, moment)):
            cause = "software" if alive.boot == moment.boot else "power"
            minutes = _minutes(campaign, alive.at, alive.until(moment))
            yield Event(f"{digest}:fault", alive.at, "fault", unit, where, cause=cause, minutes=minutes)
        case "network.back":
            ago, away = body.get("ago"), body.get("seconds")
            if type(ago) is int and type(away) is int and 0 <= away <= ago:
                gone, minutes = at - ago, _minutes(campaign, at - ago, away)
                yield Event(f"{digest}:fault", gone, "fault", unit, where, cause="network", minutes=minutes)


def _minutes(campaign: Campaign, since: int, seconds: int | None) -> int:
    """Return the minutes of a stop, at most those up to the end of its business day."""
    left = DAY - (since + campaign.shift_seconds) % DAY
    return round(min(seconds or 0, left) / 60)
