"""Enrol one person at a booth whose disk is full: `python -m tests.edge.booth.full_disk FOLDER PLAN [bare]`.

A program of its own, in a mount namespace of its own: what fills up is a file system in memory. Pictures are
noise, as large as they come, and every attempt is used up. `bare`: no room is set aside.
"""

import random
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

    def run(self) -> None:
        with self.path.open("wb", buffering=0) as file:
            while not self.ended:
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


def main(folder: Path, name: str, bare: bool) -> None:
    plan = plan_named(name)
    wanted = bytes_for(plan)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={wanted + 4_000_000}", "none", folder], check=True)
    made = make_keys(folder)
    keys = BoothKeys(made.vault, made.subject, made.signing, MINISTRY.public_key())
    store = Store(folder / "booth.db")
    vault, room = Vault(store, keys.vault), Room(store, folder / "booth.db")
    if not bare:
        assert room.take(wanted), room.trouble
    filler = Filler(folder)
    filler.start()
    assert filler.full.wait(60)
    start = Enrolment(
        *("e1", "s1", plan.positions, plan.attempts, dict.fromkeys(plan.positions, 30), 2, plan.slaps),
        rolled=plan.rolled,
        plan=name,
    )
    with store.transaction():
        current = note(store, core.start(None, start), None)
        vault.put(Label("e1.identity", IDENTITY, "e1", "s1"), NUMBER.encode())
    for kind, position in attempts(plan):
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
    room.give_back()
    assert not room.take(wanted), "the disk is full: nobody else is begun with"
    print(room.trouble)
    room.give_back()
    filler.ended = True
    filler.join()
    store.close()
    store = Store(folder / "booth.db", read_only=True)
    assert store.db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert Journal(store).verify() == len(attempts(plan)) + 102
    assert Vault(store, keys.vault).packet_chunk(body["packet"], 0, len(packet)) == packet
    store.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:] == ["bare"])
