"""`vantay worklist import|list|show|set-state|purge --config booth.toml`: who is to come to this booth."""

import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from hashlib import sha256
from io import StringIO
from pathlib import Path

from edge import clock
from edge.errors import BadCommand
from edge.files import read_file
from edge.journal import Journal
from edge.keys import BoothKeys, read_booth_keys
from edge.settings import BoothSettings, read_settings
from edge.store import Store
from edge.subject import number_said
from edge.vault import Vault
from edge.worklist import ENROLLED, IMPORTED, STATE_SET, STATES, Listed, Worklist
from edge.worklist_import import Plan, plan_import
from edge.worklist_purge import done, never_came, purge

MOST_BYTES = 64 * 1024 * 1024  # of a list
AT_ONCE = 500  # people written in one transaction, so that the daemon never waits for long
PAUSE_SECONDS = 0.15  # who waits for SQLite's lock looks every 0.1 s: the daemon gets it in between


def configure(parser: ArgumentParser) -> None:
    """Declare the options."""
    actions = parser.add_subparsers(dest="action", required=True)
    take = actions.add_parser("import", help="a CSV list: number,name,birth,sex and source,state,reason")
    take.add_argument("file", type=Path, metavar="FILE.csv")
    take.add_argument("--source", help="whose list it is, where no column says so; the file's name without")
    take.add_argument(
        "--correct", action="store_true", help="what differs at the booth is taken from the list"
    )
    shown = actions.add_parser("list", help="everybody, and how many are in which state")
    shown.add_argument("--state", choices=[*STATES, ENROLLED])
    actions.add_parser("show", help="one person").add_argument("number")
    change = actions.add_parser("set-state", help="of one person")
    change.add_argument("number")
    change.add_argument("state", help=", ".join(STATES))
    change.add_argument("--reason", default="", help="needed for 'deferred'")
    purge = actions.add_parser("purge", help="whoever is done, or never came, and was kept for long enough")
    purge.add_argument("--dry-run", action="store_true", help="say how many, and change nothing")
    for action in actions.choices.values():
        action.add_argument("--config", type=Path, required=True, metavar="booth.toml")


def run(arguments: Namespace) -> int:
    """Do it, and put changes into the journal; the daemon may be running."""
    settings = read_settings(arguments.config, BoothSettings)
    keys = read_booth_keys(settings.keys)
    file = settings.data / "booth.db"
    store = Store(file, read_only=arguments.action in ("list", "show") and file.exists())
    try:
        desk = Desk(store, keys, settings)
        match arguments.action:
            case "import":
                source = arguments.source or arguments.file.stem
                return desk.take(arguments.file, source, arguments.correct)
            case "list":
                return desk.list(arguments.state)
            case "purge":
                return desk.purge(arguments.dry_run)
            case "show":
                return desk.show(arguments.number)
            case _:
                return desk.set_state(arguments.number, arguments.state, arguments.reason.strip())
    finally:
        store.close()


class Desk:
    """The commands of one booth."""

    def __init__(self, store: Store, keys: BoothKeys, settings: BoothSettings) -> None:
        self._store, self._keys, self._settings = store, keys, settings
        self._vault = Vault(store, keys.vault)
        self._worklist = Worklist(self._vault, keys)
        self._journal = Journal(store)

    def take(self, file: Path, source: str, correct: bool) -> int:
        """Import a list, in parts between which the daemon writes; after a power cut import it again."""
        content = _read(file)
        today, least_age = self._settings.subject.day_of(clock.moment()), self._settings.subject.least_age
        is_sure = clock.reading().synchronised
        taken, told, digest = Counter[str](), dict[str, None](), sha256(content).hexdigest()
        whole = False
        while not whole:  # whoever was changed here meanwhile is compared anew
            held = {person.number: person for _, person in self._worklist.all()}
            lines = StringIO(content.decode("utf-8-sig", "surrogateescape"), newline="")
            plan, before = plan_import(lines, held, source, today, least_age, correct, is_sure), taken.total()
            told |= dict.fromkeys(plan.told)
            said = {"list": digest, "refused": plan.refused}  # of the list; the rest of the part
            written = [self._write(part, held, said, taken) for part in self._parts(plan)]
            whole = all(written)
        counts = f"{taken['new']} new, {taken['corrected']} corrected, {plan.refused} refused"
        print("\n".join([*told, f"{counts}, {plan.known - before} known already"]))
        return 1 if plan.refused else 0

    def _parts(self, plan: Plan) -> Iterator[list[tuple[str, Listed]]]:
        """Yield who is to be written at once, and as what; in the pauses the daemon has its turn."""
        day = _today()
        again = self._worklist.not_of(day, plan.again) if day else []
        kinds = (("new", plan.new), ("corrected", plan.corrected), ("again", again))
        everybody = [(kind, person) for kind, people in kinds for person in people]
        for first in range(0, len(everybody), AT_ONCE):
            if first:
                time.sleep(PAUSE_SECONDS)
            yield everybody[first : first + AT_ONCE]

    def _write(
        self,
        part: list[tuple[str, Listed]],
        held: dict[str, Listed],
        said: dict[str, object],
        taken: Counter[str],
    ) -> bool:
        """Write a part down and count it; False where somebody of it was changed meanwhile."""
        day, counts, whole = _today(), Counter[str](), True
        with self._store.transaction():
            for kind, person in part:
                if self._worklist.find(person.number) != held.get(person.number):
                    whole = False
                    continue
                put = self._worklist.put if kind == "new" else self._worklist.change
                put(person, day)
                counts[kind] += 1
            del counts["again"]
            if counts:
                numbers = {"new": counts["new"], "corrected": counts["corrected"]}
                self._record(IMPORTED, {**said, **numbers})
        taken.update(counts)
        return whole

    def list(self, state: str | None) -> int:
        """Print everybody, or who is in a state; then the counts."""
        enrolled, counts = self._journal.all_enrolled(), Counter[str]()
        for subject, person in self._worklist.all():
            now = ENROLLED if subject in enrolled else person.state
            counts[now] += 1
            if state in (None, now):
                print(
                    "  ".join([person.number, now, str(person.birth), person.sex, person.name, person.source])
                )
        print(", ".join(f"{counts[name]} {name}" for name in (*STATES, ENROLLED)))
        return 0

    def show(self, number: str) -> int:
        """Print one person."""
        person, enrolled = self._find(number)
        for key in ("number", "name", "birth", "sex", "source"):
            print(f"{key:7} {getattr(person, key)}")
        reason = f" ({person.reason})" if person.reason else ""
        print(f"state   {f'enrolled at {enrolled}' if enrolled else f'{person.state}{reason}'}")
        return 0

    def set_state(self, number: str, state: str, reason: str) -> int:
        """Change a state; the journal names the person by the keyed hash, and not the reason."""
        with self._store.transaction():
            person, enrolled = self._find(number)
            if enrolled:
                raise BadCommand(
                    f"the person was enrolled here at {enrolled}: the state cannot be set any more"
                )
            if (changed := person.in_state(state, reason)) != person:
                self._worklist.change(changed, _today())
                self._record(STATE_SET, {"subject": self._keys.subject_of(number), "state": state})
        print(f"the person is {state}")
        return 0

    def purge(self, dry_run: bool) -> int:
        """Take off the list whoever is done, by the clock as it stands now."""
        rules, moment = self._settings.worklist, clock.moment()
        keep = timedelta(days=rules.keep_days)
        numbers, more = Counter[bool](), True
        while more:
            with self._store.transaction():
                served = done(self._journal, self._vault, self._worklist, moment, keep, False)
                waited = never_came(self._journal, self._worklist, moment.date(), rules.keep_waiting_days)
                due = [*((True, subject) for subject in served), *((False, subject) for subject in waited)]
                part = due if dry_run else due[:AT_ONCE]
                counts = Counter(is_done for is_done, _ in part)
                if part and not dry_run:
                    subjects = [subject for _, subject in part]
                    self._record(*purge(self._worklist, subjects, counts[True], by_rule=False))
            numbers += counts
            if more := len(part) < len(due):
                time.sleep(PAUSE_SECONDS)
        verb, days = "would be purged" if dry_run else "purged", rules.keep_waiting_days
        print(f"{numbers[True]} {verb}: enrolled, and with the hub for {rules.keep_days:g} days")
        print(f"{numbers[False]} {verb}: not enrolled, and last listed {days} days ago or more")
        return 0

    def _find(self, number: str) -> tuple[Listed, str | None]:
        """Return a person, and when they were enrolled."""
        number_said(number)
        if (person := self._worklist.find(number)) is None:
            raise BadCommand("nobody on the worklist has this number: 'vantay worklist list' names all")
        sealed = self._journal.enrolled_before(self._keys.subject_of(number))
        return person, sealed.at if sealed else None

    def _record(self, kind: str, body: dict[str, object]) -> None:
        self._journal.append(kind, body, clock.now(), clock.reading())  # type: ignore[arg-type]


def _today() -> date | None:
    """Return the day, None where the clock is not set."""
    return clock.moment().date() if clock.reading().synchronised else None


def _read(file: Path) -> bytes:
    try:
        content = read_file(file, MOST_BYTES)
    except OSError as error:
        raise BadCommand(f"{file} cannot be read ({error.strerror})") from None
    if len(content) > MOST_BYTES:
        raise BadCommand(f"{file} has more than {MOST_BYTES} bytes: import it in parts")
    return content
