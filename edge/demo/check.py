"""What must be true when the demo ends, looked up where it is kept: booth, hub, and the opened packets."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge.booth.sealing import OPEN_KINDS
from edge.demo.person import Shown
from edge.demo.script import Visit, portrait_of
from edge.hub.ledger import Ledger
from edge.hub.packets import PacketFiles
from edge.hub.status import status_of
from edge.hub.store import HubStore
from edge.journal import Journal, JournalBroken
from edge.keys import read_key
from edge.packet import BadPacket, OpenedPacket, open_packet
from edge.store import Store
from matching import compare, fir2005
from matching.calibration import decide
from matching.extract import extract
from matching.finger_image import pixels_of
from matching.image import read_image

SAME_IMAGE_FMR = 1e-3  # at which a sealed sample must match the image its person showed


@dataclass(frozen=True)
class Finding:
    """One thing that was checked."""

    good: bool
    text: str


@dataclass(frozen=True)
class Waiting:
    """A packet at the booth."""

    hash: str
    size: int


class Checker:
    """Reads what booth and hub kept in one folder."""

    def __init__(self, folder: Path, scans: Path, booth: str) -> None:
        self._scans, self._booth = scans, booth
        self._store = Store(folder / "booth" / "booth.db", read_only=True)
        self._hub = HubStore(folder / "hub" / "hub.db", read_only=True)
        self._files = PacketFiles(folder / "hub" / "packets")
        self._ministry = X25519PrivateKey.from_private_bytes(read_key(folder / "ministry" / "ministry.key"))

    def close(self) -> None:
        """Let go of both files."""
        self._store.close()
        self._hub.close()

    def settled(self) -> bool:
        """Whether the hub has everything and the booth knows it."""
        last, digest = Journal(self._store).tail()
        standing = Ledger(self._hub).standing(self._booth)
        return (standing.last_seq, standing.last_hash) == (last, digest) and not self.waiting()

    def waiting(self) -> list[Waiting]:
        """Return the packets that the booth still keeps for the hub."""
        rows = self._store.db.execute("SELECT hash, size FROM packet_waiting ORDER BY hash").fetchall()
        return [Waiting(row["hash"], row["size"]) for row in rows]

    def nothing_lost(self) -> list[Finding]:
        """Check the chain, and that the hub holds exactly what the booth recorded."""
        journal = Journal(self._store)
        try:
            count = journal.verify()
        except JournalBroken as error:
            return [Finding(False, str(error))]
        status = next((b for b in status_of(self._hub)["booths"] if b["booth"] == self._booth), None)
        if status is None:
            return [Finding(False, "the hub has never heard of the booth")]
        held = self._hub.db.execute("SELECT count(*) FROM entry WHERE booth = ?", (self._booth,)).fetchone()[
            0
        ]
        lacking = max(count - held, status["missing_entries"])
        marks = ",".join("?" * len(OPEN_KINDS))
        query = f"SELECT count(*) FROM vault WHERE kind IN ({marks})"  # noqa: S608 - only marks
        open_left = self._store.db.execute(query, OPEN_KINDS).fetchone()[0]
        alarms = status_of(self._hub)["alarms"]
        return [
            Finding(True, f"the booth's chain of {count} journal entries verifies"),
            Finding(
                self.settled() and not lacking, f"the hub holds all {held} of {count} entries, none twice"
            ),
            Finding(
                not status["missing_packets"],
                f"the hub holds {status['packets']} sealed packets and misses {status['missing_packets']}",
            ),
            Finding(not open_left, f"the booth's vault keeps {open_left} samples of finished enrolments"),
            Finding(not alarms, f"the hub raised {len(alarms)} alarms"),
        ]

    def packets(self) -> dict[str, OpenedPacket]:
        """Open every packet that the hub holds, as the ministry does; by enrolment."""
        opened = {}
        for row in self._hub.db.execute("SELECT hash, enrolment FROM packet WHERE complete_at IS NOT NULL"):
            opened[row["enrolment"]] = open_packet(self._files.path(row["hash"]).read_bytes(), self._ministry)
        return opened

    def samples(self) -> list[Finding]:
        """Check that every accepted sample is in exactly one packet, whole."""
        try:
            packets = self.packets()
        except (BadPacket, OSError) as error:
            return [Finding(False, f"a packet cannot be opened: {error}")]
        found = Counter(s["sample"] for packet in packets.values() for s in packet.manifest["samples"])
        sealed = [e for e in Journal(self._store).read() if e.kind == "enrolment.sealed"]
        accepted = Counter(str(sample) for entry in sealed for sample in _samples(entry.body).values())
        images = sum(1 for packet in packets.values() for name in packet.blobs if name.endswith(".fir"))
        good = found == accepted and max(found.values(), default=1) == 1 and images == sum(found.values())
        return [
            Finding(good, f"{len(accepted)} accepted samples, {len(found)} at the hub, each exactly once")
        ]

    def visit(self, visit: Visit, shown: Shown) -> list[Finding]:
        """Check one visit: outcome, who it is, which fingers, and that each sample is the finger shown."""
        packets = self.packets()
        mine = [packets[e] for e in shown.enrolments if e in packets]
        if len(mine) != 1:
            return [Finding(False, f"{visit.title}: {len(mine)} sealed records where one is wanted")]
        manifest = mine[0].manifest
        wanted = sorted(visit.fingers) if visit.outcome == "enrolled" else None
        captured = sorted(sample["position"] for sample in manifest["samples"])
        right = (
            manifest["outcome"] == visit.outcome
            and manifest["identity_number"] == visit.identity_number
            and manifest["missing"] == {str(p): reason for p, reason in visit.missing.items()}
            and (wanted is None or captured == wanted)
        )
        findings = [f["text"] for f in manifest["findings"]]
        if visit.outcome == "enrolled":
            right &= manifest["confirmed"] == "confirmed"
            right &= (manifest["portrait"] or {}).get("sha256") == portrait_of(visit)
        if visit.stranger:
            right &= any(f["finding"] == "not-confirmed" for f in manifest["findings"])
        if visit.slip:
            right &= any(f["finding"] == "same-finger" for f in manifest["findings"])
        strangers = [p for p in captured if not self._is_shown(mine[0], shown, p)]
        text = f"{visit.title}: {manifest['outcome']}, {len(captured)} fingers"
        if strangers:
            text += f"; not the finger that was shown: {strangers}"
        return [Finding(right and not strangers, "; ".join([text, *findings]))]

    def _is_shown(self, packet: OpenedPacket, shown: Shown, position: int) -> bool:
        (sample,) = fir2005.read(packet.blobs[f"{position}.fir"])
        template = extract(np.ascontiguousarray(pixels_of(sample)), 500.0)
        images = shown.images.get((packet.manifest["enrolment"], position), [])
        for name in set(images):
            image = read_image(self._scans / name)
            score = compare.compare(template, extract(image.pixels, image.ppi)).value
            if decide(score, SAME_IMAGE_FMR).match:
                return True
        return False


def _samples(body: dict[str, Any]) -> dict[str, Any]:
    samples = body["samples"]
    assert isinstance(samples, dict)
    return samples
