"""`vantay`: argv in, exit code out. Each command is a module of `edge.commands`, imported only when named."""

import os
import sqlite3
import sys
from argparse import ArgumentParser
from importlib import import_module, metadata
from io import TextIOWrapper

from edge.errors import VantayError
from matching.errors import BadCache

COMMANDS = {
    "booth": "run the booth daemon",
    "hub": "run the station hub, or ask it how things stand (vantay hub status)",
    "gallery": "run the station's gallery: who was enrolled at any of its booths",
    "demo": "enrol synthetic subjects end to end on this machine",
    "enrol": "enrol one person from a terminal, over the booth's topics",
    "shift": "open or close a booth's shift, and what happened in it",
    "logout": "end the log-in at a booth: the next one to work there logs in",
    "hand-over": "give a card to its holder: one finger against the card, the record, or both",
    "verify": "compare one finger with a card, the record made here, or both",
    "settle": "sign for somebody who was enrolled before, found after sealing",
    "takeover": "let a spare box take the place of one that is gone",
    "keys": "make the keys of a booth, of a station's gallery or of the ministry",
    "pki": "certificates for booths, hub and people, where the station has no authority",
    "broker-config": "mosquitto's configuration and access list, from what the wire needs",
    "people": "who may log in at a booth",
    "worklist": "who is to come to a booth: lists of schools, employers, hamlets",
    "journal": "show or verify a booth's journal",
    "packet": "open a sealed packet with the ministry's key, or verify one",
    "ministry": "deliver packets to the ministry's folder, and read its answers",
    "schema": "the wire as AsyncAPI 3 or JSON Schema, for whoever speaks to a booth",
    "diagnose": "a bundle for whoever helps from afar, without biometric or personal data",
    "extract": "image to minutiae template",
    "compare": "compare two images or templates",
    "quality": "quality of images, with its parts",
    "slap": "the fingers of a slap: boxes, turns, positions, the hand",
    "inspect": "what a record is, field by field",
    "convert": "a record or an image to another record format",
    "show": "draw every stage of extraction",
    "evaluate": "accuracy and speed on a folder of images",
    "warm": "compile every kernel into the cache",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; every expected failure is one sentence on standard error and exit code 2.

    1 where the system did not let it read or write something.
    """
    for stream in (sys.stdout, sys.stderr):  # a letter that the terminal does not have
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader has seen enough: vantay journal show … | head
        _drop_output()
        return 1
    except OSError as error:
        try:
            sys.stdout.flush()
        except OSError:  # it was the output that failed
            _drop_output()
        where = f"{error.filename}: " if error.filename is not None else ""
        text = f"{where}{error.strerror or error}: see to the path, its rights and the room there, then again"
        return _fail(text, 1)


def _run(argv: list[str]) -> int:
    if argv and argv[0] in ("-V", "--version"):
        print(f"vantay {metadata.version('vantay')}")
        return 0
    if not argv or argv[0] in ("-h", "--help"):
        print("usage: vantay COMMAND …   (vantay COMMAND --help says more)\n")
        print("\n".join(f"  {name:13} {text}" for name, text in COMMANDS.items()))
        return 0 if argv else 2
    if argv[0] not in COMMANDS:
        return _fail(f"unknown command '{argv[0]}'; the commands are {', '.join(COMMANDS)}")
    try:
        command = import_module(f"edge.commands.{argv[0].replace('-', '_')}")
        parser = ArgumentParser(prog=f"vantay {argv[0]}", description=COMMANDS[argv[0]])
        command.configure(parser)
        return int(command.run(parser.parse_args(argv[1:])))
    except VantayError as error:
        return _fail(str(error))
    except BadCache as error:
        return _fail(str(error))
    except sqlite3.Error as error:
        return _fail(f"a database file cannot be used ({error}): keep it for the technician, restore a copy")
    except KeyboardInterrupt:
        return 130


def _drop_output() -> None:
    """Let the flush at the end write what is left to nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(sentence: str, code: int = 2) -> int:
    print(f"vantay: {sentence}", file=sys.stderr)
    return code
