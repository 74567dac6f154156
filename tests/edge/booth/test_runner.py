"""The loop without its processes: what a matcher's answer becomes, and what the next life makes of it."""

from contextlib import closing
from pathlib import Path

import pytest
import structlog

from edge.booth import channel
from edge.booth import enrolment as core
from edge.booth.acquisition import Acquisition, Stage
from edge.booth.attendant import Presenting
from edge.booth.crew import Aim, Asked
from edge.booth.runner import Runner
from edge.booth.second_look import ASK, AT_ONCE
from edge.journal import Journal
from edge.keys import make_booth_keys, make_ministry_key, read_booth_keys
from edge.messages import State
from edge.people import People, make_person
from edge.settings import BoothSettings
from edge.store import Store
from edge.vault import ENROLLED, SAMPLE, Label, Vault, gallery_code, gallery_id
from tests.edge.booth.test_enrolment import new
from tests.edge.parts import AT, CLOCK


@pytest.fixture
def settings(tmp_path: Path) -> BoothSettings:
    make_ministry_key(tmp_path / "ministry")
    make_booth_keys(tmp_path / "keys", tmp_path / "ministry" / "ministry.pub")
    return BoothSettings(booth="b-1", data=tmp_path, keys=tmp_path / "keys")


def life(settings: BoothSettings, store: Store) -> Runner:
    return Runner(settings, read_booth_keys(settings.keys), store, structlog.get_logger(), "0")


def show(runner: Runner, position: int, perhaps: tuple[channel.Hit, ...] = ()) -> State:
    """Have a finger judged; return what the booth shows then."""
    runner._acquisition = Acquisition(Stage.JUDGE, position, False, True)
    answer = channel.Examined(
        token=1,
        quality=90,
        parts={},
        hint=None,
        minutiae=40,
        same_finger=(),
        already=(),
        perhaps=perhaps,
        milliseconds=1.0,
    )
    runner._judged(answer, [b"fir", b"template", b"record", b"code"], {})
    return shown(runner)


def shown(runner: Runner) -> State:
    said: list[State] = []
    runner._link.publish = lambda topic, payload, **_: bool(  # type: ignore[method-assign]
        said.append(State.model_validate_json(payload)) or True
    )
    runner._shown = None
    runner._show(0.0)
    return said[-1]


def test_a_first_scanner_is_none_instead_of_another(settings: BoothSettings) -> None:
    first = channel.ScannerReady(
        model="FS80H", serial="7", firmware="1", location="1-1", impressions=("plain",)
    )
    with closing(Store(settings.data / "booth.db")) as store:
        Journal(store).append("person.added", {"person": "an", "role": "operator"}, AT, CLOCK)
        runner = life(settings, store)
        runner._from_worker(first, [])
        assert shown(runner).scanner_change is None
        assert "instead_of" not in next(Journal(store).of_kind("scanner.ready")).body


def test_a_finger_logs_in_beside_an_enrolment_that_then_goes_on(
    settings: BoothSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Store(settings.data / "booth.db")) as store:
        runner = life(settings, store)
        monkeypatch.setattr(type(runner._crew.equipment), "ready", property(lambda self: True))
        monkeypatch.setattr(runner._crew, "arm", lambda rolled: None)
        runner._record(core.start(None, new(plan="ten-flats")))
        runner._acquisition = Acquisition(scanner=True)
        success = (("operator.in", {"person": "an", "role": "operator"}),)
        runner._await_attendant(Presenting("log-in", "an", 7, success))
        runner._reconcile(0.0)
        state = shown(runner)
        assert (runner._acquisition.position, state.phase) == (7, "place")
        assert state.enrolment
        assert state.attendant
        assert state.attendant.person == "an"
        runner._link.publish = lambda *_, **__: True  # type: ignore[method-assign]
        runner._command("abandon", b'{"request_id": "a1", "reason": "no finger"}')
        assert runner._presenting is None, "the wait alone"
        assert runner._enrolment
        runner._await_attendant(Presenting("log-in", "an", 7, success))
        answer = channel.Examined(
            token=1,
            quality=90,
            parts={},
            hint=None,
            minutiae=40,
            same_finger=(),
            already=(),
            attendants=(channel.AttendantHit(person="an", score=99.0),),
            milliseconds=1.0,
        )
        assert runner._presenting
        runner._acquisition = Acquisition(Stage.JUDGE, 7, False, True)
        runner._attendant_judged(runner._presenting, answer, [b"fir", b"template", b"record", b"code"], {})
        runner._people.add(make_person("an", "operator", "314159"))
        assert shown(runner).operator == "an"
        assert runner._enrolment
        assert runner._presenting is None
        runner._acquisition = Acquisition(scanner=True)
        runner._reconcile(0.0)
        assert runner._acquisition.position == runner._enrolment.wanted()


def test_what_an_attack_detection_says_is_in_the_journal_and_stays_with_the_sample(
    settings: BoothSettings,
) -> None:
    said = channel.Attack(score=70, detector="of a vendor")
    with closing(Store(settings.data / "booth.db")) as store:
        runner = life(settings, store)
        runner._record(core.start(None, new(plan="ten-flats")))
        for attack in (said, None):
            frame = channel.Captured(token=0, width=2, height=3, ppi=500.0, attack=attack)
            runner._acquisition = Acquisition(Stage.HOLD, 1, False, True)
            runner._crew.keep_question(frame, b"pixels", Asked(1))
            show(runner, 1 if attack else 2)
        assert runner._enrolment
        assert [one.attack for one in runner._enrolment.accepted.values()] == [said.model_dump(), None]
    with closing(Store(settings.data / "booth.db")) as store:
        runner = life(settings, store)
        made = [entry.body for entry in runner._journal.read(0) if entry.kind == core.ATTEMPT]
        assert [body.get("attack") for body in made] == [{"score": 70, "detector": "of a vendor"}, None]
        assert runner._enrolment
        assert runner._enrolment.accepted[1].attack == said.model_dump()


@pytest.mark.parametrize(
    ("aim", "search", "rolled", "same", "perhaps"),
    [
        (Aim.CAPTURE, True, False, AT_ONCE, ASK),
        (Aim.CONFIRM, True, False, 1e-4, ASK),
        (Aim.ROLL, False, True, AT_ONCE, 1e-3),
        (Aim.ATTEND, False, False, AT_ONCE, ASK),
    ],
)
def test_what_is_asked_of_a_picture_follows_from_what_it_was_taken_for(
    settings: BoothSettings, aim: Aim, search: bool, rolled: bool, same: float, perhaps: float
) -> None:
    with closing(Store(settings.data / "booth.db")) as store:
        crew = life(settings, store)._crew
        frame = channel.Captured(token=0, width=2, height=3, ppi=500.0)
        crew.keep_question(
            frame, b"pixels", Asked(2, aim, {1: b"one"}, attendants=[("an", b"own", "vantay")])
        )
        assert crew._question
        asked, blobs = crew._question
        assert (asked.search, asked.rolled) == (search, rolled)
        assert (asked.same_finger_fmr, asked.perhaps_fmr) == (same, perhaps)
        assert (asked.position, asked.accepted, blobs) == (2, (1,), [b"pixels", b"one", b"own"])


def test_a_second_look_outlives_the_daemon_and_only_what_is_taken_is_kept(settings: BoothSettings) -> None:
    with closing(Store(settings.data / "booth.db")) as store:
        runner = life(settings, store)
        runner._record(core.start(None, new(plan="ten-flats")))
        assert show(runner, 1).position == 2
        state = show(runner, 2, (channel.Hit(position=1, score=10.0, fmr=1e-4),))
        assert (state.second_look, state.position, state.attempt, state.alarm) == (True, 2, 1, None)
        assert (state.accepted, state.hint) == ([1], "once more, to be sure")
    with closing(Store(settings.data / "booth.db")) as store:
        runner = life(settings, store)
        state = shown(runner)
        assert (state.second_look, state.position, state.accepted) == (True, 2, [1])
        kept = [label.position for label, _ in runner._vault.all_of(SAMPLE, "e1")]
        assert kept == [1], "nothing is kept of a finger that may be another one"
        state = show(runner, 2)
        assert (state.second_look, state.position, state.accepted) == (False, 3, [1, 2])
        assert [label.position for label, _ in runner._vault.all_of(SAMPLE, "e1")] == [1, 2]
        made = [entry.body for entry in runner._journal.read(0) if entry.kind == core.ATTEMPT]
        assert [body["decision"] for body in made] == [core.ACCEPTED, core.SECOND_LOOK, core.ACCEPTED]
        assert made[1]["scores"] == [{"subject": None, "position": 1, "score": 10.0, "fmr": 1e-4}]
        assert (made[1]["doubtful"], made[2]["together"]) == ({"1": 1e-4}, {"1": 0.01})


def test_search_codes_made_anew_are_kept_for_the_next_start(settings: BoothSettings) -> None:
    with closing(Store(settings.data / "booth.db")) as store:
        runner = life(settings, store)
        vault, of = runner._vault, ("e-1", "s-1", 2)
        vault.put(Label(gallery_id("e-1", 2), ENROLLED, *of), b"template")
        assert [code for _, code in vault.gallery_page(0, 9)[0]] == [b""]
        made = [
            channel.Enrolled(enrolment=enrolment, subject="s-1", position=2, length=4)
            for enrolment in ("e-1", "forgotten")
        ]
        runner._from_worker(channel.Recoded(fingers=tuple(made)), [b"codelost"])
        assert [code for _, code in life(settings, store)._vault.gallery_page(0, 9)[0]] == [b"code"]
        assert vault.find(gallery_code(gallery_id("forgotten", 2))) is None


def test_an_operator_without_a_registered_finger_is_a_notice_that_names_nobody(
    settings: BoothSettings,
) -> None:
    with closing(Store(settings.data / "booth.db")) as store:
        runner = life(settings, store)
        assert shown(runner).notices == [], "where nobody logs in, no finger can be registered"
        people = People(Vault(store, read_booth_keys(settings.keys).vault))
        for name in ("an", "binh"):
            people.add(make_person(name, "supervisor", "271828"))
        people.register("binh", 2, [b"template"])
        assert shown(runner).notices == [], "nobody is logged in"
        for name, told in (("an", 1), ("binh", 0)):
            runner._record([("operator.in", {"person": name, "role": "supervisor"})])
            assert len(shown(runner).notices) == told
        runner._record([("operator.in", {"person": "an", "role": "supervisor"})])
        (notice,) = shown(runner).notices
        assert "'vantay people register-finger NAME --position 2 --supervisor NAME'" in notice
        assert ("." in notice, "\n" in notice, " an " in notice) == (False, False, False)
        people.register("an", 7, [b"template"])
        assert shown(runner).notices == []
