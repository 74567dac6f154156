"""What the daemon knows of its scanner: another one is noticed, advice comes and goes with its cause."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.booth import channel
from edge.booth.ladder import PROCESSES, Rung
from edge.booth.scanner_standing import REPLUG, RESTARTING, TECHNICIAN, ScannerStanding, device_of
from tests.edge.parts import chain


def device(serial: str, location: str = "usb:1-1") -> dict[str, Any]:
    return {"model": "Pro 20", "serial": serial, "firmware": "22.06", "location": location}


def ready(serial: str, location: str = "usb:1-1") -> channel.ScannerReady:
    return channel.ScannerReady(**device(serial, location), impressions=("plain",))


def fault(rung: Rung, kind: str = "timeout") -> channel.ScannerFault:
    return channel.ScannerFault(kind=kind, detail="it hangs", rung=rung, seconds=1.0)


def standing(last: dict[str, Any] | None = None) -> ScannerStanding:
    return ScannerStanding("ten-flats", last)


def test_the_first_one_is_taken_without_a_word() -> None:
    one = standing()
    assert one.ready(ready("H-1")) == device("H-1")
    assert (one.text, one.device, one.change, one.trouble) == ("ready", device("H-1"), None, None)


@pytest.mark.parametrize("port", ["usb:1-1", "usb:1-2"])
def test_another_number_is_another_device_at_whatever_port_until_an_enrolment_ends(port: str) -> None:
    one = standing()
    one.ready(ready("H-1"))
    one.fault(fault(Rung.WAIT, "unplugged"))
    body = one.ready(ready("H-2", port))
    assert body == {**device("H-2", port), "instead_of": device("H-1")}
    assert one.change == f"another scanner than before: Pro 20 H-2 at {port} instead of Pro 20 H-1 at usb:1-1"
    assert "instead_of" not in one.ready(ready("H-2", port)), "it re-enumerated"
    assert one.change
    one.enrolment_ended()
    assert one.change is None


def test_the_same_one_at_another_port_is_no_other_unless_it_has_no_number() -> None:
    one = standing(device("H-1"))
    assert "instead_of" not in one.ready(ready("H-1", "usb:1-2"))
    one = standing(device(""))
    assert "instead_of" not in one.ready(ready(""))
    assert "instead_of" in one.ready(ready("", "usb:1-2"))


def test_after_a_restart_the_journal_tells_which_one_was_there() -> None:
    (entry,) = chain([{**device("H-1"), "instead_of": device("H-0")}], "scanner.ready")
    (old,) = chain([{"model": "Pro 20", "serial": "H-1", "location": "usb:1-1"}], "scanner.ready")
    assert device_of(entry) == device("H-1")
    assert device_of(old) == {**device("H-1"), "firmware": ""}
    assert device_of(None) is None
    assert "instead_of" in standing(device_of(entry)).ready(ready("H-2"))


def test_a_fault_names_the_device_and_the_rung() -> None:
    one = standing()
    assert one.fault(fault(Rung.REOPEN)) == {"fault": "timeout", "detail": "it hangs", "rung": "open again"}
    one.ready(ready("H-1"))
    assert one.fault(fault(Rung.FRESH))["device"] == device("H-1")
    assert (one.text, one.device, one.trouble) == ("timeout: it hangs", None, None)


def test_the_plug_is_asked_for_until_it_was_pulled_or_the_scanner_serves() -> None:
    for settle in (
        lambda one: one.served(),
        lambda one: one.lives(0),
        lambda one: one.fault(fault(Rung.WAIT)),
    ):
        one = standing()
        one.fault(fault(Rung.REPLUG))
        assert one.trouble == f"the scanner does not serve (timeout: it hangs): first {REPLUG}"
        one.lives(PROCESSES)
        one.ready(ready("H-1"))
        assert one.trouble, "that it opens is not enough"
        settle(one)
        assert (one.trouble, one.advice) == (None, None)


def test_a_technician_is_asked_for_until_it_opens() -> None:
    one = standing()
    one.fault(fault(Rung.TECHNICIAN, "ambiguous"))
    assert one.trouble == "the scanner does not serve (ambiguous: it hangs)"
    assert one.advice == TECHNICIAN
    one.ready(ready("H-1"))
    assert one.trouble is None


def test_processes_that_end_by_themselves_in_a_row_come_to_ask_for_the_plug() -> None:
    one = standing()
    for number in range(1, PROCESSES + 1):
        one.died(counts=True)
        assert (one.processes, one.text, one.advice) == (number, RESTARTING, None)
    one.died(counts=False)
    assert one.advice is None
    one.died(counts=True)
    assert (
        one.trouble
        == f"the scanner does not serve ({PROCESSES + 1} processes in a row ended): first {REPLUG}"
    )
    one.lives(PROCESSES + 1)
    assert one.trouble
    one.served()
    assert (one.processes, one.trouble) == (0, None)


happenings = st.one_of(
    st.builds(lambda serial: ("ready", serial), st.sampled_from(["H-1", "H-2", ""])),
    st.builds(lambda rung: ("fault", rung), st.sampled_from(Rung)),
    st.builds(lambda counts: ("died", counts), st.booleans()),
    st.builds(lambda processes: ("lives", processes), st.integers(0, 5)),
    st.just(("served", None)),
    st.just(("ended", None)),
)


@given(st.lists(happenings, max_size=40))
def test_whatever_happens_it_says_how_it_is_and_what_to_do(events: list[tuple[str, Any]]) -> None:
    one, before, told = standing(), None, None
    for kind, what in events:
        match kind:
            case "ready":
                body = one.ready(ready(what))
                assert body.get("instead_of") == (device(before) if before not in (None, what) else None)
                told = f"{before}>{what}" if "instead_of" in body else told
                before = what
            case "fault":
                one.fault(fault(what))
                assert one.advice == {Rung.REPLUG: REPLUG, Rung.TECHNICIAN: TECHNICIAN}.get(what)
            case "died":
                one.died(what)
                assert one.text == RESTARTING
            case "lives":
                one.lives(what)
            case "served":
                one.served()
                assert one.advice != REPLUG
            case "ended":
                one.enrolment_ended()
                told = None
        assert one.text
        assert (one.device is None) == (one.text != "ready")
        assert (one.trouble is None) == (one.advice is None), "this one is fit"
        assert (one.change is None) == (told is None)
        assert "\n" not in f"{one.text}{one.trouble}{one.change}"
