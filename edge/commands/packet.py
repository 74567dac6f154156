"""`vantay packet FILE --key ministry.key [-o FOLDER]`: open a sealed packet, as the ministry does."""

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge.errors import VantayError
from edge.keys import read_key
from edge.packet import open_packet


def configure(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("file", type=Path)
    parser.add_argument("--key", type=Path, required=True, metavar="ministry.key")
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="write the samples there")


def run(arguments: Namespace) -> int:
    """Print the manifest; with -o write every blob."""
    key = X25519PrivateKey.from_private_bytes(read_key(arguments.key))
    try:
        opened = open_packet(arguments.file.read_bytes(), key)
        print(json.dumps({"signed_by": opened.signed_by, **opened.manifest}, indent=2, ensure_ascii=False))
        if arguments.output:
            arguments.output.mkdir(parents=True, exist_ok=True, mode=0o700)
            for name, data in opened.blobs.items():
                (arguments.output / Path(name).name).write_bytes(data)
    except OSError as error:
        raise VantayError(f"{error.filename} cannot be used ({error.strerror})") from None
    return 0
