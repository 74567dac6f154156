"""The sealed packet of one enrolment: signed by the booth, encrypted to the ministry; JWS inside JWE.

    packet    = JWE, compact (RFC 7516), whose protected header is
                {"typ":"vantay-packet-v2","alg":"ECDH-ES","enc":"A256GCM","kid":…,"epk":{…}}
    plaintext = JWS | "\\n" | the blobs, one after the other, and nothing behind the last
    JWS       = compact (RFC 7515), header {"typ":"vantay-manifest-v2","alg":"Ed25519","jwk":{…}},
                payload: the manifest, JSON in UTF-8
`kid` is the thumbprint (RFC 7638, SHA-256) of the ministry's X25519 key, `jwk` the booth's public key (RFC
8037, 9864). The manifest's "blobs" lists name, length and SHA-256 of each blob in order; its "sealed_to"
repeats `kid`: what was signed for one reader cannot be handed on as if it had been signed for another.
"""

import json
import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from edge.errors import VantayError
from edge.files import read_file
from edge.messages import canonical
from edge.printable import printable

PACKET_TYPE, MANIFEST_TYPE = "vantay-packet-v2", "vantay-manifest-v2"
PACKET_MAGIC = b"eyJ0eXAiOiJ2YW50YXktcGFja2V0"  # how the header of our own begins, whatever the version
MOST = 64 * 1024 * 1024  # bytes of a packet; noise for all pictures of `circular-60-2021` makes 22 million
MOST_MANIFEST = 16 * 1024 * 1024  # bytes of its JWS; the account of an enrolment has some 100,000
MOST_HEADER = 1024
# header, no key, nonce of 96 bits, ciphertext, tag of 128
SHAPE = re.compile(rb"([\w-]{2,1024})\.\.([\w-]{16})\.([\w-]+)\.([\w-]{22})", re.ASCII)
MANIFEST = "manifest.json"  # no blob's name: what is opened is written beside it
THUMBPRINT = re.compile(r"[\w-]{43}", re.ASCII)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


class BadPacket(VantayError):
    """The packet is not whole, not for this key, or not signed by the booth it names."""


@dataclass(frozen=True)
class Envelope:
    """What anybody can say of a packet."""

    digest: str  # SHA-256, hex: as the journal, the hub and the manifest of a batch name it
    size: int
    sealed_to: str  # thumbprint of the ministry's key


@dataclass(frozen=True)
class OpenedPacket:
    """What the ministry reads."""

    signed_by: str  # public signing key, hex
    manifest: dict[str, Any]
    blobs: dict[str, bytes]  # by name


def seal(
    manifest: dict[str, Any], blobs: dict[str, bytes], signing: Ed25519PrivateKey, ministry: X25519PublicKey
) -> bytes:
    """Sign, then encrypt; `manifest` must not have the keys "blobs" and "sealed_to", they are added."""
    booth, reader = OKPKey.import_key(signing), OKPKey.import_key(ministry)
    index = [
        {"name": name, "length": len(data), "sha256": sha256(data).hexdigest()}
        for name, data in blobs.items()
    ]
    text = canonical({**manifest, "blobs": index, "sealed_to": reader.thumbprint()})
    said = {"typ": MANIFEST_TYPE, "alg": "Ed25519", "jwk": booth.as_dict(private=False)}
    signed = jws.serialize_compact(said, text, booth, registry=_signatures())
    head = {"typ": PACKET_TYPE, "alg": "ECDH-ES", "enc": "A256GCM", "kid": reader.thumbprint()}
    plain = b"".join([signed.encode(), b"\n", *blobs.values()])
    return jwe.encrypt_compact(head, plain, reader, registry=_envelopes()).encode()


def look_at(packet: bytes) -> Envelope:
    """Check what needs no key: form, header and size; BadPacket says what is wrong."""
    if len(packet) > MOST:
        raise BadPacket(f"this has {len(packet)} bytes: a packet of Vantay has {MOST} at the most")
    if not packet.startswith(PACKET_MAGIC):
        raise BadPacket("this is no sealed packet of Vantay: it does not begin as one")
    shape = SHAPE.fullmatch(packet)
    if shape is None or len(shape[3]) % 4 == 1:
        raise BadPacket("the packet is not whole: it has not the five parts of a JWE of ours")
    head = _header(packet)
    if head["typ"] != PACKET_TYPE:
        raise BadPacket(
            f"the packet is a {printable(str(head['typ']))}, and {PACKET_TYPE} is read here: "
            "use another release"
        )
    if set(head) != {"typ", "alg", "enc", "kid", "epk"} or not _is_thumbprint(head["kid"]):
        raise BadPacket("the packet's header is not one of ours: no booth of Vantay wrote it")
    if (head["alg"], head["enc"]) != ("ECDH-ES", "A256GCM") or not _is_key(head["epk"], "X25519"):
        raise BadPacket("the packet is not encrypted by ECDH-ES with X25519 and A256GCM: it is not opened")
    return Envelope(sha256(packet).hexdigest(), len(packet), head["kid"])


def open_packet(packet: bytes, ministry: X25519PrivateKey) -> OpenedPacket:
    """Decrypt, check signature and every blob; BadPacket says which of them fails."""
    envelope, reader = look_at(packet), OKPKey.import_key(ministry)
    if envelope.sealed_to != reader.thumbprint():
        raise BadPacket(
            f"the packet does not open: it is sealed to another key, {envelope.sealed_to}, than this one, "
            f"{reader.thumbprint()}"
        )
    try:
        plain = jwe.decrypt_compact(packet, reader, registry=_envelopes()).plaintext or b""
    except (JoseError, *UNREADABLE):
        raise BadPacket("the packet does not open: it was altered") from None
    signed, _, body = plain.partition(b"\n")
    signer, text = _verified(signed)
    return _unpack(signer, text, body, envelope.sealed_to)


def public_thumbprint(key: bytes) -> str:
    """Return what names an X25519 public key in a packet's header."""
    return OKPKey.import_key(X25519PublicKey.from_public_bytes(key)).thumbprint()


def read_packet(path: Path) -> bytes:
    """Read a packet's file; VantayError when it cannot be read, BadPacket when it is too large to be one."""
    try:
        packet = read_file(path, MOST)
    except OSError as error:
        raise VantayError(f"{path} cannot be read ({error.strerror})") from None
    if len(packet) > MOST:
        raise BadPacket(f"{path} is larger than a packet of Vantay can be ({MOST} bytes)")
    return packet


def _header(packet: bytes) -> dict[str, Any]:
    try:
        head = json.loads(urlsafe_b64decode(packet[: packet.index(b".")] + b"=="))
        return {"typ": "JWE without a type", **head}
    except UNREADABLE:
        raise BadPacket("the packet's header cannot be read: it was altered") from None


def _verified(signed: bytes) -> tuple[str, bytes]:
    """Return who signed, hex, and what."""
    try:
        if len(signed) > MOST_MANIFEST:
            raise ValueError(len(signed))
        extracted = jws.extract_compact(signed, registry=_signatures())
        head = extracted.headers()
        if head["typ"] != MANIFEST_TYPE or set(head) != {"typ", "alg", "jwk"} or head["alg"] != "Ed25519":
            raise BadPacket(f"the packet's manifest is not signed as a {MANIFEST_TYPE} by Ed25519")
        if not _is_key(head["jwk"], "Ed25519"):
            raise BadPacket("the packet's manifest names no Ed25519 key of a booth")
        signer = OKPKey.import_key(head["jwk"])
        if not jws.validate_compact(extracted, signer, registry=_signatures()):
            raise BadPacket("the packet's signature does not verify")
    except (JoseError, *UNREADABLE):
        raise BadPacket("the packet's signature cannot be read: no booth of Vantay wrote it") from None
    assert isinstance(signer.public_key, Ed25519PublicKey)
    return signer.public_key.public_bytes_raw().hex(), extracted.payload


def _unpack(signer: str, text: bytes, body: bytes, sealed_to: str) -> OpenedPacket:
    blobs, offset = dict[str, bytes](), 0
    try:  # whoever has the ministry's public key can seal anything
        manifest = json.loads(text)
        if manifest.pop("sealed_to") != sealed_to:
            raise BadPacket("the packet was signed for another reader than it is encrypted to")
        for one in manifest.pop("blobs"):
            name, length = one["name"], one["length"]
            if (
                not NAME.fullmatch(name)
                or name in (*blobs, MANIFEST)
                or not isinstance(length, int)
                or length < 0
            ):
                raise ValueError(name)
            if offset + length > len(body):
                raise BadPacket(f"blob {name} of the packet is not whole")
            blobs[name] = body[offset : offset + length]
            offset += length
            if sha256(blobs[name]).hexdigest() != one["sha256"]:
                raise BadPacket(f"blob {name} of the packet does not have the hash its manifest names")
        json.dumps(manifest, ensure_ascii=False).encode()  # half a character is in no text
    except UNREADABLE:
        raise BadPacket("the packet's manifest cannot be read: no booth of Vantay wrote it") from None
    if offset != len(body):
        raise BadPacket(f"the packet has {len(body) - offset} bytes that its manifest does not name")
    return OpenedPacket(signer, manifest, blobs)


def _is_thumbprint(value: object) -> bool:
    return isinstance(value, str) and THUMBPRINT.fullmatch(value) is not None


def _is_key(value: object, curve: str) -> bool:
    """Whether this is a public key of a curve, and nothing else."""
    if not isinstance(value, dict) or set(value) != {"kty", "crv", "x"}:
        return False
    text = value["x"]
    return (value["kty"], value["crv"]) == ("OKP", curve) and isinstance(text, str) and len(text) == 43


def _envelopes() -> jwe.JWERegistry:
    registry = jwe.JWERegistry(algorithms=["ECDH-ES", "A256GCM"])  # no compression among them
    registry.max_ciphertext_length = MOST
    return registry


def _signatures() -> jws.JWSRegistry:
    registry = jws.JWSRegistry(algorithms=["Ed25519"])
    registry.max_header_length, registry.max_payload_length = MOST_HEADER, MOST_MANIFEST
    return registry
