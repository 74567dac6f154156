"""The generator machine: steps stand still, lengths are checked, orders are counted, a fault is for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.api import BulkIn, ControlIn, ControlOut, FingerOn, Hear, Listen, MachineOptions, Step, Wait
from drivers.errors import DeviceFault, FaultKind
from drivers.machine import Program, ProgramMachine


class Echo(ProgramMachine):
    """Reads two bytes, then a pause, for ever; reports a finger when the bytes are equal."""

    def program(self) -> Program[None]:
        while True:
            data = yield ControlIn(7, 0, 0, 2)
            if data[0] == data[1]:
                self.emit(FingerOn())
            if data == b"\xff\xfe":
                raise DeviceFault(FaultKind.PROTOCOL, "it said so")
            yield Wait(0.1)


def test_a_step_stands_until_it_is_answered() -> None:
    machine = Echo(MachineOptions())
    assert machine.next_step() == machine.next_step() == ControlIn(7, 0, 0, 2)
    assert machine.receive(b"ab") is None
    assert machine.next_step() == Wait(0.1)
    assert machine.receive(b"") is None
    assert machine.receive(b"cc") == FingerOn()


@given(st.binary(max_size=5))
def test_any_answer_is_taken_or_a_fault_for_ever(data: bytes) -> None:
    machine = Echo(MachineOptions())
    if len(data) == 2 and data != b"\xff\xfe":
        machine.receive(data)
        assert machine.next_step() == Wait(0.1)
        return
    with pytest.raises(DeviceFault) as first:
        machine.receive(data)
    assert first.value.kind is FaultKind.PROTOCOL
    for call in (machine.next_step, lambda: machine.receive(b"ab")):
        with pytest.raises(DeviceFault) as again:
            call()
        assert again.value is first.value


@pytest.mark.parametrize(
    ("step", "name"),
    [
        (ControlIn(7, 0, 0, 2), "request 7"),
        (ControlOut(8, 0, 0), "request 8"),
        (BulkIn(0x82, 9, 9), "0x82"),
        (BulkIn(None, 9, 9, least=2), "a bulk read"),
        (Wait(1.0), "wait"),
        (Listen(), "listen"),
    ],
)
def test_a_wrong_length_names_the_step(step: Step, name: str) -> None:
    class One(ProgramMachine):
        def program(self) -> Program[None]:
            yield step

    with pytest.raises(DeviceFault, match=f"1 of . bytes came .*{name}"):
        One(MachineOptions()).receive(b"x")


@pytest.mark.parametrize(
    ("step", "least", "most"),
    [(BulkIn(None, 9, 9, least=2), 2, 9), (BulkIn(1, 9, 9), 9, 9), (Hear(1), 0, 64)],
)
def test_how_many_bytes_answer_a_step(step: Step, least: int, most: int) -> None:
    class Two(ProgramMachine):
        def program(self) -> Program[None]:
            yield step
            yield step

    for length in range(66):
        machine = Two(MachineOptions())
        if least <= length <= most:
            machine.receive(bytes(length))
        else:
            with pytest.raises(DeviceFault, match=f"{length} of {most} bytes came"):
                machine.receive(bytes(length))


@given(st.lists(st.sampled_from(["arm", "disarm", "fulfil"])))
def test_an_order_stands_from_arm_to_disarm_or_fulfilment(calls: list[str]) -> None:
    machine = Echo(MachineOptions())
    standing, seen = False, set()
    for call in calls:
        before = machine.order
        assert (before is not None) == standing
        if call == "fulfil" and not standing:
            continue
        getattr(machine, call)()
        after = machine.order
        if call == "arm" and not standing:
            assert after is not None
            assert after not in seen, "a new order is never mistaken for an old one"
        elif call == "arm":
            assert after == before
        elif before is not None:
            assert machine.withdrawn(before) == (call == "disarm")
        if after is not None:
            seen.add(after)
        standing = after is not None
        assert standing == (call == "arm")
