"""In the guest, as the booth's user: the booth's scanner process, and a cable that is pulled in a transfer.

`python -m tests.kernel.pulled WHERE HOST PORT BUSID IMAGE BYTES`: capture; pull the cable when BYTES more
have come, within a transfer's data, and put it back; capture; pull it while a transfer waits for its data,
and put it back; capture. It is put back when the booth has missed the scanner; that it is back the booth can
learn from udev alone (tests.kernel.told_worker). The last line is JSON: the first fault of each pull, all
faults, how alike the images are.
"""

import json
import queue
import sys
import time
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge.booth.channel import Arm, Captured, Finger, Message, Occupied, ScannerFault, ScannerReady
from edge.booth.supervisor import FromWorker, Worker, WorkerDied
from tests.kernel.rack import OneHand

SECONDS = 60.0  # for whatever is waited for
Kind = TypeVar("Kind", bound=Message)


class Scanner:
    """The booth's scanner process, as the daemon has it."""

    def __init__(self, where: str) -> None:
        self._said: queue.SimpleQueue[FromWorker | WorkerDied] = queue.SimpleQueue()
        self._worker = Worker("scanner", [where, "0.1"], self._said.put)
        self._worker.module = "tests.kernel.told_worker"
        self._worker.start()
        self._token = 0
        self.faults: list[str] = []

    def wait_for(self, kind: type[Kind]) -> tuple[Kind, list[bytes]]:
        """Return its next word of a kind; faults in between are kept."""
        deadline = time.monotonic() + SECONDS
        while (left := deadline - time.monotonic()) > 0:
            try:
                said = self._said.get(timeout=left)
            except queue.Empty:
                break
            assert isinstance(said, FromWorker), f"the scanner's process died: {said}"
            if isinstance(said.message, ScannerFault):
                print(f"{said.message.kind}: {said.message.detail}", flush=True)
                self.faults.append(said.message.kind)
            if isinstance(said.message, kind):
                return said.message, said.blobs
        raise AssertionError(f"no {kind.__name__} within {SECONDS:.0f} seconds; faults: {self.faults}")

    def miss(self) -> None:
        """Let it look for the scanner, and not find it."""
        while self.faults[-1] != "not found":
            self.wait_for(ScannerFault)

    def arm(self) -> None:
        """Order a finger."""
        self._token += 1
        self._worker.send(Arm(token=self._token))

    def capture(self, hand: OneHand, image: str) -> NDArray[np.uint8]:
        """Let a finger be shown and captured, and lifted again."""
        self.arm()
        if hand.on:  # since before it was asked for
            self.wait_for(Occupied)
            hand.lift()
        time.sleep(0.5)
        hand.put(image)
        message, blobs = self.wait_for(Captured)
        hand.lift()
        while self.wait_for(Finger)[0].on:
            pass
        return np.frombuffer(blobs[0], np.uint8).reshape(message.height, message.width)

    def stop(self) -> None:
        """End it."""
        self._worker.stop()


class Cable:
    """The scanner's cable, and the finger on its platen."""

    def __init__(self, control: tuple[str, int], busid: str) -> None:
        self.hand, self._busid = OneHand(control, busid), busid

    def order(self, do: str, **more: object) -> dict[str, Any]:
        """Give the server an order and return its answer."""
        return self.hand.order({"do": do, **more})

    def pull_within(self, scanner: Scanner, image: str, after: int) -> None:
        """Pull it when so many bytes more have come, with a finger shown."""
        self.order("unplug", bytes=after)
        scanner.arm()
        self.hand.put(image)

    def pull_waiting(self, scanner: Scanner, image: str, _after: int) -> None:
        """Pull it while a bulk transfer waits, with a finger shown."""
        self.order("slow", on="bulk", seconds=SECONDS)
        scanner.arm()
        self.hand.put(image)
        deadline = time.monotonic() + SECONDS
        while not self.order("status")["faults_struck"].get("slow"):
            assert time.monotonic() < deadline, "no bulk transfer began"
            time.sleep(0.02)
        self.order("unplug")


def main(where: str, host: str, port: str, busid: str, image: str, after: str) -> None:
    """Play it."""
    cable, scanner = Cable((host, int(port)), busid), Scanner(where)
    faults: list[str] = []
    try:
        ready, _ = scanner.wait_for(ScannerReady)
        images = [scanner.capture(cable.hand, image)]
        assert not scanner.faults, f"faults before the cable was pulled: {scanner.faults}"
        for pull in (cable.pull_within, cable.pull_waiting):
            pull(scanner, image, int(after))
            faults.append(scanner.wait_for(ScannerFault)[0].kind)
            scanner.miss()
            cable.order("replug")
            again, _ = scanner.wait_for(ScannerReady)
            assert again == ready, f"another scanner came back: {again}"
            images.append(scanner.capture(cable.hand, image))
    finally:
        scanner.stop()
        cable.hand.close()
    alike = np.corrcoef([pixels.ravel() for pixels in images]).min()
    told = {"model": ready.model, "first": faults, "faults": scanner.faults, "alike": float(alike)}
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
