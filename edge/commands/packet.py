"""`vantay packet open|verify FILE`: read a sealed packet as the ministry does, or say what it is.

0 for a good packet, 1 for a bad one.
"""

import json
import re
import sys
from argparse import ArgumentParser, Namespace
from hashlib import file_digest
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge.errors import BadCommand
from edge.files import make_folder, read_file, reading, replace
from edge.hub.delivery import Manifest
from edge.hub.drop import LARGEST, small
from edge.keys import key_and_mode, refuse_open
from edge.packet import (
    MANIFEST,
    BadPacket,
    Envelope,
    OpenedPacket,
    look_at,
    open_packet,
    public_thumbprint,
    read_packet,
)
from edge.printable import printable

WHO = "who may have signed: a booth and its key a line"
UNCHECKED = "whose key signed it was not checked: --booths FILE does"
DIGEST = re.compile(r"[0-9a-fA-F]{64}")
BOOTH = re.compile(r"(\S+)\s+([0-9a-fA-F]{64})")


def configure(parser: ArgumentParser) -> None:
    """Declare the options."""
    actions = parser.add_subparsers(dest="action", required=True)
    opening = actions.add_parser("open", help="print the manifest, and write what is in it")
    opening.add_argument("file", type=Path)
    opening.add_argument("--key", type=Path, required=True, metavar="ministry.key")
    opening.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="write manifest and files there")
    opening.add_argument("--booths", type=Path, metavar="FILE", help=WHO)
    checking = actions.add_parser("verify", help="whether it is whole, what it should be, and whose")
    checking.add_argument("file", type=Path)
    checking.add_argument("--key", type=Path, metavar="ministry.key", help="signature and every file, too")
    checking.add_argument("--digest", metavar="SHA256", help="that it must have, as the journal names it")
    checking.add_argument(
        "--manifest", type=Path, metavar="manifest.json", help="of a batch, that must name it"
    )
    checking.add_argument(
        "--portrait", type=Path, metavar="FILE", help="the picture that the record must have been sealed with"
    )
    checking.add_argument("--booths", type=Path, metavar="FILE", help=WHO)


def run(arguments: Namespace) -> int:
    """Open or verify; a bad packet is one sentence on standard error and exit code 1."""
    try:
        if arguments.action == "open":
            return _open(arguments)
        return _verify(arguments)
    except BadPacket as error:
        print(f"vantay: {arguments.file}: {error}", file=sys.stderr)
        return 1


def _open(arguments: Namespace) -> int:
    opened = _opened(read_packet(arguments.file), arguments.key)
    if arguments.booths:
        _known(arguments.booths, opened)
    said = json.dumps({"signed_by": opened.signed_by, **opened.manifest}, indent=2, ensure_ascii=False)
    text = printable(said)
    if arguments.output:
        _write(arguments.output, {**opened.blobs, MANIFEST: text.encode()})
    print(text)
    if not arguments.booths:
        print(f"vantay: {UNCHECKED}", file=sys.stderr)
    return 0


def _write(folder: Path, files: dict[str, bytes]) -> None:
    """Write one packet's files, in order, into a folder of its own."""
    make_folder(folder)
    if any(folder.iterdir()):
        raise BadCommand(f"{folder} is not empty: name another folder, lest two people's files be mixed")
    for name, data in files.items():
        replace(folder / name, data, mode=0o600)


def _verify(arguments: Namespace) -> int:
    if arguments.booths and not arguments.key:
        raise BadCommand("who signed is inside the packet: --booths needs --key")
    if arguments.portrait and not arguments.key:
        raise BadCommand("the portrait's hash is inside the packet: --portrait needs --key")
    packet = read_packet(arguments.file)
    envelope = look_at(packet)
    said = [f"{envelope.digest}: {envelope.size} bytes, sealed to the key {envelope.sealed_to}"]
    if arguments.digest is not None:  # a script's empty variable, too, is not to pass for a check
        _check_digest(arguments.digest, envelope)
    if arguments.manifest:
        said.append(_listed(arguments.manifest, envelope))
    if arguments.key:
        opened = _opened(packet, arguments.key)
        said.append(f"signed by {opened.signed_by}, with {len(opened.blobs)} files that are whole")
        if arguments.portrait:
            said.append(f"sealed with the portrait {_portrait(arguments.portrait, opened)}")
        if arguments.booths:
            said.append(f"which is the key of booth {_known(arguments.booths, opened)}")
        else:
            said.append(UNCHECKED)
    elif not (arguments.digest or arguments.manifest):
        said.append("whole by its form alone: --digest or --manifest tell whether it was altered")
    print("\n".join(said))
    return 0


def _check_digest(given: str, envelope: Envelope) -> None:
    if not DIGEST.fullmatch(given):
        raise BadCommand("--digest is a SHA-256 of 64 hex digits, as the journal names the packet")
    if given.lower() != envelope.digest:
        raise BadPacket(f"its SHA-256 is {envelope.digest}, not the {given} given: it was altered")


def _opened(packet: bytes, path: Path) -> OpenedPacket:
    """Open a packet by a key's file; BadCommand where that holds the half that cannot."""
    key, mode = key_and_mode(path)
    if public_thumbprint(key) == look_at(packet).sealed_to:
        raise BadCommand(f"{path} is the public half of the key: only the private one, ministry.key, opens")
    refuse_open(path, mode)
    return open_packet(packet, X25519PrivateKey.from_private_bytes(key))


def _listed(path: Path, envelope: Envelope) -> str:
    """Return what the manifest of a batch says of a packet."""
    try:
        manifest = Manifest.model_validate_json(small(read_file(path, LARGEST)))
    except OSError as error:
        raise BadCommand(f"{path} cannot be read ({error.strerror})") from None
    except ValueError:
        raise BadCommand(f"{path} is no manifest of a batch of packets") from None
    one = next((packet for packet in manifest.packets if packet.packet == envelope.digest), None)
    if one is None:
        raise BadPacket(f"{path} names no packet {envelope.digest}: it was altered, or is of another batch")
    if one.size != envelope.size:
        raise BadPacket(f"{path} says that it has {one.size} bytes, and it has {envelope.size}")
    return f"in batch {manifest.batch}: enrolment {one.enrolment} of booth {one.booth}"


def _portrait(path: Path, opened: OpenedPacket) -> Path:
    """Return a picture's file, which must be the one that the record was sealed with."""
    try:
        with reading(path) as picture:
            digest = file_digest(picture, "sha256").hexdigest()
    except OSError as error:
        raise BadCommand(f"{path} cannot be read ({error.strerror})") from None
    sealed = opened.manifest.get("portrait")
    if not isinstance(sealed, dict):
        raise BadPacket(f"the record was sealed without a portrait, so {path} cannot be its own")
    if digest != sealed.get("sha256"):
        raise BadPacket(
            f"{path} is not the portrait that the record was sealed with: its SHA-256 is {digest}"
        )
    return path


def _known(path: Path, opened: OpenedPacket) -> str:
    """Return the booth that signed, whose name the record must have."""
    try:
        lines = read_file(path).decode("utf-8").splitlines()
    except OSError as error:
        raise BadCommand(f"{path} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise BadCommand(f"{path} is no text of booths and keys") from None
    known = dict[str, str]()
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        if (found := BOOTH.fullmatch(line.strip())) is None:
            raise BadCommand(f"{path}: line {number} is no booth and its public key of 64 hex digits")
        known[found[2].lower()] = found[1]
    if (booth := known.get(opened.signed_by)) is None:
        raise BadPacket(f"it was signed by {opened.signed_by}, which is the key of no booth in {path}")
    if booth != opened.manifest.get("booth"):
        said = printable(str(opened.manifest.get("booth")))
        raise BadPacket(f"booth {booth} signed it, and the record says booth {said[:100]}")
    return booth
