"""Sealed packets: only the ministry opens them, and only when not one bit was touched."""

import hashlib
import json
import os
import random
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from edge import packet as packets
from edge.cli import main
from edge.commands import packet as packet_command
from edge.hub.delivery import Delivered, Manifest
from edge.packet import PACKET_MAGIC, BadPacket, look_at, open_packet, seal
from tests.edge import jose_by_hand as hand
from tests.edge.parts import bodies, steady
from tests.edge.programs import VANTAY

MINISTRY = X25519PrivateKey.from_private_bytes(bytes(range(32)))
BOOTH = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))
EPHEMERAL = X25519PrivateKey.from_private_bytes(bytes(range(64, 96)))
SIGNER = BOOTH.public_key().public_bytes_raw().hex()
KID = hand.thumbprint(MINISTRY.public_key())
MANIFEST = {"version": 2, "booth": "b-1", "subject": "s"}
BLOBS = {"2.png": b"a picture", "2.fmr": b"", "3.png": bytes(100)}
SEALED = seal(MANIFEST, BLOBS, BOOTH, MINISTRY.public_key())

manifests = bodies.map(lambda body: {k: v for k, v in body.items() if k not in ("blobs", "sealed_to")})
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)


@steady(60)
@given(manifests, st.dictionaries(names, st.binary(max_size=300), max_size=6))
def test_what_was_sealed_is_opened_whole(manifest: dict[str, Any], blobs: dict[str, bytes]) -> None:
    opened = open_packet(seal(manifest, blobs, BOOTH, MINISTRY.public_key()), MINISTRY)
    assert (opened.signed_by, opened.manifest, opened.blobs) == (SIGNER, manifest, blobs)


def test_somebody_who_knows_the_layout_alone_opens_it() -> None:
    head, plain = hand.decrypt(SEALED, MINISTRY)
    epk = head.pop("epk")
    assert head == {"typ": "vantay-packet-v2", "alg": "ECDH-ES", "enc": "A256GCM", "kid": KID}
    assert (epk["kty"], epk["crv"]) == ("OKP", "X25519")
    signed, _, body = plain.partition(b"\n")
    said, text = hand.verified(signed)
    assert said == {
        "typ": "vantay-manifest-v2",
        "alg": "Ed25519",
        "jwk": hand.jwk(BOOTH.public_key()),
    }
    manifest = json.loads(text)
    index = manifest.pop("blobs")
    assert manifest == {**MANIFEST, "sealed_to": KID}
    assert [one["name"] for one in index] == list(BLOBS)
    assert body == b"".join(BLOBS.values())
    assert [one["sha256"] for one in index] == [hashlib.sha256(b).hexdigest() for b in BLOBS.values()]


# What was touched on the way.


@steady(400)
@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
def test_a_changed_byte_anywhere_is_refused(place: int, bits: int) -> None:
    changed = bytearray(SEALED)
    changed[place] ^= bits
    with pytest.raises(BadPacket):
        open_packet(bytes(changed), MINISTRY)


def test_every_single_flipped_bit_of_the_head_is_refused() -> None:
    """Also those that no base64 has, and the last letter's, which name no byte."""
    for bit in range((SEALED.index(b".") + 24) * 8):
        changed = bytearray(SEALED)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadPacket):
            open_packet(bytes(changed), MINISTRY)


def test_a_packet_cut_anywhere_or_longer_is_refused() -> None:
    for length in range(len(SEALED)):
        with pytest.raises(BadPacket):
            open_packet(SEALED[:length], MINISTRY)
    for more in (b"\0", b"\n", b"A", b".", b"AAAA", b"="):
        with pytest.raises(BadPacket):
            open_packet(SEALED + more, MINISTRY)


@steady(200)
@given(st.binary(max_size=400))
def test_whatever_bytes_come_it_is_a_bad_packet(noise: bytes) -> None:
    for data in (noise, PACKET_MAGIC + noise, SEALED[: SEALED.index(b".") + 1] + noise):
        with pytest.raises(BadPacket):
            open_packet(data, MINISTRY)


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(BadPacket, match=f"does not open: it is sealed to another key, {KID}, than this one"):
        open_packet(SEALED, X25519PrivateKey.generate())


def test_a_file_that_is_no_packet_is_told() -> None:
    with pytest.raises(BadPacket, match="no sealed packet of Vantay"):
        open_packet(b"PNG", MINISTRY)


def test_what_is_larger_than_a_packet_can_be_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packets, "MOST", len(SEALED))
    assert open_packet(SEALED, MINISTRY).manifest == MANIFEST
    monkeypatch.setattr(packets, "MOST", len(SEALED) - 1)
    with pytest.raises(BadPacket, match=rf"this has {len(SEALED)} bytes: a packet .* at the most"):
        open_packet(SEALED, MINISTRY)


def test_two_seals_share_nothing() -> None:
    again = seal(MANIFEST, BLOBS, BOOTH, MINISTRY.public_key())
    one, other = (packet.split(b".") for packet in (SEALED, again))
    assert [a == b for a, b in zip(one, other, strict=True)] == [False, True, False, False, False]
    assert open_packet(again, MINISTRY) == open_packet(SEALED, MINISTRY)


def test_nothing_inside_can_be_read_outside() -> None:
    sealed = seal({**MANIFEST, "identity_number": "001090000001"}, BLOBS, BOOTH, MINISTRY.public_key())
    seen = [sealed, *(hand.unb64(part) for part in sealed.split(b"."))]
    for secret in (b"001090000001", b"a picture", b"2.png", BOOTH.public_key().public_bytes_raw()):
        assert not any(secret in one or hand.b64(secret) in one for one in seen)


# What somebody with the ministry's public key can make: well sealed, badly filled.

HEAD = {"typ": "vantay-packet-v2", "alg": "ECDH-ES", "enc": "A256GCM", "kid": KID}
SIGNED_HEAD = {"typ": "vantay-manifest-v2", "alg": "Ed25519", "jwk": hand.jwk(BOOTH.public_key())}


def sealed_by_hand(plain: bytes, **head: Any) -> bytes:
    epk = {"epk": hand.jwk(EPHEMERAL.public_key())}
    return hand.encrypt({**HEAD, **epk, **head}, plain, hand.agreed(EPHEMERAL, MINISTRY.public_key()))


def signed_by_hand(manifest: bytes, body: bytes = b"", **head: Any) -> bytes:
    said = {k: v for k, v in {**SIGNED_HEAD, **head}.items() if v is not None}
    return hand.sign(said, manifest, BOOTH) + b"\n" + body


def listing(*blobs: tuple[str, Any, str], sealed_to: str = KID) -> bytes:
    index = [{"name": name, "length": length, "sha256": digest} for name, length, digest in blobs]
    return json.dumps({"version": 2, "sealed_to": sealed_to, "blobs": index}).encode()


DATA = b"data"
DIGEST = hashlib.sha256(DATA).hexdigest()
EMPTY = hashlib.sha256(b"").hexdigest()
GOOD = signed_by_hand(listing(("x", 4, DIGEST)), DATA)


def test_a_packet_sealed_by_another_program_opens() -> None:
    opened = open_packet(sealed_by_hand(GOOD), MINISTRY)
    assert (opened.signed_by, opened.manifest, opened.blobs) == (SIGNER, {"version": 2}, {"x": DATA})


@pytest.mark.parametrize(
    ("plain", "sentence"),
    [
        (b"\n", "signature cannot be read"),
        (b"a.b.c\n", "signature cannot be read"),
        (b"." * 17_000_000, "signature cannot be read"),
        (signed_by_hand(b"no JSON"), "manifest cannot be read"),
        (signed_by_hand(b"[1]"), "manifest cannot be read"),
        (signed_by_hand(b"{}"), "manifest cannot be read"),
        (signed_by_hand(b"\xff\xfe{}"), "manifest cannot be read"),
        (signed_by_hand(b"[" * 100_000), "manifest cannot be read"),
        (signed_by_hand(b" " * 13_000_000), "signature cannot be read"),
        (signed_by_hand(b'{"sealed_to":"%s","blobs":7}' % KID.encode()), "manifest cannot be read"),
        (signed_by_hand(listing(("a", "x", ""))), "manifest cannot be read"),
        (signed_by_hand(listing(("a", -1, EMPTY))), "manifest cannot be read"),
        (signed_by_hand(listing(("../up", 4, DIGEST)), DATA), "manifest cannot be read"),
        (signed_by_hand(listing(("..", 4, DIGEST)), DATA), "manifest cannot be read"),
        (signed_by_hand(listing(("a", 0, EMPTY), ("a", 0, EMPTY))), "manifest cannot be read"),
        (signed_by_hand(listing(("a", 9, "00")), b"x" * 9), "blob a .* hash"),
        (signed_by_hand(listing(("a", 2**70, DIGEST)), DATA), "blob a .* not whole"),
        (GOOD[:-1], "blob x .* not whole"),
        (GOOD + b"more", "has 4 bytes that its manifest does not name"),
        (signed_by_hand(listing(sealed_to="x" * 43)), "signed for another reader"),
    ],
)
def test_a_well_sealed_packet_with_bad_content_is_refused(plain: bytes, sentence: str) -> None:
    with pytest.raises(BadPacket, match=sentence):
        open_packet(sealed_by_hand(plain), MINISTRY)


@pytest.mark.parametrize(
    "head",
    [
        {"alg": "none"},
        {"alg": "EdDSA"},
        {"alg": "HS256"},
        {"alg": ["Ed25519"]},
        {"typ": "JWT"},
        {"typ": None},
        {"jwk": None},
        {"jwk": hand.jwk(MINISTRY.public_key())},
        {"jwk": {**hand.jwk(BOOTH.public_key()), "d": "AAAA"}},
        {"jwk": {"kty": "oct", "crv": "Ed25519", "x": "A" * 43}},
        {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "A" * 42 + "!"}},
        {"crit": ["b64"], "b64": False},
        {"kid": "k"},
        {"jku": "http://example.org"},
        {"pad": "x" * 9000},
    ],
)
def test_no_other_way_to_sign_is_taken(head: dict[str, Any]) -> None:
    with pytest.raises(BadPacket, match=r"sign|names no Ed25519 key"):
        open_packet(sealed_by_hand(signed_by_hand(listing(), **head)), MINISTRY)


def test_a_signature_of_none_or_of_another_content_or_key_is_refused() -> None:
    first, payload, signature = signed_by_hand(listing()).removesuffix(b"\n").split(b".")
    none = hand.b64(json.dumps({**SIGNED_HEAD, "alg": "none"}).encode())
    other = hand.sign(SIGNED_HEAD, b"another", BOOTH).split(b".")[2]
    forger = hand.sign(SIGNED_HEAD, listing(), Ed25519PrivateKey.generate())
    for signed in (
        b".".join([none, payload, b""]),
        b".".join([first, payload, b""]),
        b".".join([first, payload, other]),
        b".".join([first, payload, signature, b""]),
        forger,
    ):
        with pytest.raises(BadPacket, match="sign"):
            open_packet(sealed_by_hand(signed + b"\n"), MINISTRY)


@pytest.mark.parametrize(
    "head",
    [
        {"alg": "dir"},
        {"alg": "ECDH-ES+A256KW"},
        {"alg": {}},
        {"enc": "A128CBC-HS256"},
        {"enc": None},
        {"zip": "DEF"},
        {"crit": ["exp"]},
        {"apu": "AAAA"},
        {"epk": 7},
        {"epk": {"kty": "OKP", "crv": "X25519", "x": "A" * 43}},  # of small order
        {"epk": {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}},
        {"epk": {"kty": "OKP", "crv": "X25519", "x": "A" * 44}},
        {"epk": {"kty": "EC", "crv": "X25519", "x": "A" * 43}},
        {"kid": 7},
        {"kid": "x" * 43},
        {"kid": "x" * 5000},
        {"typ": "vantay-packet-v3"},
        {"typ": 7},
    ],
)
def test_no_other_way_to_encrypt_is_taken(head: dict[str, Any]) -> None:
    packet = sealed_by_hand(GOOD, **head)
    with pytest.raises(BadPacket):
        open_packet(packet, MINISTRY)


def test_a_newer_packet_asks_for_another_release() -> None:
    with pytest.raises(BadPacket, match=r"is a vantay-packet-v3, and vantay-packet-v2 is read here"):
        look_at(sealed_by_hand(GOOD, typ="vantay-packet-v3"))


def test_what_unpacks_to_very_much_is_never_unpacked() -> None:
    bomb = zlib.compress(bytes(50_000_000), 9, -15)
    with pytest.raises(BadPacket, match="header is not one of ours"):
        open_packet(sealed_by_hand(bomb, zip="DEF"), MINISTRY)


def test_headers_that_are_no_object_are_refused() -> None:
    rest = SEALED[SEALED.index(b".") :]
    for text in (b"[]", b"7", b'{"typ":"vantay-packet', b'{"typ":"vantay-packet-v2"', b"[" * 700):
        for head in (hand.b64(text), PACKET_MAGIC + hand.b64(text)):
            with pytest.raises(BadPacket):
                look_at(head + rest)


# The command.


@pytest.fixture
def ministry_key(tmp_path: Path) -> Path:
    path = tmp_path / "ministry.key"
    path.write_bytes(MINISTRY.private_bytes_raw())
    path.chmod(0o600)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.packet"
    path.write_bytes(SEALED)
    return path


def test_open_shows_and_writes(
    tmp_path: Path, file: Path, ministry_key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["packet", "open", str(file), "--key", str(ministry_key), "-o", str(out)]) == 0
    said = capsys.readouterr().out
    assert json.loads(said) == {"signed_by": SIGNER, **MANIFEST}
    written = {path.name: path.read_bytes() for path in out.iterdir()}
    assert written == {**BLOBS, "manifest.json": said.rstrip("\n").encode()}
    assert {path.stat().st_mode & 0o777 for path in (out, *out.iterdir())} == {0o700, 0o600}


def test_two_peoples_files_never_come_into_one_folder(
    tmp_path: Path, file: Path, ministry_key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.packet"
    other.write_bytes(seal({**MANIFEST, "enrolment": "e2"}, {"7.fir": b"x"}, BOOTH, MINISTRY.public_key()))
    command = ["--key", str(ministry_key), "-o", str(tmp_path / "out")]
    assert main(["packet", "open", str(file), *command]) == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    capsys.readouterr()
    assert main(["packet", "open", str(other), *command]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "is not empty: name another folder" in said.err
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_the_manifest_is_written_last_and_is_no_files_name(
    tmp_path: Path, file: Path, ministry_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    monkeypatch.setattr(packet_command, "replace", lambda path, _data, mode: written.append(path.name))
    assert main(["packet", "open", str(file), "--key", str(ministry_key), "-o", str(tmp_path / "out")]) == 0
    assert written == [*BLOBS, "manifest.json"]
    with pytest.raises(BadPacket, match="manifest cannot be read"):
        open_packet(seal(MANIFEST, {"manifest.json": b"{}"}, BOOTH, MINISTRY.public_key()), MINISTRY)


def test_half_a_character_in_a_manifest_is_refused_in_a_sentence(
    file: Path, ministry_key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = listing().replace(b'"version": 2', rb'"version": 2, "reason": "\ud800"')
    file.write_bytes(sealed_by_hand(signed_by_hand(text)))
    assert main(["packet", "open", str(file), "--key", str(ministry_key)]) == 1
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert "manifest cannot be read" in said.err


def test_what_a_terminal_would_act_on_is_escaped_and_the_content_stays(
    file: Path, ministry_key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = {**MANIFEST, "reason": "\x9b2J \u202eevil\u2028 \x7f \U000e0001 Nguyễn Thị Ánh"}
    file.write_bytes(seal(said, BLOBS, BOOTH, MINISTRY.public_key()))
    assert main(["packet", "open", str(file), "--key", str(ministry_key)]) == 0
    out = capsys.readouterr().out
    assert not set(out) & set("\x9b\u202e\u2028\x7f\U000e0001")
    assert "Nguyễn Thị Ánh" in out
    assert json.loads(out)["reason"] == said["reason"]


@pytest.mark.parametrize("head", [{"typ": "vantay-packet\x9b2J"}, {"kid": "\x9b2J"}])
def test_a_header_writes_nothing_to_the_terminal_either(head: dict[str, Any]) -> None:
    with pytest.raises(BadPacket) as refused:
        look_at(sealed_by_hand(GOOD, **head))
    assert "\x9b" not in str(refused.value)


def test_verify_says_that_the_signer_was_not_checked(
    tmp_path: Path, file: Path, ministry_key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = Ed25519PrivateKey.generate()
    file.write_bytes(seal(MANIFEST, BLOBS, stranger, MINISTRY.public_key()))
    verify = ["packet", "verify", str(file), "--key", str(ministry_key)]
    assert main(verify) == 0
    assert capsys.readouterr().out.endswith("\nwhose key signed it was not checked: --booths FILE does\n")
    booths = tmp_path / "booths"
    booths.write_text(f"b-1 {stranger.public_key().public_bytes_raw().hex()}\n")
    assert main([*verify, "--booths", str(booths)]) == 0
    assert "not checked" not in capsys.readouterr().out


def test_open_says_whether_the_signer_was_checked(
    tmp_path: Path, file: Path, ministry_key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opening = ["packet", "open", str(file), "--key", str(ministry_key)]
    assert main(opening) == 0
    assert "whose key signed it was not checked" in capsys.readouterr().err
    booths = tmp_path / "booths"
    booths.write_text(f"b-1 {SIGNER}\n")
    assert main([*opening, "--booths", str(booths)]) == 0
    assert capsys.readouterr().err == ""
    booths.write_text(f"b-1 {'0' * 64}\n")
    assert main([*opening, "--booths", str(booths), "-o", str(tmp_path / "out")]) == 1
    said = capsys.readouterr()
    assert (said.out, (tmp_path / "out").exists()) == ("", False)
    assert "the key of no booth" in said.err


def test_verify_says_what_can_be_said(
    tmp_path: Path, file: Path, ministry_key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = hashlib.sha256(SEALED).hexdigest()
    one = Delivered(packet=digest, size=len(SEALED), booth="b-1", enrolment="e", complete_at="2026-01-05")
    batch = Manifest(batch="2026-01-05-001", made_at="2026-01-05", packets=(one,))
    (tmp_path / "manifest.json").write_text(batch.model_dump_json())
    (tmp_path / "booths").write_text(f"# the north\n\nb-1  {SIGNER.upper()}\n")
    verify = ["packet", "verify", str(file)]
    assert main(verify) == 0
    assert "whole by its form alone" in capsys.readouterr().out
    assert main([*verify, "--digest", digest, "--manifest", str(tmp_path / "manifest.json")]) == 0
    out = capsys.readouterr().out
    assert f"{digest}: {len(SEALED)} bytes, sealed to the key {KID}" in out
    assert "in batch 2026-01-05-001: enrolment e of booth b-1" in out
    assert main([*verify, "--key", str(ministry_key), "--booths", str(tmp_path / "booths")]) == 0
    out = capsys.readouterr().out
    assert f"signed by {SIGNER}, with 3 files that are whole\nwhich is the key of booth b-1\n" in out


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--digest", "0" * 64], 1, "not the 0000"),
        (["--digest", ""], 2, "--digest is a SHA-256 of 64 hex digits"),
        (["--digest", "0" * 63], 2, "--digest is a SHA-256 of 64 hex digits"),
        (["--manifest", "empty"], 1, "names no packet"),
        (["--manifest", "shorter"], 1, "says that it has 1 bytes"),
        (["--manifest", "booths"], 2, "is no manifest of a batch"),
        (["--manifest", "absent"], 2, "cannot be read"),
        (["--key", "other.key"], 1, "sealed to another key"),
        (["--key", "ministry.pub"], 2, "ministry.pub is the public half of the key: only the private one"),
        (["--key", "pipe"], 2, "the key pipe cannot be read (it is a pipe or a device, no file)"),
        (["--manifest", "pipe"], 2, "pipe cannot be read (it is a pipe or a device, no file)"),
        (["--manifest", "zero"], 2, "zero cannot be read (it is a pipe or a device, no file)"),
        (["--manifest", "large"], 2, "large is no manifest of a batch"),
        (["--key", "ministry.key", "--booths", "pipe"], 2, "pipe cannot be read (it is a pipe"),
        (["--key", "ministry.key", "--portrait", "pipe"], 2, "pipe cannot be read (it is a pipe"),
        (["--key", "ministry.key", "--booths", "strangers"], 1, "the key of no booth"),
        (
            ["--key", "ministry.key", "--booths", "renamed"],
            1,
            "booth b-2 signed it, and the record says booth b-1",
        ),
        (["--key", "ministry.key", "--booths", "empty"], 2, "line 1 is no booth"),
        (["--booths", "booths"], 2, "--booths needs --key"),
        (["--portrait", "booths"], 2, "--portrait needs --key"),
        (["--portrait", "absent", "--key", "ministry.key"], 2, "absent cannot be read"),
        (["--portrait", "booths", "--key", "ministry.key"], 1, "was sealed without a portrait"),
    ],
)
def test_verify_refuses_with_one_sentence(
    tmp_path: Path,
    file: Path,
    ministry_key: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    code: int,
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    digest = hashlib.sha256(SEALED).hexdigest()
    one = Delivered(packet=digest, size=1, booth="b-1", enrolment="e", complete_at="2026-01-05")
    for name, packed in (("empty", ()), ("shorter", (one,))):
        Path(name).write_text(Manifest(batch="b", made_at="x", packets=packed).model_dump_json())
    Path("booths").write_text(f"b-1 {SIGNER}\n")
    Path("strangers").write_text(f"b-1 {'0' * 64}\n")
    Path("renamed").write_text(f"b-2 {SIGNER}\n")
    Path("other.key").write_bytes(bytes(32))
    Path("other.key").chmod(0o600)
    Path("ministry.pub").write_bytes(MINISTRY.public_key().public_bytes_raw())
    Path("ministry.pub").chmod(0o644)
    os.mkfifo("pipe")
    Path("zero").symlink_to("/dev/zero")
    with Path("large").open("wb") as sparse:
        sparse.truncate(1 << 40)
    assert main(["packet", "verify", str(file), *options]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert sentence in said.err
    assert said.err.count("\n") == 1


def test_verify_tells_whether_a_picture_is_the_one_that_was_sealed(
    tmp_path: Path, file: Path, ministry_key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own, other = tmp_path / "own.jpg", tmp_path / "other.jpg"
    own.write_bytes(b"her picture")
    other.write_bytes(b"his picture")
    portrait = {"sha256": hashlib.sha256(b"her picture").hexdigest(), "taken_at": "2026-01-05T08:00:00Z"}
    file.write_bytes(seal({**MANIFEST, "portrait": portrait}, BLOBS, BOOTH, MINISTRY.public_key()))
    verify = ["packet", "verify", str(file), "--key", str(ministry_key), "--portrait"]
    assert main([*verify, str(own)]) == 0
    assert f"sealed with the portrait {own}\n" in capsys.readouterr().out
    assert main([*verify, str(other)]) == 1
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert f"{other} is not the portrait that the record was sealed with" in said.err


@pytest.mark.parametrize("action", ["open", "verify"])
@pytest.mark.parametrize("kind", ["text", "cut", "touched"])
def test_a_bad_packet_ends_with_1(
    file: Path, ministry_key: Path, capsys: pytest.CaptureFixture[str], action: str, kind: str
) -> None:
    touched = bytearray(SEALED)
    touched[len(SEALED) - 40] ^= 1
    file.write_bytes({"text": b"text", "cut": SEALED[:-30], "touched": bytes(touched)}[kind])
    assert main(["packet", action, str(file), "--key", str(ministry_key)]) == 1
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)


def test_a_file_that_is_away_or_too_large_is_told(
    tmp_path: Path, file: Path, ministry_key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--key", str(ministry_key)]
    assert main(["packet", "open", str(tmp_path / "absent"), *command]) == 2
    assert "No such file" in capsys.readouterr().err
    with file.open("wb") as sparse:
        sparse.truncate(packets.MOST + 1)
    assert main(["packet", "open", str(file), *command]) == 1
    assert "larger than a packet" in capsys.readouterr().err


@pytest.mark.parametrize("action", ["open", "verify"])
def test_a_pipe_or_a_device_in_place_of_a_packet_is_not_waited_for(
    tmp_path: Path, ministry_key: Path, capsys: pytest.CaptureFixture[str], action: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        assert main(["packet", action, str(path), "--key", str(ministry_key)]) == 2
        sentence = f"vantay: {path} cannot be read (it is a pipe or a device, no file)\n"
        assert capsys.readouterr() == ("", sentence)


def test_a_packet_and_its_key_may_be_handed_over_by_a_shell(file: Path, ministry_key: Path) -> None:
    command = f"'{VANTAY}' packet verify <(cat '{file}') --key <(cat '{ministry_key}')"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"signed by {SIGNER}" in done.stdout


def test_a_packet_of_many_megabytes_is_sealed_and_opened() -> None:
    blobs = {f"{n}.png": random.Random(n).randbytes(1_500_000) for n in range(10)}
    assert open_packet(seal(MANIFEST, blobs, BOOTH, MINISTRY.public_key()), MINISTRY).blobs == blobs
