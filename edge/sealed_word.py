"""What is secret on its way over a topic that others read: sealed to a key of whom it is for.

    sealed = ephemeral X25519 public key (32) | nonce (12) | AES-256-GCM(what is said)
The AES key is HKDF-SHA-256 of the X25519 secret, salted with both public keys; the associated data is what
it is for, of a PIN booth and request id: what was overheard opens for no other request.
"""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY, NONCE = 32, 12


def seal_word(word: str, key: str, purpose: str) -> str:
    """Return a word sealed to a public key (hex), as hex; ValueError when word or key are none."""
    try:
        said = word.encode()
    except UnicodeEncodeError:
        raise ValueError("a character of what was typed is no UTF-8: type it anew") from None
    try:
        return seal_to(said, bytes.fromhex(key), purpose).hex()
    except ValueError:
        raise ValueError("there is no key to seal it to: the booth's state shows none") from None


def seal_to(data: bytes, key: bytes, purpose: str) -> bytes:
    """Return bytes sealed to a public key; ValueError when the key is none."""
    recipient = X25519PublicKey.from_public_bytes(key)
    ephemeral = X25519PrivateKey.generate()
    own, nonce = ephemeral.public_key().public_bytes_raw(), secrets.token_bytes(NONCE)
    cipher = AESGCM(_derive(ephemeral.exchange(recipient), own, key))
    return own + nonce + cipher.encrypt(nonce, data, purpose.encode())


def open_sealed(sealed: bytes, key: X25519PrivateKey, purpose: str) -> bytes:
    """Return the bytes; ValueError when they were sealed to another key or for another purpose."""
    try:
        own, nonce, data = sealed[:KEY], sealed[KEY : KEY + NONCE], sealed[KEY + NONCE :]
        secret = key.exchange(X25519PublicKey.from_public_bytes(own))
        cipher = AESGCM(_derive(secret, own, key.public_key().public_bytes_raw()))
        return cipher.decrypt(nonce, data, purpose.encode())
    except (InvalidTag, ValueError):
        raise ValueError("it does not open: it was sealed to another key or for another purpose") from None


def open_word(sealed: str, key: X25519PrivateKey, purpose: str) -> str:
    """Return the word; ValueError when it was sealed to another key or for another purpose."""
    try:
        return open_sealed(bytes.fromhex(sealed), key, purpose).decode()
    except ValueError:
        raise ValueError(
            "the word does not open: it was sealed to another key or for another request"
        ) from None


def _derive(secret: bytes, *public: bytes) -> bytes:
    return HKDF(SHA256(), KEY, salt=b"".join(public), info=b"vantay word 1").derive(secret)
