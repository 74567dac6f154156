"""Enrol one person at a booth whose disk is full: `python -m tests.edge.booth.full_disk FOLDER PLAN [HOW]`.

A program of its own, in a mount namespace of its own: what fills up is a file system in memory. Pictures are
noise, as large as they come, and every attempt is used up. `bare`: no room is set aside. `killed`: who begins
is killed half-way, and another goes on, who has a moment to set the log's index aside anew.
"""

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge.booth import enrolment as core
from edge.booth.enrolment import Enrolment
from edge.booth.plan import EnrolmentPlan, plan_named
from edge.booth.room import BESIDE, PLAIN, ROLLED, SLAP, Room, bytes_for
from edge.booth.sealing import put_sample, put_slap, seal_enrolment
from edge.booth.slap_rule import FINGERS
from edge.journal import Journal
from edge.keys import BoothKeys
from edge.packet import open_packet
from edge.store import Store
from edge.vault import IDENTITY, Label, Vault
from tests.edge.parts import AT, CLOCK, NUMBER, make_keys

MINISTRY = X25519PrivateKey.from_private_bytes(bytes(range(32)))
CHANCE = random.Random(11)
SCORES = {"parts": "x" * 300, "scores": ["x" * 40] * 20}  # an entry of some kB


class Filler(threading.Thread):
    """Takes every byte that becomes free, without a pause."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.path, self.full, self.ended = folder / "filler", threading.Event(), False
        self.goes_on = threading.Event()
        self.goes_on.set()

    def run(self) -> None:
        with self.path.open("wb", buffering=0) as file:
            while not self.ended:
                self.goes_on.wait()
                try:
                    file.write(bytes(4096))
                except OSError:
                    self.full.set()
        self.path.unlink()


def note(store: Store, entries: list[core.Entry], current: Enrolment | None) -> Enrolment | None:
    for kind, body in entries:
        Journal(store).append(kind, body, AT, CLOCK)
    return core.fold(entries, current)


def finger(size: int) -> list[bytes]:
    return [CHANCE.randbytes(size), *(CHANCE.randbytes(BESIDE // 3) for _ in range(3))]


def attempts(plan: EnrolmentPlan) -> list[tuple[str, int]]:
    asked = plan.slaps or plan.positions
    return [("plain", p) for p in asked for _ in range(plan.attempts)] + [
        ("rolled", p) for p in plan.rolled for _ in range(plan.attempts)
    ]


def capture(store: Store, vault: Vault, current: Enrolment, kind: str, position: int) -> Enrolment | None:
    """Use up one attempt, in one transaction; the last is kept."""
    made = current.tried_rolled if kind == "rolled" else current.tried | current.tried_slaps
    number = len(made.get(position, ())) + 1
    sample = f"{kind}-{position}-{number}"
    decision = core.ACCEPTED if number == current.attempts_allowed else core.RETRY
    said: core.Body = {
        "enrolment": current.id,
        "attempt": number,
        "hint": None,
        "decision": decision,
        **SCORES,
    }
    said |= {"quality": 1, "already": [], "sample": sample, "issues": [], "control": "own"}
    with store.transaction():
        if position in FINGERS:
            names = {p: f"{kind}-{p}-{number}" for p in current.fingers_of(position)}
            fingers = [{"position": p, "sample": name, "quality": 1, **SCORES} for p, name in names.items()]
            after = note(store, [(core.SLAP, {**said, "slap": position, "fingers": fingers})], current)
            put_slap(vault, current, position, sample, CHANCE.randbytes(SLAP))
            for p, name in names.items():
                put_sample(vault, current, p, name, finger(PLAIN))
            return after
        of = core.ROLLED if kind == "rolled" else core.ATTEMPT
        after = note(store, [(of, {**said, "position": position})], current)
        put_sample(vault, current, position, sample, finger(ROLLED if kind == "rolled" else PLAIN))
        return after


def begin(store: Store, vault: Vault, plan: EnrolmentPlan, name: str) -> Enrolment | None:
    start = Enrolment(
        *("e1", "s1", plan.positions, plan.attempts, dict.fromkeys(plan.positions, 30), 2, plan.slaps),
        rolled=plan.rolled,
        plan=name,
    )
    with store.transaction():
        vault.put(Label("e1.identity", IDENTITY, "e1", "s1"), NUMBER.encode())
        return note(store, core.start(None, start), None)


def killed_half_way(folder: Path, plan: EnrolmentPlan, name: str, key: bytes, filler: Filler) -> None:
    """Have a program begin on an empty disk, go on on a full one, and end by SIGKILL."""
    mine, its = os.pipe(), os.pipe()
    if not (child := os.fork()):
        store = Store(folder / "booth.db")
        vault, room = Vault(store, key), Room(store, folder / "booth.db")
        assert room.take(bytes_for(plan)), room.trouble
        current = begin(store, vault, plan, name)
        os.write(its[1], b"!")
        os.read(mine[0], 1)
        for kind, position in attempts(plan)[: len(attempts(plan)) // 2]:
            assert current
            current = capture(store, vault, current, kind, position)
        os.kill(os.getpid(), signal.SIGKILL)
    os.read(its[0], 1)
    filler.start()
    assert filler.full.wait(60)
    os.write(mine[1], b"!")
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    filler.goes_on.clear()


def main(folder: Path, name: str, how: str) -> None:
    plan = plan_named(name)
    wanted, done = bytes_for(plan), 0
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={wanted + 5_000_000}", "none", folder], check=True)
    made = make_keys(folder)
    keys = BoothKeys(made.vault, made.subject, made.signing, MINISTRY.public_key())
    filler = Filler(folder)
    if how == "killed":
        killed_half_way(folder, plan, name, keys.vault, filler)
        done = len(attempts(plan)) // 2
    store = Store(folder / "booth.db")
    vault, room = Vault(store, keys.vault), Room(store, folder / "booth.db")
    if how == "killed":
        filler.full.clear()
        filler.goes_on.set()
        assert filler.full.wait(60), "what the start freed"
        filler.goes_on.clear()
        assert room.take(wanted, begun=True), room.trouble
        room.keep(wanted, 0.0)
        assert not room.trouble, room.trouble
        filler.goes_on.set()
        current = core.fold((entry.kind, entry.body) for entry in Journal(store).read())
    else:
        assert how == "bare" or room.take(wanted), room.trouble
        filler.start()
        assert filler.full.wait(60)
        current = begin(store, vault, plan, name)
    for kind, position in attempts(plan)[done:]:
        assert current
        current = capture(store, vault, current, kind, position)
    for n in range(100):  # what else a day brings
        with store.transaction():
            Journal(store).append("scanner.fault", {"n": n, "text": "x" * 500}, AT, CLOCK)
    assert current
    assert current.closed
    with store.transaction():
        sealed = seal_enrolment("b-1", AT, current, vault, keys, Journal(store).read())
        note(store, sealed, current)
    body = sealed[0][1]
    packet = vault.packet_chunk(body["packet"], 0, body["size"]) or b""
    assert len(open_packet(packet, MINISTRY).manifest["samples"]) == len(plan.positions)
    room.give_back(0.0)
    assert not room.take(wanted), "the disk is full: nobody else is begun with"
    print(room.trouble)
    room.give_back(10.0)
    filler.ended = True
    filler.join()
    store.close()
    store = Store(folder / "booth.db", read_only=True)
    assert store.db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert Journal(store).verify() == len(attempts(plan)) + 102
    assert Vault(store, keys.vault).packet_chunk(body["packet"], 0, len(packet)) == packet
    store.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3] if sys.argv[3:] else "")
