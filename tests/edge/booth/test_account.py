"""What the packet tells of how a record came about: every attempt and decision, as the journal has them."""

from collections.abc import Iterable
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge.booth import account
from edge.booth import enrolment as core
from edge.booth.account import account_of
from edge.booth.sealing import put_sample, seal_enrolment
from edge.journal import Journal, check_entry
from edge.keys import BoothKeys
from edge.messages import JournalEntry
from edge.packet import open_packet
from edge.store import Store
from edge.vault import IDENTITY, Label, Vault
from tests.edge.booth.test_enrolment import new, sample
from tests.edge.parts import AT, CLOCK, NUMBER

DEVICE = {"model": "Pro 20", "serial": "H-1"}
LATER = "2026-01-05T02:00:00.000Z"


class Day:
    """An enrolment that is written into a journal as it goes."""

    def __init__(self, store: Store) -> None:
        self.journal = Journal(store)
        self.current: core.Enrolment | None = None

    def note(self, entries: Iterable[core.Entry], at: str = AT) -> None:
        for kind, body in entries:
            self.journal.append(kind, body, at, CLOCK)
            self.current = core.evolve(self.current, kind, body)

    def show(self, name: str, quality: int, *already: str) -> None:
        assert self.current
        shown = sample(self.current, quality, already=already, name=name)
        self.note(core.judge(self.current, replace(shown, facts={"device": DEVICE})))

    def told(self) -> list[JournalEntry]:
        return list(self.journal.read(self.journal.last_of(*core.ENDS)))


def test_every_attempt_and_who_signed_is_in_the_packet(store: Store, keys: BoothKeys) -> None:
    ministry = X25519PrivateKey.generate()
    sealer = BoothKeys(keys.vault, keys.subject, keys.signing, ministry.public_key())
    vault, day = Vault(store, keys.vault), Day(store)
    day.note([("operator.in", {"person": "an", "role": "operator"})])
    day.note([("enrolment.sealed", {"enrolment": "before", "subject": "x"})])
    day.note(core.start(None, new(id="e1", positions=(1, 2), operator="an", review=True, portrait=True)))
    day.show("poor", 10)
    day.note([("operator.out", {"person": "an"}), ("operator.in", {"person": "chi", "role": "operator"})])
    day.note([("worker.died", {"worker": "matcher"})])
    day.show("good", 90, "s0")
    day.show("fair", 90, "s0")
    day.note([("override.signed", {"person": "binh"}), *core.override(day.current, "a twin", "binh")])
    day.note(core.review(day.current, "s1", None, "camera broken"), LATER)
    assert day.current
    assert day.current.closed
    vault.put(Label("e1.identity", IDENTITY, "e1", "s1"), NUMBER.encode())
    for position, name in ((1, "good"), (2, "fair")):
        put_sample(vault, day.current, position, name, [b"fir", b"full", b"iso", b"code"])
    with store.transaction():
        ((_, body),) = seal_enrolment("b-1", AT, day.current, vault, sealer, day.told())
    manifest = open_packet(vault.packet_chunk(body["packet"], 0, body["size"]) or b"", ministry).manifest
    told = [JournalEntry.model_validate(entry) for entry in manifest["journal"]]
    assert all(check_entry(entry) for entry in told), "as the hub holds them"
    assert [entry.kind for entry in told if entry.kind != "finding"] == [
        *("enrolment.started", "attempt.made", "operator.out", "operator.in"),
        *("attempt.made", "attempt.made", "override.signed", "enrolment.reviewed"),
    ]
    made = [entry for entry in told if entry.kind == "attempt.made"]
    keys_of = ("position", "attempt", "quality", "decision", "hint", "sample")
    assert [[entry.body[key] for key in keys_of] for entry in made] == [
        [1, 1, 10, "retry", made[0].body["hint"], "poor"],
        [1, 2, 90, "accepted", None, "good"],
        [2, 1, 90, "accepted", None, "fair"],
    ]
    assert (made[0].body["device"], made[0].at) == (DEVICE, AT)
    (overridden,) = [entry.body for entry in told if entry.body.get("finding") == "overridden"]
    assert overridden["of"] == {"finding": "already-enrolled", "signed_by": "binh", "subject": "s0"}
    assert "a twin" in str(overridden["text"])
    assert manifest["told_apart"] == ["s0"]
    assert manifest["signed_off"] == {
        "operators": ["an", "chi"],
        "supervisors": ["binh"],
        "reviewed": {"at": LATER, "by": "chi", "gave_up": None},
    }
    assert (manifest["journal_left_out"], manifest["gave_up"]) == (0, None)


def test_who_gave_up_on_somebody_enrolled_already_is_told(store: Store) -> None:
    day = Day(store)
    day.note(core.start(None, new(id="e1", positions=(1, 2), operator="an")))
    for position in (1, 2):
        day.show(f"{position}", 90, "s0")
    day.note(core.abandon(day.current, "went away"))
    said = account_of("e1", day.told())
    assert said["signed_off"]["reviewed"] == {"at": AT, "by": "an", "gave_up": "went away"}


def test_of_very_many_attempts_those_in_the_middle_are_counted_alone(store: Store) -> None:
    day = Day(store)
    day.note(core.start(None, new(id="e1", operator="an")))
    for _ in range(account.MOST_ENTRIES + 3):
        day.note([("attempt.made", {"enrolment": "e1", "position": 1, "decision": "refused", "hint": "x"})])
    said = account_of("e1", day.told())
    seqs = [entry["seq"] for entry in said["journal"]]
    half = account.MOST_ENTRIES // 2
    assert seqs == [*range(1, half + 1), *range(half + 5, 2 * half + 5)]
    assert said["journal_left_out"] == 4
