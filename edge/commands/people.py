"""`vantay people ACTION --config booth.toml`: who may log in at this booth, and by which fingers."""

import getpass
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from edge import clock
from edge.booth.attendant import FORGOTTEN
from edge.booth.shift import ADDED, REMOVED, UNLOCKED
from edge.commands.enrol import Terminal, as_console, configure_console
from edge.dialogue import FINGERS
from edge.errors import BadCommand
from edge.journal import Journal
from edge.keys import read_booth_keys
from edge.messages import POSITION_NAMES
from edge.people import People, check_pin, make_person
from edge.registering import Registering
from edge.settings import BoothSettings, read_settings
from edge.store import Store
from edge.vault import Vault


def configure(parser: ArgumentParser) -> None:
    """Declare the options."""
    actions = parser.add_subparsers(dest="action", required=True)
    for action, text in (
        ("add", "a person, with a PIN that is asked for"),
        ("remove", "a person"),
        ("unlock", "somebody after too many wrong PINs"),
        ("forget-fingers", "somebody's registered fingers: only the PIN is asked for then"),
        ("list", "everybody"),
        ("register-finger", "a finger of somebody, at the running booth; a supervisor signs"),
    ):
        one = actions.add_parser(action, help=text)
        one.add_argument("--config", type=Path, required=True, metavar="booth.toml")
        if action != "list":
            one.add_argument("name")
        if action == "register-finger":
            one.add_argument("--position", type=int, choices=POSITION_NAMES, required=True, help=FINGERS)
            one.add_argument("--supervisor", required=True, metavar="NAME", help="who signs, with the PIN")
            configure_console(one)
        if action == "add":
            one.add_argument("--role", choices=["operator", "supervisor"], required=True)


def run(arguments: Namespace) -> int:
    """Do it, and put it into the journal; the daemon may be running."""
    if arguments.action == "register-finger":
        dialogue = Registering(arguments.name, arguments.position, arguments.supervisor)
        return Terminal(as_console(arguments), dialogue).run()
    settings = read_settings(arguments.config, BoothSettings)
    keys = read_booth_keys(settings.keys)
    file = settings.data / "booth.db"
    store = Store(file, read_only=arguments.action == "list" and file.exists())
    try:
        return _do(arguments, store, People(Vault(store, keys.vault)))
    finally:
        store.close()


def _do(arguments: Namespace, store: Store, people: People) -> int:
    name = getattr(arguments, "name", "")
    match arguments.action:
        case "list":
            for person in people.all():
                fingers = ", ".join(POSITION_NAMES[position] for position in people.positions_of(person.name))
                print(f"{person.name}  {person.role}  {fingers or 'no finger registered'}")
            return 0
        case "add":
            person = make_person(name, arguments.role, _pin())
            with store.transaction():
                people.add(person)
                _record(store, ADDED, {"person": name, "role": person.role})
            print(f"{name} may log in as {person.role}")
        case "remove":
            with store.transaction():
                people.remove(name)
                _record(store, REMOVED, {"person": name})
            print(f"{name} may not log in any more")
        case "forget-fingers":
            if people.named(name) is None:
                raise BadCommand(f"nobody is called {name} here: 'vantay people list' names all")
            with store.transaction():
                people.forget_fingers(name)
                _record(store, FORGOTTEN, {"person": name})
            print(f"no finger of {name} is registered any more")
        case "unlock":
            if people.named(name) is None:
                raise BadCommand(f"nobody is called {name} here: 'vantay people list' names all")
            with store.transaction():
                _record(store, UNLOCKED, {"person": name})
            print(f"{name} may try again")
    return 0


def _record(store: Store, kind: str, body: dict[str, Any]) -> None:
    Journal(store).append(kind, body, clock.now(), clock.reading())


def _pin() -> str:
    """Ask for a PIN twice; from a pipe, read it once."""
    try:
        if not sys.stdin.isatty():
            return sys.stdin.readline().strip()
        pin = getpass.getpass("PIN: ")
        check_pin(pin)
        again = getpass.getpass("the same once more: ")
    except UnicodeDecodeError:
        raise BadCommand("a PIN has 6 to 12 digits, this is none: nothing was changed") from None
    except EOFError:
        raise BadCommand("no PIN was typed: nothing was changed") from None
    if again != pin:
        raise BadCommand("these are two different PINs: nothing was changed")
    return pin
