"""The platen is empty before each capture: where it was not, the journal says so, once for each order."""

from contextlib import closing
from datetime import date

import pytest

from edge.booth import channel
from edge.booth import enrolment as core
from edge.booth.acquisition import Acquisition, Stage
from edge.booth.enrolment import Body
from edge.booth.open_shift import OpenShift
from edge.booth.open_shift import evolve as evolve_shift
from edge.booth.platen import OCCUPIED, Platen
from edge.booth.view import LIES
from edge.harmless import kind_of
from edge.messages import PresentationFault
from edge.settings import BoothSettings
from edge.store import Store
from tests.edge.booth.test_enrolment import new
from tests.edge.booth.test_runner import life, settings, shown

__all__ = ["settings"]
GHOST, FINGER = PresentationFault.GHOST, PresentationFault.NOT_LIFTED


def test_what_lay_there_is_told_once_for_each_order() -> None:
    platen = Platen()
    for order, fault, what in ((1, FINGER, "finger"), (2, GHOST, "ghost")):
        assert platen.presented(order, None) is None
        platen.occupied(order)
        assert platen.presented(order, PresentationFault.MOVED) is None
        assert platen.presented(order, fault) == what
        platen.occupied(order)
        assert platen.presented(order, GHOST) is None, "told already"
        assert platen.lifted(order) is None


def test_where_no_preview_tells_what_it_is_it_is_told_when_it_is_gone() -> None:
    platen = Platen()
    platen.occupied(1)
    assert platen.lifted(1) == "unknown"
    assert platen.lifted(1) is None
    platen.occupied(2)
    assert platen.lifted(3) is None, "another order"


def test_a_finger_that_stays_after_its_own_picture_is_none_of_it_and_its_print_is() -> None:
    platen = Platen()
    assert platen.presented(1, FINGER) is None
    assert platen.lifted(1) is None
    assert platen.presented(1, GHOST) == "ghost"
    assert platen.presented(1, GHOST) is None


def occupied_in(store: Store, settings: BoothSettings, fault: PresentationFault | None) -> list[Body]:
    """Have a booth told by its scanner that the platen was not empty; return what it records."""
    runner = life(settings, store)
    runner._record(core.start(None, new(plan="ten-flats")))
    runner._acquisition = Acquisition(Stage.PLACE, 2, False, True)
    token = runner._crew._token
    runner._from_worker(channel.Occupied(token=token), [])
    if fault:
        runner._from_worker(channel.Presented(token=token, fault=fault), [])
        assert shown(runner).prompt == LIES[fault], "the same sentence as in the journal"
    for _ in range(3):
        runner._from_worker(channel.Presented(token=token, fault=fault), [])
    runner._from_worker(channel.Finger(token=token, on=False), [])
    return [entry.body for entry in runner._journal.read() if entry.kind == OCCUPIED]


@pytest.mark.parametrize(("fault", "what"), [(GHOST, "ghost"), (FINGER, "finger"), (None, "unknown")])
def test_an_occupied_platen_is_an_entry_with_its_sentence(
    settings: BoothSettings, fault: PresentationFault | None, what: str
) -> None:
    with closing(Store(settings.data / "booth.db")) as store:
        (body,) = occupied_in(store, settings, fault)
    assert (body["position"], body["what"], body["text"]) == (2, what, LIES[fault or FINGER])
    assert body["enrolment"] == new().id
    assert kind_of(OCCUPIED) == OCCUPIED


def test_a_shift_counts_how_often_the_platen_was_not_empty() -> None:
    shift: OpenShift | None = OpenShift("s", date(2026, 1, 5), "2026-01-05T08:00:00.000Z", None)
    for what in ("ghost", "ghost", "finger"):
        shift = evolve_shift(shift, OCCUPIED, {"what": what})
    assert shift is not None
    assert shift.report == {"faults": {"platen not empty: ghost": 2, "platen not empty: finger": 1}}
