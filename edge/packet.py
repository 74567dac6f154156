"""The sealed packet of one enrolment: manifest and blobs, signed by the booth, encrypted to the ministry.

    content  = "VANTAYC1" | u32 length of manifest | manifest (canonical JSON) | blobs one after the other
    signed   = Ed25519 public key (32) | signature (64) | content
    packet   = "VANTAYP1" | ephemeral X25519 public key (32) | nonce (12) | AES-256-GCM(signed)
The AES key is HKDF-SHA-256 of the X25519 secret, salted with both public keys (RFC 7748, RFC 5869); the
associated data is everything before the ciphertext. The manifest names each blob by offset, length and
SHA-256.
"""

import json
import secrets
import struct
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from edge.errors import VantayError
from edge.messages import canonical

CONTENT_MAGIC, PACKET_MAGIC = b"VANTAYC1", b"VANTAYP1"
KEY, SIGNATURE, NONCE = 32, 64, 12


class BadPacket(VantayError):
    """The packet is not whole, not for this key, or not signed by the booth it names."""


@dataclass(frozen=True)
class OpenedPacket:
    """What the ministry reads."""

    signed_by: str  # public signing key, hex
    manifest: dict[str, Any]
    blobs: dict[str, bytes]  # by name


def seal(
    manifest: dict[str, Any], blobs: dict[str, bytes], signing: Ed25519PrivateKey, ministry: X25519PublicKey
) -> bytes:
    """Sign, then encrypt; `manifest` must not have a key "blobs", it is added."""
    index, offset = {}, 0
    for name, data in blobs.items():
        index[name] = {"offset": offset, "length": len(data), "sha256": sha256(data).hexdigest()}
        offset += len(data)
    text = canonical({**manifest, "blobs": index})
    content = b"".join([CONTENT_MAGIC, struct.pack(">I", len(text)), text, *blobs.values()])
    signed = signing.public_key().public_bytes_raw() + signing.sign(content) + content
    ephemeral = X25519PrivateKey.generate()
    public = ephemeral.public_key().public_bytes_raw()
    head = PACKET_MAGIC + public + secrets.token_bytes(NONCE)
    key = _key(ephemeral.exchange(ministry), public, ministry.public_bytes_raw())
    return head + AESGCM(key).encrypt(head[-NONCE:], signed, head)


def open_packet(packet: bytes, ministry: X25519PrivateKey) -> OpenedPacket:
    """Decrypt, check signature and every blob; BadPacket says which of them fails."""
    head_size = len(PACKET_MAGIC) + KEY + NONCE
    if len(packet) < head_size or not packet.startswith(PACKET_MAGIC):
        raise BadPacket("this is no sealed packet of Vantay: its first bytes are not VANTAYP1")
    head, public = packet[:head_size], packet[len(PACKET_MAGIC) : len(PACKET_MAGIC) + KEY]
    try:
        secret = ministry.exchange(X25519PublicKey.from_public_bytes(public))
        own = ministry.public_key().public_bytes_raw()
        signed = AESGCM(_key(secret, public, own)).decrypt(head[-NONCE:], packet[head_size:], head)
    except (InvalidTag, ValueError):
        raise BadPacket("the packet does not open: it was altered, or sealed to another key") from None
    signer, signature, content = signed[:KEY], signed[KEY : KEY + SIGNATURE], signed[KEY + SIGNATURE :]
    try:
        Ed25519PublicKey.from_public_bytes(signer).verify(signature, content)
    except (InvalidSignature, ValueError):
        raise BadPacket("the packet's signature does not verify") from None
    return _unpack(signer.hex(), content)


def _unpack(signer: str, content: bytes) -> OpenedPacket:
    if len(content) < 12 or not content.startswith(CONTENT_MAGIC):
        raise BadPacket("the packet's content does not begin with VANTAYC1: a newer release wrote it")
    (size,) = struct.unpack_from(">I", content, 8)
    body = content[12 + size :]
    blobs = {}
    try:  # whoever has the ministry's public key can seal anything
        manifest = json.loads(content[12 : 12 + size])
        for name, place in manifest.pop("blobs").items():
            blobs[name] = body[place["offset"] : place["offset"] + place["length"]]
            if sha256(blobs[name]).hexdigest() != place["sha256"]:
                raise BadPacket(f"blob {name} of the packet does not have the hash its manifest names")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadPacket("the packet's manifest cannot be read: no booth of Vantay wrote it") from None
    return OpenedPacket(signer, manifest, blobs)


def _key(secret: bytes, *public: bytes) -> bytes:
    return HKDF(SHA256(), KEY, salt=b"".join(public), info=b"vantay packet 1").derive(secret)
