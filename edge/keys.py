"""The keys of a box: files that nobody else may read, and what is derived from them."""

import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from edge.errors import BadSettings
from edge.files import reading

SIZE = 32  # bytes of every key here
VAULT, SUBJECT, SIGNING, MINISTRY = "vault.key", "subject.key", "signing.key", "ministry.pub"
GALLERY, GALLERY_PUBLIC = "gallery.key", "gallery.pub"


@dataclass(frozen=True)
class BoothKeys:
    """What a booth holds: it can seal for the ministry and cannot open what it sealed."""

    vault: bytes  # AES-256, for samples and templates at rest
    subject: bytes  # HMAC-SHA-256, the same in every booth of a campaign
    signing: Ed25519PrivateKey
    ministry: X25519PublicKey

    def subject_of(self, identity_number: str) -> str:
        """Return the keyed hash that stands for a person everywhere outside the sealed packet."""
        return hmac.digest(self.subject, identity_number.encode(), "sha256").hex()[:32]


@dataclass(frozen=True)
class GalleryKeys:
    """What the station's gallery holds."""

    vault: bytes  # AES-256, for the templates at rest
    private: X25519PrivateKey  # opens what booths ask


def make_booth_keys(folder: Path, ministry: Path, subject: Path | None = None) -> str:
    """Make the keys of one booth; return its public signing key as hex. Nothing is ever overwritten."""
    public = read_key(ministry, secret=False)
    campaign = read_key(subject) if subject else secrets.token_bytes(SIZE)
    signing = Ed25519PrivateKey.generate()
    _make_folder(folder, VAULT, SUBJECT, SIGNING, MINISTRY)
    _write(folder / VAULT, secrets.token_bytes(SIZE))
    _write(folder / SUBJECT, campaign)
    _write(folder / SIGNING, signing.private_bytes_raw())
    _write(folder / MINISTRY, public)
    return signing.public_key().public_bytes_raw().hex()


def make_ministry_key(folder: Path) -> None:
    """Make the key pair that packets are sealed to; the private half belongs on no booth and no hub."""
    private = X25519PrivateKey.generate()
    _make_folder(folder, "ministry.key", MINISTRY)
    _write(folder / "ministry.key", private.private_bytes_raw())
    _write(folder / MINISTRY, private.public_key().public_bytes_raw())


def make_gallery_keys(folder: Path) -> None:
    """Make the keys of a station's gallery; its booths get gallery.pub, the others stay where it runs."""
    private = X25519PrivateKey.generate()
    _make_folder(folder, GALLERY, GALLERY_PUBLIC, VAULT)
    _write(folder / VAULT, secrets.token_bytes(SIZE))
    _write(folder / GALLERY, private.private_bytes_raw())
    _write(folder / GALLERY_PUBLIC, private.public_key().public_bytes_raw())


def read_gallery_keys(folder: Path) -> GalleryKeys:
    """Read the keys of a gallery; BadSettings says which file is missing, open to others or not a key."""
    private = X25519PrivateKey.from_private_bytes(read_key(folder / GALLERY))
    return GalleryKeys(read_key(folder / VAULT), private)


def read_booth_keys(folder: Path) -> BoothKeys:
    """Read the keys of a booth; BadSettings says which file is missing, open to others or not a key."""
    return BoothKeys(
        vault=read_key(folder / VAULT),
        subject=read_key(folder / SUBJECT),
        signing=Ed25519PrivateKey.from_private_bytes(read_key(folder / SIGNING)),
        ministry=X25519PublicKey.from_public_bytes(read_key(folder / MINISTRY, secret=False)),
    )


def read_key(path: Path, secret: bool = True) -> bytes:
    """Read one key file: exactly 32 bytes, and for a secret, mode 0600 or tighter."""
    key, mode = key_and_mode(path)
    if secret:
        refuse_open(path, mode)
    return key


def key_and_mode(path: Path) -> tuple[bytes, int]:
    """Read one key file, whoever else may read it."""
    try:
        with reading(path) as file:
            key, about = file.read(SIZE + 1), os.fstat(file.fileno())
    except OSError as error:
        raise BadSettings(
            f"the key {path} cannot be read ({error.strerror}): make keys with 'vantay keys booth'"
        ) from None
    if len(key) != SIZE:
        size = about.st_size or len(key)  # a pipe has none
        raise BadSettings(f"the key {path} has {size} bytes, not {SIZE}: it is no key of Vantay")
    return key, about.st_mode


def refuse_open(path: Path, mode: int) -> None:
    """Refuse a secret that others may read."""
    if mode & 0o077:
        raise BadSettings(f"the key {path} is open to other users: chmod 600 {path}")


def _make_folder(folder: Path, *names: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise BadSettings(f"the folder {folder} cannot be made ({error.strerror})") from None
    for name in names:
        if (folder / name).exists():
            raise BadSettings(
                f"{folder / name} exists already: keys are never overwritten, name another folder"
            )


def _write(path: Path, key: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise BadSettings(f"the key {path} cannot be written ({error.strerror})") from None
