"""`vantay schema [PAYLOAD]`: the wire as AsyncAPI 3, or one payload as JSON Schema."""

import json
from argparse import ArgumentParser, Namespace
from importlib import metadata

from edge.errors import BadCommand
from edge.schema import asyncapi, json_schema, payload_names


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "payload", nargs="?", metavar="PAYLOAD", help=f"one of {', '.join(payload_names())}; none: AsyncAPI"
    )


def run(arguments: Namespace) -> int:
    """Print the document."""
    if arguments.payload is None:
        document = asyncapi(metadata.version("vantay"))
    elif arguments.payload in payload_names():
        document = json_schema(arguments.payload)
    else:
        raise BadCommand(f"no payload '{arguments.payload}'; there are {', '.join(payload_names())}")
    print(json.dumps(document, indent=2, ensure_ascii=False))
    return 0
