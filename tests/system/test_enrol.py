"""`vantay enrol`: a whole enrolment from a terminal, on a real broker, with a mix-up and a killed booth."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge.booth.handover import HANDED_OVER, NOT_MATCHED
from edge.commands.demo import Bar, synthetic_people
from edge.demo.check import Checker
from edge.demo.person import Hand
from edge.demo.stage import vantay
from edge.hub.packets import PacketFiles
from edge.journal import Journal
from edge.messages import Enrol, Phase, Review
from edge.store import Store
from tests.edge.programs import ear
from tests.system.production import Console, MosquittoStage, kill_booth, only_packet

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

NUMBER = "001090000001"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"  # how a portrait begins
ONLY_TWO = ", ".join(f"{position}=cut" for position in range(3, 11))


class Terminal:
    """The program, with somebody who types and reads."""

    def __init__(self, stage: MosquittoStage, *words: str) -> None:
        self.log = stage.folder / f"enrol-{time.monotonic_ns()}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *vantay(words[0] if words else "enrol"),
                    *words[1:],
                    "--config",
                    str(stage.folder / "booth.toml"),
                ],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def type(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    def said(self) -> str:
        return self.log.read_text()

    def reads(self, words: str, console: Console) -> None:
        console.until(lambda: words in self.said(), f"'{words}' on the terminal: {self.said()}")

    def end(self) -> int:
        assert self.process.stdin
        self.process.stdin.close()
        return self.process.wait(30)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdin and not self.process.stdin.closed:
            self.process.stdin.close()


@pytest.fixture
def terminals(stage: MosquittoStage) -> Iterator[Callable[..., Terminal]]:
    started: list[Terminal] = []

    def begin(*words: str) -> Terminal:
        started.append(Terminal(stage, *words))
        return started[-1]

    yield begin
    for terminal in started:
        terminal.kill()


def show(hand: Hand, console: Console, image: str) -> None:
    """Show a finger when it is wanted; lift it when it was judged."""
    console.until(lambda: console.shows(Phase.PLACE), "the wish for a finger")
    assert console.state
    asked = (console.state.position, console.state.attempt, console.state.confirming)
    hand.put(image)

    def judged() -> bool:
        state = console.state
        return bool(state and (state.position, state.attempt, state.confirming) != asked)

    console.until(judged, "a judgement")
    hand.lift()
    time.sleep(0.3)


def test_a_person_is_enrolled_from_a_terminal_and_a_swap_is_noticed(
    stage: MosquittoStage, console: Console, terminals: Callable[[], Terminal]
) -> None:
    terminal = terminals()
    portrait = stage.folder / "portrait.jpg"
    hand = Hand(stage.control)
    terminal.reads("identity number: ", console)
    terminal.type("12 digits")
    terminal.reads("'identity_number' must be 12 digits", console)
    terminal.type(NUMBER)
    terminal.type("11=cut")
    terminal.reads("a missing finger is POSITION=CLASS DESCRIPTION, as 4=permanent amputated", console)
    terminal.type(ONLY_TWO)
    terminal.reads("[0/2] place the right thumb on the scanner", console)
    show(hand, console, "0001_01_1.png")
    terminal.reads("taken: right thumb", console)
    kill_booth(stage, console)
    terminal.reads("[1/2] place the right index on the scanner", console)
    show(hand, console, "0001_02_1.png")
    terminal.reads("once more, to confirm who is here", console)
    terminal.type("override impatience")
    terminal.reads("refused: there is no alarm to override", console)
    for _ in range(3):
        show(hand, console, "0002_07_1.png")
    terminal.reads("ALARM: the finger shown to confirm is not the captured", console)
    first = console.asked_again()
    show(hand, console, f"0001_0{first}_2.png")
    other = 3 - first  # did not confirm either
    console.until(lambda: bool(console.state and console.state.position == other), "the other one's turn")
    show(hand, console, f"0001_0{other}_2.png")
    terminal.reads("the person's identity number once more", console)
    terminal.type("001090000002")
    terminal.type(str(portrait))
    terminal.reads(f"{portrait} is no file", console)
    portrait.write_bytes(b"root:x:0:0:")
    terminal.type(str(portrait))
    terminal.reads(f"{portrait} is no picture: a portrait is JPEG, PNG", console)
    portrait.write_bytes(JPEG)
    terminal.type(str(portrait))
    terminal.reads("refused: this is not the identity number that enrolment", console)
    terminal.type(NUMBER)
    terminal.type(str(portrait))
    terminal.reads("enrolled with 2 fingers", console)
    assert terminal.end() == 0
    hand.close()
    assert "Traceback" not in terminal.said()
    checker = Checker(stage.folder, stage.scans, "demo-001")
    console.until(checker.settled, "the hub's last acknowledgement")
    (packet,) = checker.packets().values()
    assert packet.manifest["identity_number"] == NUMBER
    assert packet.manifest["confirmed"] == "confirmed"
    assert [f["finding"] for f in packet.manifest["findings"]] == ["not-confirmed", "number-differs"]
    checker.close()


def test_an_enrolment_that_is_under_way_goes_on_in_another_terminal_and_can_be_given_up(
    stage: MosquittoStage, console: Console, terminals: Callable[[], Terminal]
) -> None:
    terminal = terminals()
    terminal.type(NUMBER)  # before it was asked: it waits
    terminal.type("")
    terminal.reads("[0/10] place the right thumb", console)
    terminal.type("missing 4 permanent")
    terminal.reads("describe the finger as well, as in 4=permanent amputated in 1998", console)
    terminal.type("missing 4 permanent amputated in 1998")
    terminal.reads("[0/9]", console)
    console.until(lambda: bool(console.state and console.state.missing_why == {4: "permanent"}), "the reason")
    terminal.kill()
    other = terminals()
    other.reads("is under way and goes on here", console)
    other.type("gibberish")
    other.type("abandon")
    other.reads("type: abandon REASON", console)
    other.type("abandon the person went home")
    other.reads("the enrolment was given up: the person went home", console)
    assert other.end() == 1
    last = terminals()
    last.reads("identity number: ", console)
    assert last.end() == 1
    assert "nobody types any more" in last.said()


def test_where_people_log_in_a_supervisor_signs_what_the_operator_may_not(
    stage: MosquittoStage, console: Console, terminals: Callable[[], Terminal]
) -> None:
    for name, role, pin in (("an", "operator", "271828182845"), ("binh", "supervisor", "314159265358")):
        words = [*vantay("people"), "add", name, "--role", role, "--config", str(stage.folder / "booth.toml")]
        subprocess.run(words, input=f"{pin}\n", text=True, check=True, capture_output=True, timeout=60)
    console.until(lambda: bool(console.state and console.state.login_key), "a booth where people log in")
    hand, terminal = Hand(stage.control), terminals()
    terminal.reads("your name: ", console)
    for pin in ("999111", "271828182845"):
        terminal.type("an")
        terminal.type(pin)
    terminal.reads("refused: there is no such person with this PIN", console)
    terminal.reads("identity number: ", console)
    terminal.type(NUMBER)
    terminal.type(ONLY_TWO.replace("=", "=temporary "))
    for image in ("0001_01_1.png", "0001_02_1.png", *["0002_07_1.png"] * 3):
        show(hand, console, image)
    terminal.reads("ALARM", console)
    for name, pin in (("an", "271828182845"), ("binh", "314159265358")):
        terminal.type("override a fresh burn")
        terminal.type(name)
        terminal.type(pin)
    terminal.reads("refused: an is or was the operator", console)

    def signs(reason: str) -> None:
        for line in (f"override {reason}", "binh", "314159265358"):
            terminal.type(line)

    terminal.reads("left little (temporary) cannot be captured: a supervisor looks at the hands", console)
    signs("the hands are bandaged")
    terminal.reads("the person's identity number once more", console)
    terminal.type(NUMBER)
    terminal.type("- the camera is broken")
    terminal.reads("ALARM: the record has no portrait because: the camera is broken", console)
    signs("it is")
    terminal.reads("enrolled with 2 fingers", console)
    assert terminal.end() == 0
    hand.close()
    packet = only_packet(stage, console)
    assert packet.manifest["operator"] == "an"
    assert packet.manifest["confirmed"] == "overridden"
    signed = [f["of"] for f in packet.manifest["findings"] if f["finding"] == "overridden"]
    assert [of["finding"] for of in signed] == ["not-confirmed", "missing-fingers", "no-portrait"]
    assert {of["signed_by"] for of in signed} == {"binh"}
    assert packet.manifest["missing_why"] == {str(position): "temporary" for position in range(3, 11)}
    (without,) = (f for f in packet.manifest["findings"] if f["finding"] == "no-portrait")
    assert "the camera is broken" in without["text"]
    logs = b"".join(path.read_bytes() for path in stage.folder.glob("*.log"))
    kept = b"".join(path.read_bytes() for path in (stage.folder / "booth").rglob("*") if path.is_file())
    assert not any(pin in place for pin in (b"271828182845", b"314159265358") for place in (logs, kept))


def test_what_the_worklist_says_otherwise_is_noticed_and_settled_before_sealing(
    stage: MosquittoStage, console: Console, terminals: Callable[[], Terminal]
) -> None:
    """A list is imported while the booth runs; nothing of it, and nothing that is typed, is on a topic."""
    console.until(lambda: console.state is not None, "the booth")
    listed = stage.folder / "class 9a.csv"
    listed.write_text(f"number,name,birth,sex\n{NUMBER},Nguyễn Hoà An,17/5/1990,nam\n")
    config = ["--config", str(stage.folder / "booth.toml")]
    worklist = vantay("worklist")
    taken = subprocess.run(
        [*worklist, "import", str(listed), *config], capture_output=True, text=True, check=True, timeout=60
    )
    assert taken.stdout == "1 new, 0 corrected, 0 refused, 0 known already\n"
    console.until(lambda: bool(console.state and console.state.asks), "a booth that asks")
    everything = ear(stage.box_broker(), "vantay/#", name="box")
    with everything as box:
        terminal, hand = terminals(), Hand(stage.control)
        terminal.reads("identity number: ", console)
        for line in (NUMBER, "", "17/5/1991", "nam", ONLY_TWO):
            terminal.type(line)
        terminal.reads("refused: the birth year is not the one that the number says", console)
        for line in (NUMBER, "Nguyễn Hoá An", "17/5/1990", "nam", ONLY_TWO):
            terminal.type(line)
        terminal.reads("ALARM: the worklist says otherwise of this number: another name.", console)
        for image in ("0001_01_1.png", "0001_02_1.png"):
            show(hand, console, image)
        terminal.reads("once more, to confirm who is here", console)
        show(hand, console, f"0001_0{console.asked_again()}_2.png")
        terminal.reads("settle the alarm: type: override REASON, or abandon REASON", console)
        terminal.type("override the school misspelt it")
        terminal.reads("the person's identity number once more", console)
        terminal.type(NUMBER)
        terminal.reads("the name is Nguyễn Hoá An", console)
        terminal.type("Nguyễn Hoá Anh")
        terminal.type("- the camera is broken")
        terminal.reads("refused: this is not the name that enrolment", console)
        for line in (NUMBER, "y", "- the camera is broken"):
            terminal.type(line)
        terminal.reads("enrolled with 2 fingers", console)
        assert terminal.end() == 0
        hand.close()
        box.listen()
        told = [m for m in box.heard if "/command/" not in m.topic]
        assert told
        for secret in (NUMBER, "Nguyễn", "1990-05-17", "class 9a"):
            assert not any(secret.encode() in message.payload for message in told)
    shown = subprocess.run(
        [*worklist, "show", NUMBER, *config], capture_output=True, text=True, check=True, timeout=60
    )
    assert "state   enrolled at " in shown.stdout
    packet = only_packet(stage, console)
    assert packet.manifest["stated"] == {"name": "Nguyễn Hoá An", "birth": "1990-05-17", "sex": "male"}
    found = [f["finding"] for f in packet.manifest["findings"]]
    assert found == ["list-differs", "overridden", "name-differs", "no-portrait"]


def test_whoever_goes_on_at_another_terminal_types_the_stated_name(
    stage: MosquittoStage, console: Console, terminals: Callable[[], Terminal]
) -> None:
    """The name is on no topic: only the booth knows it, and compares."""
    console.until(lambda: console.state is not None, "the booth")
    missing = dict.fromkeys(range(3, 11), "cut")
    begun = Enrol(request_id="wire-1", identity_number=NUMBER, missing=missing, name="Nguyễn Hoá An")
    assert console.ask(begun).outcome == "accepted"
    console.until(lambda: bool(console.state and console.state.name_stated), "a stated name in the state")
    terminal, hand = terminals(), Hand(stage.control)
    terminal.reads("is under way and goes on here", console)
    for image in ("0001_01_1.png", "0001_02_1.png"):
        show(hand, console, image)
    terminal.reads("once more, to confirm who is here", console)
    show(hand, console, f"0001_0{console.asked_again()}_2.png")
    terminal.reads("the person's identity number once more", console)
    terminal.type(NUMBER)
    for asked, typed in ((1, ""), (2, "y"), (3, "nguyễn hóa an")):
        console.until(lambda: terminal.said().count("name once more: ") == asked, "the name")  # noqa: B023 - at once
        terminal.type(typed)
    terminal.type("- the camera is broken")
    terminal.reads("enrolled with 2 fingers", console)
    assert terminal.end() == 0
    hand.close()
    packet = only_packet(stage, console)
    assert [f["finding"] for f in packet.manifest["findings"]] == ["no-portrait"]


def test_a_review_by_the_wire_that_leaves_the_stated_name_out_is_in_the_packet(
    stage: MosquittoStage, console: Console
) -> None:
    console.until(lambda: console.state is not None, "the booth")
    missing = dict.fromkeys(range(3, 11), "cut")
    console.ask(Enrol(request_id="wire-1", identity_number=NUMBER, missing=missing, name="Nguyễn Hoá An"))
    hand = Hand(stage.control)
    for image in ("0001_01_1.png", "0001_02_1.png"):
        show(hand, console, image)
    show(hand, console, f"0001_0{console.asked_again()}_2.png")
    hand.close()
    console.until(lambda: console.shows(Phase.REVIEW), "the review")
    word = Review(request_id="wire-2", identity_number=NUMBER, no_portrait="the camera is broken")
    reply = console.ask(word, "review")
    assert (reply.outcome, "that was stated is not confirmed" in reply.reason) == ("accepted", True)
    checker = Checker(stage.folder, stage.scans, "demo-001")
    console.until(lambda: checker.settled() and bool(checker.packets()), "the packet at the hub")
    (packet,) = checker.packets().values()
    checker.close()
    assert "name-unconfirmed" in [f["finding"] for f in packet.manifest["findings"]]


def test_the_portraits_of_two_people_that_were_swapped_show(
    stage: MosquittoStage, console: Console, terminals: Callable[[], Terminal]
) -> None:
    """Hers is sealed with his; it shows by its time, by the alarm when his own is due, and by each packet."""
    his_number = "001090000002"
    hers, his = stage.folder / "hers.jpg", stage.folder / "his.jpg"
    for portrait in (hers, his):  # both were taken while people waited
        portrait.write_bytes(JPEG + portrait.name.encode())
        os.utime(portrait, (time.time() - 600, time.time() - 600))
    hand = Hand(stage.control)
    for person, number in (("0001", NUMBER), ("0002", his_number)):
        terminal = terminals()
        terminal.reads("identity number: ", console)
        for line in (number, ONLY_TWO):
            terminal.type(line)
        for image in (f"{person}_01_1.png", f"{person}_02_1.png"):
            show(hand, console, image)
        terminal.reads("once more, to confirm who is here", console)
        show(hand, console, f"{person}_0{console.asked_again()}_2.png")
        terminal.reads("the person's identity number once more", console)
        terminal.type(number)
        terminal.type(str(his))
        if person == "0002":
            terminal.reads("ALARM: this portrait was given at the review of enrolment", console)
            kill_booth(stage, console)
            assert console.state
            assert console.state.alarm
            for line in ("review", number, str(hers)):
                terminal.type(line)
        terminal.reads("the portrait is of", console)
        terminal.reads("before this enrolment began", console)
        terminal.reads("look at the portrait: does it show this person?", console)
        terminal.type("y")
        terminal.reads("the record is being sealed", console)
        terminal.reads("enrolled with 2 fingers", console)
        assert terminal.end() == 0
    hand.close()
    checker = Checker(stage.folder, stage.scans, "demo-001")
    console.until(checker.settled, "the hub's last acknowledgement")
    of = {packet.manifest["identity_number"]: packet.manifest for packet in checker.packets().values()}
    checker.close()
    assert [f["finding"] for f in of[NUMBER]["findings"]] == ["portrait-time"]
    assert [f["finding"] for f in of[his_number]["findings"]] == ["portrait-used", "portrait-time"]
    with closing(Store(stage.folder / "booth" / "booth.db", read_only=True)) as store:
        sealed = {e.body["enrolment"]: e.body["packet"] for e in Journal(store).of_kind("enrolment.sealed")}
    files = PacketFiles(stage.folder / "hub" / "packets")
    for number, own, other in ((NUMBER, hers, his), (his_number, his, hers)):
        packet = files.path(sealed[of[number]["enrolment"]])
        verify = [*vantay("packet"), "verify", str(packet), "--portrait"]
        key = ["--key", str(stage.folder / "ministry" / "ministry.key")]
        for portrait, code, said in ((own, 1, "is not the portrait that the record"), (other, 0, "")):
            done = subprocess.run(
                [*verify, str(portrait), *key], capture_output=True, text=True, check=False, timeout=60
            )
            assert (done.returncode, done.stderr.count("\n")) == (code, code)
            assert said in done.stderr


def test_who_has_no_finger_is_enrolled_by_two_people_and_the_hub_has_the_record(
    stage: MosquittoStage, console: Console, terminals: Callable[..., Terminal]
) -> None:
    terminal = terminals()
    terminal.reads("identity number: ", console)
    terminal.type(NUMBER)
    terminal.type(", ".join(f"{position}=amputated" for position in range(1, 11)))
    terminal.reads("ALARM: no finger that the plan asks for can be captured", console)
    terminal.reads("settle the alarm: type: override REASON", console)
    terminal.type("override both hands are gone")
    terminal.reads("the person's identity number once more", console)
    terminal.type(NUMBER)
    terminal.type("- the camera is broken")
    terminal.reads("enrolled without a finger: the record says why, and who signed", console)
    assert terminal.end() == 0
    packet = only_packet(stage, console)
    assert packet.blobs == {}
    assert packet.manifest["exception"]["exception"] == "no-finger"
    assert packet.manifest["missing"] == {str(position): "amputated" for position in range(1, 11)}


def test_a_shift_is_opened_before_the_first_person_and_closed_with_what_is_open(
    stage: MosquittoStage, console: Console, terminals: Callable[..., Terminal]
) -> None:
    config = stage.folder / "booth.toml"
    console.until(lambda: console.state is not None, "the booth")
    config.write_text(config.read_text() + "\n[shift]\nrequired = true\n")
    stage.kill("booth")
    stage.start_booth()
    console.forget()
    console.until(lambda: bool(console.state and console.state.shift_wanted), "a booth that asks for a shift")
    first = terminals()
    first.reads("no shift is open; open one now?", console)
    first.type("y")
    first.reads("identity number: ", console)
    first.type(NUMBER)
    first.type(ONLY_TWO)
    console.until(lambda: console.shows(Phase.PLACE), "the wish for a finger")
    first.kill()
    console.until(lambda: bool(console.state and console.state.shift), "the shift")
    second = terminals("shift", "close")
    second.reads("refused: this is open: enrolment", console)
    second.type("the power goes")
    second.reads("the shift is closed; open is: enrolment", console)
    assert second.end() == 0
    console.until(lambda: bool(console.state and not console.state.shift), "no shift")
    assert console.state.enrolment, "who stands there stands there"
    report = subprocess.run(
        [*vantay("shift"), "report", "--config", str(config)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "enrolments 1 begun" in report.stdout
    assert "(the power goes)" in report.stdout


def test_a_booth_that_does_not_run_is_named(
    stage: MosquittoStage, console: Console, terminals: Callable[[], Terminal]
) -> None:
    console.until(lambda: console.state is not None, "the booth")
    stage.kill("booth")
    terminal = terminals()
    terminal.reads("the booth demo-001 does not run: waiting for it", console)
    stage.start_booth()
    terminal.reads("identity number: ", console)


def test_a_missing_configuration_is_one_sentence(tmp_path: Path) -> None:
    command = [*vantay("enrol"), "--config", str(tmp_path / "booth.toml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "cannot be read" in done.stderr


def people_add(stage: MosquittoStage, name: str, role: str, pin: str) -> None:
    config = ["--config", str(stage.folder / "booth.toml")]
    subprocess.run([*vantay("people"), "add", *config, name, "--role", role], input=pin.encode(), check=True)


def test_the_operators_own_finger_logs_in_and_is_refused_as_a_subjects(
    stage: MosquittoStage, console: Console, terminals: Callable[..., Terminal]
) -> None:
    """The images of person 3 are the operator's; the subject is person 1."""
    people_add(stage, "an", "operator", "271828")
    people_add(stage, "binh", "supervisor", "314159")
    hand = Hand(stage.control)
    register = terminals("people", "register-finger", "an", "--position", "2", "--supervisor", "binh")
    register.reads("PIN: ", console)
    register.type("314159")
    for number, impression in enumerate((1, 2, 1), 1):  # the third one lies off the centre
        register.reads(f"an, place the right index on the scanner ({number} of 3)", console)
        show_own(hand, console, f"0003_02_{impression}.png")
    register.reads("the right index of an is registered", console)
    assert register.end() == 0

    terminal = terminals()
    terminal.reads("your name: ", console)
    terminal.type("an")
    terminal.type("271828")
    terminal.reads("an, place a registered finger on the scanner, as the right index", console)
    show_own(hand, console, "0002_02_1.png")
    terminal.reads("this is no registered finger of an: an, place a registered finger", console)
    assert console.state
    assert console.state.operator is None
    show_own(hand, console, "0003_02_2.png")
    terminal.reads("identity number: ", console)
    terminal.type(NUMBER)
    terminal.type(ONLY_TWO)
    show(hand, console, "0001_01_1.png")
    terminal.reads("taken: right thumb", console)
    hand.put("0003_02_3.png")
    terminal.reads("ALARM: the finger shown as right index is one of an, who works here", console)
    hand.lift()
    time.sleep(0.3)
    show(hand, console, "0001_02_1.png")
    terminal.reads("taken: right index", console)
    terminal.type("abandon that was all")
    terminal.reads("the enrolment was given up", console)
    hand.close()


def enrol_two_fingers(terminal: Terminal, hand: Hand, console: Console, person: str) -> None:
    """Play a whole enrolment of a person, called by the first four digits of the images, with two fingers."""
    terminal.reads("identity number: ", console)
    terminal.type(NUMBER)
    terminal.type(ONLY_TWO)
    for position in (1, 2):
        show(hand, console, f"{person}_0{position}_1.png")
    terminal.reads("once more, to confirm who is here", console)
    show(hand, console, f"{person}_0{console.asked_again()}_2.png")
    terminal.reads("the person's identity number once more", console)
    terminal.type(NUMBER)
    terminal.type("- no camera today")
    terminal.reads("enrolled with 2 fingers", console)
    assert terminal.end() == 0


def test_a_card_goes_to_its_holder_and_to_nobody_else(
    stage: MosquittoStage, console: Console, terminals: Callable[..., Terminal]
) -> None:
    hand = Hand(stage.control)
    enrol_two_fingers(terminals(), hand, console, "0001")

    stranger = terminals("hand-over")
    stranger.reads("identity number: ", console)
    stranger.type(NUMBER)
    for _ in range(3):
        show_own(hand, console, "0002_02_1.png")
    stranger.reads("this is not the right index of the card's holder: place the right index", console)
    stranger.reads("the right index is not the holder's: the card stays here", console)
    assert stranger.end() == 1

    holder = terminals("hand-over")
    holder.reads("identity number: ", console)
    holder.type(NUMBER)
    show_own(hand, console, "0001_02_2.png")
    holder.reads("the right index is the holder's: the card may be handed over", console)
    assert holder.end() == 0
    hand.close()


def test_a_card_is_handed_over_by_the_template_as_the_card_wraps_it(
    stage: MosquittoStage, console: Console, terminals: Callable[..., Terminal], tmp_path: Path
) -> None:
    record, card = tmp_path / "right-index.fmr", tmp_path / "card.bin"
    image = synthetic_people(Bar()) / "0001_02_1.png"
    for words in (
        [*vantay("extract"), str(image), "-o", str(record)],
        [*vantay("convert"), str(record), str(card), "--format", "iso-compact", "--wrapped"],
    ):
        subprocess.run(words, check=True)
    assert card.read_bytes()[:2] == b"\x7f\x2e"
    hand = Hand(stage.control)
    for shown, said, code in (
        (["0002_02_1.png"] * 3, "the card stays here", 1),
        (["0001_02_2.png"], "the right index is the holder's: the card may be handed over", 0),
    ):
        terminal = terminals("hand-over", "--card", str(card), "--position", "2")
        terminal.reads("identity number: ", console)
        terminal.type(NUMBER)
        for name in shown:
            show_own(hand, console, name)
        terminal.reads(said, console)
        assert terminal.end() == code
    hand.close()


def test_no_card_goes_out_under_a_number_whose_record_is_another_persons(
    stage: MosquittoStage, console: Console, terminals: Callable[..., Terminal], tmp_path: Path
) -> None:
    """The number is person 3's, enrolled here; the card, and the finger at the scanner, are person 1's."""
    hand = Hand(stage.control)
    enrol_two_fingers(terminals(), hand, console, "0003")

    cards = {}
    for person in (1, 3):
        record, cards[person] = tmp_path / f"{person}.fmr", tmp_path / f"{person}.bin"
        image = synthetic_people(Bar()) / f"000{person}_02_1.png"
        for words in (
            [*vantay("extract"), str(image), "-o", str(record)],
            [*vantay("convert"), str(record), str(cards[person]), "--format", "iso-compact"],
        ):
            subprocess.run(words, check=True)
    half = "the right index is that of the card, but not that of the record made here under this number"
    for person, fingers, said, code in (
        (1, ["0001_02_2.png"] * 3, f"{half}: check the number; the card stays here", 1),
        (3, ["0003_02_2.png"], "the right index is the holder's: the card may be handed over", 0),
    ):
        terminal = terminals("hand-over", "--card", str(cards[person]), "--position", "2")
        terminal.reads("identity number: ", console)
        terminal.type(NUMBER)
        for name in fingers:
            show_own(hand, console, name)
        terminal.reads(said, console)
        assert terminal.end() == code
    hand.close()
    with closing(Store(stage.folder / "booth" / "booth.db", read_only=True)) as store:
        (kept,), (given,) = (list(Journal(store).of_kind(kind)) for kind in (NOT_MATCHED, HANDED_OVER))
    assert (kept.body["source"], kept.body["matched"]) == ("both", ["card"])
    assert (given.body["source"], given.body["packet"]) == ("both", kept.body["packet"])
    assert given.body["record_score"] is not None


def show_own(hand: Hand, console: Console, image: str) -> None:
    """Show a finger of no enrolment when it is wanted; lift it when it was judged."""
    console.until(lambda: console.shows(Phase.PLACE), "the wish for a finger")
    assert console.state
    prompt = console.state.prompt
    hand.put(image)
    console.until(
        lambda: bool(
            console.state
            and console.state.prompt != prompt
            and console.state.phase in (Phase.LIFT, Phase.IDLE)
        ),
        "a judgement",
    )
    hand.lift()
    console.until(
        lambda: bool(console.state and console.state.phase in (Phase.PLACE, Phase.IDLE)), "an empty platen"
    )
