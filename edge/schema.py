"""The wire as documents for people outside: AsyncAPI 3 for the whole, JSON Schema for one payload.

Both are made from edge/messages.py: `CHANNELS` says what travels where, the models say what it looks like.
"""

from typing import Any

from pydantic.json_schema import models_json_schema

from edge.messages import CHANNELS, CHUNK_BYTES, ROOT, WHOEVER, Channel, Report

SCHEMAS = "#/components/schemas/"
PARAMETERS = {
    "booth": "the booth's name: 1 to 31 small letters, digits or hyphens",
    "packet": "SHA-256 of the sealed packet, 64 hex digits",
    "offset": "where in the packet these bytes begin",
    "report": "the report's name, as of `vantay hub report`",
}


def payload_names() -> list[str]:
    """Return the names of the JSON payloads."""
    return sorted({channel.payload.__name__ for channel in CHANNELS if channel.payload})


def json_schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of one payload, whole in itself; KeyError for an unknown name."""
    models = {channel.payload.__name__: channel.payload for channel in CHANNELS if channel.payload}
    schema = models[name].model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def asyncapi(release: str) -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document, from the booth's point of view."""
    models = list(dict.fromkeys(channel.payload for channel in CHANNELS if channel.payload))
    _, schemas = models_json_schema(
        [(model, "validation") for model in models], ref_template=SCHEMAS + "{model}"
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Vantay, the wire between booth, console and station hub",
            "version": f"1 (as of release {release})",
            "description": f"Topics below {ROOT}. Additive changes only: a key that a reader does not know "
            "is to be ignored in reports, and is refused in commands. Promises: docs/WIRE.md.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {channel.name: _channel(channel) for channel in CHANNELS},
        "operations": {
            channel.name: _operation(channel)
            for channel in CHANNELS
            if channel.sender == "booth" or channel.other != WHOEVER  # else a booth has no part in it
        },
        "components": {
            "messages": {channel.name: _message(channel) for channel in CHANNELS},
            "schemas": schemas["$defs"],
        },
    }


def _channel(channel: Channel) -> dict[str, Any]:
    described: dict[str, Any] = {
        "address": channel.address,
        "description": channel.says,
        "messages": {channel.name: {"$ref": f"#/components/messages/{channel.name}"}},
    }
    parameters = {
        name: {"description": text} for name, text in PARAMETERS.items() if f"{{{name}}}" in channel.address
    }
    return {**described, "parameters": parameters} if parameters else described


def _operation(channel: Channel) -> dict[str, Any]:
    action = "send" if channel.sender == "booth" else "receive"
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel.name}"},
        "summary": f"{'to' if action == 'send' else 'from'} {channel.other}: {channel.says}",
        "bindings": {"mqtt": {"qos": 1, "retain": channel.retained, "bindingVersion": "0.2.0"}},
    }


def _message(channel: Channel) -> dict[str, Any]:
    if channel.payload is None:
        binary = {"type": "string", "format": "binary", "maxLength": CHUNK_BYTES}
        return {"contentType": "application/octet-stream", "payload": binary}
    return {
        "name": channel.payload.__name__,
        "contentType": "application/json",
        "payload": {"$ref": f"{SCHEMAS}{channel.payload.__name__}"},
        "x-unknown-keys": "ignored" if issubclass(channel.payload, Report) else "refused",
    }
