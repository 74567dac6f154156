"""Recordings as the repository keeps them: MODEL_HARDWARE_FIRMWARE/, big ones compressed."""

import lzma
import shutil
from pathlib import Path

from fwtools.recording.about import read_about
from fwtools.recording.folder import PACKED, PCAPNG

MOST_PLAIN = 300_000  # bytes
NAMES = {
    "SecuGen Hamster Pro 20": "Hamster-Pro-20",
    "NEXT NB-1010-U": "NB-1010-U",
    "DigitalPersona U.are.U 4000/4500": "U.are.U-4500",
}


def keep(recording: Path, folder: Path) -> Path:
    """Keep a recording instead of an older one of that device; return where."""
    about = read_about(recording)
    assert about is not None, "vantay-fw record writes it"
    name = f"{NAMES[about.model]}_{about.usb_id}_{about.firmware}".replace(":", "-").replace("/", "-")
    kept = folder / name
    if kept.exists():
        shutil.rmtree(kept)
    kept.mkdir(parents=True)
    for path in recording.iterdir():
        if path.name == PCAPNG and path.stat().st_size > MOST_PLAIN:
            (kept / PACKED).write_bytes(lzma.compress(path.read_bytes(), preset=9 | lzma.PRESET_EXTREME))
        else:
            shutil.copyfile(path, kept / path.name)
    return kept
