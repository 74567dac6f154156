"""JWS and JWE by RFC 7515, 7516, 7518 (4.6, 5.3), 7638 and 8037; it shares no code with edge/packet.py."""

import base64
import hashlib
import json
import struct
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def b64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def unb64(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))


def jwk(public: X25519PublicKey | Ed25519PublicKey) -> dict[str, str]:
    curve = "X25519" if isinstance(public, X25519PublicKey) else "Ed25519"
    return {"kty": "OKP", "crv": curve, "x": b64(public.public_bytes_raw()).decode()}


def thumbprint(public: X25519PublicKey) -> str:
    members = json.dumps(jwk(public), sort_keys=True, separators=(",", ":"))
    return b64(hashlib.sha256(members.encode()).digest()).decode()


def agreed(private: X25519PrivateKey, public: X25519PublicKey, enc: str = "A256GCM") -> bytes:
    """Concat KDF (NIST SP 800-56A), one round of SHA-256: 256 bits are wanted; no apu, no apv."""
    other = struct.pack(">I", len(enc)) + enc.encode() + struct.pack(">III", 0, 0, 256)
    return hashlib.sha256(struct.pack(">I", 1) + private.exchange(public) + other).digest()


def encrypt(head: dict[str, Any], plain: bytes, key: bytes, iv: bytes = bytes(12)) -> bytes:
    protected = b64(json.dumps(head, separators=(",", ":")).encode())
    sealed = AESGCM(key).encrypt(iv, plain, protected)
    return b".".join([protected, b"", b64(iv), b64(sealed[:-16]), b64(sealed[-16:])])


def decrypt(packet: bytes, ministry: X25519PrivateKey) -> tuple[dict[str, Any], bytes]:
    protected, encrypted_key, iv, ciphertext, tag = packet.split(b".")
    head = json.loads(unb64(protected))
    assert encrypted_key == b""
    assert (head["alg"], head["enc"]) == ("ECDH-ES", "A256GCM")
    key = agreed(ministry, X25519PublicKey.from_public_bytes(unb64(head["epk"]["x"].encode())))
    return head, AESGCM(key).decrypt(unb64(iv), unb64(ciphertext) + unb64(tag), protected)


def sign(head: dict[str, Any], payload: bytes, private: Ed25519PrivateKey) -> bytes:
    said = b64(json.dumps(head).encode()) + b"." + b64(payload)
    return said + b"." + b64(private.sign(said))


def verified(signed: bytes) -> tuple[dict[str, Any], bytes]:
    said, _, signature = signed.rpartition(b".")
    protected, payload = said.split(b".")
    head = json.loads(unb64(protected))
    assert head["alg"] == "Ed25519"
    Ed25519PublicKey.from_public_bytes(unb64(head["jwk"]["x"].encode())).verify(unb64(signature), said)
    return head, unb64(payload)
