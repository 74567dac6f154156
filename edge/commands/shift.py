"""`vantay shift open|close|report --config booth.toml`: a booth's shift, and what happened in it."""

import uuid
from argparse import ArgumentParser, Namespace
from datetime import datetime
from pathlib import Path

from edge.booth import open_shift as core
from edge.booth.enrolment import Body
from edge.commands.enrol import Terminal, as_console, configure_console
from edge.errors import BadCommand
from edge.journal import Journal
from edge.settings import BoothSettings, read_settings
from edge.shift_dialogue import AtShift
from edge.store import Store


def configure(parser: ArgumentParser) -> None:
    """Declare the options."""
    actions = parser.add_subparsers(dest="action", required=True)
    for action, text in (("open", "begin a shift"), ("close", "end it; what is not finished is told")):
        configure_console(actions.add_parser(action, help=text))
    report = actions.add_parser("report", help="counts of a shift, from the booth's journal")
    report.add_argument("--day", metavar="YYYY-MM-DD", help="every shift of this business day; else the last")
    for one in actions.choices.values():
        one.add_argument("--config", type=Path, required=True, metavar="booth.toml")


def run(arguments: Namespace) -> int:
    """Do it; 1 where the booth refuses, or there is no such shift."""
    if arguments.action != "report":
        return Terminal(as_console(arguments), AtShift(arguments.action == "close", uuid.uuid4().hex)).run()
    day = _day(arguments.day) if arguments.day is not None else None
    store = Store(read_settings(arguments.config, BoothSettings).data / "booth.db", read_only=True)
    try:
        shown = _shifts(Journal(store), day)
    finally:
        store.close()
    print("\n\n".join(shown) if shown else "there was no shift")
    return 0 if shown else 1


def _day(text: str) -> str:
    """Return a day as journals write it; BadCommand for what is none."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date().isoformat()
    except ValueError:
        raise BadCommand(f"--day {text!a} is no day: write YYYY-MM-DD, as 2026-01-31") from None


def _shifts(journal: Journal, day: str | None) -> list[str]:
    """Return what is to be told of each shift of a day, or of the last one."""
    told: list[str] = []
    current: core.OpenShift | None = None
    for entry in journal.read(0 if day else journal.last_of(core.OPENED) - 1):
        before, current = current, core.evolve(current, entry.kind, entry.body)
        if entry.kind == core.CLOSED and before and day in (None, before.day.isoformat()):
            told.append(_told(before, entry.at, entry.body))
    if current and day in (None, current.day.isoformat()):
        told.append(_told(current, None, {}))
    return told


def _told(shift: core.OpenShift, closed_at: str | None, body: Body) -> str:
    end = f"closed at {closed_at}" if closed_at else "still open"
    if body.get("by_rule"):
        end += " by rule: it was left open"
    elif body.get("person"):
        end += f" by {body['person']}"
    left = core.left_text(body.get("left_open", {}))
    reason = f" ({body['reason']})" if body.get("reason") else ""
    lines = [f"shift of {shift.day}, opened {core.opened(shift)}, {end}", core.report_text(shift.report)]
    return "\n".join([*lines, *([f"left open  {left}{reason}"] if left else [])])
