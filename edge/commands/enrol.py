"""`vantay enrol --config booth.toml`: one person, from a terminal, over every console's topics."""

import base64
import io
import os
import queue
import re
import signal
import sys
import termios
import threading
import time
import uuid
from argparse import ArgumentParser, Namespace
from collections import deque
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TextIO

from pydantic import BaseModel, ValidationError

from edge import clock
from edge.dialogue import FINGERS, Ask, Dialogue, Done, Effect, Leave, ReadPortrait, Say, Send, SendSealed
from edge.errors import BadSettings
from edge.explain import explain
from edge.logging_in import AfterLogIn
from edge.messages import (
    COMMANDS,
    EXPIRES_AT,
    LATER,
    POSITION_NAMES,
    Earlier,
    Portrait,
    Reply,
    State,
    Status,
    booth_topic,
    parse,
)
from edge.mqtt import Link, LinkDown, LinkEvent, Received, Refused
from edge.one_finger import OneFinger
from edge.people import PIN
from edge.pictures import ACCEPTED, is_picture
from edge.records import load_bytes
from edge.sealed_word import seal_word
from edge.settings import BoothSettings, read_settings
from edge.tls import context_of

LIFE = timedelta(minutes=1)  # of a command: a booth that comes back later does not do it with nobody there
PATIENCE = 3.0  # seconds after which a command that nobody answered is sent again
SILENCE = 10.0  # seconds after which a booth that says nothing is worth a word
GOODBYE = 10.0  # seconds that a booth has to say that it waits no longer
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MOST_BYTES = 64 * 1024 * 1024  # of a portrait
WORDS: dict[str, type[BaseModel]] = {"state": State, "reply": Reply, "status": Status}


def configure(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", type=Path, required=True, metavar="booth.toml")
    parser.add_argument("--earlier", type=Path, metavar="FILE", help="a renewal: the earlier record")
    parser.add_argument(
        "--earlier-here", action="store_true", help="a renewal: the record made at this booth"
    )
    parser.add_argument(
        "--earlier-format", choices=["iso", "ansi", "iso-compact", "iso-normal"], default="iso"
    )
    parser.add_argument("--earlier-position", type=int, choices=POSITION_NAMES, help=FINGERS)
    configure_console(parser)


def earlier_of(arguments: Namespace) -> Earlier | None:
    """Return what a renewal is compared with, None where nothing is renewed."""
    if arguments.earlier is None:
        return Earlier() if arguments.earlier_here else None
    record = base64.b64encode(load_bytes(arguments.earlier)).decode()
    said = {"record": record, "format": arguments.earlier_format, "position": arguments.earlier_position}
    try:
        return Earlier.model_validate(said)
    except ValidationError:
        raise BadSettings(f"{arguments.earlier} has no record: at most 30 kB are taken") from None


def configure_console(parser: ArgumentParser) -> None:
    """Declare what a console shows to a broker."""
    parser.add_argument(
        "--cert", type=Path, metavar="FILE", help="the console's, where the broker asks for one"
    )
    parser.add_argument("--key", type=Path, metavar="FILE")


def run(arguments: Namespace) -> int:
    """Serve one person; 0 when enrolled."""
    return Terminal(as_console(arguments), Dialogue(earlier_of(arguments))).run()


def as_console(arguments: Namespace) -> BoothSettings:
    """Return the booth's settings, with the console's certificate; BadSettings where it is lacking."""
    settings = read_settings(arguments.config, BoothSettings)
    if settings.broker.ca:  # a booth's own certificate gives no commands
        if not (arguments.cert and arguments.key):
            raise BadSettings("this booth's broker asks for the console's certificate: add --cert and --key")
        broker = settings.broker.model_copy(update={"cert": arguments.cert, "key": arguments.key})
        settings = settings.model_copy(update={"broker": broker})
    elif arguments.cert or arguments.key:
        raise BadSettings("this booth's broker asks for no certificate: [broker] names no ca")
    context_of(settings.broker)
    return settings


@dataclass(frozen=True)
class Interrupted:
    """Somebody ends the program, or nobody sees any more what it says."""


class Terminal:
    """Carries out what the dialogue asks for."""

    def __init__(self, settings: BoothSettings, dialogue: Dialogue | OneFinger | AfterLogIn) -> None:
        self._booth, self._broker = settings.booth, settings.broker
        self._mailbox: queue.SimpleQueue[LinkEvent | Interrupted | str | None] = queue.SimpleQueue()
        topics = [booth_topic(self._booth, name) for name in ("status", "state", "reply")]
        name = f"vantay-enrol-{uuid.uuid4().hex[:8]}"
        self._link = Link(settings.broker, name, topics, self._mailbox.put, keep_session=False)
        self._dialogue = dialogue
        self._open: Send | None = None  # sent and not yet answered
        self._sent_at = 0.0
        self._complaint, self._key = "", ""
        self._typed: list[str] = []  # not yet taken
        self._closed = self._heard = self._unread = self._interrupted = False
        self._gone = self._at_question = self._unseen = False
        self._leaves: Leave | None = None
        self._left_at = self._anew_at = 0.0
        self._booth_ahead = timedelta(0)  # how far the booth's clock is ahead of ours, as far as was heard

    def run(self) -> int:
        """Until the enrolment has ended, or nobody types any more where an answer is wanted."""
        for stream in (sys.stdin, sys.stdout):  # a byte that is no character, or no letter of the terminal's
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        heeded = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]  # nohup
        before = {number: signal.signal(number, self._interrupt) for number in heeded}
        threading.Thread(target=self._read, name="terminal", daemon=True).start()
        self._link.start()
        began = time.monotonic()
        try:
            while True:
                effects = deque(self._turn())
                while effects:
                    effect = effects.popleft()
                    effects.extendleft(reversed(self._carry_out(effect)))
                    if isinstance(effect, Done):
                        return 130 if self._interrupted and effect.code else effect.code
                if not self._heard and time.monotonic() - began > SILENCE:
                    if self._unread:
                        self._complain(
                            "nothing can be shown here: use the 'vantay' of the booth's own release"
                        )
                        return 1
                    self._complain(f"the booth {self._booth} says nothing: does 'vantay booth' run?")
        finally:
            show_typing(True)
            self._link.stop()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _interrupt(self, number: int, _frame: object) -> None:
        self._gone |= number == signal.SIGHUP
        self._mailbox.put(Interrupted())

    def _read(self) -> None:
        try:
            for line in sys.stdin:
                self._mailbox.put(line)
        except (OSError, ValueError):  # the terminal is gone
            pass
        finally:
            self._mailbox.put(None)

    def _turn(self) -> list[Effect]:
        now = time.monotonic()
        if self._open and now - self._sent_at > PATIENCE:
            self._send(self._open)
        if self._leaves and now - self._left_at > GOODBYE:
            effects: list[Effect] = [Say(self._leaves.unheard), Done(1)]
        elif self._typed and not self._open and not self._dialogue.busy:
            show_typing(True)
            effects = self._dialogue.line(self._typed.pop(0), uuid.uuid4().hex)
        elif self._closed and self._nobody_is_awaited:
            effects = [Say("nobody types any more"), *self._leave()]
        else:
            effects = self._hear()
        return effects

    def _leave(self) -> list[Effect]:
        unanswered = self._open.command.request_id if self._open else None
        return self._dialogue.leave(uuid.uuid4().hex, unanswered)

    @property
    def _nobody_is_awaited(self) -> bool:
        """Whether nothing comes any more: of a terminal at its end, not even a finger."""
        ended = sys.stdin.isatty() and not self._dialogue.busy
        return not self._open and (self._dialogue.asking or ended)

    def _hear(self) -> list[Effect]:
        try:
            return self._take(self._mailbox.get(timeout=0.25))
        except queue.Empty:
            return []

    def _take(self, event: LinkEvent | Interrupted | str | None) -> list[Effect]:
        match event:
            case str():
                self._at_question &= (
                    self._unseen or not sys.stdin.isatty()
                )  # its line end is not seen, either
                self._typed.append(event)
            case None:
                self._closed = True
            case Interrupted() if self._leaves:  # once more: at once
                return [Say(self._leaves.unheard), Done(1)]
            case Interrupted():
                self._interrupted = True
                self._typed.clear()
                return self._leave()
            case Received(topic, payload, retained):
                return self._read_word(topic.rpartition("/")[2], payload, retained)
            case LinkDown(reason):
                self._complain(f"no connection to the booth's broker: {reason}; waiting for it")
            case Refused(_, reason):
                self._complain(f"the broker refuses commands of this console's certificate ({reason})")
        return []

    def _read_word(self, name: str, payload: bytes, retained: bool) -> list[Effect]:
        """Take what the booth says; what cannot be read is told once, and waited over."""
        try:
            word: State | Reply | Status = parse(WORDS[name], payload)
            if word.at and not retained:
                self._booth_ahead = datetime.fromisoformat(word.at) - clock.moment()
        except (ValueError, TypeError) as error:  # a time without its zone, too
            self._unread |= name == "state"
            self._complain(f"the booth's {name} is of another release, or garbled, and is left out ({error})")
            return []
        match word:
            case State():
                self._heard, self._key = True, word.login_key or ""
                return self._dialogue.state(word)
            case Reply():
                return self._answered(word)
        if not word.online:
            self._complain(f"the booth {self._booth} does not run: waiting for it")
        return []

    def _answered(self, reply: Reply) -> list[Effect]:
        if self._open is None or reply.request_id != self._open.command.request_id:
            return []
        if self._leaves and reply.wants == LATER:
            self._complain(f"refused: {reply.reason}; asked again")
            self._send(with_values(self._leaves.send, request_id=uuid.uuid4().hex))
            return []
        if reply.wants == EXPIRES_AT and time.monotonic() - self._anew_at < PATIENCE:
            self._send_anew(self._open)  # one of the clocks is wrong; its request id is still free
            return []
        self._open = None
        return self._dialogue.reply(reply)

    def _complain(self, text: str) -> None:
        if text != self._complaint:
            self._complaint = text
            self._print(f"{self._new_line}{text}\n", sys.stderr)

    @property
    def _new_line(self) -> str:
        """What stands before a line where a question is open, or was answered unseen."""
        open_there, self._at_question = self._at_question, False
        return "\n" if open_there else ""

    def _print(self, text: str, stream: TextIO) -> None:
        """Write for whoever sees it; when nobody does any more, the program ends as if interrupted."""
        try:
            if not self._gone:
                stream.write(text)
                stream.flush()
        except OSError:
            self._gone = True
            self._mailbox.put(Interrupted())
        if self._gone:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # for the flush at the end

    def _carry_out(self, effect: Effect) -> list[Effect]:
        """Do it; return what follows from it."""
        match effect:
            case Say(text):
                self._print(f"{self._new_line}{text}\n", sys.stdout)
            case Ask(text, secret):
                show_typing(not secret)
                self._print(f"{self._new_line}{text}", sys.stdout)
                self._at_question, self._unseen = True, secret
            case Leave(send):
                show_typing(True)
                self._leaves, self._left_at = effect, time.monotonic()
                self._send(send)
            case SendSealed():
                return self._seal(effect)
            case Send():
                self._send_anew(effect)
            case ReadPortrait(path):
                portrait, problem = read_portrait(Path(path))
                return self._dialogue.portrait(portrait, problem, uuid.uuid4().hex)
        return []

    def _seal(self, wanted: SendSealed) -> list[Effect]:
        request_id = uuid.uuid4().hex
        model = COMMANDS[wanted.name]
        try:
            if not re.fullmatch(PIN, wanted.pin):
                raise ValueError("a PIN has 6 to 12 digits")
            pin = seal_word(wanted.pin, self._key, f"{self._booth}/{request_id}")
            command = model.model_validate({"request_id": request_id, "pin": pin, **wanted.values})
        except ValidationError as error:
            return self._dialogue.unsealed(explain(error, model))
        except ValueError as error:
            return self._dialogue.unsealed(str(error))
        return [Send(wanted.name, command)]

    def _send_anew(self, send: Send) -> None:
        """Send what no booth is to do that comes back when nobody is here any more: by the booth's clock."""
        self._anew_at = time.monotonic()
        self._send(with_values(send, expires_at=clock.moment() + self._booth_ahead + LIFE))

    def _send(self, send: Send) -> None:
        self._open, self._sent_at = send, time.monotonic()
        payload = send.command.model_dump_json(exclude_none=True).encode()
        self._link.publish(booth_topic(self._booth, f"command/{send.name}"), payload)


def with_values(send: Send, **values: object) -> Send:
    """Return a command with other values."""
    return replace(send, command=send.command.model_copy(update=values))


def show_typing(shown: bool) -> None:
    """Let a terminal show what is typed, or not."""
    if sys.stdin.isatty():
        attributes = termios.tcgetattr(sys.stdin)
        attributes[3] = attributes[3] | termios.ECHO if shown else attributes[3] & ~termios.ECHO
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, attributes)


def read_portrait(path: Path) -> tuple[Portrait | None, str]:
    """Return a picture's hash and the time of its file, or why not."""
    try:
        size = path.stat().st_size if path.is_file() else None
        if size is None:
            return None, f"{path} is no file"
        if not 0 < size <= MOST_BYTES:
            return None, f"{path} has {size} bytes: a portrait has 1 to {MOST_BYTES}"
        data = path.read_bytes()
        if not is_picture(data):
            return None, f"{path} is no picture: a portrait is {ACCEPTED}"
        taken_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return Portrait(sha256=sha256(data).hexdigest(), taken_at=taken_at), ""
    except OSError as error:
        return None, f"{path} cannot be read ({error.strerror})"
    except (ValueError, OverflowError):
        return None, f"{path} was written at no time of the calendar: set its time right ('touch')"
