"""Sealed packets: only the ministry opens them, and only when not one bit was touched."""

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from edge import packet as packets
from edge.cli import main
from edge.packet import BadPacket, open_packet, seal
from tests.edge.parts import bodies, steady, texts

MINISTRY = X25519PrivateKey.from_private_bytes(bytes(range(32)))
BOOTH = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))
SIGNER = BOOTH.public_key().public_bytes_raw().hex()
MANIFEST = {"version": 1, "booth": "b-1", "subject": "s"}
BLOBS = {"2.png": b"a picture", "2.fmr": b"", "3.png": bytes(100)}
HEAD = 8 + 32 + 12  # magic, ephemeral key, nonce
SEALED = seal(MANIFEST, BLOBS, BOOTH, MINISTRY.public_key())

manifests = bodies.map(lambda body: {key: value for key, value in body.items() if key != "blobs"})


@steady(60)
@given(manifests, st.dictionaries(texts, st.binary(max_size=300), max_size=6))
def test_what_was_sealed_is_opened_whole(manifest: dict[str, Any], blobs: dict[str, bytes]) -> None:
    opened = open_packet(seal(manifest, blobs, BOOTH, MINISTRY.public_key()), MINISTRY)
    assert (opened.signed_by, opened.manifest, opened.blobs) == (SIGNER, manifest, blobs)


@steady(400)
@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
def test_a_changed_byte_anywhere_is_refused(place: int, bits: int) -> None:
    changed = bytearray(SEALED)
    changed[place] ^= bits
    with pytest.raises(BadPacket):
        open_packet(bytes(changed), MINISTRY)


def test_every_single_flipped_bit_of_the_head_is_refused() -> None:
    """The top bit of an X25519 key is ignored by the curve (RFC 7748, 5): the associated data holds it."""
    for bit in range(HEAD * 8):
        changed = bytearray(SEALED)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadPacket):
            open_packet(bytes(changed), MINISTRY)


def test_a_packet_cut_anywhere_or_longer_is_refused() -> None:
    for length in range(len(SEALED)):
        with pytest.raises(BadPacket):
            open_packet(SEALED[:length], MINISTRY)
    with pytest.raises(BadPacket, match="it was altered"):
        open_packet(SEALED + b"\0", MINISTRY)


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(BadPacket, match="does not open: it was altered, or sealed to another key"):
        open_packet(SEALED, X25519PrivateKey.generate())


def test_a_file_that_is_no_packet_is_told() -> None:
    with pytest.raises(BadPacket, match="no sealed packet of Vantay"):
        open_packet(b"PNG", MINISTRY)


def test_a_degenerate_ephemeral_key_is_refused() -> None:
    with pytest.raises(BadPacket, match="does not open"):
        open_packet(SEALED[:8] + bytes(32) + SEALED[40:], MINISTRY)


def test_two_seals_share_nothing() -> None:
    again = seal(MANIFEST, BLOBS, BOOTH, MINISTRY.public_key())
    assert again[8:40] != SEALED[8:40]
    assert again[40:52] != SEALED[40:52]
    assert open_packet(again, MINISTRY) == open_packet(SEALED, MINISTRY)


def test_nothing_inside_can_be_read_outside() -> None:
    sealed = seal({**MANIFEST, "identity_number": "001090000001"}, BLOBS, BOOTH, MINISTRY.public_key())
    for secret in (b"001090000001", b"a picture", b"2.png", BOOTH.public_key().public_bytes_raw()):
        assert secret not in sealed


# What a stranger with the ministry's public key can make: well sealed, badly filled.


def content_of(manifest: bytes, body: bytes = b"", size: int | None = None) -> bytes:
    length = len(manifest) if size is None else size
    return packets.CONTENT_MAGIC + struct.pack(">I", length) + manifest + body


def sealed_content(content: bytes, signature: bytes | None = None) -> bytes:
    """Seal any content, by the words at the top of edge/packet.py."""
    ephemeral = X25519PrivateKey.from_private_bytes(bytes(range(64, 96)))
    own, theirs = ephemeral.public_key().public_bytes_raw(), MINISTRY.public_key().public_bytes_raw()
    secret = ephemeral.exchange(X25519PublicKey.from_public_bytes(theirs))
    key = HKDF(SHA256(), 32, salt=own + theirs, info=b"vantay packet 1").derive(secret)
    head = b"VANTAYP1" + own + bytes(12)
    signed = BOOTH.public_key().public_bytes_raw() + (signature or BOOTH.sign(content)) + content
    return head + AESGCM(key).encrypt(bytes(12), signed, head)


def test_a_packet_sealed_by_another_program_opens() -> None:
    body = b"data"
    place = {"offset": 0, "length": 4, "sha256": hashlib.sha256(body).hexdigest()}
    manifest = json.dumps({"version": 1, "blobs": {"x": place}}).encode()
    opened = open_packet(sealed_content(content_of(manifest, body)), MINISTRY)
    assert (opened.manifest, opened.blobs) == ({"version": 1}, {"x": body})


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "does not begin with VANTAYC1"),
        (b"VANTAYC2" + bytes(40), "does not begin with VANTAYC1"),
        (content_of(b"no JSON"), "manifest cannot be read"),
        (content_of(b"[1]"), "manifest cannot be read"),
        (content_of(b"{}"), "manifest cannot be read"),
        (content_of(b"\xff\xfe{}"), "manifest cannot be read"),
        (content_of(b"[" * 100_000), "manifest cannot be read"),
        (content_of(b'{"blobs":{}}', size=3), "manifest cannot be read"),
        (content_of(b'{"blobs":[]}'), "manifest cannot be read"),
        (content_of(b'{"blobs":{"a":1}}'), "manifest cannot be read"),
        (content_of(b'{"blobs":{"a":{"offset":0,"length":"x","sha256":""}}}'), "manifest cannot be read"),
        (content_of(b'{"blobs":{"a":{"offset":0,"length":9,"sha256":"00"}}}', b"x" * 9), "blob a .* hash"),
    ],
)
def test_a_well_sealed_packet_with_bad_content_is_refused(content: bytes, sentence: str) -> None:
    with pytest.raises(BadPacket, match=sentence):
        open_packet(sealed_content(content), MINISTRY)


def test_a_signature_of_another_content_is_refused() -> None:
    content = content_of(b'{"blobs":{}}')
    with pytest.raises(BadPacket, match="signature does not verify"):
        open_packet(sealed_content(content, BOOTH.sign(b"another")), MINISTRY)


@pytest.fixture
def ministry_key(tmp_path: Path) -> Path:
    path = tmp_path / "ministry.key"
    path.write_bytes(MINISTRY.private_bytes_raw())
    path.chmod(0o600)
    return path


def test_the_command_shows_and_writes(
    tmp_path: Path, ministry_key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.packet").write_bytes(
        seal(MANIFEST, {**BLOBS, "../up": b"x"}, BOOTH, MINISTRY.public_key())
    )
    out = tmp_path / "out"
    arguments = ["packet", str(tmp_path / "a.packet"), "--key", str(ministry_key), "-o", str(out)]
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out) == {"signed_by": SIGNER, **MANIFEST}
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {**BLOBS, "up": b"x"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.packet", "ministry.key", "out"]


@pytest.mark.parametrize(("content", "sentence"), [(b"text", "no sealed packet"), (None, "No such file")])
def test_the_command_refuses_with_one_sentence(
    tmp_path: Path,
    ministry_key: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
    sentence: str,
) -> None:
    path = tmp_path / "a.packet"
    if content is not None:
        path.write_bytes(content)
    assert main(["packet", str(path), "--key", str(ministry_key)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert sentence in said.err
    assert said.err.count("\n") == 1
