"""What of a journal, a log or a configuration may leave a box: words of these lists, small numbers, times.

Everything else stays behind. Nothing is searched for and removed: what is not known to be harmless is left.
"""

import ipaddress
import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from drivers.errors import FaultKind
from edge.booth import (
    attendant,
    command_progress,
    commands,
    enrolment,
    entries,
    handover,
    open_shift,
    platen,
    refused_commands,
    shift,
    station_answer,
)
from edge.booth.hub_away import BACK
from edge.booth.ladder import Rung
from edge.booth.life import STARTED, STOPPED
from edge.booth.retention import PACKETS_PURGED
from edge.log import BOOTH_LINES, HUB_LINES
from edge.messages import COMMANDS, utc
from edge.takeover import TOOK_OVER
from edge.worklist_purge import PURGED

KINDS = frozenset(
    {
        *(enrolment.STARTED, enrolment.ATTEMPT, enrolment.FINDING, enrolment.MISSING, enrolment.CONFIRMATION),
        *(
            enrolment.SLAP,
            enrolment.ROLLED,
            enrolment.REVIEWED,
            enrolment.SEALED,
            enrolment.ABANDONED,
            commands.ANSWERED,
            command_progress.ENDED,
        ),
        *(entries.LOGGED_IN, entries.LOGGED_OUT, shift.FAILED, shift.UNLOCKED),
        *(shift.ADDED, shift.REMOVED, shift.SIGNED),
        *(open_shift.OPENED, open_shift.OVERDUE, open_shift.CLOSED, PURGED, refused_commands.COUNTED),
        *(attendant.REGISTERED, attendant.FORGOTTEN, attendant.AWAITED, attendant.GIVEN_UP),
        *(handover.HANDED_OVER, handover.NOT_MATCHED),
        *(handover.VERIFIED, handover.NOT_VERIFIED, enrolment.EARLIER_COMPARED),
        *(enrolment.STATION_ANSWERED, station_answer.SETTLED_LATER, station_answer.NOTED),
        station_answer.SET_ASIDE,
        *(TOOK_OVER, "scanner.ready", "scanner.fault", "worker.died", "packet.acknowledged"),
        *(STARTED, STOPPED, BACK, PACKETS_PURGED, platen.OCCUPIED),
    }
)
EVENTS = frozenset(
    {
        *BOOTH_LINES,
        *HUB_LINES,
        *(
            "attendant",
            "broker connected",
            "broker away",
            "command",
            "sealed",
            "worker died",
            "gap",
            "entry refused",
        ),
        *("a message was dropped", "acknowledgement refused", "packet acknowledgement refused"),
        *("the matcher does not answer: it is started again", "an enrolled finger is not compared"),
        *("the scanner's process says nothing: it is started again", "an unknown booth was ignored"),
        *("figures not written", "reports not made", "database away", "database back"),
        "second hub",
        *("scanner ready", "scanner fault", open_shift.OVERDUE, open_shift.CLOSED),
        *("worklist purged", "packets purged", "packets lost", "file locked", "disk nearly full"),
        *("search codes made anew", "search codes are not kept"),
        *("gallery", "a question was refused", "the station's gallery refuses"),
        "enrolled before, found after sealing",
        *("certificate", "no acknowledgement", "publish refused"),
    }
)
DECISIONS = frozenset(
    {
        *(enrolment.ACCEPTED, enrolment.RETRY, enrolment.BEST_KEPT, enrolment.WRONG_FINGER),
        *(enrolment.SECOND_LOOK, enrolment.CONFIRMED, enrolment.NOT_CONFIRMED, "cancelled", "matcher-lost"),
        *(enrolment.WRONG_HAND, enrolment.REFUSED),
    }
)
WORDS: dict[str, frozenset[str]] = {
    "event": EVENTS,
    "level": frozenset({"info", "warning", "error", "critical"}),
    "program": frozenset({"booth", "hub", "gallery"}),
    "station": frozenset({enrolment.SETTLED, enrolment.UNSETTLED}),
    "question": frozenset({"search", "add"}),
    "decision": DECISIONS,
    "outcome": frozenset({enrolment.ENROLLED, enrolment.ALREADY_ENROLLED, "accepted", "refused"})
    | {"succeeded", "failed"},
    "command": frozenset({*COMMANDS, "unknown"}),
    "worker": frozenset({"scanner", "matcher"}),
    "fault": frozenset(kind.value for kind in FaultKind),
    "rung": frozenset(rung.value for rung in Rung),
    "mqtt": frozenset({"5", "3.1.1"}),
}
NUMBERS = frozenset(
    {
        *("seq", "entries", "backlog", "new", "known", "gap", "refused", "milliseconds", "again_in"),
        *("processes", "dropped", "people", "hits", "fingers", "never_came"),
    }
)
SMALL = 10**6  # an identity number has twelve digits
RELEASE = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4}){1,3}")
CODE = re.compile(r'\s*File ".*?((?:edge|drivers|matching)/[a-z0-9_/]+\.py)", line ([0-9]{1,5}), in ')
SHOWN = {"booth", "broker.mqtt", "plan.name"}  # words of a configuration that its model has checked
ROOT = Path(__file__).parents[1]


def facts(said: Mapping[str, Any]) -> dict[str, str | int | float]:
    """Return what may be told of an entry's body or a log line."""
    told: dict[str, str | int | float] = {}
    for key, value in said.items():
        word = isinstance(value, str) and (
            value in WORDS.get(key, ()) or (key == "release" and RELEASE.fullmatch(value))
        )
        number = key in NUMBERS and isinstance(value, int | float) and 0 <= value < SMALL
        if word or number:
            told[key] = value
    return told


def moment(text: object) -> str | None:
    """Return a time as everywhere on the wire; None for what is none."""
    try:
        return utc(datetime.fromisoformat(str(text)))
    except (ValueError, OverflowError):
        return None


def kind_of(kind: str) -> str:
    """Return a journal entry's kind, or that it is one which this release does not know."""
    return kind if kind in KINDS else "other"


def log_line(text: str) -> dict[str, Any] | None:
    """Return what may be told of a line of a log; of a stack trace the places in our own code."""
    if place := CODE.match(text):
        return {"at": f"{place[1]}:{place[2]}"} if (ROOT / place[1]).is_file() else None
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(line, dict):
        return None
    told: dict[str, Any] = {"timestamp": moment(line.get("timestamp")), **facts(line)}
    if isinstance(trace := line.get("exception"), str):
        told["trace"] = [found["at"] for part in trace.splitlines() if (found := log_line(part))]
    return told


def settings_of(tree: BaseModel, path: str = "") -> dict[str, Any]:
    """Return a configuration without its words: of a file whether it is there, of a table how long it is."""
    return {name: _setting(value, f"{path}{name}") for name, value in tree}


def _setting(value: Any, path: str) -> Any:
    if isinstance(value, BaseModel):
        return settings_of(value, f"{path}.")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value if abs(value) < SMALL else "(a number)"
    if isinstance(value, Path):
        return {"there": value.exists(), "mode": oct(value.stat().st_mode) if value.exists() else None}
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict | tuple | list):
        return f"({len(value)} entries)"
    if path == "broker.host":
        return host_of(str(value))
    if path == "scanner.where":
        return str(value).split(":")[0]
    return value if path in SHOWN else "(a word)"


def host_of(host: str) -> str:
    """Return an address; a name may be somebody's."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host if host == "localhost" else "(a name)"
