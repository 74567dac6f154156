"""Which scanner is ours: named, the only one, or the one we had; a guess is refused."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.choosing import FoundScanner, choose
from drivers.errors import DeviceFault, FaultKind
from drivers.secugen_hamster_pro_20 import DRIVER

A = FoundScanner("usb:1-1", DRIVER, "")
B = FoundScanner("usb:1-2", DRIVER, "B-2")
C = FoundScanner("usb:1-3", DRIVER, "C-3")


def test_the_only_one_is_taken_and_of_two_the_one_we_had() -> None:
    assert choose([A], "usb") is A
    assert choose([A, B], "usb", before=B.location) is B
    assert choose([A], "usb", before=B.location) is A, "the one we had is gone"


def test_one_whose_driver_is_a_model_only_is_none_unless_it_is_asked_for() -> None:
    unproved = FoundScanner("usb:1-4", replace(DRIVER, model="FS0", model_only=True))
    assert choose([A, unproved], "usb") is A, "and no choice between two"
    assert choose([unproved], "usb", unproved=True) is unproved
    with pytest.raises(
        DeviceFault, match=r"FS0\) was never seen working on hardware.*unproved = true"
    ) as fault:
        choose([unproved], "usb")
    assert fault.value.kind is FaultKind.UNSUPPORTED


def test_of_two_none_is_guessed_and_both_are_named() -> None:
    for before in (None, "usb:1-9"):
        with pytest.raises(DeviceFault) as fault:
            choose([A, B], "usb", before=before)
        assert fault.value.kind is FaultKind.AMBIGUOUS
        assert fault.value.detail == (
            "2 scanners fit and none is chosen: SecuGen Hamster Pro 20 at usb:1-1, "
            "SecuGen Hamster Pro 20 B-2 at usb:1-2; unplug what is not the booth's, or name "
            'its scanner in the settings: [scanner] where = "usb:1-1" or serial = "…"'
        )


def test_by_number_the_one_that_has_it_then_those_that_must_be_asked() -> None:
    assert choose([A, B, C], "usb", "B-2") is B
    assert choose([A, B, C], "usb", "X") is A, "nobody knows its number yet"
    with pytest.raises(DeviceFault) as fault:
        choose([A, B, C], "usb", "X", tried={A.location})
    assert fault.value.kind is FaultKind.NOT_FOUND
    assert "no scanner with the serial number X at usb; there is " in fault.value.detail
    assert "B-2 at usb:1-2" in fault.value.detail
    with pytest.raises(DeviceFault, match="no supported scanner at usb "):
        choose([], "usb")
    with pytest.raises(DeviceFault, match=r"no scanner with the serial number X at usb$"):
        choose([], "usb", "X")


serials = st.sampled_from(["", "X", "Y"])


@given(st.lists(serials, max_size=4), st.none() | st.sampled_from(["X", "Z"]), st.integers(-1, 4), st.data())
def test_whatever_is_plugged_in(
    numbers: list[str], wanted: str | None, had: int, data: st.DataObject
) -> None:
    found = [FoundScanner(f"usb:1-{n}", DRIVER, number) for n, number in enumerate(numbers)]
    tried = data.draw(st.sets(st.sampled_from([one.location for one in found]))) if found else set()
    before = None if had < 0 else f"usb:1-{had}"
    left = [one for one in found if one.location not in tried]
    fitting = [one for one in left if one.serial in ("", wanted)] if wanted else found
    if not fitting or (wanted is None and len(found) > 1 and before not in [one.location for one in found]):
        with pytest.raises(DeviceFault) as fault:
            choose(found, "usb", wanted, before, tried)
        assert fault.value.kind is (FaultKind.AMBIGUOUS if fitting else FaultKind.NOT_FOUND)
        assert "\n" not in fault.value.detail
        return
    one = choose(found, "usb", wanted, before, tried)
    assert one in fitting
    if wanted is None:
        assert len(found) == 1 or one.location == before
    else:
        assert one.serial == wanted or wanted not in [other.serial for other in left]
