"""Packets to the ministry: a folder gets them batch by batch, whole or not at all; the answer is read back.

    FOLDER/2026-01-05-001/manifest.json          what is in the batch: hash, size, booth, enrolment of each
    FOLDER/2026-01-05-001/HASH.packet            still encrypted to the ministry
    FOLDER/2026-01-05-001/acknowledgement.json   the ministry's answer, put there when it likes

A batch is made under a name that begins with a dot and renamed when all of it is on the disk; only then does
the hub's file say that it is delivered. Killed in between, the next delivery finds the batch and notes it. A
packet is delivered once. The folder may be a mounted share, or be emptied by whoever carries it on.
"""

import os
import shutil
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.errors import VantayError
from edge.files import sync_folder
from edge.hub.packets import PacketFiles
from edge.hub.tables import Tables
from edge.messages import BoothName, Digest, utc

MOST = 1000  # packets of a batch
MANIFEST, ANSWER = "manifest.json", "acknowledgement.json"
MADE = "????-??-??-???"
COPIED_AT_ONCE = 1 << 20
Sentence = Annotated[str, Field(min_length=1, max_length=500)]


class Delivered(BaseModel):
    """One packet of a batch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    packet: Digest
    size: int
    booth: BoothName
    enrolment: str
    complete_at: str  # at the hub, UTC


class Manifest(BaseModel):
    """What a batch holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    batch: str
    made_at: str  # UTC
    packets: tuple[Delivered, ...]


class Refused(BaseModel):
    """A packet that the ministry does not take."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    packet: Digest
    reason: Sentence


class Acknowledgement(BaseModel):
    """The ministry's answer to a batch; what it names in neither list still waits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    batch: str
    accepted: tuple[Digest, ...] = ()
    refused: tuple[Refused, ...] = ()


@dataclass
class Standing:
    """How far the ministry is."""

    undelivered: int = 0
    waiting: int = 0  # delivered, no answer yet
    accepted: int = 0
    refused: int = 0
    alarms: list[str] = field(default_factory=list)


class Delivery:
    """One hub's way to the ministry."""

    def __init__(self, store: Tables, files: PacketFiles, folder: Path) -> None:
        self._store, self._db, self._files, self._folder = store, store.db, files, folder

    def deliver(self, at: str) -> list[str]:
        """Deliver all that is complete and was not delivered; return the names of the batches made.

        VantayError when the folder cannot be written, or a packet is not what its name says.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            self._note_found()
            made = []
            while packets := self._undelivered(MOST):
                made.append(self._make(packets, at))
            return made
        except OSError as error:
            raise VantayError(
                f"the ministry's folder {self._folder} cannot be written ({error.strerror}): "
                "nothing is lost, deliver again when it can"
            ) from None

    def hear(self, at: str) -> list[str]:
        """Read the answers to batches that wait for one; return a sentence for each that cannot be used."""
        complaints = []
        query = (
            "SELECT DISTINCT batch FROM delivery WHERE accepted_at IS NULL AND refused IS NULL ORDER BY batch"
        )
        for row in self._db.execute(query).fetchall():
            path = self._folder / row["batch"] / ANSWER
            try:
                answer = Acknowledgement.model_validate_json(path.read_bytes())
                if answer.batch != row["batch"]:
                    raise ValueError(f"it answers batch {answer.batch}")
            except FileNotFoundError:
                continue
            except (OSError, ValidationError, ValueError) as error:
                complaints.append(f"{path} cannot be used: {_why(error)}")
                continue
            complaints += self._take(answer, at, path)
        return complaints

    def standing(self, now: str, hours: float) -> Standing:
        """Count, and name what is overdue by so many hours or refused."""
        found = Standing()
        query = (
            "SELECT count(*) AS all_of, count(delivered_at) AS delivered, count(accepted_at) AS accepted,"
            " count(refused) AS refused FROM packet LEFT JOIN delivery USING (hash)"
            " WHERE complete_at IS NOT NULL"
        )
        row = self._db.execute(query).fetchone()
        found.undelivered = row["all_of"] - row["delivered"]
        found.accepted, found.refused = row["accepted"], row["refused"]
        found.waiting = row["delivered"] - row["accepted"] - row["refused"]
        limit = utc(datetime.fromisoformat(now) - timedelta(hours=hours))
        late = self._db.execute(
            "SELECT batch, count(*) AS packets, min(delivered_at) AS since FROM delivery"
            " WHERE accepted_at IS NULL AND refused IS NULL AND delivered_at < ?"
            " GROUP BY batch ORDER BY batch",
            (limit,),
        )
        for batch in late:
            found.alarms.append(
                f"batch {batch['batch']}: {batch['packets']} packets without an answer since {batch['since']}"
            )
        late = self._db.execute(
            "SELECT count(*) AS packets, min(complete_at) AS since FROM packet"
            " LEFT JOIN delivery USING (hash)"
            " WHERE delivered_at IS NULL AND complete_at < ?",
            (limit,),
        ).fetchone()
        if late["packets"]:
            found.alarms.append(f"{late['packets']} packets not delivered, the first since {late['since']}")
        for refusal in self._db.execute(
            "SELECT hash, batch, refused FROM delivery WHERE refused IS NOT NULL ORDER BY batch, hash"
        ):
            found.alarms.append(
                f"batch {refusal['batch']}: packet {refusal['hash'][:12]} was refused: {refusal['refused']}"
            )
        return found

    def _undelivered(self, most: int) -> list[Delivered]:
        query = (
            "SELECT packet.* FROM packet LEFT JOIN delivery USING (hash)"
            " WHERE complete_at IS NOT NULL AND delivered_at IS NULL ORDER BY complete_at, hash LIMIT ?"
        )
        return [
            Delivered(
                packet=row["hash"],
                size=row["size"],
                booth=row["booth"],
                enrolment=row["enrolment"],
                complete_at=row["complete_at"],
            )
            for row in self._db.execute(query, (most,))
        ]

    def _make(self, packets: list[Delivered], at: str) -> str:
        for left in self._folder.glob(f".{MADE}"):  # begun, and killed
            shutil.rmtree(left)
        name = self._next_name(at[:10])
        begun = self._folder / f".{name}"
        begun.mkdir(mode=0o750)
        for packet in packets:
            _copy_checked(self._files.path(packet.packet), begun / f"{packet.packet}.packet", packet.packet)
        manifest = Manifest(batch=name, made_at=at, packets=tuple(packets))
        _write_synced(begun / MANIFEST, manifest.model_dump_json(indent=1).encode())
        sync_folder(begun)
        begun.rename(self._folder / name)
        sync_folder(self._folder)
        self._note(manifest)
        return name

    def _next_name(self, day: str) -> str:
        query = "SELECT max(batch) AS last FROM delivery WHERE batch LIKE ?"
        last = self._db.execute(query, (f"{day}-%",)).fetchone()["last"] or "0"
        return f"{day}-{int(last.rpartition('-')[2]) + 1:03d}"

    def _note_found(self) -> None:
        """Note batches that are there and that nobody noted."""
        known = {row["batch"] for row in self._db.execute("SELECT DISTINCT batch FROM delivery")}
        for path in sorted(self._folder.glob(f"{MADE}/{MANIFEST}")):
            if path.parent.name not in known:
                try:
                    self._note(Manifest.model_validate_json(path.read_bytes()))
                except ValidationError as error:
                    raise VantayError(f"{path} is no manifest of ours: {_why(error)}") from None

    def _note(self, manifest: Manifest) -> None:
        with self._store.transaction():
            for packet in manifest.packets:
                self._db.execute(
                    "INSERT INTO delivery VALUES (?, ?, ?, NULL, NULL) ON CONFLICT DO NOTHING",
                    (packet.packet, manifest.batch, manifest.made_at),
                )

    def _take(self, answer: Acknowledgement, at: str, path: Path) -> list[str]:
        ours = {
            row["hash"]
            for row in self._db.execute("SELECT hash FROM delivery WHERE batch = ?", (answer.batch,))
        }
        named = [*answer.accepted, *(one.packet for one in answer.refused)]
        if strange := set(named) - ours:
            return [f"{path} cannot be used: it names {min(strange)[:12]}, which the batch does not hold"]
        if len(set(named)) != len(named):
            return [f"{path} cannot be used: it names a packet twice"]
        with self._store.transaction():
            for packet in answer.accepted:
                self._db.execute(
                    "UPDATE delivery SET accepted_at = ? WHERE hash = ? AND accepted_at IS NULL", (at, packet)
                )
            for refusal in answer.refused:
                self._db.execute(
                    "UPDATE delivery SET refused = ? WHERE hash = ? AND accepted_at IS NULL",
                    (refusal.reason, refusal.packet),
                )
        return []


def _copy_checked(source: Path, target: Path, digest: str) -> None:
    found = sha256()
    with source.open("rb") as reader, target.open("xb") as writer:
        while piece := reader.read(COPIED_AT_ONCE):
            found.update(piece)
            writer.write(piece)
        writer.flush()
        os.fsync(writer.fileno())
    if found.hexdigest() != digest:
        raise VantayError(f"the packet {source} is not what its name says: restore it, then deliver again")


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _why(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}"
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
