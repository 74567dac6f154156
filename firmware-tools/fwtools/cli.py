"""`vantay-fw`: the bench tools. Each command is a module of `fwtools.commands`, imported only when named."""

import sys
from argparse import ArgumentParser
from importlib import import_module, metadata

from fwtools.errors import ToolError
from matching.errors import BadCache

COMMANDS = {
    "synthesise": "make synthetic people with fingerprint images and ground truth",
    "check-synthesis": "judge synthetic fingers with an engine that is not ours (NBIS)",
    "target": "make the picture of a ruled target, as a scanner of some resolution sees it",
    "calibrate": "measure one scanner's resolution against a ruled target, and sign it off for enrolment",
    "supported": "the page of supported scanners, from what the drivers declare",
    "record": "record a USB scanner's traffic through usbmon",
    "redact": "put a synthetic finger into a recording, so that it may be shared",
    "replay": "capture from a recording, through the real libusb",
    "gadget": "a virtual scanner at a real USB port: this machine as a gadget, such as a Raspberry Pi",
    "virtual": "a virtual scanner: a USB/IP server that shows images as fingers put on and lifted",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; every expected failure is one sentence on standard error and exit code 2."""
    argv = sys.argv[1:] if arguments is None else arguments
    if argv and argv[0] in ("-V", "--version"):
        print(f"vantay-fw {metadata.version('vantay')}")
        return 0
    if not argv or argv[0] in ("-h", "--help"):
        print("usage: vantay-fw COMMAND …   (vantay-fw COMMAND --help says more)\n")
        print("\n".join(f"  {name:16} {text}" for name, text in COMMANDS.items()))
        return 0 if argv else 2
    if argv[0] not in COMMANDS:
        return _fail(f"unknown command '{argv[0]}'; the commands are {', '.join(COMMANDS)}")
    try:
        command = import_module(f"fwtools.commands.{argv[0].replace('-', '_')}")
        parser = ArgumentParser(prog=f"vantay-fw {argv[0]}", description=COMMANDS[argv[0]])
        command.configure(parser)
        return int(command.run(parser.parse_args(argv[1:])))
    except ToolError as error:
        return _fail(str(error))
    except BadCache as error:
        return _fail(str(error))
    except BrokenPipeError:
        return 1
    except KeyboardInterrupt:
        return 130


def _fail(sentence: str) -> int:
    print(f"vantay-fw: {sentence}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
