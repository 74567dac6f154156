"""The worker processes: they live as long as the daemon's end of the channel, and answer what is asked."""

import io
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge.booth import channel, remembered
from edge.messages import PresentationFault
from fwtools.synthesis.faults import FAULTS
from fwtools.synthesis.impressions import impression
from fwtools.synthesis.rolled import Mishap
from matching import calibration, compare, fir2005, iso19794, search_code, serial
from matching.finger_image import pixels_of
from matching.pattern import ridge_pattern
from matching.quality import examine
from matching.rolled import compose
from matching.views import impressions
from tests.edge.booth.worker_process import NO_SCANNER, SECONDS, Process, worker
from tests.fwtools.rolls import flat_finger, rolled
from tests.fwtools.slaps import slap
from tests.fwtools.synthetic import finger, needs_speed
from tests.fwtools.virtual_scanner import virtual_scanner, write_fingers

pytestmark = pytest.mark.system

FMR = 1e-3


def ended_quietly(one: Process) -> bool:
    """The daemon's end closes: the worker ends by itself, with nothing to complain about."""
    one.end.close()
    _, said = one.process.communicate(timeout=SECONDS)
    return (one.process.returncode, said) == (0, b"")


@pytest.fixture(scope="module")
def matcher() -> Iterator[Process]:
    with worker("matcher") as process:
        assert process.hear() == (channel.MatcherReady(), [])
        yield process


def question(
    pixels: np.ndarray,
    token: int,
    position: int,
    accepted: tuple[int, ...] = (),
    suspected: tuple[str, ...] = (),
) -> channel.Examine:
    height, width = pixels.shape
    return channel.Examine(
        token=token,
        position=position,
        width=width,
        height=height,
        ppi=500.0,
        accepted=accepted,
        same_finger_fmr=FMR,
        already_enrolled_fmr=FMR,
        suspected=suspected,
    )


def ask(
    matcher: Process,
    token: int,
    pixels: np.ndarray,
    position: int,
    suspected: tuple[str, ...] = (),
    **templates: bytes,
) -> tuple[channel.Examined, list[bytes]]:
    accepted = tuple(int(name.removeprefix("p")) for name in templates)
    asked = question(pixels, token, position, accepted, suspected)
    matcher.end.send(asked, pixels.tobytes(), *templates.values())
    answer, blobs = matcher.hear()
    while isinstance(answer, channel.Fetch):
        hand_over(matcher, answer)
        answer, blobs = matcher.hear()
    assert isinstance(answer, channel.Examined)
    assert answer.token == token
    return answer, blobs


PATTERN = ridge_pattern()
OTHER = np.ascontiguousarray(ridge_pattern(side=300)[::-1, :200])  # other dislocations at other places


def test_the_matcher_judges_a_frame(matcher: Process) -> None:
    answer, (picture, template, record, code) = ask(matcher, 1, PATTERN, 3)
    template_here, quality = examine(PATTERN, 500.0)
    assert (answer.quality, answer.hint) == (quality.score, quality.hint)
    assert answer.minutiae == len(template_here.minutiae) > 5
    assert answer.parts.keys() == quality.parts.keys()
    assert (answer.same_finger, answer.already) == ((), ())
    (kept,) = fir2005.read(picture)
    assert (kept.position, kept.impression, kept.quality, kept.ppi) == (3, 0, quality.score, 500)
    with Image.open(io.BytesIO(kept.data)) as image:
        assert np.array_equal(np.asarray(image), PATTERN), "the sample is the frame, pixel for pixel"
        assert image.info["dpi"] == pytest.approx((500, 500), abs=0.1)
    whole, standard = serial.from_bytes(template), iso19794.read(record)
    assert (whole.position, whole.quality) == (standard.position, standard.quality) == (3, quality.score)
    assert len(whole.minutiae) == len(standard.minutiae) == answer.minutiae
    assert search_code.from_bytes(code).has_flow


def test_the_matcher_says_whether_two_templates_are_of_one_finger(matcher: Process) -> None:
    _, (_, first, _, _) = ask(matcher, 1, PATTERN, 3)
    _, (_, other, _, _) = ask(matcher, 2, OTHER, 3)
    standard = serial.to_bytes(iso19794.read(iso19794.write(serial.from_bytes(first))))  # of another system
    for token, candidate, match in ((5, first, True), (6, standard, True), (7, other, False)):
        matcher.end.send(channel.Compare(token=token, fmr=1e-4), first, candidate)
        answer, _ = matcher.hear()
        assert isinstance(answer, channel.Compared)
        assert (answer.token, answer.match) == (token, match)
        assert answer.score == pytest.approx(
            compare.compare(serial.from_bytes(first), serial.from_bytes(candidate)).value, abs=1e-4
        )


KEPT: dict[tuple[str, int], bytes] = {}  # templates that the matcher may fetch
ASKED: list[tuple[str, int]] = []


def load(matcher: Process, *fingers: tuple[str, int, bytes]) -> None:
    lengths, blob = channel.joined(code for _, _, code in fingers)
    enrolled = tuple(
        channel.Enrolled(enrolment=f"e{name}", subject=f"s{name}", position=position, length=length)
        for (name, position, _), length in zip(fingers, lengths, strict=True)
    )
    matcher.end.send(channel.Load(fingers=enrolled), blob)


def hand_over(matcher: Process, wish: channel.Fetch) -> None:
    wanted = [(finger.enrolment, finger.position) for finger in wish.fingers]
    ASKED.extend(wanted)
    lengths, blob = channel.joined(KEPT.get(finger, b"") for finger in wanted)
    matcher.end.send(channel.Fetched(lengths=lengths), blob)


def test_the_matcher_tells_what_may_be_the_same_finger_and_how_surely(matcher: Process) -> None:
    _, (_, first, _, _) = ask(matcher, 2, PATTERN, 1)
    part = np.ascontiguousarray(PATTERN[:170, :170])
    score = compare.compare(examine(part, 500.0)[0], serial.from_bytes(first)).value
    fmr = calibration.rate(score)
    assert 0 < fmr < 0.05
    for least, most, expected in (
        (fmr / 4, fmr * 4, "perhaps"),
        (fmr * 2, fmr * 4, "same"),
        (fmr / 4, fmr / 2, ""),
    ):
        asked = question(part, 8, 3, (1,)).model_copy(
            update={"same_finger_fmr": least, "perhaps_fmr": most, "search": False}
        )
        matcher.end.send(asked, part.tobytes(), first)
        answer, _ = matcher.hear()
        assert isinstance(answer, channel.Examined)
        assert [hit.position for hit in answer.same_finger] == ([1] if expected == "same" else [])
        assert [(hit.position, hit.score) for hit in answer.perhaps] == (
            [(1, round(score, 4))] if expected == "perhaps" else []
        )
        assert all(hit.fmr == pytest.approx(fmr) for hit in answer.perhaps)


def test_the_matcher_tells_the_same_finger_and_who_is_enrolled_already(matcher: Process) -> None:
    _, (_, first, _, code) = ask(matcher, 2, PATTERN, 1)
    _, (_, other, _, of_other) = ask(matcher, 3, OTHER, 2)
    answer, _ = ask(matcher, 4, PATTERN, 3, p1=first, p2=other)
    assert [hit.position for hit in answer.same_finger] == [1]
    assert answer.already == ()
    KEPT.update({("e7", 3): first, ("e8", 3): other, ("e9", 4): first})
    load(matcher, ("7", 3, code), ("8", 3, of_other), ("9", 4, code))
    answer, _ = ask(matcher, 5, PATTERN, 3, p1=other, p2=other, p6=other)
    assert [(hit.subject, hit.position) for hit in answer.already] == [("s7", 3)]
    assert (answer.looked_through, answer.already[0].enrolled, answer.already[0].fmr < FMR) == (3, 1, True)
    assert ASKED == [("e7", 3), ("e8", 3)]
    answer, _ = ask(matcher, 6, PATTERN, 5, p1=other, p2=other, p6=other)
    assert answer.already == (), "the fourth finger is compared with those of its position"
    answer, _ = ask(matcher, 9, PATTERN, 5, ("s9", "s8", "unknown"), p1=other, p2=other, p6=other)
    assert [(hit.subject, hit.position) for hit in answer.already] == [("s9", 4)], "but not of a suspect's"
    answer, _ = ask(matcher, 7, PATTERN, 3, p1=other)
    assert {(hit.subject, hit.position) for hit in answer.already} == {("s7", 3), ("s9", 4)}
    asked = question(PATTERN, 71, 3).model_copy(update={"renews": ("e7", "e8")})
    matcher.end.send(asked, PATTERN.tobytes())
    hand_over(matcher, matcher.hear()[0])
    answer = matcher.hear()[0]
    if isinstance(answer, channel.Fetch):
        hand_over(matcher, answer)
        answer = matcher.hear()[0]
    assert isinstance(answer, channel.Examined)
    assert [hit.subject for hit in answer.already] == ["s9"], "the record that is renewed alone is left out"
    KEPT.pop(("e9", 4))
    answer, _ = ask(matcher, 8, PATTERN, 5)
    assert [hit.subject for hit in answer.already] == ["s7"], "a template that is gone is not compared"


def test_a_finger_without_a_code_of_this_release_is_made_one_which_is_handed_over(matcher: Process) -> None:
    _, (_, template, _, code) = ask(matcher, 21, OTHER, 6)
    KEPT[("e21", 6)] = KEPT[("e22", 6)] = template
    load(matcher, ("21", 6, b""), ("22", 6, code[:4] + b"\x00" + code[5:]), ("23", 6, b""))
    wish, _ = matcher.hear()
    assert isinstance(wish, channel.Fetch)
    hand_over(matcher, wish)
    made, (codes,) = matcher.hear()
    assert isinstance(made, channel.Recoded)
    assert [(one.enrolment, one.subject, one.position) for one in made.fingers] == [
        ("e21", "s21", 6),
        ("e22", "s22", 6),
    ]
    assert channel.parted((one.length for one in made.fingers), codes) == [code, code]
    answer, _ = ask(matcher, 22, OTHER, 6)
    assert {hit.subject for hit in answer.already} == {"s21", "s22", "s8"}


def test_what_comes_while_the_matcher_waits_is_not_lost(matcher: Process) -> None:
    _, (_, template, _, code) = ask(matcher, 31, PATTERN, 9)
    KEPT[("e31", 9)] = template
    matcher.end.send(question(PATTERN, 32, 9), PATTERN.tobytes())
    wish, _ = matcher.hear()
    assert isinstance(wish, channel.Fetch)
    load(matcher, ("31", 9, code))
    matcher.end.send(question(PATTERN, 33, 9), PATTERN.tobytes())
    hand_over(matcher, wish)
    answers = []
    while len(answers) < 2:
        said, _ = matcher.hear()
        if isinstance(said, channel.Fetch):
            hand_over(matcher, said)
        else:
            answers.append(said)
    assert [answer.token for answer in answers] == [32, 33]
    assert "s31" not in {hit.subject for hit in answers[0].already}
    assert "s31" in {hit.subject for hit in answers[1].already}


def test_the_matcher_judges_an_empty_frame(matcher: Process) -> None:
    blank = np.full((200, 180), 255, np.uint8)
    answer, blobs = ask(matcher, 7, blank, 3, p1=ask(matcher, 8, PATTERN, 1)[1][1])
    assert (answer.quality, answer.minutiae, answer.same_finger) == (0, 0, ())
    assert answer.hint
    assert len(blobs) == 4


def test_the_matcher_ends_when_the_daemon_is_gone() -> None:
    with worker("matcher") as process:
        process.hear()
        assert ended_quietly(process)


def test_the_matcher_ends_when_the_daemon_went_before_it_was_ready() -> None:
    with worker("matcher") as process:
        assert ended_quietly(process)


def test_the_scanner_worker_says_once_what_is_wrong_and_ends_with_the_daemon() -> None:
    with worker("scanner", *NO_SCANNER) as process:
        fault = process.word()
        assert isinstance(fault, channel.ScannerFault)
        assert (fault.kind, "127.0.0.1:1" in fault.detail) == ("not found", True)
        process.end.send(channel.Arm(token=1))
        process.end._socket.settimeout(1.5)  # three more attempts
        while (received := process.end.receive()) is not None:
            assert isinstance(received[0], channel.Alive), "the same fault is not told again"
            process.end._socket.settimeout(1.0)
        assert process.process.poll() is None
        assert ended_quietly(process)


def test_the_scanner_worker_keeps_what_its_driver_learned_and_mends_it(tmp_path: Path) -> None:
    folder = tmp_path / "scanners"
    fingers = tmp_path / "fingers"
    fingers.mkdir()
    write_fingers(fingers, 1)
    with virtual_scanner(fingers, "--model", "hamster") as scanner:
        opened(scanner.usbip, folder)
        first = remembered.load(folder)
        (file,) = folder.iterdir()
        file.write_bytes(file.read_bytes()[:-1])
        assert remembered.load(folder) != first
        opened(scanner.usbip, folder)
    assert remembered.load(folder) == first
    assert len(first) == 1


def test_the_scanner_worker_takes_an_unproved_scanner_only_when_told(tmp_path: Path) -> None:
    write_fingers(tmp_path, 1)
    with virtual_scanner(tmp_path, "--model", "fs80") as scanner:
        with worker("scanner", scanner.usbip, "0.1") as process:
            fault = process.word()
            assert isinstance(fault, channel.ScannerFault)
            assert fault.kind == "unsupported"
            assert "never seen working on hardware" in fault.detail
            assert "unproved = true under [scanner]" in fault.detail
            assert ended_quietly(process)
        with worker("scanner", scanner.usbip, "0.1", "--unproved") as process:
            while not isinstance(message := process.hear()[0], channel.ScannerReady):
                assert isinstance(message, channel.Alive), message
            assert ended_quietly(process)


@needs_speed
def test_the_scanner_worker_tells_how_a_finger_lies_and_what_stays_on_the_platen(tmp_path: Path) -> None:
    dry = impression(finger(), 1, fault=FAULTS["dry"])[0]
    sound = impression(finger(), 1)[0]
    pale = 250 - (250 - sound.astype(int)) // 3  # the print that a finger leaves
    for name, pixels in (("1_1.png", dry), ("1_2.png", sound), ("1_3.png", pale.astype(np.uint8))):
        Image.fromarray(pixels).save(tmp_path / name, dpi=(500, 500))
    with (
        virtual_scanner(tmp_path, "--control", "0") as scanner,
        worker("scanner", scanner.usbip, "0.1") as process,
    ):
        assert isinstance(process.word(), channel.ScannerReady)
        process.end.send(channel.Arm(token=1))
        scanner.do("put", image="1_1.png")
        assert process.word() == channel.Finger(token=1, on=True)
        assert process.word() == channel.Presented(token=1, fault=PresentationFault.DRY)
        scanner.do("put", image="1_2.png")
        assert process.word() == channel.Presented(token=1, fault=None)
        assert isinstance(process.word(), channel.Captured), "as soon as it lies well"
        scanner.do("put", image="1_3.png")
        assert process.word() == channel.Presented(token=1, fault=PresentationFault.GHOST)
        scanner.do("lift")
        assert process.word() == channel.Finger(token=1, on=False)
        assert process.word() == channel.Presented(token=1, fault=None)
        assert ended_quietly(process)


@needs_speed
def test_a_dirty_platen_of_a_slap_scanner_is_to_be_wiped_and_a_hand_to_be_lifted(tmp_path: Path) -> None:
    """A sound hand, its print, and a smear: the device sees of all three that something is there."""
    sound = np.minimum(slap(13, most_turn=15.0).pixels, 250)
    print_of_it = (185 - (250 - sound.astype(int)) * 70 // 250).astype(np.uint8)
    smear = np.full(sound.shape, 250, np.uint8)
    smear[700:780, 700:780] = 60
    pictures = {"hand_1.png": sound, "hand_2.png": print_of_it, "hand_3.png": smear}
    for name, pixels in pictures.items():
        Image.fromarray(pixels).save(tmp_path / name, dpi=(500, 500))
    words = dict.fromkeys(pictures, PresentationFault.GHOST) | {"hand_1.png": PresentationFault.NOT_LIFTED}
    with (
        virtual_scanner(tmp_path, "--model", "slap", "--control", "0") as scanner,
        worker("scanner", scanner.usbip, "0.1", "--unproved") as process,
    ):
        assert isinstance(process.word(), channel.ScannerReady)
        for token, (name, fault) in enumerate(words.items(), 1):
            process.end.send(channel.Arm(token=token))
            scanner.do("put", image="hand_1.png")
            assert process.word() == channel.Finger(token=token, on=True)
            assert isinstance(process.word(), channel.Captured)
            scanner.do("put", image=name)  # what stays when the hand is taken away
            assert process.word() == channel.Presented(token=token, fault=fault)
            process.end.send(channel.Arm(token=token + 10))
            while (word := process.word()) != channel.Occupied(token=token + 10):
                assert isinstance(word, channel.Presented), "what was told of the order before"
            while (word := process.word()) != channel.Presented(token=token + 10, fault=fault):
                assert word == channel.Presented(token=token + 10, fault=None)
            scanner.do("lift")
            assert process.word() == channel.Finger(token=token + 10, on=False)
            assert process.word() == channel.Presented(token=token + 10, fault=None)
            process.end.send(channel.Disarm())
        assert ended_quietly(process)


def opened(where: str, folder: Path) -> None:
    with worker("scanner", where, "0.1", f"--memory={folder}") as process:
        while not isinstance(message := process.hear()[0], channel.ScannerReady):
            assert isinstance(message, channel.Alive), message
        assert ended_quietly(process)


def test_the_scanner_worker_ends_when_the_daemon_went_before_it_said_anything() -> None:
    with worker("scanner", *NO_SCANNER) as process:
        assert ended_quietly(process)


@pytest.mark.parametrize("name", ["scanner", "matcher"])
def test_a_killed_worker_is_noticed(name: str) -> None:
    with worker(name, *(NO_SCANNER if name == "scanner" else [])) as process:
        process.word()
        process.process.kill()
        while (received := process.end.receive()) is not None:
            assert isinstance(received[0], channel.Alive)
        assert process.process.wait(SECONDS) == -signal.SIGKILL, "and it did not end by itself"


def test_the_matcher_tells_whose_finger_it_is_of_those_who_work_here(matcher: Process) -> None:
    _, (_, first, _, code) = ask(matcher, 20, PATTERN, 1)
    _, (_, other, _, _) = ask(matcher, 21, OTHER, 2)
    load(matcher, ("20", 3, code))
    people = (("an", first), ("binh", other), ("an", other), ("", first))
    attendants = tuple(channel.AttendantFinger(person=name, length=len(t)) for name, t in people)
    asked = question(PATTERN, 22, 3, accepted=(6,))
    asked = asked.model_copy(update={"attendants": attendants, "attendant_fmr": 1e-5, "search": False})
    matcher.end.send(asked, PATTERN.tobytes(), other, b"".join(template for _, template in people))
    answer, _ = matcher.hear()
    assert isinstance(answer, channel.Examined)
    assert sorted(hit.person for hit in answer.attendants) == ["", "an"]
    assert (answer.same_finger, answer.already) == ((), ()), "nobody is looked for who is enrolled"


@needs_speed
def test_the_matcher_takes_a_slap_apart_and_says_in_a_sentence_what_it_does_not_show(
    matcher: Process,
) -> None:
    pixels = slap(13, most_turn=15.0).pixels
    of_slap = question(pixels, 90, 13).model_copy(update={"fingers": (2, 3, 4, 5), "search": False})
    matcher.end.send(of_slap, pixels.tobytes())
    answer, blobs = matcher.hear()
    assert isinstance(answer, channel.ExaminedSlap)
    assert (answer.hand, [finger.position for finger in answer.fingers]) == ("right", [2, 3, 4, 5])
    (whole,) = fir2005.read(blobs[0])
    assert whole.position == 13
    assert np.array_equal(pixels_of(whole), pixels), "the whole slap is kept, pixel for pixel"
    templates = [serial.from_bytes(blob) for blob in blobs[2::4]]
    assert [template.position for template in templates] == [2, 3, 4, 5]
    assert [len(template.minutiae) for template in templates] == [one.minutiae for one in answer.fingers]
    assert all(finger.same_finger == () for finger in answer.fingers)
    taken = of_slap.model_copy(update={"accepted": (9,)})
    matcher.end.send(taken, pixels.tobytes(), blobs[6])  # the right middle, as if it were the left ring
    again, _ = matcher.hear()
    assert isinstance(again, channel.ExaminedSlap)
    assert [[hit.position for hit in one.same_finger] for one in again.fingers] == [[], [9], [], []]
    for asked, reason in (
        (of_slap.model_copy(update={"fingers": (2, 3, 5)}), "4 fingers are seen and 3 are expected"),
        (
            question(pixels, 90, 2).model_copy(update={"together": True}),
            "4 fingers are seen and one is expected",
        ),
    ):
        matcher.end.send(asked, pixels.tobytes())
        refused, _ = matcher.hear()
        assert isinstance(refused, channel.NotTaken)
        assert refused.reason.startswith(reason)


@needs_speed
def test_the_matcher_puts_a_roll_together_and_compares_it_with_the_plain_impressions(
    matcher: Process,
) -> None:
    plain = {p: serial.to_bytes(examine(impression(flat_finger(1, p), 1)[0])[0]) for p in (2, 3)}
    for mishap, issues, count in ((Mishap.NONE, (), 21), (Mishap.BACK, ("rolled-back",), 24)):
        frames = rolled(1, 2, 1, mishap).frames
        assert len(frames) == count
        changes = {"frames": count, "rolled": True, "search": False, "perhaps_fmr": 2e-3}
        asked = question(frames[0], 95, 2, (2, 3)).model_copy(update=changes)
        matcher.end.send(asked, frames.tobytes(), *plain.values())
        answer, blobs = matcher.hear()
        assert isinstance(answer, channel.Examined)
        assert (answer.issues, answer.sentence is None) == (issues, not issues)
        assert [hit.position for hit in answer.same_finger] == [2]
        record = iso19794.read(blobs[2])
        assert (record.width, record.position) == (compose(frames).pixels.shape[1], 2)
        assert impressions(blobs[2], 24, 1) == [1]
    empty = np.full_like(frames, 240)
    matcher.end.send(asked.model_copy(update={"token": 96}), empty.tobytes(), *plain.values())
    answer, _ = matcher.hear()
    assert isinstance(answer, channel.NotTaken)
    assert answer.reason == "no finger is seen: put it down on one side and roll it over to the other"
