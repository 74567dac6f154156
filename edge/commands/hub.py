"""`vantay hub --config hub.toml`: the station hub; `vantay hub status|booths|gaps|export…`: what it holds."""

import gc
import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path

from edge import clock
from edge.campaign.book import Scope
from edge.campaign.definition import Campaign
from edge.campaign.reports.catalogue import BY_DISTRICT, MANIFEST, NAMES, OF_ALL, OPERATORS, report
from edge.campaign.reports.render import FORMATS
from edge.errors import BadCommand, BadSettings
from edge.folder_lock import only_one
from edge.hub.booths import booths_of, gaps_of, readable_booths, readable_gaps
from edge.hub.campaign import CampaignBook, read_lists
from edge.hub.campaign_import import import_events
from edge.hub.delivery import looker, warner
from edge.hub.export import Span, lines
from edge.hub.moving import move
from edge.hub.packets import looked_for
from edge.hub.reading import opened, writable
from edge.hub.slots import SlotBook, span_of
from edge.hub.slots import readable as readable_slots
from edge.hub.status import readable, status_of
from edge.hub.tables import Tables
from edge.settings import HubSettings, check_output, read_settings

ACTIONS = ("run", "status", "booths", "gaps", "export", "report", "import", "slots", "move")
SLOT_DAYS = 7  # listed unless told otherwise
MOVE_FIRST = "start the hub of this release once without `database` in hub.toml, then move"
LOST = "received, and not there; mount or restore the folder "
DAY = "2023-05-18"  # a date, as it is written


def configure(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("action", nargs="?", choices=list(ACTIONS), default="run")
    parser.add_argument(
        "what", nargs="?", metavar="NAME|FILE", help=f"report: {', '.join(NAMES)}; import, slots: a file"
    )
    parser.add_argument("--config", type=Path, required=True, metavar="hub.toml")
    parser.add_argument("--json", action="store_true", help="status, booths, gaps, slots: as JSON")
    parser.add_argument("--booth", metavar="NAME", help="export: this booth's entries only")
    span = "export: %s this seq, date (UTC) or time (by the booth's clock); slots: %s this day"
    parser.add_argument("--from", dest="first", metavar="SEQ|TIME", help=span % ("from", "from"))
    parser.add_argument("--to", dest="last", metavar="SEQ|TIME", help=span % ("up to", "to"))
    parser.add_argument(
        "--at", metavar="DATE", help="report: to the end of this business day, or to this time"
    )
    parser.add_argument("--unit", metavar="CODE", help="report, slots: of one commune or district")
    parser.add_argument("--by", choices=["commune", "district"], help="report: a row for each of these")
    parser.add_argument("--target", metavar="NAME", help="report: against this target of hub.toml only")
    parser.add_argument("--format", choices=list(FORMATS), default="text", help="report (text)")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="report, export: write it here")


def run(arguments: Namespace) -> int:
    """Serve until SIGTERM or SIGINT, or tell what is held."""
    if arguments.what is not None and arguments.action not in ("report", "import", "slots"):
        raise BadCommand(f"'{arguments.what}' says nothing to vantay hub {arguments.action}: leave it out")
    settings = read_settings(arguments.config, HubSettings)
    if arguments.output is not None:
        check_output(arguments.output, arguments.config, settings)
    if arguments.action == "import":
        return _import(settings, arguments.what)
    if arguments.action == "slots":
        return _slots(settings, arguments)
    if arguments.action == "move":
        return _move(settings)
    if arguments.action != "run":
        return _look(settings, arguments)
    from edge.hub.running import run_hub  # costs time that no question needs

    run_hub(settings)
    return 0


def _look(settings: HubSettings, arguments: Namespace) -> int:
    """Tell what the database holds; the hub may run meanwhile."""
    span = Span(arguments.first, arguments.last)
    store = opened(settings.place)
    try:
        with store.reading():
            return _told(settings, store, span, arguments)
    finally:
        store.close()


def _told(settings: HubSettings, store: Tables, span: Span, arguments: Namespace) -> int:
    match arguments.action:
        case "report":
            return _report(settings, store, arguments)
        case "export":
            _write(arguments.output, lines(store, arguments.booth, span))
        case "status":
            status = status_of(store, looker(settings)(store))
            wanted, lost = looked_for(store, settings.packet_folder)
            status |= {"packets_looked_for": wanted, "packets_not_there": lost}
            print(json.dumps(status) if arguments.json else readable(status))
            if lost and not arguments.json:
                print(
                    f"ALARM {lost} of {wanted} packets that were looked for: {LOST}{settings.packet_folder}"
                )
        case "booths":
            booths = booths_of(store)
            print(json.dumps(booths) if arguments.json else readable_booths(booths))
        case "gaps":
            gaps = gaps_of(store)
            print(json.dumps(gaps) if arguments.json else readable_gaps(gaps))
    return 0


def _write(output: Path | None, parts: Iterable[bytes]) -> None:
    """Write to standard output, or a file that is whole or as it was before."""
    if output is None:
        sys.stdout.buffer.writelines(parts)
        return
    from edge.images import whole_file  # costs time that nothing else here needs

    with whole_file(output) as file:
        file.writelines(parts)


def _book(settings: HubSettings, store: Tables) -> CampaignBook:
    campaign = _campaign(settings)
    return CampaignBook(store, campaign, read_lists(campaign), warner(settings))


def _campaign(settings: HubSettings) -> Campaign:
    if settings.campaign is None:
        raise BadSettings("hub.toml has no table [campaign]: nothing is counted without one")
    return settings.campaign


def _import(settings: HubSettings, what: str | None) -> int:
    if what is None:
        raise BadCommand("name the file: vantay hub import FILE --config hub.toml")
    gc.disable()  # a batch is a million objects without circles: looking for those costs a third of all
    store = writable(settings.place)
    book = _book(settings, store)
    book.prepare()
    outcome = import_events(book, Path(what))
    store.close()
    for reason in outcome.reasons:
        print(reason, file=sys.stderr)
    if untold := outcome.refused - len(outcome.reasons):
        print(f"and {untold} more", file=sys.stderr)
    print(f"new={outcome.new} known={outcome.known} refused={outcome.refused}")
    return 1 if outcome.refused else 0


def _slots(settings: HubSettings, arguments: Namespace) -> int:
    campaign = _campaign(settings)
    lists = read_lists(campaign)
    if arguments.unit and arguments.unit not in lists.units:
        raise BadCommand(f"no unit has the code {arguments.unit}: units are named by official code")
    store = writable(settings.place) if arguments.what is not None else opened(settings.place)
    try:
        book = SlotBook(store, campaign, lists.units)
        for problem in book.hamlets.problems if book.hamlets else []:
            print(f"the list of hamlets, {problem}", file=sys.stderr)
        if arguments.what is not None:
            return _plan(book, Path(arguments.what))
        today = campaign.day(campaign.day_index(int(clock.moment().timestamp())))
        first, last = span_of(arguments.first, arguments.last, today, SLOT_DAYS)
        slots = list(book.slots(first, last, arguments.unit))
    finally:
        store.close()
    as_json = json.dumps([{**slot._asdict(), "free": slot.free} for slot in slots], ensure_ascii=False)
    print(as_json if arguments.json else readable_slots(slots, lists.units))
    return 0


def _plan(book: SlotBook, path: Path) -> int:
    planned = book.plan(path)
    for reason in planned.reasons:
        print(reason, file=sys.stderr)
    refused = len(planned.reasons)
    print(f"new={planned.new} known={planned.known} moved={planned.moved} refused={refused}")
    return 1 if refused else 0


def _move(settings: HubSettings) -> int:
    if settings.database is None:
        raise BadSettings("hub.toml names no database: a file is moved to the PostgreSQL that it names")
    with only_one(settings.data, "hub"):
        file, database = opened(settings.data / "hub.db", MOVE_FIRST), writable(settings.database)
        try:
            moved = move(file, database)
        finally:
            file.close()
            database.close()
    print(" ".join(f"{table}={number}" for table, number in moved.items()))
    return 0


def _report(settings: HubSettings, store: Tables, arguments: Namespace) -> int:
    name, campaign = arguments.what, _campaign(settings)
    if name not in NAMES:
        raise BadCommand(f"name a report: {', '.join(NAMES)}")
    if arguments.target and arguments.target not in campaign.targets:
        raise BadCommand(f"no target '{arguments.target}'; there are {', '.join(campaign.targets)}")
    if name in OF_ALL and arguments.unit:
        raise BadCommand(f"the report {name} is of the whole campaign: leave --unit out")
    if name == MANIFEST and arguments.at is not None and len(arguments.at) > len(DAY):
        raise BadCommand("the manifest is of a whole day, and of what is known now: --at must be a date")
    day, cut_off = _moment(campaign, arguments.at)
    gc.disable()  # a day has 140,000 files: it costs a quarter to look for circles, and there are none
    book = _book(settings, store)
    if arguments.unit and arguments.unit not in book.lists.units:
        raise BadCommand(f"no unit has the code {arguments.unit}: units are named by official code")
    by = arguments.by or ("district" if name in BY_DISTRICT else "commune")
    if name == MANIFEST:
        files, counted = book.files(day), book.uncounted()
    else:
        files, counted = None, book.book(cut_off, operators=name == OPERATORS)
    until = None if cut_off is None else campaign.local(cut_off)
    today = campaign.day_index(int(clock.moment().timestamp()))
    if day > today:
        counted.problems.append(
            f"{campaign.day(day)} is to come (this machine has {campaign.day(today)}): the days until then "
            "count as days on which nothing was done, in the forecasts too"
        )
    running = cut_off is not None or day == today
    made = report(name, counted, Scope(day, arguments.unit, by, arguments.target, running), files, until)
    written = FORMATS[arguments.format](made)
    _write(arguments.output, [written])
    return 0


def _moment(campaign: Campaign, at: str | None) -> tuple[int, int | None]:
    """Return the business day, and the second after which nothing counts where a time was given."""
    try:
        if at is not None and len(at) == len(DAY):
            day, cut_off = campaign.index(date.fromisoformat(at)), None
        else:
            moment = datetime.fromisoformat(clock.now() if at is None else at)
            if moment.tzinfo is None:
                raise ValueError
            cut_off = int(moment.timestamp())
            day = campaign.day_index(cut_off)
        shown = campaign.day(day)
    except (ValueError, OverflowError):
        raise BadCommand(f"--at must be a date, {DAY}, or a time with its offset") from None
    if not 0 <= day < campaign.span_days:
        raise BadCommand(f"{shown} is not a day of the campaign, which {campaign.span}")
    return day, cut_off
