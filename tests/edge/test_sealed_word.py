"""A sealed PIN: it opens for the request it was sealed for, with the right key, and says nothing else."""

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from edge.sealed_word import open_word, seal_word
from tests.edge.parts import steady

KEY = X25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw().hex()
WHOLE = bytes.fromhex(seal_word("271828", PUBLIC, "p"))  # 66 bytes
OTHER = X25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


@steady(60)
@given(st.text(max_size=20), st.text(max_size=20))
def test_it_opens_for_its_purpose(word: str, purpose: str) -> None:
    sealed = seal_word(word, PUBLIC, purpose)
    assert open_word(sealed, KEY, purpose) == word
    assert sealed != seal_word(word, PUBLIC, purpose)
    for key, what in ((OTHER, purpose), (KEY, purpose + "x")):
        with pytest.raises(ValueError, match="another key or for another request"):
            open_word(sealed, key, what)


@steady(100)
@given(st.binary(max_size=120) | st.integers(0, 65).map(lambda n: WHOLE[:n]))
def test_whatever_comes_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="another key or for another request"):
        open_word(data.hex(), KEY, "p")


@pytest.mark.parametrize("text", ["zz", "0", "not hex"])
def test_what_is_no_hex_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="another key or for another request"):
        open_word(text, KEY, "p")


@pytest.mark.parametrize(("word", "key", "told"), [("\udcff", PUBLIC, "no UTF-8"), ("271828", "", "no key")])
def test_what_cannot_be_sealed_is_one_sentence(word: str, key: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        seal_word(word, key, "p")
    assert not isinstance(caught.value, UnicodeError)
