"""Sealing: what was accepted is in the packet and nothing of it lies open afterwards; all of that or none."""

import hashlib
import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge.booth.enrolment import SEALED, Attempt, Enrolment, RolledAttempt, fold, override, start
from edge.booth.findings import Findings
from edge.booth.sealing import accepted_templates, put_sample, seal_enrolment
from edge.booth.view import ended_by
from edge.errors import IllegalTransition, VantayError
from edge.keys import BoothKeys
from edge.packet import open_packet
from edge.store import Store
from edge.vault import ENROLLED, ENROLLED_CODE, IDENTITY, PACKET_KEY, STATED, Label, Vault
from tests.edge.booth.test_enrolment import new
from tests.edge.parts import AT, NUMBER

MINISTRY = X25519PrivateKey.from_private_bytes(bytes(range(32)))
PRO_20 = {"model": "Pro 20", "serial": "H-1", "firmware": "22.06", "location": "usb:1-1"}
ATTACK = {"score": 7, "detector": "of a vendor"}
ENROLMENT = Enrolment(
    "e1",
    "s1",
    (1, 2),
    3,
    {1: 30, 2: 30},
    2,
    missing={3: "cut"},
    tried={1: (Attempt(1, "poor", 10), Attempt(2, "good", 60)), 2: (Attempt(1, "fair", 40),)},
    accepted={1: Attempt(2, "good", 60, PRO_20, ATTACK), 2: Attempt(1, "fair", 40)},
    found=Findings(({"finding": "same-finger", "text": "x"},)),
)


@pytest.fixture
def sealer(keys: BoothKeys) -> BoothKeys:
    return replace(keys, ministry=MINISTRY.public_key())


@pytest.fixture
def vault(store: Store, sealer: BoothKeys) -> Vault:
    vault = Vault(store, sealer.vault)
    vault.put(Label("e1.identity", IDENTITY, "e1", "s1"), NUMBER.encode())
    for position, name in ((1, "poor"), (1, "good"), (2, "fair")):
        put_sample(
            vault,
            ENROLMENT,
            position,
            name,
            [f"{name} {kind}".encode() for kind in ("fir", "full", "iso", "code")],
        )
    put_sample(vault, replace(ENROLMENT, id="e2"), 1, "other", [b"1", b"2", b"3", b"4"])
    return vault


def kinds_left(vault: Vault, enrolment: str) -> dict[str, int]:
    query = "SELECT kind, count(*) FROM vault WHERE enrolment = ? GROUP BY kind"
    return dict(tuple(row) for row in vault.db.execute(query, (enrolment,)))


def test_a_record_without_a_finger_says_so_and_who_signed(
    store: Store, vault: Vault, sealer: BoothKeys
) -> None:
    bare = new(id="e1", positions=(), missing=dict.fromkeys(range(1, 11), "amputated"))
    current = fold(start(None, bare))
    current = fold(override(current, "both hands are gone", "binh"), current)
    assert current
    with store.transaction():
        ((_, body),) = seal_enrolment("b-1", AT, current, vault, sealer)
    assert (body["exception"], body["samples"]) == ("no-finger", {})
    opened = open_packet(vault.packet_chunk(body["packet"], 0, body["size"]) or b"", MINISTRY)
    assert opened.blobs == {}
    assert opened.manifest["exception"]["signed_by"] == "binh"
    assert "both hands are gone" in opened.manifest["exception"]["text"]
    assert opened.manifest["missing"] == {str(p): "amputated" for p in range(1, 11)}
    assert not list(vault.all_of(ENROLLED, "e1"))
    assert ended_by(SEALED, body).text == "enrolled without a finger: the record says why, and who signed"


def test_one_finger_is_one_finger() -> None:
    body = {"enrolment": "e1", "outcome": "enrolled", "samples": {"2": "a"}}
    assert ended_by(SEALED, body).text == "enrolled with 1 finger"


def test_the_class_of_each_reason_is_in_the_packet_and_in_the_journal(
    store: Store, vault: Vault, sealer: BoothKeys
) -> None:
    said = replace(ENROLMENT, missing_why={3: "permanent"})
    with store.transaction():
        ((_, body),) = seal_enrolment("b-1", AT, said, vault, sealer)
    assert (body["missing"], body["missing_why"]) == ({"3": "cut"}, {"3": "permanent"})
    manifest = open_packet(vault.packet_chunk(body["packet"], 0, body["size"]) or b"", MINISTRY).manifest
    assert (manifest["missing"], manifest["missing_why"]) == ({"3": "cut"}, {"3": "permanent"})


def test_the_packet_holds_what_was_accepted(store: Store, vault: Vault, sealer: BoothKeys) -> None:
    with store.transaction():
        ((kind, body),) = seal_enrolment("b-1", AT, ENROLMENT, vault, sealer)
    assert (kind, body["samples"], body["missing"]) == (SEALED, {"1": "good", "2": "fair"}, {"3": "cut"})
    packet = vault.packet_chunk(body["packet"], 0, body["size"] + 1) or b""
    assert (hashlib.sha256(packet).hexdigest(), len(packet)) == (body["packet"], body["size"])
    opened = open_packet(packet, MINISTRY)
    assert opened.signed_by == sealer.signing.public_key().public_bytes_raw().hex()
    assert opened.blobs == {
        "1.fir": b"good fir",
        "1.fmr": b"good iso",
        "2.fir": b"fair fir",
        "2.fmr": b"fair iso",
    }
    assert opened.manifest == {
        "version": 2,
        "booth": "b-1",
        "sealed_at": AT,
        "enrolment": "e1",
        "subject": "s1",
        "identity_number": NUMBER,
        "stated": None,
        "outcome": "enrolled",
        "duplicate_of": None,
        "samples": [
            {
                "position": 1,
                "sample": "good",
                "quality": 60,
                "impression": "plain",
                "device": PRO_20,
                "attack": ATTACK,
            },
            {"position": 2, "sample": "fair", "quality": 40, "impression": "plain", "device": None},
        ],
        "missing": {"3": "cut"},
        "findings": [{"finding": "same-finger", "text": "x"}],
        "plan": "",
        "operator": None,
        "confirmed": None,
        "portrait": None,
        "gave_up": None,
        "told_apart": [],
        "journal": [],
        "journal_left_out": 0,
        "signed_off": {"operators": [], "supervisors": [], "reviewed": None},
    }


def test_rolled_fingers_are_in_the_packet_beside_the_plain_ones(
    store: Store, vault: Vault, sealer: BoothKeys
) -> None:
    put_sample(vault, ENROLMENT, 1, "rolled", [b"rolled fir", b"full", b"rolled iso", b"code"])
    kept = RolledAttempt(2, "rolled", 70, ("slipped",), "own", PRO_20, ATTACK)
    done = replace(ENROLMENT, rolled=(1,), kept_rolled={1: kept}, not_rolled={2: "stiff"})
    with store.transaction():
        ((_, body),) = seal_enrolment("b-1", AT, done, vault, sealer)
    assert (body["rolled"], body["samples"]) == ({"1": "rolled"}, {"1": "good", "2": "fair"})
    opened = open_packet(vault.packet_chunk(body["packet"], 0, body["size"]) or b"", MINISTRY)
    assert (opened.blobs["1-rolled.fir"], opened.blobs["1-rolled.fmr"]) == (b"rolled fir", b"rolled iso")
    assert opened.manifest["not_rolled"] == {"2": "stiff"}
    assert opened.manifest["rolled"] == [
        {
            "position": 1,
            "sample": "rolled",
            "quality": 70,
            "impression": "rolled",
            "issues": ["slipped"],
            "control": "own",
            "device": PRO_20,
            "attack": ATTACK,
        }
    ]
    gallery = [label.position for label, _ in vault.all_of(ENROLLED, "e1")]
    assert gallery == [1, 2], "plain ones alone are searched among"
    assert IDENTITY not in kinds_left(vault, "e1")


def test_the_packet_says_how_the_person_was_confirmed(store: Store, vault: Vault, sealer: BoothKeys) -> None:
    portrait = {"sha256": "ab" * 32, "taken_at": AT}
    done = replace(ENROLMENT, confirm=True, confirmed="confirmed", review=True)
    with pytest.raises(IllegalTransition), store.transaction():
        seal_enrolment("b-1", AT, done, vault, sealer)
    with store.transaction():
        reviewed = replace(done, reviewed={"portrait": portrait})
        ((_, body),) = seal_enrolment("b-1", AT, reviewed, vault, sealer)
    opened = open_packet(vault.packet_chunk(body["packet"], 0, body["size"]) or b"", MINISTRY)
    assert (opened.manifest["confirmed"], opened.manifest["portrait"]) == ("confirmed", portrait)


def test_what_was_stated_goes_into_the_packet_as_typed_and_stays_nowhere(
    store: Store, vault: Vault, sealer: BoothKeys
) -> None:
    stated = {"name": "Nguyễn Hòa An", "birth": "1990-05-17", "sex": "male"}
    vault.put(Label("e1.stated", STATED, "e1", "s1"), json.dumps(stated).encode())
    with store.transaction():
        ((_, body),) = seal_enrolment("b-1", AT, ENROLMENT, vault, sealer)
    opened = open_packet(vault.packet_chunk(body["packet"], 0, body["size"]) or b"", MINISTRY)
    assert opened.manifest["stated"] == stated
    assert kinds_left(vault, "e1") == {ENROLLED: 2, ENROLLED_CODE: 2, PACKET_KEY: 1}
    assert not {"Nguyễn", "1990-05-17"} & set(map(str, body.values()))


def test_only_the_gallery_is_left_of_who_was_enrolled(store: Store, vault: Vault, sealer: BoothKeys) -> None:
    assert accepted_templates(vault, ENROLMENT) == {1: b"good full", 2: b"fair full"}
    with store.transaction():
        seal_enrolment("b-1", AT, ENROLMENT, vault, sealer)
    assert kinds_left(vault, "e1") == {ENROLLED: 2, ENROLLED_CODE: 2, PACKET_KEY: 1}
    assert [(label.position, label.subject, data) for label, data in vault.all_of(ENROLLED)] == [
        (1, "s1", b"good full"),
        (2, "s1", b"fair full"),
    ]
    codes, _ = vault.gallery_page(0, 9)
    assert [(label.position, code) for label, code in codes] == [(1, b"good code"), (2, b"fair code")]
    assert list(vault.all_of(ENROLLED_CODE, "e1")) == codes
    assert sum(kinds_left(vault, "e2").values()) == 4, "somebody else's samples stay"


KNOWN = replace(ENROLMENT, found=Findings(known={"of": "s0"}), reviewed={"portrait": None})


def test_nothing_is_left_of_who_was_enrolled_already(store: Store, vault: Vault, sealer: BoothKeys) -> None:
    with store.transaction():
        ((_, body),) = seal_enrolment("b-1", AT, KNOWN, vault, sealer)
    assert (body["outcome"], body["duplicate_of"]) == ("already-enrolled", "s0")
    assert kinds_left(vault, "e1") == {PACKET_KEY: 1}


def test_a_seal_that_fails_leaves_everything_as_it_was(store: Store, vault: Vault, sealer: BoothKeys) -> None:
    before = kinds_left(vault, "e1")
    for broken, error in (
        (replace(ENROLMENT, accepted={1: Attempt(1, "lost", 9)}), VantayError),
        (replace(ENROLMENT, accepted={1: Attempt(2, "good", 60)}), IllegalTransition),  # not closed
    ):
        with pytest.raises(error), store.transaction():
            seal_enrolment("b-1", AT, broken, vault, sealer)
        assert kinds_left(vault, "e1") == before
        assert store.db.execute("SELECT count(*) FROM packet").fetchone()[0] == 0
