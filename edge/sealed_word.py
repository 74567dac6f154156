"""A short secret on its way over a topic that others read: sealed to a key that the booth shows in its state.

    sealed = ephemeral X25519 public key (32) | nonce (12) | AES-256-GCM(word)
The AES key is HKDF-SHA-256 of the X25519 secret, salted with both public keys; the associated data is what
the word is for, booth and request id: what was overheard opens for no other request.
"""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY, NONCE = 32, 12


def seal_word(word: str, key: str, purpose: str) -> str:
    """Return a word sealed to a public key (hex), as hex; ValueError when the key is none."""
    recipient = X25519PublicKey.from_public_bytes(bytes.fromhex(key))
    ephemeral = X25519PrivateKey.generate()
    own, nonce = ephemeral.public_key().public_bytes_raw(), secrets.token_bytes(NONCE)
    cipher = AESGCM(_derive(ephemeral.exchange(recipient), own, bytes.fromhex(key)))
    return (own + nonce + cipher.encrypt(nonce, word.encode(), purpose.encode())).hex()


def open_word(sealed: str, key: X25519PrivateKey, purpose: str) -> str:
    """Return the word; ValueError when it was sealed to another key or for another purpose."""
    try:
        data = bytes.fromhex(sealed)
        own, nonce, text = data[:KEY], data[KEY : KEY + NONCE], data[KEY + NONCE :]
        secret = key.exchange(X25519PublicKey.from_public_bytes(own))
        cipher = AESGCM(_derive(secret, own, key.public_key().public_bytes_raw()))
        return cipher.decrypt(nonce, text, purpose.encode()).decode()
    except (InvalidTag, ValueError):
        raise ValueError(
            "the word does not open: it was sealed to another key or for another request"
        ) from None


def _derive(secret: bytes, *public: bytes) -> bytes:
    return HKDF(SHA256(), KEY, salt=b"".join(public), info=b"vantay word 1").derive(secret)
