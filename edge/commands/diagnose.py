"""`vantay diagnose --config booth.toml|hub.toml -o FILE.tar.gz`: what a helper far away needs to know."""

import gzip
import io
import json
import tarfile
import tomllib
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import IO, Any

from edge.errors import BadCommand
from edge.settings import BoothSettings, HubSettings, check_output, read_settings

FOLDER = "vantay-diagnosis"
README = """\
Made by `vantay diagnose`. It holds releases, settings without words, kernel, disk, how far the journals are,
what may be told of the last log lines, USB devices by number, and whether the broker answers. Only what is
known to be harmless was taken: no image, template, key, name, identity number, reason or free text.
"""


def configure(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", type=Path, required=True, metavar="booth.toml|hub.toml")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.tar.gz")


def run(arguments: Namespace) -> int:
    """Write the bundle; booth or hub may run meanwhile."""
    from edge.diagnosis import sections
    from edge.images import whole_file

    if not arguments.output.name.endswith((".tar.gz", ".tgz")):
        raise BadCommand(f"{arguments.output}: the bundle is a .tar.gz: name it so")
    settings = _settings(arguments.config)
    check_output(arguments.output, arguments.config, settings)
    made = sections(settings)
    with whole_file(arguments.output) as file:
        write_bundle(file, made)
    failed = [name for name, section in made.items() if isinstance(section, dict) and "failed" in section]
    lacking = f"; could not be read: {', '.join(failed)}" if failed else ""
    print(f"{arguments.output}: {len(made)} parts, nothing of a person in them{lacking}")
    return 0


def write_bundle(file: IO[bytes], made: dict[str, Any]) -> None:
    """Write each part as a JSON file; nothing of who packed it, and where."""
    members = {f"{name}.json": json.dumps(part, indent=1).encode() for name, part in made.items()}
    members["README.txt"] = README.encode()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as bundle,
    ):
        for name, content in members.items():
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size = len(content)
            bundle.addfile(member, io.BytesIO(content))


def _settings(path: Path) -> BoothSettings | HubSettings:
    """Read a booth's file or a hub's: only a booth's names the booth."""
    try:
        booth = "booth" in tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        booth = True  # whatever is wrong with it is told in the same words
    return read_settings(path, BoothSettings) if booth else read_settings(path, HubSettings)
