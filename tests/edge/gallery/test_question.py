"""Questions to the station's gallery: what is written is read by the one it is sealed to, and by no other."""

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from edge.gallery.question import Finger, Head, Question, id_of, read, written
from tests.edge.parts import steady

KEY = X25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
ID, ENROLMENT, SUBJECT = "0123456789abcdef", "fedcba9876543210", "ab" * 16

fingers = st.dictionaries(st.integers(1, 10), st.binary(min_size=1, max_size=300), min_size=1)


def question(fingers: dict[int, bytes], kind: str = "add", booth: str = "b-1") -> Question:
    said = {
        "kind": kind,
        "enrolment": ENROLMENT,
        "subject": SUBJECT,
        "fmr": 1e-6,
        "fingers": [Finger(position=p, length=len(data)) for p, data in fingers.items()],
    }
    return Question(booth, ID, Head.model_validate(said), tuple(fingers.values()))


@steady(60)
@given(fingers, st.sampled_from(["search", "add"]))
def test_what_is_written_is_read(fingers: dict[int, bytes], kind: str) -> None:
    asked = question(fingers, kind)
    payload = written(asked, PUBLIC)
    assert id_of(payload) == ID
    assert read("b-1", payload, KEY) == asked


def test_nobody_on_the_way_reads_it() -> None:
    template = b"minutiae of a finger, one after another"
    payload = written(question({2: template}), PUBLIC)
    for secret in (template, SUBJECT.encode(), ENROLMENT.encode(), b"fingers"):
        assert secret not in payload
    assert payload != written(question({2: template}), PUBLIC), "another seal each time"


@pytest.mark.parametrize(
    ("booth", "key"), [("b-2", KEY), ("b-1", X25519PrivateKey.from_private_bytes(bytes(32)))]
)
def test_it_opens_under_no_other_name_and_for_no_other_gallery(booth: str, key: X25519PrivateKey) -> None:
    payload = written(question({2: b"t"}), PUBLIC)
    with pytest.raises(ValueError, match=r"does not open: the booth has another gallery's gallery\.pub"):
        read(booth, payload, key)
    moved = b"f" * 16 + payload[16:]
    with pytest.raises(ValueError, match="does not open"):
        read("b-1", moved, KEY)


def test_one_that_is_cut_off_anywhere_is_none() -> None:
    payload = written(question({2: b"template", 7: b"another"}), PUBLIC)
    for length in range(len(payload)):
        with pytest.raises(ValueError, match="question"):
            read("b-1", payload[:length], KEY)


@steady(200)
@given(st.binary(max_size=400), st.booleans())
def test_whatever_comes_is_refused_in_words(data: bytes, named: bool) -> None:
    with pytest.raises(ValueError, match="question"):
        read("b-1", ID.encode() + data if named else data, KEY)


@steady(200)
@given(st.binary(max_size=300) | st.just(b'{"kind":"add"}'))
def test_whatever_was_sealed_is_refused_in_words(data: bytes) -> None:
    from edge.sealed_word import seal_to

    sealed = seal_to(len(data).to_bytes(4, "big") + data, PUBLIC, f"vantay gallery 1 b-1/{ID}")
    with pytest.raises(ValueError, match="question"):
        read("b-1", ID.encode() + sealed, KEY)


def test_templates_that_are_not_those_of_the_head_are_refused() -> None:
    one = question({2: b"abc", 7: b"de"})
    with pytest.raises(ValueError, match="not those of its head"):
        read("b-1", written(Question("b-1", ID, one.head, (b"abc", b"d")), PUBLIC), KEY)
    twice = one.head.model_copy(update={"fingers": (one.head.fingers[0],) * 2})
    with pytest.raises(ValueError, match="names a position twice"):
        read("b-1", written(Question("b-1", ID, twice, (b"abc", b"abc")), PUBLIC), KEY)
