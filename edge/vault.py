"""The vault: samples and templates encrypted at rest, and sealed packets until their time is over.

AES-256-GCM, a fresh nonce for each blob. What a blob is and whose it is goes in as associated data: a blob
moved to another person's row does not open. A packet, encrypted to the ministry and named by its hash, lies
in AES-256-CTR under a key of its own, which is a blob: without it no copy of the packet's bytes is of use.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CTR

from edge.errors import VantayError
from edge.messages import POSITION_NAMES, canonical
from edge.store import Database

NONCE_BYTES = 12  # NIST SP 800-38D, 8.2
PACKET_KEY_BYTES, BLOCK_BYTES = 32, 16

SAMPLE, TEMPLATE, RECORD, IDENTITY = "sample", "template", "record", "identity"
CODE = "code"  # search code of a sample
EARLIER = "earlier"  # a finger of the earlier record, at a renewal
STATED = "stated"  # name, birth and sex, as JSON
PACKET_KEY = "packet-key"  # of one sealed packet; its blob is destroyed with the packet
ENROLLED, ENROLLED_CODE = "enrolled", "enrolled-code"  # in the gallery: template, and search code
GALLERY_PAGE = """
SELECT of.rowid AS place, of.id, of.enrolment, of.subject, of.position, code.nonce, code.data
FROM vault AS of LEFT JOIN vault AS code ON code.id = of.id || '.code'
WHERE of.kind = 'enrolled' AND of.rowid > ? ORDER BY of.rowid LIMIT ?
"""
RECODE = """
INSERT OR REPLACE INTO vault SELECT ?, ?, ?, ?, ?, ?, ?
WHERE EXISTS (SELECT 1 FROM vault WHERE id = ? AND kind = 'enrolled')
"""


def gallery_id(enrolment: str, position: int) -> str:
    """Return the id of the template of an enrolled finger."""
    return f"{enrolment}-{position}"


def gallery_code(finger: str) -> str:
    """Return the id of the search code beside a template of that id."""
    return f"{finger}.code"


def _key_of(packet: str) -> str:
    return f"{packet}.key"


def _stream(key: bytes, block: int, data: bytes) -> bytes:
    """Encrypt or decrypt from a block of 16 bytes on; a key serves one packet: it begins with counter 0."""
    return Cipher(AES256(key), CTR(block.to_bytes(BLOCK_BYTES, "big"))).encryptor().update(data)


@dataclass(frozen=True, slots=True)
class Label:
    """What a blob is and whose: `kind` is one of the names above."""

    id: str
    kind: str
    enrolment: str
    subject: str
    position: int = 0

    def associated(self) -> bytes:
        """Return what the encryption binds the blob to."""
        return canonical(["vantay vault 1", self.id, self.kind, self.enrolment, self.subject, self.position])


class Vault:
    """Put, get, purge. Callers group what belongs together in `store.transaction()`."""

    def __init__(self, store: Database, key: bytes) -> None:
        self.db, self._store = store.db, store
        self._cipher = AESGCM(key)

    def put(self, label: Label, data: bytes) -> None:
        """Encrypt and keep one blob."""
        self.db.execute("INSERT INTO vault VALUES (?, ?, ?, ?, ?, ?, ?)", self._sealed(label, data))

    def recode(self, enrolment: str, subject: str, position: int, code: bytes) -> None:
        """Keep another search code of an enrolled finger; nothing where its template is gone meanwhile."""
        finger = gallery_id(enrolment, position)
        label = Label(gallery_code(finger), ENROLLED_CODE, enrolment, subject, position)
        self.db.execute(RECODE, (*self._sealed(label, code), finger))

    def get(self, blob: str) -> bytes:
        """Decrypt one blob; VantayError when it is not there or does not open."""
        if (data := self.find(blob)) is None:
            raise VantayError(f"the vault holds no blob {blob}")
        return data

    def find(self, blob: str) -> bytes | None:
        """Decrypt one blob, None when it is not there; VantayError when it does not open."""
        return next((data for _, data in self._open("WHERE id = ?", (blob,))), None)

    def labels(self, kind: str, first: str = "", before: str = "~", most: int = -1) -> list[Label]:
        """Return labels of a kind, in the order they were put; nothing is decrypted.

        Those whose `enrolment` sorts not before `first` and before `before`, as many at the most; -1: all.
        """
        query = (
            "SELECT id, kind, enrolment, subject, position FROM vault"
            " WHERE kind = ? AND enrolment >= ? AND enrolment < ? ORDER BY rowid LIMIT ?"
        )
        return [Label(*row) for row in self.db.execute(query, (kind, first, before, most))]

    def all_of(self, kind: str, enrolment: str | None = None) -> Iterator[tuple[Label, bytes]]:
        """Yield label and content of every blob of a kind, in the order they were put."""
        if enrolment is None:
            return self._open("WHERE kind = ? ORDER BY rowid", (kind,))
        return self._open("WHERE kind = ? AND enrolment = ? ORDER BY rowid", (kind, enrolment))

    def enrolled(self, enrolment: str) -> tuple[dict[int, bytes], list[int]]:
        """Return a record's templates by position, and where there is one that does not open."""
        opened: dict[int, bytes] = {}
        damaged: list[int] = []
        for position in POSITION_NAMES:
            try:
                if (data := self.find(gallery_id(enrolment, position))) is not None:
                    opened[position] = data
            except VantayError:
                damaged.append(position)
        return opened, damaged

    def gallery_page(self, after: int, most: int) -> tuple[list[tuple[Label, bytes]], int]:
        """Return search codes of at most so many enrolled fingers from behind a place on, and the last place.

        Empty where there is none: an earlier release kept the template alone. Begin with 0.
        """
        page = []
        for row in self.db.execute(GALLERY_PAGE, (after, most)):
            label = Label(
                gallery_code(row["id"]), ENROLLED_CODE, row["enrolment"], row["subject"], row["position"]
            )
            page.append((label, self._decrypt(label, row) if row["data"] is not None else b""))
            after = row["place"]
        return page, after

    def purge(self, enrolment: str, *kinds: str) -> None:
        """Forget an enrolment's blobs of these kinds; the bytes are overwritten with the commit."""
        self._store.purged = True
        for kind in kinds:
            self.db.execute("DELETE FROM vault WHERE enrolment = ? AND kind = ?", (enrolment, kind))

    def forget(self, blob: str) -> None:
        """Forget one blob; its bytes are overwritten with the commit."""
        self._store.purged = True
        self.db.execute("DELETE FROM vault WHERE id = ?", (blob,))

    def has(self, kind: str) -> bool:
        """Whether there is any blob of a kind."""
        return bool(
            self.db.execute("SELECT EXISTS (SELECT 1 FROM vault WHERE kind = ?)", (kind,)).fetchone()[0]
        )

    def put_packet(self, enrolment: str, data: bytes) -> str:
        """Keep a sealed packet under a key of its own; return its SHA-256."""
        digest, key = sha256(data).hexdigest(), secrets.token_bytes(PACKET_KEY_BYTES)
        self.put(Label(_key_of(digest), PACKET_KEY, enrolment, ""), key)
        row = (digest, enrolment, len(data), _stream(key, 0, data))
        self.db.execute("INSERT INTO packet VALUES (?, ?, ?, ?)", row)
        return digest

    def packet_chunk(self, packet: str, offset: int, length: int) -> bytes | None:
        """Return bytes of a packet, None when the vault does not hold it (any more)."""
        block, skipped = divmod(offset, BLOCK_BYTES)
        row = self.db.execute(
            "SELECT substr(data, ?, ?) AS chunk FROM packet WHERE hash = ?",
            (offset - skipped + 1, length + skipped, packet),
        ).fetchone()
        if row is None or (key := self.find(_key_of(packet))) is None:
            return None
        return _stream(key, block, row["chunk"])[skipped:]

    def take_packet(self, packet: str, since: str | None, ran: int) -> bool:
        """Note that the hub has a packet, and how long the booth had run then; tell whether that is new.

        `since` None: no clock could say when.
        """
        query = "INSERT OR IGNORE INTO packet_taken SELECT hash, ?, ? FROM packet WHERE hash = ?"
        return self.db.execute(query, (since, ran, packet)).rowcount > 0

    def renew_packet(self, packet: str, since: str | None, ran: int) -> None:
        """Have the time of a packet that the hub has begin anew: it asks for it."""
        self.db.execute("UPDATE packet_taken SET since = ?, ran = ? WHERE hash = ?", (since, ran, packet))

    def date_packets(self, now: str) -> None:
        """Say of packets that the hub has, nobody knows since when or since a time to come: since now."""
        self.db.execute("UPDATE packet_taken SET since = ? WHERE since IS NULL OR since > ?", (now, now))

    def packets_taken(self, until: str, ran: int, most: int) -> list[str]:
        """Return packets that the hub has since then or before, at most so many, the oldest first.

        By the clock, and by how long the booth had run.
        """
        query = "SELECT hash FROM packet_taken WHERE since <= ? AND ran <= ? ORDER BY since, hash LIMIT ?"
        return [str(row["hash"]) for row in self.db.execute(query, (until, ran, most))]

    def packets_kept(self, ran: int) -> int:
        """Return how many packets the hub has since the booth had run so long, or before."""
        return int(self.db.execute("SELECT count(*) FROM packet_taken WHERE ran <= ?", (ran,)).fetchone()[0])

    def purge_packet(self, packet: str) -> bool:
        """Destroy a packet's key, without which what is left of it anywhere is noise, and the packet."""
        self.forget(_key_of(packet))
        self.db.execute("DELETE FROM packet_taken WHERE hash = ?", (packet,))
        return self.db.execute("DELETE FROM packet WHERE hash = ?", (packet,)).rowcount > 0

    def waits(self, packet: str) -> bool:
        """Whether a packet is here that the hub does not have."""
        query = "SELECT EXISTS (SELECT 1 FROM packet_waiting WHERE hash = ?)"
        return bool(self.db.execute(query, (packet,)).fetchone()[0])

    def packets_waiting(self) -> int:
        """Return how many packets the hub does not have yet."""
        return int(self.db.execute("SELECT count(*) FROM packet_waiting").fetchone()[0])

    def _open(self, where: str, values: tuple[str | int, ...]) -> Iterator[tuple[Label, bytes]]:
        for row in self.db.execute(f"SELECT * FROM vault {where}", values):  # noqa: S608 - literals above
            label = Label(row["id"], row["kind"], row["enrolment"], row["subject"], row["position"])
            yield label, self._decrypt(label, row)

    def _sealed(self, label: Label, data: bytes) -> tuple[str | int | bytes, ...]:
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, data, label.associated())
        return label.id, label.kind, label.enrolment, label.subject, label.position, nonce, sealed

    def _decrypt(self, label: Label, row: Any) -> bytes:
        try:
            return self._cipher.decrypt(row["nonce"], row["data"], label.associated())
        except (InvalidTag, ValueError):
            raise VantayError(
                f"the vault's blob {label.id} does not open: another key, or it was altered"
            ) from None
