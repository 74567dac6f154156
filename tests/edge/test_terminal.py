"""The operator's programs on a real terminal, with a real booth: however they end, the booth knows, too."""

import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from edge.booth.attendant import AWAITED, GIVEN_UP
from edge.commands.enrol import LIFE
from edge.dialogue import LEFT
from edge.messages import EXPIRES_AT, booth_topic
from edge.sealed_word import seal_word
from matching import card
from matching.template import MINUTIA, Template
from tests.edge.booth.test_daemon import BOOTH, Daemon
from tests.edge.parts import NUMBER, make_keys
from tests.edge.programs import VANTAY, Mosquitto, Program, ear, until

pytestmark = pytest.mark.system

CTRL_C, CTRL_D = b"\x03", b"\x04"
AWAITS = "where no finger can be shown, type: without REASON"
MINUTIAE = np.array([(40 + 20 * n, 60 + 15 * n, 0.3 * n, 1, 80) for n in range(12)], MINUTIA)


def of_a_terminal() -> None:
    """Make standard output the program's terminal, and have it hear the signals that one sends."""
    fcntl.ioctl(1, termios.TIOCSCTTY, 0)
    for number in (signal.SIGINT, signal.SIGHUP):  # whoever runs tests in the background ignores them
        signal.signal(number, signal.SIG_DFL)


class Terminal:
    """A program on a terminal of its own, or with `piped` words, and what it says."""

    def __init__(self, *words: str | bytes, piped: bytes | None = None) -> None:
        self._ours, theirs = pty.openpty()
        pipe, end = os.pipe() if piped is not None else (theirs, -1)
        self.process = subprocess.Popen(
            [VANTAY, *words],
            stdin=pipe,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=of_a_terminal,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        os.close(theirs)
        if piped is not None:
            os.write(end, piped)
            os.close(pipe)
        self._pipe = end
        self._said = b""
        os.set_blocking(self._ours, False)

    def type(self, text: str | bytes) -> None:
        line = text if isinstance(text, bytes) else f"{text}\n".encode()
        os.write(self._ours if self._pipe < 0 else self._pipe, line)

    def said(self) -> str:
        try:
            while more := os.read(self._ours, 65536):
                self._said += more
        except OSError:  # nothing now, or nobody is there any more
            pass
        return self._said.decode(errors="replace").replace("\r\n", "\n")

    def reads(self, words: str, times: int = 1) -> None:
        until(lambda: self.said().count(words) >= times or self.process.poll() is not None, words)
        assert self.said().count(words) >= times, self.said()

    @property
    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self._ours)[3] & termios.ECHO)

    def hang_up(self) -> None:
        os.close(self._ours)
        self._ours = os.open(os.devnull, os.O_RDWR)

    def end(self) -> int:
        code = self.process.wait(60)
        assert "Traceback" not in self.said()
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self._ours)
        if self._pipe >= 0:
            os.close(self._pipe)


Begin = Callable[..., Terminal]


@pytest.fixture
def begin() -> Iterator[Begin]:
    begun: list[Terminal] = []

    def start(*words: str | bytes, piped: bytes | None = None) -> Terminal:
        begun.append(Terminal(*words, piped=piped))
        return begun[-1]

    yield start
    for one in begun:
        one.close()


@pytest.fixture
def folder(tmp_path: Path, mosquitto: Mosquitto) -> Path:
    make_keys(tmp_path)
    (tmp_path / "booth").mkdir()
    (tmp_path / "card.bin").write_bytes(card.write(Template(MINUTIAE, width=300, height=400), card.COMPACT))
    (tmp_path / "booth.toml").write_text(
        f'booth = "{BOOTH}"\ndata = "booth"\nkeys = "keys"\nfinger_wait_seconds = 300\n'
        f"[broker]\nport = {mosquitto.port}\nkeepalive = 5\n"
        '[scanner]\nwhere = "usbip://127.0.0.1:1"\n'
    )
    return tmp_path


@pytest.fixture
def booth(folder: Path, mosquitto: Mosquitto, run: Callable[..., Program]) -> Iterator[Daemon]:
    program = run(VANTAY, "booth", "--config", str(folder / "booth.toml"), name="booth")
    with ear(mosquitto.broker(), "vantay/#") as one:
        daemon = Daemon(program, folder, one)
        daemon.online(True)
        yield daemon
        assert "Traceback" not in program.said()


def hand_over(begin: Begin, booth: Daemon) -> Terminal:
    """Somebody is to show the right index, to receive a card."""
    terminal = begin("hand-over", *booth.config, "--card", str(booth.folder / "card.bin"), "--position", "2")
    terminal.reads("identity number: ")
    terminal.type(NUMBER)
    terminal.reads(AWAITS)
    booth.state(lambda state: state.attendant, "the wish for a finger")
    return terminal


def given_up(booth: Daemon) -> str:
    """Return why the last wait was given up."""
    with booth.journal() as journal:
        return str(list(journal.of_kind(GIVEN_UP))[-1].body["reason"])


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ([b"without\n", b"\n"], 1),
        ([b"without\n", CTRL_D], 1),
        ([CTRL_D], 1),
        ([CTRL_C], 130),
        ([b"without\n", CTRL_C], 130),
    ],
)
def test_however_a_hand_over_is_left_the_booth_waits_no_longer(
    begin: Begin, booth: Daemon, typed: list[bytes], code: int
) -> None:
    terminal = hand_over(begin, booth)
    for number, line in enumerate(typed):
        if number:
            terminal.reads("why no finger can be shown")
        terminal.type(line)
    assert terminal.end() == code
    assert "the card stays here" in terminal.said()
    state = booth.state(lambda state: not state.attendant, "nobody awaited")
    assert state.attendant_ended
    assert state.attendant_ended.text == f"{LEFT}: the card stays here"
    kinds = [kind for kind in booth.kinds() if not kind.startswith(("booth", "scanner", "worker"))]
    assert kinds == [AWAITED, "command.answered", GIVEN_UP, "command.ended", "command.answered"]
    other = begin("enrol", *booth.config)
    other.reads("identity number: ")
    assert "the booth waits" not in other.said()


def test_a_terminal_that_hangs_up_leaves_no_wait_behind(begin: Begin, booth: Daemon) -> None:
    terminal = hand_over(begin, booth)
    terminal.hang_up()
    booth.state(lambda state: not state.attendant, "nobody awaited")
    assert given_up(booth) == LEFT
    assert terminal.process.wait(30) == 130


def test_a_booth_that_cannot_be_told_is_said_to_wait_still(begin: Begin, booth: Daemon) -> None:
    terminal = hand_over(begin, booth)
    booth.program.send(signal.SIGSTOP)
    terminal.type(CTRL_C)
    time.sleep(0.5)
    assert "the card stays here" not in terminal.said()
    assert terminal.process.poll() is None
    assert terminal.end() == 130
    assert "the booth does not answer: it still waits for the finger" in terminal.said()
    booth.program.send(signal.SIGCONT)
    booth.state(lambda state: not state.attendant, "what was said, heard late")


def test_a_wait_that_was_ended_elsewhere_ends_here(begin: Begin, booth: Daemon) -> None:
    terminal = hand_over(begin, booth)
    other = begin("enrol", *booth.config)
    other.reads("the booth waits for a finger of the card's holder (hand-over)")
    other.reads("end that and enrol somebody?")
    other.type("y")
    other.reads("identity number: ")
    terminal.reads("somebody is enrolled instead: the card stays here")
    assert terminal.end() == 1
    other.type(NUMBER)
    other.type("")
    booth.state(lambda state: state.enrolment, "an enrolment")
    late = {"request_id": "late", "reason": "too late", "awaited": "h1"}
    assert booth.command("abandon", late).outcome == "refused", "it is the wait's, and not the enrolment's"
    assert booth.state(lambda state: state.enrolment).enrolment


def test_a_second_hand_over_takes_the_place_of_the_first_and_the_first_says_so(
    begin: Begin, booth: Daemon
) -> None:
    """Else the first one's card would go to the second one's holder."""
    first = hand_over(begin, booth)
    second = hand_over(begin, booth)
    first.reads("the booth does not wait for this finger any more: begin anew")
    assert first.end() == 1
    assert given_up(booth) == "'hand-over' was sent"
    assert booth.state(lambda state: state.attendant).attendant, "the second one's is awaited"
    second.type(CTRL_C)
    assert second.end() == 130


def test_a_finger_is_not_waited_for_for_ever(begin: Begin, folder: Path, booth: Daemon) -> None:
    """And whoever sat at the terminal meanwhile reads why."""
    booth.program.kill()
    config = folder / "booth.toml"
    config.write_text(config.read_text().replace("finger_wait_seconds = 300", "finger_wait_seconds = 5"))
    booth.start()
    terminal = hand_over(begin, booth)
    began = time.monotonic()
    terminal.reads("nobody showed a finger within 5 seconds: the card stays here")
    assert time.monotonic() - began > 3
    assert terminal.end() == 1
    assert given_up(booth) == "nobody showed a finger within 5 seconds"


def test_a_booth_that_was_started_again_waits_no_longer_and_says_so(begin: Begin, booth: Daemon) -> None:
    """`docs/WIRE.md` 77."""
    terminal = hand_over(begin, booth)
    booth.program.kill()
    booth.start()
    terminal.reads("the booth was started again: the card stays here")
    assert terminal.end() == 1
    assert given_up(booth) == "the booth was started again"
    booth.program.kill()
    booth.start()
    assert booth.kinds().count(GIVEN_UP) == 1, "once"


def test_a_byte_that_is_no_character_leaves_nobody_deaf(begin: Begin, booth: Daemon) -> None:
    for more in ({"piped": b"00109\xff\n"}, {}):
        terminal = begin("enrol", *booth.config, **more)
        terminal.reads("identity number: ")
        if not more:
            terminal.type(b"00109\xff\n")
        terminal.reads("'identity_number' must be 12 digits")
        terminal.type("12")
        terminal.reads("must be 12 digits", 2)
        if not more:
            terminal.type(CTRL_C)
            assert terminal.end() == 130


def test_a_pin_that_can_be_none_is_no_wrong_pin(begin: Begin, booth: Daemon) -> None:
    subprocess.run(
        [VANTAY, "people", "add", "an", "--role", "operator", *booth.config], input=b"271828\n", check=True
    )
    booth.state(lambda state: state.login_key, "a booth where people log in")
    terminal = begin("enrol", *booth.config)
    for pin in (b"\xff\xfe\n", b"\n", b"27182o\n"):
        terminal.reads("your name: ")
        terminal.type("an")
        terminal.type(pin)
    terminal.reads("a PIN has 6 to 12 digits", 3)
    assert "login.failed" not in booth.kinds()
    terminal.type("an")
    terminal.type("271828")
    terminal.reads("identity number: ")


def test_a_booth_killed_while_the_pin_is_typed_says_what_to_do(begin: Begin, booth: Daemon) -> None:
    subprocess.run(
        [VANTAY, "people", "add", "an", "--role", "operator", *booth.config], input=b"271828\n", check=True
    )
    key = booth.state(lambda state: state.login_key, "a booth where people log in").login_key
    assert key
    booth.program.kill()
    booth.start()
    booth.state(lambda state: state.login_key not in (None, key), "another key")
    pin = seal_word("271828", key, f"{BOOTH}/stale")
    stale = booth.command("login", {"request_id": "stale", "person": "an", "pin": pin})
    assert (stale.outcome, stale.wants) == ("refused", "pin")
    terminal = begin("enrol", *booth.config)
    terminal.reads("your name: ")
    terminal.type("an")
    terminal.reads("PIN: ")
    booth.program.send(signal.SIGKILL)
    terminal.type("271828")  # sealed to the key of a booth that is gone
    booth.program.kill()
    booth.start()
    terminal.reads("refused: the booth was started again, nothing was done: type it and the PIN anew")
    terminal.type("an")
    terminal.type("271828")
    terminal.reads("identity number: ")


STATE = {
    "booth": BOOTH, "at": "2026-11-27T00:00:00.000Z", "phase": "idle", "prompt": "ready for the next subject",
    "scanner": "ready", "matcher": "ready", "last_seq": 1, "acknowledged_seq": 0,
}  # fmt: skip


def test_what_cannot_be_read_is_told_once_and_waited_over(
    begin: Begin, folder: Path, mosquitto: Mosquitto
) -> None:
    config = ["--config", str(folder / "booth.toml")]
    with ear(mosquitto.broker()) as somebody:
        for name, payload in (("state", b"\xff{"), ("status", b"[]"), ("reply", b"7")):
            somebody.publish(booth_topic(BOOTH, name), payload, retain=True)
        terminal = begin("enrol", *config)
        for name in ("state", "status", "reply"):
            terminal.reads(f"the booth's {name} is of another release, or garbled, and is left out")
        somebody.publish(booth_topic(BOOTH, "state"), json.dumps(STATE).encode(), retain=True)
        terminal.reads("identity number: ")
        terminal.type(CTRL_C)
        assert terminal.end() == 130
        newer = {**STATE, "phase": "a phase of next year"}
        somebody.publish(booth_topic(BOOTH, "state"), json.dumps(newer).encode(), retain=True)
        blind = begin("enrol", *config)
        blind.reads("nothing can be shown here: use the 'vantay' of the booth's own release")
        assert blind.end() == 1
        assert blind.said().count("the booth's state is of another release") == 1


def one_sentence(terminal: Terminal, words: str) -> None:
    terminal.reads(words)
    assert terminal.end() == 2
    assert terminal.said().count("vantay: ") == 1


def test_words_that_are_no_characters_are_one_sentence(begin: Begin, folder: Path) -> None:
    config = ["--config", str(folder / "booth.toml")]
    add = begin("people", "add", "an", "--role", "operator", *config)
    add.reads("PIN: ")
    add.type(b"\xff\n")
    one_sentence(add, "a PIN has 6 to 12 digits")
    add = begin("people", "add", "an", "--role", "operator", *config)
    add.reads("PIN: ")
    add.type(CTRL_D)
    one_sentence(add, "no PIN was typed")
    easy = begin("people", "add", "an", "--role", "operator", *config)
    easy.reads("PIN: ")
    easy.type("111111")
    one_sentence(easy, "this PIN is too easy to guess")
    assert "once more" not in easy.said(), "nobody types it twice for nothing"
    piped = begin("people", "add", "an", "--role", "operator", *config, piped=b"\xff\n")
    one_sentence(piped, "a PIN has 6 to 12 digits")
    (folder / "list.csv").write_text(f"number,name,birth,sex\n{NUMBER},Nguyễn Hoà An,17/5/1990,nam\n")
    subprocess.run([VANTAY, "worklist", "import", str(folder / "list.csv"), *config], check=True)
    one_sentence(
        begin("worklist", "set-state", NUMBER, "absent", "--reason", b"\xff", *config),
        "has a character that is no UTF-8",
    )
    one_sentence(
        begin("shift", "report", "--day", "2026-13-01", *config),
        "--day '2026-13-01' is no day: write YYYY-MM-DD",
    )
    one_sentence(begin("people", "forget-fingers", b"\xff", *config), "nobody is called")
    one_sentence(begin("shift", "report", "--day", b"\xff", *config), "is no day: write YYYY-MM-DD")


def test_what_cannot_be_signed_ends_and_the_terminal_shows_again_what_is_typed(
    begin: Begin, booth: Daemon
) -> None:
    for name, role, pin in (("an", "operator", b"271828\n"), ("binh", "supervisor", b"314159\n")):
        subprocess.run([VANTAY, "people", "add", name, "--role", role, *booth.config], input=pin, check=True)
    booth.state(lambda state: state.login_key, "a booth where people log in")
    words = ["people", "register-finger", "an", "--position", "2", "--supervisor", "binh", *booth.config]
    terminal = begin(*words)
    terminal.reads("PIN: ")
    terminal.type("31415")
    terminal.reads("\na PIN has 6 to 12 digits\n")
    assert terminal.end() == 2
    assert terminal.echoes
    terminal = begin(*words)
    terminal.reads("PIN: ")
    assert not terminal.echoes
    terminal.type("314159")
    booth.state(lambda state: state.attendant, "the wish for a finger")
    terminal.type(CTRL_C)
    terminal.reads("no finger of an was registered")
    assert terminal.end() == 130
    assert terminal.echoes
    booth.state(lambda state: not state.attendant, "nobody awaited")


def test_an_argument_that_is_no_character_is_said_as_it_can_be(begin: Begin, booth: Daemon) -> None:
    terminal = begin("settle", b"\xff", *booth.config)
    terminal.reads("nothing is to be settled")
    assert terminal.end() == 1


@contextmanager
def locked(booth: Daemon, seconds: float) -> Iterator[None]:
    """Another program keeps the booth's file, which the booth itself does not want to write to."""
    until(lambda: "scanner.fault" in booth.kinds(), "the missing scanner in the journal")
    booth.state(lambda state: state.matcher == "ready", "a matcher")
    words = [
        sys.executable,
        "-m",
        "tests.edge.hold_lock",
        str(booth.folder / "booth" / "booth.db"),
        str(seconds),
    ]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "locked\n"
        yield


def test_what_is_refused_while_the_file_is_locked_is_not_done_afterwards(begin: Begin, booth: Daemon) -> None:
    """The terminal sends again what is not answered for 3 s: the copy came when the file was free."""
    terminal = begin("enrol", *booth.config)
    terminal.reads("identity number: ")
    terminal.type(NUMBER)
    terminal.reads("missing fingers")
    with locked(booth, 8.0):
        terminal.type("")
        terminal.reads("refused: the booth's file is locked")
        assert terminal.end() == 1
    copies = until(lambda: booth.ear.on("/reply")[1:], "the answer to the copy")
    assert all(json.loads(copy)["repeated"] for copy in copies)
    assert booth.command("abandon", {"request_id": "a1", "reason": "none"}).outcome == "refused"
    assert "enrolment.started" not in booth.kinds()


def test_whoever_leaves_while_the_file_is_locked_is_told_what_the_booth_does(
    begin: Begin, booth: Daemon
) -> None:
    terminal = hand_over(begin, booth)
    with locked(booth, 8.0):
        terminal.type(CTRL_C)
        terminal.reads("the booth's file is locked")
        assert "the card stays here" not in terminal.said()
        assert booth.state(lambda state: state.attendant).attendant
    assert terminal.end() == 130
    assert "the card stays here" in terminal.said()
    assert given_up(booth) == LEFT


def test_whoever_leaves_while_the_file_stays_locked_reads_that_the_booth_still_waits(
    begin: Begin, booth: Daemon
) -> None:
    terminal = hand_over(begin, booth)
    with locked(booth, 16.0):
        terminal.type(CTRL_C)
        assert terminal.end() == 130
    assert "the card stays here" not in terminal.said()
    assert "it still waits for the finger" in terminal.said()


def test_what_no_booth_has_answered_is_not_begun_when_nobody_is_there_any_more(
    begin: Begin, booth: Daemon
) -> None:
    terminal = begin("enrol", *booth.config)
    terminal.reads("identity number: ")
    terminal.type(NUMBER)
    terminal.reads("missing fingers")
    booth.program.kill()
    terminal.type("")
    (sent,) = until(lambda: booth.ear.on("/command/enrol"), "the command")
    terminal.type(CTRL_C)
    assert terminal.end() == 130
    assert "the booth has not answered: what was sent last may still be done, for a minute" in terminal.said()
    assert "stays open" not in terminal.said(), "nothing has begun"
    left = datetime.fromisoformat(json.loads(sent)["expires_at"]) - datetime.now(UTC)
    assert timedelta(0) < left <= LIFE


def test_a_booth_whose_clock_is_wrong_is_served_by_its_own(
    begin: Begin, folder: Path, mosquitto: Mosquitto
) -> None:
    """By the console's clock every command would be late at a booth whose clock runs ahead."""
    with ear(mosquitto.broker(), "vantay/#") as somebody:
        somebody.publish(booth_topic(BOOTH, "state"), json.dumps(STATE).encode(), retain=True)
        terminal = begin("enrol", "--config", str(folder / "booth.toml"))
        terminal.reads("identity number: ")
        terminal.type(NUMBER)
        terminal.reads("missing fingers")
        terminal.type("")
        (first,) = until(lambda: somebody.on("/command/enrol"), "the command")
        said = {"request_id": json.loads(first)["request_id"], "command": "enrol", "outcome": "refused"}
        late = {**said, "reason": "it expired", "wants": EXPIRES_AT, "at": "2031-01-05T08:00:00.000Z"}
        somebody.publish(booth_topic(BOOTH, "reply"), json.dumps(late).encode())
        again = json.loads(until(lambda: somebody.on("/command/enrol")[1:], "the command once more")[0])
        assert again == {**json.loads(first), "expires_at": again["expires_at"]}
        assert again["expires_at"].startswith("2031-01-05T08:01:0")
        terminal.type(CTRL_C)
        assert terminal.end() == 130
